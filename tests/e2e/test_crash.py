# SPDX-License-Identifier: MIT
"""SIGKILL at any moment: of the engine nothing is lost, of a holder nothing that it had stored.

JOBWIRE_CRASH_ROUNDS says how often the engine is killed at random (5), JOBWIRE_CRASH_SEED when.
"""
import os
import random
import signal
import textwrap
import threading
import unittest

import processes
from engine import (ARMED_HOLDER, COMPLETED, FAILED, HOLDER, JOBWIRED, LOST, RUNNING,
                    STDERR, STDOUT, EngineTest, jobs_pb2, main, until)
from sp import Client, Closed

ROUNDS = int(os.environ.get("JOBWIRE_CRASH_ROUNDS", "5"))
SEED = os.environ.get("JOBWIRE_CRASH_SEED", "jobwire")


def has_points(program):
    with open(program, "rb") as file:
        return b"JOBWIRE_STOP_AT" in file.read()


class CrashTest(EngineTest):
    def start_again(self, *options):
        self.engine.start(*options)
        self.client = self.engine.connect()

    def kill_engine(self):
        self.engine.kill()

    def folders(self):
        """Ids of the jobs that have a folder."""
        return [name for _, names, _ in os.walk(os.path.join(self.engine.state, "jobs"))
                for name in names if len(name) > 2]


class Printer:
    """A job whose every byte is known: numbered lines on both streams, a code of its own, and a
    line in a file for each time that it ran."""

    SCRIPT = textwrap.dedent("""
        echo %(key)s >> %(ran)s
        i=0
        while [ $i -lt %(lines)d ]; do
            echo "%(key)s stdout line $i"
            [ $((i %% 3)) = 0 ] && echo "%(key)s stderr line $i" >&2
            [ $((i %% %(pause)d)) = 0 ] && sleep 0.01
            i=$((i + 1))
        done
        exit %(code)d
    """)

    def __init__(self, rng, key, ran):
        self.key = key
        self.lines = rng.choice((0, 1, 10, 300, 3000))
        self.code = rng.randrange(256)
        self.command = self.SCRIPT % {"key": key, "ran": ran, "lines": self.lines,
                                      "pause": rng.choice((10, 100, 1000)), "code": self.code}
        self.pending = None
        self.job = None

    def send(self, client):
        self.pending = client.send_start(self.command, key=self.key)

    def settle(self, client):
        """The job, however often it must be asked for."""
        if self.pending:
            try:
                self.job = self.pending.result().job
            except Closed:
                self.pending = client.send_start(self.command, key=self.key)
                self.job = self.pending.result().job
            self.pending = None

    def stdout(self):
        return b"".join(b"%s stdout line %d\n" % (self.key.encode(), i) for i in range(self.lines))

    def stderr(self):
        return b"".join(b"%s stderr line %d\n" % (self.key.encode(), i)
                        for i in range(0, self.lines, 3))


class Follower(threading.Thread):
    """Reads one job's stdout from the first byte to the last, whatever becomes of engines."""

    def __init__(self, state, job_id):
        super().__init__()
        self.state = state
        self.job_id = job_id
        self.data = b""
        self.trouble = None
        self.start()

    def run(self):
        try:
            until(self.read_some, "the job's end")
        except Exception as trouble:  # for the test, which looks at it
            self.trouble = trouble

    def read_some(self):
        """True at the end, False when there is no engine."""
        try:
            client = Client(self.state)
        except (OSError, Closed):
            return False
        try:
            while True:
                answer = client.read(self.job_id, STDOUT, len(self.data), wait_ms=5000)
                if answer.gap_bytes or answer.offset != len(self.data):
                    raise AssertionError("not where it was asked for: %s" % answer)
                self.data += answer.data
                if answer.ended and len(self.data) >= answer.drained_offset:
                    return True
        except Closed:
            return False
        finally:
            client.close()


class Rounds(CrashTest):
    def test_no_byte_and_no_exit_code_is_lost(self):
        rng = random.Random(SEED)
        ran = os.path.join(self.engine.top, "ran")
        printers, followers = [], []
        for number in range(ROUNDS):
            new = [Printer(rng, "r%d.%d" % (number, i), ran) for i in range(5)]
            for printer in new[:3]:
                printer.send(self.client)
                printer.settle(self.client)
            followers.append(Follower(self.engine.state, new[0].job.id))
            for printer in new[3:]:
                printer.send(self.client)
            processes.until_passed(rng.uniform(0, 0.12))
            self.kill_engine()
            self.start_again()
            for printer in new:
                printer.settle(self.client)
            printers += new
            if number >= 4:
                self.check(printers[-25:-20])
        self.check(printers)
        for follower, printer in zip(followers, printers[::5]):
            follower.join()
            self.assertIsNone(follower.trouble, "seed %s" % SEED)
            self.assertEqual(follower.data, printer.stdout())
        with open(ran) as file:
            self.assertEqual(sorted(file.read().split()), sorted(p.key for p in printers))
        self.assertEqual(sorted(self.folders()), sorted(p.job.id for p in printers))
        self.assertEqual(self.client.info().epoch, ROUNDS + 1)

    def check(self, printers):
        for printer in printers:
            what = "seed %s, job %s" % (SEED, printer.key)
            job = self.client.end(printer.job.id)
            self.assertEqual(job.exit_code, printer.code, (what, job))
            self.assertEqual(job.state, FAILED if printer.code else COMPLETED, what)
            out, err = printer.stdout(), printer.stderr()
            self.assertEqual(self.client.output(job.id, STDOUT), out, what)
            self.assertEqual(self.client.output(job.id, STDERR), err, what)
            self.assertEqual((job.stdout_info.end, job.stderr_info.end), (len(out), len(err)), what)
            both = self.client.output(job.id, jobs_pb2.STREAM_COMBINED)
            self.assertEqual(sorted(both.splitlines()), sorted((out + err).splitlines()), what)


class Engines(CrashTest):
    def test_an_engine_that_dies_again_and_again_at_its_start(self):
        """Killed while it looks for the holders."""
        rng = random.Random(SEED)
        jobs = [self.client.start("read x; echo $x; exit 3", stdin_mode=jobs_pb2.STDIN_PIPE)
                for _ in range(8)]
        for _ in range(6):
            self.kill_engine()
            self.engine.spawn()
            processes.until_passed(rng.uniform(0, 0.03))
        self.kill_engine()
        self.start_again()
        for job in jobs:
            self.assertEqual(self.client.get(job.id).state, RUNNING)
            self.client.type(job.id, b"still here\n")
        for job in jobs:
            self.assertEnd(self.client.end(job.id), "FAILED", "EXIT", 3)
            self.assertEqual(self.client.output(job.id), b"still here\n")

    def test_what_is_asked_before_a_holder_is_found_again_is_done(self):
        job = self.client.start(
            "trap 'echo signal' USR1; echo up; while :; do read x && echo $x; done",
            stdin_mode=jobs_pb2.STDIN_PIPE)
        self.client.output_until(job.id, b"up")
        holder = self.holder_of(job)
        os.kill(holder, signal.SIGSTOP)
        self.kill_engine()
        self.start_again()
        asked = self.engine.connect()
        typed = [asked.send("Jobs.SendInput", job_id=job.id, data=b"%d\n" % i, wait_ms=30000)
                 for i in range(3)]
        signalled = asked.send("Jobs.Signal", job_id=job.id, signal=signal.SIGUSR1)
        self.client.info()
        os.kill(holder, signal.SIGCONT)
        # Those that are under way together are carried out in any order.
        offsets = [call.result().next_offset for call in typed]
        self.assertEqual(sorted(offsets), [2, 4, 6])
        self.assertEqual(signalled.result().processes, 1)
        self.client.output_until(job.id, b"signal\n")
        typed = b"".join(b"%d\n" % offsets.index(offset) for offset in sorted(offsets))
        until(lambda: typed in self.client.read(job.id).data.replace(b"signal\n", b""),
              "all that was typed")
        self.assertTrue(self.client.stop(job.id).done)

    def test_a_job_that_ended_and_wrote_while_there_was_no_engine(self):
        jobs = [self.client.start("while [ ! -e go ]; do sleep 0.01; done; seq 20000; exit 7",
                                  cwd=self.engine.top.encode()) for _ in range(3)]
        self.kill_engine()
        with open(os.path.join(self.engine.top, "go"), "w"):
            pass
        for job in jobs:
            processes.wait_dead(job.pid)
        self.start_again()
        for job in jobs:
            ended = self.client.end(job.id)
            self.assertEnd(ended, "FAILED", "EXIT", 7)
            self.assertLess(job.started_ns, ended.ended_ns)
            self.assertEqual(self.client.output(job.id).split(),
                             [b"%d" % i for i in range(1, 20001)])

    def test_a_timeout_strikes_while_there_is_no_engine(self):
        job = self.client.start("sleep 1000 & exec sleep 1000", timeout_ms=300)
        self.kill_engine()
        processes.wait_dead(job.pid)
        self.start_again()
        self.assertEnd(self.client.end(job.id), "KILLED", "TIMEOUT", 143)

    def test_a_stop_goes_on_without_the_engine_and_with_the_next(self):
        for restart_first in (False, True):
            job = self.client.start("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; while :; do "
                                    "sleep 0.02; done' & setsid sh -c 'trap \"\" TERM; echo $$; "
                                    "while :; do sleep 0.02; done' & wait; wait; exec sleep 1000")
            until(lambda: self.client.read(job.id).data.count(b"\n") == 2, "both pids")
            pids = self.pids_in(self.client.read(job.id).data) + [job.pid]
            self.client.send("Jobs.Stop", job_id=job.id, grace_ms=400)
            until(lambda: self.client.get(job.id).stopping, "the stop is under way")
            self.kill_engine()
            if restart_first:
                self.start_again()
            self.assertDead(pids)
            if not restart_first:
                self.start_again()
            self.assertEnd(self.client.end(job.id), "KILLED", "USER", 137)

    def test_a_start_that_was_answered_is_there(self):
        for number in range(10):
            job = self.client.start("exit %d" % (number + 1))
            self.kill_engine()
            self.start_again()
            self.assertEnd(self.client.end(job.id), "FAILED", "EXIT", number + 1)

    def test_a_stop_that_was_answered_stays_and_so_does_a_removal(self):
        for _ in range(5):
            stopped, removed = [self.client.start(["/bin/sleep", "1000"]) for _ in range(2)]
            self.client.stop(stopped.id)
            self.client.call("Jobs.Remove", job_id=removed.id, force=True)
            self.kill_engine()
            self.start_again()
            self.assertEnd(self.client.get(stopped.id), "KILLED", "USER", 143)
            self.assertCode("NOT_FOUND", self.client.get, removed.id)
        until(lambda: len(self.folders()) == 5, "the folders of what was removed are gone")


TREE = """
    sh -c 'echo $$; exec sleep 1000' &
    setsid sh -c 'echo $$; exec sleep 1000' </dev/null 2>/dev/null &
    (setsid sh -c 'sh -c "echo \\$\\$; exec sleep 1000" & exit') &
    echo $$
    while :; do sleep 0.05; done
"""
TREE_SIZE = 4

# Known by its parents alone: only a living engine, to which it comes, can tell whose it is.
HIDDEN = "setsid env -i /bin/sh -c 'echo $$; exec sleep 1000' &"


class Holders(CrashTest):
    def start_tree(self, more=""):
        job = self.client.start(more + textwrap.dedent(TREE))
        size = TREE_SIZE + bool(more)
        until(lambda: self.client.read(job.id).data.count(b"\n") == size, "all pids")
        return job, self.pids_in(self.client.read(job.id).data)

    def check_lost(self, job, pids, logged):
        ended = self.client.closed(job.id)
        self.assertEnd(ended, "LOST", "LOST", 125)
        self.assertIn("holder", ended.detail)
        self.assertEqual(ended.survivors, 0)
        self.assertDead(pids)
        self.assertEqual(self.client.output(job.id), logged)
        self.assertNotEqual(ended.WhichOneof("exit"), "exit_code")

    def test_a_killed_holders_job_is_lost_and_its_tree_dead(self):
        job, pids = self.start_tree(HIDDEN)
        logged = self.client.read(job.id).data
        processes.kill(self.holder_of(job))
        self.check_lost(job, pids, logged)

    def test_a_holder_that_was_killed_without_an_engine(self):
        job, pids = self.start_tree()
        logged = self.client.read(job.id).data
        holder = self.holder_of(job)
        self.kill_engine()
        processes.kill(holder)
        processes.wait_dead(holder)
        self.start_again()
        self.check_lost(job, pids, logged)

    def test_one_holders_death_is_its_own_jobs_alone(self):
        other, other_pids = self.start_tree()
        job, pids = self.start_tree()
        processes.kill(self.holder_of(job))
        self.assertEqual(self.client.closed(job.id).state, LOST)
        self.assertDead(pids)
        self.assertEqual(self.client.get(other.id).state, RUNNING)
        for pid in other_pids:
            self.assertTrue(processes.is_alive(pid), processes.name_of(pid))

    def test_what_was_logged_is_there(self):
        rng = random.Random(SEED)
        for _ in range(5):
            job = self.client.start("i=0; while :; do echo line $i; echo err $i >&2; "
                                    "i=$((i+1)); done", max_output_bytes=1 << 30)
            self.client.output_until(job.id, b"line 10\n")
            processes.until_passed(rng.uniform(0, 0.05))
            seen = self.client.get(job.id)
            processes.kill(self.holder_of(job))
            ended = self.client.closed(job.id)
            self.assertEqual(ended.state, LOST)
            for stream, word, before, after in (
                    (STDOUT, b"line", seen.stdout_info, ended.stdout_info),
                    (STDERR, b"err", seen.stderr_info, ended.stderr_info)):
                data = self.client.output(job.id, stream)
                self.assertGreaterEqual(len(data), before.stored)
                self.assertEqual(len(data), after.end)
                lines = data.split(b"\n")
                expected = [b"%s %d" % (word, i) for i in range(len(lines))]
                self.assertEqual(lines[:-1], expected[:-1])
                self.assertTrue(expected[-1].startswith(lines[-1]), lines[-1])

    def test_those_who_wait_hear_of_it(self):
        job = self.client.start("trap '' TERM; echo up; while :; do sleep 0.02; done",
                                stdin_mode=jobs_pb2.STDIN_PIPE)
        self.client.output_until(job.id, b"up")
        holder = self.holder_of(job)
        os.kill(holder, signal.SIGSTOP)
        waiting = self.engine.connect()
        calls = {name: waiting.send("Jobs." + name, job_id=job.id, **fields) for name, fields in {
            "Stop": {"grace_ms": 10000}, "Signal": {"signal": 10},
            "SendInput": {"data": b"x", "wait_ms": 30000}, "ReadOutput": {
                "offset": 3, "wait_ms": 30000}}.items()}
        ended = waiting.send("Jobs.Wait", job_ids=[job.id], wait_ms=30000)
        until(lambda: self.client.info().parked == 2, "they wait")
        processes.kill(holder)
        self.assertEqual(ended.result(20).jobs[0].state, LOST)
        self.assertTrue(calls["ReadOutput"].result(20).ended)
        self.assertTrue(calls["Stop"].result(20).done)
        for name in ("Signal", "SendInput"):
            self.assertCode("UNAVAILABLE", calls[name].result, 20)


@unittest.skipUnless(has_points(JOBWIRED), "a build without stop points")
class EnginePoints(CrashTest):
    """Killed at each step of a start."""

    POINTS = ("start.folder", "start.row", "start.holder")

    def halt_at(self, point, *options, **fields):
        """The engine is killed at this point of a start."""
        self.kill_engine()
        self.start_armed(point, *options)
        self.client.send_start(self.command(point), **fields)
        processes.wait_stopped(self.engine.pid)
        self.kill_engine()

    def start_armed(self, point, *options):
        self.engine.start(*options, env={"JOBWIRE_STOP_AT": point})
        self.client = self.engine.connect()

    def command(self, point):
        return "echo %s >> %s; exit 5" % (point, os.path.join(self.engine.top, "ran"))

    def ran(self):
        try:
            with open(os.path.join(self.engine.top, "ran")) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def test_a_start_that_nobody_tries_again_never_ran(self):
        for point in self.POINTS:
            with self.subTest(point):
                self.halt_at(point)
                self.start_again()
                until(lambda: not self.client.call("Jobs.List").jobs, "no job")
                until(lambda: not self.folders(), "no folder")
                self.assertEqual(self.client.run_job("exit 4").shell_code, 4)
                self.client.call("Jobs.Remove", job_id=self.client.call("Jobs.List").jobs[0].id)
        self.assertEqual(self.ran(), [])

    def test_a_start_that_is_tried_again_runs_once(self):
        for point in self.POINTS:
            with self.subTest(point):
                self.halt_at(point, key=point)
                self.start_again()
                job = self.client.start(self.command(point), key=point)
                self.assertEnd(self.client.end(job.id), "FAILED", "EXIT", 5)
                again = self.client.send_start(self.command(point), key=point).result()
                self.assertTrue(again.existing)
                self.assertEqual(again.job.id, job.id)
        self.assertEqual(self.ran(), list(self.POINTS))
        self.assertEqual(len(self.client.call("Jobs.List").jobs), len(self.POINTS))

    def test_a_start_is_tried_again_while_its_first_holder_lives(self):
        """It has the lock, and had no orders: until it has gone nobody knows that it never ran."""
        self.kill_engine()
        self.start_armed("start.holder")
        self.client.send_start(self.command("again"), key="k")
        processes.wait_stopped(self.engine.pid)
        holder = until(lambda: [pid for pid in processes.descendants(self.engine.pid)
                                if "jobwire-holder" in processes.name_of(pid)], "its holder")[0]
        os.kill(holder, signal.SIGSTOP)
        processes.wait_stopped(holder)
        self.kill_engine()
        self.start_again()
        pending = self.client.send_start(self.command("again"), key="k")
        self.client.info()
        self.assertFalse(pending.is_answered())
        os.kill(holder, signal.SIGCONT)
        answer = pending.result()
        self.assertFalse(answer.existing)
        self.assertEnd(self.client.end(answer.job.id), "FAILED", "EXIT", 5)
        self.assertEqual(self.ran(), ["again"])
        self.assertEqual(len(self.client.call("Jobs.List").jobs), 1)

    def test_a_start_that_waits_runs_once_at_most(self):
        for point in self.POINTS:
            with self.subTest(point):
                first = self.client.start(["/bin/sleep", "1000"])
                self.halt_at(point, "--max-running", "1", key=point)
                self.start_again("--max-running", "1")
                answer = self.client.send_start(self.command(point), key=point).result()
                self.client.stop(first.id)
                job = self.client.end(answer.job.id)
                self.assertEqual(self.ran().count(point), 1 if job.exit_code == 5 else 0)
                if not answer.existing:
                    self.assertEnd(job, "FAILED", "EXIT", 5)
                elif job.reason != jobs_pb2.REASON_EXIT:
                    self.assertEnd(job, "FAILED", "SPAWN", 126)
                    self.assertIn("before", job.detail)

    def test_an_engine_that_is_killed_when_it_is_ready(self):
        job = self.client.start("exec sleep 1000")
        self.kill_engine()
        self.engine.spawn(env={"JOBWIRE_STOP_AT": "engine.ready"})
        processes.wait_stopped(self.engine.pid)
        self.engine.kill()
        self.start_again()
        self.assertEqual(self.client.get(job.id).state, RUNNING)
        self.assertTrue(self.client.stop(job.id).done)


@unittest.skipUnless(has_points(HOLDER), "a build without stop points")
class HolderPoints(CrashTest):
    """Halted at each step of a job's life, with the engine or the holder killed there."""

    OPTIONS = ("--holder", ARMED_HOLDER)
    POINTS = ("holder.launch", "holder.running", "holder.end", "holder.closing")

    def new_engine(self, top=None):
        engine = super().new_engine(top)
        os.mkdir(engine.state, 0o700)
        engine.arm_holder()
        return engine

    def halt_at(self, point):
        """(Start under way, its holder, which halts there); the next holders do not."""
        self.engine.arm_holder(JOBWIRE_STOP_AT=point)
        pending = self.client.send_start("echo out; echo err >&2; exit 6")

        holder = until(self.halted, "a holder that halts at " + point)[0]
        self.engine.arm_holder()
        return pending, holder

    def halted(self):
        return [pid for pid in processes.descendants(os.getpid())
                if processes.state_of(pid) == "T" and "jobwire-holder" in processes.name_of(pid)]

    def check_whole(self, job_id):
        self.check_end(job_id)
        self.check_output(job_id, b"out\n", b"err\n")

    def check_end(self, job_id):
        job = self.client.closed(job_id)
        self.assertEnd(job, "FAILED", "EXIT", 6)
        self.assertEqual((job.exit_code, job.pid > 0), (6, True))
        self.assertLessEqual(job.created_ns, job.started_ns)
        self.assertLessEqual(job.started_ns, job.ended_ns)

    def check_output(self, job_id, out, err):
        self.assertEqual(self.client.output(job_id, STDOUT), out)
        self.assertEqual(self.client.output(job_id, STDERR), err)

    def job_id(self):
        return self.client.call("Jobs.List").jobs[0].id

    def test_the_engine_is_killed_there(self):
        for point in self.POINTS:
            for continue_first in (True, False):
                with self.subTest(point, continue_first=continue_first):
                    _, holder = self.halt_at(point)
                    self.kill_engine()
                    if continue_first:
                        os.kill(holder, signal.SIGCONT)
                        processes.wait_dead(holder)
                    self.start_again(*self.OPTIONS)
                    job_id = self.job_id()
                    if not continue_first:
                        self.client.get(job_id)
                        os.kill(holder, signal.SIGCONT)
                    self.check_whole(job_id)

    def test_a_job_ends_while_its_holder_is_found_again(self):
        """Its holder has the next engine's connection, and ends before it reads from it."""
        for heard_of_begin in (False, True):
            gate = os.path.join(self.engine.top, "gate%d" % heard_of_begin)
            command = "while [ ! -e %s ]; do sleep 0.01; done; echo out; exit 6" % gate
            self.engine.arm_holder(JOBWIRE_STOP_AT="holder.running")
            pending = self.client.send_start(command)
            holder = until(self.halted, "a holder that halts")[0]
            self.engine.arm_holder()
            if heard_of_begin:
                os.kill(holder, signal.SIGCONT)
                pending.result()
            self.kill_engine()
            os.kill(holder, signal.SIGCONT)
            control = os.path.join(self.engine.job_folder(self.folders()[0]), "control")
            until(lambda: os.path.exists(control), "the holder listens")
            os.kill(holder, signal.SIGSTOP)
            self.start_again(*self.OPTIONS)
            main_pid = [pid for pid in processes.descendants(holder)
                        if processes.parent_of(pid) == holder][0]
            with open(gate, "w"):
                pass
            processes.wait_dead(main_pid)
            os.kill(holder, signal.SIGCONT)
            job_id = self.job_id()
            self.check_end(job_id)
            self.check_output(job_id, b"out\n", b"")
            self.client.call("Jobs.Remove", job_id=job_id)
            until(lambda: not self.folders(), "its folder is gone")

    def test_the_holder_is_killed_there(self):
        self.check_killed_holders(False)

    def test_both_are_killed_there(self):
        self.check_killed_holders(True)

    def check_killed_holders(self, engine_too):
        for point in self.POINTS:
            with self.subTest(point):
                _, holder = self.halt_at(point)
                if engine_too:
                    self.kill_engine()
                processes.kill(holder)
                processes.wait_dead(holder)
                if engine_too:
                    self.start_again(*self.OPTIONS)
                job_id = self.job_id()
                if point == "holder.closing":
                    self.check_whole(job_id)
                    continue
                job = self.client.closed(job_id)
                self.assertEnd(job, "LOST", "LOST", 125)
                if job.pid:
                    self.assertDead([job.pid])
                if point == "holder.end":
                    self.check_output(job_id, b"out\n", b"err\n")


if __name__ == "__main__":
    main()
