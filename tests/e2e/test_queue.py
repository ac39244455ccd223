# SPDX-License-Identifier: MIT
"""Who runs and who waits, what a key has started, and what ends with its client."""
import os
import signal

import processes
from engine import (COMPLETED, KILLED, LOST, QUEUED, RUNNING, EngineTest, jobs_pb2, main, until,
                    wait_file)
from sp import Client

REJECT = jobs_pb2.WHEN_FULL_REJECT
SLEEP = ["/bin/sleep", "1000"]


class QueueTest(EngineTest):
    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.engine.top, "ran")

    def note(self, word):
        """A command that leaves a line behind."""
        return "echo %s >> %s" % (word, self.path)

    def notes(self):
        try:
            with open(self.path) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def state(self, job):
        return self.client.get(job.id).state

    def positions(self, jobs):
        return [self.client.get(job.id).queue_position for job in jobs]

    def wait_state(self, job, state):
        until(lambda: self.state(job) == state, jobs_pb2.State.Name(state))

    def restart(self):
        self.engine.restart(*self.OPTIONS)
        self.client = self.engine.connect()


class Slots(QueueTest):
    OPTIONS = ("--max-running", "2")

    def test_no_more_run_than_may(self):
        """Each job holds a folder while it runs: mkdir fails for a third one."""
        command = ("for i in 1 2; do if mkdir %s.$i 2>/dev/null; then sleep 0.02; rmdir %s.$i; "
                   "exit; fi; done; exit 9" % (self.path, self.path))
        jobs = [self.client.start(command) for _ in range(20)]
        self.assertIn(QUEUED, [job.state for job in jobs])
        for job in jobs:
            self.assertEnd(self.client.end(job.id), "COMPLETED", "EXIT", 0)

    def test_jobs_wait_in_the_order_in_which_they_came(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        jobs = [self.client.start(self.note(number)) for number in range(12)]
        self.assertEqual([job.state for job in jobs], [QUEUED] * 12)
        self.assertEqual([job.queue_position for job in jobs], list(range(1, 13)))
        self.assertEqual([job.pid for job in jobs], [0] * 12)
        info = self.client.info()
        self.assertEqual((info.running, info.queued, info.max_running), (2, 12, 2))
        self.client.stop(running[0].id, grace_ms=0)
        for job in jobs:
            self.assertEqual(self.client.end(job.id).state, COMPLETED)
        self.assertEqual(self.notes(), [str(number) for number in range(12)])

    def test_a_reject_is_refused_by_name_and_leaves_nothing(self):
        running = [self.client.start(SLEEP, when_full=REJECT) for _ in range(2)]
        error = self.assertCode("RESOURCE_EXHAUSTED", self.client.start, self.note("no"),
                                when_full=REJECT)
        self.assertEqual(error.fields, ["when_full"])
        self.assertIn("2 jobs", error.message)
        self.assertEqual(len(self.client.call("Jobs.List").jobs), 2)
        folders = [name for _, names, _ in os.walk(os.path.join(self.engine.state, "jobs"))
                   for name in names if len(name) > 2]
        self.assertEqual(sorted(folders), sorted(job.id for job in running))
        self.client.stop(running[0].id, grace_ms=0)
        self.assertEqual(self.client.start(SLEEP, when_full=REJECT).state, RUNNING)
        self.assertEqual(self.notes(), [])

    def test_a_refused_start_may_be_tried_again_with_its_key(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        self.assertCode("RESOURCE_EXHAUSTED", self.client.start, self.note("once"),
                        when_full=REJECT, key="k")
        self.client.stop(running[0].id, grace_ms=0)
        answer = self.client.send_start(self.note("once"), when_full=REJECT, key="k").result()
        self.assertFalse(answer.existing)
        self.client.end(answer.job.id)
        self.assertEqual(self.notes(), ["once"])

    def test_a_stop_cancels_what_waits(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        first, second, third = [self.client.start(self.note(n)) for n in range(3)]
        answer = self.client.stop(second.id)
        self.assertTrue(answer.done)
        self.assertFalse(answer.already_ended)
        self.assertEqual((answer.job.state, answer.job.reason, answer.job.pid, answer.job.started_ns),
                         (KILLED, jobs_pb2.REASON_USER, 0, 0))
        self.assertNotEqual(answer.job.closed_ns, 0)
        self.assertIn("before", answer.job.detail)
        self.assertEqual(self.positions([first, third]), [1, 2])
        self.assertEqual(self.client.output(second.id), b"")
        for job in running:
            self.client.stop(job.id, grace_ms=0)
        for job in (first, third):
            self.client.end(job.id)
        self.assertEqual(sorted(self.notes()), ["0", "2"])
        self.assertTrue(self.client.stop(second.id).already_ended)
        self.client.call("Jobs.Remove", job_id=second.id)

    def test_what_waits_can_be_removed_by_force_only(self):
        for _ in range(2):
            self.client.start(SLEEP)
        job = self.client.start(self.note("no"))
        self.assertCode("FAILED_PRECONDITION", self.client.call, "Jobs.Remove", job_id=job.id)
        self.client.call("Jobs.Remove", job_id=job.id, force=True)
        self.assertCode("NOT_FOUND", self.client.get, job.id)
        self.assertEqual(self.client.info().queued, 0)

    def test_a_signal_for_what_waits_is_refused(self):
        for _ in range(2):
            self.client.start(SLEEP)
        job = self.client.start(self.note("no"))
        self.assertCode("FAILED_PRECONDITION", self.client.call, "Jobs.Signal", job_id=job.id,
                        signal=15)
        self.assertEqual(self.state(job), QUEUED)

    def test_those_who_wait_for_what_waits_hear_of_its_end(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        job = self.client.start("echo late; exit 3")
        other = self.engine.connect()
        ended = other.send("Jobs.Wait", job_ids=[job.id], wait_ms=60000)
        written = other.send("Jobs.ReadOutput", job_id=job.id, wait_ms=60000)
        until(lambda: self.client.info().parked == 2, "two wait")
        self.client.stop(running[0].id, grace_ms=0)
        self.assertEnd(ended.result().jobs[0], "FAILED", "EXIT", 3)
        self.assertEqual(written.result().data, b"late\n")

    def test_what_cannot_be_executed_gives_its_slot_back(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        jobs = [self.client.start(["/nonexistent"]) for _ in range(5)]
        last = self.client.start(self.note("last"))
        self.client.stop(running[0].id, grace_ms=0)
        for job in jobs:
            self.assertEnd(self.client.end(job.id), "FAILED", "SPAWN", 127)
        self.client.end(last.id)
        self.assertEqual(self.notes(), ["last"])

    def test_what_waits_survives_the_engine_and_runs_once(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        jobs = [self.client.start(self.note(number) + "; echo $SECRET", base_env=[
            jobs_pb2.EnvVar(name="SECRET", value=b"s%d" % number)]) for number in range(6)]
        for _ in range(2):
            self.restart()
            until(lambda: self.positions(jobs) == [1, 2, 3, 4, 5, 6], "their places")
            self.assertEqual([self.state(job) for job in jobs], [QUEUED] * 6)
        self.client.stop(running[0].id, grace_ms=0)
        for number, job in enumerate(jobs):
            self.assertEqual(self.client.end(job.id).state, COMPLETED)
            self.assertEqual(self.client.output(job.id), b"s%d\n" % number)
        self.assertEqual(self.notes(), list("012345"))

    def test_a_slot_that_was_freed_while_the_engine_was_gone_goes_to_the_first(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        jobs = [self.client.start(self.note(number)) for number in range(10)]
        self.engine.kill()
        processes.kill(running[0].pid)
        processes.wait_dead(running[0].pid)
        self.engine.start(*self.OPTIONS)
        self.client = self.engine.connect()
        for job in jobs:
            self.assertEqual(self.client.end(job.id).state, COMPLETED)
        self.assertEqual(self.notes(), [str(number) for number in range(10)])

    def test_a_holder_that_is_halted_does_not_hold_up_the_others(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        jobs = [self.client.start(self.note(number)) for number in range(3)]
        halted = self.holders_of(jobs[0])[0]
        os.kill(halted, signal.SIGSTOP)
        self.engine.kill()
        processes.kill(running[0].pid)
        self.engine.start(*self.OPTIONS)
        self.client = self.engine.connect()
        for job in jobs[1:]:
            self.assertEqual(self.client.wait(job.id, 9).jobs[0].state, COMPLETED)
        os.kill(halted, signal.SIGCONT)
        self.assertEqual(self.client.end(jobs[0].id).state, COMPLETED)
        self.assertEqual(self.notes(), ["1", "2", "0"])

    def holders_of(self, job):
        return [pid for pid in processes.descendants(os.getpid())
                if job.id in processes.name_of(pid)]

    def test_what_waits_is_told_of_when_its_holder_was_killed(self):
        running = [self.client.start(SLEEP) for _ in range(2)]
        job, last = self.client.start(self.note("no")), self.client.start(self.note("last"))
        holders = self.holders_of(job)
        self.assertEqual(len(holders), 1)
        processes.kill(holders[0])
        ended = self.client.end(job.id)
        self.assertNotEqual(ended.state, LOST)
        self.assertEqual((ended.state, ended.reason, ended.pid),
                         (jobs_pb2.STATE_FAILED, jobs_pb2.REASON_SPAWN, 0))
        self.assertIn("before", ended.detail)
        self.client.stop(running[0].id, grace_ms=0)
        self.client.end(last.id)
        self.assertEqual(self.notes(), ["last"])


class Length(QueueTest):
    OPTIONS = ("--max-running", "1", "--max-queued", "3")

    def test_a_queue_that_is_full_refuses(self):
        self.client.start(SLEEP)
        jobs = [self.client.start(SLEEP) for _ in range(3)]
        error = self.assertCode("RESOURCE_EXHAUSTED", self.client.start, SLEEP)
        self.assertIn("3 jobs are waiting", error.message)
        self.client.stop(jobs[1].id)
        self.assertEqual(self.client.start(SLEEP).state, QUEUED)
        self.assertCode("RESOURCE_EXHAUSTED", self.client.start, SLEEP)


class Groups(QueueTest):
    def grouped(self, command, group="g", limit=2, **fields):
        return self.client.start(command, group=group, group_limit=limit, **fields)

    def test_a_group_has_its_own_limit(self):
        jobs = [self.grouped(SLEEP) for _ in range(4)]
        self.assertEqual([job.state for job in jobs], [RUNNING, RUNNING, QUEUED, QUEUED])
        others = [self.grouped(SLEEP, "other"), self.client.start(SLEEP)]
        for job in others:
            self.wait_state(job, RUNNING)
        self.client.stop(jobs[0].id, grace_ms=0)
        self.wait_state(jobs[2], RUNNING)
        self.assertEqual(self.state(jobs[3]), QUEUED)
        self.client.stop(jobs[1].id, grace_ms=0)
        self.wait_state(jobs[3], RUNNING)

    def test_a_full_group_rejects_by_name(self):
        jobs = [self.grouped(SLEEP, when_full=REJECT) for _ in range(2)]
        error = self.assertCode("RESOURCE_EXHAUSTED", self.grouped, SLEEP, when_full=REJECT)
        self.assertEqual(error.fields, ["group_limit"])
        self.assertIn("(2)", error.message)
        self.client.stop(jobs[0].id, grace_ms=0)
        self.assertEqual(self.grouped(SLEEP, when_full=REJECT).state, RUNNING)

    def test_ended_jobs_do_not_count(self):
        for _ in range(5):
            job = self.grouped("exit 0", when_full=REJECT, limit=1)
            self.client.end(job.id)

    def test_what_lingers_does_not_count(self):
        job = self.grouped("sleep 1000 &", limit=1, when_full=REJECT)
        self.client.end(job.id)
        self.assertEqual(self.client.info().lingering, 1)
        self.assertEqual(self.grouped("exit 0", limit=1, when_full=REJECT).state, RUNNING)

    def test_a_limit_holds_across_engines(self):
        jobs = [self.grouped(SLEEP) for _ in range(4)]
        self.restart()
        until(lambda: self.positions(jobs) == [0, 0, 1, 2], "their places")
        self.client.start(self.note("a job that comes and goes gives the queue a turn"))
        self.assertEqual([self.state(job) for job in jobs], [RUNNING, RUNNING, QUEUED, QUEUED])
        self.assertCode("RESOURCE_EXHAUSTED", self.grouped, SLEEP, when_full=REJECT)
        self.client.stop(jobs[1].id, grace_ms=0)
        self.wait_state(jobs[2], RUNNING)
        self.client.run_job("true")
        self.assertEqual(self.state(jobs[3]), QUEUED)


class Keys(QueueTest):
    def test_the_same_request_under_the_same_key_is_one_job(self):
        first = self.client.send_start(self.note("once"), key="k").result()
        self.assertFalse(first.existing)
        self.client.end(first.job.id)
        for client in (self.client, self.engine.connect()):
            again = client.send_start(self.note("once"), key="k").result()
            self.assertTrue(again.existing)
            self.assertEqual((again.job.id, again.job.state), (first.job.id, COMPLETED))
        self.assertEqual(self.notes(), ["once"])

    def test_another_request_under_the_same_key_is_refused_by_name(self):
        job = self.client.send_start(self.note("once"), key="k").result().job
        for fields in ({}, {"name": "n"}):
            command = self.note("once") if fields else self.note("twice")
            error = self.assertCode("ALREADY_EXISTS", self.client.start, command, key="k", **fields)
            self.assertEqual(error.fields, ["idempotency_key"])
            self.assertIn(job.id[:8], error.message)
        self.client.end(job.id)
        self.assertEqual(self.notes(), ["once"])

    def test_without_a_key_each_request_is_a_job(self):
        jobs = {self.client.run_job(self.note("x")).id for _ in range(3)}
        self.assertEqual(len(jobs), 3)
        self.assertEqual(self.notes(), ["x"] * 3)

    def test_the_key_of_a_removed_job_stays_taken(self):
        job = self.client.send_start(self.note("once"), key="k").result().job
        self.client.closed(job.id)
        self.client.call("Jobs.Remove", job_id=job.id)
        for _ in range(2):
            error = self.assertCode("ALREADY_EXISTS", self.client.start, self.note("once"), key="k")
            self.assertEqual(error.fields, ["idempotency_key"])
            self.assertIn("removed", error.message)
            self.restart()
        self.assertEqual(self.notes(), ["once"])

    def test_calls_at_the_same_time_are_one_job(self):
        clients = [self.engine.connect() for _ in range(10)]
        calls = [client.send_start(self.note("once"), key="k") for client in clients]
        answers = [call.result() for call in calls]
        self.assertEqual(len({answer.job.id for answer in answers}), 1)
        self.assertEqual(sum(not answer.existing for answer in answers), 1)
        self.client.end(answers[0].job.id)
        self.assertEqual(self.notes(), ["once"])

    def test_a_job_that_could_not_be_started_is_answered_again(self):
        first = self.client.start(["/nonexistent"], key="k")
        again = self.client.send_start(["/nonexistent"], key="k").result()
        self.assertTrue(again.existing)
        self.assertEqual((again.job.id, again.job.shell_code), (first.id, 127))

    def test_a_retry_behind_a_killed_engine_runs_once(self):
        """Whenever the engine was killed, the client that heard nothing tries again."""
        for number in range(12):
            word = "%d" % number
            client = Client(self.engine.state)
            pending = client.send_start(self.note(word), key=word)
            if number % 2:
                pending.result()
            self.engine.kill()
            client.close()
            self.engine.start()
            self.client = self.engine.connect()
            answer = self.client.send_start(self.note(word), key=word).result()
            self.assertEqual(self.client.end(answer.job.id).state, COMPLETED)
            self.assertEqual(self.notes()[number:], [word])
        self.assertEqual(len(self.client.call("Jobs.List").jobs), 12)


class Sessions(QueueTest):
    OPTIONS = ("--session-grace", "300ms")
    SESSION = jobs_pb2.LIFETIME_SESSION

    def start_both(self, client):
        jobs = (client.start("sleep 1000 & exec sleep 1000", lifetime=self.SESSION),
                client.start(SLEEP, lifetime=jobs_pb2.LIFETIME_KEEP))
        for job in jobs:
            self.assertEqual(job.session, "s")
        return jobs

    def check_both(self, jobs):
        mine, kept = jobs
        self.assertEnd(self.client.closed(mine.id), "KILLED", "USER", 143)
        self.assertDead([mine.pid])
        self.assertEqual(self.state(kept), RUNNING)

    def test_what_belongs_to_a_client_ends_with_it(self):
        client = self.engine.connect("s")
        jobs = self.start_both(client)
        client.close()
        self.check_both(jobs)

    def test_what_belongs_to_a_client_ends_with_its_last_connection(self):
        first, second = self.engine.connect("s"), self.engine.connect("s")
        jobs = self.start_both(first)
        second.info()
        first.close()
        until(lambda: self.client.info().connections == 2, "one connection is gone")
        second.read(jobs[0].id, wait_ms=600)  # twice the grace
        self.assertEqual(self.state(jobs[0]), RUNNING)
        second.close()
        self.check_both(jobs)

    def test_a_client_that_comes_back_within_the_grace_keeps_its_jobs(self):
        client = self.engine.connect("s")
        jobs = self.start_both(client)
        for _ in range(10):
            client.close()
            client = self.engine.connect("s")
            client.info()
        client.read(jobs[0].id, wait_ms=600)
        self.assertEqual(self.state(jobs[0]), RUNNING)
        client.close()
        self.check_both(jobs)

    def test_another_clients_end_is_no_matter(self):
        client, other = self.engine.connect("s"), self.engine.connect("t")
        jobs = self.start_both(client)
        other.start(SLEEP, lifetime=self.SESSION)
        other.close()
        until(lambda: self.client.info().running == 2, "the other one's job has ended")
        self.assertEqual(self.state(jobs[0]), RUNNING)

    def test_a_client_whose_engine_was_killed_keeps_its_jobs_by_coming_back(self):
        jobs = self.start_both(self.engine.connect("s"))
        self.restart()
        client = self.engine.connect("s")
        client.info()
        client.read(jobs[0].id, wait_ms=600)
        self.assertEqual(self.state(jobs[0]), RUNNING)
        client.close()
        self.check_both(jobs)

    def test_a_client_that_has_gone_with_its_engine_does_not_come_back(self):
        jobs = self.start_both(self.engine.connect("s"))
        self.restart()
        self.check_both(jobs)

    def test_what_was_detached_stays(self):
        client = self.engine.connect("s")
        mine, _ = jobs = self.start_both(client)
        client.call("Jobs.Detach", job_id=mine.id, reason="the user has left")
        client.close()
        until(lambda: self.client.info().connections == 1, "the connection is gone")
        self.client.read(mine.id, wait_ms=600)
        self.restart()
        self.client.read(mine.id, wait_ms=600)
        for job in jobs:
            self.assertEqual(self.state(job), RUNNING)
        self.assertEqual(self.client.get(mine.id).lifetime, jobs_pb2.LIFETIME_KEEP)

    def test_what_ends_with_a_session_needs_one(self):
        error = self.assertCode("INVALID_ARGUMENT", self.client.start, SLEEP,
                                lifetime=self.SESSION)
        self.assertEqual(error.fields, ["lifetime"])


class SessionsInTheQueue(QueueTest):
    OPTIONS = ("--session-grace", "100ms", "--max-running", "1")

    def test_what_waits_ends_with_its_client_too(self):
        first = self.client.start(SLEEP)
        client = self.engine.connect("s")
        job = client.start(self.note("no"), lifetime=jobs_pb2.LIFETIME_SESSION)
        client.close()
        ended = self.client.end(job.id)
        self.assertEqual((ended.state, ended.pid), (KILLED, 0))
        self.client.stop(first.id, grace_ms=0)
        self.client.start(self.note("last"))
        wait_file(self.path, lambda text: b"last" in text)
        self.assertEqual(self.notes(), ["last"])


if __name__ == "__main__":
    main()
