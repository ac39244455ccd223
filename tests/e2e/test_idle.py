# SPDX-License-Identifier: MIT
"""Nothing to do, nothing done: with jobs that sleep and a client that is silent nobody wakes up.

The kernel counts how often each thread has gone to sleep: who has not woken up has not gone to
sleep again. JOBWIRE_IDLE_SECONDS is how long we look.
"""
import os
import select
import unittest

from engine import SANITIZED
from jobs_peer import JobsCase
from processes import parent_of

SECONDS = float(os.environ.get("JOBWIRE_IDLE_SECONDS", "5"))


def sleeps_of(pid):
    """{thread: how often it has gone to sleep}"""
    counts = {}
    for thread in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, thread)) as status:
            for line in status:
                if line.startswith("voluntary_ctxt_switches:"):
                    counts[pid, thread] = int(line.split()[1])
    return counts


@unittest.skipIf(SANITIZED, "a sanitizer has threads of its own that wake up")
class Idle(JobsCase):
    def test_nobody_wakes_up(self):
        jobs = [self.execute("exec sleep 600") for _ in range(5)]
        # After this wait its timer is gone, and so is all that the starts have left to do.
        self.tool("run_command", command="sleep 0.2")
        watched = [parent_of(self.tool("get_job_status", job_id=job)["pid"]) for job in jobs]
        watched += [self.home.engine_pid(), self.adapter.process.pid]
        self.assertEqual([self.name_of(pid) for pid in watched],
                         ["jobwire-holder"] * 5 + ["jobwired", "jobwire-mcp"])
        self.settle(watched)
        before = self.count(watched)
        self.look(SECONDS)
        self.assertEqual(self.count(watched), before)

    def test_nobody_wakes_up_for_a_pattern_that_does_not_come(self):
        job = self.execute("echo a; exec sleep 600")
        self.adapter.begin("wait_for_job", {"job_id": job, "pattern": "never"})
        self.tool("list_jobs")
        watched = [self.home.engine_pid(), self.adapter.process.pid]
        self.settle(watched)
        before = self.count(watched)
        self.look(SECONDS)
        self.assertEqual(self.count(watched), before)

    def settle(self, pids):
        """The last job's holder leaves, the database's log is folded back."""
        for _ in range(100):
            before = self.count(pids)
            self.look(0.2)
            if self.count(pids) == before:
                return
        self.fail("somebody wakes up all the time")

    def look(self, seconds):
        select.select([], [], [], seconds)

    def count(self, pids):
        return {key: value for pid in pids for key, value in sleeps_of(pid).items()}

    def name_of(self, pid):
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return os.path.basename(file.read().split(b"\0")[0].decode())


if __name__ == "__main__":
    unittest.main()
