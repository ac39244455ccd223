# SPDX-License-Identifier: MIT
"""Answers that become streams, and clients that leave in the middle and come back: with tools made
for tests on the same core and transport."""
import os
import unittest

from http_peer import Server, until
from mcp_peer import call, cancel, request

FIXTURE = os.path.join(os.environ["JOBWIRE_BIN"], "jobwire-mcp-fixture")
NEVER = {"steps": 1, "ms": 600000}


class Test(unittest.TestCase):
    arguments = ()

    def setUp(self):
        self.server = Server(*self.arguments, program=FIXTURE)
        self.addCleanup(self.server.close)
        self.peer = self.connect()

    def connect(self):
        peer = self.server.connect()
        self.addCleanup(peer.close)
        return peer

    def metric(self, name):
        with self.server.connect() as peer:
            text = peer.ask("GET", "/metrics").body.decode()
        return int(text.split("\njobwire_mcp_%s " % name)[1].split()[0])

    def until_said(self, text):
        while text.encode() not in self.server.said:
            self.server.read_stderr()

    def slow(self, peer, session, ident=1, steps=3, ms=5, token="t", **fields):
        """Start the tool "slow" in a session; with a token it streams its progress."""
        meta = {} if token is None else {"_meta": {"progressToken": token}}
        peer.start_post(call(ident, "slow", {"steps": steps, "ms": ms}, **meta),
                        Mcp_Session_Id=session, **fields)

    def resume(self, session, last):
        peer = self.connect()
        answer = peer.ask("GET", Accept="text/event-stream", Mcp_Session_Id=session,
                          Last_Event_ID=last)
        self.assertEqual(answer.status, 200)
        return peer


class Shape(Test):
    def test_without_progress_the_answer_is_json(self):
        session = self.peer.initialize()
        self.slow(self.peer, session, token=None)
        answer = self.peer.answer()
        self.assertEqual(answer.fields["content-type"], "application/json")
        answer = self.peer.modern("tools/call", {"name": "slow",
                                                 "arguments": {"steps": 2, "ms": 5}})
        self.assertEqual(answer.fields["content-type"], "application/json")

    def test_progress_makes_it_a_stream_that_ends_with_the_answer(self):
        session = self.peer.initialize()
        self.slow(self.peer, session)
        self.assertEqual(self.peer.answer().fields["content-type"], "text/event-stream")
        self.assertEqual(self.peer.block(), {"id": "1-0", "retry": "500", "data": ""})
        events = self.peer.events()
        self.assertEqual([ident for ident, _ in events], ["1-1", "1-2", "1-3", "1-4"])
        self.assertEqual([m["params"]["progress"] for _, m in events[:3]], [1, 2, 3])
        self.assertEqual(events[3][1]["result"]["content"][0]["text"], "done")
        self.assertEqual(self.peer.ask("GET", "/healthz").status, 200)  # the same connection

    def test_modern_streams_have_no_ids(self):
        self.peer.start_modern("tools/call", {"name": "slow", "arguments": {"steps": 2, "ms": 5}},
                               meta={"progressToken": 0})
        self.assertEqual(self.peer.answer().fields["x-accel-buffering"], "no")
        events = self.peer.events()
        self.assertEqual([ident for ident, _ in events], [None] * 3)
        self.assertEqual(events[0][1]["params"]["progressToken"], 0)
        self.assertEqual(events[2][1]["result"]["resultType"], "complete")

    def test_who_takes_no_stream_gets_the_answer_alone(self):
        session = self.peer.initialize()
        self.slow(self.peer, session, Accept="application/json")
        answer = self.peer.answer()
        self.assertEqual((answer.fields["content-type"], answer.json()["id"]),
                         ("application/json", 1))

    def test_old_clients_get_a_stream_that_ends_with_the_connection(self):
        session = self.peer.initialize()
        body = ('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow",'
                '"arguments":{"steps":2,"ms":5},"_meta":{"progressToken":1}}}')
        self.peer.send("POST /mcp HTTP/1.0\r\nHost: localhost\r\nMcp-Session-Id: %s\r\n"
                       "Accept: */*\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
                       "Content-Length: %d\r\n\r\n%s" % (session, len(body), body))
        answer = self.peer.head()
        self.assertEqual((answer.fields["connection"], self.peer.chunked), ("close", False))
        with self.assertRaises(Exception) as caught:
            while True:
                self.peer.fill()
        self.assertTrue(caught.exception.args[0].endswith(b"\n\n"))

    def test_a_batch_streams_what_goes_before_its_answers(self):
        session = self.peer.initialize("2025-03-26")
        self.peer.post([call(1, "slow", {"steps": 2, "ms": 5}, _meta={"progressToken": 1}),
                        request(2, "ping")], Mcp_Session_Id=session)
        events = [message for _, message in self.peer.events()]
        self.assertEqual([m["params"]["progress"] for m in events[:2]], [1, 2])
        self.assertEqual(sorted(m["id"] for m in events[2]), [1, 2])


class Quiet(Test):
    arguments = ("--stream-after", "20ms", "--keepalive", "20ms")

    def test_a_long_wait_becomes_a_stream_with_comments(self):
        session = self.peer.initialize()
        other = self.connect()
        self.slow(self.peer, session, ms=600000, token=None)
        other.start_modern("tools/call", {"name": "slow", "arguments": NEVER})
        for peer in (self.peer, other):
            self.assertTrue(peer.is_stream(peer.answer()))
        self.assertEqual(self.peer.block(), {"id": "1-0", "retry": "500", "data": ""})
        for peer in (self.peer, other) * 3:
            self.assertEqual(peer.block(), {"": "keepalive"})

    def test_a_stream_of_a_session_has_comments_too(self):
        session = self.peer.initialize("2025-06-18")
        self.peer.ask("GET", Accept="text/event-stream", Mcp_Session_Id=session)
        self.assertEqual(self.peer.block(), {"": "open"})
        for _ in range(3):
            self.assertEqual(self.peer.block(), {"": "keepalive"})


class Gone(Test):
    def test_a_modern_client_that_leaves_cancels(self):
        for peer in (self.peer, self.connect()):
            peer.start_modern("tools/call", {"name": "slow", "arguments": NEVER})
            until(lambda: self.metric("requests_open") == 1)
            peer.close()
            until(lambda: self.metric("requests_open") == 0)
        self.until_said("cancelled\ncancelled\n")

    def test_a_legacy_client_that_leaves_does_not(self):
        session = self.peer.initialize()
        self.slow(self.peer, session, steps=2, ms=50)
        self.peer.close()
        until(lambda: self.metric("requests_open") == 0)
        self.assertNotIn(b"cancelled", self.server.said)

    def test_a_legacy_client_cancels_in_words(self):
        session = self.peer.initialize()
        other = self.connect()
        self.slow(self.peer, session, ident="x", ms=600000, token=None)
        until(lambda: self.metric("requests_open") == 1)
        self.assertEqual(other.post(cancel("x"), Mcp_Session_Id=session).status, 202)
        self.until_said("cancelled\n")
        self.assertEqual(self.peer.answer().status, 202)  # there is no answer to it

    def test_a_session_that_ends_ends_its_requests(self):
        session = self.peer.initialize()
        waiting, streaming = self.connect(), self.connect()
        self.slow(waiting, session, ms=600000, token=None)
        self.slow(streaming, session, ident=2, steps=1000, ms=5)
        streaming.answer()
        self.assertEqual(self.peer.ask("DELETE", Mcp_Session_Id=session).status, 204)
        self.assertEqual(waiting.answer().status, 404)
        self.assertNotIn("result", streaming.events()[-1][1])
        self.until_said("cancelled\ncancelled\n")
        self.assertEqual(self.metric("requests_open"), 0)

    def test_a_drain_lets_a_request_finish(self):
        session = self.peer.initialize()
        self.slow(self.peer, session, steps=3, ms=50)
        self.peer.answer()
        self.server.signal()
        self.assertEqual(self.peer.events()[-1][1]["result"]["content"][0]["text"], "done")
        self.peer.close()
        self.assertEqual(self.server.wait(), 0)


class Back(Test):
    def test_a_stream_goes_on_where_it_was_left(self):
        session = self.peer.initialize()
        self.slow(self.peer, session, steps=20)
        self.peer.answer()
        seen = [self.peer.event() for _ in range(5)]
        self.peer.close()
        seen += self.resume(session, seen[-1][0]).events()
        self.assertEqual([ident for ident, _ in seen], ["1-%d" % i for i in range(1, 22)])
        self.assertIn("result", seen[-1][1])

    def test_an_ended_stream_is_told_again(self):
        session = self.peer.initialize()
        self.slow(self.peer, session, steps=3)
        self.peer.answer()
        events = self.peer.events()
        for after in range(5):
            self.assertEqual(self.resume(session, "1-%d" % after).events(), events[after:])

    def test_only_the_own_stream_is_told(self):
        session = self.peer.initialize()
        other = self.connect()
        self.slow(self.peer, session, ident=1, steps=2)
        self.slow(other, session, ident=2, steps=3)
        self.peer.answer()
        other.answer()
        one, two = self.peer.events(), other.events()
        for events in (one, two):
            name = events[0][0].split("-")[0]
            self.assertEqual(self.resume(session, name + "-0").events(), events)

    def test_a_connection_closed_by_the_server_is_no_end(self):
        session = self.peer.initialize()
        self.peer.start_post(call(1, "test_reconnection"), Mcp_Session_Id=session)
        self.peer.answer()
        first = self.peer.block()
        self.assertEqual((first["retry"], self.peer.event()), ("500", None))
        ident, message = self.resume(session, first["id"]).event()
        self.assertEqual((ident, message["id"]), ("1-1", 1))

    def test_what_belongs_to_no_request_waits_for_the_client(self):
        session = self.peer.initialize()
        stream = self.connect()
        stream.ask("GET", Accept="text/event-stream", Mcp_Session_Id=session)
        self.assertEqual(stream.block()["id"], "0-0")
        stream.close()
        until(lambda: self.metric("streams") == 0)
        self.peer.post(call(1, "test_trigger_tool_change"), Mcp_Session_Id=session)
        ident, message = self.resume(session, "0-0").event()
        self.assertEqual((ident, message["method"]),
                         ("0-1", "notifications/tools/list_changed"))


class Bounded(Test):
    arguments = ("--replay-size", "2K", "--max-unsent", "64K", "--replay-time", "1ms")

    def test_only_the_newest_events_are_kept(self):
        session = self.peer.initialize()
        self.slow(self.peer, session, steps=200, ms=0)
        self.peer.answer()
        events = self.peer.events()
        self.assertEqual(len(events), 201)
        self.assertLess(self.metric("replay_bytes"), 2048 + 400)

    def test_what_has_ended_is_forgotten_in_time(self):
        session = self.peer.initialize()
        self.slow(self.peer, session)
        self.peer.answer()
        self.peer.events()
        until(lambda: self.metric("replay_bytes") == 0)
        self.assertEqual(self.peer.ask("GET", Accept="text/event-stream", Mcp_Session_Id=session,
                                       Last_Event_ID="1-0").status, 400)

    def test_a_client_that_reads_nothing_is_cut_off_or_spared(self):
        session = self.peer.initialize()
        self.slow(self.peer, session, steps=100000, ms=0)  # legacy: cut off, to come back
        modern = self.connect()
        modern.start_modern("tools/call", {"name": "slow",
                                           "arguments": {"steps": 100000, "ms": 0}},
                            meta={"progressToken": 1})
        until(lambda: self.metric("requests_open") == 0)
        self.assertLess(self.server.memory_kib(), 200000)
        modern.answer()
        events = modern.events()  # spared: it does without some of the progress
        self.assertIn("result", events[-1][1])
        self.assertLessEqual(len(events), 100001)


class Told(Test):
    def test_changes_reach_those_who_asked(self):
        asks, asks_not = self.connect(), self.connect()
        asks.modern("subscriptions/listen",
                    {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["a"],
                                       "nonsense": True}}, ident="l")
        asks_not.modern("subscriptions/listen", {"notifications": {"promptsListChanged": True}})
        self.assertEqual(asks.event()[1]["params"]["notifications"],
                         {"toolsListChanged": True, "resourceSubscriptions": ["a"]})
        self.assertEqual(asks_not.event()[1]["params"]["notifications"],
                         {"promptsListChanged": True})
        for name in ("test_trigger_tool_change", "test_trigger_prompt_change"):
            self.assertEqual(self.peer.modern("tools/call", {"name": name, "arguments": {}}).status,
                             200)
        message = asks.event()[1]
        self.assertEqual((message["method"], message["params"]["_meta"]),
                         ("notifications/tools/list_changed",
                          {"io.modelcontextprotocol/subscriptionId": "l"}))
        self.assertEqual(asks_not.event()[1]["method"], "notifications/prompts/list_changed")

    def test_a_client_is_asked_on_its_requests_stream(self):
        answer = self.peer.post(request(0, "initialize", {
            "protocolVersion": "2025-06-18", "capabilities": {"sampling": {}}}))
        session = answer.fields["mcp-session-id"]
        stream = self.connect()
        stream.post(call(1, "test_sampling", {"prompt": 'a "b"'}), Mcp_Session_Id=session)
        asked = stream.event()[1]
        self.assertEqual((asked["method"], asked["params"]["messages"][0]["content"]["text"]),
                         ("sampling/createMessage", 'a "b"'))
        for ident in ("unknown", asked["id"], asked["id"]):  # the last one comes too late
            said = self.peer.post({"jsonrpc": "2.0", "id": ident, "result": {
                "role": "assistant", "content": {"type": "text", "text": "x"}, "model": "m"}},
                Mcp_Session_Id=session)
            self.assertEqual(said.status, 202)
        self.assertEqual(stream.event()[1]["result"]["content"][0]["text"], "LLM response: x")
        self.assertIsNone(stream.event())


if __name__ == "__main__":
    unittest.main()
