# SPDX-License-Identifier: MIT
"""Waits of jobwire-mcp: what ends them, how long they last, and that they hold up nobody."""
import os
import signal
import time
import unittest

from jobs_peer import JobsCase
from mcp_peer import cancel, request

SOON = 3.0


class Waits(JobsCase):
    def test_a_wait_ends_with_the_job(self):
        job = self.execute("echo a; exit 4")
        result = self.wait(job)
        self.assertEqual((result["outcome"], result["status"], result["exit_code"]),
                         ("ended", "failed", 4))
        self.assertEqual((result["tail"], result["stream"], result["next_offset"]),
                         ("a", "combined", 2))
        self.assertEqual(result["effective_timeout_seconds"], 25)

    def test_a_wait_that_is_over_comes_back_and_the_job_runs_on(self):
        job = self.execute("echo a; sleep 600")
        start = time.monotonic()
        result = self.wait(job, wait_seconds=0.3)
        self.assertGreaterEqual(time.monotonic() - start, 0.3)
        self.assertEqual((result["outcome"], result["status"]), ("timeout", "running"))
        self.assertEqual(self.wait(job, wait_seconds=0)["outcome"], "timeout")

    def test_a_pattern_is_found_in_what_was_there_and_in_what_comes(self):
        job = self.execute("echo listening on port 8080; read x; echo second 99; sleep 600")
        result = self.wait(job, pattern=r"port (\d+)$")
        self.assertEqual((result["outcome"], result["match"], result["match_offset"]),
                         ("matched", "port 8080", 13))
        self.assertEqual(result["next_offset"], 22)
        waiting = self.adapter.begin("wait_for_job", {
            "job_id": job, "pattern": r"\d+$", "offset": result["next_offset"]})
        self.tool("interact_with_job", job_id=job, input="", wait_ms=0)
        self.assertEqual(self.adapter.end(waiting)["match"], "99")

    def test_a_pattern_is_found_across_pieces(self):
        job = self.execute("for c in r e a d; do printf $c; read x; done; printf y.; sleep 600")
        waiting = self.adapter.begin("wait_for_job", {"job_id": job, "pattern": "ready"})
        for _ in "read":
            self.tool("interact_with_job", job_id=job, input="", wait_ms=0)
        self.assertEqual(self.adapter.end(waiting)["match"], "ready")

    def test_a_match_that_was_half_printed_is_found_where_the_wait_goes_on(self):
        job = self.execute("printf 'up. listen'; read x; echo 'ing on 80'; sleep 600")
        self.wait(job, pattern="listen")
        result = self.wait(job, pattern="listening on", wait_seconds=0.3)
        self.assertEqual((result["outcome"], result["next_offset"]), ("timeout", 4))
        self.tool("interact_with_job", job_id=job, input="", wait_ms=0)
        result = self.wait(job, pattern="listening on", offset=result["next_offset"])
        self.assertEqual((result["outcome"], result["match_offset"]), ("matched", 4))

    def test_what_no_engine_has_searched_is_not_skipped(self):
        job = self.execute("echo early; sleep 600")
        self.wait(job, pattern="early")
        engine = self.home.engine_pid()
        os.kill(engine, signal.SIGSTOP)
        try:
            ident = self.adapter.begin("wait_for_job", {
                "job_id": job, "pattern": "early", "offset": 2, "wait_seconds": 0})
            with self.assertRaisesRegex(AssertionError, "no line came"):
                self.adapter.answer(ident, 2)  # it has given up the wait, and asks how the job is
        finally:
            os.kill(engine, signal.SIGCONT)
        result = self.adapter.end(ident)
        self.assertEqual((result["outcome"], result["next_offset"]), ("timeout", 2))

    def test_an_offset_behind_the_end_is_refused(self):
        job = self.execute("echo abc; read x")
        self.wait(job, pattern="abc")
        text = self.fails("wait_for_job", job_id=job, pattern="a", stream="stdout", offset=5)
        self.assertEqual(text, "Invalid parameter: offset 5 is behind the end of that stream, 4.")
        result = self.wait(job, pattern="a", offset=4, wait_seconds=0)
        self.assertEqual((result["outcome"], result["next_offset"]), ("timeout", 4))

    def test_a_pattern_looks_at_the_stream_that_it_is_told(self):
        job = self.execute("echo word; echo word >&2; sleep 600")
        for stream in ("stdout", "stderr"):
            result = self.wait(job, pattern="word", stream=stream)
            self.assertEqual((result["match_offset"], result["stream"], result["next_offset"]),
                             (0, stream, 4))
        result = self.wait(job, pattern="word", stream="stderr", offset=1, wait_seconds=0.3)
        self.assertEqual(result["outcome"], "timeout")

    def test_a_pattern_that_never_came_is_told_at_the_end(self):
        job = self.execute("echo a")
        result = self.wait(job, pattern="never")
        self.assertEqual((result["outcome"], result["status"]), ("ended", "completed"))
        self.assertNotIn("match", result)

    def test_a_bad_pattern_is_explained(self):
        job = self.execute("sleep 600")
        text = self.fails("wait_for_job", job_id=job, pattern="a(b")
        self.assertIn("missing closing parenthesis", text)

    def test_quiet_ends_a_wait(self):
        job = self.execute("echo a; sleep 600")
        start = time.monotonic()
        result = self.wait(job, quiet_seconds=0.3)
        self.assertGreaterEqual(time.monotonic() - start, 0.2)
        self.assertEqual((result["outcome"], result["tail"]), ("quiet", "a"))
        result = self.wait(job, quiet_seconds=0.4, wait_seconds=0.5)
        self.assertEqual(result["outcome"], "quiet")

    def test_a_quiet_that_the_wait_is_too_short_for_is_refused(self):
        job = self.execute("sleep 600")
        for wanted, how, seconds in ((30, {}, "25"), (50, {"wait_seconds": 600}, "50"),
                                     (1e300, {"wait_seconds": 50}, "50"),
                                     (0.5, {"wait_seconds": 0.5}, "0.5")):
            text = self.fails("wait_for_job", job_id=job, quiet_seconds=wanted, **how)
            self.assertIn("must be less than the wait, %s s" % seconds, text)
        self.assertIn("of at least 0.001",
                      self.fails("wait_for_job", job_id=job, quiet_seconds=0))

    def test_a_wait_is_for_one_thing(self):
        job = self.execute("sleep 600")
        self.assertIn("not for both", self.fails("wait_for_job", job_id=job, pattern="a",
                                                 quiet_seconds=1))

    def test_the_tail_is_the_last_lines_in_few_characters(self):
        job = self.execute("seq 1000")
        self.assertEqual(self.wait(job)["tail"], "\n".join(str(i) for i in range(981, 1001)))
        job = self.execute("head -c 100000 /dev/zero | tr '\\0' x")
        self.assertEqual(len(self.wait(job)["tail"]), 2000)
        self.assertEqual(len(self.wait(job, max_chars=300)["tail"]), 300)

    def test_a_long_match_is_cut(self):
        job = self.execute("head -c 5000 /dev/zero | tr '\\0' x; echo; sleep 600")
        self.assertEqual(self.wait(job, pattern="x+\n")["match"], "x" * 500)


class Bounds(JobsCase):
    def assert_effective(self, wanted, seconds, **meta):
        job = self.execute("true")
        for name, arguments in (("wait_for_job", {"job_id": job, "wait_seconds": wanted}),
                                ("run_command", {"command": "true", "wait_seconds": wanted})):
            result = self.adapter.end(self.adapter.begin(name, arguments, **meta))
            self.assertEqual(result["effective_timeout_seconds"], seconds)

    def test_a_wait_is_cut_and_says_so(self):
        self.assert_effective(51, 50)
        self.assert_effective(1e300, 50)
        self.assert_effective(0.25, 0.25)

    def test_a_client_that_wants_progress_waits_no_longer(self):
        self.assert_effective(10_000, 50, progressToken=0)
        self.assert_effective(51, 50, progressToken="t")

    def test_the_old_name_of_the_wait_is_taken_and_not_listed(self):
        job = self.execute("sleep 600")
        result = self.wait(job, timeout_seconds=0.25)
        self.assertEqual((result["outcome"], result["effective_timeout_seconds"]),
                         ("timeout", 0.25))
        result = self.wait(job, timeout_seconds=20, wait_seconds=0.3)
        self.assertEqual(result["effective_timeout_seconds"], 0.3)
        self.assertIn("at least 0", self.fails("wait_for_job", job_id=job, timeout_seconds=-1))
        schema = self.adapter.listed["wait_for_job"]["inputSchema"]
        self.assertNotIn("timeout_seconds", schema["properties"])
        self.assertIn("wait_seconds", schema["properties"])

    def test_negative_times_are_refused_in_words(self):
        job = self.execute("true")
        self.assertIn("at least 0", self.fails("wait_for_job", job_id=job, wait_seconds=-1))
        self.assertIn("at least 0", self.fails("run_command", command="true", wait_seconds=-1))
        self.assertIn("at least 0", self.fails("interact_with_job", job_id=job, wait_ms=-1))

    def test_progress_is_told_while_it_waits(self):
        job = self.execute("sleep 600")
        result = self.adapter.end(self.adapter.begin(
            "wait_for_job", {"job_id": job, "wait_seconds": 11}, progressToken=0))
        self.assertEqual(result["outcome"], "timeout")
        [notice] = [m["params"] for m in self.adapter.notices]
        self.assertEqual((notice["progressToken"], notice["progress"], notice["total"]),
                         (0, 10, 11))
        self.assertIn(job[:8], notice["message"])


class Meanwhile(JobsCase):
    """Calls that wait hold up no other."""

    def park(self, n):
        job = self.execute("sleep 600")
        waits = [self.adapter.begin("wait_for_job", {"job_id": job, "wait_seconds": 50})
                 for _ in range(n)]
        waits.append(self.adapter.begin("run_command", {"command": "sleep 600"}))
        return job, waits

    def test_a_kill_is_answered_while_waits_are_parked_and_ends_them(self):
        job, waits = self.park(30)
        start = time.monotonic()
        self.adapter.send(request("p", "ping"))
        self.assertEqual(self.adapter.answer("p")["result"], {})
        self.assertEqual(self.tool("kill_job", job_id=job)["status"], "killed")
        for ident in waits[:-1]:
            self.assertEqual(self.adapter.end(ident)["reason"], "user")
        self.assertLess(time.monotonic() - start, SOON)
        self.assertFalse(self.adapter.is_answered(waits[-1]))

    def test_a_cancelled_wait_harms_no_job_and_is_not_answered(self):
        job, waits = self.park(1)
        self.adapter.send(*[cancel(ident) for ident in waits])
        self.assertEqual(self.tool("get_job_status", job_id=job)["status"], "running")
        self.until(lambda: self.tool("list_jobs", status="running")["jobs"],
                   lambda jobs: len(jobs) == 2)
        for job in self.tool("list_jobs", status="running")["jobs"]:
            self.assertEqual(self.tool("kill_job", job_id=job["job_id"])["status"], "killed")
        self.assertFalse(any(self.adapter.is_answered(ident) for ident in waits))

    def test_the_end_of_input_does_not_wait_for_parked_calls(self):
        job, _ = self.park(3)
        start = time.monotonic()
        self.adapter.end_input()
        self.assertEqual(self.adapter.wait(), 0)
        self.assertLess(time.monotonic() - start, SOON)
        self.assertEqual(self.start().tool("get_job_status", job_id=job)["status"], "running")

    def test_signals_end_it_with_parked_calls(self):
        for number in (2, 15):
            adapter = self.start()
            job = adapter.tool("execute_command", command="sleep 600")["job_id"]
            adapter.begin("wait_for_job", {"job_id": job})
            adapter.tool("list_jobs")
            start = time.monotonic()
            os.kill(adapter.process.pid, number)
            self.assertEqual(adapter.wait(), 0)
            self.assertLess(time.monotonic() - start, SOON)
            self.assertEqual(self.tool("get_job_status", job_id=job)["status"], "running")


if __name__ == "__main__":
    unittest.main()
