# SPDX-License-Identifier: MIT
"""What goes wrong around a holder, or under it: the job and what is told of it stay right."""
import fcntl
import os
import signal
import struct

import engine
import processes
from engine import EngineTest, engine_pb2, jobs_pb2, until

RECORD_LAUNCH, RECORD_END, RECORD_CLOSING = 2, 5, 6
TAG_BOOT_ID = 100


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def append_record(path, kind, fields):
    """As jobdir/record.h says; the last one of a kind counts."""
    head = struct.pack("<II", kind, len(fields))
    with open(path, "ab") as file:
        file.write(head + struct.pack("<II", crc32c(head + fields), 0) + fields +
                   bytes(-len(fields) % 8))


def record_kinds(path):
    with open(path, "rb") as file:
        data = file.read()
    kinds, at = [], 16
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        kinds.append(kind)
        at += 16 + (size + 7) // 8 * 8
    return kinds


def open_files(pid):
    """What its descriptors are."""
    folder = "/proc/%d/fd" % pid
    names = []
    for fd in os.listdir(folder):
        try:
            names.append(os.readlink(os.path.join(folder, fd)))
        except FileNotFoundError:
            pass
    return names


def pipe_size(pid, number):
    fd = os.open("/proc/%d/fd/%d" % (pid, number), os.O_WRONLY | os.O_NONBLOCK)
    try:
        return fcntl.fcntl(fd, 1032)  # F_GETPIPE_SZ
    finally:
        os.close(fd)


class Lost(EngineTest):
    def lose(self, before):
        """The pid of what is left of a job, without its mark, that an engine has found lost."""
        job = self.client.start("(unset JOBWIRE_JOB_ID; exec sleep 1000) & echo $!; wait")
        pid = int(self.client.output_until(job.id, b"\n"))
        holder = self.holder_of(job)
        self.engine.kill()
        processes.kill(holder)
        processes.wait_dead(holder)
        before(os.path.join(self.engine.job_folder(job.id), "record"))
        self.engine.start()
        self.client = self.engine.connect()
        self.assertEnd(self.client.closed(job.id), "LOST", "LOST", 125)
        return pid

    def test_the_session_of_a_lost_job_is_ended(self):
        self.assertDead([self.lose(lambda path: None)])

    def test_a_session_of_another_boot_is_left_alone(self):
        boot = struct.pack("<HI", TAG_BOOT_ID, 36) + b"01234567-89ab-4cde-8f01-23456789abcd"
        pid = self.lose(lambda path: append_record(path, RECORD_LAUNCH, boot))
        self.assertTrue(processes.is_alive(pid))
        processes.kill(pid)


class Terminals(EngineTest):
    def test_a_job_may_give_its_terminal_up_and_take_it_again(self):
        gate = engine.fifo(self.engine.top, "gate")
        job = self.client.start(
            "echo before; exec </dev/null >/dev/null 2>&1; read x <%s; "
            "exec >/dev/tty </dev/tty; read y; echo got $y; exit 3" % gate,
            stdin_mode=jobs_pb2.STDIN_PTY)
        self.client.output_until(job.id, b"before")
        # Nobody has it open now: that is no end.
        until(lambda: not any("pts" in name for name in open_files(job.pid)), "it is given up")
        engine.open_gate(gate)
        self.client.type(job.id, b"more\n")
        self.client.output_until(job.id, b"got more")
        self.assertEnd(self.client.closed(job.id), "FAILED", "EXIT", 3)


class Names(EngineTest):
    def test_a_long_path_is_cut_between_characters(self):
        for text in (b"/x", b"/xy", b"/xyz", b"/\xff"):
            job = self.client.closed(self.client.start([text + "\u4e2d".encode() * 80]).id)
            self.assertEnd(job, "FAILED", "SPAWN", 127)
            self.assertIn("\u4e2d" * 40, job.detail)
        self.assertEqual(len(self.client.call("Jobs.List").jobs), 4)


class Pipes(EngineTest):
    def test_the_pipe_that_is_too_small_is_enlarged(self):
        sizes = {1: [1 << 20, 65536], 2: [65536, 1 << 20]}
        for number, wanted in sizes.items():
            job = self.client.start(
                "exec 3>&1 4>&2; dd if=/dev/zero bs=1M >&%d; true" % number,
                max_output_bytes=1 << 20)
            self.client.read(job.id, number, wait_ms=10000)  # it has both
            until(lambda: [pipe_size(job.pid, 3), pipe_size(job.pid, 4)] == wanted,
                  "a larger pipe", 20)
            self.client.stop(job.id, grace_ms=0)


class Limits(EngineTest):
    """An engine that was started under `ulimit -f`: 2 MiB."""

    def setUp(self):
        super().setUp()
        self.engine.kill()
        self.engine.prefix = ["/bin/sh", "-c", "ulimit -f 4096; exec \"$@\"", "sh"]
        self.engine.start()
        self.client = self.engine.connect()

    def test_output_beyond_the_size_of_a_file_is_kept(self):
        job = self.client.start("head -c 5000000 /dev/zero; ulimit -S -f; ulimit -H -f")
        self.assertEqual(self.client.output(job.id), bytes(5000000) + b"4096\n" * 2)
        self.assertEnd(self.client.end(job.id), "COMPLETED", "EXIT", 0)

    def test_the_limit_is_the_jobs(self):
        path = os.path.join(self.engine.top, "file")
        job = self.client.run_job(["/bin/dd", "if=/dev/zero", "of=" + path, "bs=1M", "count=4"])
        self.assertEnd(job, "FAILED", "SIGNAL", 128 + signal.SIGXFSZ)


class Signals(EngineTest):
    def test_a_users_signal_to_a_large_tree_is_a_users_kill(self):
        for _ in range(5):
            job = self.client.start("for i in $(seq 150); do sleep 1000 & done; echo up; wait")
            self.client.output_until(job.id, b"up")
            self.client.call("Jobs.Signal", job_id=job.id, signal=signal.SIGTERM,
                             target=jobs_pb2.TARGET_TREE)
            self.assertEnd(self.client.end(job.id), "KILLED", "USER", 143)


class Blocked(EngineTest):
    """The job waits for its reader."""

    def start(self, command, **fields):
        return self.client.start(command, cap_policy=jobs_pb2.CAP_BLOCK, max_output_bytes=65536,
                                 **fields)

    def blocked(self, command, **fields):
        job = self.start(command, **fields)
        until(lambda: self.client.get(job.id).blocked, "a job that waits for its reader")
        return job

    def follow(self, job):
        """What its follower reads to the job's end."""
        data = bytearray()
        while True:
            answer = self.client.read(job.id, offset=len(data), consume=True, wait_ms=5000)
            self.assertEqual(answer.offset, len(data))
            data += answer.data
            if answer.ended and not answer.data:
                return bytes(data)

    def test_a_slow_reader_loses_nothing_of_a_terminal(self):
        job = self.start("stty -opost; head -c 75000 /dev/zero | tr '\\0' x",
                         stdin_mode=jobs_pb2.STDIN_PTY)
        processes.wait_dead(job.pid)
        self.client.run_job("sleep 0.5")  # longer than a holder waits for a terminal's end
        self.assertEqual(len(self.follow(job)), 75000)

    def test_a_job_that_is_held_back_is_not_idle(self):
        job = self.blocked("head -c 300000 /dev/zero; exec sleep 1000", idle_timeout_ms=600)
        self.client.run_job("sleep 1")
        self.assertEqual(self.client.get(job.id).state, engine.RUNNING)
        self.assertEqual(len(self.follow(job)), 300000)
        self.assertEnd(self.client.end(job.id), "KILLED", "TIMEOUT", 143)

    def test_a_stop_waits_for_no_reader(self):
        for mode in (jobs_pb2.STDIN_NULL, jobs_pb2.STDIN_PTY):
            job = self.blocked("while :; do echo 0123456789; done", stdin_mode=mode)
            answer = self.client.stop(job.id)
            self.assertTrue(answer.done)
            self.assertEnd(answer.job, "KILLED", "USER", 143)
            self.assertEqual(answer.job.stdout_info.stored, answer.job.stdout_info.end)
            self.assertEqual(len(self.follow(job)), answer.job.stdout_info.end)

    def test_a_shutdown_with_its_jobs_waits_for_no_reader(self):
        self.blocked("while :; do echo 0123456789; done")
        self.client.call("Engine.Shutdown", stop_jobs=True)
        self.assertEqual(self.engine.wait_exit(), 0)


class Disk(EngineTest):
    """The disk refuses: each fault stays until the holder's end, so that is how it goes away."""

    OPTIONS = ("--holder", engine.ARMED_HOLDER)

    def full(self, fault, **fields):
        self.engine.arm_holder(JOBWIRE_FAULT=fault)
        job = self.client.start("while :; do echo 0123456789; sleep 0.001; done", **fields)
        until(lambda: self.client.get(job.id).disk_full, "a full disk")
        return job

    def end(self, job):
        processes.kill(self.holder_of(job))
        return self.client.closed(job.id)

    def test_a_disk_quota_is_not_the_cap(self):
        job = self.full("pwrite:20:EDQUOT", cap_policy=jobs_pb2.CAP_END)
        self.assertFalse(self.client.get(job.id).stopping)
        self.assertEnd(self.end(job), "LOST", "LOST", 125)

    def test_a_record_that_cannot_be_synced_is_written_once(self):
        self.engine.arm_holder(JOBWIRE_FAULT="fdatasync:4:EIO")  # held, launch, begin, end
        job = self.client.start("exit 3", power_safe=True)
        self.assertEnd(self.client.closed(job.id), "FAILED", "EXIT", 3)
        kinds = record_kinds(os.path.join(self.engine.job_folder(job.id), "record"))
        self.assertEqual(kinds.count(RECORD_END), 1, kinds)
        self.assertEqual(kinds.count(RECORD_CLOSING), 1, kinds)

    def test_a_full_disk_is_told_once(self):
        self.engine.arm_holder()
        events = self.subscribe()
        job = self.full("pwrite:20:ENOSPC")
        self.engine.arm_holder()
        self.client.run_job("sleep 0.8")  # for some more tries
        self.end(job)
        notes = []
        while True:
            topic, event = events.next()
            if event.job_id != job.id or topic.endswith("/output"):
                continue
            if event.kind == engine_pb2.EVENT_NOTE:
                notes.append(event.detail)
            if event.kind == engine_pb2.EVENT_CLOSED:
                break
        self.assertEqual(len(notes), 1, notes)


if __name__ == "__main__":
    engine.main()
