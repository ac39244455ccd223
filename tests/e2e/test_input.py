# SPDX-License-Identifier: MIT
"""A job's stdin: nothing, a pipe with credit, or a terminal."""
import hashlib
import os
import signal
import time

import processes
from engine import COMPLETED, RUNNING, STDERR, STDOUT, EngineTest, jobs_pb2, main, until

NULL, PIPE, PTY = jobs_pb2.STDIN_NULL, jobs_pb2.STDIN_PIPE, jobs_pb2.STDIN_PTY
MIB = 1 << 20


class Null(EngineTest):
    def test_a_job_reads_nothing_unless_it_is_asked_for(self):
        for mode in (jobs_pb2.STDIN_UNSPECIFIED, NULL):
            job = self.client.run_job("cat; readlink /proc/self/fd/0", stdin_mode=mode)
            self.assertEqual(self.client.output(job.id), b"/dev/null\n")

    def test_input_for_a_job_without_stdin_is_refused(self):
        job = self.client.start(["/bin/sleep", "1000"])
        self.assertCode("FAILED_PRECONDITION", self.client.type, job.id, b"x")


class Pipe(EngineTest):
    def start_cat(self, command="cat", **fields):
        return self.client.start(command, stdin_mode=PIPE, **fields)

    def test_what_is_typed_is_read_and_the_end_ends_it(self):
        job = self.start_cat()
        answer = self.client.type(job.id, b"one\n")
        self.assertEqual((answer.accepted, answer.next_offset, answer.duplicate), (4, 4, False))
        self.client.output_until(job.id, b"one\n")
        answer = self.client.type(job.id, b"two", eof=True)
        self.assertEqual((answer.accepted, answer.next_offset), (3, 7))
        job = self.client.end(job.id)
        self.assertEnd(job, "COMPLETED", "EXIT", 0)
        self.assertEqual(self.client.output(job.id), b"one\ntwo")
        self.assertEqual((job.input_offset, job.input_delivered), (7, 7))
        self.assertTrue(job.input_closed)

    def test_an_end_alone_is_enough(self):
        job = self.start_cat()
        self.client.call("Jobs.SendInput", job_id=job.id, eof=True)
        self.assertEqual(self.client.end(job.id).state, COMPLETED)

    def test_any_byte_gets_through(self):
        data = bytes(range(256)) * 40
        job = self.start_cat()
        self.client.type(job.id, data, eof=True)
        self.assertEqual(self.client.output(job.id), data)

    def test_ten_megabytes_get_through_whole(self):
        data = os.urandom(10 * MIB)
        job = self.start_cat("md5sum")
        offset = 0
        while offset < len(data):
            piece = data[offset:offset + 262144]
            answer = self.client.type(job.id, piece, offset=offset, wait_ms=30000)
            self.assertGreater(answer.accepted, 0)
            offset += answer.accepted
            self.assertEqual(answer.next_offset, offset)
        self.client.call("Jobs.SendInput", job_id=job.id, offset=offset, eof=True)
        self.assertEqual(self.client.output(job.id).split()[0].decode(),
                         hashlib.md5(data).hexdigest())

    def test_a_retry_types_nothing_twice(self):
        job = self.start_cat()
        self.assertFalse(self.client.type(job.id, b"abc", offset=0).duplicate)
        for _ in range(3):
            answer = self.client.type(job.id, b"abc", offset=0)
            self.assertTrue(answer.duplicate)
            self.assertEqual(answer.next_offset, 3)
        self.assertEqual(self.client.type(job.id, b"def", offset=3).next_offset, 6)
        self.assertTrue(self.client.type(job.id, b"abc", offset=0).duplicate)
        self.client.call("Jobs.SendInput", job_id=job.id, offset=6, eof=True)
        self.assertEqual(self.client.output(job.id), b"abcdef")

    def test_a_retry_that_overlaps_types_the_rest(self):
        """Half of it was accepted before the connection broke; the client sends the whole again."""
        job = self.start_cat()
        self.client.type(job.id, b"abc", offset=0)
        answer = self.client.call("Jobs.SendInput", job_id=job.id, offset=0, data=b"abcdef")
        self.assertEqual(answer.next_offset, 6)
        self.client.call("Jobs.SendInput", job_id=job.id, offset=6, eof=True)
        self.assertEqual(self.client.output(job.id), b"abcdef")

    def test_a_retried_end_is_a_duplicate(self):
        job = self.start_cat("cat; exec sleep 1000")
        self.client.type(job.id, b"abc", offset=0, eof=True)
        until(lambda: self.client.get(job.id).input_closed, "the end is there")
        answer = self.client.type(job.id, b"abc", offset=0, eof=True)
        self.assertTrue(answer.duplicate)
        self.assertEqual((answer.accepted, answer.next_offset), (3, 3))
        answer = self.client.call("Jobs.SendInput", job_id=job.id, offset=3, eof=True)
        self.assertTrue(answer.duplicate)
        self.assertEqual((answer.accepted, answer.next_offset), (0, 3))

    def test_a_retry_that_adds_the_end_ends_it(self):
        job = self.start_cat()
        self.client.type(job.id, b"abc", offset=0)
        answer = self.client.type(job.id, b"abc", offset=0, eof=True)
        self.assertEqual((answer.accepted, answer.next_offset), (3, 3))
        self.assertEqual(self.client.output(job.id), b"abc")

    def test_a_retry_of_other_bytes_is_refused(self):
        job = self.start_cat()
        self.client.type(job.id, b"abc", offset=0)
        for data in (b"abd", b"ab", b"abdef", b"xabc"):
            error = self.assertCode("ABORTED", self.client.type, job.id, data, offset=0)
            self.assertEqual(error.fields, ["offset"])
        self.client.type(job.id, b"def", offset=3)
        self.assertEqual(self.client.type(job.id, b"abcdefghi", offset=0).next_offset, 9)
        self.client.call("Jobs.SendInput", job_id=job.id, offset=9, eof=True)
        self.assertEqual(self.client.output(job.id), b"abcdefghi")

    def test_a_long_retry_types_nothing_twice(self):
        """As long as one call may be: it reaches the job in several pieces."""
        data = os.urandom(262144)
        job = self.start_cat("md5sum")
        for duplicate in (False, True, True):
            answer = self.client.type(job.id, data, offset=0, wait_ms=30000)
            self.assertEqual((answer.accepted, answer.next_offset, answer.duplicate),
                             (len(data), len(data), duplicate))
        self.client.call("Jobs.SendInput", job_id=job.id, offset=len(data), eof=True)
        self.assertEqual(self.client.output(job.id).split()[0].decode(),
                         hashlib.md5(data).hexdigest())

    def test_an_offset_beyond_the_end_is_refused_by_name(self):
        job = self.start_cat()
        self.client.type(job.id, b"abc", offset=0)
        error = self.assertCode("ABORTED", self.client.type, job.id, b"x", offset=4)
        self.assertEqual(error.fields, ["offset"])
        self.assertRegex(error.message, r"\b3\b")
        self.assertEqual(self.client.get(job.id).input_offset, 3)

    def test_without_an_offset_it_goes_to_the_end(self):
        job = self.start_cat()
        for number in range(50):
            self.assertEqual(self.client.type(job.id, b"%02d " % number).next_offset,
                             3 * number + 3)
        self.client.call("Jobs.SendInput", job_id=job.id, eof=True)
        self.assertEqual(self.client.output(job.id).split(), [b"%02d" % i for i in range(50)])

    def test_input_of_several_clients_is_not_mixed(self):
        job = self.start_cat("sleep 0.1; cat")
        clients = [self.engine.connect() for _ in range(4)]
        calls = []
        for number in range(40):
            client = clients[number % 4]
            calls.append(client.send("Jobs.SendInput", job_id=job.id, wait_ms=30000,
                                     data=b"%d" % (number % 4) * 5000 + b"\n"))
        for call in calls:
            self.assertEqual(call.result().accepted, 5001)
        self.client.call("Jobs.SendInput", job_id=job.id, eof=True)
        lines = self.client.output(job.id).split(b"\n")[:-1]
        self.assertEqual(len(lines), 40)
        for line in lines:
            self.assertEqual((len(line), len(set(line))), (5000, 1))

    def test_a_job_that_does_not_read_takes_what_fits(self):
        job = self.start_cat("exec sleep 1000")
        total = 0
        for _ in range(40):
            answer = self.client.type(job.id, bytes(262144), offset=total)
            self.assertEqual(answer.next_offset, total + answer.accepted)
            total = answer.next_offset
            if answer.accepted < 262144:
                break
        else:
            self.fail("10 MiB were taken for a job that does not read")
        answer = self.client.type(job.id, b"more", offset=total, wait_ms=200)
        self.assertEqual(answer.accepted, 0)
        seen = self.client.get(job.id)
        self.assertEqual(seen.input_offset, total)
        self.assertLess(seen.input_delivered, total)
        self.assertGreater(seen.input_delivered, 0)
        self.assertFalse(seen.input_closed)
        self.assertLess(processes.memory_kib(self.holder_of(job), "VmRSS"), 32 * 1024)

    def test_a_full_stdin_is_passed_by_a_stop(self):
        job = self.start_cat("exec sleep 1000")
        typing = self.engine.connect()
        for _ in range(8):
            typing.send("Jobs.SendInput", job_id=job.id, data=bytes(262144), wait_ms=60000)
        until(lambda: self.client.get(job.id).input_delivered > 0, "the pipe is full")
        begin = time.monotonic()
        self.assertTrue(self.client.stop(job.id).done)
        self.assertLess(time.monotonic() - begin, 5)

    def test_a_full_stdin_is_passed_by_signals_and_other_jobs(self):
        job = self.start_cat("exec sleep 1000")
        typing = self.engine.connect()
        for _ in range(8):
            typing.send("Jobs.SendInput", job_id=job.id, data=bytes(262144), wait_ms=60000)
        until(lambda: self.client.get(job.id).input_delivered > 0, "the pipe is full")
        self.assertEqual(self.client.call("Jobs.Signal", job_id=job.id, signal=18).processes, 1)
        self.assertEqual(self.client.run_job("exit 2").shell_code, 2)

    def test_those_who_wait_go_on_when_the_job_reads(self):
        job = self.start_cat("trap go=1 USR1; while [ -z $go ]; do sleep 0.01; done; wc -c")
        data = bytes(262144)
        total = 0
        while True:
            answer = self.client.type(job.id, data, offset=total)
            total = answer.next_offset
            if answer.accepted < len(data):
                break
        waiting = self.engine.connect().send("Jobs.SendInput", job_id=job.id, data=data,
                                             offset=total, wait_ms=60000)
        self.client.info()
        self.assertFalse(waiting.is_answered())
        self.client.call("Jobs.Signal", job_id=job.id, signal=signal.SIGUSR1)
        self.assertEqual(waiting.result().accepted, len(data))
        until(lambda: self.client.get(job.id).input_delivered == total + len(data), "all is told")
        self.client.call("Jobs.SendInput", job_id=job.id, eof=True)
        self.assertEqual(int(self.client.output(job.id)), total + len(data))

    def test_input_behind_the_end_is_refused(self):
        job = self.start_cat("cat; exec sleep 1000")
        self.client.type(job.id, b"x", eof=True)
        self.assertCode("FAILED_PRECONDITION", self.client.type, job.id, b"y")

    def test_input_for_a_job_that_closed_its_stdin_is_refused(self):
        job = self.start_cat("exec 0<&-; echo closed; exec sleep 1000")
        self.client.output_until(job.id, b"closed")
        with self.assertRaisesRegex(Exception, "stdin|input"):
            for _ in range(10):
                self.client.type(job.id, b"x" * 100)
                self.client.get(job.id)
        self.assertEqual(self.client.get(job.id).state, RUNNING)

    def test_input_for_an_ended_job_is_refused(self):
        job = self.client.closed(self.start_cat("exit 0").id)
        self.assertCode("FAILED_PRECONDITION", self.client.type, job.id, b"x")

    def test_too_much_and_nothing_are_refused_by_name(self):
        job = self.start_cat()
        for data in (b"", bytes(262145)):
            error = self.assertCode("INVALID_ARGUMENT", self.client.type, job.id, data)
            self.assertEqual(error.fields, ["data"])
        self.assertEqual(self.client.type(job.id, bytes(262144), wait_ms=30000).accepted, 262144)

    def test_offsets_hold_across_engines(self):
        job = self.start_cat("trap go=1 USR1; while [ -z $go ]; do sleep 0.01; done; cat")
        self.client.type(job.id, b"first ", offset=0)
        self.engine.restart()
        self.client = self.engine.connect()
        until(lambda: self.client.get(job.id).input_offset == 6, "the offset is known again")
        self.assertTrue(self.client.type(job.id, b"first ", offset=0).duplicate)
        self.client.type(job.id, b"second", offset=6, eof=True)
        self.client.call("Jobs.Signal", job_id=job.id, signal=signal.SIGUSR1)
        self.assertEqual(self.client.output(job.id), b"first second")


class Terminal(EngineTest):
    def start_pty(self, command, **fields):
        return self.client.start(command, stdin_mode=PTY, **fields)

    def test_all_three_are_one_terminal_of_the_size_asked_for(self):
        job = self.client.end(self.start_pty(
            "for i in 0 1 2; do test -t $i && echo tty $i; done; stty size; echo err >&2; "
            "ps -o tty= -p $$ | grep -c pts", pty_columns=100, pty_rows=30).id)
        self.assertEqual(self.client.output(job.id).replace(b"\r", b""),
                         b"tty 0\ntty 1\ntty 2\n30 100\nerr\n1\n")
        self.assertEqual(self.client.read(job.id, STDERR).data, b"")
        job = self.client.end(self.start_pty("stty size").id)
        self.assertEqual(self.client.output(job.id).strip(), b"24 80")

    def test_interrupt_and_end_are_keys(self):
        job = self.start_pty("echo up; exec sleep 1000")
        self.client.output_until(job.id, b"up")
        self.client.type(job.id, b"\x03")
        self.assertEnd(self.client.end(job.id), "FAILED", "SIGNAL", 130)
        job = self.start_pty("echo up; cat; echo over")
        self.client.output_until(job.id, b"up")
        self.client.type(job.id, b"hello\n\x04")
        self.assertEqual(self.client.end(job.id).state, COMPLETED)
        self.assertIn(b"over", self.client.output(job.id))

    def test_the_end_of_input_ends_a_reader_also_within_a_line(self):
        for data in (b"", b"whole\n", b"half"):
            job = self.start_pty("stty -echo; echo up; cat; echo over")
            self.client.output_until(job.id, b"up")
            self.client.call("Jobs.SendInput", job_id=job.id, data=data, eof=True)
            self.assertEqual(self.client.end(job.id).state, COMPLETED)
            self.assertIn(b"over", self.client.output(job.id))

    def test_the_last_output_of_a_terminal_is_there(self):
        for _ in range(10):
            job = self.client.end(self.start_pty("seq 5000").id)
            self.assertEqual(self.client.output(job.id).split(),
                             [b"%d" % i for i in range(1, 5001)])

    def test_a_terminals_tree_is_stopped(self):
        job = self.start_pty("trap '' HUP TERM; setsid sleep 1000 & sh -c 'trap \"\" HUP TERM; "
                             "echo $$; while :; do sleep 0.05; done' & echo $$; "
                             "while :; do sleep 0.05; done")
        until(lambda: self.client.read(job.id).data.count(b"\n") == 2, "both pids")
        pids = self.pids_in(self.client.read(job.id).data)
        self.assertTrue(self.client.stop(job.id, grace_ms=100).done)
        self.assertDead(pids)

    def test_a_terminal_outlives_the_engine(self):
        job = self.start_pty("stty -echo; echo up; read x; echo got $x; exit 4")
        self.client.output_until(job.id, b"up")
        self.engine.restart()
        self.client = self.engine.connect()
        self.client.type(job.id, b"you\n")
        self.assertEnd(self.client.end(job.id), "FAILED", "EXIT", 4)
        self.assertIn(b"got you", self.client.output(job.id))

    def test_a_size_that_cannot_be_is_refused_by_name(self):
        for name in ("pty_columns", "pty_rows"):
            error = self.assertCode("INVALID_ARGUMENT", self.start_pty, "true", **{name: 100000})
            self.assertEqual(error.fields, [name])


class Queued(EngineTest):
    OPTIONS = ("--max-running", "1")

    def test_input_for_a_job_that_waits_for_its_turn(self):
        """It is taken or refused with a reason; it is not lost."""
        first = self.client.start(["/bin/sleep", "1000"])
        job = self.client.start("cat", stdin_mode=PIPE)
        try:
            accepted = self.client.type(job.id, b"early ", offset=0).accepted
        except Exception as error:
            self.assertEqual(error.code, "FAILED_PRECONDITION")
            accepted = 0
        self.client.stop(first.id)
        until(lambda: self.client.get(job.id).state == RUNNING, "its turn has come")
        self.client.type(job.id, b"late", offset=accepted, eof=True)
        self.assertEqual(self.client.output(job.id), b"early late"[-4 - accepted:])

    def test_an_end_for_a_job_that_waits_for_its_turn(self):
        first = self.client.start(["/bin/sleep", "1000"])
        job = self.client.start("cat; echo over", stdin_mode=PIPE)
        self.client.call("Jobs.SendInput", job_id=job.id, offset=0, eof=True)
        self.client.stop(first.id)
        self.assertEqual(self.client.end(job.id).state, COMPLETED)
        self.assertEqual(self.client.output(job.id), b"over\n")


if __name__ == "__main__":
    main()
