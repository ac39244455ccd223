# SPDX-License-Identifier: MIT
"""MCP over stdio, driven through the test server mcp_echo: what it says."""
import glob
import json
import os
import unittest

from mcp_peer import META, Peer, call, cancel, program, request

TRANSCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "transcripts")
LINE_MAX = 4 << 20
CACHEABLE = ("server/discover", "tools/list")


class Case(unittest.TestCase):
    channel = "pipe"

    def setUp(self):
        self.peer = Peer(program("mcp_echo"), self.channel)
        self.addCleanup(self.finish)

    def finish(self):
        status = self.peer.close()
        self.assertEqual(status, 0, "the server must end well")

    def assert_alive(self):
        self.assertEqual(self.peer.ask("alive", "ping"),
                         {"jsonrpc": "2.0", "id": "alive", "result": {}})

    def assert_error(self, message, code, ident):
        self.assertEqual(set(message), {"jsonrpc", "id", "error"}, message)
        self.assertEqual(message["jsonrpc"], "2.0")
        self.assertEqual(message["id"], ident)
        self.assertEqual(message["error"]["code"], code, message)
        self.assertIsInstance(message["error"]["message"], str)


def check_tool(test, tool):
    test.assertRegex(tool["name"], r"\A[a-zA-Z0-9_-]{1,64}\Z")
    test.assertTrue(tool["description"])
    test.assertEqual(tool["inputSchema"]["type"], "object")
    test.assertEqual(tool.get("outputSchema", {"type": "object"})["type"], "object")
    test.assertLessEqual(set(tool), {"name", "title", "description", "inputSchema",
                                     "outputSchema", "annotations"})
    test.assertEqual({name: type(value) for name, value in tool["annotations"].items()},
                     dict.fromkeys(("readOnlyHint", "destructiveHint", "idempotentHint",
                                    "openWorldHint"), bool))


def check_call_result(test, result):
    test.assertIsInstance(result["content"], list)
    for block in result["content"]:
        test.assertIn(block["type"], ("text", "resource_link"))
        test.assertIsInstance(block["text" if block["type"] == "text" else "uri"], str)
    if result.get("isError"):
        test.assertNotIn("structuredContent", result)
        test.assertEqual(len(result["content"]), 1)
    elif "structuredContent" in result:
        test.assertEqual(json.loads(result["content"][0]["text"]), result["structuredContent"])


def check_result(test, asked, result):
    """What the official schemas want of a result, as far as it is about us."""
    meta = (asked.get("params") or {}).get("_meta", {})
    if "io.modelcontextprotocol/protocolVersion" in meta:
        test.assertEqual(result["resultType"], "complete")
        info = result["_meta"]["io.modelcontextprotocol/serverInfo"]
        test.assertEqual(info, {"name": "mcp-echo", "title": "Echo", "version": "1.2.3"})
        test.assertEqual("ttlMs" in result, asked["method"] in CACHEABLE)
        if asked["method"] in CACHEABLE:
            test.assertGreaterEqual(result["ttlMs"], 0)
            test.assertIn(result["cacheScope"], ("public", "private"))
    else:
        test.assertFalse({"resultType", "ttlMs", "cacheScope", "_meta"} & set(result), result)
    if asked["method"] == "tools/call":
        check_call_result(test, result)
    if asked["method"] == "tools/list":
        for tool in result["tools"]:
            check_tool(test, tool)


def parse_transcript(path):
    """Pairs: a line of the client, and the messages that answer it."""
    steps = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            kind, text = line[0], line[2:].rstrip("\n")
            if kind == ">":
                steps.append((text, []))
            elif kind == "<":
                steps[-1][1].append(json.loads(text))
    return steps


class Transcripts(unittest.TestCase):
    """transcripts/*.txt: "> " the client, "< " the server, compared as JSON."""

    def replay(self, path, channel):
        peer = Peer(program("mcp_echo"), channel)
        try:
            for line, want in parse_transcript(path):
                peer.send(line)
                for message in want:
                    self.assertEqual(peer.receive(), message, line)
                asked = json.loads(line)
                for message in want:
                    if isinstance(asked, dict) and "result" in message:
                        check_result(self, asked, message["result"])
            peer.end_input()
            self.assertEqual(peer.rest(), [], "more was said than is written")
        finally:
            self.assertEqual(peer.close(), 0)

    def test_each_revision_is_spoken_as_it_is_written_down(self):
        paths = sorted(glob.glob(os.path.join(TRANSCRIPTS, "*.txt")))
        self.assertGreaterEqual(len(paths), 6)
        for path in paths:
            for channel in ("pipe", "socket"):
                with self.subTest(os.path.basename(path), channel=channel):
                    self.replay(path, channel)


class Messages(Case):
    def test_a_thousand_requests_in_one_write_are_all_answered(self):
        self.peer.initialize()
        lines = b"".join(json.dumps(call(i, "echo", {"message": "m%d" % i})).encode() + b"\n"
                         for i in range(1000))
        self.peer.write(lines)
        for i in range(1000):
            answer = self.peer.receive()
            self.assertEqual(answer["id"], i)
            self.assertEqual(answer["result"]["structuredContent"], {"message": "m%d" % i})

    def test_a_message_may_come_byte_by_byte(self):
        for byte in json.dumps(request("é", "ping")).encode() + b"\r\n":
            self.peer.write(bytes([byte]))
        self.assertEqual(self.peer.receive()["id"], "é")

    def test_blank_lines_and_carriage_returns_are_no_matter(self):
        self.peer.write(b"\n\r\n  \t\n" + json.dumps(request(1, "ping")).encode() + b"\r\n\n")
        self.assertEqual(self.peer.receive()["id"], 1)
        self.assert_alive()

    def test_what_is_no_message_gets_an_error_and_the_session_goes_on(self):
        rows = [
            (b"{", -32700),
            (b"\0", -32700),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping"}x', -32700),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping"} {}', -32700),
            (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', -32700),
            (b'{"jsonrpc":"2.0","id":1,"method":"pi\x00ng"}', -32700),
            (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}', -32700),
            (b"[]", -32600),
            (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600),
            (b"[" * 10000 + b"]" * 10000, -32600),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 10000 + b"1" +
             b"}" * 10001, -32600),
            (b"[" + b"0," * 1000000 + b"0]", -32600),
            (b"[" * 1000000, -32600),
            (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
            (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
            (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32600),
        ]
        for line, code in rows:
            with self.subTest(line[:60]):
                self.peer.send(line)
                self.assert_error(self.peer.receive(), code, None)
                self.assert_alive()

    def test_ids_come_back_letter_by_letter(self):
        for ident in (b"0", b"-1", b"1152921504606846977", b'""', b'"\\u00e9\\/"',
                      "\"\U0001f600\"".encode()):
            with self.subTest(ident):
                self.peer.send(b'{"jsonrpc":"2.0","id":' + ident + b',"method":"ping"}')
                self.assertEqual(self.peer.line(),
                                 b'{"jsonrpc":"2.0","id":' + ident + b',"result":{}}')

    def test_64_bits_of_an_argument_arrive(self):
        self.peer.initialize()
        self.peer.send(call(1, "kinds", {"text": "x", "count": 2 ** 53 + 1, "offset": -2 ** 63}))
        content = self.peer.receive()["result"]["structuredContent"]
        self.assertEqual((content["count"], content["offset"]), (2 ** 53 + 1, -2 ** 63))

    def test_a_nul_in_an_argument_is_refused_in_words(self):
        self.peer.initialize()
        self.peer.send(call(1, "echo", {"message": "a\0b"}))
        result = self.peer.receive()["result"]
        self.assertTrue(result["isError"])
        self.assertIn("argument 'message' holds a NUL character", result["content"][0]["text"])

    def test_stray_prints_stay_off_the_protocol(self):
        self.peer.initialize()
        self.peer.send(call(1, "print", {"message": "x"}))
        self.assertEqual(self.peer.receive()["result"]["structuredContent"], {"message": "x"})
        self.assertIn("stray print\n", self.peer.errors())

    def test_an_id_that_is_under_way_is_not_answered_twice(self):
        self.peer.initialize()
        self.peer.send(call("a", "slow", {"steps": 1, "ms": 600000}), request("a", "ping"))
        self.assert_error(self.peer.receive(), -32600, None)
        self.peer.send(cancel("a"))
        self.peer.send(request("a", "ping"))
        self.assertEqual(self.peer.receive(), {"jsonrpc": "2.0", "id": "a", "result": {}})


class MessagesOverSockets(Messages):
    channel = "socket"


class LongLines(Case):
    def padded(self, size):
        """A ping of exactly so many bytes."""
        head, tail = b'{"jsonrpc":"2.0",', b'"id":1,"method":"ping"}'
        return head + b" " * (size - len(head) - len(tail)) + tail

    def test_a_line_of_the_limit_is_taken_and_one_byte_more_is_not(self):
        self.peer.send(self.padded(LINE_MAX))
        self.assertEqual(self.peer.receive()["id"], 1)
        self.peer.send(self.padded(LINE_MAX + 1))
        self.assert_error(self.peer.receive(), -32600, None)
        self.assert_alive()

    def test_a_line_of_100_megabytes_is_discarded_in_bounded_memory(self):
        self.assert_alive()
        before = self.peer.peak_memory()
        chunk = b"x" * (1 << 20)
        for _ in range(100):
            self.peer.write(chunk)
        self.peer.write(b"\n")
        answer = self.peer.receive()
        self.assert_error(answer, -32600, None)
        self.assertIn(str(100 << 20), answer["error"]["message"].replace("104857601", "104857600"))
        self.assert_alive()
        self.assertLess(self.peer.peak_memory() - before, 32 << 20)

    def test_a_long_answer_arrives_whole(self):
        self.peer.initialize()
        text = "é\"\n" * 200000
        self.peer.send(call(1, "echo", {"message": text}))
        self.assertEqual(self.peer.receive()["result"]["structuredContent"]["message"], text)

    def test_an_answer_beyond_the_frame_is_an_error(self):
        self.peer.initialize()
        self.peer.send(call(1, "echo", {"message": "x" * (3 << 20)}))
        self.assert_error(self.peer.receive(), -32603, 1)
        self.assert_alive()


class Calls(Case):
    def test_progress_comes_before_the_answer_and_grows(self):
        self.peer.initialize()
        self.peer.send(call(1, "slow", {"steps": 3, "ms": 1}, _meta={"progressToken": 0}))
        for step in (1, 2, 3):
            self.assertEqual(self.peer.receive(), {
                "jsonrpc": "2.0", "method": "notifications/progress",
                "params": {"progressToken": 0, "progress": step, "total": 3,
                           "message": "a step"}})
        self.assertEqual(self.peer.receive(), {
            "jsonrpc": "2.0", "id": 1,
            "result": {"content": [{"type": "text", "text": "done"}]}})

    def test_quick_requests_overtake_slow_ones(self):
        self.peer.initialize()
        self.peer.send(call(1, "slow", {"steps": 1, "ms": 600000}), request(2, "ping"))
        self.assertEqual(self.peer.receive()["id"], 2)

    def test_nothing_is_sent_for_a_cancelled_request(self):
        for meta in ({}, META):
            with self.subTest(modern=bool(meta)):
                self.peer.initialize()
                self.peer.send(call("c", "slow", {"steps": 100000, "ms": 1},
                                    _meta={"progressToken": "t", **meta}))
                self.assertEqual(self.peer.receive()["params"]["progress"], 1)
                self.peer.send(cancel("c"), request("after", "ping"))
                while "id" not in (message := self.peer.receive()):
                    self.assertEqual(message["method"], "notifications/progress")
                self.assertEqual(message["id"], "after")
                self.assert_alive()
                self.assertIn("slow: cancelled", self.peer.errors())

    def test_a_batch_waits_for_its_slow_request(self):
        self.peer.initialize("2025-03-26")
        self.peer.send([call(1, "slow", {"steps": 2, "ms": 1}), request(2, "ping"),
                        {"jsonrpc": "2.0", "method": "notifications/initialized"}])
        answers = self.peer.receive()
        self.assertEqual([answer["id"] for answer in answers], [2, 1])

    def test_a_cancelled_request_leaves_its_batch(self):
        self.peer.initialize("2025-03-26")
        self.peer.send([call(1, "slow", {"steps": 1, "ms": 600000}), request(2, "ping")],
                       cancel(1))
        self.assertEqual(self.peer.receive(), [{"jsonrpc": "2.0", "id": 2, "result": {}}])

    def test_many_slow_calls_run_at_the_same_time(self):
        self.peer.initialize()
        self.peer.send(*(call(i, "slow", {"steps": 1, "ms": 50}) for i in range(1000)))
        self.assertEqual({self.peer.receive()["id"] for _ in range(1000)}, set(range(1000)))


if __name__ == "__main__":
    unittest.main()
