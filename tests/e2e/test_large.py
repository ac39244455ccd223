# SPDX-License-Identifier: MIT
"""Large commands, and many jobs in one reply: every message stays within the protocol's limit, and
the engine's memory within its own."""
import os
import subprocess

import processes
from engine import EngineTest, environment, jobs_pb2, main
from processes import until
from sp import BIN

MESSAGE_MAX = 4 << 20
BIG = b"true #" + b"x" * 1000000


class Large(EngineTest):

    def pages(self, **fields):
        """All jobs, page by page; no reply is larger than a message may be."""
        jobs, token = [], ""
        while True:
            answer = self.client.call("Jobs.List", page_token=token, **fields)
            self.assertLess(answer.ByteSize(), MESSAGE_MAX - 1024)
            self.assertTrue(answer.jobs or not token)
            jobs += answer.jobs
            token = answer.next_page_token
            if not token:
                return jobs

    def command(self, *words):
        """What the command line says; its exit status is 0."""
        done = subprocess.run([os.path.join(BIN, "jobwire"), "--state-dir", self.engine.state,
                               *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env=environment(self.engine.home))
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.decode()

    def test_jobs_with_large_commands_can_be_listed(self):
        ids = [self.client.run_job(BIG).id for _ in range(40)]
        jobs = self.pages()
        self.assertEqual([job.id for job in jobs], ids[::-1])
        for job in jobs:
            self.assertEqual(job.command, BIG[:4096])
        for job_id in ids:
            self.assertIn(job_id[:8], self.command("ls", "-a"))
        self.assertEqual(self.client.get(ids[0]).command, BIG)

    def test_many_jobs_with_many_labels_can_be_listed_and_waited_for(self):
        labels = [{"key": "k%02d" % i + "x" * 55, "value": "v" * 255} for i in range(32)]
        started = [self.client.send("Jobs.Start", argv=[b"/bin/true"], labels=labels)
                   for _ in range(460)]
        ids = [start.result().job.id for start in started]
        for job_id in ids:
            self.client.end(job_id)
        jobs = self.pages(limit=1000)
        self.assertEqual(sorted(job.id for job in jobs), sorted(ids))
        for job in jobs:
            self.assertEqual(len(job.labels), 32)
        answer = self.client.call("Jobs.Wait", job_ids=ids, wait_ms=1000)
        self.assertEqual(answer.outcome, jobs_pb2.OUTCOME_ENDED)
        self.assertEqual([job.id for job in answer.jobs], ids)
        self.assertLess(answer.ByteSize(), MESSAGE_MAX - 1024)
        self.assertEqual(len(answer.jobs[0].labels), 32)
        self.assertEqual({job.shell_code for job in answer.jobs}, {0})
        self.command("wait", *ids)

    def test_the_largest_request_has_a_reply(self):
        env = [{"name": "a%06d" % i, "value": b"v" * 190} for i in range(20000)]
        job = self.client.start(["/bin/true"], env=env)
        self.assertEqual(job.argv, [b"/bin/true"])
        self.assertEqual(len(self.client.get(job.id).env), 20000)
        env = [{"name": "a%06d" % i, "value": b"v" * 193} for i in range(20080)]
        job = self.client.start(["/bin/true"], env=env)
        self.assertEqual((job.argv, len(job.env)), ([b"/bin/true"], 0))
        self.client.stop(job.id)


class LargeQueue(EngineTest):
    OPTIONS = ("--max-running", "1")

    def holders_with(self, kib):
        """How many have so much memory."""
        return sum("jobwire-holder" in processes.name_of(pid) and
                   processes.memory_kib(pid) > kib
                   for pid in processes.descendants(self.engine.pid))

    def test_large_jobs_that_wait_take_no_memory_and_are_there_after_a_restart(self):
        self.client.start("exec sleep 1000")
        argv = [b"/bin/true"] + [b"x" * 130000] * 30
        before = processes.memory_kib(self.engine.pid, "VmRSS")
        ids = [self.client.start(argv).id for _ in range(40)]
        self.assertLess(processes.memory_kib(self.engine.pid, "VmRSS") - before, 60 * 1024)
        until(lambda: self.holders_with(30 * 130000 >> 10) == 40, "holders that know their jobs")
        self.engine.restart(*self.OPTIONS)
        self.client = self.engine.connect()
        self.assertEqual(self.client.info().queued, 40)
        self.assertEqual(self.client.get(ids[7]).argv, argv)

    def test_the_commands_of_jobs_that_wait_are_bounded_together(self):
        self.client.start("exec sleep 1000")
        argv = [b"/bin/true"] + [b"x" * 130000] * 30
        for _ in range(-(-(256 << 20) // (30 * 130000))):
            self.client.start(argv)
        error = self.assertCode("RESOURCE_EXHAUSTED", self.client.start, ["/bin/true"])
        self.assertIn("256 MiB", error.message)


if __name__ == "__main__":
    main()
