# SPDX-License-Identifier: MIT
"""Stop and Signal: the whole tree, whatever it does to be missed, and what the reply says."""
import os
import signal
import textwrap
import time

import processes
from engine import RUNNING, EngineTest, jobs_pb2, main, until

PYTHON = "/usr/bin/python3"

# Prints the pid of each process of a tree that does not want to go, one a line.
TREE = """
    trap '' TERM
    sh -c 'echo $$; exec sleep 1000' &
    setsid sh -c 'echo $$; exec sleep 1000' &
    setsid sh -c 'sh -c "echo \\$\\$; exec sleep 1000" & exit' &
    sh -c 'trap "" TERM INT HUP; echo $$; while :; do sleep 0.05; done' &
    sh -c 'echo $$; kill -STOP $$; exec sleep 1000' &
    setsid sh -c 'cd /; echo $$; exec sleep 1000 </dev/null >/dev/null 2>&1' &
    (unset JOBWIRE_JOB_ID; setsid env -i /bin/sh -c 'echo $$; exec sleep 1000') &
    echo $$
    while :; do sleep 0.05; done
"""
TREE_SIZE = 8


class Trees(EngineTest):
    def start_tree(self, script=TREE, size=TREE_SIZE, **fields):
        """(job, pids)"""
        job = self.client.start(textwrap.dedent(script), **fields)
        data = until(lambda: self.whole(job, size), "%d pids" % size)
        return job, self.pids_in(data)

    def whole(self, job, size):
        data = self.client.read(job.id).data
        return data if data.count(b"\n") >= size else None

    def test_a_stop_takes_the_whole_tree_and_counts_it(self):
        job, pids = self.start_tree()
        answer = self.client.stop(job.id, grace_ms=300)
        self.assertTrue(answer.done)
        self.assertEqual(answer.survivors, 0)
        self.assertGreaterEqual(answer.killed_processes, TREE_SIZE)
        for pid in pids:
            self.assertFalse(processes.is_alive(pid), processes.name_of(pid))
        self.assertEnd(answer.job, "KILLED", "USER", 137)
        self.assertEqual(self.client.get(job.id).killed_processes, answer.killed_processes)

    def test_a_stop_without_grace_takes_the_whole_tree(self):
        job, pids = self.start_tree()
        answer = self.client.stop(job.id, grace_ms=0)
        self.assertTrue(answer.done)
        for pid in pids:
            self.assertFalse(processes.is_alive(pid), processes.name_of(pid))
        self.assertEnd(answer.job, "KILLED", "USER", 137)

    def test_the_first_signal_reaches_the_whole_tree(self):
        script = """
            setsid sh -c 'trap "echo daemon; exit" TERM; echo $$; while :; do sleep 0.02; done' &
            sh -c 'trap "echo child; exit" TERM; echo $$; while :; do sleep 0.02; done' &
            trap "echo main; exit 4" TERM; echo $$; while :; do sleep 0.02; done
        """
        job, pids = self.start_tree(script, 3)
        answer = self.client.stop(job.id, grace_ms=20000)
        self.assertTrue(answer.done)
        self.assertDead(pids)
        said = set(self.client.output(job.id).split())
        self.assertLessEqual({b"daemon", b"child", b"main"}, said)
        self.assertEnd(answer.job, "KILLED", "USER", 143)

    def test_who_needs_the_grace_has_it(self):
        job = self.client.start("trap 'sleep 0.5; echo tidy; exit' TERM; echo up; "
                                "while :; do sleep 0.02; done")
        self.client.output_until(job.id, b"up")
        self.assertTrue(self.client.stop(job.id, grace_ms=20000).done)
        self.assertEqual(self.client.output(job.id), b"up\ntidy\n")

    def test_a_tree_that_goes_at_once_costs_no_grace(self):
        job, _ = self.start_tree("setsid sh -c 'echo $$; exec sleep 1000' & echo $$; wait", 2)
        begin = time.monotonic()
        self.assertTrue(self.client.stop(job.id, grace_ms=30000).done)
        self.assertLess(time.monotonic() - begin, 10)

    def test_a_process_that_changes_its_pid_all_the_time_is_caught(self):
        hopper = """
            import os, time, signal
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.setsid()
            end = time.monotonic() + 60
            print("up", flush=True)
            while time.monotonic() < end:
                if os.fork():
                    os._exit(0)
                time.sleep(0.002)
        """
        job = self.client.start("%s -c '%s' & wait; exec sleep 1000" % (
            PYTHON, textwrap.dedent(hopper)))
        self.client.output_until(job.id, b"up")
        answer = self.client.stop(job.id, grace_ms=50)
        self.assertTrue(answer.done, answer)
        self.assertEqual(answer.survivors, 0)
        self.assertEqual(self.client.closed(job.id).lingering, 0)

    def test_a_tree_that_grows_while_it_is_stopped_is_caught(self):
        script = """
            trap 'for i in 1 2 3 4 5 6 7 8; do setsid sleep 1000 & done' TERM
            echo up
            while :; do sleep 0.01; done
        """
        job = self.client.start(textwrap.dedent(script))
        self.client.output_until(job.id, b"up")
        answer = self.client.stop(job.id, grace_ms=200)
        self.assertTrue(answer.done)
        self.assertEqual(answer.survivors, 0)
        self.assertGreaterEqual(answer.killed_processes, 9)

    def test_a_deep_and_wide_tree(self):
        script = """
            grow() { if [ $1 -gt 0 ]; then grow $(($1 - 1)) & grow $(($1 - 1)) & fi
                     echo up; exec sleep 1000; }
            grow 5
        """
        job = self.client.start(textwrap.dedent(script))
        until(lambda: self.whole(job, 63), "63 processes")
        answer = self.client.stop(job.id, grace_ms=100)
        self.assertTrue(answer.done)
        self.assertGreaterEqual(answer.killed_processes, 63)


class Replies(EngineTest):
    STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.02; done"

    def stubborn(self, **fields):
        job = self.client.start(self.STUBBORN, **fields)
        self.client.output_until(job.id, b"up")
        return job

    def test_a_stop_answers_at_its_own_deadline_and_goes_on(self):
        job = self.stubborn()
        answer = self.client.stop(job.id, grace_ms=600, wait_ms=50)
        self.assertFalse(answer.done)
        self.assertEqual(answer.job.state, RUNNING)
        self.assertTrue(answer.job.stopping)
        self.assertEnd(self.client.end(job.id), "KILLED", "USER", 137)

    def test_a_stop_that_asks_for_no_wait_answers_at_once(self):
        job = self.stubborn()
        begin = time.monotonic()
        answer = self.client.stop(job.id, grace_ms=500, wait_ms=0)
        self.assertLess(time.monotonic() - begin, 0.4)
        self.assertFalse(answer.done)
        self.assertEnd(self.client.end(job.id), "KILLED", "USER", 137)

    def test_the_jobs_own_grace_counts_where_the_stop_says_nothing(self):
        job = self.stubborn(grace_ms=100)
        begin = time.monotonic()
        self.assertTrue(self.client.stop(job.id).done)
        self.assertLess(time.monotonic() - begin, 4)

    def test_a_job_that_has_ended_says_so(self):
        job = self.client.closed(self.client.start("exit 3").id)
        answer = self.client.stop(job.id)
        self.assertTrue(answer.already_ended)
        self.assertTrue(answer.done)
        self.assertEqual(answer.killed_processes, 0)
        self.assertEnd(answer.job, "FAILED", "EXIT", 3)

    def test_every_stop_is_answered(self):
        job = self.stubborn()
        clients = [self.engine.connect() for _ in range(5)]
        calls = [client.send("Jobs.Stop", job_id=job.id, grace_ms=200) for client in clients]
        for call in calls:
            answer = call.result()
            self.assertTrue(answer.done)
            self.assertEnd(answer.job, "KILLED", "USER", 137)

    def test_a_stop_with_less_grace_overtakes_one_with_more(self):
        job = self.stubborn()
        patient = self.engine.connect().send("Jobs.Stop", job_id=job.id, grace_ms=50000)
        until(lambda: self.client.get(job.id).stopping, "the stop is under way")
        begin = time.monotonic()
        self.assertTrue(self.client.stop(job.id, grace_ms=0).done)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertTrue(patient.result().done)

    def test_a_grace_delays_nobody_else(self):
        jobs = [self.stubborn() for _ in range(3)]
        stopping = self.engine.connect()
        for job in jobs:
            stopping.send("Jobs.Stop", job_id=job.id, grace_ms=50000)
        until(lambda: all(self.client.get(job.id).stopping for job in jobs), "three are stopping")
        begin = time.monotonic()
        self.assertEqual(self.client.run_job("exit 9").shell_code, 9)
        other = self.client.start(["/bin/sleep", "1000"])
        self.assertTrue(self.client.stop(other.id).done)
        self.client.read(jobs[0].id)
        self.client.call("Jobs.Signal", job_id=jobs[0].id, signal=signal.SIGUSR2)
        self.assertLess(time.monotonic() - begin, 10)

    def test_a_wrong_signal_is_refused_by_name(self):
        job = self.client.start(["/bin/sleep", "1000"])
        for number in (-1, 65, 1000):
            error = self.assertCode("INVALID_ARGUMENT", self.client.stop, job.id, signal=number)
            self.assertEqual(error.fields, ["signal"])
        for number in (-1, 0, 65):
            error = self.assertCode("INVALID_ARGUMENT", self.client.call, "Jobs.Signal",
                                    job_id=job.id, signal=number)
            self.assertEqual(error.fields, ["signal"])
        self.assertEqual(self.client.get(job.id).state, RUNNING)

    def test_what_was_stopped_is_closed_and_can_be_removed(self):
        for number in range(40):
            job = self.client.start("sleep 1000 & head -c 100000 /dev/zero; exec sleep 1000",
                                    stdin_mode=number % 3 + 1)
            self.client.read(job.id, wait_ms=10000)
            answer = self.client.stop(job.id, grace_ms=(number % 2) * 5000)
            self.assertTrue(answer.done)
            self.assertNotEqual(answer.job.closed_ns, 0)
            self.client.call("Jobs.Remove", job_id=job.id)

    def test_a_stop_completes_though_its_client_has_gone(self):
        job = self.stubborn()
        client = self.engine.connect()
        client.send("Jobs.Stop", job_id=job.id, grace_ms=200)
        until(lambda: self.client.get(job.id).stopping, "the stop is under way")
        client.close()
        self.assertEnd(self.client.end(job.id), "KILLED", "USER", 137)

    def test_a_stop_completes_though_the_engine_has_gone(self):
        job = self.stubborn()
        client = self.engine.connect()
        client.send("Jobs.Stop", job_id=job.id, grace_ms=300)
        until(lambda: self.client.get(job.id).stopping, "the stop is under way")
        self.engine.kill()
        processes.wait_dead(job.pid)
        self.engine.start()
        self.client = self.engine.connect()
        self.assertEnd(self.client.end(job.id), "KILLED", "USER", 137)


class Signals(EngineTest):
    LISTENER = "trap 'echo %s' USR1; echo up; while :; do sleep 0.02; done"

    def signal(self, job, number, target=0):
        return self.client.call("Jobs.Signal", job_id=job.id, signal=number, target=target)

    def start_both(self):
        job = self.client.start("(%s) & %s" % (self.LISTENER % "child", self.LISTENER % "main"))
        until(lambda: self.client.read(job.id).data.count(b"up") == 2, "both are up")
        return job

    def test_a_signal_goes_to_the_main_process_alone(self):
        for target in (jobs_pb2.TARGET_UNSPECIFIED, jobs_pb2.TARGET_MAIN):
            job = self.start_both()
            self.assertEqual(self.signal(job, signal.SIGUSR1, target).processes, 1)
            self.client.output_until(job.id, b"main\n")
            self.assertNotIn(b"child", self.client.read(job.id).data)

    def test_a_signal_goes_to_the_whole_tree(self):
        job = self.start_both()
        self.assertGreaterEqual(self.signal(job, signal.SIGCONT, jobs_pb2.TARGET_TREE).processes, 2)
        # What the shells wait for at this moment is of the tree too, and dies of USR1: no matter.
        self.signal(job, signal.SIGUSR1, jobs_pb2.TARGET_TREE)
        self.client.output_until(job.id, b"main\n")
        self.client.output_until(job.id, b"child\n")

    def test_a_job_is_halted_and_goes_on(self):
        job = self.client.start("exec sleep 1000")
        self.signal(job, signal.SIGSTOP)
        processes.wait_stopped(job.pid)
        self.assertEqual(self.client.get(job.id).state, RUNNING)
        self.signal(job, signal.SIGCONT)
        until(lambda: processes.state_of(job.pid) == "S", "it goes on")

    def test_an_ended_job_cannot_be_signalled(self):
        job = self.client.closed(self.client.start("true").id)
        self.assertCode("FAILED_PRECONDITION", self.signal, job, signal.SIGTERM)

    def test_what_is_left_of_a_job_can_be_signalled(self):
        job = self.client.start("(%s) & read x" % self.LISTENER % "left",
                                stdin_mode=jobs_pb2.STDIN_PIPE)
        self.client.output_until(job.id, b"up")
        self.client.type(job.id, b"\n")
        self.client.end(job.id)
        self.assertGreaterEqual(self.signal(job, signal.SIGUSR1, jobs_pb2.TARGET_TREE).processes, 1)
        until(lambda: b"left" in self.client.read(job.id).data, "it heard")

    def test_real_time_signals(self):
        job = self.client.start(["/bin/sleep", "1000"])
        self.signal(job, 64)
        self.assertEqual(self.client.end(job.id).signal, 64)


class Shutdowns(EngineTest):
    def test_the_engine_ends_and_its_jobs_stay(self):
        job = self.client.start("exec sleep 1000")
        answer = self.client.call("Engine.Shutdown")
        self.assertEqual((answer.stopped_jobs, answer.kept_jobs), (0, 1))
        self.assertEqual(self.engine.wait_exit(), 0)
        self.assertTrue(processes.is_alive(job.pid))
        self.engine.start()
        self.client = self.engine.connect()
        self.assertEqual(self.client.get(job.id).state, RUNNING)

    def test_the_engine_ends_with_its_jobs(self):
        jobs = [self.client.start("sleep 1000 & exec sleep 1000") for _ in range(3)]
        lingering = self.client.end(self.client.start("sleep 1000 & echo $!").id)
        pid = self.pids_in(self.client.output(lingering.id))[0]
        answer = self.client.call("Engine.Shutdown", stop_jobs=True)
        self.assertEqual((answer.stopped_jobs, answer.kept_jobs), (4, 0))
        self.assertEqual(self.engine.wait_exit(), 0)
        self.assertDead([job.pid for job in jobs] + [pid])
        self.engine.start()
        self.client = self.engine.connect()
        for job in jobs:
            self.assertEnd(self.client.get(job.id), "KILLED", "USER", 143)
        self.assertEnd(self.client.get(lingering.id), "COMPLETED", "EXIT", 0)

    def test_the_answer_to_a_shutdown_always_comes(self):
        for _ in range(20):
            self.engine.connect().call("Engine.Shutdown")
            self.assertEqual(self.engine.wait_exit(), 0)
            self.engine.start()

    def test_signals_of_a_terminal_or_a_shutdown_end_the_engine_and_no_job(self):
        job = self.client.start("exec sleep 1000")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.assertEqual(self.engine.kill(number), 0)
            self.engine.start()
            self.client = self.engine.connect()
            self.assertEqual(self.client.get(job.id).state, RUNNING)

    def test_a_shutdown_that_signals_everybody_leaves_the_truth(self):
        """TERM to all, as init does: the job dies of it, its holder and the engine record it."""
        job = self.client.start("exec sleep 1000")
        holder = self.holder_of(job)
        for pid in (holder, job.pid):
            os.kill(pid, signal.SIGTERM)
        self.engine.kill(signal.SIGTERM)
        self.engine.start()
        self.client = self.engine.connect()
        self.assertEnd(self.client.end(job.id), "FAILED", "SIGNAL", 143)


if __name__ == "__main__":
    main()
