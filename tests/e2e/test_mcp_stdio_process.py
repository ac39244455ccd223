# SPDX-License-Identifier: MIT
"""MCP over stdio as a process, through the test server mcp_echo: where it reads and writes, how it
waits for a slow client, and when it ends."""
import fcntl
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from mcp_peer import LIMIT, Peer, call, program, request

# "Within one second", and what a machine under load or a sanitizer may add to it.
SOON = 3.0
HELLO = json.dumps(request("init", "initialize",
                           {"protocolVersion": "2025-06-18", "capabilities": {}}))
PING = json.dumps(request(1, "ping"))
PONG = {"jsonrpc": "2.0", "id": 1, "result": {}}
SLOW = {"steps": 1, "ms": 600000}


def run(*lines, **how):
    """Start, feed, wait: status, messages, stderr."""
    text = "\n".join(lines).encode()
    done = subprocess.run([program("mcp_echo")], input=text, capture_output=True, timeout=LIMIT,
                          **how)
    return (done.returncode, [json.loads(line) for line in done.stdout.splitlines()],
            done.stderr.decode())


class Ends(unittest.TestCase):
    def setUp(self):
        self.peer = Peer(program("mcp_echo"))
        self.addCleanup(self.peer.close)
        self.peer.initialize()

    def assert_ends_soon(self):
        start = time.monotonic()
        self.assertEqual(self.peer.wait(), 0)
        self.assertLess(time.monotonic() - start, SOON)

    def test_without_work_the_end_of_input_ends_it_at_once(self):
        self.peer.end_input()
        self.assert_ends_soon()
        self.assertEqual(self.peer.rest(), [])

    def test_the_end_of_input_does_not_wait_for_calls(self):
        self.peer.send(call(1, "slow", SLOW), call(2, "slow", SLOW))
        self.peer.end_input()
        self.assert_ends_soon()
        self.assertEqual(self.peer.rest(), [])
        self.assertEqual(self.peer.errors().count("slow: cancelled"), 2)

    def test_progress_does_not_keep_it_after_the_end_of_input(self):
        self.peer.send(call(1, "slow", {"steps": 100000, "ms": 5}, _meta={"progressToken": 0}))
        self.peer.receive()
        self.peer.end_input()
        self.assert_ends_soon()

    def test_a_subscription_does_not_keep_it_after_the_end_of_input(self):
        self.peer.send(request("l", "subscriptions/listen", {"notifications": {}, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}}))
        self.peer.receive()
        self.peer.end_input()
        self.assert_ends_soon()
        self.assertEqual(self.peer.rest(), [])

    def test_signals_end_it_with_calls_under_way(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                peer = Peer(program("mcp_echo"))
                peer.initialize()
                peer.send(call(1, "slow", SLOW))
                self.assertEqual(peer.ask(2, "ping")["id"], 2)
                start = time.monotonic()
                os.kill(peer.process.pid, number)
                self.assertEqual(peer.wait(), 0)
                self.assertLess(time.monotonic() - start, SOON)
                self.assertEqual(peer.rest(), [])
                peer.close()

    def test_a_client_that_cannot_be_written_to_ends_it(self):
        os.close(self.peer.from_server)
        self.peer.from_server = os.open("/dev/null", os.O_RDONLY)
        os.write(self.peer.to_server, PING.encode() + b"\n")
        self.assert_ends_soon()

    def test_the_death_of_a_thread_of_its_parent_does_not_end_it(self):
        os.kill(self.peer.process.pid, signal.SIGUSR1)  # what the kernel sends in that case
        self.assertEqual(self.peer.ask(1, "ping"), PONG)

    def test_the_death_of_its_parent_ends_it(self):
        code = ("import subprocess, sys, time\n"
                "p = subprocess.Popen(sys.argv[1:])\n"
                "print(p.pid, file=sys.stderr, flush=True)\n"
                "p.wait()\n")
        parent = subprocess.Popen([sys.executable, "-c", code, program("mcp_echo")],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        child = os.pidfd_open(int(parent.stderr.readline()))
        self.addCleanup(os.close, child)
        parent.stdin.write(PING.encode() + b"\n")
        parent.stdin.flush()
        self.assertEqual(json.loads(parent.stdout.readline()), PONG)
        parent.kill()
        parent.wait()
        # Its input is still open here: only the parent's death can tell it.
        self.assertTrue(select.select([child], [], [], LIMIT)[0], "it outlives its parent")
        for pipe in (parent.stdin, parent.stdout, parent.stderr):
            pipe.close()


class Channels(unittest.TestCase):
    def test_what_was_asked_before_the_end_of_input_is_answered(self):
        status, messages, _ = run(HELLO, json.dumps(call(7, "slow", {"steps": 2, "ms": 20})), PING)
        self.assertEqual(status, 0)
        self.assertEqual([m["id"] for m in messages], ["init", 1, 7])

    def test_the_last_line_needs_no_end(self):
        self.assertEqual(run(PING)[:2], (0, [PONG]))

    def test_input_and_output_may_be_files(self):
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as sink:
            source.write((HELLO + "\n" + PING + "\n").encode() * 5000)
            source.seek(0)
            done = subprocess.run([program("mcp_echo")], stdin=source, stdout=sink, timeout=LIMIT)
            self.assertEqual(done.returncode, 0)
            sink.seek(0)
            lines = sink.read().splitlines()
            self.assertEqual(len(lines), 10000)
            self.assertEqual(json.loads(lines[-1]), PONG)

    def test_output_is_appended_to_a_file(self):
        with tempfile.NamedTemporaryFile("a+") as sink:
            sink.write("before\n")
            sink.flush()
            for _ in range(2):
                subprocess.run([program("mcp_echo")], input=PING.encode(), stdout=sink,
                               timeout=LIMIT, check=True)
            sink.seek(0)
            self.assertEqual(len(sink.readlines()), 3)

    def test_nothing_to_read_is_the_end(self):
        done = subprocess.run([program("mcp_echo")], stdin=subprocess.DEVNULL, timeout=LIMIT,
                              capture_output=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_answers_may_go_nowhere(self):
        done = subprocess.run([program("mcp_echo")], input=PING.encode(), timeout=LIMIT,
                              stdout=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0)

    def test_a_full_disk_is_an_error_and_no_silence(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([program("mcp_echo")], input=PING.encode(), timeout=LIMIT,
                                  stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)

    def test_closed_standard_descriptors_do_no_harm(self):
        for closed in ((0,), (1,), (2,), (0, 1, 2)):
            with self.subTest(closed):
                done = subprocess.run(
                    [program("mcp_echo")], input=PING.encode(), timeout=LIMIT,
                    stdout=subprocess.PIPE,
                    preexec_fn=lambda: [os.close(fd) for fd in closed])
                self.assertEqual(done.returncode, 0)
                answered = 0 not in closed and 1 not in closed
                self.assertEqual(done.stdout.count(b"\n"), 1 if answered else 0)


class Flags(unittest.TestCase):
    """Nobody who shares a descriptor with the server sees it nonblocking afterwards."""

    def nonblocking(self, fd):
        return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK)

    def test_a_shared_pipe_stays_blocking_all_the_time(self):
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        process = subprocess.Popen([program("mcp_echo")], stdin=in_read, stdout=out_write)
        os.write(in_write, PING.encode() + b"\n")
        self.assertEqual(json.loads(os.read(out_read, 4096)), PONG)
        self.assertFalse(self.nonblocking(in_read) or self.nonblocking(out_write))
        os.close(in_write)
        self.assertEqual(process.wait(LIMIT), 0)
        for fd in (in_read, out_read, out_write):
            os.close(fd)

    def test_a_terminal_stays_blocking_all_the_time(self):
        master, slave = pty.openpty()
        process = subprocess.Popen([program("mcp_echo")], stdin=slave, stdout=slave)
        os.write(master, PING.encode() + b"\n")
        seen = b""
        while b'"result"' not in seen:  # the terminal echoes the request first
            self.assertTrue(select.select([master], [], [], LIMIT)[0])
            seen += os.read(master, 4096)
        self.assertFalse(self.nonblocking(slave))
        os.write(master, b"\x04")
        self.assertEqual(process.wait(LIMIT), 0)
        self.assertFalse(self.nonblocking(slave))
        os.close(master)
        os.close(slave)

    def test_a_shared_socket_is_blocking_again_at_the_end(self):
        ours, theirs = socket.socketpair()
        process = subprocess.Popen([program("mcp_echo")], stdin=theirs, stdout=theirs)
        ours.sendall(PING.encode() + b"\n")
        self.assertEqual(json.loads(ours.recv(4096)), PONG)
        ours.shutdown(socket.SHUT_WR)
        self.assertEqual(process.wait(LIMIT), 0)
        self.assertFalse(self.nonblocking(theirs))
        ours.close()
        theirs.close()


class SlowClients(unittest.TestCase):
    """A client that asks and does not read: the server stops reading, keeps all and stays small."""

    SIZE, COUNT = 100_000, 300  # some 60 MB of answers

    def setUp(self):
        self.peer = Peer(program("mcp_echo"))
        self.addCleanup(self.peer.close)
        self.peer.initialize()
        self.left = b"".join(
            json.dumps(call(i, "echo", {"message": "x" * self.SIZE})).encode() + b"\n"
            for i in range(self.COUNT))

    def write_until_full(self):
        os.set_blocking(self.peer.to_server, False)
        while select.select([], [self.peer.to_server], [], 0.5)[1]:
            written = os.write(self.peer.to_server, self.left[:65536])
            self.left = self.left[written:]
        self.assertGreater(len(self.left), self.SIZE * self.COUNT // 2,
                           "it takes more than it can hold")

    def test_the_queue_is_bounded_and_no_answer_is_lost(self):
        self.write_until_full()
        self.peer.write(self.left)
        for i in range(self.COUNT):
            self.assertEqual(self.peer.receive()["id"], i)
        self.assertEqual(self.peer.ask(1, "ping"), PONG)
        self.assertLess(self.peer.peak_memory(), 48 << 20)

    def test_only_progress_is_dropped(self):
        self.peer.send(call("slow", "slow", {"steps": 500, "ms": 1}, _meta={"progressToken": 7}))
        self.write_until_full()
        self.peer.write(self.left)
        messages = [self.peer.receive()]
        while messages[-1].get("id") != "slow":
            messages.append(self.peer.receive())
        steps = [m["params"]["progress"] for m in messages if "method" in m]
        self.assertEqual(steps, sorted(set(steps)))
        self.assertLess(len(steps), 500)

    def test_after_the_end_of_input_a_reading_client_gets_everything(self):
        self.write_until_full()
        whole = self.left.rindex(b"\n", 0, 1 << 20) + 1
        pending, view = len(self.left) - whole, memoryview(self.left)[:whole]
        while view:  # read only as much as lets the server take the rest
            readable, writable, _ = select.select([self.peer.from_server],
                                                  [self.peer.to_server], [], LIMIT)
            if writable:
                view = view[os.write(self.peer.to_server, view[:65536]):]
            elif readable:
                self.peer.read_some()
            else:
                self.fail("the server neither reads nor writes")
        self.peer.end_input()
        ids = [message["id"] for message in self.peer.rest()]
        self.assertEqual(ids, list(range(len(ids))))
        self.assertGreaterEqual(len(ids), self.COUNT - pending // self.SIZE - 1)
        self.assertEqual(self.peer.wait(), 0)

    def test_a_client_that_has_stopped_reading_does_not_keep_it(self):
        self.write_until_full()
        start = time.monotonic()
        self.peer.end_input()
        self.assertEqual(self.peer.wait(), 0)
        self.assertLess(time.monotonic() - start, SOON)

    def test_signals_are_heard_while_the_queue_is_full(self):
        self.write_until_full()
        start = time.monotonic()
        os.kill(self.peer.process.pid, signal.SIGTERM)
        self.assertEqual(self.peer.wait(), 0)
        self.assertLess(time.monotonic() - start, SOON)


if __name__ == "__main__":
    unittest.main()
