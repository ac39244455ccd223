# SPDX-License-Identifier: MIT
"""Bad and extreme input to the tools of jobwire-mcp: an answer in words, and the session goes on."""
import os
import unittest

from jobs_peer import JobsCase
from mcp_peer import call


class Refused(JobsCase):
    def check(self, *rows):
        for name, arguments, words in rows:
            with self.subTest(name=name, arguments=str(arguments)[:80]):
                text = self.fails(name, **arguments)
                self.assertIn(words, text)
                self.assertLess(len(text), 2000)
        self.assertEqual(self.tool("run_command", command="echo alive")["stdout"], "alive")

    def test_ids(self):
        self.check(
            ("get_job_status", {"job_id": ""}, "Job  not found"),
            ("get_job_status", {"job_id": "abc"}, "Job abc not found"),
            ("get_job_status", {"job_id": "x" * 10_000}, "x" * 64 + "... not found"),
            ("get_job_status", {"job_id": "../../etc/passwd"}, "not found"),
            ("get_job_status", {"job_id": "%s%n"}, "Job %s%n not found"),
            ("get_job_status", {"job_id": "ключ"}, "Job ключ not found"),
            ("get_job_status", {"job_id": 5}, "argument 'job_id' is 5, but must be a string"),
            ("get_job_status", {}, "argument 'job_id' is missing"),
            ("get_job_status", {"job_id": None}, "argument 'job_id' is"),
            ("wait_for_job", {"job_id": "x" * 10_000}, "not found"),
        )
        self.assertEqual(self.tool("kill_job", job_id="x" * 10_000), {"status": "not_found"})

    def test_commands_and_places(self):
        file = os.path.join(self.home.work, "file")
        with open(file, "w"):
            pass
        self.check(
            ("execute_command", {}, "argument 'command' is missing"),
            ("execute_command", {"command": ["ls"]}, "must be a string"),
            ("execute_command", {"command": "x" * (1 << 20) + "y"},
             "Invalid command: command has 1048577 bytes"),
            ("execute_command", {"command": "true", "cwd": "/nowhere/at all"},
             "cwd /nowhere/at all: No such file or directory"),
            ("execute_command", {"command": "true", "cwd": file}, "is not a folder"),
            ("execute_command", {"command": "true", "cwd": file + "/x"}, "Not a directory"),
            ("execute_command", {"command": "true", "cwd": "/" + "x" * 5000}, "cwd /xxx"),
            ("execute_command", {"command": "true", "stdin": "tty"}, "one of pipe, null, pty"),
            ("execute_command", {"command": "true", "name": "x" * 129}, "name has 129 bytes"),
        )

    def test_environments(self):
        self.check(
            ("execute_command", {"command": "true", "env": {"A=B": "1"}}, "'A=B' cannot be"),
            ("execute_command", {"command": "true", "env": {"": "1"}}, "it is empty"),
            ("execute_command", {"command": "true", "env": {"A": 1}}, "must be a string"),
            ("execute_command", {"command": "true", "env": ["A=1"]}, "must be an object"),
            ("execute_command", {"command": "true", "env": {"A\0B": "1"}},
             "a name in 'env' holds a NUL"),
            ("execute_command", {"command": "true", "env": {"A": "1\0"}}, "NUL"),
        )

    def test_numbers(self):
        job = self.execute("sleep 600")
        self.check(
            ("execute_command", {"command": "true", "timeout_seconds": -1}, "from 0 to 31536000"),
            ("execute_command", {"command": "true", "timeout_seconds": 1e99},
             "from 0 to 31536000"),
            ("execute_command", {"command": "true", "timeout_seconds": "5"}, "must be a number"),
            ("get_job_output", {"job_id": job, "max_chars": 1}, "at least 200"),
            ("get_job_output", {"job_id": job, "stream": "stdin"}, "stdout, stderr, combined"),
            ("get_job_output", {"job_id": job, "stream": "stdout", "offset": 2 ** 62}, "behind"),
            ("get_job_output", {"job_id": job, "stream": "stdout", "offset": 0.5}, "whole number"),
            ("tail_job_output", {"job_id": job, "lines": 1e99}, "from 1 to 1000"),
            ("kill_job", {"job_id": job, "grace_seconds": 41}, "from 0 to 40"),
            ("kill_job", {"job_id": job, "signal": "WINTER"}, "signal 'WINTER' is not known"),
            ("kill_job", {"job_id": job, "signal": "0"}, "not known"),
            ("list_jobs", {"limit": 0}, "at least 1"),
            ("list_jobs", {"cursor": "next"}, "not from a reply"),
            ("list_jobs", {"status": "dead"}, "running, completed, failed, killed"),
        )
        self.assertEqual(self.tool("get_job_status", job_id=job)["status"], "running")

    def test_text_that_cannot_be_passed_on(self):
        job = self.execute("cat")
        self.check(
            ("execute_command", {"command": "echo a\0b"}, "NUL"),
            ("execute_command", {"command": "true", "cwd": "/\0"}, "NUL"),
            ("interact_with_job", {"job_id": job, "input": "\0"}, "NUL"),
            ("interact_with_job", {"job_id": job, "input": "", "newline": False}, "is empty"),
            ("interact_with_job", {"job_id": job, "input": "x" * 300_000}, "at most 262144"),
            ("wait_for_job", {"job_id": job, "pattern": "["}, "missing terminating ]"),
            ("wait_for_job", {"job_id": job, "pattern": ""}, "empty"),
            ("wait_for_job", {"job_id": job, "pattern": "x" * 5000}, "4096"),
        )

    def test_a_variable_that_is_given_twice_is_refused(self):
        self.adapter.send(b'{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":'
                          b'"run_command","arguments":{"command":"true","env":{"A":"1",'
                          b'"B":"2","A":"3"}}}}')
        text = self.adapter.answer("t")["result"]["content"][0]["text"]
        self.assertIn("argument 'env' is not clear: 'A' is given twice", text)

    def test_bytes_that_are_no_utf8_are_an_error_of_the_protocol(self):
        self.adapter.send(b'{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":'
                          b'"execute_command","arguments":{"command":"echo \xff"}}}')
        self.assertEqual(self.adapter.receive()["error"]["code"], -32700)
        self.assertEqual(self.tool("list_jobs"), {"jobs": []})

    def test_a_command_beyond_a_line_is_refused_and_the_session_goes_on(self):
        text = self.fails("execute_command", command="x" * (3 << 20))
        self.assertIn("command has 3145728 bytes", text)
        self.adapter.send(call("l", "execute_command", {"command": "x" * (5 << 20)}))
        self.assertEqual(self.adapter.receive()["error"]["code"], -32600)
        self.assertEqual(self.tool("list_jobs"), {"jobs": []})


class Extreme(JobsCase):
    def test_a_long_command_works(self):
        for size in (131_071, 131_072, 200 * 1024, 1 << 20):
            command = "echo begin; : %s" % ("x" * size)
            result = self.tool("run_command", command=command[:size])
            self.assertEqual((result["status"], result["stdout"]), ("completed", "begin"))

    def test_a_large_environment_works(self):
        env = {"V%d" % i: "x" * 1000 for i in range(250)}
        result = self.tool("run_command", command="env | grep -c ^V", env=env)
        self.assertEqual(result["stdout"], "250")
        result = self.tool("run_command", command="printf %s \"$L\" | wc -c",
                           env={"L": "€" * 30_000})
        self.assertEqual(result["stdout"], "90000")

    def test_an_environment_that_the_kernel_refuses_is_told(self):
        text = self.fails("run_command", command="true", env={"L": "x" * 200_000})
        self.assertIn("Argument list too long", text)

    def test_characters_of_all_kinds_come_through(self):
        text = "ü€𝄞\u2028\ufeff \x7f'\"\\ $(true) `true` %s"
        result = self.tool("run_command", command="printf '%s' \"$T\"", env={"T": text}, raw=True)
        self.assertEqual(result["stdout"], text)
        job = self.execute("cat")
        self.tool("interact_with_job", job_id=job, input=text, newline=False, eof=True)
        self.wait(job)
        self.assertEqual(self.tool("get_job_output", job_id=job, raw=True)["stdout"], text)

    def test_a_folder_may_be_named_in_any_way(self):
        os.mkdir(os.path.join(self.home.work, "sub folder"))
        for cwd, place in ((None, "work"), ("", "work"), (".", "work"),
                           ("sub folder", "work/sub folder"), ("~", ""), ("~/work", "work"),
                           (self.home.path, "")):
            more = {} if cwd is None else {"cwd": cwd}
            result = self.tool("run_command", command="pwd -P", **more)
            self.assertEqual(result["stdout"], os.path.join(self.home.path, place).rstrip("/"))

    def test_input_of_a_quarter_of_a_megabyte_is_taken(self):
        job = self.execute("wc -c")
        result = self.tool("interact_with_job", job_id=job, input="x" * 262_143, eof=True,
                           wait_ms=50000)
        self.assertEqual((result["accepted_bytes"], result["stdout"]), (262_144, "262144"))

    def test_hundreds_of_calls_at_once_are_all_answered(self):
        calls = [self.adapter.begin("run_command", {"command": "echo %d" % i, "queue": True})
                 for i in range(100)]
        calls += [self.adapter.begin("list_jobs") for _ in range(150)]
        for i, ident in enumerate(calls):
            result = self.adapter.end(ident)
            if i < 100:
                self.assertEqual(result["stdout"], str(i))


if __name__ == "__main__":
    unittest.main()
