# SPDX-License-Identifier: MIT
"""jobwire engine, events, version and help; and what holds when the engine goes away under a call."""
import json
import os
import re
import signal
import subprocess
import unittest

import cli_tools
import processes
from cli_tools import LIMIT, Case, Reader
from engine import fifo, open_gate

VERBS = ("run", "start", "ls", "show", "logs", "wait", "send", "stop", "kill", "rm", "events",
         "engine", "version", "help")


class Engine(Case):
    def test_start_stop_status_and_restart(self):
        self.assertEqual(self.out("engine", "status", status=1),
                         "no engine runs in %s\n" % self.state)
        self.assertEqual(self.out("engine", "stop"), "no engine runs in %s\n" % self.state)
        line = self.out("engine", "start")
        pid = self.engine_pid()
        self.assertRegex(line, r"\Aengine \S+ runs in %s \(pid %d\)\n\Z" % (self.state, pid))
        self.assertIn("runs already", self.out("engine", "start"))
        self.assertEqual(self.engine_pid(), pid)
        self.assertIn("runs in %s (pid %d" % (self.state, pid), self.out("engine", "status"))
        self.out("engine", "restart")
        processes.wait_dead(pid)
        self.assertNotEqual(self.engine_pid(), pid)
        self.assertIn("0 jobs ended, 0 go on", self.out("engine", "stop"))
        self.assertEqual(self.out("engine", "status", status=1),
                         "no engine runs in %s\n" % self.state)
        self.out("engine", "restart")
        self.out("engine", "status")

    def test_status_as_json(self):
        self.assertEqual(self.json("engine", "status", status=1),
                         {"running": False, "state_dir": self.state})
        ident = self.start("sleep", 600)
        status = self.json("engine", "status")
        self.assertEqual(sorted(status), [
            "connections", "contexts", "contexts_free", "epoch", "jobs_lingering", "jobs_queued",
            "jobs_running", "last_event", "max_running", "parked", "pid", "protocol", "running",
            "started", "state_dir", "trouble", "version"])
        self.assertEqual((status["running"], status["jobs_running"]), (True, 1))
        self.call("kill", ident)

    def test_stop_keeps_jobs_unless_it_is_told_to_end_them(self):
        ident = self.start("-c", "trap '' HUP; sleep 600 & wait")
        pid = self.show(ident)["pid"]
        self.assertIn("0 jobs ended, 1 go on", self.out("engine", "stop"))
        self.assertTrue(processes.is_alive(pid))
        self.assertEqual(self.show(ident)["pid"], pid)
        self.assertIn("1 jobs ended, 0 go on", self.out("engine", "stop", "--jobs"))
        self.assertFalse(processes.is_alive(pid))
        self.assertEqual(self.show(ident)["state"], "killed")

    def test_ten_at_once_start_one(self):
        calls = [self.popen("ls", "-q") for _ in range(10)]
        for call in calls:
            out, err = call.communicate(timeout=LIMIT)
            self.assertEqual((call.returncode, out, err), (0, b"", b""))
        engines = [pid for pid in processes.descendants(os.getpid())
                   if "jobwired" in processes.name_of(pid)]
        self.assertEqual(engines, [self.engine_pid()])

    def test_no_autostart_starts_none(self):
        says = "no engine serves %s; start one with: jobwire engine start" % self.state
        for args in (("ls",), ("run", "true"), ("start", "true"), ("wait", "abcd"),
                     ("events",), ("logs", "abcd"), ("stop", "abcd"), ("send", "abcd", "x")):
            with self.subTest(args):
                err = self.refused("--no-autostart", *args, status=125, says=says)
                self.assertEqual(err.count("\n"), 1)
        self.assertEqual(processes.descendants(os.getpid()), [])
        self.out("engine", "start")
        self.assertEqual(self.out("--no-autostart", "run", "echo", "x"), "x\n")

    def test_an_engine_that_cannot_start_is_heard(self):
        os.mkdir(self.state, 0o700)
        with open(os.path.join(self.state, "jobwire.db"), "wb") as file:
            file.write(b"this is no database, and it is longer than a header of one is" * 20)
        self.refused("ls", status=125, says="the engine could not be started: ")
        self.refused("engine", "start", status=125, says="the engine could not be started: ")
        os.unlink(os.path.join(self.state, "jobwire.db"))


class StateFolder(Case):
    def test_a_home_of_150_characters_works(self):
        home = os.path.join(self.top, "h" * 150)
        os.mkdir(home)
        del self.env["JOBWIRE_STATE_DIR"]
        self.env["HOME"] = home
        self.state = os.path.join(home, ".local/state/jobwire")
        self.assertEqual(self.out("run", "echo", "x"), "x\n")
        self.assertIn(self.state, self.out("engine", "status"))

    def test_home_may_be_unset_where_the_state_folder_is_named(self):
        del self.env["HOME"]
        self.assertEqual(self.out("run", "-c", 'echo "${HOME-unset}"'), "unset\n")

    def test_folders_that_are_refused(self):
        for mode in (0o770, 0o707, 0o777):
            folder = os.path.join(self.top, "%o" % mode)
            os.mkdir(folder)
            os.chmod(folder, mode)
            with self.subTest(mode):
                self.refused("--state-dir", folder, "ls", status=1,
                             says="others may write to it (mode %04o); run: chmod 700 " % mode)
        if os.geteuid() == 0:
            folder = os.path.join(self.top, "not-ours")
            os.mkdir(folder, 0o700)
            os.chown(folder, 12345, 12345)
        else:
            folder = "/"
        self.refused("--state-dir", folder, "ls", status=1, says="not to you")
        file = os.path.join(self.top, "file")
        with open(file, "wb"):
            pass
        self.refused("--state-dir", file, "ls", status=1, says="Not a directory")
        self.refused("--state-dir", "relative", "ls", status=1, says="must be an absolute path")
        self.refused("--state-dir", "/" + "x" * 5000, "ls", status=1, says="longer than")

    def test_a_flag_wins_over_the_variable(self):
        other = os.path.join(self.top, "other")
        self.assertIn(other, self.out("--state-dir", other, "engine", "status", status=1))


class Survival(Case):
    """Each of those who wait is parked in the engine when it goes away."""

    def wait_parked(self, count, but=None):
        """In an engine of another pid than `but`."""
        def holds():
            out, _ = self.call("engine", "status", "--json", status=None)
            status = json.loads(out or "{}")
            return status.get("parked") == count and status["pid"] != but

        self.until(holds, "%d calls wait" % count)

    def begin(self, *flags):
        """The gate, the job's id, and run, logs, wait and events, each with its first words."""
        gate = fifo(self.top, "gate")
        run = self.popen(*flags, "run", "-c", "echo one; read x <%s; echo two; exit 7" % gate)
        out = Reader(run.stdout)
        out.until(b"one\n")
        ident = self.newest()["id"]
        logs = self.popen(*flags, "logs", "-f", "--exit-status", ident)
        lines = Reader(logs.stdout)
        lines.until(b"one\n")
        wait = self.popen(*flags, "wait", ident)
        events = self.popen(*flags, "events", "-f", "--json")
        self.wait_parked(4)
        return gate, ident, (run, out), (logs, lines), wait, events

    def end(self, how):
        """The pid of the engine that goes away."""
        pid = self.engine_pid()
        if how == "kill":
            self.kill_engine()
        else:
            self.out("engine", how)
        processes.wait_dead(pid)
        return pid

    def check(self, how):
        gate, ident, (run, out), (logs, lines), wait, events = self.begin()
        self.wait_parked(4, but=self.end(how))
        open_gate(gate)
        self.assertEqual(out.rest(), b"one\ntwo\n")
        self.assertEqual(lines.rest(), b"one\ntwo\n")
        for process in (run, logs, wait):
            self.assertEqual((process.wait(LIMIT), process.stderr.read()), (7, b""))
        heard = Reader(events.stdout).until(b'"state":"failed"')
        events.kill()
        seen = [json.loads(line) for line in heard.decode().splitlines()]
        kinds = [event["kind"] for event in seen if event["kind"].startswith("engine")]
        self.assertEqual(kinds, ["engine-stopping", "engine-started"][how == "kill":])
        last = [event for event in seen if event.get("job_id") == ident][0]
        self.assertEqual((last["state"], last["shell_code"]), ("failed", 7))
        self.assertEqual(events.stderr.read(), b"")

    def test_all_go_on_when_it_is_killed(self):
        self.check("kill")

    def test_all_go_on_when_it_is_stopped(self):
        self.check("stop")

    def test_all_go_on_when_it_is_restarted(self):
        self.check("restart")

    def test_who_may_start_none_says_so_and_the_job_goes_on(self):
        self.out("engine", "start")
        for how in ("kill", "stop"):
            with self.subTest(how):
                gate, ident, (run, out), (logs, _), wait, events = self.begin("--no-autostart")
                self.end(how)
                for process in (run, logs, wait, events):
                    self.assertEqual(process.wait(LIMIT), 125)
                    err = process.stderr.read().decode()
                    self.assertIn("no engine serves %s; start one with: " % self.state, err)
                    if process == run:
                        self.assertIn("left job %.8s to itself" % ident, err)
                        self.assertIn("logs -f --since-offset 4 %.8s" % ident, err)
                self.assertEqual(out.rest(), b"one\n")
                open_gate(gate)
                self.assertEqual(self.out("logs", "-f", "--since-offset", 4, ident), "two\n")
                self.call("wait", ident, status=7)
                os.unlink(gate)

    def test_where_no_engine_can_be_started_all_say_why_and_the_job_goes_on(self):
        gate, ident, (run, out), (logs, _), wait, events = self.begin()
        clients = run, logs, wait, events
        for process in clients:
            process.send_signal(signal.SIGSTOP)
            processes.wait_stopped(process.pid)
        self.kill_engine()
        os.chmod(self.state, 0o770)
        for process in clients:
            process.send_signal(signal.SIGCONT)
        for process in clients:
            self.assertEqual(process.wait(LIMIT), 125)
            err = process.stderr.read().decode()
            self.assertIn("the engine could not be started: ", err)
            self.assertIn("others may write to it", err)
            if process == run:
                self.assertIn("left job %.8s to itself" % ident, err)
        self.assertEqual(out.rest(), b"one\n")
        os.chmod(self.state, 0o700)
        open_gate(gate)
        self.call("wait", ident, status=7)

    def begin_under(self, *args):
        """A call that an engine which is halted has not read; then that engine is killed."""
        pid = self.engine_pid()
        os.kill(pid, signal.SIGSTOP)
        processes.wait_stopped(pid)
        process = self.popen(*args)
        self.until(lambda: self.is_connected(process.pid), "it is connected")
        os.kill(pid, signal.SIGKILL)
        return process

    @staticmethod
    def is_connected(pid):
        inodes = set()
        for fd in os.listdir("/proc/%d/fd" % pid):
            try:
                inodes.add(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
            except FileNotFoundError:
                pass
        with open("/proc/net/unix") as table:
            rows = [line.split() for line in table][1:]
        return any(row[5] == "03" and "socket:[%s]" % row[6] in inodes for row in rows)

    def test_a_start_under_way_runs_once(self):
        self.out("engine", "start")
        path = os.path.join(self.top, "ran")
        start = self.begin_under("start", "-c", "echo x >>%s" % path)
        ident = Reader(start.stdout).rest().decode().strip()
        self.assertEqual((start.wait(LIMIT), start.stderr.read()), (0, b""))
        self.call("wait", ident)
        self.assertEqual(self.out("ls", "-q").split(), [ident])
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), "x\n")

    def test_what_must_not_be_repeated_says_that_it_is_not_known(self):
        ident = self.start("sleep", 600)
        for args in (("kill", "-s", "USR1", ident), ("rm", "-f", ident)):
            with self.subTest(args):
                self.out("engine", "start")
                process = self.begin_under(*args)
                self.assertEqual(process.wait(LIMIT), 125)
                self.assertIn(b"whether it was carried out is not known", process.stderr.read())
        self.assertEqual(self.show(ident)["state"], "running")
        self.call("kill", ident)

    def test_a_job_that_ends_without_an_engine_has_its_status_and_output(self):
        gate = fifo(self.top, "gate")
        ident = self.start("-c", "echo one; read x <%s; echo two; exit 7" % gate)
        pid = self.show(ident)["pid"]
        holder = self.holder_of(ident)
        self.kill_engine()
        open_gate(gate)
        processes.wait_dead(pid)
        processes.wait_dead(holder)
        self.call("wait", ident, status=7)
        self.assertEqual(self.out("logs", ident), "one\ntwo\n")

    def test_a_wait_keeps_its_time_over_a_new_engine(self):
        ident = self.start("sleep", 600)
        wait = self.popen("wait", "--timeout", "2", ident)
        self.wait_parked(1)
        self.wait_parked(1, but=self.end("kill"))
        self.assertEqual(wait.wait(LIMIT), 124)
        self.call("kill", ident)


class Events(Case):
    def test_all_that_is_stored_as_lines_and_as_json(self):
        ident = self.start("--name", "n", "--group", "g", "false")
        self.call("wait", ident, status=1)
        self.until(lambda: self.show(ident)["closed"], "its end")
        events = self.json("events")["events"]
        self.assertEqual(events[0]["kind"], "engine-started")
        self.assertEqual([e["seq"] for e in events], list(range(1, len(events) + 1)))
        job = [e for e in events if e.get("job_id") == ident]
        self.assertEqual([e["state"] for e in job if e["kind"] == "state"][-1], "failed")
        self.assertEqual(job[-1]["kind"], "closed")
        self.assertEqual(sorted(job[-1]), ["detail", "epoch", "group", "job_id", "kind", "name",
                                           "pid", "reason", "seq", "shell_code", "state", "time",
                                           "topic_seq"])
        lines = self.out("events").splitlines()
        self.assertEqual(len(lines), len(events))
        for line in lines:
            self.assertRegex(line, r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+:\d+ [a-z-]+")
        self.assertIn(" failed (exit, status 1) name=n", "\n".join(lines))

    def test_a_filter_and_a_place_to_go_on_from(self):
        first = self.start("--group", "g", "true")
        second = self.start("false")
        for ident, status in ((first, 0), (second, 1)):
            self.call("wait", ident, status=status)
            self.until(lambda: self.show(ident)["closed"], "its end")
        events = self.json("events")["events"]
        for args, rows in (
                (("--job", first), [e for e in events if e.get("job_id") == first]),
                (("--job", second[:8]), [e for e in events if e.get("job_id") == second]),
                (("--group", "g"), [e for e in events if e.get("group") == "g"]),
                (("--kind", "closed", "--kind", "engine-started"),
                 [e for e in events if e["kind"] in ("closed", "engine-started")]),
                (("--since", "%d:%d" % (events[2]["epoch"], events[2]["seq"])), events[3:]),
                (("--job", "0" * 8 + first[8:]), [])):
            with self.subTest(args):
                self.assertEqual(self.json("events", *args)["events"], rows)

    def test_a_follower_hears_what_comes_and_nothing_before(self):
        self.call("run", "true")
        follower = self.popen("events", "-f", "--json", "--kind", "state")
        self.until(lambda: self.json("engine", "status")["parked"] == 1, "it waits")
        ident = self.start("-c", "exit 3")
        lines = Reader(follower.stdout).until(b'"state":"failed"').decode().splitlines()
        self.assertEqual({json.loads(line)["job_id"] for line in lines}, {ident})

    def test_a_reader_that_goes_away_ends_it(self):
        self.out("engine", "start")
        follower = self.popen("events", "-f")
        self.until(lambda: self.json("engine", "status")["parked"] == 1, "it waits")
        follower.stdout.close()
        self.start("true")
        self.assertEqual(follower.wait(LIMIT), -signal.SIGPIPE)

    def test_bad_ones(self):
        for args, says in ((("x",), "takes no arguments"), (("--since", "1"), "is not EPOCH:SEQ"),
                           (("--since", "1:"), "is not EPOCH:SEQ"),
                           (("--since", "-1:1"), "is not EPOCH:SEQ"),
                           (("--kind", "output"), "is no kind of event"),
                           (("--kind", ""), "is no kind of event")):
            with self.subTest(args):
                self.refused("events", *args, status=2, says=says)
        self.refused("events", "--job", "abcd", status=1, says="no job abcd")


class Help(Case):
    def test_each_verb_tells_of_itself(self):
        listed = self.out("help")
        for verb in VERBS:
            with self.subTest(verb):
                text = self.out("help", verb)
                self.assertTrue(text.startswith("Usage: jobwire %s" % verb), text)
                self.assertEqual(self.out(verb, "--help"), text)
                self.assertEqual(self.out(verb, "-h"), text)
                self.assertRegex(listed, r"\n  %s  +\S" % verb)
                self.assertNotRegex(text, r"(?i)todo|not implemented|not yet|\bwip\b|needswork")
                for line in text.splitlines():
                    self.assertLessEqual(len(line), 80, line)
        self.assertEqual(set(re.findall(r"\n  ([a-z]+)  +\S", listed.split("Flags")[0])),
                         set(VERBS))
        self.assertEqual(self.out("--help"), listed)
        self.assertFalse(os.path.exists(self.state))

    def test_wrong_usage_is_2_and_names_the_help(self):
        rows = [((verb, "--no-such-flag"), "--no-such-flag") for verb in VERBS] + [
            (("nonsense",), "there is no verb 'nonsense'"),
            (("help", "nonsense"), "there is no verb 'nonsense'"),
            (("--nonsense",), "--nonsense"),
            (("--color", "pink", "ls"), "'pink' is none of auto|always|never"),
            (("--state-dir",), "needs a value"),
            (("ls", "x"), "takes no arguments"),
            (("show",), "which job?"), (("wait",), "which job?"), (("stop",), "which job?"),
            (("kill",), "which job?"), (("rm",), "which job?"),
            (("logs",), "takes one job, not 0"), (("logs", "a", "b"), "takes one job, not 2"),
            (("send",), "takes one job and at most one text"),
            (("send", "a", "b", "c"), "takes one job and at most one text"),
            (("engine",), "say one of start, stop, status and restart"),
            (("engine", "start", "stop"), "say one of"), (("engine", "explode"), "say one of"),
            (("version", "x"), "takes no arguments"), (("ls", "--json=1"), "json"),
            (("ls", "-n", "x"), "'x' is not a whole number"), (("ls", "-n", "-1"), "is not between"),
        ]
        for args, says in rows:
            with self.subTest(args):
                err = self.refused(*args, status=2, says=says)
                self.assertIn("Try 'jobwire help", err)
        self.assertFalse(os.path.exists(self.state))

    def test_the_version_comes_with_and_without_an_engine(self):
        line = self.out("version")
        self.assertRegex(line, r"\Ajobwire \d+\.\d+\.\d+\n\Z")
        self.assertEqual(self.out("--version"), line)
        self.assertEqual(self.json("version")["engine"], None)
        self.out("engine", "start")
        version = line.split()[1]
        self.assertEqual(self.out("version"),
                         line + "engine %s (pid %d)\n" % (version, self.engine_pid()))
        self.assertEqual(self.json("version")["engine"]["version"], version)
        # Whatever is wrong with the engine.
        self.assertEqual(self.out("--state-dir", "relative", "version"), line)

    def test_a_full_stdout_is_told(self):
        self.start("true")
        with open("/dev/full", "wb") as full:
            for args in (("help",), ("version",), ("ls",), ("events",)):
                with self.subTest(args):
                    _, err = self.call(*args, stdout=full, status=1)
                    self.assertIn(b"No space left on device", err)

    def test_the_engine_does_not_hold_our_pipes(self):
        done = subprocess.run(["sh", "-c", 'echo "[$("$0" ls -q 2>&1)]"', cli_tools.JOBWIRE],
                              env=self.env, capture_output=True, timeout=LIMIT)
        self.assertEqual(done.stdout, b"[]\n")
        self.out("engine", "status")


if __name__ == "__main__":
    unittest.main(verbosity=2)
