# SPDX-License-Identifier: MIT
"""What becomes of a job: the table of job-life section 6 row by row, the three facts of its end, and
what it is started with."""
import os
import pathlib
import signal
import time

import processes
from engine import (COMBINED, COMPLETED, FAILED, HOLDER, KILLED, QUEUED, RUNNING, SANITIZED, STDERR,
                    STDOUT, EngineTest, fifo, jobs_pb2, main, open_gate, until)

PYTHON = "/usr/bin/python3"


class Outcomes(EngineTest):
    """State, reason and shell code of each cause, and which of exit code and signal is told."""

    def exit_of(self, job):
        kind = job.WhichOneof("exit")
        return (kind, getattr(job, kind)) if kind else None

    def test_exit_statuses(self):
        for status in (0, 1, 2, 42, 126, 127, 128, 255):
            job = self.client.run_job("exit %d" % status)
            state = "COMPLETED" if status == 0 else "FAILED"
            self.assertEnd(job, state, "EXIT", status)
            self.assertEqual(self.exit_of(job), ("exit_code", status))

    def test_signals_from_inside(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE,
                       signal.SIGRTMIN):
            job = self.client.run_job("kill -%d $$" % number)
            self.assertEnd(job, "FAILED", "SIGNAL", 128 + number)
            self.assertEqual(self.exit_of(job), ("signal", number))

    def test_signals_from_outside(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
            job = self.client.start(["/bin/sleep", "1000"])
            os.kill(job.pid, number)
            job = self.client.end(job.id)
            self.assertEnd(job, "FAILED", "SIGNAL", 128 + number)
            self.assertEqual(self.exit_of(job), ("signal", number))

    def test_killed_by_a_users_signal(self):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1):
            job = self.client.start(["/bin/sleep", "1000"])
            self.client.call("Jobs.Signal", job_id=job.id, signal=number)
            self.assertEnd(self.client.end(job.id), "KILLED", "USER", 128 + number)

    def test_a_users_signal_that_the_job_survives_is_no_end(self):
        job = self.client.start("trap got=1 USR1; echo ready; "
                                "while [ -z $got ]; do sleep 0.01; done; exit 7")
        self.client.output_until(job.id, b"ready")
        self.client.call("Jobs.Signal", job_id=job.id, signal=signal.SIGUSR1)
        self.assertEnd(self.client.end(job.id), "FAILED", "EXIT", 7)

    def test_stopped_by_a_user(self):
        job = self.client.start(["/bin/sleep", "1000"])
        self.assertEnd(self.client.stop(job.id).job, "KILLED", "USER", 143)

    def test_stopped_by_a_user_and_exits_with_0(self):
        job = self.client.start("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done")
        self.client.output_until(job.id, b"ready")
        job = self.client.stop(job.id).job
        self.assertEnd(job, "KILLED", "USER", 143)
        self.assertEqual(self.exit_of(job), ("exit_code", 0))

    def test_stopped_by_a_user_and_killed_after_its_grace(self):
        job = self.client.start("trap '' TERM; echo ready; while :; do sleep 0.01; done")
        self.client.output_until(job.id, b"ready")
        job = self.client.stop(job.id, grace_ms=100).job
        self.assertEnd(job, "KILLED", "USER", 137)
        self.assertEqual(self.exit_of(job), ("signal", 9))

    def test_stopped_with_another_signal(self):
        job = self.client.start("trap 'exit 3' INT; echo ready; while :; do sleep 0.01; done")
        self.client.output_until(job.id, b"ready")
        self.assertEnd(self.client.stop(job.id, signal=signal.SIGINT).job, "KILLED", "USER", 130)

    def test_wall_timeout(self):
        job = self.client.run_job("sleep 1000", timeout_ms=150)
        self.assertEnd(job, "KILLED", "TIMEOUT", 143)
        job = self.client.run_job("trap '' TERM; while :; do sleep 0.01; done", timeout_ms=150,
                                  grace_ms=50)
        self.assertEnd(job, "KILLED", "TIMEOUT", 137)
        job = self.client.run_job("exit 5", timeout_ms=60000)
        self.assertEnd(job, "FAILED", "EXIT", 5)

    def test_idle_timeout(self):
        job = self.client.run_job("for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; sleep 1000",
                                  idle_timeout_ms=300)
        self.assertEnd(job, "KILLED", "TIMEOUT", 143)
        self.assertEqual(self.client.output(job.id), b"1\n2\n3\n4\n5\n6\n")
        job = self.client.run_job("for i in 1 2 3 4 5 6; do echo $i >&2; sleep 0.1; done",
                                  idle_timeout_ms=2000)
        self.assertEnd(job, "COMPLETED", "EXIT", 0)

    def test_a_timeout_takes_the_whole_tree(self):
        job = self.client.run_job(
            "setsid sh -c 'echo $$; exec sleep 1000' & echo $$; exec sleep 1000", timeout_ms=200)
        self.assertEnd(job, "KILLED", "TIMEOUT", 143)
        pids = self.pids_in(self.client.output(job.id))
        self.assertEqual(len(pids), 2)
        self.assertDead(pids)

    def test_output_limit_with_policy_end(self):
        job = self.client.run_job("exec yes", cap_policy=jobs_pb2.CAP_END, max_output_bytes=8192,
                                  grace_ms=100)
        self.assertEqual(job.reason, jobs_pb2.REASON_LIMIT)
        self.assertEnd(job, "KILLED", "LIMIT", 128 + job.signal)
        self.assertTrue(self.client.read(job.id).data.startswith(b"y\ny\n"))

    def test_what_cannot_be_executed(self):
        plain = os.path.join(self.engine.top, "plain")
        with open(plain, "w") as file:
            file.write("no program\n")
        rows = ((["/nowhere/at/all"], 127), (["no-such-program"], 127), ([plain], 126),
                ([self.engine.top], 126))
        for argv, code in rows:
            job = self.client.start(argv)
            self.assertEnd(job, "FAILED", "SPAWN", code)
            self.assertIn(argv[0], job.detail)
            self.assertIsNone(self.exit_of(job))
            self.assertEqual(job.pid, 0)
        os.chmod(plain, 0o755)
        with open(plain, "w") as file:
            file.write("#!/no/interpreter\n")
        self.assertEnd(self.client.start([plain]), "FAILED", "SPAWN", 127)
        self.assertEnd(self.client.start("true", shell=b"/no/shell"), "FAILED", "SPAWN", 127)

    def test_a_shell_that_finds_nothing_is_an_exit(self):
        self.assertEnd(self.client.run_job("no-such-program"), "FAILED", "EXIT", 127)

    def test_a_job_whose_holder_was_killed_is_lost(self):
        job = self.client.start("echo before; exec sleep 1000")
        self.client.output_until(job.id, b"before\n")
        processes.kill(self.holder_of(job))
        job = self.client.end(job.id)
        self.assertEnd(job, "LOST", "LOST", 125)
        self.assertIsNone(self.exit_of(job))
        self.assertNotEqual(job.detail, "")
        self.assertDead([job.pid])
        self.assertEqual(self.client.output(job.id), b"before\n")

    def test_times_and_costs_are_told(self):
        before = time.time_ns()
        job = self.client.closed(self.client.start(
            [PYTHON, "-c", "a = b'x' * 20000000\nfor i in range(1000000): pass"]).id)
        times = [before, job.created_ns, job.started_ns, job.ended_ns, job.closed_ns,
                 time.time_ns()]
        self.assertEqual(times, sorted(times))
        self.assertGreater(job.user_us + job.system_us, 5000)
        self.assertGreater(job.max_rss_kib, 20000)
        self.assertGreater(job.ended_ns - job.started_ns, 5000000)


class ThreeFacts(EngineTest):
    """exited, drained, closed: job-life section 3."""

    def setUp(self):
        super().setUp()
        self.gate = fifo(self.engine.top, "gate")

    def test_a_job_ends_while_others_hold_its_pipe(self):
        job = self.client.end(self.client.start(
            "(read x < %s; echo late; echo later >&2) & echo hi" % self.gate).id)
        self.assertEnd(job, "COMPLETED", "EXIT", 0)
        self.assertEqual(job.closed_ns, 0)
        answer = self.client.read(job.id)
        self.assertEqual((answer.data, answer.ended, answer.eof), (b"hi\n", True, False))
        self.assertEqual(answer.drained_offset, 3)
        until(lambda: self.client.get(job.id).lingering == 1, "a process lingers")
        self.assertEqual(self.client.info().lingering, 1)
        open_gate(self.gate)
        job = self.client.closed(job.id)
        self.assertGreaterEqual(job.closed_ns, job.ended_ns)
        self.assertEqual(job.lingering, 0)
        answer = self.client.read(job.id)
        self.assertEqual((answer.data, answer.eof), (b"hi\nlate\n", True))
        self.assertEqual(answer.drained_offset, 3)
        self.assertEqual(self.client.read(job.id, STDERR).data, b"later\n")
        self.assertEqual(self.client.info().lingering, 0)

    def test_later_output_is_waited_for_only_where_it_is_asked_for(self):
        job = self.client.end(self.client.start(
            "(read x < %s; echo late) & echo hi" % self.gate).id)
        answer = self.client.read(job.id, offset=3, wait_ms=60000)
        self.assertEqual((answer.data, answer.ended, answer.eof), (b"", True, False))
        waiting = self.client.send("Jobs.ReadOutput", job_id=job.id, stream=STDOUT, offset=3,
                                   wait_ms=60000, past_end=True)
        self.client.info()
        self.assertFalse(waiting.is_answered())
        open_gate(self.gate)
        self.assertEqual(waiting.result().data, b"late\n")
        answer = self.client.read(job.id, offset=8, wait_ms=60000, past_end=True)
        self.assertEqual((answer.data, answer.eof), (b"", True))

    def test_everything_that_was_in_the_pipe_is_there_at_the_end(self):
        """As soon as the state says so, however quickly the job left."""
        want = b"".join(b"%d\n" % number for number in range(1, 9001))
        for _ in range(20):
            job = self.client.run_job(["/usr/bin/seq", "9000"])
            answer = self.client.read(job.id)
            self.assertEqual(answer.data, want)
            self.assertEqual(answer.drained_offset, len(want))

    def test_a_grandchild_that_never_stops_writing_does_not_hold_the_end(self):
        job = self.client.start("(exec yes) & read x < %s; exit 3" % self.gate,
                                max_output_bytes=1 << 20)
        self.client.read(job.id, wait_ms=10000)
        open_gate(self.gate)
        job = self.client.end(job.id)
        self.assertEnd(job, "FAILED", "EXIT", 3)
        self.assertEqual(job.closed_ns, 0)
        answer = self.client.stop(job.id, grace_ms=100)
        self.assertTrue(answer.done)
        self.assertFalse(answer.already_ended)
        self.assertGreaterEqual(answer.killed_processes, 1)
        self.assertEnd(self.client.closed(job.id), "FAILED", "EXIT", 3)

    def test_a_daemon_without_the_pipes_lingers_too(self):
        job = self.client.end(self.client.start(
            "setsid sh -c 'echo $$ > %s/pid; exec sleep 1000' </dev/null >/dev/null 2>&1 & "
            "while [ ! -s %s/pid ]; do sleep 0.01; done" % (self.engine.top, self.engine.top)).id)
        until(lambda: self.client.get(job.id).lingering == 1, "the daemon is counted")
        pid = int(pathlib.Path(self.engine.top, "pid").read_text())
        self.assertTrue(processes.is_alive(pid))
        self.client.stop(job.id, grace_ms=100)
        self.assertDead([pid])
        self.assertEnd(self.client.closed(job.id), "COMPLETED", "EXIT", 0)

    def test_lingering_processes_are_ended_where_that_is_asked_for(self):
        for linger in (0, 200):
            job = self.client.closed(self.client.start(
                "setsid sh -c 'echo $$; exec sleep 1000' & "
                "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.01; done' & "
                "while [ $(wc -l < /proc/$$/fdinfo/1) = 0 ]; do :; done; sleep 0.3; exit 6",
                linger_ms=linger, grace_ms=100).id)
            self.assertEnd(job, "FAILED", "EXIT", 6)
            pids = self.pids_in(self.client.output(job.id))
            self.assertEqual(len(pids), 2)
            self.assertDead(pids)
            self.assertGreaterEqual(job.killed_processes, 2)
            self.assertGreaterEqual(job.closed_ns - job.ended_ns, linger * 1000000 // 2)

    def test_processes_may_linger_where_nothing_is_said(self):
        job = self.client.end(self.client.start("sleep 1000 & echo $!").id)
        pid = self.pids_in(self.client.output(job.id))[0]
        self.client.start("true")
        self.assertTrue(processes.is_alive(pid))
        self.assertEqual(self.client.get(job.id).lingering, 1)

    def test_a_wait_without_closed_ends_with_the_job(self):
        job = self.client.start("(read x < %s) & exit 0" % self.gate)
        self.assertEqual(self.client.wait(job.id).outcome, jobs_pb2.OUTCOME_ENDED)
        answer = self.client.call("Jobs.Wait", job_ids=[job.id], closed=True, wait_ms=100)
        self.assertEqual(answer.outcome, jobs_pb2.OUTCOME_TIMEOUT)
        open_gate(self.gate)
        self.client.closed(job.id)


class Surroundings(EngineTest):
    """Environment, folder, limits, signals and session of a job."""

    def env_of(self, **fields):
        job = self.client.run_job(["/usr/bin/env", "-0"], **fields)
        self.assertEqual(job.state, COMPLETED, job.detail)
        pairs = self.client.output(job.id).split(b"\0")[:-1]
        env = dict(pair.split(b"=", 1) for pair in pairs)
        self.assertEqual(len(env), len(pairs), "a name twice")
        self.assertEqual(env.pop(b"JOBWIRE_JOB_ID"), job.id.encode())
        return env

    def test_the_callers_environment_and_the_settings_over_it(self):
        env = self.env_of(
            base_env=[{"name": "PATH", "value": b"/bin"}, {"name": "A", "value": b"base"},
                      {"name": "B", "value": b"kept \xff\n=bytes"}, {"name": "E", "value": b""}],
            env=[{"name": "A", "value": b"set"}, {"name": "C", "value": b"new"}])
        for name, value in ((b"A", b"set"), (b"B", b"kept \xff\n=bytes"), (b"C", b"new"),
                            (b"E", b""), (b"PATH", b"/bin")):
            self.assertEqual(env.get(name), value)
        self.assertNotIn(b"HOME", env)

    def test_without_an_environment_of_the_callers_a_login_is_there(self):
        self.engine.kill()
        self.engine.start(env={"SECRET": "engine's", "LANG": "C.UTF-8"})
        self.client = self.engine.connect()
        env = self.env_of()
        self.assertEqual(env[b"HOME"], os.fsencode(self.engine.home))
        self.assertIn(b"PATH", env)
        self.assertEqual(env[b"LANG"], b"C.UTF-8")
        self.assertLessEqual(
            set(env), {b"HOME", b"PATH", b"USER", b"LOGNAME", b"SHELL", b"LANG", b"PWD"})

    def test_bad_names_of_variables_are_refused_by_name(self):
        for name, value in (("", b"x"), ("A=B", b"x"), ("A", b"x\0y")):
            for where in ("env", "base_env"):
                error = self.assertCode("INVALID_ARGUMENT", self.client.start, "true",
                                        **{where: [{"name": name, "value": value}]})
                self.assertTrue(error.fields[0].startswith(where), error.fields)

    def test_the_callers_environment_is_not_kept_and_the_settings_are(self):
        gate = fifo(self.engine.top, "gate")
        job = self.client.start(
            "read x < %s; printf %%s $SECRET | wc -c" % gate,
            base_env=[{"name": "SECRET", "value": b"xyzzy-of-the-caller"},
                      {"name": "PATH", "value": b"/usr/bin:/bin"}],
            env=[{"name": "SHOWN", "value": b"plugh-of-the-job"}])
        self.assertEqual([(v.name, v.value) for v in self.client.get(job.id).env],
                         [("SHOWN", b"plugh-of-the-job")])
        found = set()
        for folder, _, files in os.walk(self.engine.state):
            for name in set(files) - {"engine.sock", "events.sock", "control"}:
                data = pathlib.Path(folder, name).read_bytes()
                self.assertNotIn(b"xyzzy", data, name)
                if b"plugh" in data:
                    found.add(name)
        self.assertIn("record", found)
        open_gate(gate)
        self.client.end(job.id)
        self.assertEqual(self.client.output(job.id), b"19\n")
        self.assertEqual(len(self.client.call("Jobs.List").jobs[0].env), 0)

    def test_the_folder(self):
        for cwd in ("/", "/usr/bin", self.engine.top):
            job = self.client.run_job(["/bin/pwd"], cwd=os.fsencode(cwd))
            self.assertEqual(self.client.output(job.id), os.fsencode(cwd) + b"\n")
            self.assertEqual(job.cwd, os.fsencode(cwd))
        job = self.client.run_job(["/bin/pwd"])
        self.assertEqual(self.client.output(job.id), os.fsencode(self.engine.home) + b"\n")

    def test_a_bad_folder_is_refused_by_name(self):
        for cwd in (b"relative", b"/no/such/folder", b"/etc/passwd", b"/a\0b", b"/" + b"x" * 5000):
            error = self.assertCode("INVALID_ARGUMENT", self.client.start, "true", cwd=cwd)
            self.assertEqual(error.fields, ["cwd"], cwd[:20])

    def test_programs_are_found_on_the_callers_path_and_in_the_jobs_folder(self):
        tool = pathlib.Path(self.engine.top, "bin", "my-tool")
        tool.parent.mkdir()
        tool.write_text("#!/bin/sh\necho \"$0 $*\"\n")
        tool.chmod(0o755)
        path = [{"name": "PATH", "value": b"/nowhere:" + os.fsencode(tool.parent)}]
        job = self.client.run_job(["my-tool", "a b", "c"], base_env=path)
        self.assertEqual(self.client.output(job.id), b"%s a b c\n" % os.fsencode(tool))
        job = self.client.run_job(["bin/my-tool"], cwd=os.fsencode(self.engine.top), base_env=path)
        self.assertEqual(self.client.output(job.id), b"bin/my-tool \n")
        job = self.client.run_job(["./my-tool"], cwd=os.fsencode(tool.parent))
        self.assertEqual(self.client.output(job.id), b"./my-tool \n")
        settings = [{"name": "PATH", "value": os.fsencode(tool.parent)}]
        job = self.client.run_job(["my-tool"], env=settings)
        self.assertEqual(job.state, COMPLETED)

    def test_arguments_arrive_as_they_are(self):
        argv = ["/usr/bin/printf", "%s|", "", " ", "$HOME", "*", "a\nb", b"\xff\xfe", "-n", "'\""]
        job = self.client.run_job(argv)
        self.assertEqual(self.client.output(job.id),
                         b"".join(os.fsencode(word) + b"|" for word in argv[2:]))
        self.assertEqual(list(job.argv), [os.fsencode(word) for word in argv])

    def test_what_to_run_is_asked_for_once(self):
        for fields in ({}, {"argv": [b"/bin/true"], "command": b"true"}, {"argv": [b""]},
                       {"argv": [b"/bin/echo", b"a\0b"]}, {"command": b"a\0b"}):
            error = self.assertCode("INVALID_ARGUMENT", self.client.call, "Jobs.Start", **fields)
            self.assertIn(error.fields[0].split("[")[0], ("argv", "command"), fields)

    def test_another_shell(self):
        job = self.client.run_job("[[ a < b ]] && echo $BASH_VERSION | cut -c1", shell=b"/bin/bash")
        self.assertRegex(self.client.output(job.id), rb"^\d\n$")
        self.assertEqual(job.command, b"[[ a < b ]] && echo $BASH_VERSION | cut -c1")

    def test_a_command_beyond_one_arguments_size_runs(self):
        filler = "# " + "x" * 300000 + "\n"
        job = self.client.run_job("echo begin\n" + filler + "echo end; exit 7")
        self.assertEnd(job, "FAILED", "EXIT", 7)
        self.assertEqual(self.client.output(job.id), b"begin\nend\n")

    def test_the_umask(self):
        for mask in (0o000, 0o027, 0o777):
            job = self.client.run_job("umask", umask=mask)
            self.assertEqual(self.client.output(job.id), b"%04o\n" % mask)
        self.assertCode("INVALID_ARGUMENT", self.client.start, "true", umask=0o1000)

    def test_limits(self):
        limits = [{"name": "nofile", "soft": 50, "hard": 60}, {"name": "core", "soft": 0, "hard": 0},
                  {"name": "fsize", "soft": 1 << 20, "hard": (1 << 64) - 1}]
        job = self.client.run_job("ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -Sf", limits=limits)
        self.assertEqual(self.client.output(job.id), b"50\n60\n0\n2048\n")
        for bad in ({"name": "no", "soft": 1, "hard": 1}, {"name": "nofile", "soft": 2, "hard": 1}):
            error = self.assertCode("INVALID_ARGUMENT", self.client.start, "true", limits=[bad])
            self.assertTrue(error.fields[0].startswith("limits"), error.fields)

    def test_descriptors_are_limited_as_the_engines_starter_was(self):
        """The engine raises its own limit; a job must not inherit that."""
        engine = self.new_engine()
        engine.prefix = ["prlimit", "--nofile=300:5000"]
        engine.start()
        client = engine.connect()
        job = client.run_job("ulimit -Sn; ulimit -Hn")
        self.assertEqual(client.output(job.id), b"300\n5000\n")

    def test_signals_are_as_at_a_login(self):
        job = self.client.run_job(["/bin/grep", "^Sig\\|^Shd", "/proc/self/status"])
        for line in self.client.output(job.id).decode().splitlines():
            name, value = line.split()
            if name not in ("SigQ:", "SigCgt:"):
                self.assertEqual(int(value, 16), 0, line)

    def test_a_broken_pipe_ends_a_writer(self):
        job = self.client.run_job("yes | head -1", shell=b"/bin/bash")
        self.assertEnd(job, "COMPLETED", "EXIT", 0)
        self.assertEqual(self.client.read(job.id, STDERR).data, b"")

    def test_a_job_has_a_session_of_its_own(self):
        job = self.client.start("exec sleep 1000")
        self.assertEqual(processes.stat_of(job.pid)[2], job.pid)
        self.assertNotEqual(processes.stat_of(self.holder_of(job))[2],
                            processes.stat_of(self.engine.pid)[2])

    def test_a_job_goes_before_its_holder_when_memory_is_short(self):
        def score(pid):
            return int(pathlib.Path("/proc/%d/oom_score_adj" % pid).read_text())

        job = self.client.start("exec sleep 1000")
        self.assertGreater(score(job.pid), score(self.holder_of(job)))

    def test_a_holder_is_small(self):
        """job-life section 2: at most 150 KiB private, but for what a sanitizer needs."""
        job = self.client.start("exec sleep 1000")
        private = None
        rollup = pathlib.Path("/proc/%d/smaps_rollup" % self.holder_of(job)).read_text()
        for line in rollup.splitlines():
            if line.startswith("Private_Dirty:"):  # the rest is its program's file
                private = int(line.split()[1])
        self.assertLessEqual(private, 8000 if SANITIZED else 150)

    def test_a_new_holder_on_disk_harms_no_running_engine(self):
        """It executes the one that it opened at its start."""
        copy = os.path.join(self.engine.top, "holder")
        pathlib.Path(copy).write_bytes(pathlib.Path(HOLDER).read_bytes())
        os.chmod(copy, 0o755)
        engine = self.new_engine()
        engine.start("--holder", copy)
        os.unlink(copy)
        pathlib.Path(copy).write_text("#!/bin/false\n")
        self.assertEqual(engine.connect().run_job("exit 0").state, COMPLETED)


class Records(EngineTest):
    """Get, List, Remove, and how a job is named."""

    def test_a_job_shows_what_it_was_started_with(self):
        job = self.client.run_job(
            ["/bin/echo", "hi"], name="a name \u00e4\u4e2d", group="g1",
            labels=[{"key": "a.b-c_D9", "value": "v \u00e4"}, {"key": "k", "value": ""}],
            timeout_ms=60000, idle_timeout_ms=50000, grace_ms=1234, max_output_bytes=100000,
            cap_policy=jobs_pb2.CAP_STOP, stdin_mode=jobs_pb2.STDIN_PIPE)
        self.assertEqual(job, self.client.get(job.id))
        self.assertEqual((job.name, job.group), ("a name \u00e4\u4e2d", "g1"))
        self.assertEqual([(label.key, label.value) for label in job.labels],
                         [("a.b-c_D9", "v \u00e4"), ("k", "")])
        self.assertEqual((job.timeout_ms, job.idle_timeout_ms, job.grace_ms), (60000, 50000, 1234))
        self.assertEqual((job.max_output_bytes, job.cap_policy), (100000, jobs_pb2.CAP_STOP))
        self.assertEqual(job.stdin_mode, jobs_pb2.STDIN_PIPE)
        self.assertRegex(job.id, r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-"
                                 r"[0-9a-f]{12}$")

    def test_bad_fields_of_a_start_are_refused_by_name(self):
        rows = (("name", "x" * 129), ("group", "x" * 1000), ("max_output_bytes", 4095),
                ("grace_ms", 86400001), ("labels", [{"key": "", "value": "v"}]),
                ("labels", [{"key": "a b", "value": "v"}]),
                ("labels", [{"key": "k" * 64, "value": "v"}]),
                ("labels", [{"key": "k", "value": "v" * 256}]))
        for name, value in rows:
            error = self.assertCode("INVALID_ARGUMENT", self.client.start, "true", **{name: value})
            self.assertTrue(error.fields[0].startswith(name), (name, error.fields))
        self.assertEqual(len(self.client.call("Jobs.List").jobs), 0)

    def test_jobs_are_listed_newest_first_and_filtered(self):
        a = self.client.run_job("true", name="a", group="g", labels=[{"key": "k", "value": "1"}])
        b = self.client.run_job("false", name="b", group="g", labels=[{"key": "k", "value": "2"}])
        c = self.client.start(["/bin/sleep", "1000"], name="a")

        def ids(**fields):
            return [job.id for job in self.client.call("Jobs.List", **fields).jobs]

        self.assertEqual(ids(), [c.id, b.id, a.id])
        self.assertEqual(ids(states=[COMPLETED]), [a.id])
        self.assertEqual(ids(states=[FAILED, RUNNING]), [c.id, b.id])
        self.assertEqual(ids(states=[QUEUED]), [])
        self.assertEqual(ids(group="g"), [b.id, a.id])
        self.assertEqual(ids(name="a"), [c.id, a.id])
        self.assertEqual(ids(label={"key": "k", "value": "2"}), [b.id])
        self.assertEqual(ids(label={"key": "k", "value": "3"}), [])
        self.assertEqual(ids(name="a", group="g", states=[COMPLETED]), [a.id])
        self.assertLess(a.number, b.number)
        self.assertLess(b.number, c.number)

    def test_pages(self):
        jobs = [self.client.run_job(["/bin/true"]).id for _ in range(7)]
        seen, token, pages = [], "", 0
        while True:
            answer = self.client.call("Jobs.List", limit=3, page_token=token)
            seen += [job.id for job in answer.jobs]
            pages += 1
            token = answer.next_page_token
            if not token:
                break
        self.assertEqual(seen, jobs[::-1])
        self.assertEqual(pages, 3)
        self.assertEqual(self.client.call("Jobs.List", limit=7).next_page_token, "")
        for bad in ("x", "-1", "0", "1x", "99999999999999999999"):
            error = self.assertCode("INVALID_ARGUMENT", self.client.call, "Jobs.List",
                                    page_token=bad)
            self.assertEqual(error.fields, ["page_token"])

    def test_ids_and_prefixes(self):
        job = self.client.run_job("true")
        for size in (4, 8, 9, 20, 36):
            self.assertEqual(self.client.get(job.id[:size]).id, job.id)
        for bad in ("", job.id[:3], job.id + "0", "../../etc", job.id[:8] + "*", "zzzz"):
            self.assertCode("INVALID_ARGUMENT", self.client.get, bad)
        other = "%08x" % (int(job.id[:8], 16) ^ 1)
        self.assertCode("NOT_FOUND", self.client.get, other)
        self.assertCode("NOT_FOUND", self.client.get, other + job.id[8:])

    def test_an_ambiguous_prefix_is_refused(self):
        """Four digits are one of 65,536: a few hundred jobs are enough for two that are alike."""
        seen = {}
        for _ in range(40):
            calls = [self.client.send_start(["/nowhere"]) for _ in range(50)]
            for call in calls:
                job = call.result().job
                if job.id[:4] in seen:
                    self.assertCode("INVALID_ARGUMENT", self.client.get, job.id[:4])
                    self.assertEqual(self.client.get(job.id).id, job.id)
                    return
                seen[job.id[:4]] = job.id
        self.fail("2,000 ids and no two alike")

    def test_an_ended_job_is_removed_with_its_output(self):
        job = self.client.closed(self.client.start("echo hi").id)
        folder = self.engine.job_folder(job.id)
        self.assertTrue(os.path.exists(folder))
        self.client.call("Jobs.Remove", job_id=job.id)
        for method in ("Get", "Remove", "ReadOutput", "Tail", "Stop"):
            self.assertCode("NOT_FOUND", self.client.call, "Jobs." + method, job_id=job.id)
        self.assertEqual(len(self.client.call("Jobs.List").jobs), 0)
        until(lambda: not os.path.exists(folder), "the folder goes")

    def test_a_running_job_is_removed_only_by_force(self):
        job = self.client.start("setsid sh -c 'echo $$; exec sleep 1000' & exec sleep 1000")
        pid = self.pids_in(self.client.output_until(job.id, b"\n"))[0]
        self.assertCode("FAILED_PRECONDITION", self.client.call, "Jobs.Remove", job_id=job.id)
        self.client.call("Jobs.Remove", job_id=job.id, force=True)
        self.assertCode("NOT_FOUND", self.client.get, job.id)
        self.assertDead([job.pid, pid])
        until(lambda: not os.path.exists(self.engine.job_folder(job.id)), "the folder goes")

    def test_a_job_of_which_something_is_left_is_removed_only_by_force(self):
        job = self.client.end(self.client.start("sleep 1000 & echo $!").id)
        pid = self.pids_in(self.client.output(job.id))[0]
        self.assertCode("FAILED_PRECONDITION", self.client.call, "Jobs.Remove", job_id=job.id)
        self.client.call("Jobs.Remove", job_id=job.id, force=True)
        self.assertDead([pid])
        self.assertCode("NOT_FOUND", self.client.get, job.id)

    def test_those_who_wait_hear_of_a_removal(self):
        job = self.client.start(["/bin/sleep", "1000"])
        other = self.engine.connect()
        waits = [other.send("Jobs.Wait", job_ids=[job.id], wait_ms=60000),
                 other.send("Jobs.ReadOutput", job_id=job.id, wait_ms=60000, past_end=True)]
        until(lambda: self.client.info().parked == 2, "both wait")
        self.client.call("Jobs.Remove", job_id=job.id, force=True)
        for wait in waits:
            response = other.response(wait.number)
            if response.code:
                self.assertEqual(response.code, 5, response.message)  # NOT_FOUND
        self.assertEqual(self.client.info().parked, 0)


if __name__ == "__main__":
    main()
