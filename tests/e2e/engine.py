# SPDX-License-Identifier: MIT
"""An engine of its own for each test, in a folder of its own, and what must hold when it is over.

At a test's end every job is ended through the engine (a new one, where the test killed it); then no
process may be left below the test, no engine may have died by itself, and no sanitizer may have
had anything to say.
"""
import contextlib
import os
import re
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

import processes
from processes import until
from sp import (BIN, LIMIT, TESTS_BIN, Client, Closed, RpcError, Subscriber, engine_pb2,
                jobs_pb2)

JOBWIRED = os.path.join(BIN, "jobwired")
HOLDER = os.path.join(BIN, "jobwire-holder")
ARMED_HOLDER = os.path.join(TESTS_BIN, "armed_holder")
SUPPRESSIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lsan.supp")
STRICT = os.environ.get("JOBWIRE_TEST_STRICT") == "1"
REPORT = re.compile(r"^.*(Sanitizer|runtime error:|[Bb]ug at |\bBUG\b|job event refused).*$", re.M)

QUEUED, STARTING, RUNNING = (jobs_pb2.STATE_QUEUED, jobs_pb2.STATE_STARTING,
                             jobs_pb2.STATE_RUNNING)
COMPLETED, FAILED, KILLED, LOST = (jobs_pb2.STATE_COMPLETED, jobs_pb2.STATE_FAILED,
                                   jobs_pb2.STATE_KILLED, jobs_pb2.STATE_LOST)
STDOUT, STDERR, COMBINED = (jobs_pb2.STREAM_STDOUT, jobs_pb2.STREAM_STDERR,
                            jobs_pb2.STREAM_COMBINED)


def is_sanitized():
    with open(JOBWIRED, "rb") as program:
        return re.search(b"__[at]san_init", program.read()) is not None


SANITIZED = is_sanitized()


def environment(home):
    """What a client of the engine may have: nothing of jobwire's from outside of the test."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("JOBWIRE_")}
    env["HOME"] = home
    env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    # A sanitizer keeps what was freed for a while; with little of that, memory can be measured.
    env["ASAN_OPTIONS"] = "quarantine_size_mb=1:" + env.get("ASAN_OPTIONS", "")
    env["LSAN_OPTIONS"] = "print_suppressions=0:suppressions=" + SUPPRESSIONS
    return env


class Engine:
    """One state folder, and the engine that serves it from time to time."""

    def __init__(self, top=None):
        self.top = top or tempfile.mkdtemp(prefix="jw-")
        self.home = os.path.join(self.top, "home")
        self.state = os.path.join(self.top, "state")
        os.makedirs(self.home)
        self.prefix = []  # of the command
        self.pid = None
        self.process = None  # of an engine in the foreground
        self.clients = []

    def command(self, *options):
        return [*self.prefix, JOBWIRED, "--state-dir", self.state, *options]

    def try_start(self, *options, env=None):
        """In the background. (exit status, what it said)."""
        done = subprocess.run(self.command("--background", *options), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT,
                              env={**environment(self.home), **(env or {})})
        return done.returncode, done.stdout.decode()

    def start(self, *options, env=None):
        status, said = self.try_start(*options, env=env)
        if status != 0 or said:
            raise AssertionError("jobwired: status %d: %s\n%s" % (status, said, self.log()))
        with open(os.path.join(self.state, "engine.lock")) as lock:
            self.pid = int(lock.readline())

    def spawn(self, *options, env=None):
        """In the foreground, and nobody waits until it is ready."""
        with open(os.path.join(self.top, "stderr.log"), "ab") as stderr:
            self.process = subprocess.Popen(
                self.command(*options), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                env={**environment(self.home), **(env or {})})
        self.pid = self.process.pid

    def wait_ready(self):
        """For an engine in the foreground: it answers."""
        def answers():
            if not processes.is_alive(self.pid):
                raise AssertionError("the engine has ended:\n" + self.log())
            try:
                client = Client(self.state)
            except (FileNotFoundError, ConnectionRefusedError, Closed):
                return False
            client.info()
            client.close()
            return True

        until(answers, "an engine that answers")

    def wait_exit(self, limit=LIMIT):
        """Its wait status, as os.waitpid() gives it."""
        processes.wait_dead(self.pid, "engine's end", limit)
        if self.process:
            code = self.process.wait(LIMIT)
            status = -code if code < 0 else code << 8
        else:
            status = os.waitpid(self.pid, 0)[1]
        self.pid = self.process = None
        return status

    def kill(self, number=signal.SIGKILL):
        """Its wait status."""
        os.kill(self.pid, number)
        return self.wait_exit()

    def restart(self, *options, env=None):
        """Killed, and there again."""
        self.kill()
        self.start(*options, env=env)

    def connect(self, session=""):
        client = Client(self.state, session)
        self.clients.append(client)
        return client

    def subscribe(self):
        subscriber = Subscriber(self.state)
        self.clients.append(subscriber)
        return subscriber

    def log(self):
        text = ""
        for path in ("state/engine.log.1", "state/engine.log", "stderr.log"):
            with contextlib.suppress(FileNotFoundError):
                with open(os.path.join(self.top, path), errors="replace") as log:
                    text += log.read()
        return text

    def job_folder(self, job_id):
        return os.path.join(self.state, "jobs", job_id[:2], job_id)

    def arm_holder(self, **env):
        """Give the holders that are started from now on this environment (see armed_holder.c)."""
        path = os.path.join(self.state, "holder.env")
        with open(path + ".new", "w") as file:
            file.write(HOLDER + "\n")
            file.writelines("%s=%s\n" % pair for pair in env.items())
        os.rename(path + ".new", path)

    def end_jobs(self):
        """Every job is ended, and the engine with them; AssertionError if it died otherwise."""
        for client in self.clients:
            client.close()
        self.clients = []
        if self.pid and not processes.is_alive(self.pid):
            status = self.wait_exit()
            raise AssertionError("the engine has ended, status %#x:\n%s" % (status, self.log()))
        for pid in processes.descendants(os.getpid()):
            if processes.state_of(pid) == "T":
                os.kill(pid, signal.SIGCONT)
        if not self.pid:
            if not os.path.exists(os.path.join(self.state, "jobwire.db")):
                return
            self.start()
        client = Client(self.state)
        client.send("Engine.Shutdown", stop_jobs=True, grace_ms=0)
        try:
            status = self.wait_exit()
        finally:
            client.close()
        if status != 0:
            raise AssertionError("the engine ended with %#x:\n%s" % (status, self.log()))

    def check_log(self):
        log = self.log()
        found = REPORT.search(log)
        if found:
            raise AssertionError("%s\n%s" % (found[0], log[found.start():][:20000]))


class EngineTest(unittest.TestCase):
    """self.engine runs with OPTIONS; self.client is connected to it."""

    OPTIONS = ()
    maxDiff = 2000

    def setUp(self):
        processes.adopt_orphans()
        self.engines = []
        self.addCleanup(self.clean_up)
        self.engine = self.new_engine()
        self.engine.start(*self.OPTIONS)
        self.client = self.engine.connect()

    def new_engine(self, top=None):
        engine = Engine(top)
        self.engines.append(engine)
        return engine

    def clean_up(self):
        try:
            for engine in self.engines:
                engine.end_jobs()
            self.check_nobody_is_left()
        finally:
            for pid in processes.descendants(os.getpid()):
                processes.kill(pid)
                processes.wait_dead(pid)
            processes.reap()
            try:
                for engine in self.engines:
                    engine.check_log()
            finally:
                for engine in self.engines:
                    shutil.rmtree(engine.top, ignore_errors=True)

    def check_nobody_is_left(self):
        """A holder may still be on its way out."""
        for pid in processes.descendants(os.getpid()):
            processes.wait_dead(pid, "left over at the test's end", 10)
        processes.reap()

    def subscribe(self):
        """A subscriber that hears everything from here on."""
        subscriber = self.engine.subscribe()
        self.probe(subscriber)
        return subscriber

    def probe(self, subscriber):
        """A connection is up on our side before the engine publishes to it: let jobs end until we
        hear of one, then take in what belongs to them."""

        def hears():
            job = self.client.run_job(["/bin/true"])
            with contextlib.suppress(AssertionError):
                while True:
                    if subscriber.next(0.2)[1].job_id == job.id:
                        return True

        until(hears, "a subscriber that hears something")
        last = self.client.closed(self.client.start(["/bin/true"]).id)
        while True:
            event = subscriber.next()[1]
            if event.job_id == last.id and getattr(event, "kind", 0) == engine_pb2.EVENT_CLOSED:
                break

    def assertCode(self, code, call, *args, **fields):
        """The call fails with this code; the error."""
        with self.assertRaises(RpcError) as caught:
            call(*args, **fields)
        self.assertEqual(caught.exception.code, code, caught.exception.message)
        self.assertNotEqual(caught.exception.message, "")
        return caught.exception

    def assertEnd(self, job, state, reason, shell_code):
        """The row of job-life's table."""
        self.assertEqual(
            (jobs_pb2.State.Name(job.state), jobs_pb2.Reason.Name(job.reason), job.shell_code),
            ("STATE_" + state, "REASON_" + reason, shell_code), job)

    def holder_of(self, job):
        """Its pid: the parent of the main process."""
        pid = processes.parent_of(job.pid)
        self.assertIn("jobwire-holder", processes.name_of(pid))
        return pid

    def pids_in(self, text):
        """The numbers that a job printed, one a line."""
        return [int(line) for line in text.split()]

    def assertDead(self, pids, limit=10):
        for pid in pids:
            processes.wait_dead(pid, "it should be dead", limit)


def wait_file(path, holds=lambda text: True):
    """The bytes of a file, once it is there and they satisfy holds()."""
    def read():
        try:
            with open(path, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            return None
        return (text,) if holds(text) else None

    return until(read, "the file " + path)[0]


def fifo(folder, name):
    """A pipe with a name: opening it for writing waits for whoever reads it, and the reverse."""
    path = os.path.join(folder, name)
    os.mkfifo(path, 0o600)
    return path


def open_gate(path):
    """Let the job go on that reads this fifo."""
    with open(path, "w"):
        pass


def readable(fd, limit=LIMIT):
    return bool(select.select([fd], [], [], limit)[0])


def mode_of(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def main():
    unittest.main(verbosity=2)
