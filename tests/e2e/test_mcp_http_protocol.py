# SPDX-License-Identifier: MIT
"""Both eras on one endpoint of the real program, which has no engine here."""
import unittest

from http_peer import BOTH, Server, VERSION
from mcp_peer import META, call, request

LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--state-dir", "/dev/null/nowhere")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.peer = self.server.connect()
        self.addCleanup(self.peer.close)

    def error(self, answer, status, code):
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (status, code),
                         answer.body)
        return answer.json()["error"]


class Legacy(Test):
    def test_every_version_gets_a_session_and_its_tools(self):
        for version in LEGACY:
            session = self.peer.initialize(version)
            self.assertRegex(session, r"\A[0-9a-f]{32}\Z")
            said = self.peer.post({"jsonrpc": "2.0", "method": "notifications/initialized"},
                                  Mcp_Session_Id=session)
            self.assertEqual((said.status, said.body), (202, b""))
            answer = self.peer.post(request("a", "tools/list"), Mcp_Session_Id=session,
                                    MCP_Protocol_Version=version)
            self.assertEqual(answer.fields["content-type"], "application/json")
            self.assertIn("execute_command",
                          [tool["name"] for tool in answer.json()["result"]["tools"]])
            self.assertNotIn("resultType", answer.json()["result"])

    def test_an_unknown_version_gets_the_newest(self):
        answer = self.peer.post(request(0, "initialize", {"protocolVersion": "1999-01-01"}))
        self.assertEqual(answer.json()["result"]["protocolVersion"], LEGACY[-1])

    def test_an_initialize_that_fails_opens_no_session(self):
        answer = self.peer.post(request(0, "initialize", {}))
        self.error(answer, 200, -32602)
        self.assertNotIn("mcp-session-id", answer.fields)

    def test_a_session_is_named_on_a_stream_too(self):
        answer = self.peer.post(request(0, "initialize", {"protocolVersion": "2025-06-18"}),
                                Accept="text/event-stream")
        self.assertIn("result", self.peer.event()[1])
        self.assertIsNone(self.peer.event())
        self.assertEqual(self.peer.post(request(1, "ping"), Mcp_Session_Id=answer.fields[
            "mcp-session-id"]).status, 200)

    def test_a_session_is_named_and_known(self):
        message = request(7, "ping")
        self.error(self.peer.post(message), 400, -32600)
        unknown = self.peer.post(message, Mcp_Session_Id="0" * 32)
        self.error(unknown, 404, -32600)
        self.assertEqual(unknown.json()["id"], 7)
        session = self.peer.initialize()
        wrong = self.peer.post(message, Mcp_Session_Id=session, MCP_Protocol_Version="2020-01-01")
        self.error(wrong, 400, -32600)

    def test_a_deleted_session_is_gone(self):
        session = self.peer.initialize()
        self.assertEqual(self.peer.ask("DELETE", Mcp_Session_Id=session).status, 204)
        self.error(self.peer.post(request(1, "ping"), Mcp_Session_Id=session), 404, -32600)
        self.error(self.peer.ask("DELETE", Mcp_Session_Id=session), 404, -32600)
        self.error(self.peer.ask("DELETE"), 400, -32600)

    def test_errors_of_methods_keep_the_status_200(self):
        session = self.peer.initialize()
        answer = self.peer.post(request(1, "no/such"), Mcp_Session_Id=session)
        self.error(answer, 200, -32601)

    def test_sessions_do_not_share_ids(self):
        one, two = self.peer.initialize(), self.peer.initialize()
        self.assertNotEqual(one, two)
        for session in (one, two):
            self.assertEqual(self.peer.post(request(1, "ping"),
                                            Mcp_Session_Id=session).json()["result"], {})

    def test_batches_belong_to_one_version(self):
        batch = [request(1, "ping"), {"jsonrpc": "2.0", "method": "notifications/initialized"},
                 request(2, "no/such")]
        session = self.peer.initialize("2025-03-26")
        answer = self.peer.post(batch, Mcp_Session_Id=session).json()
        self.assertEqual([one["id"] for one in answer], [1, 2])
        said = self.peer.post(batch[1:2], Mcp_Session_Id=session)
        self.assertEqual((said.status, said.body), (202, b""))
        self.error(self.peer.post([], Mcp_Session_Id=session), 400, -32600)
        self.error(self.peer.post([1], Mcp_Session_Id=session), 400, -32600)
        for version in ("2024-11-05", "2025-06-18", "2025-11-25"):
            session = self.peer.initialize(version)
            self.error(self.peer.post(batch, Mcp_Session_Id=session), 400, -32600)

    def test_a_stream_of_the_session_opens_and_one_replaces_the_other(self):
        session = self.peer.initialize()
        fields = {"Accept": "text/event-stream", "Mcp_Session_Id": session}
        first, second = self.server.connect(), self.server.connect()
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        self.assertTrue(first.is_stream(first.ask("GET", **fields)))
        self.assertEqual(first.block(), {"id": "0-0", "retry": "500", "data": ""})
        self.assertTrue(second.is_stream(second.ask("GET", **fields)))
        self.assertIsNone(first.event())
        self.peer.ask("DELETE", Mcp_Session_Id=session)
        self.assertIsNone(second.event())

    def test_older_versions_get_no_event_without_data(self):
        session = self.peer.initialize("2025-06-18")
        self.peer.ask("GET", Accept="text/event-stream", Mcp_Session_Id=session)
        self.assertEqual(self.peer.block(), {"": "open"})

    def test_a_stream_wants_a_session_and_an_accept(self):
        self.error(self.peer.ask("GET"), 406, -32600)
        self.error(self.peer.ask("GET", Accept="application/json"), 406, -32600)
        self.error(self.peer.ask("GET", Accept="text/event-stream"), 400, -32600)
        self.error(self.peer.ask("GET", Accept="text/event-stream", Mcp_Session_Id="x"), 404,
                   -32600)
        session = self.peer.initialize()
        for last in ("9-9", "x", "0", "-", "0-x", "99999999999999999999-1"):
            self.error(self.peer.ask("GET", Accept="text/event-stream", Mcp_Session_Id=session,
                                     Last_Event_ID=last), 400, -32600)


class Modern(Test):
    def test_no_session_is_needed_or_made(self):
        answer = self.peer.modern("server/discover", Mcp_Session_Id="nonsense")
        self.assertEqual(answer.json()["result"]["supportedVersions"], [VERSION])
        self.assertNotIn("mcp-session-id", answer.fields)
        result = self.peer.modern("tools/list").json()["result"]
        self.assertEqual((result["resultType"], result["cacheScope"]), ("complete", "public"))

    def test_headers_must_say_what_the_body_says(self):
        for fields, code in (({"MCP_Protocol_Version": None}, -32020),
                             ({"MCP_Protocol_Version": "2025-11-25"}, -32020),
                             ({"Mcp_Method": None}, -32020), ({"Mcp_Method": "tools"}, -32020),
                             ({"Mcp_Method": "TOOLS/LIST"}, -32020)):
            self.peer.start_modern("tools/list", **{"Mcp_Method": "tools/list", **fields})
            self.error(self.peer.answer(), 400, code)
        for name in (None, "other", "=?base64?b3RoZXI=?="):
            self.error(self.peer.modern("tools/call", {"name": "list_jobs", "arguments": {}},
                                        Mcp_Name=name), 400, -32020)

    def test_the_name_may_come_in_base64(self):
        answer = self.peer.modern("tools/call", {"name": "list_jobs", "arguments": {}},
                                  Mcp_Name="=?base64?bGlzdF9qb2Jz?=")
        self.assertEqual(answer.status, 200)

    def test_unknown_versions_and_methods_have_their_status(self):
        error = self.error(self.peer.modern(
            "tools/list", meta={"io.modelcontextprotocol/protocolVersion": "2030-01-01"},
            MCP_Protocol_Version="2030-01-01"), 400, -32022)
        self.assertEqual(error["data"], {"supported": [VERSION], "requested": "2030-01-01"})
        self.error(self.peer.modern("ping"), 404, -32601)
        self.error(self.peer.modern("initialize"), 404, -32601)

    def test_an_envelope_must_be_whole(self):
        caps = "io.modelcontextprotocol/clientCapabilities"
        self.error(self.peer.modern("tools/list", meta={caps: 1}), 400, -32602)
        self.error(self.peer.post(request(1, "tools/list"), MCP_Protocol_Version=VERSION), 400,
                   -32602)

    def test_a_notification_is_taken(self):
        answer = self.peer.post({"jsonrpc": "2.0", "method": "notifications/cancelled",
                                 "params": {"requestId": 1}}, MCP_Protocol_Version=VERSION)
        self.assertEqual((answer.status, answer.body), (202, b""))

    def test_a_batch_is_refused(self):
        self.error(self.peer.post([request(1, "tools/list", {"_meta": META})]), 400, -32600)

    def test_a_subscription_is_a_stream(self):
        answer = self.peer.modern("subscriptions/listen", {"notifications": {}}, ident="listen:0")
        self.assertEqual((answer.status, answer.fields["content-type"]),
                         (200, "text/event-stream"))
        ident, message = self.peer.event()
        self.assertIsNone(ident)
        self.assertEqual(message["method"], "notifications/subscriptions/acknowledged")
        self.assertEqual(message["params"]["_meta"],
                         {"io.modelcontextprotocol/subscriptionId": "listen:0"})

    def test_a_subscription_wants_to_be_a_stream(self):
        for accept in ("application/json", None):
            self.error(self.peer.modern("subscriptions/listen", {"notifications": {}},
                                        Accept=accept), 406, -32600)

    def test_ids_come_back_as_they_were_written(self):
        for ident in ("12345678901234567890123", '"\\u0061"', "-0"):
            body = ('{"jsonrpc":"2.0","id":%s,"method":"nothing","params":{}}' % ident)
            answer = self.peer.post(body, MCP_Protocol_Version="2025-06-18",
                                    Mcp_Session_Id=self.peer.initialize())
            self.assertIn(b'"id":' + ident.encode() + b",", answer.body)


class Either(Test):
    def test_the_ladder_has_an_order(self):
        text = {"Content_Type": "text/plain", "Accept": "text/html"}
        self.assertEqual(self.peer.ask("GET", "/elsewhere", Host="evil.example").status, 404)
        self.assertEqual(self.peer.ask("PUT", Host="evil.example").status, 403)
        put = self.peer.ask("PUT")
        self.assertEqual((put.status, put.fields["allow"]), (405, "GET, POST, DELETE"))
        self.error(self.peer.ask("POST", **text), 415, -32600)
        self.error(self.peer.ask("POST", Accept="text/html", Content_Type="application/json"), 406,
                   -32600)
        self.error(self.peer.ask("POST", Content_Type="application/json"), 400, -32700)

    def test_what_is_no_message_is_refused(self):
        for body, code in (("{", -32700), ("", -32700), ("\xff", -32600), ("1", -32600),
                           ("{}", -32600), ('{"jsonrpc":"2.0","id":null,"method":"x"}', -32600),
                           ('{"jsonrpc":"1.0","id":1,"method":"x"}', -32600)):
            data = body.encode("latin-1")
            self.error(self.peer.post(data), 400, -32700 if body == "\xff" else code)

    def test_foreign_pages_get_nothing(self):
        for fields in ({"Host": "evil.example"}, {"Host": "localhost.evil.example"},
                       {"Origin": "http://evil.example"}, {"Origin": "null"},
                       {"Origin": "http://localhost@evil.example"}, {"Host": "127.0.0.2:80"}):
            answer = self.peer.modern("server/discover", **fields)
            self.error(answer, 403, -32600)
            self.assertNotIn("access-control-allow-origin", answer.fields)
            self.peer.close()
            self.peer = self.server.connect()
            self.addCleanup(self.peer.close)
        for fields in ({"Host": "127.0.0.1:%d" % self.server.port}, {"Host": "[::1]:1"},
                       {"Origin": "http://localhost:3000"}):
            answer = self.peer.modern("server/discover", **fields)
            self.assertEqual(answer.status, 200)
            self.assertNotIn("access-control-allow-origin", answer.fields)

    def test_without_an_engine_the_tools_are_listed_and_say_so(self):
        self.assertEqual(self.peer.modern("server/discover").status, 200)
        self.assertTrue(self.peer.modern("tools/list").json()["result"]["tools"])
        answer = self.peer.modern("tools/call", {"name": "list_jobs", "arguments": {}})
        self.assertEqual((answer.status, answer.json()["result"]["isError"]), (200, True))
        session = self.peer.initialize()
        answer = self.peer.post(call(1, "list_jobs"), Mcp_Session_Id=session)
        self.assertTrue(answer.json()["result"]["isError"])

    def test_a_client_of_one_type_gets_that_type(self):
        self.assertEqual(self.peer.modern("tools/list", Accept="application/json")
                         .fields["content-type"], "application/json")
        answer = self.peer.modern("tools/list", Accept="text/event-stream")
        self.assertEqual(answer.fields["content-type"], "text/event-stream")
        self.assertIn("tools", self.peer.event()[1]["result"])
        self.assertIsNone(self.peer.event())
        self.assertEqual(self.peer.modern("tools/list", Accept=BOTH)
                         .fields["content-type"], "application/json")

    def test_well_known_places_are_empty(self):
        for path in ("oauth-authorization-server", "oauth-protected-resource",
                     "oauth-protected-resource/mcp", "openid-configuration"):
            answer = self.peer.ask("GET", "/.well-known/" + path)
            self.assertEqual((answer.status, answer.body), (404, b""))


if __name__ == "__main__":
    unittest.main()
