# SPDX-License-Identifier: MIT
"""Clients that are slow, broken, hostile or gone: each costs itself and nobody else."""
import json
import os
import select
import socket
import struct
import unittest

from http_peer import Ended, Http, Server, until
from mcp_peer import META, request

TIMES = ("--header-timeout", "300ms", "--body-timeout", "300ms", "--idle-timeout", "600ms")


class Test(unittest.TestCase):
    arguments = ()

    def setUp(self):
        self.server = Server(*self.arguments)
        self.addCleanup(self.server.close)

    def connect(self):
        peer = self.server.connect()
        self.addCleanup(peer.close)
        return peer

    def ended(self, peer):
        """The server has closed; nothing more came before."""
        with self.assertRaises(Ended) as caught:
            peer.fill()
        self.assertEqual(caught.exception.args[0], b"")

    def lives(self):
        with self.server.connect() as peer:
            self.assertEqual(peer.modern("server/discover").status, 200)

    def connections(self):
        with self.server.connect() as peer:
            text = peer.ask("GET", "/metrics").body.decode()
        return int(text.split("\njobwire_mcp_connections ")[1].split()[0]) - 1


class Slow(Test):
    arguments = TIMES

    def test_a_head_has_a_deadline_that_no_byte_moves(self):
        peer = self.connect()
        peer.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: ")
        self.trickle(peer)
        self.assertEqual(peer.answer().status, 408)
        self.lives()

    def test_a_body_has_a_deadline_that_no_byte_moves(self):
        peer = self.connect()
        peer.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  "Content-Length: 100000\r\n\r\n")
        self.trickle(peer)
        self.assertEqual(peer.answer().status, 408)
        self.lives()

    @staticmethod
    def trickle(peer):
        """A byte, again and again, until the server answers."""
        peer.socket.settimeout(0.02)
        while True:
            peer.send(b"x")
            try:
                peer.fill()
                break
            except socket.timeout:
                pass
        peer.socket.settimeout(60)

    def test_a_connection_on_which_nothing_comes_is_closed(self):
        self.ended(self.connect())

    def test_a_connection_on_which_nothing_comes_any_more_is_closed(self):
        peer = self.connect()
        self.assertEqual(peer.ask("GET", "/healthz").status, 200)
        self.ended(peer)

    def test_many_slow_heads_keep_nobody_else_waiting(self):
        peers = [self.connect() for _ in range(200)]
        for peer in peers:
            peer.send("POST /mcp HTTP/1.1\r\n")
        self.lives()
        for peer in peers:
            self.assertEqual(peer.answer().status, 408)
        for peer in peers:
            peer.close()
        until(lambda: self.connections() == 0)


class Broken(Test):
    def refused(self, data, status):
        peer = self.connect()
        peer.send(data)
        answer = peer.answer()
        self.assertEqual((answer.status, answer.fields.get("connection")), (status, "close"), data)
        self.ended(peer)
        self.lives()

    def test_what_is_no_http_is_refused_and_the_connection_closed(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"hello\r\n\r\n",
                     b"GET /\x00 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nX: \x01\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n"):
            self.refused(data, 400)

    def test_a_request_that_two_could_read_differently_is_refused(self):
        smuggled = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for lines in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                      b"Content-Length: 2\r\nContent-Length: 50\r\n\r\n{}",
                      b"Content-Length: 2, 50\r\n\r\n{}", b"Content-Length: -2\r\n\r\n{}",
                      b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                      b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
                      b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n"):
            self.refused(head + lines + smuggled, 400)

    def test_what_is_too_large_is_refused_before_it_is_read(self):
        head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.refused(head + b"Content-Length: 104857600\r\n\r\n", 413)
        self.refused(head + b"Content-Length: 9223372036854775808\r\n\r\n", 413)
        self.refused(head + b"X: " + b"x" * 20000 + b"\r\n", 431)
        self.refused(head + b"X: y\r\n" * 100, 431)
        self.refused(b"GET /" + b"x" * 20000, 414)

    def test_a_chunked_body_ends_at_the_limit(self):
        peer = self.connect()
        peer.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(80):
                peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertEqual(peer.answer().status, 413)
        self.lives()

    def test_another_body_than_was_expected_is_refused_by_its_head(self):
        peer = self.connect()
        peer.send("POST /mcp HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000000\r\n\r\n")
        self.assertEqual(peer.answer().status, 403)
        self.ended(peer)


class Gone(Test):
    def test_a_client_that_leaves_in_the_middle_leaves_nothing(self):
        for data in (b"", b"POST", b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
                     b"\r\n{", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"):
            peer = self.connect()
            peer.send(data)
            peer.close()
        until(lambda: self.connections() == 0)

    def test_a_reset_leaves_nothing(self):
        for _ in range(50):
            peer = self.connect()
            peer.start_modern("subscriptions/listen", {"notifications": {}})
            peer.head()
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
        until(lambda: self.connections() == 0)
        self.lives()

    def test_who_closes_his_half_gets_what_was_answered(self):
        peer = self.connect()
        peer.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        peer.socket.shutdown(socket.SHUT_WR)
        self.assertEqual(peer.answer().status, 200)
        self.ended(peer)


class Orderly(Test):
    def test_requests_in_one_write_are_answered_in_their_order(self):
        peer = self.connect()
        bodies = [json.dumps(request(i, "tools/list", {"_meta": META})).encode()
                  for i in range(300)]
        peer.send(b"".join(
            b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies))
        for i in range(300):
            self.assertEqual(peer.answer().json()["id"], i)

    def test_a_request_behind_a_stream_waits_for_its_end(self):
        peer = self.connect()
        peer.start_modern("subscriptions/listen", {"notifications": {}})
        peer.start("GET", "/healthz")
        self.assertEqual(peer.head().status, 200)
        peer.event()
        self.server.signal()
        self.assertEqual(peer.event()[1]["result"]["resultType"], "complete")

    def test_a_request_in_single_bytes_is_understood(self):
        peer = self.connect()
        body = json.dumps(request(1, "server/discover", {"_meta": META}))
        for byte in ("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     "MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: server/discover\r\n"
                     "Content-Length: %d\r\n\r\n%s" % (len(body), body)):
            peer.send(byte)
        self.assertEqual(peer.answer().status, 200)

    def test_who_expects_to_be_told_to_go_on_is_told(self):
        peer = self.connect()
        body = json.dumps(request(1, "server/discover", {"_meta": META}))
        fields = {"Content_Type": "application/json", "Expect": "100-continue",
                  "MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "server/discover",
                  "Content_Length": len(body)}
        peer.start("POST", **fields)
        self.assertEqual(peer.answer().status, 100)
        peer.send(body)
        self.assertEqual(peer.answer().status, 200)
        peer.start("POST", **{**fields, "Host": "evil.example"})
        self.assertEqual(peer.answer().status, 403)

    def test_old_clients_get_what_they_understand(self):
        peer = self.connect()
        peer.send("GET /healthz HTTP/1.0\r\n\r\n")
        self.assertEqual(peer.answer().fields["connection"], "close")
        self.ended(peer)
        peer = self.connect()
        peer.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
        self.assertEqual(peer.answer().fields["connection"], "keep-alive")
        self.assertEqual(peer.answer().status, 200)


class Unread(Test):
    def test_who_reads_no_answers_is_asked_for_no_more(self):
        peer = self.connect()
        body = json.dumps(request(1, "tools/list", {"_meta": META})).encode()
        one = (b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/list\r\n"
               b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        left = memoryview(one * 20000)
        peer.socket.setblocking(False)
        while select.select([], [peer.socket], [], 1)[1]:
            left = left[peer.socket.send(left):]
        self.assertTrue(left)  # the server has stopped to read
        self.lives()
        self.assertLess(self.server.memory_kib(), 150000)
        peer.socket.setblocking(True)
        peer.socket.settimeout(60)
        answers = 0
        while answers < 20000:
            if left and select.select([], [peer.socket], [], 0)[1]:
                left = left[peer.socket.send(left[:65536]):]
            while b"\r\n\r\n" not in peer.buffer:
                peer.fill()
            peer.answer()
            answers += 1
        self.assertFalse(left)


class Crowd(Test):
    arguments = ("--max-connections", "20")

    def test_beyond_the_cap_a_client_is_told_to_come_back(self):
        peers = [self.connect() for _ in range(20)]
        for peer in peers:
            self.assertEqual(peer.ask("GET", "/healthz").status, 200)
        late = self.connect()
        self.assertEqual(late.answer().status, 503)
        self.ended(late)
        peers[0].close()
        until(self.may_come)

    def may_come(self):
        with Http(self.server.port) as peer:
            try:
                return peer.ask("GET", "/healthz").status == 200
            except (Ended, BrokenPipeError):
                return False


class NoDescriptors(Test):
    def test_without_a_free_descriptor_the_server_waits_and_lives(self):
        pid = self.server.process.pid
        used = len(os.listdir("/proc/%d/fd" % pid))
        import resource
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 3, used + 3))
        peers = [self.connect() for _ in range(10)]
        self.assertEqual(peers[0].ask("GET", "/healthz").status, 200)
        for peer in peers[:9]:
            peer.close()
        self.assertEqual(peers[9].ask("GET", "/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
