# SPDX-License-Identifier: MIT
"""Every call comes back in its time, whatever others ask for and whoever does not answer."""
import os
import signal
import time
import unittest

import engine
from engine import RUNNING, SANITIZED, EngineTest
from processes import until
from sp import RpcError, jobs_pb2

SLOW = 10 if SANITIZED else 1
BACKTRACKS = "[a-z]+[a-z]+0"


class Bounded(EngineTest):
    def seconds(self, call, *args, **fields):
        start = time.monotonic()
        try:
            return call(*args, **fields), time.monotonic() - start
        except RpcError as error:
            return error, time.monotonic() - start

    def test_many_long_lists_hold_up_nobody(self):
        for _ in range(100):
            self.client.start(["/bin/true"])
        running = self.client.start("sleep 600")
        others = [self.engine.connect() for _ in range(4)]
        pending = [other.send("Jobs.List", limit=1000) for other in others for _ in range(60)]
        _, seconds = self.seconds(self.client.call, "Jobs.Wait", job_ids=[running.id],
                                  wait_ms=50)
        self.assertLess(seconds, 1 * SLOW)
        for one in pending:
            self.assertGreaterEqual(len(one.result().jobs), 100)

    def test_input_for_a_halted_holder_is_answered(self):
        job = self.client.start("cat", stdin_mode=jobs_pb2.STDIN_PIPE)
        until(lambda: self.client.get(job.id).state == RUNNING, "a job that runs")
        holder = self.holder_of(self.client.get(job.id))
        os.kill(holder, signal.SIGSTOP)
        error, seconds = self.seconds(self.client.call, "Jobs.SendInput", job_id=job.id,
                                      data=b"x", wait_ms=500)
        os.kill(holder, signal.SIGCONT)
        self.assertIsInstance(error, RpcError)
        self.assertEqual(error.code, "UNAVAILABLE")
        self.assertIn("input_offset", error.message)
        self.assertLess(seconds, 10)

    def heavy_job(self):
        """Whose output makes a bad pattern take for ever."""
        return self.client.run_job("yes abcdefghijklmnopqrstuvwxyz | tr -d '\\n' | head -c 20000000")

    def wait_for_pattern(self, client, job, wait_ms):
        return client.send("Jobs.Wait", job_ids=[job.id], wait_ms=wait_ms,
                           pattern=jobs_pb2.Pattern(regex=BACKTRACKS))

    def test_a_bad_pattern_is_answered_in_time(self):
        job = self.heavy_job()
        for wait_ms in (0, 300):
            pending = self.wait_for_pattern(self.client, job, wait_ms)
            _, seconds = self.seconds(pending.result)
            self.assertLess(seconds, 3 * SLOW)

    def test_bad_patterns_hold_up_neither_sweep_nor_engine(self):
        job = self.heavy_job()
        lost = self.client.start("sleep 600 & echo up; wait")
        self.client.output_until(lost.id, b"up\n")
        others = [self.engine.connect() for _ in range(4)]
        for other in others:
            self.wait_for_pattern(other, job, 60000)
            other.call("Engine.Info")
        holder = self.holder_of(self.client.get(lost.id))
        start = time.monotonic()
        os.kill(holder, signal.SIGKILL)
        self.assertEqual(self.client.end(lost.id).state, engine.LOST)
        self.assertLess(time.monotonic() - start, 5 * SLOW)
        start = time.monotonic()
        self.engine.kill(signal.SIGTERM)
        self.assertLess(time.monotonic() - start, 5 * SLOW)

    def test_a_wait_for_many_jobs_costs_no_more_with_every_change(self):
        ended = self.client.run_job(["/bin/true", "x" * 100000] * 10)
        running = self.client.start("trap '' USR1; echo up; while :; do sleep 1; done")
        self.client.output_until(running.id, b"up\n")
        pending = self.client.send("Jobs.Wait", job_ids=[ended.id, running.id], wait_ms=60000)
        other = self.engine.connect()
        for _ in range(50):
            other.call("Jobs.Signal", job_id=running.id, signal=signal.SIGUSR1)
        other.stop(running.id, grace_ms=0)
        self.assertEqual(pending.result().outcome, jobs_pb2.OUTCOME_ENDED)


class NoQueue(EngineTest):
    OPTIONS = ("--max-queued=0", "--max-running=1")

    def test_a_queue_of_no_places_refuses_only_what_would_wait(self):
        job = self.client.start("sleep 600")
        self.assertCode("RESOURCE_EXHAUSTED", self.client.start, "true")
        self.client.stop(job.id, grace_ms=0)
        self.client.closed(job.id)
        self.client.run_job("true")


if __name__ == "__main__":
    unittest.main(verbosity=2)
