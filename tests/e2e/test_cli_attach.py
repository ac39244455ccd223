# SPDX-License-Identifier: MIT
"""jobwire run at a terminal and under signals: what reaches the job, and what only leaves it."""
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import unittest

import processes
from cli_tools import LIMIT, Case, Reader

LOOP = "while :; do sleep 0.02; done"


class Signals(Case):
    def run_up(self, script, *flags, **how):
        """run, its reader and the job's id, once the job has written "up"."""
        run = self.popen("run", *flags, "-c", script, **how)
        reader = Reader(run.stdout)
        reader.until(b"up\n")
        return run, reader, self.newest()["id"]

    def check_left(self, run, ident, status, why):
        """The client has gone, and the job goes on."""
        self.assertEqual(run.wait(LIMIT), status)
        err = run.stderr.read().decode()
        self.assertIn("left job %.8s to itself (%s); come back with: " % (ident, why), err)
        self.assertEqual(self.show(ident)["state"], "running")
        return err

    def test_an_interrupt_goes_to_the_job(self):
        run, reader, ident = self.run_up("trap 'echo int' INT; echo up; " + LOOP)
        run.send_signal(signal.SIGINT)
        reader.until(b"int\n")
        self.assertEqual(self.show(ident)["state"], "running")
        self.call("kill", ident)
        self.assertEqual(run.wait(LIMIT), 137)

    def test_a_job_that_dies_of_an_interrupt_gives_130(self):
        run, _, ident = self.run_up("echo up; exec sleep 600")
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(LIMIT), 130)
        self.assertEqual(run.stderr.read(), b"")
        self.assertFalse(processes.is_alive(self.show(ident)["pid"]))

    def test_a_second_interrupt_stops_the_tree_and_a_third_kills_it(self):
        run, reader, ident = self.run_up("trap 'echo int' INT; trap 'echo term' TERM; echo up; "
                                         + LOOP, "--grace", "1h")
        run.send_signal(signal.SIGINT)
        reader.until(b"int\n")
        run.send_signal(signal.SIGINT)
        reader.until(b"term\n")
        Reader(run.stderr).until(b"stopping job %s; once more kills it" % ident[:8].encode())
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(LIMIT), 137)
        self.assertEqual((self.show(ident)["state"], self.show(ident)["reason"]),
                         ("killed", "user"))

    def test_a_quit_goes_to_the_job(self):
        run, _, _ = self.run_up("trap 'echo quit; exit 3' QUIT; echo up; " + LOOP)
        run.send_signal(signal.SIGQUIT)
        self.assertEqual(run.wait(LIMIT), 3)

    def test_term_and_hup_leave_the_job(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                run, _, ident = self.run_up("echo up; " + LOOP)
                run.send_signal(number)
                self.check_left(run, ident, 128 + number, number.name)
                notes = [event["detail"] for event in
                         self.json("events", "--job", ident, "--kind", "note")["events"]]
                self.assertIn("its client was ended by %s" % number.name, "\n".join(notes))
                self.call("kill", ident)

    def test_what_is_ignored_stays_ignored(self):
        """As nohup, and a shell's background without job control."""
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)

        run, reader, ident = self.run_up("echo up; read x; echo got $x; exit 6",
                                         stdin=subprocess.PIPE, preexec_fn=ignore)
        run.send_signal(signal.SIGHUP)
        run.send_signal(signal.SIGINT)
        run.stdin.write(b"go\n")
        self.assertEqual(reader.rest(), b"up\ngot go\n")
        self.assertEqual((run.wait(LIMIT), run.stderr.read()), (6, b""))
        self.assertEqual(self.show(ident)["reason"], "exit")

    def test_a_closed_stdout_leaves_the_job_and_its_log_says_so(self):
        run, _, ident = self.run_up("echo up; while :; do echo more; sleep 0.02; done")
        run.stdout.close()
        self.check_left(run, ident, 141, "its reader is gone")
        notes = self.json("events", "--job", ident, "--kind", "note")["events"]
        self.assertIn("the stdout of its client was closed", notes[-1]["detail"])
        self.call("kill", ident)

    def test_a_job_that_is_left_is_held_for_nobody(self):
        run, _, ident = self.run_up("echo up; head -c 1000000 /dev/zero; echo end",
                                    "--max-output", "16K")
        self.until(lambda: self.show(ident)["blocked"], "the job is held")
        run.stdout.close()
        self.assertEqual(run.wait(LIMIT), 141)
        self.call("wait", ident)
        self.assertEqual(self.show(ident)["stdout"]["end"], 1000007)

    def test_who_comes_back_misses_nothing(self):
        run, reader, ident = self.run_up("echo up; read x; echo down", "--stdin", "pipe",
                                         stdin=subprocess.PIPE)
        run.send_signal(signal.SIGTERM)
        err = self.check_left(run, ident, 143, "SIGTERM")
        offset = err.rpartition("--since-offset ")[2].split()[0]
        self.assertEqual(int(offset), len(reader.data))
        self.call("send", "-l", ident, "x")
        self.assertEqual(self.out("logs", "-f", "--since-offset", offset, ident), "down\n")


class Terminal(Case):
    """run with a terminal of its own for stdin, stdout and stderr, in front of it."""

    def setUp(self):
        super().setUp()
        self.ours, self.theirs = pty.openpty()
        self.addCleanup(os.close, self.ours)
        self.addCleanup(os.close, self.theirs)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        self.screen = Reader(self.ours)

    def run_up(self, *args):
        """run, and the job's id, once "up" is on the screen."""
        run = self.popen("run", *args, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
                         start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.screen.until(b"up")
        return run, self.newest()["id"]

    def type(self, keys):
        os.write(self.ours, keys)

    def check_restored(self):
        self.assertEqual(termios.tcgetattr(self.theirs), self.before)

    def test_lines_are_edited_here_and_reach_the_job(self):
        run, _ = self.run_up("-c", "echo up; while read x; do echo got $x; done; exit 4")
        self.type(b"nope\x15hello\n")  # Ctrl-U takes the line back
        self.screen.until(b"got hello\r\n")
        self.type(b"\x04")
        self.assertEqual(run.wait(LIMIT), 4)
        self.check_restored()

    def test_the_interrupt_key_reaches_the_job(self):
        run, _ = self.run_up("-c", "trap 'echo int; exit 9' INT; echo up; " + LOOP)
        self.type(b"\x03")
        self.screen.until(b"int\r\n")
        self.assertEqual(run.wait(LIMIT), 9)
        self.check_restored()

    def test_the_detach_keys_leave_the_job(self):
        for flags in ((), ("--stdin", "pty")):
            with self.subTest(flags):
                run, ident = self.run_up(*flags, "-c", "echo up; exec cat")
                self.type(b"\x10\x11")
                self.screen.until(b"left job %s to itself (detached)" % ident[:8].encode())
                self.assertEqual(run.wait(LIMIT), 0)
                self.check_restored()
                self.assertEqual(self.show(ident)["state"], "running")
                self.call("kill", ident)
                self.screen.data = b""

    def test_other_keys_after_a_ctrl_p_are_the_jobs(self):
        run, ident = self.run_up("--stdin", "pty", "-c", "stty raw -echo; echo up; head -c 3 "
                                 "| od -An -tx1; exec sleep 600")
        self.type(b"\x10x")
        self.type(b"\x10")  # let go after a moment
        self.screen.until(b" 10 78 10")
        self.call("kill", ident)
        self.assertEqual(run.wait(LIMIT), 137)
        self.check_restored()

    def test_a_jobs_terminal_is_as_large_as_ours_and_has_every_key(self):
        run, ident = self.run_up("--stdin", "pty", "-c",
                                 "trap 'echo int' INT; stty size; echo up; " + LOOP)
        self.assertIn(b"33 77\r\n", self.screen.data)
        self.type(b"\x03")  # a key like any other: the job's terminal makes the signal of it
        self.screen.until(b"int\r\n")
        self.type(b"\x1c")
        self.assertEqual(run.wait(LIMIT), 131)
        self.assertEqual(self.show(ident)["reason"], "signal")
        self.check_restored()

    def test_what_we_say_to_a_raw_terminal_has_whole_lines(self):
        run, ident = self.run_up("--stdin", "pty", "-c", "echo up; exec cat")
        self.call("stop", ident)
        self.assertEqual(run.wait(LIMIT), 143)
        self.screen.until(b"\njobwire: run: job %s was stopped by somebody\r\n"
                          % ident[:8].encode())

    def test_it_is_halted_and_continued_as_a_shell_wants_it(self):
        run, _ = self.run_up("-c", "echo up; while read x; do echo got $x; done")
        self.type(b"\x1a")
        processes.wait_stopped(run.pid)
        self.check_restored()
        run.send_signal(signal.SIGCONT)
        self.type(b"again\n")
        self.screen.until(b"got again\r\n")
        self.type(b"\x04")
        self.assertEqual(run.wait(LIMIT), 0)
        self.check_restored()

    def test_a_terminal_that_goes_away_leaves_the_job(self):
        ours, theirs = pty.openpty()
        run = self.popen("run", "-c", "echo up; exec cat", stdin=theirs, stdout=theirs,
                         start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        Reader(ours).until(b"up\r\n")
        ident = self.newest()["id"]
        os.close(ours)
        self.assertEqual(run.wait(LIMIT), 129)
        self.assertEqual(self.show(ident)["state"], "running")
        self.call("kill", ident)


if __name__ == "__main__":
    unittest.main(verbosity=2)
