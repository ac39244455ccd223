# SPDX-License-Identifier: MIT
"""jobwire-mcp-http as a process: where it listens, who may come in, how it ends, what it weighs."""
import os
import resource
import signal
import subprocess
import tempfile
import unittest

from http_peer import Http, Server, until
from mcp_peer import call, request

TOKEN = "0123456789abcdef0123456789abcdef"


class Test(unittest.TestCase):
    def serve(self, *arguments, **more):
        server = Server(*arguments, **more)
        self.addCleanup(server.close)
        return server

    def connect(self, server):
        peer = server.connect()
        self.addCleanup(peer.close)
        return peer

    def refused(self, *arguments, **more):
        """It does not start: what it says."""
        server = Server(*arguments, **more)
        self.assertNotEqual(server.close(), 0)
        self.assertEqual(server.port, 0)
        return server.said.decode()


class Doors(Test):
    def token_file(self, text, mode=0o600):
        file = tempfile.NamedTemporaryFile("w", prefix="jobwire-e2e-")
        self.addCleanup(file.close)
        file.write(text)
        file.flush()
        os.chmod(file.name, mode)
        return file.name

    def check_token(self, server):
        peer = self.connect(server)
        for token, challenge in ((None, 'Bearer realm="jobwire"'),
                                 ("Bearer " + TOKEN[:-1],
                                  'Bearer realm="jobwire", error="invalid_token"')):
            for ask in (lambda: peer.ask("GET", Authorization=token),
                        lambda: peer.ask("PUT", Authorization=token),
                        lambda: peer.ask("GET", "/metrics", Authorization=token)):
                answer = ask()
                self.assertEqual((answer.status, answer.fields["www-authenticate"]),
                                 (401, challenge))
            other = self.connect(server)
            self.assertEqual(other.modern("tools/list", Authorization=token).status, 401)
        good = {"Authorization": "Bearer " + TOKEN}
        self.assertEqual(peer.modern("tools/list", **good).status, 200)
        self.assertEqual(peer.ask("GET", "/metrics", **good).status, 200)
        self.assertEqual(peer.ask("GET", "/healthz").status, 200)
        self.assertEqual(peer.ask("GET", "/.well-known/oauth-protected-resource").status, 404)

    def test_a_token_from_a_file_is_asked_for(self):
        self.check_token(self.serve("--token-file", self.token_file(TOKEN + "\n")))

    def test_a_token_from_the_environment_is_asked_for(self):
        self.check_token(self.serve(env={"JOBWIRE_MCP_TOKEN": TOKEN}))

    def test_a_token_that_is_none_stops_the_start(self):
        self.assertIn("others can read it",
                      self.refused("--token-file", self.token_file(TOKEN, 0o640)))
        self.assertIn("visible characters", self.refused("--token-file", self.token_file("short")))
        self.assertIn("visible characters", self.refused(env={"JOBWIRE_MCP_TOKEN": "with a blank "
                                                              "it is not one"}))
        self.assertIn("No such file", self.refused("--token-file", "/nonexistent/token"))

    def test_beyond_the_machine_it_listens_only_with_a_token(self):
        for listen in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0"):
            self.assertIn("a token is needed", self.refused(listen=listen))

    def test_an_address_must_be_one(self):
        for listen in ("8765", "nowhere:1", "127.0.0.1", "127.0.0.1:99999", ""):
            self.assertIn("--listen", self.refused(listen=listen))

    def test_a_taken_port_is_told(self):
        server = self.serve()
        self.assertIn("Address already in use", self.refused(listen="127.0.0.1:%d" % server.port))

    def test_configured_names_and_pages_may_come_in(self):
        server = self.serve("--allow-host", "jobs.example", "--allow-origin",
                            "https://app.example:8443", "--allow-origin", "https://b.example")
        peer = self.connect(server)
        answer = peer.modern("tools/list", Host="jobs.example:1", Origin="https://app.example:8443")
        self.assertEqual((answer.status, answer.fields["access-control-allow-origin"],
                          answer.fields["vary"]), (200, "https://app.example:8443", "Origin"))
        self.assertIn("Mcp-Session-Id", answer.fields["access-control-expose-headers"])
        preflight = peer.ask("OPTIONS", Origin="https://b.example",
                             Access_Control_Request_Method="POST")
        self.assertEqual((preflight.status, preflight.fields["access-control-allow-origin"]),
                         (204, "https://b.example"))
        self.assertIn("mcp-name", preflight.fields["access-control-allow-headers"])
        for origin in ("https://app.example", "http://b.example", "https://b.example.evil"):
            other = self.connect(server)
            answer = other.ask("OPTIONS", Origin=origin)
            self.assertEqual(answer.status, 403)
            self.assertNotIn("access-control-allow-origin", answer.fields)
        self.assertEqual(self.connect(server).ask("OPTIONS").status, 405)

    def test_authorization_servers_are_named_where_clients_look(self):
        server = self.serve("--authorization-server", "https://login.example", "--public-url",
                            "https://jobs.example/mcp", env={"JOBWIRE_MCP_TOKEN": TOKEN})
        peer = self.connect(server)
        for path in ("", "/mcp"):
            page = peer.ask("GET", "/.well-known/oauth-protected-resource" + path).json()
            self.assertEqual((page["resource"], page["authorization_servers"]),
                             ("https://jobs.example/mcp", ["https://login.example"]))
        self.assertIn('resource_metadata="https://jobs.example/.well-known/'
                      'oauth-protected-resource/mcp"',
                      peer.ask("GET").fields["www-authenticate"])


class Words(Test):
    def run_with(self, *arguments):
        program = os.path.join(os.environ["JOBWIRE_BIN"], "jobwire-mcp-http")
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def test_help_names_its_own_options_and_those_of_every_adapter(self):
        status, out, _ = self.run_with("--help")
        self.assertEqual(status, 0)
        for option in ("--listen", "--token-file", "JOBWIRE_MCP_TOKEN", "--max-jobs",
                       "MCP_BG_MAX_JOBS"):
            self.assertIn(option, out)
        self.assertEqual(self.run_with("--version")[1].split()[0], "jobwire-mcp-http")

    def test_a_bad_option_is_refused_in_words(self):
        for arguments, word in ((("--listen",), "--listen"), (("--nothing",), "--nothing"),
                                (("stray",), "stray"), (("--max-body", "1"), "max-body"),
                                (("--max-jobs", "x"), "max-jobs")):
            status, _, err = self.run_with(*arguments)
            self.assertEqual(status, 2)
            self.assertIn(word, err)


class End(Test):
    def test_an_idle_server_ends_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            server = self.serve()
            server.signal(number)
            self.assertEqual(server.wait(), 0)

    def test_what_stands_open_is_ended_in_order(self):
        server = self.serve()
        idle, stream, listen = (self.connect(server) for _ in range(3))
        session = idle.initialize()
        stream.ask("GET", Accept="text/event-stream", Mcp_Session_Id=session)
        listen.modern("subscriptions/listen", {"notifications": {}}, ident=5)
        listen.event()
        server.signal()
        self.assertEqual(stream.events(), [])
        message = listen.event()[1]
        self.assertEqual((message["id"], message["result"]["_meta"]
                          ["io.modelcontextprotocol/subscriptionId"]), (5, 5))
        self.assertIsNone(listen.event())
        for peer in (idle, stream, listen):
            peer.close()
        self.assertEqual(server.wait(), 0)

    def test_a_client_that_does_not_leave_is_left(self):
        server = self.serve("--drain-timeout", "200ms")
        peer = self.connect(server)
        peer.send("POST /mcp HTTP/1.1\r\n")
        server.signal()
        self.assertEqual(server.wait(), 0)

    def test_a_second_signal_ends_it_at_once(self):
        server = self.serve("--drain-timeout", "1h")
        peer = self.connect(server)
        peer.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\n")  # the drain waits for its end
        server.signal()
        until(lambda: self.is_draining(server))
        server.signal()
        self.assertEqual(server.wait(), 0)


    @staticmethod
    def is_draining(server):
        try:
            Http(server.port).close()
        except ConnectionError:
            return True
        return False


class Figures(Test):
    def test_metrics_tell_what_was_done(self):
        server = self.serve("--state-dir", "/dev/null/nowhere")
        peer = self.connect(server)
        session = peer.initialize()
        peer.post(call(1, "list_jobs"), Mcp_Session_Id=session)
        peer.modern("tools/list")
        peer.modern("evil\"} 1\n", Mcp_Method=None)
        stream = self.connect(server)
        stream.ask("GET", Accept="text/event-stream", Mcp_Session_Id=session)
        answer = peer.ask("GET", "/metrics")
        self.assertEqual(answer.fields["content-type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        values = {}
        for line in answer.body.decode().splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                self.assertNotIn(name, values)
                values[name] = float(value)
        for name, value in (("jobwire_mcp_connections", 2), ("jobwire_mcp_sessions", 1),
                            ("jobwire_mcp_streams", 1), ("jobwire_mcp_sessions_total", 1),
                            ('jobwire_mcp_rpc_seconds_count{method="initialize"}', 1),
                            ('jobwire_mcp_rpc_seconds_count{method="tools/call"}', 1),
                            ('jobwire_mcp_rpc_seconds_bucket{method="tools/list",le="+Inf"}', 1),
                            ('jobwire_mcp_tool_seconds_count{tool="list_jobs"}', 1),
                            ('jobwire_mcp_responses_total{class="4xx"}', 1)):
            self.assertEqual(values.get(name), value, name)
        self.assertNotIn("evil", answer.body.decode())

    def test_thousands_of_idle_streams_cost_little_and_no_threads(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(2000, (hard if hard > 0 else 100000) - 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 200)), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.assertEqual(count, 2000)
        for kind in ("modern", "legacy"):
            server = self.serve("--max-sessions", "4000")
            peers = [self.connect(server) for _ in range(200)]
            self.open(peers, kind)  # what the first ones need once is not the streams'
            before = server.memory_kib()
            peers = [self.connect(server) for _ in range(count)]
            self.open(peers, kind)
            each = (server.memory_kib() - before) / count
            print("%s: %.1f KiB for each of %d streams" % (kind, each, count))
            limit = 16 if "asan" not in os.environ["JOBWIRE_BIN"] else 64
            self.assertLess(each, limit)
            self.assertEqual(server.threads(), 1)
            with Http(server.port) as other:
                self.assertEqual(other.modern("tools/list").status, 200)
            for peer in peers:
                peer.close()

    @staticmethod
    def open(peers, kind):
        for peer in peers:
            if kind == "modern":
                peer.start_modern("subscriptions/listen",
                                  {"notifications": {"toolsListChanged": True}}, ident="listen:0")
            else:
                session = peer.initialize()
                peer.start("GET", Accept="text/event-stream", Mcp_Session_Id=session)
        for peer in peers:
            peer.head()
            peer.block()

    def test_sessions_make_room_for_new_ones(self):
        server = self.serve("--max-sessions", "3")
        peer, stream = self.connect(server), self.connect(server)
        sessions = [peer.initialize() for _ in range(3)]
        stream.ask("GET", Accept="text/event-stream", Mcp_Session_Id=sessions[0])
        sessions.append(peer.initialize())
        self.assertEqual([peer.post(request(1, "ping"), Mcp_Session_Id=session).status
                          for session in sessions], [200, 404, 200, 200])

    def test_a_session_of_which_nothing_is_heard_ends(self):
        server = self.serve("--session-idle", "1ms")
        peer = self.connect(server)
        peer.initialize()
        text = "\njobwire_mcp_sessions 0\n"
        while text not in peer.ask("GET", "/metrics").body.decode():
            pass


if __name__ == "__main__":
    unittest.main()
