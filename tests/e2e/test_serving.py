# SPDX-License-Identifier: MIT
"""How an engine comes to be, where, with what around it, and what callers hear when it ends."""
import contextlib
import os
import signal
import subprocess
import unittest

import processes
from engine import RUNNING, EngineTest, environment, jobs_pb2, main, mode_of, until
from sp import BIN, LIMIT

NOBODY = 65534
JOBWIRE = os.path.join(BIN, "jobwire")


class Ends(EngineTest):
    """Calls that wait are answered, and say that the jobs go on."""

    def park(self, job):
        """(name, call) of one of each kind."""
        kinds = {
            "Jobs.Wait": {"job_ids": [job.id], "wait_ms": 60000},
            "Jobs.ReadOutput": {"job_id": job.id, "wait_ms": 60000, "offset": 3},
            "Jobs.SendInput": {"job_id": job.id, "data": bytes(262144), "wait_ms": 60000},
            "Jobs.Stop": {"job_id": job.id, "grace_ms": 50000},
        }
        calls = [(name, self.engine.connect().send(name, **fields))
                 for name, fields in kinds.items()]
        until(lambda: self.client.info().parked == 2 and self.client.get(job.id).stopping and
              self.client.get(job.id).input_delivered, "they wait")
        return calls

    def start_stubborn(self):
        job = self.client.start("trap '' TERM; echo up; while :; do sleep 0.02; done",
                                stdin_mode=jobs_pb2.STDIN_PIPE)
        self.client.output_until(job.id, b"up\n")
        return job

    def check(self, end):
        job = self.start_stubborn()
        calls = self.park(job)
        end()
        for name, call in calls:
            with self.subTest(name):
                error = self.assertCode("UNAVAILABLE", call.result, 20)
                self.assertIn("the jobs go on", error.message)
        self.assertEqual(self.engine.wait_exit(), 0)
        self.assertTrue(processes.is_alive(job.pid))
        self.engine.start()
        self.client = self.engine.connect()
        self.assertEqual(self.client.get(job.id).state, RUNNING)

    def test_by_a_signal(self):
        self.check(lambda: os.kill(self.engine.pid, signal.SIGTERM))

    def test_by_a_shutdown(self):
        self.check(lambda: self.client.call("Engine.Shutdown"))

    def test_nothing_starts_while_it_ends_its_jobs(self):
        job = self.start_stubborn()
        other = self.engine.connect()
        ending = other.send("Engine.Shutdown", stop_jobs=True, grace_ms=1000)
        until(lambda: self.client.get(job.id).stopping, "the jobs are being stopped")
        self.assertCode("UNAVAILABLE", self.client.start, "true")
        self.assertEqual(ending.result(20).stopped_jobs, 1)
        self.assertEqual(self.engine.wait_exit(), 0)
        self.assertFalse(processes.is_alive(job.pid))

    def test_its_sockets_serve_nobody_afterwards(self):
        self.engine.kill(signal.SIGTERM)
        status, said = self.run_cli("ls")
        self.assertEqual(status, 0, said)  # it has started another one
        self.adopt_engine()
        self.assertEqual(self.client.info().epoch, 2)

    def run_cli(self, *words):
        done = subprocess.run([JOBWIRE, *words], stdin=subprocess.DEVNULL, timeout=LIMIT,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**environment(self.engine.home),
                                   "JOBWIRE_STATE_DIR": self.engine.state})
        return done.returncode, done.stdout.decode()

    def adopt_engine(self):
        with open(os.path.join(self.engine.state, "engine.lock")) as lock:
            self.engine.pid = int(lock.readline())
        self.client = self.engine.connect()


class Surroundings(EngineTest):
    def folder_of_job(self, client):
        return client.output(client.run_job("pwd").id)

    def test_jobs_run_at_home_or_else_at_the_root(self):
        self.assertEqual(self.folder_of_job(self.client), self.engine.home.encode() + b"\n")
        for home in ("/nonexistent", "", "relative", "/etc/passwd"):
            with self.subTest(home):
                engine = self.new_engine()
                engine.start(env={"HOME": home})
                self.assertEqual(self.folder_of_job(engine.connect()), b"/\n")

    def test_a_job_has_its_three_descriptors_alone(self):
        jobs = [self.client.start(["/bin/sleep", "1000"], stdin_mode=mode)
                for mode in (jobs_pb2.STDIN_NULL, jobs_pb2.STDIN_PIPE, jobs_pb2.STDIN_PTY)]
        for job in jobs:
            self.assertEqual(sorted(os.listdir("/proc/%d/fd" % job.pid)), ["0", "1", "2"])
        self.engine.restart()
        self.client = self.engine.connect()
        job = self.client.run_job("ls /proc/self/fd; ls /proc/$$/fd")
        self.assertEqual(self.client.output(job.id).split(), b"0 1 2 3 0 1 2".split())

    def test_what_its_starter_left_open_goes_to_nobody(self):
        engine = self.new_engine()
        reader, writer = os.pipe()
        try:
            os.set_inheritable(writer, True)
            done = subprocess.run(engine.command("--background"), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  close_fds=False, timeout=LIMIT,
                                  env=environment(engine.home))
        finally:
            os.close(writer)
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        with open(os.path.join(engine.state, "engine.lock")) as lock:
            engine.pid = int(lock.readline())
        self.assertEqual(os.read(reader, 1), b"", "somebody has the pipe still")
        os.close(reader)


class Folders(EngineTest):
    @contextlib.contextmanager
    def refused(self, *words):
        """A new engine, whose folder the test spoils; it says so and touches nothing."""
        engine = self.new_engine()
        os.mkdir(engine.state, 0o700)
        yield engine
        status, said = engine.try_start()
        self.assertNotEqual(status, 0)
        for word in (engine.state, *words):
            self.assertIn(word, said)
        self.assertEqual(os.listdir(engine.state), [])

    def test_a_folder_that_the_group_may_write_to_is_refused(self):
        for mode in (0o770, 0o720, 0o702, 0o1777):
            with self.refused("chmod 700") as engine:
                os.chmod(engine.state, mode)
            self.assertEqual(mode_of(engine.state), mode)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a folder away")
    def test_another_users_folder_is_refused(self):
        with self.refused("user %d" % NOBODY) as engine:
            os.chown(engine.state, NOBODY, NOBODY)

    def test_a_second_engine_is_refused_and_harms_nothing(self):
        job = self.client.start("exec sleep 1000")
        for _ in range(3):
            status, said = self.engine.try_start()
            self.assertEqual(status, 3)
            self.assertIn("pid %d" % self.engine.pid, said)
            self.assertIn(self.engine.state, said)
        self.assertEqual(self.client.get(job.id).state, RUNNING)
        self.assertEqual(self.client.info().epoch, 1)
        self.engine.connect().info()

    def test_of_many_engines_at_once_one_serves(self):
        engine = self.new_engine()
        tries = [subprocess.Popen(engine.command("--background"), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env=environment(engine.home)) for _ in range(10)]
        ends = []
        for one in tries:
            one.communicate(timeout=LIMIT)
            ends.append(one.returncode)
        self.assertEqual(sorted(ends), [0] + [3] * 9)
        with open(os.path.join(engine.state, "engine.lock")) as lock:
            engine.pid = int(lock.readline())
        info = engine.connect().info()
        self.assertEqual((info.pid, info.epoch), (engine.pid, 1))


class Clients(EngineTest):
    """The engine that a client starts where there is none."""

    def home(self, name="home"):
        """An empty one, and the engine that will be there."""
        engine = self.new_engine()
        engine.home = os.path.join(engine.top, name)
        with contextlib.suppress(FileExistsError):
            os.makedirs(engine.home)
        engine.state = os.path.join(engine.home, ".local/state/jobwire")
        return engine

    def cli(self, engine, *words):
        return subprocess.Popen([JOBWIRE, *words], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=environment(engine.home))

    def read_pid(self, engine):
        with open(os.path.join(engine.state, "engine.lock")) as lock:
            engine.pid = int(lock.readline())

    def test_ten_at_once_start_one(self):
        for _ in range(3):
            engine = self.home()
            clients = [self.cli(engine, "run", "--", "echo", "client%d" % i) for i in range(10)]
            for number, client in enumerate(clients):
                said = client.communicate(timeout=LIMIT)[0]
                self.assertEqual((client.returncode, said), (0, b"client%d\n" % number))
            self.read_pid(engine)
            client = engine.connect()
            info = client.info()
            self.assertEqual((info.pid, info.epoch), (engine.pid, 1))
            self.assertEqual(len(client.call("Jobs.List").jobs), 10)
            self.assertEqual({pid for pid in processes.descendants(os.getpid())
                              if "jobwired" in processes.name_of(pid)},
                             {other.pid for other in self.engines})

    def test_a_home_of_150_characters(self):
        engine = self.home("h" * 150)
        client = self.cli(engine, "run", "--", "echo", "here")
        said = client.communicate(timeout=LIMIT)[0]
        self.assertEqual((client.returncode, said), (0, b"here\n"))
        self.read_pid(engine)
        self.assertEqual(engine.connect().info().state_dir, engine.state)


if __name__ == "__main__":
    main()
