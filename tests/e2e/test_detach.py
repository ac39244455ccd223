# SPDX-License-Identifier: MIT
"""Jobs that wait for their follower: what is said while the holder cannot hear it is not lost."""
import os
import signal

import engine
from engine import EngineTest
from processes import until
from sp import jobs_pb2

LINES = "while :; do echo 0123456789012345678901234567890123456789; done"


class Detach(EngineTest):
    def blocked_job(self):
        job = self.client.start(LINES, cap_policy=jobs_pb2.CAP_BLOCK, max_output_bytes=65536)
        until(lambda: self.client.get(job.id).blocked, "a job that waits for its reader")
        return job

    def away(self, job, act):
        """The engine dies, and act() while the next one cannot reach the job's holder."""
        holder = self.holder_of(job)
        self.engine.restart()
        client = self.engine.connect()
        until(lambda: client.get(job.id).blocked, "a holder that is known")
        os.kill(holder, signal.SIGSTOP)
        self.engine.restart()
        self.client = self.engine.connect()
        act()
        os.kill(holder, signal.SIGCONT)

    def test_a_detach_reaches_a_holder_that_was_away(self):
        job = self.blocked_job()
        end = self.client.get(job.id).stdout_info.end
        self.away(job, lambda: self.client.call("Jobs.Detach", job_id=job.id))
        until(lambda: self.client.get(job.id).stdout_info.end > end, "output that goes on")
        self.assertEqual(self.client.get(job.id).cap_policy, jobs_pb2.CAP_DROP)

    def test_a_detach_holds_for_the_next_engine(self):
        job = self.blocked_job()
        self.client.call("Jobs.Detach", job_id=job.id)
        self.engine.restart()
        self.client = self.engine.connect()
        self.assertEqual(self.client.get(job.id).cap_policy, jobs_pb2.CAP_DROP)

    def test_what_was_read_reaches_a_holder_that_was_away(self):
        job = self.blocked_job()
        end = self.client.get(job.id).stdout_info.end
        self.away(job, lambda: self.client.read(job.id, offset=end, consume=True))
        until(lambda: self.client.get(job.id).stdout_info.end > end, "output that goes on")


if __name__ == "__main__":
    engine.main()
