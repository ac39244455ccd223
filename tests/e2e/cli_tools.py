# SPDX-License-Identifier: MIT
"""The command line as a user has it: real programs, in a state folder of their own.

Every wait is for an event (a line, a state, an exit), with a generous limit, because machines are
slow. At the end of each test the engine is ended with its jobs, and no process of it is left.
"""
import json
import os
import re
import shutil
import select
import signal
import subprocess
import tempfile
import threading
import unittest

import processes
from engine import REPORT, environment
from sp import BIN, LIMIT

JOBWIRE = os.path.join(BIN, "jobwire")
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Case(unittest.TestCase):
    """A test with an engine that its first call starts."""

    maxDiff = 2000

    def setUp(self):
        processes.adopt_orphans()
        self.top = tempfile.mkdtemp(prefix="jobwire-cli-")
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)
        self.state = os.path.join(self.top, "state")
        self.env = environment(self.top)
        self.env["JOBWIRE_STATE_DIR"] = self.state
        self.addCleanup(self.end_all)

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
        said = (out or b"")[-2000:], (err or b"")[-2000:]
        if status is None:
            self.assertGreaterEqual(process.returncode, 0, said)
        else:
            self.assertEqual(process.returncode, status, said)
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
        line = self.out("start", *args, **how)
        self.assertRegex(line, r"\A%s\n\Z" % ID.pattern)
        return line.strip()

    def show(self, ident):
        return self.json("show", ident)["jobs"][0]

    def newest(self):
        """The job that was made last, once it is there."""
        return self.until(lambda: self.json("ls", "-n", 1)["jobs"], "a job")[0]

    def until(self, ask, what):
        """Ask until the answer is true."""
        return processes.until(ask, what)

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
        """As `kill -9` does it; gone when this returns. The pid it had."""
        pid = self.engine_pid()
        os.kill(pid, signal.SIGKILL)
        processes.wait_dead(pid)
        return pid

    def holder_of(self, ident):
        """Its pid: the parent of the main process."""
        pid = processes.parent_of(self.show(ident)["pid"])
        self.assertEqual(processes.name_of(pid), "jobwire-holder " + ident)
        return pid

    def end_all(self):
        """Every job through an engine, then the engine; nobody may be left."""
        try:
            if processes.descendants(os.getpid()):
                self.call("engine", "start")
                self.call("engine", "stop", "--jobs")
            for pid in processes.descendants(os.getpid()):
                processes.wait_dead(pid, "left over at the test's end", 10)
        finally:
            for pid in processes.descendants(os.getpid()):
                processes.kill(pid)
                processes.wait_dead(pid)
            processes.reap()
        self.check_log()

    def check_log(self):
        path = os.path.join(self.state, "engine.log")
        if not os.path.exists(path):
            return
        with open(path, errors="replace") as log:
            found = REPORT.search(text := log.read())
        self.assertIsNone(found, found and text[found.start():][:20000])


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
