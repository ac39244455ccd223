# SPDX-License-Identifier: MIT
"""What happened, in order and without holes: WatchEvents, which keeps it, and events.sock."""
import time

from engine import STDERR, STDOUT, EngineTest, engine_pb2, fifo, jobs_pb2, main, open_gate, until
from sp import Subscriber

STATE, CLOSED, REMOVED, STARTED, STOPPING = (
    engine_pb2.EVENT_STATE, engine_pb2.EVENT_CLOSED, engine_pb2.EVENT_REMOVED,
    engine_pb2.EVENT_ENGINE_STARTED, engine_pb2.EVENT_ENGINE_STOPPING)
OUTPUT = engine_pb2.EVENT_OUTPUT
S = jobs_pb2.State.Value


def brief(event):
    """(kind, state) by their short names."""
    kind = engine_pb2.EventKind.Name(event.kind).removeprefix("EVENT_")
    return kind, jobs_pb2.State.Name(event.state).removeprefix("STATE_")


LIFE = [("STATE", "STARTING"), ("STATE", "RUNNING"), ("STATE", "COMPLETED"),
        ("CLOSED", "COMPLETED")]


class EventsTest(EngineTest):
    def watch(self, epoch=0, seq=0, **fields):
        return self.client.call("Engine.WatchEvents", epoch=epoch, seq=seq, **fields)

    def all_events(self, epoch=0, seq=0, **fields):
        """Everything after the point, and the point to go on from."""
        events = []
        while True:
            answer = self.watch(epoch, seq, **fields)
            self.assertFalse(answer.gap)
            if (answer.epoch, answer.seq) == (epoch, seq):
                return events, (epoch, seq)
            events += answer.events
            epoch, seq = answer.epoch, answer.seq

    def check_order(self, events):
        """seq rises by one within an epoch and begins with 1; topic_seq so for a job."""
        last = (0, 0)
        topics = {}
        for event in events:
            if event.epoch == last[0]:
                self.assertEqual(event.seq, last[1] + 1)
            else:
                self.assertEqual((event.epoch, event.seq), (last[0] + 1, 1))
            last = (event.epoch, event.seq)
            if event.job_id:
                self.assertEqual(event.topic_seq, topics.get(event.job_id, 0) + 1, event)
                topics[event.job_id] = event.topic_seq
        times = [event.time_ns for event in events]
        self.assertEqual(times, sorted(times))

    def restart(self):
        self.engine.restart()
        self.client = self.engine.connect()


class Watching(EventsTest):
    def test_a_jobs_life_is_told_from_start_to_removal(self):
        job = self.client.closed(self.client.start("exit 0", name="n", group="g").id)
        self.client.call("Jobs.Remove", job_id=job.id)
        events, point = self.all_events()
        self.assertEqual((events[0].kind, events[0].pid), (STARTED, self.engine.pid))
        mine = [event for event in events if event.job_id == job.id]
        self.assertEqual(list(map(brief, mine)), LIFE + [("REMOVED", "COMPLETED")])
        for event in mine:
            self.assertEqual((event.name, event.group, event.shell_code), ("n", "g", 0))
        self.assertEqual(mine[1].pid, job.pid)
        self.check_order(events)
        self.assertEqual(point, (1, self.client.info().last_event))

    def test_a_failure_says_why(self):
        job = self.client.closed(self.client.start("kill -9 $$").id)
        events, _ = self.all_events(filter={"job_ids": [job.id], "kinds": [STATE]})
        self.assertEqual((events[-1].reason, events[-1].shell_code, events[-1].detail),
                         (jobs_pb2.REASON_SIGNAL, 137, "died of SIGKILL"))

    def test_filters(self):
        jobs = [self.client.closed(self.client.start("true", group=group).id)
                for group in ("a", "b", "a")]
        _, point = self.all_events()
        for fields, expected in (
                ({"job_ids": [jobs[0].id]}, [jobs[0].id] * 4),
                ({"job_ids": [jobs[0].id, jobs[2].id], "kinds": [CLOSED]},
                 [jobs[0].id, jobs[2].id]),
                ({"group": "b"}, [jobs[1].id] * 4),
                ({"group": "a", "kinds": [CLOSED]}, [jobs[0].id, jobs[2].id]),
                ({"job_ids": [jobs[1].id], "group": "a"}, []),
                ({"kinds": [STARTED]}, [""]),
                ({"kinds": [OUTPUT]}, [])):
            events, reached = self.all_events(filter=fields)
            self.assertEqual([event.job_id for event in events], expected, fields)
            self.assertEqual(reached, point)

    def test_pages_have_no_holes(self):
        for _ in range(5):
            self.client.closed(self.client.start("true").id)
        whole, _ = self.all_events()
        for limit in (1, 2, 7):
            events, _ = self.all_events(limit=limit)
            self.assertEqual(events, whole)
        self.assertEqual(len(self.watch(limit=3).events), 3)
        self.check_order(whole)

    def test_a_wait_ends_at_its_time_or_with_an_event_that_passes(self):
        _, point = self.all_events()
        begin = time.monotonic()
        answer = self.watch(*point, wait_ms=300)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual((list(answer.events), (answer.epoch, answer.seq)), ([], point))
        other = self.engine.connect()
        waiting = other.send("Engine.WatchEvents", epoch=point[0], seq=point[1], wait_ms=60000,
                             filter={"group": "mine"})
        until(lambda: self.client.info().parked == 1, "it waits")
        self.client.closed(self.client.start("true", group="other").id)
        self.assertFalse(waiting.is_answered())
        job = self.client.start("true", group="mine")
        answer = waiting.result(20)
        self.assertEqual({event.job_id for event in answer.events}, {job.id})
        begun = list(answer.events)
        self.client.closed(job.id)
        rest, _ = self.all_events(answer.epoch, answer.seq, filter={"group": "mine"})
        self.assertEqual(list(map(brief, begun + rest)), LIFE)

    def test_from_now_leaves_out_what_was(self):
        self.client.closed(self.client.start("true").id)
        waiting = self.engine.connect().send("Engine.WatchEvents", from_now=True, wait_ms=60000)
        until(lambda: self.client.info().parked == 1, "it waits")
        job = self.client.start("true")
        self.assertEqual({event.job_id for event in waiting.result(20).events}, {job.id})

    def test_many_watchers_hear_the_same(self):
        _, point = self.all_events()
        clients = [self.engine.connect() for _ in range(20)]
        calls = [client.send("Engine.WatchEvents", epoch=point[0], seq=point[1], wait_ms=60000)
                 for client in clients]
        until(lambda: self.client.info().parked == 20, "they wait")
        job = self.client.start("true")
        for call in calls:
            self.assertEqual(brief(call.result(20).events[0]), LIFE[0])
        self.client.closed(job.id)


class Epochs(EventsTest):
    def test_events_are_replayed_across_engines(self):
        job = self.client.closed(self.client.start("true").id)
        before, point = self.all_events()
        self.restart()
        self.assertEqual(self.client.info().epoch, 2)
        after = self.client.closed(self.client.start("true").id)
        events, _ = self.all_events()
        self.assertEqual(events[:len(before)], before)
        self.check_order(events)
        rest, _ = self.all_events(*point)
        self.assertEqual(rest, events[len(before):])
        self.assertEqual((rest[0].kind, rest[0].epoch, rest[0].seq), (STARTED, 2, 1))
        self.assertEqual([brief(event) for event in rest if event.job_id == after.id], LIFE)
        self.assertNotIn(job.id, [event.job_id for event in rest])

    def test_an_engine_that_ends_in_peace_says_so(self):
        self.assertEqual(self.engine.kill(15), 0)
        self.engine.start()
        self.client = self.engine.connect()
        events, _ = self.all_events()
        self.assertEqual([event.kind for event in events], [STARTED, STOPPING, STARTED])
        self.check_order(events)

    def test_a_point_of_a_later_time_is_no_harm(self):
        _, (epoch, seq) = self.all_events()
        for point in ((epoch, seq + 1000), (epoch + 10, 0)):
            self.assertEqual(list(self.watch(*point).events), [])

    def test_what_was_told_is_kept_when_the_engine_is_killed(self):
        told, point = [], (0, 0)
        for number in range(5):
            for _ in range(number + 1):
                self.client.send_start("true")
            answer = self.watch(*point, wait_ms=5000)
            told += answer.events
            point = (answer.epoch, answer.seq)
            self.restart()
            answer = self.watch(*point)
            self.assertFalse(answer.gap)
        until(lambda: not self.client.info().running, "all have ended")
        events, _ = self.all_events()
        self.check_order(events)
        stored = {(event.epoch, event.seq): event for event in events}
        for event in told:
            self.assertEqual(stored[event.epoch, event.seq], event)

    def test_each_end_is_told_once_whoever_saw_it(self):
        jobs = []
        for _ in range(4):
            jobs += [self.client.start("seq 100; exit 3") for _ in range(3)]
            self.restart()
        for job in jobs:
            self.client.closed(job.id)
        events, _ = self.all_events()
        for job in jobs:
            mine = [brief(event) for event in events if event.job_id == job.id]
            self.assertEqual(mine.count(("STATE", "FAILED")), 1, mine)
            self.assertEqual(mine[-2:], [("STATE", "FAILED"), ("CLOSED", "FAILED")], mine)


class Published(EventsTest):
    def test_the_socket_tells_what_watch_events_tells(self):
        subscriber = self.subscribe()
        _, point = self.all_events()
        job = self.client.closed(self.client.start("echo hi; exit 0").id)
        self.client.call("Jobs.Remove", job_id=job.id)
        heard = []
        while not heard or heard[-1].kind != REMOVED:
            topic, event = subscriber.next()
            if topic == "job/%s/state" % job.id:
                heard.append(event)
            else:
                self.assertEqual(topic, "job/%s/output" % job.id)
        events, _ = self.all_events(*point)
        self.assertEqual(heard, events)

    def test_engines_are_a_topic_too(self):
        subscriber = self.subscribe()
        self.engine.kill(15)
        topic, event = subscriber.next()
        self.assertEqual((topic, event.kind), ("engine", STOPPING))


class Output(EventsTest):
    def follow(self, subscriber, job_id, may_miss=False):
        """Output as a subscriber puts it together until the job is closed: what events do not
        carry it reads by offset."""
        data = {STDOUT: b"", STDERR: b""}
        inlined, last_seq = 0, 0
        while True:
            topic, event = subscriber.next()
            if topic == "job/%s/state" % job_id and event.kind == CLOSED:
                break
            if topic != "job/%s/output" % job_id:
                continue
            self.assertGreater(event.topic_seq, last_seq)
            self.assertTrue(may_miss or event.topic_seq == last_seq + 1)
            last_seq = event.topic_seq
            self.assertLessEqual(len(event.data), 32 * 1024)
            self.assertLessEqual(event.offset + len(event.data), event.end)
            seen = data[event.stream]
            if event.offset > len(seen):
                seen += self.read_range(job_id, event.stream, len(seen), event.offset)
            seen += event.data[len(seen) - event.offset:]
            inlined += len(event.data)
            data[event.stream] = seen
        job = self.client.get(job_id)
        for stream, info in ((STDOUT, job.stdout_info), (STDERR, job.stderr_info)):
            data[stream] += self.read_range(job_id, stream, len(data[stream]), info.end)
        return data[STDOUT], data[STDERR], inlined

    def read_range(self, job_id, stream, start, end):
        data = b""
        while start + len(data) < end:
            data += self.client.read(job_id, stream, start + len(data),
                                     max_bytes=min(end - start - len(data), 262144)).data
        return data

    def test_a_subscriber_sees_every_byte_of_a_quiet_job_live(self):
        subscriber = self.subscribe()
        job = self.client.start("i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; "
                                "[ $((i % 20)) = 0 ] && sleep 0.01; i=$((i+1)); done")
        out, err, inlined = self.follow(subscriber, job.id)
        self.assertEqual(out, b"".join(b"out %d\n" % i for i in range(200)))
        self.assertEqual(err, b"".join(b"err %d\n" % i for i in range(200)))
        self.assertEqual(inlined, len(out) + len(err))

    def test_a_subscriber_of_a_loud_job_reads_what_was_not_inlined(self):
        subscriber = self.subscribe()
        job = self.client.start("head -c 20000000 /dev/urandom", max_output_bytes=1 << 28)
        out, err, inlined = self.follow(subscriber, job.id, may_miss=True)
        self.assertEqual((len(out), err), (20000000, b""))
        self.assertEqual(out, self.client.output(job.id))
        self.assertGreater(inlined, 0)

    def test_output_before_the_subscription_is_read_by_offset(self):
        gate = fifo(self.engine.top, "gate")
        job = self.client.start("echo before; read x < %s; echo behind" % gate)
        self.client.output_until(job.id, b"before\n")
        subscriber = self.subscribe()
        open_gate(gate)
        out, _, inlined = self.follow(subscriber, job.id)
        self.assertEqual((out, inlined), (b"before\nbehind\n", 7))

    def test_subscribers_come_and_go(self):
        job = self.client.start("while :; do echo line; sleep 0.01; done")
        for _ in range(20):
            subscriber = Subscriber(self.engine.state)
            while not (heard := subscriber.next())[0].endswith("/output"):
                pass
            self.assertEqual(heard[1].job_id, job.id)
            self.assertEqual(heard[1].data[:5], b"line\n")
            subscriber.close()
        self.client.stop(job.id, grace_ms=0)
        self.client.run_job("true")
        self.assertEqual(self.client.info().connections, 1)

    def test_the_first_byte_comes_at_once(self):
        subscriber = self.subscribe()
        gate = fifo(self.engine.top, "gate")
        job = self.client.start("read x < %s; echo first; exec sleep 1000" % gate)
        while subscriber.next()[1].state != S("STATE_RUNNING"):
            pass
        open_gate(gate)
        topic, event = subscriber.next(5)
        self.assertEqual((topic, event.data), ("job/%s/output" % job.id, b"first\n"))


if __name__ == "__main__":
    main()
