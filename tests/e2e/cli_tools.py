# SPDX-License-Identifier: MIT
"""The command line as a user has it: real programs, in a state folder of their own.

Every wait is for an event (a line, a state, an exit), with a generous limit, because machines are
slow. At the end of each test the engine is ended with its jobs, and no process of it is left.
"""
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

LIMIT = 60.0
BIN = os.environ["JOBWIRE_BIN"]
JOBWIRE = os.path.join(BIN, "jobwire")


class Case(unittest.TestCase):
    """A test with an engine that its first call starts."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="jobwire-cli-")
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        self.state = os.path.join(self.top, "state")
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("JOBWIRE_", "MCP_BG_")) or k == "JOBWIRE_FAULT"}
        self.env["JOBWIRE_STATE_DIR"] = self.state
        self.addCleanup(self.end_engine)

    # ---- calls ----

    def popen(self, *args, **how):
        """A jobwire process, killed at the end if it is still there."""
        how.setdefault("env", self.env)
        how.setdefault("stdin", subprocess.DEVNULL)
        how.setdefault("stdout", subprocess.PIPE)
        how.setdefault("stderr", subprocess.PIPE)
        process = subprocess.Popen([JOBWIRE, *map(os.fsencode, map(str, args))], bufsize=0, **how)
        self.addCleanup(self.reap, process)
        return process

    @staticmethod
    def reap(process):
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()

    def call(self, *args, input=None, status=0, **how):
        """Run to the end; (stdout, stderr) as bytes. `status` None: any but a crash."""
        if input is not None:
            how["stdin"] = subprocess.PIPE
        process = self.popen(*args, **how)
        out, err = process.communicate(input, timeout=LIMIT)
        if status is None:
            self.assertGreaterEqual(process.returncode, 0, err)
        else:
            self.assertEqual(process.returncode, status, (out[-2000:], err[-2000:]))
        return out, err

    def out(self, *args, **how):
        return self.call(*args, **how)[0].decode()

    def refused(self, *args, status, says, **how):
        """It fails with this status and a sentence; nothing is on stdout."""
        out, err = self.call(*args, status=status, **how)
        self.assertEqual(out, b"")
        self.assertIn(says, err.decode())
        self.assertTrue(err.startswith(b"jobwire: "), err)
        return err.decode()

    def json(self, *args, **how):
        return json.loads(self.out(*args, "--json", **how))

    # ---- jobs ----

    def start(self, *args, **how):
        """The id of a detached job."""
        ident = self.out("start", *args, **how)
        self.assertRegex(ident, r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n\Z")
        return ident.strip()

    def show(self, ident):
        return self.json("show", ident)["jobs"][0]

    def newest(self):
        """The job that was made last, once it is there."""
        return self.until(lambda: self.json("ls", "-n", 1)["jobs"], "a job")[0]

    def until(self, ask, what):
        """Ask until the answer is true. Each question is a call: no sleep, and no busy loop."""
        deadline = time.monotonic() + LIMIT
        while True:
            answer = ask()
            if answer:
                return answer
            if time.monotonic() > deadline:
                self.fail("never came: " + what)

    def wait_for(self, ident, text, *flags):
        """Until the job has written this."""
        process = self.popen("logs", "-f", *flags, ident)
        seen = Reader(process.stdout).until(text)
        process.kill()
        return seen

    # ---- the engine ----

    def engine_pid(self):
        return json.loads(self.out("engine", "status", "--json"))["pid"]

    def kill_engine(self):
        """As `kill -9` does it; gone when this returns."""
        pid = self.engine_pid()
        pidfd = os.pidfd_open(pid)
        try:
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(select.select([pidfd], [], [], LIMIT)[0], "the engine does not die")
        finally:
            os.close(pidfd)

    def end_engine(self):
        if not os.path.exists(self.state):
            return
        subprocess.run([JOBWIRE, "engine", "stop", "--jobs"], env=self.env, timeout=LIMIT,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        left = wait_gone(self.state)
        for pid, _ in left:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(left, [], "processes were left")


def processes_of(state):
    """(pid, command line) of what lives in this state folder: its environment says so."""
    found = []
    mark = b"JOBWIRE_STATE_DIR=" + os.fsencode(state) + b"\0"
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open("/proc/%s/environ" % name, "rb") as file:
                environ = file.read()
            with open("/proc/%s/cmdline" % name, "rb") as file:
                command = file.read()
        except OSError:
            continue
        if mark in environ + b"\0" and command:
            found.append((int(name), command))
    return found


def wait_gone(state):
    """What is still there when the limit is over."""
    deadline = time.monotonic() + LIMIT
    while True:
        left = processes_of(state)
        if not left or time.monotonic() > deadline:
            return left
        for pid, _ in left:
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            select.select([pidfd], [], [], max(0, deadline - time.monotonic()))
            os.close(pidfd)


class Reader:
    """Reads a pipe or a terminal up to what is waited for."""

    def __init__(self, stream):
        self.fd = stream if isinstance(stream, int) else stream.fileno()
        self.data = b""

    def more(self, limit=LIMIT):
        """False at the end."""
        if not select.select([self.fd], [], [], limit)[0]:
            raise AssertionError("nothing came after %r" % self.data[-300:])
        try:
            piece = os.read(self.fd, 1 << 16)
        except OSError:  # EIO of a terminal
            piece = b""
        self.data += piece
        return bool(piece)

    def until(self, text):
        if isinstance(text, str):
            text = text.encode()
        while text not in self.data:
            if not self.more():
                raise AssertionError("ended without %r: %r" % (text, self.data[-300:]))
        return self.data

    def rest(self):
        while self.more():
            pass
        return self.data


class Writer(threading.Thread):
    """Writes to a pipe while somebody else reads the answer; then closes it."""

    def __init__(self, stream, data):
        super().__init__(daemon=True)
        self.stream, self.payload = stream, data
        self.start()

    def run(self):
        try:
            self.stream.write(self.payload)
        except BrokenPipeError:
            pass
        self.stream.close()


def main():
    unittest.main(verbosity=2)
