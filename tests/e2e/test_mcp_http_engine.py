# SPDX-License-Identifier: MIT
"""Jobs through HTTP with a real engine: what becomes of them when clients and adapters go."""
import os
import signal
import unittest

from http_peer import Server, until
from jobs_peer import Home
from mcp_peer import call


class Test(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.remove)
        self.server = self.serve()
        self.peer = self.connect()

    def serve(self, *arguments):
        server = Server(*arguments, env=self.home.environment())
        self.addCleanup(server.close)
        return server

    def connect(self, server=None):
        peer = (server or self.server).connect()
        self.addCleanup(peer.close)
        return peer

    def tool(self, name, /, peer=None, **arguments):
        """A modern call: its structured result."""
        answer = (peer or self.peer).modern("tools/call", {"name": name, "arguments": arguments})
        result = answer.json()["result"]
        self.assertNotIn("isError", result, result)
        return result["structuredContent"]

    def open_requests(self):
        text = self.connect().ask("GET", "/metrics").body.decode()
        return int(text.split("\njobwire_mcp_requests_open ")[1].split()[0])


class Jobs(Test):
    def test_both_eras_see_the_same_jobs(self):
        job = self.tool("execute_command", command="echo out; exit 3")["job_id"]
        session = self.peer.initialize()
        answer = self.peer.post(call(1, "wait_for_job", {"job_id": job}), Mcp_Session_Id=session)
        self.assertEqual(answer.json()["result"]["structuredContent"]["exit_code"], 3)
        self.assertEqual(self.tool("get_job_output", job_id=job)["stdout"], "out")

    def test_many_clients_wait_at_once(self):
        job = self.tool("execute_command", command="read line; echo $line")["job_id"]
        peers = [self.connect() for _ in range(50)]
        for peer in peers:
            peer.start_modern("tools/call", {"name": "wait_for_job", "arguments": {"job_id": job}})
        until(lambda: self.open_requests() == 50)
        self.tool("interact_with_job", job_id=job, input="go")
        for peer in peers:
            result = peer.answer().json()["result"]["structuredContent"]
            self.assertEqual(result["exit_code"], 0)

    def test_a_client_that_leaves_ends_its_wait_and_no_job(self):
        job = self.tool("execute_command", command="read line")["job_id"]
        peer = self.connect()
        peer.start_modern("tools/call", {"name": "wait_for_job", "arguments": {"job_id": job}})
        until(lambda: self.open_requests() == 1)
        peer.close()
        until(lambda: self.open_requests() == 0)
        self.assertEqual(self.tool("get_job_status", job_id=job)["status"], "running")

    def test_a_command_whose_client_leaves_goes_on_as_a_job(self):
        peer = self.connect()
        peer.start_modern("tools/call", {"name": "run_command",
                                         "arguments": {"command": "sleep 600"}})
        until(lambda: self.tool("list_jobs")["jobs"])
        peer.close()
        until(lambda: self.open_requests() == 0)
        self.assertEqual([job["status"] for job in self.tool("list_jobs")["jobs"]], ["running"])


class Figures(Test):
    def lines(self):
        answer = self.connect().ask("GET", "/metrics")
        self.assertEqual(answer.status, 200)
        return [line for line in answer.body.decode().splitlines() if not line.startswith("#")]

    def test_the_engine_is_asked_for_its_figures_and_not_started(self):
        self.assertIn("jobwire_engine_up 0", self.lines())
        self.assertEqual(self.home.engine_pid(), 0)
        job = self.tool("execute_command", command="sleep 600")["job_id"]
        lines = self.lines()
        for line in ("jobwire_engine_up 1", 'jobwire_jobs{state="running"} 1',
                     'jobwire_jobs{state="queued"} 0'):
            self.assertIn(line, lines)
        self.tool("kill_job", job_id=job)
        until(lambda: 'jobwire_jobs{state="running"} 0' in self.lines())
        self.home.kill_engine()
        self.assertIn("jobwire_engine_up 0", self.lines())

    def test_an_engine_that_hangs_keeps_the_page_waiting_for_a_second(self):
        self.tool("list_jobs")
        pid = self.home.engine_pid()
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        self.assertIn("jobwire_engine_up 0", self.lines())
        peer = self.connect()
        peer.start("GET", "/metrics")
        peer.close()  # nobody waits for it any more
        self.assertEqual(self.connect().ask("GET", "/healthz").status, 200)


class Ends(Test):
    def test_the_adapters_end_harms_no_job(self):
        job = self.tool("execute_command", command="read line; echo $line")["job_id"]
        waiting = self.connect()
        waiting.start_modern("tools/call", {"name": "wait_for_job", "arguments": {"job_id": job}})
        until(lambda: self.open_requests() == 1)
        self.server.signal(signal.SIGKILL)
        self.server.wait()
        other = self.connect(self.serve())
        self.tool("interact_with_job", job_id=job, input="still here", peer=other)
        ended = self.tool("wait_for_job", job_id=job, peer=other)
        self.assertEqual((ended["exit_code"], ended["status"]), (0, "completed"))

    def test_an_engine_that_dies_is_started_again_by_the_next_call(self):
        job = self.tool("execute_command", command="read line")["job_id"]
        self.home.kill_engine()
        self.assertEqual(self.peer.modern("tools/list").status, 200)
        self.assertEqual(self.tool("get_job_status", job_id=job)["status"], "running")

    def test_nothing_is_started_before_the_first_call(self):
        self.peer.modern("server/discover")
        self.peer.modern("tools/list")
        self.peer.initialize()
        self.assertEqual(self.home.engine_pid(), 0)
        self.assertFalse(os.path.exists(self.home.state))


if __name__ == "__main__":
    unittest.main()
