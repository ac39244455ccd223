# SPDX-License-Identifier: MIT
"""The predecessor's seven tools: names, arguments, results, limits, sentences. What a client of it
relied on holds here, and what is listed stays small."""
import datetime
import json
import re
import unittest

from jobs_peer import ALIASES, JobsCase, UUID
from mcp_peer import call

# Name, arguments (name: type, default; those without default are required), members of the result.
PREDECESSOR = {
    "execute_command": ({"command": "string"}, ["job_id"]),
    "list_jobs": ({}, ["jobs"]),
    "get_job_status": ({"job_id": "string"}, ["status"]),
    "get_job_output": ({"job_id": "string"}, ["stdout", "stderr"]),
    "tail_job_output": ({"job_id": "string", "lines": "integer"}, ["stdout", "stderr"]),
    "interact_with_job": ({"job_id": "string", "input": "string"}, ["stdout", "stderr"]),
    "kill_job": ({"job_id": "string"}, ["status"]),
}
OURS = ["run_command", "wait_for_job"]
STATUSES = {"running", "completed", "failed", "killed"}
READ_ONLY = {"list_jobs", "get_job_status", "get_job_output", "tail_job_output", "wait_for_job"}
OPEN_WORLD = {"execute_command", "run_command", "interact_with_job"}
IDEMPOTENT = READ_ONLY | {"kill_job"}
MOST_TOKENS = 2500


class Listed(JobsCase):
    def test_the_tools_are_those_of_the_predecessor_and_two_more(self):
        self.assertEqual(sorted(self.adapter.listed), sorted([*PREDECESSOR, *OURS]))

    def test_the_predecessor_s_arguments_are_taken_and_no_other_is_needed(self):
        for name, (arguments, _) in PREDECESSOR.items():
            schema = self.adapter.listed[name]["inputSchema"]
            for argument, kind in arguments.items():
                self.assertEqual(schema["properties"][argument]["type"], kind)
            self.assertLessEqual(set(schema.get("required", ())), set(arguments))

    def test_what_is_listed_is_small(self):
        text = json.dumps(list(self.adapter.listed.values()), separators=(",", ":"),
                          ensure_ascii=False)
        print("nine tools: %d characters, %d tokens" % (len(text), len(text) // 4))
        self.assertLessEqual(len(text) / 4, MOST_TOKENS)

    def test_schemas_are_of_the_kind_that_all_clients_read(self):
        def check(schema, where):
            self.assertIn(schema["type"], ("object", "array", "string", "integer", "number",
                                           "boolean"), where)
            self.assertLessEqual(set(schema), {"type", "properties", "required", "items", "enum",
                                               "minimum", "maximum", "description",
                                               "additionalProperties"})
            if schema["type"] == "array":
                check(schema["items"], where)
            for name, inner in schema.get("properties", {}).items():
                check(inner, where + "." + name)
        for name, tool in self.adapter.listed.items():
            check(tool["inputSchema"], name)
            check(tool["outputSchema"], name)
            self.assertIs(tool["inputSchema"]["additionalProperties"], False)
            self.assertLessEqual(len(name), 40)

    def test_annotations_say_what_a_tool_may_do(self):
        for name, tool in self.adapter.listed.items():
            hints = tool["annotations"]
            self.assertEqual(hints, {
                "readOnlyHint": name in READ_ONLY, "destructiveHint": name not in READ_ONLY,
                "idempotentHint": name in IDEMPOTENT, "openWorldHint": name in OPEN_WORLD}, name)

    def test_limits_that_clients_drop_from_schemas_are_said_in_words(self):
        tail = self.adapter.listed["tail_job_output"]["inputSchema"]["properties"]["lines"]
        self.assertEqual((tail["minimum"], tail["maximum"]), (1, 1000))
        self.assertIn("1-1000, default 50", tail["description"])


    def test_defaults_that_differ_are_said_where_they_differ(self):
        def about(name, argument):
            return self.adapter.listed[name]["inputSchema"]["properties"][argument]["description"]

        for name in ("run_command", "get_job_output", "tail_job_output", "interact_with_job"):
            self.assertIn("Default 10000, at most 40000", about(name, "max_chars"))
        self.assertIn("Default 2000, at most 40000", about("wait_for_job", "max_chars"))
        self.assertIn("Default combined", about("wait_for_job", "stream"))
        self.assertIn("Default both", about("get_job_output", "stream"))
        self.assertIn("Default both", about("tail_job_output", "stream"))
        self.assertIn("default 0", about("wait_for_job", "offset"))
        for name in ("run_command", "execute_command"):
            self.assertIn("Kill the job", about(name, "timeout_seconds"))
            self.assertIn("default never", about(name, "timeout_seconds"))

    def test_what_is_given_of_output_is_listed_and_nothing_else(self):
        both = {"stdout", "stderr", "next_offsets", "truncated", "omitted", "lost_bytes"}
        one = both | {"output", "next_offset"}
        words = {"run_command": both, "interact_with_job": both, "get_job_output": one,
                 "tail_job_output": one, "wait_for_job": {"next_offset"}}
        for name, tool in self.adapter.listed.items():
            listed = set(tool["outputSchema"]["properties"]) & one
            self.assertEqual(listed, words.get(name, set()), name)


class Results(JobsCase):
    def test_each_tool_gives_at_least_what_the_predecessor_gave(self):
        job = self.execute("cat")
        given = {"job_id": job, "input": "x", "command": "true"}
        for name, (arguments, members) in PREDECESSOR.items():
            result = self.tool(name, **{a: given[a] for a in arguments if a in given})
            self.assertLessEqual(set(members), set(result), name)
            for member in ("stdout", "stderr", "job_id"):
                self.assertIsInstance(result.get(member, ""), str)

    def test_statuses_are_the_four_words(self):
        cases = [("true", "completed"), ("false", "failed"), ("kill -9 $$", "failed")]
        for command, status in cases:
            job = self.execute(command)
            self.wait(job)
            self.assertEqual(self.tool("get_job_status", job_id=job)["status"], status)
        running = self.execute("sleep 600")
        self.assertEqual(self.tool("get_job_status", job_id=running)["status"], "running")
        self.tool("kill_job", job_id=running)
        self.assertEqual(self.tool("get_job_status", job_id=running)["status"], "killed")
        listed = self.tool("list_jobs")["jobs"]
        self.assertLessEqual({job["status"] for job in listed}, STATUSES)

    def test_a_listed_job_has_the_predecessor_s_four_members(self):
        job = self.execute("echo hi")
        [listed] = self.tool("list_jobs")["jobs"]
        self.assertRegex(listed["job_id"], UUID)
        self.assertEqual((listed["job_id"], listed["command"]), (job, "echo hi"))
        started = datetime.datetime.fromisoformat(listed["started"].replace("Z", "+00:00"))
        age = datetime.datetime.now(datetime.timezone.utc) - started
        self.assertLess(abs(age.total_seconds()), 60)

    def test_output_has_no_newline_at_its_end(self):
        job = self.execute("echo a; echo b; echo; echo e >&2")
        self.wait(job)
        for name in ("get_job_output", "tail_job_output"):
            result = self.tool(name, job_id=job)
            self.assertEqual((result["stdout"], result["stderr"]), ("a\nb\n", "e"))

    def test_kill_has_three_words(self):
        job = self.execute("sleep 600")
        words = [self.tool("kill_job", job_id=ident)["status"]
                 for ident in (job, job, "nobody", job[:-1] + ("0" if job[-1] != "0" else "1"))]
        self.assertEqual(words, ["killed", "already_terminated", "not_found", "not_found"])

    def test_interact_adds_the_newline_that_is_missing(self):
        job = self.execute("cat")
        for text in ("one", "two\n"):
            self.assertEqual(self.tool("interact_with_job", job_id=job, input=text)["stdout"],
                             text.strip())
        self.tool("interact_with_job", job_id=job, eof=True)
        self.wait(job)
        self.assertEqual(self.tool("get_job_output", job_id=job)["stdout"], "one\ntwo")

    def test_the_short_names_of_its_readme_work_and_are_not_listed(self):
        job = self.tool("execute", command="cat")["job_id"]
        self.assertEqual(self.tool("interact", job_id=job, input="hi")["stdout"], "hi")
        self.assertEqual(self.tool("status", job_id=job)["status"], "running")
        self.assertEqual(self.tool("output", job_id=job)["stdout"], "hi")
        self.assertEqual(self.tool("tail", job_id=job, lines=1)["stdout"], "hi")
        self.assertEqual(self.tool("kill", job_id=job)["status"], "killed")
        self.assertEqual(len(self.tool("list")["jobs"]), 1)
        self.assertFalse(set(ALIASES) & set(self.adapter.listed))

    def test_job_control_is_the_shell_s(self):
        self.assertEqual(self.tool("run_command",
                                   command="echo a && echo b | tr b c; cd /; pwd; echo *.none"
                                   )["stdout"], "a\nc\n/\n*.none")


class Sentences(JobsCase):
    def assert_begins(self, text, begin):
        self.assertEqual(text[:len(begin)], begin)

    def test_an_unknown_job(self):
        known = self.execute("sleep 600")
        for name, more in (("get_job_status", {}), ("get_job_output", {}),
                           ("tail_job_output", {}), ("interact_with_job", {"input": "x"}),
                           ("wait_for_job", {})):
            for ident in ("0" * 8 + "-0000-4000-8000-" + "0" * 12, "nobody"):
                text = self.fails(name, job_id=ident, **more)
                self.assert_begins(text, "Job %s not found" % ident)
                self.assertIn(known + " (running: sleep 600)", text)
                self.assertIn("list_jobs", text)

    def test_an_unknown_job_where_there_is_none(self):
        text = self.fails("get_job_status", job_id="abcd")
        self.assertEqual(text, "Job abcd not found. There are no jobs now; execute_command starts "
                               "one.")

    def test_an_empty_command(self):
        for command in ("", "   ", "\t\n"):
            self.assert_begins(self.fails("execute_command", command=command),
                               "Invalid command: Command cannot be empty")

    def test_a_job_that_takes_no_input_any_more(self):
        job = self.execute("true")
        self.wait(job)
        self.assert_begins(self.fails("interact_with_job", job_id=job, input="x"),
                           "Job %s is not running and cannot accept input" % job)

    def test_a_job_that_never_took_input(self):
        job = self.tool("run_command", command="sleep 600", wait_seconds=0)["job_id"]
        self.assert_begins(self.fails("interact_with_job", job_id=job, input="x"),
                           "Failed to interact with job: job %s was started without stdin" % job)

    def test_the_limit(self):
        jobs = [self.execute("sleep 600") for _ in range(10)]
        for name in ("execute_command", "run_command"):
            text = self.fails(name, command="true")
            self.assert_begins(text, "Job limit reached: Maximum concurrent jobs limit (10) "
                                     "reached")
            self.assertIn("queue", text)
            for job in jobs:
                self.assertIn(job, text)
        other = self.start()
        self.assertEqual(other.tool("run_command", command="echo free")["stdout"], "free")

    def test_a_job_over_the_limit_may_wait_in_the_queue(self):
        jobs = [self.execute("sleep 600") for _ in range(10)]
        result = self.tool("execute_command", command="echo at last", queue=True)
        self.assertEqual((result["status"], result["state"], result["queue_position"]),
                         ("running", "queued", 1))
        self.tool("kill_job", job_id=jobs[0])
        result = self.wait(result["job_id"])
        self.assertEqual((result["status"], result["tail"]), ("completed", "at last"))

    def test_an_argument_that_does_not_exist_is_answered_with_those_that_do(self):
        text = self.fails("get_job_status", id="x")
        self.assertIn("job_id", text)

    def test_an_unknown_tool_is_an_error_of_the_protocol(self):
        self.adapter.send(call("u", "kill_all"))
        self.assertEqual(self.adapter.answer("u")["error"]["code"], -32602)


if __name__ == "__main__":
    unittest.main()
