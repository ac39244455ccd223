# SPDX-License-Identifier: MIT
"""A client that speaks to a program over its standard input and output, line by line.

Every wait is for a line, a byte or an exit, with a generous limit, because machines are slow.
"""
import collections
import json
import os
import select
import socket
import subprocess
import tempfile
import time

LIMIT = 60.0
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def program(name):
    return os.path.join(os.environ["JOBWIRE_TESTS_BIN"], name)


# A sanitizer keeps what was freed for a while; with little of that, memory can still be measured.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1:" +
               os.environ.get("ASAN_OPTIONS", "")}


class Peer:
    """One server process. `channel` is "pipe" or "socket" (Node's clients use sockets)."""

    def __init__(self, path, channel="pipe", arguments=(), env=None, cwd=None):
        command = [path, *arguments]
        env = ENVIRONMENT if env is None else env
        self.stderr = tempfile.TemporaryFile()
        self.socket = None
        if channel == "socket":
            ours, theirs = socket.socketpair()
            self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs,
                                            stderr=self.stderr, env=env, cwd=cwd)
            theirs.close()
            self.socket = ours
            self.to_server = os.dup(ours.fileno())
            self.from_server = os.dup(ours.fileno())
        else:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=self.stderr,
                                            bufsize=0, env=env, cwd=cwd)
            self.to_server = os.dup(self.process.stdin.fileno())
            self.from_server = os.dup(self.process.stdout.fileno())
            self.process.stdin.close()
            self.process.stdout.close()
        self.is_open = True
        self.lines = collections.deque()
        self.pieces = []  # of the line that has not ended yet

    def write(self, data):
        """All of it; reading the answers meanwhile, so that neither side waits for the other."""
        view = memoryview(data)
        os.set_blocking(self.to_server, False)
        while view:
            readable, writable, _ = select.select([self.from_server], [self.to_server], [], LIMIT)
            if not readable and not writable:
                raise AssertionError("the server takes no input")
            if readable:
                self.read_some()
            if writable:
                try:
                    view = view[os.write(self.to_server, view[:65536]):]
                except BlockingIOError:
                    pass

    def send(self, *messages):
        for message in messages:
            if isinstance(message, (dict, list)):
                message = json.dumps(message)
            if isinstance(message, str):
                message = message.encode()
            self.write(message + b"\n")

    def read_some(self):
        """False at the end."""
        data = os.read(self.from_server, 1 << 16)
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self.lines.append(b"".join(self.pieces) + piece)
            self.pieces = []
        if rest:
            self.pieces.append(rest)
        return bool(data)

    def line(self, limit=LIMIT):
        """The next line as bytes, without its end; None at the end of the stream."""
        deadline = time.monotonic() + limit
        while not self.lines:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.from_server], [], [], left)[0]:
                raise AssertionError("no line came; stderr: " + self.errors())
            if not self.read_some():
                if self.pieces:
                    raise AssertionError("the last line is cut: %r" % self.pieces[0][:200])
                return None
        return self.lines.popleft()

    def receive(self, limit=LIMIT):
        line = self.line(limit)
        if line is None:
            raise AssertionError("the server has gone; stderr: " + self.errors())
        return json.loads(line)

    def rest(self):
        """Every message up to the end of the stream."""
        messages = []
        while (line := self.line()) is not None:
            messages.append(json.loads(line))
        return messages

    def ask(self, ident, method, params=None):
        self.send(request(ident, method, params))
        return self.receive()

    def initialize(self, version="2025-06-18"):
        answer = self.ask("init", "initialize", {
            "protocolVersion": version, "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer["result"]

    def end_input(self):
        if not self.is_open:
            return
        if self.socket:
            self.socket.shutdown(socket.SHUT_WR)
        os.close(self.to_server)
        self.is_open = False

    def wait(self, limit=LIMIT):
        """The exit status."""
        return self.process.wait(limit)

    def errors(self):
        self.stderr.seek(0)
        return self.stderr.read().decode()

    def peak_memory(self):
        """Bytes, as the kernel counted them."""
        with open("/proc/%d/status" % self.process.pid) as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def close(self):
        self.end_input()
        try:
            return self.process.wait(LIMIT)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self.from_server)
            if self.socket:
                self.socket.close()
            self.stderr.close()


def request(ident, method, params=None):
    message = {"jsonrpc": "2.0", "id": ident, "method": method}
    if params is not None:
        message["params"] = params
    return message


def call(ident, name, arguments=None, **params):
    return request(ident, "tools/call", {"name": name, "arguments": arguments or {}, **params})


def cancel(ident):
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": ident}}
