# SPDX-License-Identifier: MIT
"""A Shutdown that stops all jobs comes to its end whatever becomes of who asked for it."""
import contextlib
import os
import signal
import sys

import processes
from engine import EngineTest, fifo, main, open_gate
from processes import until
from sp import RpcError

# One process, so that a signal finds nobody between two commands.
PATIENT = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"told\\n"))
os.write(1, b"ready\\n")
open(sys.argv[1]).read()
"""


class Shutdown(EngineTest):

    def leave(self, heard):
        """Ask for it, and be gone as soon as the engine has heard."""
        client = self.engine.connect()
        pending = client.send("Engine.Shutdown", stop_jobs=True, grace_ms=50000)
        heard()
        self.assertFalse(pending.is_answered())
        client.close()

    def start_patient(self):
        """(the job, its gate): told to end, it says so and waits for the gate."""
        gate = fifo(self.engine.top, "gate")
        job = self.client.start([sys.executable, "-c", PATIENT, gate])
        self.client.output_until(job.id, b"ready\n")
        return job, gate

    def start_until_refused(self):
        with contextlib.suppress(RpcError):
            while True:
                self.client.run_job(["/bin/true"])

    def one_that_waits(self):
        """A Shutdown; None while the engine has not noticed that the first client is gone."""
        pending = self.engine.connect().send("Engine.Shutdown", stop_jobs=True, grace_ms=0)
        for _ in range(20):
            self.client.info()
        if not pending.is_answered():
            return pending
        self.assertCode("FAILED_PRECONDITION", pending.result)
        return None

    def ended(self, job):
        """The job, as the next engine finds it."""
        self.assertEqual(self.engine.wait_exit(), 0)
        self.engine.start()
        self.client = self.engine.connect()
        return self.client.get(job.id)

    def test_jobs_have_their_grace_also_when_the_client_leaves(self):
        job, gate = self.start_patient()
        self.leave(lambda: self.client.output_until(job.id, b"told\n"))
        self.assertTrue(self.client.info().pid)
        open_gate(gate)
        self.assertEnd(self.ended(job), "KILLED", "USER", 143)

    def test_somebody_else_may_wait_for_it(self):
        job, gate = self.start_patient()
        self.leave(lambda: self.client.output_until(job.id, b"told\n"))
        other = until(self.one_that_waits, "a Shutdown that is taken")
        self.assertCode("FAILED_PRECONDITION", self.client.call, "Engine.Shutdown",
                        stop_jobs=True)
        open_gate(gate)
        answer = other.result()
        self.assertEqual((answer.stopped_jobs, answer.kept_jobs), (1, 0))
        self.assertEnd(self.ended(job), "KILLED", "USER", 143)

    def test_a_job_that_is_not_found_yet_is_stopped_when_it_is(self):
        job = self.client.start("exec sleep 1000")
        holder = self.holder_of(job)
        os.kill(holder, signal.SIGSTOP)
        processes.wait_stopped(holder)
        self.engine.restart()
        self.client = self.engine.connect()
        self.leave(self.start_until_refused)
        self.assertTrue(self.client.info().pid)
        os.kill(holder, signal.SIGCONT)
        self.assertEnd(self.ended(job), "KILLED", "USER", 143)


if __name__ == "__main__":
    main()
