# SPDX-License-Identifier: MIT
"""The database refuses writes for a while: nothing that happens meanwhile is lost or told wrongly."""
import contextlib
import os
import sqlite3
import time

from engine import COMPLETED, EngineTest, engine_pb2, fifo, main, open_gate
from processes import until


class StoreTrouble(EngineTest):

    @contextlib.contextmanager
    def locked(self):
        """Somebody else holds the database's write lock."""
        other = sqlite3.connect(os.path.join(self.engine.state, "jobwire.db"),
                                isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")
            other.close()

    def wait_trouble(self):
        until(lambda: self.client.info().trouble, "an engine that says its trouble")

    def wait_well(self):
        until(lambda: not self.client.info().trouble, "an engine that is well again")

    def events_after(self, point, **fields):
        return self.client.call("Engine.WatchEvents", epoch=point.epoch, seq=point.last_event,
                                **fields)

    def gated(self):
        """(a job that runs until its gate is opened, the gate)."""
        gate = fifo(self.engine.top, "gate%d" % len(os.listdir(self.engine.top)))
        return self.client.start("cat " + gate), gate

    def test_events_are_published_when_they_are_stored_and_none_is_lost(self):
        subscriber = self.subscribe()
        job, gate = self.gated()
        point = self.client.info()
        watch = self.engine.connect().send(
            "Engine.WatchEvents", epoch=point.epoch, seq=point.last_event, wait_ms=60000,
            filter={"job_ids": [job.id]})
        with self.locked():
            open_gate(gate)
            self.wait_trouble()
            self.assertEqual(self.client.closed(job.id).state, COMPLETED)
            self.assertFalse(watch.is_answered())
            stored = self.events_after(point)
            self.assertEqual((len(stored.events), stored.gap), (0, False))
        answer = watch.result()
        self.assertFalse(answer.gap)
        self.assertEqual([(event.kind, event.state) for event in answer.events],
                         [(engine_pb2.EVENT_STATE, COMPLETED),
                          (engine_pb2.EVENT_CLOSED, COMPLETED)])
        self.wait_well()
        seqs = [event.seq for event in self.events_after(point).events]
        self.assertEqual(seqs, list(range(point.last_event + 1, point.last_event + 1 + len(seqs))))
        heard = []
        while not heard or heard[-1].kind != engine_pb2.EVENT_CLOSED:
            event = subscriber.next()[1]
            if event.job_id == job.id and event.seq > point.last_event:
                heard.append(event)
        self.assertEqual([event.seq for event in heard], [event.seq for event in answer.events])

    def test_what_happens_beyond_the_limit_is_a_gap_that_is_said(self):
        job = self.client.start("exec sleep 1000")
        point = self.client.info()
        watch = self.engine.connect().send(
            "Engine.WatchEvents", epoch=point.epoch, seq=point.last_event, wait_ms=60000,
            filter={"kinds": [engine_pb2.EVENT_CLOSED]})
        with self.locked():
            for _ in range(30):
                notes = [self.client.send("Jobs.Detach", job_id=job.id, reason="r" * 500)
                         for _ in range(500)]
                for note in notes:
                    note.result()
            self.assertTrue(self.client.info().trouble)
        answer = watch.result()
        self.assertEqual((len(answer.events), answer.gap), (0, True))
        left = self.events_after(point, limit=1000)
        self.assertTrue(left.gap)
        self.assertGreater(left.events[0].seq, point.last_event + 1)
        self.assertEqual(len(left.events), 1000)
        # Whoever reads on from there misses nothing.
        last = self.client.info()
        while (left.epoch, left.seq) < (last.epoch, last.last_event):
            seq = left.seq
            left = self.client.call("Engine.WatchEvents", epoch=left.epoch, seq=seq, limit=1000)
            self.assertFalse(left.gap)
            self.assertEqual(left.events[0].seq, seq + 1)

    def test_the_engine_answers_meanwhile(self):
        job, gate = self.gated()
        with self.locked():
            open_gate(gate)
            self.wait_trouble()
            begin = time.monotonic()
            # Nothing can be started without its row, and that is said at once.
            for _ in range(10):
                self.assertCode("UNAVAILABLE", self.client.start, ["/bin/true"])
                self.assertEqual(self.client.get(job.id).id, job.id)
            self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(self.client.run_job(["/bin/true"]).shell_code, 0)

    def test_a_point_that_never_was_is_a_gap_and_is_set_right(self):
        info = self.client.info()
        for epoch, seq in ((info.epoch, info.last_event + 1), (info.epoch + 1, 0)):
            answer = self.client.call("Engine.WatchEvents", epoch=epoch, seq=seq, wait_ms=60000)
            self.assertTrue(answer.gap)
            self.assertEqual((answer.epoch, answer.seq), (info.epoch, info.last_event))
        answer = self.client.call("Engine.WatchEvents", epoch=info.epoch, seq=info.last_event)
        self.assertFalse(answer.gap)

    def test_a_reason_that_is_too_long_is_refused_and_the_longest_is_stored(self):
        job = self.client.start("exec sleep 1000")
        point = self.client.info()
        error = self.assertCode("INVALID_ARGUMENT", self.client.call, "Jobs.Detach",
                                job_id=job.id, reason="r" * 501)
        self.assertEqual(error.fields, ["reason"])
        self.client.call("Jobs.Detach", job_id=job.id, reason="r" * 500)
        events = self.events_after(point).events
        self.assertEqual([event.detail for event in events], ["r" * 500])

    def test_the_events_of_a_job_are_counted_across_engines_and_to_its_removal(self):
        job, gate = self.gated()
        self.client.call("Jobs.Detach", job_id=job.id, reason="a note")
        self.engine.restart()
        self.client = self.engine.connect()
        self.client.call("Jobs.Detach", job_id=job.id, reason="another")
        open_gate(gate)
        self.client.closed(job.id)
        self.client.call("Jobs.Remove", job_id=job.id)
        self.client.call("Engine.WatchEvents", wait_ms=60000,
                         filter={"kinds": [engine_pb2.EVENT_REMOVED]})
        answer = self.client.call("Engine.WatchEvents", filter={"job_ids": [job.id]})
        self.assertEqual(answer.events[-1].kind, engine_pb2.EVENT_REMOVED)
        self.assertEqual([event.topic_seq for event in answer.events],
                         list(range(1, len(answer.events) + 1)))

    def test_a_job_that_ends_meanwhile_leaves_when_it_is_written(self):
        job, gate = self.gated()
        with self.locked():
            open_gate(gate)
            self.client.closed(job.id)
            self.wait_trouble()
        until(lambda: self.client.info().lingering == 0, "a job that leaves")
        self.wait_well()
        self.client.send("Engine.Shutdown", stop_jobs=True)
        self.assertEqual(self.engine.wait_exit(), 0)


if __name__ == "__main__":
    main()
