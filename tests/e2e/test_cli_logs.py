# SPDX-License-Identifier: MIT
"""jobwire logs: the bytes as they are, from wherever one wants, up to the job's end."""
import os
import re
import signal
import subprocess
import unittest

from cli_tools import LIMIT, Case, Reader
from engine import fifo, open_gate

ALL_BYTES = bytes(range(256)) * 300 + b"\xff\xfe\xc3( \xe2\x82\n\0\0\r\n" * 1000
TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z "


class Logs(Case):
    def write(self, data):
        path = os.path.join(self.top, "data")
        with open(path, "wb") as file:
            file.write(data)
        return path

    def ended(self, *args):
        """The id of a job that has ended."""
        ident = self.start(*args)
        self.call("wait", ident, status=None)
        return ident

    def logs(self, *args):
        """What is on stdout; nothing on stderr."""
        out, err = self.call("logs", *args)
        self.assertEqual(err, b"")
        return out

    # ---- which bytes ----

    def test_every_byte_is_the_same(self):
        ident = self.ended("cat", self.write(ALL_BYTES))
        for args in ((), ("-f",), ("--stdout",), ("-f", "--stdout"), ("-n", 10 ** 9)):
            with self.subTest(args):
                self.assertEqual(self.logs(*args, ident), ALL_BYTES)
        self.assertEqual(self.logs("--stderr", ident), b"")

    def test_the_last_lines_are_those_of_tail(self):
        for data in (b"", b"\n", b"one", b"one\n", b"\n\n\n", b"one\ntwo", b"one\n\ntwo\n",
                     b"".join(b"%d\n" % i for i in range(100000)), b"x" * 700000 + b"\nend",
                     b"a\n" + b"x" * 300000 + b"\n" + b"y" * 20000 + b"\n", ALL_BYTES):
            path = self.write(data)
            ident = self.ended("cat", path)
            for lines in (0, 1, 2, 3, 5000, 99999, 200000):
                with self.subTest((data[:20], len(data), lines)):
                    tail = subprocess.run(["tail", "-n", str(lines), path], check=True,
                                          stdout=subprocess.PIPE).stdout
                    self.assertEqual(self.logs("-n", lines, ident), tail)

    def test_the_streams_apart_and_together(self):
        ident = self.ended("-c", "for i in 1 2 3; do echo out$i; echo err$i >&2; done")
        self.assertEqual(self.logs("--stdout", ident), b"out1\nout2\nout3\n")
        self.assertEqual(self.logs("--stderr", ident), b"err1\nerr2\nerr3\n")
        self.assertEqual(sorted(self.logs(ident).split()), sorted(b"out1 out2 out3 err1 err2 err3"
                                                                  .split()))
        self.assertEqual(self.logs("--stderr", "-n", 1, ident), b"err3\n")
        self.assertEqual(self.logs("--stdout", "--since-offset", 10, ident), b"out3\n")

    def test_an_offset_to_begin_behind(self):
        ident = self.ended("printf", "0123456789")
        for offset, rest in ((0, b"0123456789"), (4, b"456789"), (10, b"")):
            with self.subTest(offset):
                self.assertEqual(self.logs("--since-offset", offset, ident), rest)
        for offset in (11, 1 << 62):
            self.refused("logs", "--since-offset", offset, ident, status=1,
                         says="offset %d is beyond the end of the stream, 10" % offset)

    def test_the_time_stands_in_front_of_each_line(self):
        ident = self.ended("-c", "echo one; printf 'two\\377\\n\\nend'; echo three >&2")
        out = self.logs("-t", "--stdout", ident)
        self.assertRegex(out, rb"\A%sone\n%stwo\xff\n%s\n%send\Z" % (TIME, TIME, TIME, TIME))
        self.assertRegex(self.logs("-t", "--stderr", ident), rb"\A%sthree\n\Z" % TIME)

    def test_a_line_that_comes_in_pieces_has_one_time(self):
        gate = fifo(self.top, "gate")
        ident = self.start("-c", "printf one; read x <%s; echo two" % gate)
        follower = self.popen("logs", "-f", "-t", ident)
        reader = Reader(follower.stdout)
        reader.until(b"one")
        open_gate(gate)
        self.assertRegex(reader.rest(), rb"\A%sonetwo\n\Z" % TIME)

    # ---- what is not there any more ----

    def test_what_was_dropped_is_told_exactly(self):
        data = os.urandom(3000000)
        ident = self.ended("--max-output", "1M", "cat", self.write(data))
        for flags in ((), ("-f",), ("-t",)):
            with self.subTest(flags):
                out, err = self.call("logs", *flags, ident)
                gone = int(re.match(rb"jobwire: logs: (\d+) bytes of the output are not stored "
                                    rb"\(offsets 0 to (\d+)\)\n\Z", err)[1])
                self.assertIn(b"to %d)" % (gone - 1), err)
                self.assertGreater(gone, 3000000 - (1 << 20))
                if not flags:
                    self.assertEqual(out, data[gone:])
                    self.assertEqual(self.show(ident)["stdout"],
                                     {"start": gone, "stored": 3000000, "end": 3000000})
        out, err = self.call("logs", "--since-offset", 5, ident)
        self.assertEqual(out, data[gone:])
        self.assertIn(b"%d bytes of the output are not stored (offsets 5 to %d)"
                      % (gone - 5, gone - 1), err)
        self.assertEqual(self.logs("--since-offset", gone, ident), data[gone:])

    def test_what_was_never_stored_is_told_exactly(self):
        data = os.urandom(100000)
        ident = self.ended("--max-output", "32K", "--on-full-output", "stop", "cat",
                           self.write(data))
        for flags in ((), ("-f",)):
            with self.subTest(flags):
                out, err = self.call("logs", *flags, ident)
                self.assertEqual(out, data[:len(out)])
                self.assertGreater(len(out), 10000)
                self.assertIn(b"%d bytes of the output are not stored (offsets %d to 99999)"
                              % (100000 - len(out), len(out)), err)

    # ---- following ----

    def test_a_follower_sees_all_of_another_session_and_ends_with_it(self):
        run = self.popen("run", "-c", 'echo up; while read x; do echo "$x"; done; exit 9',
                         stdin=subprocess.PIPE)
        Reader(run.stdout).until(b"up\n")
        ident = self.newest()["id"]
        followers = [self.popen("logs", "-f", "--exit-status", ident) for _ in range(3)]
        lines = [b"line %d\n" % i for i in range(20)]
        for line in lines:
            run.stdin.write(line)
            readers = [Reader(follower.stdout) for follower in followers]
            for reader, follower in zip(readers, followers):
                reader.data = getattr(follower, "seen", b"")
                follower.seen = reader.until(line)
        run.stdin.close()
        for follower in followers:
            self.assertEqual(follower.seen + Reader(follower.stdout).rest(),
                             b"up\n" + b"".join(lines))
            self.assertEqual((follower.wait(LIMIT), follower.stderr.read()), (9, b""))
        self.assertEqual(run.wait(LIMIT), 9)

    def test_without_f_it_ends_where_the_output_ends_now(self):
        ident = self.start("-c", "echo one; exec sleep 600")
        self.wait_for(ident, b"one\n")
        self.assertEqual(self.logs(ident), b"one\n")
        self.assertEqual(self.logs("--exit-status", ident), b"one\n")
        self.call("kill", ident)
        self.call("logs", "--exit-status", ident, status=137)

    def test_a_follower_of_a_job_in_the_queue_waits_for_it(self):
        first = self.start("--group", "g", "--group-limit", 1, "sleep", 600)
        second = self.start("--group", "g", "--group-limit", 1, "echo", "x")
        follower = self.popen("logs", "-f", second)
        self.until(lambda: self.json("engine", "status")["parked"] == 1, "it waits")
        self.call("kill", first)
        self.assertEqual(Reader(follower.stdout).rest(), b"x\n")
        self.assertEqual(follower.wait(LIMIT), 0)

    def test_it_ends_with_the_main_process_though_others_hold_the_pipe(self):
        ident = self.start("-c", "sleep 600 & echo x")
        self.assertEqual(self.logs("-f", ident), b"x\n")
        self.call("stop", ident)

    def test_the_last_lines_and_then_what_comes(self):
        gate = fifo(self.top, "gate")
        ident = self.start("-c", "seq 1000; read x <%s; echo end" % gate)
        self.wait_for(ident, b"\n1000\n")
        follower = self.popen("logs", "-f", "-n", "2", ident)
        reader = Reader(follower.stdout)
        reader.until(b"1000\n")
        open_gate(gate)
        self.assertEqual(reader.rest(), b"999\n1000\nend\n")

    def test_an_interrupt_leaves_the_job_alone(self):
        ident = self.start("-c", "echo up; exec sleep 600")
        follower = self.popen("logs", "-f", ident)
        Reader(follower.stdout).until(b"up\n")
        follower.send_signal(signal.SIGINT)
        self.assertEqual(follower.wait(LIMIT), 130)
        self.assertEqual(self.show(ident)["state"], "running")
        self.call("kill", ident)

    def test_a_reader_that_goes_away_ends_it_also_while_the_job_is_quiet(self):
        quiet = self.start("-c", "echo up; exec sleep 600")
        busy = self.start("-c", "echo up; while :; do echo more; sleep 0.02; done")
        for ident in (quiet, busy):
            with self.subTest(ident):
                follower = self.popen("logs", "-f", ident)
                Reader(follower.stdout).until(b"up\n")
                follower.stdout.close()
                self.assertEqual(follower.wait(LIMIT), -signal.SIGPIPE)
                self.assertEqual(follower.stderr.read(), b"")
                self.assertEqual(self.show(ident)["state"], "running")
                self.call("kill", ident)

    def test_where_sigpipe_is_ignored_it_is_told(self):
        ident = self.start("-c", "echo up; exec sleep 600")
        follower = self.popen("logs", "-f", ident, restore_signals=False)
        Reader(follower.stdout).until(b"up\n")
        follower.stdout.close()
        self.assertEqual(follower.wait(LIMIT), 1)
        self.assertEqual(follower.stderr.read(),
                         b"jobwire: logs: stdout cannot be written: Broken pipe\n")
        self.call("kill", ident)

    def test_a_full_disk_behind_stdout_is_told(self):
        ident = self.ended("echo", "x")
        with open("/dev/full", "wb") as full:
            _, err = self.call("logs", ident, stdout=full, status=1)
        self.assertIn(b"No space left on device", err)

    def test_nothing_is_lost_or_doubled_over_engines_that_are_killed(self):
        ident = self.start("--stdin", "pipe", "-c", 'while read x; do echo "$x"; done')
        follower = self.popen("logs", "-f", ident)
        reader = Reader(follower.stdout)
        lines = []
        for i in range(8):
            if i % 2:
                self.kill_engine()
            lines.append(b"%d " % i + os.urandom(3000).hex().encode() + b"\n")
            self.call("send", ident, lines[-1].decode())
            reader.until(lines[-1])
        self.call("send", "--eof", ident)
        self.assertEqual(reader.rest(), b"".join(lines))
        self.assertEqual((follower.wait(LIMIT), follower.stderr.read()), (0, b""))

    # ---- bad input ----

    def test_bad_ones(self):
        ident = self.ended("true")
        rows = (
            (("--stdout", "--stderr", ident), 2, "exclude each other"),
            (("-n", "1", "--since-offset", "1", ident), 2, "exclude each other"),
            (("-n", "-1", ident), 2, "is not between"), (("-n", "x", ident), 2, "'x'"),
            (("-n", "1e9", ident), 2, "'1e9'"), (("--since-offset", "-1", ident), 2, "between"),
            (("--since-offset", "99999999999999999999", ident), 2, "is not between"),
            (("abcd" if ident[:4] != "abcd" else "abce",), 1, "no job abc"),
            (("",), 1, "id"), (("x" * 10000,), 1, "id"), (("../../etc/passwd",), 1, "id"),
        )
        for args, status, says in rows:
            with self.subTest(args):
                err = self.refused("logs", *args, status=status, says=says)
                self.assertLess(len(err), 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)
