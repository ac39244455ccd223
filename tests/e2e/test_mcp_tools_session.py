# SPDX-License-Identifier: MIT
"""The tools of jobwire-mcp, one after the other, as an agent uses them; in both eras."""
import os
import time
import unittest

from jobs_peer import JobsCase, UUID

# "At once", on a machine under load or with a sanitizer.
SOON = 3.0


class Session(JobsCase):
    def test_run_command_gives_output_and_exit_code(self):
        result = self.tool("run_command",
                           command="printf '%s|' \"a  b\" 'c d' | tr a-z A-Z; echo \"$X\"; echo no >&2; "
                                   "exit 3", env={"X": "it's $HOME"})
        self.assertEqual(result["stdout"], "A  B|C D|it's $HOME")
        self.assertEqual(result["stderr"], "no")
        self.assertEqual((result["status"], result["exit_code"], result["reason"]),
                         ("failed", 3, "exit"))
        self.assertEqual((result["stdout_bytes"], result["stderr_bytes"]), (20, 3))
        self.assertFalse(result["truncated"])
        self.assertEqual(result["effective_timeout_seconds"], 25)

    def test_run_command_that_takes_long_goes_on_as_a_job(self):
        result = self.tool("run_command", command="echo a; read x </dev/zero; sleep 600",
                           wait_seconds=0.3)
        self.assertEqual((result["status"], result["stdout"]), ("running", "a"))
        self.assertIn("wait_for_job", result["hint"])
        self.assertEqual(result["effective_timeout_seconds"], 0.3)
        self.assertNotIn("exit_code", result)
        self.assertEqual(self.tool("kill_job", job_id=result["job_id"])["status"], "killed")

    def test_execute_command_answers_at_once(self):
        start = time.monotonic()
        result = self.tool("execute_command", command="sleep 600")
        self.assertLess(time.monotonic() - start, SOON)
        self.assertRegex(result["job_id"], UUID)
        self.assertEqual((result["status"], result["state"]), ("running", "running"))
        self.assertEqual(result["cwd"], self.home.work)
        os.kill(result["pid"], 0)
        self.assertEqual(self.tool("kill_job", job_id=result["job_id"])["status"], "killed")

    def test_a_repl_is_spoken_to(self):
        job = self.execute("python3 -iu")
        self.wait(job, pattern=">>> ", wait_seconds=50)
        self.assertEqual(self.tool("interact_with_job", job_id=job, input="6 * 7")["stdout"], "42")
        result = self.tool("interact_with_job", job_id=job, input="print('x' * 3)\n")
        self.assertEqual((result["stdout"], result["stderr"]), ("xxx", ">>> "))
        self.assertEqual(result["accepted_bytes"], len("print('x' * 3)\n"))
        result = self.tool("interact_with_job", job_id=job, input="exit(5)", wait_ms=50000)
        self.assertEqual((result["status"], result["stdout"]), ("failed", ""))
        self.assertEqual(result["exit_code"], 5)

    def test_without_input_nothing_is_typed_and_what_comes_is_read(self):
        job = self.execute("echo before; read x; echo \"got [$x]\"; read x; echo end")
        self.wait(job, pattern="before")
        result = self.tool("interact_with_job", job_id=job, wait_ms=100)
        self.assertEqual((result["accepted_bytes"], result["stdout"], result["status"]),
                         (0, "", "running"))
        reading = self.adapter.begin("interact_with_job", {"job_id": job, "wait_ms": 20000})
        self.tool("list_jobs")  # by now it has looked where the output ends
        other = self.start()
        other.tool("interact_with_job", job_id=job, input="typed", wait_ms=0)
        self.assertEqual(self.adapter.end(reading)["stdout"], "got [typed]")
        result = self.tool("interact_with_job", job_id=job, input="", wait_ms=20000)
        self.assertEqual((result["accepted_bytes"], result["stdout"]), (1, "end"))

    def test_a_job_without_stdin_can_be_read(self):
        job = self.tool("execute_command", command="sleep 600", stdin="null")["job_id"]
        result = self.tool("interact_with_job", job_id=job, wait_ms=0)
        self.assertEqual((result["accepted_bytes"], result["status"]), (0, "running"))

    def test_what_a_job_does_not_read_is_told_and_stdin_stays_open(self):
        job = self.execute("sleep 600")
        arguments = {"job_id": job, "input": "x" * 200_000, "wait_ms": 0}
        hint = self.tool("interact_with_job", **arguments)["hint"]
        self.assertIn("the rest of the input was not taken", hint)
        self.assertNotIn("closed", hint)
        hint = self.tool("interact_with_job", **arguments, eof=True)["hint"]
        self.assertIn("stdin was not closed", hint)

    def test_a_queued_job_is_told_apart_from_one_that_runs(self):
        adapter = self.start(MCP_BG_MAX_JOBS="1")
        first = adapter.tool("execute_command", command="sleep 600")["job_id"]
        result = adapter.tool("run_command", command="echo hi", queue=True, wait_seconds=0)
        self.assertEqual((result["state"], result["queue_position"]), ("queued", 1))
        self.assertIn("has not started", result["hint"])
        self.assertNotIn("running", result["hint"])
        job = adapter.tool("execute_command", command="cat", queue=True)["job_id"]
        result = adapter.tool("interact_with_job", job_id=job, input="x", wait_ms=0)
        self.assertEqual(result["accepted_bytes"], 0)
        self.assertIn("has not started", result["hint"])
        adapter.tool("kill_job", job_id=first)

    def test_a_prompt_without_a_newline_is_seen(self):
        job = self.execute("printf 'Name? '; read name; echo \"Hello $name.\"")
        self.assertEqual(self.wait(job, pattern=r"Name\? ")["match"], "Name? ")
        result = self.tool("interact_with_job", job_id=job, input="Ada", wait_ms=50000)
        self.assertEqual(result["stdout"], "Hello Ada.")

    def test_input_without_newline_and_the_end_of_input(self):
        job = self.execute("cat; echo over")
        self.tool("interact_with_job", job_id=job, input="a", newline=False, wait_ms=0)
        self.tool("interact_with_job", job_id=job, input="b\n", wait_ms=0)
        result = self.tool("interact_with_job", job_id=job, input="c", newline=False, eof=True,
                           wait_ms=50000)
        self.assertIn("over", result["stdout"])
        self.assertEqual(self.wait(job)["status"], "completed")
        self.assertEqual(self.tool("get_job_output", job_id=job)["stdout"], "ab\ncover")

    def test_eof_alone_sends_nothing_else(self):
        job = self.execute("wc -c")
        result = self.tool("interact_with_job", job_id=job, eof=True, wait_ms=50000)
        self.assertEqual((result["stdout"], result["accepted_bytes"]), ("0", 0))

    def test_empty_input_is_a_newline(self):
        job = self.execute("read x; echo \"[$x]\"")
        self.assertEqual(self.tool("interact_with_job", job_id=job, input="",
                                   wait_ms=50000)["stdout"], "[]")

    def test_interact_gives_what_is_new_and_nothing_else(self):
        job = self.execute("echo before; while read x; do echo \"got $x\"; done")
        self.wait(job, pattern="before")
        for word in ("one", "two"):
            result = self.tool("interact_with_job", job_id=job, input=word)
            self.assertEqual(result["stdout"], "got " + word)

    def test_interact_without_an_answer_comes_back_in_time(self):
        job = self.execute("sleep 600")
        start = time.monotonic()
        result = self.tool("interact_with_job", job_id=job, input="x", wait_ms=200)
        self.assertGreaterEqual(time.monotonic() - start, 0.2)
        self.assertEqual((result["stdout"], result["stderr"], result["status"]),
                         ("", "", "running"))

    def test_input_that_nobody_reads_is_not_taken_and_that_is_said(self):
        job = self.execute("sleep 600")
        sent, piece = 0, "x" * 250_000
        for _ in range(20):
            result = self.tool("interact_with_job", job_id=job, input=piece, newline=False,
                               wait_ms=0)
            sent += result["accepted_bytes"]
            if result["accepted_bytes"] < len(piece):
                break
        self.assertLess(result["accepted_bytes"], len(piece))
        self.assertIn("does not read", result["hint"])
        self.assertEqual(self.tool("kill_job", job_id=job)["status"], "killed")

    def test_two_who_type_at_the_same_time_both_come_through(self):
        job = self.execute("cat")
        calls = [self.adapter.begin("interact_with_job", {"job_id": job, "input": "line %d" % i})
                 for i in range(5)]
        for ident in calls:
            self.assertEqual(self.adapter.end(ident)["accepted_bytes"], 7)
        self.tool("interact_with_job", job_id=job, eof=True)
        self.wait(job)
        lines = self.tool("get_job_output", job_id=job)["stdout"].split("\n")
        self.assertEqual(sorted(lines), ["line %d" % i for i in range(5)])

    def test_a_terminal_is_a_terminal(self):
        job = self.execute("test -t 0 && test -t 1 && echo yes", stdin="pty")
        self.wait(job)
        self.assertEqual(self.tool("get_job_output", job_id=job)["stdout"], "yes")

    def test_status_tells_what_a_job_is_and_was(self):
        job = self.execute("echo abc; exit 7", name="my job", cwd="/tmp")
        self.wait(job)
        result = self.tool("get_job_status", job_id=job)
        self.assertEqual((result["status"], result["exit_code"]), ("failed", 7))
        self.assertEqual((result["command"], result["name"], result["cwd"]),
                         ("echo abc; exit 7", "my job", "/tmp"))
        self.assertEqual((result["stdout_bytes"], result["stderr_bytes"]), (4, 0))
        self.assertLessEqual(result["started"], result["ended"])

    def test_a_prefix_of_the_id_will_do(self):
        job = self.execute("true")
        self.wait(job)
        self.assertEqual(self.tool("get_job_status", job_id=job[:8])["job_id"], job)

    def test_a_job_that_dies_of_a_signal_says_which(self):
        job = self.execute("kill -SEGV $$")
        result = self.wait(job)
        self.assertEqual((result["status"], result["reason"], result["signal"]),
                         ("failed", "signal", "SIGSEGV"))

    def test_a_timeout_kills_and_says_so(self):
        result = self.tool("run_command", command="echo a; sleep 600", timeout_seconds=0.2)
        self.assertEqual((result["status"], result["reason"], result["stdout"]),
                         ("killed", "timeout", "a"))

    def test_kill_ends_the_whole_tree(self):
        job = self.execute("sleep 600 & sleep 600 & echo on; wait")
        self.wait(job, pattern="on")
        result = self.tool("kill_job", job_id=job)
        self.assertEqual((result["status"], result["state"], result["reason"]),
                         ("killed", "killed", "user"))
        self.assertEqual((result["killed_processes"], result["survivors"]), (3, 0))
        self.assertEqual(self.tool("kill_job", job_id=job)["status"], "already_terminated")

    def test_kill_sends_the_signal_that_was_asked_for(self):
        for word in ("INT", "sigint", "2"):
            with self.subTest(word):
                job = self.execute("exec python3 -uc \"import time\nprint('on')\ntime.sleep(600)\"")
                self.wait(job, pattern="on")
                result = self.tool("kill_job", job_id=job, signal=word)
                self.assertEqual(result["status"], "killed")
                self.assertIn("KeyboardInterrupt",
                              self.tool("get_job_output", job_id=job)["stderr"])

    def test_a_job_that_ignores_term_dies_in_its_grace_and_delays_nobody(self):
        job = self.execute("trap '' TERM; echo on; while :; do sleep 0.1; done")
        self.wait(job, pattern="on")
        start = time.monotonic()
        killing = self.adapter.begin("kill_job", {"job_id": job, "grace_seconds": 1})
        self.assertEqual(self.tool("get_job_status", job_id=job)["status"], "running")
        self.assertEqual(self.tool("run_command", command="echo meanwhile")["stdout"], "meanwhile")
        self.assertFalse(self.adapter.is_answered(killing))
        self.assertEqual(self.adapter.end(killing)["status"], "killed")
        self.assertGreaterEqual(time.monotonic() - start, 0.9)

    def test_what_a_command_leaves_behind_is_seen_and_ended(self):
        job = self.execute("sleep 600 >/dev/null 2>&1 &")
        self.wait(job)
        status = self.until(lambda: self.tool("get_job_status", job_id=job),
                            lambda status: "lingering_processes" in status)
        self.assertEqual((status["status"], status["lingering_processes"]), ("completed", 1))
        self.assertIn("kill_job", status["hint"])
        result = self.tool("kill_job", job_id=job)
        self.assertEqual((result["status"], result["killed_processes"], result["state"]),
                         ("already_terminated", 1, "completed"))

    def test_jobs_are_listed_newest_first_and_page_by_page(self):
        jobs = [self.tool("run_command", command="echo %d" % i)["job_id"] for i in range(5)]
        listed = self.tool("list_jobs")["jobs"]
        self.assertEqual([job["job_id"] for job in listed], jobs[::-1])
        self.assertEqual(listed[0]["command"], "echo 4")
        page = self.tool("list_jobs", limit=2)
        rest = self.tool("list_jobs", limit=100, cursor=page["next_cursor"])
        self.assertEqual([job["job_id"] for job in page["jobs"] + rest["jobs"]], jobs[::-1])
        self.assertNotIn("next_cursor", rest)

    def test_jobs_are_listed_by_status(self):
        running = self.execute("sleep 600")
        self.tool("run_command", command="true")
        self.tool("run_command", command="false")
        for status, n in (("running", 1), ("completed", 1), ("failed", 1), ("killed", 0)):
            listed = self.tool("list_jobs", status=status)["jobs"]
            self.assertEqual([job["status"] for job in listed], [status] * n)
        self.tool("kill_job", job_id=running)
        self.assertEqual(len(self.tool("list_jobs", status="killed")["jobs"]), 1)

    def test_jobs_of_other_sessions_are_seen_and_told_apart(self):
        job = self.tool("run_command", command="echo here")["job_id"]
        other = self.start()
        self.assertEqual(other.tool("get_job_output", job_id=job)["stdout"], "here")
        self.assertEqual([j["job_id"] for j in other.tool("list_jobs")["jobs"]], [job])
        self.assertEqual(other.tool("list_jobs", mine=True)["jobs"], [])

    def test_long_commands_are_listed_short(self):
        self.tool("run_command", command="true " + "x" * 5000)
        job = self.tool("list_jobs")["jobs"][0]
        self.assertEqual(job["command"], "true " + "x" * 95 + "...")


class ModernSession(Session):
    era = "modern"


if __name__ == "__main__":
    unittest.main()
