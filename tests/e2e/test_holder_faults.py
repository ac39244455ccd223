# SPDX-License-Identifier: MIT
"""What goes wrong around a holder, or under it: the job and what is told of it stay right."""
import os
import struct

import engine
import processes
from engine import EngineTest, jobs_pb2, until

RECORD_LAUNCH = 2
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


if __name__ == "__main__":
    engine.main()
