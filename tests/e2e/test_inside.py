# SPDX-License-Identifier: MIT
"""An engine that a job started would be part of the job's tree and end with it: it is refused."""
import os

import engine
from engine import BIN, COMPLETED, EngineTest, fifo, open_gate, wait_file

JOBWIRE = os.path.join(BIN, "jobwire")


class Inside(EngineTest):
    def command(self, text):
        return "export JOBWIRE_STATE_DIR=%s\n%s" % (self.engine.state, text)

    def test_an_engine_does_not_start_inside_of_a_job(self):
        gate = fifo(self.engine.top, "gate")
        job = self.client.start(self.command(
            "read x <%s; kill -9 %d; while kill -0 %d; do :; done 2>/dev/null; (setsid %s start true); "
            "echo status $?; env -u JOBWIRE_JOB_ID %s/jobwired --background; echo status $?; "
            "echo . >%s/done"
            % (gate, self.engine.pid, self.engine.pid, JOBWIRE, BIN, self.engine.top)))
        open_gate(gate)
        self.engine.wait_exit()
        wait_file(os.path.join(self.engine.top, "done"), len)
        self.engine.start()
        self.client = self.engine.connect()
        self.assertEqual(self.client.end(job.id).state, COMPLETED)
        self.assertEqual(self.client.output(job.id), b"status 125\nstatus 1\n")
        said = self.client.output(job.id, engine.STDERR).decode()
        self.assertEqual(said.count("inside of job " + job.id[:8]), 2, said)

    def test_a_restart_inside_of_a_job_leaves_the_engine_alone(self):
        job = self.client.run_job(self.command("%s engine restart; echo status $?" % JOBWIRE))
        self.assertEqual(self.client.output(job.id), b"status 1\n")
        self.assertEqual(self.client.info().pid, self.engine.pid)

    def test_an_engine_of_another_folder_is_like_any_other_process(self):
        job = self.client.run_job(
            "export JOBWIRE_STATE_DIR=%s/other; %s run echo hi && %s engine stop >&2"
            % (self.engine.top, JOBWIRE, JOBWIRE))
        self.assertEqual((job.state, self.client.output(job.id)), (COMPLETED, b"hi\n"))


if __name__ == "__main__":
    engine.main()
