# SPDX-License-Identifier: MIT
"""jobwire-mcp and its engine: who starts it and when, and what becomes of calls when it dies."""
import os
import shutil
import signal
import stat
import subprocess
import time
import unittest

from jobs_peer import ADAPTER, Adapter, Failed, Home, JobsCase
from mcp_peer import LIMIT, META, Peer, call, request

SOON = 3.0
# 20 ms, and what a loaded machine or a sanitizer adds to the start of a process.
AT_ONCE = 1.0
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t"}}


class Lazy(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.remove)

    def peer(self, **how):
        peer = Peer(ADAPTER, env=self.home.environment(), cwd=self.home.work, **how)
        self.addCleanup(peer.close)
        return peer

    def test_the_tools_are_told_without_an_engine(self):
        peer = self.peer()
        result = peer.initialize()
        self.assertEqual(result["serverInfo"]["name"], "jobwire")
        self.assertLessEqual(len(result["instructions"]), 1500)
        self.assertEqual(len(peer.ask(1, "tools/list")["result"]["tools"]), 9)
        discovered = peer.ask(2, "server/discover", {"_meta": META})["result"]
        self.assertEqual(discovered["instructions"], result["instructions"])
        self.assertFalse(os.path.exists(self.home.state), "it has touched the state folder")
        self.assertEqual(self.home.engine_pid(), 0)
        peer.send(call(3, "list_jobs"))
        self.assertEqual(peer.receive()["result"]["structuredContent"], {"jobs": []})
        self.assertNotEqual(self.home.engine_pid(), 0)

    def test_initialize_is_answered_at_once(self):
        times = []
        for _ in range(5):
            start = time.monotonic()
            self.peer().initialize()
            times.append(time.monotonic() - start)
        self.assertLess(min(times), AT_ONCE)

    def test_a_call_at_once_behind_initialize_is_answered(self):
        peer = self.peer()
        peer.send(request(0, "initialize", HELLO),
                  {"jsonrpc": "2.0", "method": "notifications/initialized"},
                  request(1, "tools/list"), call(2, "run_command", {"command": "echo hi"}))
        self.assertEqual([peer.receive()["id"] for _ in range(2)], [0, 1])
        self.assertEqual(peer.receive()["result"]["structuredContent"]["stdout"], "hi")

    def test_both_eras_are_served_by_one_process(self):
        adapter = Adapter(self.home)
        self.addCleanup(adapter.close)
        adapter.send(call("m", "run_command", {"command": "echo modern"}, _meta=META))
        result = adapter.answer("m")["result"]
        self.assertEqual((result["resultType"], result["structuredContent"]["stdout"]),
                         ("complete", "modern"))
        self.assertEqual(adapter.tool("run_command", command="echo legacy")["stdout"], "legacy")

    def test_ten_at_once_get_one_engine_and_ten_answers(self):
        peers = [self.peer() for _ in range(10)]
        for i, peer in enumerate(peers):
            peer.send(request(0, "initialize", HELLO),
                      call(1, "run_command", {"command": "echo %d; sleep 0.2" % i}))
        for i, peer in enumerate(peers):
            peer.receive()
            self.assertEqual(peer.receive()["result"]["structuredContent"]["stdout"], str(i))
        engines = [pid for pid in self.home.processes()
                   if os.readlink("/proc/%d/exe" % pid).endswith("/jobwired")]
        self.assertEqual(engines, [self.home.engine_pid()])

    def test_the_end_of_input_while_the_engine_starts_does_no_harm(self):
        peer = self.peer()
        start = time.monotonic()
        peer.send(request(0, "initialize", HELLO),
                  call(1, "wait_for_job", {"job_id": "00000000-0000-4000-8000-000000000000"}),
                  call(2, "run_command", {"command": "sleep 600"}))
        peer.end_input()
        self.assertEqual(peer.wait(), 0)
        self.assertLess(time.monotonic() - start, SOON)

    def test_a_bare_environment_will_do(self):
        peer = Peer(ADAPTER, env={"HOME": self.home.path, "PATH": "/usr/bin:/bin"}, cwd="/")
        self.addCleanup(peer.close)
        peer.initialize()
        peer.send(call(1, "run_command", {"command": "pwd; echo $PATH"}))
        self.assertEqual(peer.receive()["result"]["structuredContent"]["stdout"],
                         self.home.path + "\n/usr/bin:/bin")


class Unreachable(unittest.TestCase):
    """The session goes on, and each call is told why it failed."""

    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.remove)

    def adapter(self, **how):
        adapter = Adapter(self.home, **how)
        self.addCleanup(adapter.close)
        return adapter

    def text(self, adapter, name, **arguments):
        with self.assertRaises(Failed) as caught:
            adapter.tool(name, **arguments)
        return str(caught.exception)

    def test_a_state_folder_of_others_is_refused_in_words_and_then_found_mended(self):
        state = os.path.join(self.home.path, "state")
        os.mkdir(state)
        os.chmod(state, 0o777)
        adapter = self.adapter(JOBWIRE_STATE_DIR=state)
        self.assertIn(state, self.text(adapter, "list_jobs"))
        os.chmod(state, 0o700)
        self.home.state = state
        self.assertEqual(adapter.tool("list_jobs"), {"jobs": []})

    def test_an_engine_that_is_not_there_is_named(self):
        bin_dir = os.path.join(self.home.path, "bin")
        os.mkdir(bin_dir)
        shutil.copy(ADAPTER, bin_dir)
        peer = Peer(os.path.join(bin_dir, "jobwire-mcp"), env=self.home.environment(PATH="/nowhere"))
        self.addCleanup(peer.close)
        peer.initialize()
        for i in range(2):
            peer.send(call(i, "execute_command", {"command": "true"}))
            result = peer.receive()["result"]
            self.assertTrue(result["isError"])
            self.assertIn("jobwired", result["content"][0]["text"])

    def test_an_engine_that_cannot_start_says_why(self):
        adapter = self.adapter()
        os.makedirs(self.home.state, 0o700)
        with open(os.path.join(self.home.state, "jobwire.conf"), "w") as conf:
            conf.write("max-running = many\n")
        text = self.text(adapter, "run_command", command="true")
        self.assertIn("many", text)
        self.assertIn("Nothing was carried out", text)
        self.assertIn("engine.log", text)
        self.assertNotIn("list_jobs", text)
        os.remove(os.path.join(self.home.state, "jobwire.conf"))
        self.assertEqual(adapter.tool("run_command", command="echo now")["stdout"], "now")

    def test_an_engine_that_hangs_does_not_hang_the_session(self):
        adapter = self.adapter()
        adapter.tool("list_jobs")
        pid = self.home.engine_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            ident = adapter.begin("get_job_status", {"job_id": "0" * 8})
            adapter.send(request("p", "ping"))
            self.assertEqual(adapter.answer("p")["result"], {})
            with self.assertRaises(Failed) as caught:
                adapter.end(ident)
            self.assertIn("did not answer in time", str(caught.exception))
            start = time.monotonic()
            adapter.begin("list_jobs")
            adapter.end_input()
            self.assertEqual(adapter.wait(), 0)
            self.assertLess(time.monotonic() - start, SOON)
        finally:
            os.kill(pid, signal.SIGCONT)


class Halted(JobsCase):
    """The engine falls silent behind what a call has done: nobody is told to do that again."""

    def halt(self):
        pid = self.home.engine_pid()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)

    def text(self, ident):
        with self.assertRaises(Failed) as caught:
            self.adapter.end(ident)
        return str(caught.exception)

    def test_what_may_have_been_done_is_not_to_be_repeated(self):
        marks = [os.path.join(self.home.work, name) for name in ("ran", "typed", "typing")]
        reader = self.execute("read x; echo > %s; sleep 600" % marks[1])
        slow = self.execute("head -c 1; echo > %s; sleep 600" % marks[2])
        begun = [
            ("run_command", {"command": "echo > %s; sleep 600" % marks[0], "wait_seconds": 4},
             "was started", "wait_for_job"),
            ("interact_with_job", {"job_id": reader, "input": "x", "wait_ms": 4000},
             "got the input", "get_job_output"),
            ("interact_with_job", {"job_id": slow, "input": "x" * 200_000, "wait_ms": 4000},
             "may have been sent", "get_job_output"),
        ]
        calls = [self.adapter.begin(name, arguments) for name, arguments, *_ in begun]
        self.until(lambda: [os.path.exists(mark) for mark in marks], all)
        self.until(lambda: self.tool("list_jobs")["jobs"],
                   lambda jobs: [job["status"] for job in jobs] == ["running"] * 3)
        self.tool("list_jobs")  # behind the answers of what has been done
        self.halt()
        for ident, (*_, done, how) in zip(calls, begun):
            text = self.text(ident)
            self.assertIn(done, text)
            self.assertIn(how, text)
            self.assertNotIn("Repeat the call", text)


class Killed(JobsCase):
    """The engine dies by SIGKILL: the jobs live, and the calls under way find the next engine."""

    def test_a_wait_goes_on_with_the_next_engine(self):
        job = self.execute("echo begun; read x; echo go; exit 6")
        self.wait(job, pattern="begun")
        calls = [self.adapter.begin("wait_for_job", {"job_id": job, "wait_seconds": 50}),
                 self.adapter.begin("wait_for_job", {"job_id": job, "wait_seconds": 50,
                                                     "pattern": "^go$"}),
                 self.adapter.begin("wait_for_job", {"job_id": job, "wait_seconds": 50,
                                                     "pattern": "go", "offset": 6})]
        self.tool("list_jobs")
        first = self.home.engine_pid()
        self.home.kill_engine()
        self.tool("interact_with_job", job_id=job, input="", wait_ms=0)
        ended, matched, behind = (self.adapter.end(ident) for ident in calls)
        self.assertEqual((ended["outcome"], ended["exit_code"]), ("ended", 6))
        self.assertEqual((matched["outcome"], matched["match"]), ("matched", "go"))
        self.assertEqual((behind["outcome"], behind["match_offset"]), ("matched", 6))
        self.assertNotEqual(self.home.engine_pid(), first)

    def test_a_wait_keeps_its_time_though_the_engine_dies(self):
        job = self.execute("sleep 600")
        ident = self.adapter.begin("wait_for_job", {"job_id": job, "wait_seconds": 2})
        self.tool("list_jobs")
        start = time.monotonic()
        self.home.kill_engine()
        result = self.adapter.end(ident)
        self.assertEqual((result["outcome"], result["status"]), ("timeout", "running"))
        self.assertLess(time.monotonic() - start, 2 + SOON)

    def test_run_command_goes_on_with_the_next_engine_and_runs_once(self):
        mark = os.path.join(self.home.work, "mark")
        fifo = os.path.join(self.home.work, "fifo")
        os.mkfifo(fifo)
        ident = self.adapter.begin("run_command", {
            "command": "echo run >> %s; echo on; read x < %s; echo $x" % (mark, fifo)})
        self.until(lambda: os.path.exists(mark), bool)
        self.home.kill_engine()
        self.assertEqual(self.tool("list_jobs")["jobs"][0]["status"], "running")
        with open(fifo, "w") as end:
            end.write("off\n")
        result = self.adapter.end(ident)
        self.assertEqual((result["stdout"], result["exit_code"]), ("on\noff", 0))
        with open(mark) as marks:
            self.assertEqual(marks.read(), "run\n")

    def test_many_starts_through_many_deaths_each_run_once(self):
        marks = os.path.join(self.home.work, "marks")
        other = self.start()
        for round_ in range(5):
            other.tool("list_jobs")  # there is an engine, and it is no newborn one
            calls = [self.adapter.begin("run_command",
                                        {"command": "echo %d.%d >> %s" % (round_, i, marks)})
                     for i in range(8)]
            self.home.kill_engine()
            for ident in calls:
                self.adapter.end(ident)
        with open(marks) as file:
            lines = file.read().split()
        self.assertEqual(sorted(lines), sorted("%d.%d" % (r, i) for r in range(5)
                                               for i in range(8)))

    def test_input_is_typed_once_though_the_engine_dies(self):
        job = self.execute("cat")
        for i in range(5):
            ident = self.adapter.begin("interact_with_job", {
                "job_id": job, "input": "%d" % i, "wait_ms": 20000})
            self.home.kill_engine()
            self.assertIn(str(i), self.adapter.end(ident)["stdout"])
        self.tool("interact_with_job", job_id=job, eof=True)
        self.wait(job)
        self.assertEqual(self.tool("get_job_output", job_id=job)["stdout"], "0\n1\n2\n3\n4")

    def test_a_kill_ends_the_job_though_the_engine_dies(self):
        job = self.execute("trap '' TERM; echo on; while :; do sleep 0.1; done")
        self.wait(job, pattern="on")
        ident = self.adapter.begin("kill_job", {"job_id": job, "grace_seconds": 0.5})
        self.tool("list_jobs")
        self.home.kill_engine()
        self.assertIn(self.adapter.end(ident)["status"], ("killed", "already_terminated"))
        self.assertEqual(self.tool("get_job_status", job_id=job)["status"], "killed")

    def test_output_is_read_through_the_deaths_of_engines(self):
        job = self.execute("seq 200000")
        self.wait(job)
        for _ in range(5):
            ident = self.adapter.begin("get_job_output", {"job_id": job})
            self.home.kill_engine()
            self.assertTrue(self.adapter.end(ident)["stdout"].endswith("\n200000"))

    def test_an_engine_that_ended_well_is_started_again(self):
        job = self.execute("sleep 600")
        self.home.kill_engine(signal.SIGTERM)
        self.assertEqual(self.tool("get_job_status", job_id=job)["status"], "running")


class Sessions(unittest.TestCase):
    """Jobs outlive the adapter, or not, as it was asked for."""

    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.remove)
        os.makedirs(self.home.state, 0o700)
        with open(os.path.join(self.home.state, "jobwire.conf"), "w") as conf:
            conf.write("session-grace = 300ms\n")

    def adapter(self, *arguments):
        adapter = Adapter(self.home, arguments=arguments)
        self.addCleanup(adapter.close)
        return adapter

    def test_a_killed_adapter_harms_no_job(self):
        adapter = self.adapter()
        job = adapter.tool("execute_command", command="echo a; read x; echo b")["job_id"]
        adapter.process.kill()
        adapter.process.wait(LIMIT)
        other = self.adapter()
        self.assertEqual(other.tool("interact_with_job", job_id=job, input="",
                                    wait_ms=20000)["stdout"], "b")

    def test_jobs_may_end_with_the_session(self):
        keeper = self.adapter()
        kept = keeper.tool("execute_command", command="sleep 600")["job_id"]
        adapter = self.adapter("--jobs-end-with-session")
        job = adapter.tool("execute_command", command="sleep 600")["job_id"]
        adapter.end_input()
        adapter.wait()
        result = keeper.tool("wait_for_job", job_id=job, wait_seconds=50)
        self.assertEqual((result["outcome"], result["status"]), ("ended", "killed"))
        self.assertEqual(keeper.tool("get_job_status", job_id=kept)["status"], "running")

    def test_a_session_that_only_changes_engines_keeps_its_jobs(self):
        adapter = self.adapter("--jobs-end-with-session")
        job = adapter.tool("execute_command", command="sleep 600")["job_id"]
        self.home.kill_engine()
        other = self.adapter()  # starts the next engine, which waits for the session
        result = other.tool("wait_for_job", job_id=job, wait_seconds=1.5)
        self.assertEqual((result["outcome"], result["status"]), ("timeout", "running"))

    def test_a_session_does_not_start_an_engine_that_somebody_has_ended(self):
        adapter = self.adapter("--jobs-end-with-session")
        adapter.tool("list_jobs")
        self.home.kill_engine(signal.SIGTERM)
        time.sleep(0.5)  # nothing tells that something will not happen
        self.assertEqual(self.home.engine_pid(), 0)
        self.assertEqual(adapter.tool("list_jobs"), {"jobs": []})


if __name__ == "__main__":
    unittest.main()
