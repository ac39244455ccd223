# SPDX-License-Identifier: MIT
"""jobwire send: the bytes that were given, no more and no less, each of them once."""
import os
import subprocess
import unittest

from cli_tools import LIMIT, Case, Reader, Writer
from engine import fifo, open_gate

MIB = 1 << 20


class Send(Case):
    def cat(self):
        return self.start("--stdin", "pipe", "cat")

    def output(self, ident):
        """All of a job that has ended."""
        self.call("wait", ident)
        return self.call("logs", ident)[0]

    def test_nothing_is_added_unless_asked_for(self):
        ident = self.cat()
        for args in (("a",), ("b",), ("-l", "c"), ("d", "--line"), ("",), ("-l", ""), ("\n",),
                     ("e\udcff\u20ac",)):
            self.assertEqual(self.call("send", ident, *args), (b"", b""))
        self.call("send", "--eof", ident, "end")
        self.assertEqual(self.output(ident), b"abc\nd\n\n\ne\xff\xe2\x82\xacend")

    def test_stdin_is_sent_where_there_is_no_text(self):
        ident = self.cat()
        data = bytes(range(256)) * 10
        self.call("send", ident[:8], input=data)
        self.call("send", "-l", ident, input=b"x")
        self.call("send", ident)  # of nothing
        path = os.path.join(self.top, "file")
        with open(path, "wb") as file:
            file.write(b"from a file")
        with open(path, "rb") as file:
            self.call("send", "--eof", ident, stdin=file)
        self.assertEqual(self.output(ident), data + b"x\n" + b"from a file")

    def test_a_stream_reaches_the_job_as_it_comes(self):
        ident = self.cat()
        follower = self.popen("logs", "-f", ident)
        reader = Reader(follower.stdout)
        send = self.popen("send", "--eof", ident, stdin=subprocess.PIPE)
        for word in (b"one", b"two"):
            send.stdin.write(word)
            reader.until(word)
        send.stdin.close()
        self.assertEqual(send.wait(LIMIT), 0)
        self.assertEqual(reader.rest(), b"onetwo")

    def test_much_arrives_whole_though_the_job_is_slow(self):
        data = os.urandom(6 * MIB)
        gate = fifo(self.top, "gate")
        ident = self.start("--stdin", "pipe", "-c", "read x <%s; exec cat" % gate)
        send = self.popen("send", "--eof", ident, stdin=subprocess.PIPE)
        writer = Writer(send.stdin, data)
        self.until(lambda: self.show(ident)["input_offset"] >= 128 << 10, "it is full")
        self.assertIsNone(send.poll())
        open_gate(gate)
        writer.join(LIMIT)
        self.assertEqual(send.wait(LIMIT), 0, send.stderr.read())
        self.assertEqual(self.output(ident), data)

    def test_the_end_of_the_input_is_its_end(self):
        ident = self.cat()
        self.call("send", "--eof", ident)
        self.assertEqual(self.output(ident), b"")
        ident = self.start("--stdin", "pipe", "-c", "cat; sleep 600")
        self.call("send", "--eof", ident)
        self.until(lambda: self.show(ident)["input_closed"], "it is closed")
        self.refused("send", ident, "x", status=1, says="closed")
        self.call("kill", ident)

    def test_a_terminal_has_its_keys(self):
        ident = self.start("--stdin", "pty", "-c", "tty >/dev/null && echo up; exec cat")
        self.wait_for(ident, b"up\r\n")
        self.call("send", ident, "hello\n")
        self.wait_for(ident, b"hello\r\nhello\r\n")
        self.call("send", ident, "\x03")
        self.call("wait", ident, status=130)
        ident = self.start("--stdin", "pty", "cat")
        self.call("send", ident, "line\n\x04")
        self.call("wait", ident)

    def test_who_takes_no_input_says_so(self):
        null = self.start("sleep", 600)
        self.refused("send", null, "x", status=1, says="stdin")
        self.call("kill", null)
        self.refused("send", null, "x", status=1, says="takes no input any more")
        ident = self.start("--stdin", "pipe", "-c", "exec <&-; echo up; exec sleep 600")
        self.wait_for(ident, b"up\n")
        self.call("send", ident, input=bytes(MIB), status=1)
        self.call("kill", ident)
        self.refused("send", "0" * 8, "x", status=1, says="no job 00000000")

    def test_a_job_that_ends_while_it_is_sent_to_ends_it(self):
        ident = self.start("--stdin", "pipe", "sleep", 600)
        send = self.popen("send", ident, stdin=subprocess.PIPE)
        Writer(send.stdin, bytes(8 * MIB))
        self.until(lambda: self.show(ident)["input_offset"] >= 128 << 10, "it is full")
        self.call("kill", ident)
        self.assertEqual(send.wait(LIMIT), 1)
        self.assertEqual(send.stderr.read().count(b"\n"), 1)

    def test_each_byte_arrives_once_though_the_engine_is_killed(self):
        data = os.urandom(3 * MIB)
        ident = self.start("--stdin", "pipe", "--max-output", "64M", "cat")
        send = self.popen("send", "--eof", ident, stdin=subprocess.PIPE)
        for i in range(4):
            piece = data[i * len(data) // 4:(i + 1) * len(data) // 4]
            rest = memoryview(piece)
            while rest:
                rest = rest[send.stdin.write(rest):]
            self.kill_engine()
        send.stdin.close()
        self.assertEqual(send.wait(LIMIT), 0, send.stderr.read())
        self.assertEqual(self.output(ident), data)


if __name__ == "__main__":
    unittest.main(verbosity=2)
