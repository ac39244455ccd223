# SPDX-License-Identifier: MIT
"""A client of jobwire-mcp-http that speaks HTTP by itself, byte for byte, and the program's life.

Every wait is for bytes, an end or an exit, with a generous limit, because machines are slow.
"""
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import time

from mcp_peer import ENVIRONMENT, LIMIT, META, request

VERSION = "2026-07-28"
BOTH = "application/json, text/event-stream"


class Server:
    """One server process on a port of its own, in a home of its own that stays without an engine."""

    def __init__(self, *arguments, program=None, env=None, listen="127.0.0.1:0"):
        self.program = program or os.path.join(os.environ["JOBWIRE_BIN"], "jobwire-mcp-http")
        self.home = tempfile.TemporaryDirectory(prefix="jobwire-e2e-")
        kept = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("MCP_BG_")}
        self.process = subprocess.Popen(
            [self.program, "--listen", listen, *arguments], stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env={**kept, "HOME": self.home.name, **(env or {})})
        self.said = b""
        self.told = None  # the signal that it was sent to end it
        self.port = 0
        while not self.port and self.read_stderr():
            found = re.search(rb"listening on http://[^/]*:(\d+)/mcp\n", self.said)
            self.port = int(found[1]) if found else 0

    def read_stderr(self):
        """False at the end."""
        if not select.select([self.process.stderr], [], [], LIMIT)[0]:
            raise AssertionError("nothing on stderr")
        data = os.read(self.process.stderr.fileno(), 65536)
        self.said += data
        return bool(data)

    def connect(self):
        return Http(self.port)

    def signal(self, number=signal.SIGTERM):
        self.told = number
        self.process.send_signal(number)

    def wait(self):
        while self.read_stderr():
            pass
        return self.process.wait(LIMIT)

    def close(self):
        """End it, and be sure that nothing was wrong with it."""
        if self.process.poll() is None and self.told is None:
            self.signal()
        try:
            status = self.wait()
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
            self.home.cleanup()
        killed = self.told == signal.SIGKILL and status == -signal.SIGKILL
        if not killed and status not in (0, 1, 2) or re.search(rb"Sanitizer|runtime error|BUG at", self.said):
            raise AssertionError("status %d: %s" % (status, self.said.decode()))
        return status

    def memory_kib(self):
        with open("/proc/%d/status" % self.process.pid) as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.process.pid))


class Ended(Exception):
    """The server closed the connection."""


class Answer:
    def __init__(self, status, fields):
        self.status = status
        self.fields = fields
        self.body = b""

    def json(self):
        return json.loads(self.body)


class Http:
    """One connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.buffer = b""
        self.chunked = False
        self.text = b""  # of a stream, without the chunks around it

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def fill(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Ended(self.buffer)
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self.fill()
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def exactly(self, count):
        while len(self.buffer) < count:
            self.fill()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def head(self):
        first, *lines = self.until(b"\r\n\r\n").decode().split("\r\n")
        fields = {}
        for line in lines:
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        answer = Answer(int(first.split()[1]), fields)
        self.chunked = fields.get("transfer-encoding") == "chunked"
        return answer

    def chunk(self):
        """The next one; b"" is the last."""
        size = int(self.until(b"\r\n"), 16)
        data = self.exactly(size)
        if self.exactly(2) != b"\r\n":
            raise AssertionError("a chunk without its end")
        return data

    def answer(self):
        """A whole one that is no stream, or only the head of one that is."""
        answer = self.head()
        if "content-length" in answer.fields:
            answer.body = self.exactly(int(answer.fields["content-length"]))
        elif not self.is_stream(answer) and answer.status not in (100, 204):
            raise AssertionError("an answer without a length: %s" % answer.fields)
        return answer

    @staticmethod
    def is_stream(answer):
        return answer.fields.get("content-type") == "text/event-stream"

    def block(self):
        """The next block of a stream as {field: value}, comments under "" ; None at its end."""
        while b"\n\n" not in self.text:
            piece = self.chunk()
            if not piece:
                return None
            self.text += piece
        text, self.text = self.text.split(b"\n\n", 1)
        return dict((line.split(": ", 1) if ": " in line else (line.rstrip(":"), ""))
                    if not line.startswith(":") else ("", line[1:].strip())
                    for line in text.decode().split("\n"))

    def event(self):
        """(id, message) of the next event with data; None at the end."""
        while (block := self.block()) is not None:
            if block.get("data"):
                return block.get("id"), json.loads(block["data"])
        return None

    def events(self):
        found = []
        while event := self.event():
            found.append(event)
        return found

    def ask(self, verb, target="/mcp", body=None, **fields):
        self.start(verb, target, body, **fields)
        return self.answer()

    def start(self, verb, target="/mcp", body=None, **fields):
        """Fields are named with _ for -; None leaves one out."""
        fields = {"Host": "localhost", **{k.replace("_", "-"): v for k, v in fields.items()}}
        if body is not None and not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        if body is not None:
            fields.setdefault("Content-Length", len(body))
        lines = ["%s: %s" % (k, v) for k, v in fields.items() if v is not None]
        self.send("\r\n".join(["%s %s HTTP/1.1" % (verb, target), *lines, "", ""]).encode() +
                  (body or b""))

    def post(self, message, **fields):
        self.start_post(message, **fields)
        return self.answer()

    def start_post(self, message, **fields):
        self.start("POST", body=message,
                   **{"Content_Type": "application/json", "Accept": BOTH, **fields})

    def modern(self, method, params=None, ident=1, **fields):
        self.start_modern(method, params, ident, **fields)
        return self.answer()

    def start_modern(self, method, params=None, ident=1, meta=None, **fields):
        params = {**(params or {}), "_meta": {**META, **(meta or {})}}
        named = {"Mcp_Name": params["name"]} if "name" in params else {}
        self.start_post(request(ident, method, params),
                        **{"MCP_Protocol_Version": VERSION, "Mcp_Method": method, **named, **fields})

    def initialize(self, version="2025-11-25"):
        """The new session's id."""
        answer = self.post(request(0, "initialize", {
            "protocolVersion": version, "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}}))
        if answer.status != 200:
            raise AssertionError(answer.body)
        return answer.fields["mcp-session-id"]


def until(holds, limit=LIMIT):
    """Look again and again, for what gives no event; its value."""
    deadline = time.monotonic() + limit
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise AssertionError("it never happened")
        select.select([], [], [], 0.005)
    return value
