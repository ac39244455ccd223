# SPDX-License-Identifier: MIT
"""jobwire-mcp with a real engine, in a home folder of its own that is gone afterwards."""
import json
import os
import re
import select
import shutil
import signal
import tempfile
import time
import unittest

from mcp_peer import ENVIRONMENT, LIMIT, META, Peer, call, request

ADAPTER = os.path.join(os.environ["JOBWIRE_BIN"], "jobwire-mcp")
UUID = re.compile(r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
CRASHED = re.compile(r"ERROR: AddressSanitizer|ThreadSanitizer|runtime error|^BUG at", re.M)
# What a sanitizer needs; a client may give its servers no more than this.
KEPT = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")


# The short names of the predecessor's README.
ALIASES = {"execute": "execute_command", "list": "list_jobs", "status": "get_job_status",
           "output": "get_job_output", "tail": "tail_job_output",
           "interact": "interact_with_job", "kill": "kill_job"}


class Failed(Exception):
    """The tool answered isError: its text."""


class Home:
    """A home folder, and everything that was started in it."""

    def __init__(self):
        self.path = os.path.realpath(tempfile.mkdtemp(prefix="jobwire-e2e-"))
        self.state = os.path.join(self.path, ".local/state/jobwire")
        self.work = os.path.join(self.path, "work")
        os.mkdir(self.work)

    def environment(self, **more):
        kept = {name: ENVIRONMENT[name] for name in KEPT if name in ENVIRONMENT}
        return {**kept, "HOME": self.path, **more}

    def engine_pid(self):
        """0 where none has been started."""
        try:
            with open(os.path.join(self.state, "engine.lock")) as lock:
                pid = int(lock.read() or 0)
            with open("/proc/%d/stat" % pid) as stat:
                return 0 if stat.read().rsplit(") ", 1)[1][0] in "ZX" else pid
        except (FileNotFoundError, ProcessLookupError):
            return 0

    def kill_engine(self, number=signal.SIGKILL):
        """As soon as there is one, and wait until it is gone."""
        deadline = time.monotonic() + LIMIT
        while not (pid := self.engine_pid()):
            if time.monotonic() > deadline:
                raise AssertionError("no engine")
            time.sleep(0.001)
        end_process(pid, number)

    def processes(self):
        """Pids of everything that has our home folder in its environment."""
        found = []
        mark = b"HOME=" + self.path.encode()
        for name in os.listdir("/proc"):
            try:
                with open(f"/proc/{name}/environ", "rb") as environ:
                    if mark in environ.read().split(b"\0"):
                        found.append(int(name))
            except (OSError, ValueError):
                pass
        return found

    def remove(self):
        """End what is left: the engine, then holders and jobs, which are this test's own."""
        if self.engine_pid():
            self.kill_engine(signal.SIGTERM)
        for pid in self.processes():
            end_process(pid, signal.SIGKILL)
        log = self.engine_log()
        shutil.rmtree(self.path, ignore_errors=True)
        if CRASHED.search(log):
            raise AssertionError("the engine crashed:\n" + log[-4000:])

    def engine_log(self):
        try:
            with open(os.path.join(self.state, "engine.log"), errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""


def end_process(pid, number):
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, number)
        if not select.select([handle], [], [], LIMIT)[0]:
            raise AssertionError("process %d does not end" % pid)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "number": (int, float)}


def faults(schema, value, where="$"):
    """What is wrong with the value by a JSON Schema of the words that ours use."""
    kind = TYPES[schema["type"]]
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        return ["%s is no %s: %r" % (where, schema["type"], value)]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append("%s is none of %s: %r" % (where, schema["enum"], value))
    if value is not True and "minimum" in schema and value < schema["minimum"]:
        found.append("%s is below %s" % (where, schema["minimum"]))
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += faults(schema["items"], item, "%s[%d]" % (where, i))
    if isinstance(value, dict):
        found += ["%s lacks %s" % (where, name) for name in schema.get("required", ())
                  if name not in value]
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                found += faults(inner, value[name], where + "." + name)
    return found


def nulls(value):
    """Does null stand anywhere in it?"""
    if isinstance(value, dict):
        value = list(value.values())
    return value is None or isinstance(value, list) and any(nulls(item) for item in value)


class Adapter(Peer):
    """One jobwire-mcp, and calls to its tools. `era` is "legacy" or "modern". Every result is held
    against the output schema of its tool."""

    def __init__(self, home, era="legacy", arguments=(), cwd=None, **variables):
        super().__init__(ADAPTER, arguments=arguments, env=home.environment(**variables),
                         cwd=cwd or home.work)
        self.home = home
        self.era = era
        self.number = 0
        self.early = {}  # answers that nobody has asked for yet
        self.notices = []
        self.called = {}  # names of the tools, by id
        if era == "legacy":
            self.initialize()
        self.listed = self.tools()
        self.by_name = {**self.listed, **{alias: self.listed[name]
                                          for alias, name in ALIASES.items()}}

    def begin(self, name, arguments=None, **meta):
        """Send a call and return its id."""
        self.number += 1
        self.called[self.number] = name
        params = {"_meta": {**(META if self.era == "modern" else {}), **meta}}
        self.send(call(self.number, name, arguments, **params))
        return self.number

    def answer(self, ident, limit=LIMIT):
        """The result to that id; others are kept for those who want them."""
        deadline = time.monotonic() + limit
        while ident not in self.early:
            message = self.receive(max(deadline - time.monotonic(), 0.001))
            if "id" in message:
                self.early[message["id"]] = message
            else:
                self.notices.append(message)
        return self.early.pop(ident)

    def is_answered(self, ident):
        """Has the answer come already?"""
        while select.select([self.from_server], [], [], 0)[0] and self.read_some():
            pass
        for line in self.lines:
            message = json.loads(line)
            if message.get("id") == ident:
                return True
        return ident in self.early

    def end(self, ident, limit=LIMIT):
        """The structured result of a call that was begun; Failed for isError."""
        message = self.answer(ident, limit)
        if "error" in message:
            raise AssertionError(message["error"])
        result = message["result"]
        text = result["content"][0]["text"]
        if result.get("isError"):
            if "structuredContent" in result or len(result["content"]) != 1 or not text:
                raise AssertionError("not an error for a model: %s" % result)
            raise Failed(text)
        content = result["structuredContent"]
        if json.loads(text) != content:
            raise AssertionError("text and structure differ: " + text)
        wrong = faults(self.by_name[self.called[ident]]["outputSchema"], content)
        if wrong or nulls(content):
            raise AssertionError("%s gives %s: %s" % (self.called[ident], content, wrong))
        return content

    def tool(self, name, /, **arguments):
        return self.end(self.begin(name, arguments))

    def close(self):
        """It must have ended well, or by our own hand."""
        self.end_input()
        status, words = self.wait(), self.errors()
        super().close()
        if status not in (0, -signal.SIGKILL):
            raise AssertionError("status %d: %s" % (status, words))

    def tools(self):
        params = {"_meta": META} if self.era == "modern" else None
        self.number += 1
        self.send(request(self.number, "tools/list", params))
        return {tool["name"]: tool for tool in self.answer(self.number)["result"]["tools"]}


class JobsCase(unittest.TestCase):
    """A home and one adapter for each test."""

    era = "legacy"

    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.remove)
        self.adapter = self.start()

    def start(self, **how):
        adapter = Adapter(self.home, **{"era": self.era, **how})
        self.addCleanup(adapter.close)
        return adapter

    def tool(self, name, /, **arguments):
        return self.adapter.tool(name, **arguments)

    def fails(self, name, /, **arguments):
        """The text of the failure."""
        with self.assertRaises(Failed) as caught:
            self.adapter.tool(name, **arguments)
        return str(caught.exception)

    def until(self, look, holds):
        """What look() gives, as soon as holds() is content with it. For what nothing tells of."""
        deadline = time.monotonic() + LIMIT
        while not holds(seen := look()):
            if time.monotonic() > deadline:
                self.fail("still not: %s" % (seen,))
            time.sleep(0.005)
        return seen

    def execute(self, command, **more):
        return self.tool("execute_command", command=command, **more)["job_id"]

    def wait(self, job_id, **more):
        return self.tool("wait_for_job", job_id=job_id, **more)
