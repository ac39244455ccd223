# SPDX-License-Identifier: MIT
"""jobwire wait: job-life section 6 row by row, its own time, and several jobs at once."""
import os
import signal
import time
import unittest

from cli_tools import LIMIT, Case, Reader
from engine import fifo, open_gate

STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.05; done"


class Rows(Case):
    """(state, reason, status) of each row, with what `run` would exit with."""

    def check(self, ident, state, reason, status):
        self.assertEqual(self.call("wait", ident, status=status), (b"", b""))
        job = self.show(ident)
        self.assertEqual((job["state"], job["reason"], job["shell_code"]),
                         (state, reason, status))
        return job

    def up(self, *args):
        """The id of a job that has written "up"."""
        ident = self.start(*args)
        self.wait_for(ident, b"up\n")
        return ident

    def test_exit_codes(self):
        self.check(self.start("true"), "completed", "exit", 0)
        for code in (1, 2, 124, 125, 126, 127, 255):
            with self.subTest(code):
                job = self.check(self.start("-c", "exit %d" % code), "failed", "exit", code)
                self.assertEqual((job["exit_code"], job["signal"]), (code, None))

    def test_signals_of_its_own_and_from_outside(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            with self.subTest(number):
                job = self.check(self.start("-c", "kill -%d $$" % number), "failed", "signal",
                                 128 + number)
                self.assertEqual((job["exit_code"], job["signal"]), (None, number.name))
        ident = self.start("sleep", 600)
        os.kill(self.show(ident)["pid"], signal.SIGTERM)
        self.check(ident, "failed", "signal", 143)

    def test_stops_by_a_user(self):
        for how, status in ((("stop",), 143), (("kill",), 137), (("stop", "-s", "INT"), 130),
                            (("stop", "-s", "USR1"), 138), (("kill", "-s", "HUP"), 129)):
            with self.subTest(how):
                ident = self.start("sleep", 600)
                self.call(*how, ident)
                self.check(ident, "killed", "user", status)
        ident = self.up("-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done")
        self.call("stop", ident)
        self.check(ident, "killed", "user", 143)
        ident = self.up("-c", STUBBORN)
        self.call("stop", "--time", "0.1", ident)
        self.check(ident, "killed", "user", 137)

    def test_timeouts(self):
        self.check(self.start("--timeout", "0.1", "sleep", 600), "killed", "timeout", 143)
        self.check(self.start("--timeout", "0.1", "--grace", "0.1", "-c", STUBBORN), "killed",
                   "timeout", 137)
        self.check(self.start("--idle-timeout", "0.1", "sleep", 600), "killed", "timeout", 143)

    def test_an_output_limit(self):
        self.check(self.start("--max-output", "8K", "--on-full-output", "end", "yes"), "killed",
                   "limit", 143)

    def test_what_cannot_be_executed(self):
        for program, status in (("no-such-program", 127), ("/no/such/program", 127),
                                ("/etc/passwd", 126), ("/", 126)):
            with self.subTest(program):
                out, _ = self.call("start", program, status=status)
                self.check(out.decode().strip(), "failed", "spawn", status)

    def test_a_lost_one(self):
        ident = self.start("sleep", 600)
        waiting = self.popen("wait", ident)
        os.kill(self.holder_of(ident), signal.SIGKILL)
        self.assertEqual(waiting.wait(LIMIT), 125)
        self.check(ident, "lost", "lost", 125)

    def test_one_in_the_queue_is_waited_for(self):
        queued = ("--group", "g", "--group-limit", 1)
        first = self.start(*queued, "sleep", 600)
        second = self.start(*queued, "-c", "exit 5")
        third = self.start(*queued, "true")
        self.call("wait", "-t", 0, second, status=124)
        waiting = self.popen("wait", second)
        self.call("stop", third)
        self.check(third, "killed", "user", self.show(third)["shell_code"])
        self.call("kill", first)
        self.assertEqual(waiting.wait(LIMIT), 5)


class Time(Case):
    def test_a_time_that_is_over_is_124_and_the_job_goes_on(self):
        ident = self.start("sleep", 600)
        for text, seconds in (("0", 0), ("0.3", 0.3), ("1.5s", 1.5), ("200ms", 0.2), ("1", 1)):
            with self.subTest(text):
                began = time.monotonic()
                self.assertEqual(self.call("wait", "--timeout", text, ident, status=124),
                                 (b"", b""))
                took = time.monotonic() - began
                self.assertGreaterEqual(took, seconds)
                self.assertLess(took, seconds + 5)
        self.assertEqual(self.show(ident)["state"], "running")
        self.call("kill", ident)

    def test_an_end_in_time_is_the_jobs(self):
        gate = fifo(self.top, "gate")
        ident = self.start("-c", "read x <%s; exit 6" % gate)
        waiting = [self.popen("wait", "-t", "1h", ident), self.popen("wait", ident)]
        self.until(lambda: self.json("engine", "status")["parked"] == 2, "both wait")
        open_gate(gate)
        self.assertEqual([process.wait(LIMIT) for process in waiting], [6, 6])
        self.call("wait", "--timeout", "0", ident, status=6)
        self.call("wait", ident, status=6)

    def test_bad_times(self):
        ident = self.start("true")
        for text, says in (("-1", "not a duration"), ("1e99", "not a duration"),
                           ("nan", "not a duration"), ("inf", "not a duration"),
                           ("", "not a duration"), (".", "not a duration"), ("1 2", "not a duration"),
                           ("9" * 30, "is not between"), ("11y", "not a duration"),
                           ("4000d", "is not between")):
            with self.subTest(text):
                self.refused("wait", "--timeout", text, ident, status=2, says=says)


class Several(Case):
    def test_the_status_of_each_stands_on_a_line_in_the_order_given(self):
        ids = [self.start("-c", "exit %d" % code) for code in (0, 3, 0, 7)]
        self.assertEqual(self.call("wait", *ids, status=1), (b"0\n3\n0\n7\n", b""))
        self.assertEqual(self.call("wait", *ids[::-1], status=1), (b"7\n0\n3\n0\n", b""))
        self.assertEqual(self.call("wait", ids[0], ids[2][:8]), (b"0\n0\n", b""))

    def test_those_that_go_on_are_dashes(self):
        done = self.start("-c", "exit 3")
        running = self.start("sleep", 600)
        self.call("wait", done, status=3)
        self.assertEqual(self.call("wait", "-t", "0.1", done, running, status=124),
                         (b"3\n-\n", b""))
        self.assertEqual(self.call("wait", "--any", running, done, status=1), (b"-\n3\n", b""))
        self.call("wait", "--any", "-t", "0.1", running, status=124)
        self.call("kill", running)
        self.assertEqual(self.call("wait", running, done, status=1), (b"137\n3\n", b""))

    def test_any_ends_with_the_first(self):
        gate = fifo(self.top, "gate")
        first = self.start("-c", "read x <%s" % gate)
        second = self.start("sleep", 600)
        waiting = self.popen("wait", "--any", second, first)
        self.until(lambda: self.json("engine", "status")["parked"] == 1, "it waits")
        self.assertIsNone(waiting.poll())
        gate_writer = os.open(gate, os.O_WRONLY)
        os.write(gate_writer, b"x\n")
        os.close(gate_writer)
        self.assertEqual(Reader(waiting.stdout).rest(), b"-\n0\n")
        self.assertEqual(waiting.wait(LIMIT), 0)
        self.call("kill", second)

    def test_one_that_is_not_there_is_told_at_once(self):
        running = self.start("sleep", 600)
        self.refused("wait", running, "0" * 8, status=1, says="no job 00000000")
        self.refused("wait", *[running] * 1001, status=1, says="1000")
        self.call("kill", running)

    def test_a_job_that_is_removed_under_a_wait_ends_it(self):
        ident = self.start("sleep", 600)
        waiting = self.popen("wait", ident)
        self.until(lambda: self.json("engine", "status")["parked"] == 1, "it waits")
        self.call("rm", "-f", ident)
        self.assertIn(waiting.wait(LIMIT), (1, 137))


if __name__ == "__main__":
    unittest.main(verbosity=2)
