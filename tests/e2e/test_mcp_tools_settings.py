# SPDX-License-Identifier: MIT
"""The settings of jobwire-mcp: MCP_BG_* as with the predecessor, and its own options."""
import os
import subprocess
import unittest

from jobs_peer import ADAPTER, Adapter, Failed, Home
from mcp_peer import LIMIT

LINE = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


class Case(unittest.TestCase):
    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.remove)

    def adapter(self, *arguments, **how):
        adapter = Adapter(self.home, arguments=arguments, **how)
        self.addCleanup(adapter.close)
        return adapter

    def fails(self, adapter, name, /, **arguments):
        with self.assertRaises(Failed) as caught:
            adapter.tool(name, **arguments)
        return str(caught.exception)

    def run_adapter(self, *arguments, **variables):
        return subprocess.run([ADAPTER, *arguments], input=LINE, capture_output=True,
                              timeout=LIMIT, env=self.home.environment(**variables),
                              cwd=self.home.work)


class Predecessor(Case):
    def test_max_jobs(self):
        adapter = self.adapter(MCP_BG_MAX_JOBS="2")
        for _ in range(2):
            adapter.tool("execute_command", command="sleep 600")
        self.assertIn("Maximum concurrent jobs limit (2) reached",
                      self.fails(adapter, "execute_command", command="true"))

    def test_a_group_shares_its_limit(self):
        first = self.adapter("--group", "team", "--max-jobs=1")
        second = self.adapter("--group", "team", "--max-jobs=1")
        alone = self.adapter("--max-jobs=1")
        job = first.tool("execute_command", command="sleep 600")["job_id"]
        self.assertIn(job, self.fails(second, "execute_command", command="true"))
        self.assertEqual(alone.tool("run_command", command="echo a")["stdout"], "a")

    def test_max_output_size(self):
        for size, kept in (("8KB", 8 << 10), ("8192", 8 << 10), ("8 kib", 8 << 10), ("1024", 4096)):
            adapter = self.adapter(MCP_BG_MAX_OUTPUT_SIZE=size)
            result = adapter.tool("run_command", command="seq 100000")
            # The index has its share; the oldest goes by the segment.
            self.assertLessEqual(result["stdout_bytes"] - result["lost_bytes"], kept, size)
            self.assertTrue(result["stdout"].endswith("\n100000"))

    def test_job_timeout_and_who_may_set_it_aside(self):
        adapter = self.adapter(MCP_BG_JOB_TIMEOUT="1")
        long = adapter.tool("execute_command", command="sleep 600", timeout_seconds=0)["job_id"]
        result = adapter.tool("run_command", command="sleep 600")
        self.assertEqual((result["status"], result["reason"]), ("killed", "timeout"))
        self.assertEqual(adapter.tool("get_job_status", job_id=long)["status"], "running")

    def test_working_dir(self):
        adapter = self.adapter(MCP_BG_WORKING_DIR="/tmp")
        self.assertEqual(adapter.tool("run_command", command="pwd")["stdout"], "/tmp")
        self.assertEqual(adapter.tool("run_command", command="pwd", cwd="/")["stdout"], "/")
        os.mkdir(os.path.join(self.home.work, "sub"))
        adapter = self.adapter(MCP_BG_WORKING_DIR="sub")
        self.assertEqual(adapter.tool("run_command", command="pwd")["stdout"],
                         os.path.join(self.home.work, "sub"))

    def test_a_working_dir_that_is_not_there_lets_nothing_run_elsewhere(self):
        adapter = self.adapter(MCP_BG_WORKING_DIR="/nowhere")
        self.assertIn("MCP_BG_WORKING_DIR", adapter.errors())
        text = self.fails(adapter, "run_command", command="touch here")
        self.assertIn("/nowhere (MCP_BG_WORKING_DIR)", text)
        self.assertEqual(adapter.tool("run_command", command="pwd", cwd="/")["stdout"], "/")

    def test_allowed_commands(self):
        adapter = self.adapter(MCP_BG_ALLOWED_COMMANDS="^npm , echo$ ,,^LS\\b")
        for command in ("npm test", "ls /", "ls", "true; echo"):
            adapter.tool("run_command", command=command)
        for command in (" npm", "xls", "rm -rf x\nnpm install", "echo hi"):
            text = self.fails(adapter, "run_command", command=command)
            self.assertEqual(text, "Invalid command: Command not in allowed patterns: %s." %
                             command)

    def test_a_pattern_that_cannot_be_read_allows_nothing(self):
        adapter = self.adapter(MCP_BG_ALLOWED_COMMANDS="(,^echo")
        self.assertIn("'(' is no pattern", adapter.errors())
        self.assertEqual(adapter.tool("run_command", command="echo a")["stdout"], "a")
        self.assertIn("not in allowed", self.fails(adapter, "run_command", command="(true)"))
        adapter = self.adapter(MCP_BG_ALLOWED_COMMANDS="(")
        self.assertIn("not in allowed", self.fails(adapter, "run_command", command="true"))

    def test_a_bad_value_is_told_and_its_default_counts(self):
        for name, value in (("MAX_JOBS", "many"), ("MAX_JOBS", "0"), ("MAX_JOBS", "101"),
                            ("MAX_OUTPUT_SIZE", "12XB"), ("MAX_OUTPUT_SIZE", "10"),
                            ("JOB_TIMEOUT", "-1"), ("CLEANUP_INTERVAL", "5")):
            done = self.run_adapter(**{"MCP_BG_" + name: value})
            self.assertEqual(done.returncode, 0)
            self.assertIn(b'"result":{}', done.stdout)
            line = done.stderr.decode()
            self.assertEqual(line.count("\n"), 1)
            self.assertTrue(line.startswith("warning: MCP_BG_%s: '%s'" % (name, value)), line)

    def test_values_as_the_predecessor_took_them_give_no_warning(self):
        for name, value in (("MAX_JOBS", "20"), ("MAX_JOBS", " 20 "), ("MAX_JOBS", ""),
                            ("MAX_OUTPUT_SIZE", "20MB"), ("MAX_OUTPUT_SIZE", "20971520"),
                            ("MAX_OUTPUT_SIZE", "20 mb"), ("JOB_TIMEOUT", "3600"),
                            ("CLEANUP_INTERVAL", "600"), ("WORKING_DIR", "."),
                            ("ALLOWED_COMMANDS", "^npm ,^python ,^echo ,^ls")):
            self.assertEqual(self.run_adapter(**{"MCP_BG_" + name: value}).stderr, b"",
                             (name, value))


class Places(Case):
    def test_commands_run_where_the_client_started_us(self):
        for cwd, place in ((self.home.work, self.home.work), ("/", self.home.path)):
            adapter = self.adapter(cwd=cwd)
            self.assertEqual(adapter.tool("run_command", command="pwd")["stdout"], place)

    def test_a_folder_that_is_gone_is_replaced_by_the_home_folder(self):
        gone = os.path.join(self.home.path, "gone")
        os.mkdir(gone)
        command = ["sh", "-c", 'cd "$1" && rmdir "$1" && exec "$2"', "sh", gone, ADAPTER]
        done = subprocess.run(
            command, capture_output=True, timeout=LIMIT, env=self.home.environment(),
            input=b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":'
                  b'"2025-06-18","capabilities":{}}}\n')
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        adapter = self.adapter(cwd=self.home.work)
        self.assertEqual(adapter.tool("run_command", command="pwd")["stdout"], self.home.work)

    def test_the_client_s_environment_is_the_job_s(self):
        first = self.adapter(COLOUR="red", PATH="/first:/usr/bin:/bin")
        second = self.adapter(COLOUR="blue", PATH="/second:/usr/bin:/bin")
        command = "echo $COLOUR $PATH"
        self.assertEqual(first.tool("run_command", command=command)["stdout"],
                         "red /first:/usr/bin:/bin")
        self.assertEqual(second.tool("run_command", command=command, env={"COLOUR": "green"})
                         ["stdout"], "green /second:/usr/bin:/bin")

    def test_a_job_that_starts_an_adapter_is_not_taken_for_its_job(self):
        adapter = self.adapter(JOBWIRE_JOB_ID="a-job-of-somebody")
        result = adapter.tool("run_command", command="echo $JOBWIRE_JOB_ID")
        self.assertNotEqual(result["stdout"], "a-job-of-somebody")

    def test_two_state_folders_know_nothing_of_each_other(self):
        other = os.path.join(self.home.path, "other")
        first, second = self.adapter(), self.adapter("--state-dir", other)
        first.tool("run_command", command="true")
        self.assertEqual(second.tool("list_jobs"), {"jobs": []})
        self.home.state = other
        self.home.kill_engine(15)
        self.home.state = os.path.join(self.home.path, ".local/state/jobwire")

    def test_a_long_home_will_do(self):
        long = os.path.join(self.home.path, "x" * 150)
        os.mkdir(long)
        adapter = Adapter(self.home, HOME=long)
        self.addCleanup(adapter.close)
        self.assertEqual(adapter.tool("run_command", command="echo a")["stdout"], "a")
        self.home.state = os.path.join(long, ".local/state/jobwire")
        self.home.kill_engine(15)


class Options(Case):
    def test_help_names_every_option_and_variable(self):
        done = self.run_adapter("--help")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        text = done.stdout.decode()
        for word in ("--state-dir", "--jobs-end-with-session", "--group", "--toolsets", "--help",
                     "--version", "MCP_BG_MAX_JOBS", "MCP_BG_MAX_OUTPUT_SIZE",
                     "MCP_BG_JOB_TIMEOUT", "MCP_BG_CLEANUP_INTERVAL", "MCP_BG_ALLOWED_COMMANDS",
                     "MCP_BG_WORKING_DIR"):
            self.assertIn(word, text)

    def test_version(self):
        self.assertRegex(self.run_adapter("--version").stdout, rb"\Ajobwire-mcp \d+\.\d+\.\d+\n\Z")

    def test_a_bad_option_is_refused(self):
        for arguments, word in ((["--max-jobs", "many"], b"--max-jobs: 'many'"),
                                (["--nothing"], b"--nothing"), (["word"], b"'word' is no option"),
                                (["--toolsets", "all"], b"none of jobs"),
                                (["--group", ""], b"--group"),
                                (["--group", "x" * 65], b"--group")):
            done = self.run_adapter(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(word, done.stderr)

    def test_a_flag_counts_before_the_environment(self):
        adapter = self.adapter("--max-jobs=1", MCP_BG_MAX_JOBS="5")
        adapter.tool("execute_command", command="sleep 600")
        self.assertIn("limit (1)", self.fails(adapter, "execute_command", command="true"))


if __name__ == "__main__":
    unittest.main()
