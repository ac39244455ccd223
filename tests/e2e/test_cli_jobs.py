# SPDX-License-Identifier: MIT
"""jobwire start, ls, show and rm: what is listed, in which form, and how a job is named."""
import contextlib
import fcntl
import json
import os
import pty
import re
import sqlite3
import struct
import termios
import unittest

import processes
from cli_tools import LIMIT, Case, Reader

FIELDS = [
    "id", "number", "name", "state", "reason", "detail", "stopping", "argv", "cwd", "labels",
    "pid", "created", "started", "ended", "closed", "duration", "exit_code", "signal",
    "core_dumped", "shell_code", "killed_processes", "survivors", "lingering", "cpu_user",
    "cpu_system", "max_rss_kib", "stdout", "stderr", "stdin", "input_offset", "input_delivered",
    "input_closed", "disk_full", "blocked", "group", "queue_position", "session", "lifetime",
    "on_full_output", "max_output_bytes", "timeout", "idle_timeout", "grace",
]
TIME = r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z"


class Forms(Case):
    def test_json_has_the_same_names_for_every_job(self):
        queued = ("--group", "g", "--group-limit", 1)
        ids = [self.start("true"), self.start("false"), self.start(*queued, "sleep", 600),
               self.start(*queued, "true")]
        for ident in ids[:2]:
            self.call("wait", ident, status=None)
            self.until(lambda: self.show(ident)["closed"], "its end")
        jobs = self.json("ls")["jobs"]
        self.assertEqual([job["id"] for job in jobs], ids[::-1])
        for job in jobs:
            self.assertEqual(list(job), FIELDS)
            shown = self.show(job["id"])
            self.assertEqual(sorted(shown), sorted(FIELDS + ["env"]))
            del shown["env"]
            self.assertEqual(shown, job)
            self.assertRegex(job["created"], TIME)
        last, running, failed, done = jobs
        self.assertEqual((done["state"], done["reason"], done["exit_code"], done["shell_code"]),
                         ("completed", "exit", 0, 0))
        self.assertEqual((failed["state"], failed["exit_code"]), ("failed", 1))
        self.assertRegex(failed["ended"], TIME)
        self.assertIsInstance(failed["duration"], (int, float))
        self.assertEqual((running["state"], running["exit_code"], running["shell_code"],
                          running["ended"], running["duration"]),
                         ("running", None, None, None, None))
        self.assertEqual((last["state"], last["queue_position"], last["pid"], last["started"]),
                         ("queued", 1, None, None))
        self.call("kill", ids[3], ids[2])

    def test_json_of_bytes_that_are_no_utf8_is_repaired(self):
        ident = self.start("echo", "\udcff\udcfe", "\u20ac\x01\"")
        self.assertEqual(self.show(ident)["argv"], ["echo", "\ufffd\ufffd", "\u20ac\x01\""])
        ident = self.start("-c", "true # \udcff")
        job = self.show(ident)
        self.assertEqual(job["command"], "true # \ufffd")
        self.assertNotIn("argv", job)

    def test_several_are_shown_in_the_order_given(self):
        ids = [self.start("true") for _ in range(3)]
        out = self.json("show", ids[2], ids[0][:8], ids[1])
        self.assertEqual([job["id"] for job in out["jobs"]], [ids[2], ids[0], ids[1]])
        out, err = self.call("show", "--json", ids[1], "0" * 8, ids[0], status=1)
        self.assertEqual([job["id"] for job in json.loads(out)["jobs"]], [ids[1], ids[0]])
        self.assertEqual(err, b"jobwire: show: no job 00000000\n")
        text = self.out("show", *ids)
        self.assertEqual(re.findall(r"(?m)^id +(\S+)$", text), ids)

    def test_show_tells_what_was_asked_for_and_what_became_of_it(self):
        ident = self.start("--name", "n", "--label", "a=b", "-e", "X=1", "--cwd", "/", "-c",
                           "exit 3")
        self.call("wait", ident, status=3)
        text = self.out("show", ident)
        for line in (r"id +" + ident, r"name +n", r"command +exit 3", r"folder +/", r"labels +a=b",
                     r"env +X=1", r"state +failed \(exit 3\)", r"reason +exit"):
            self.assertRegex(text, r"(?m)^%s$" % line)

    def test_a_table_in_a_pipe_is_whole_and_without_colors(self):
        command = "true # " + "x" * 300
        ident = self.start("--name", "long" * 20, "-c", command)
        self.call("wait", ident)
        out = self.out("ls")
        head, row = out.splitlines()
        self.assertEqual(head.split(), ["ID", "STATE", "CODE", "AGE", "TIME", "NAME", "COMMAND"])
        self.assertRegex(row, r"\A%s completed +0 +\S+ +\S+ +%s %s\Z"
                         % (ident[:8], "long" * 20, command))
        self.assertNotIn("\x1b", out)
        self.assertIn(ident, self.out("ls", "--no-trunc"))
        for alias in ("ps", "list"):
            self.assertEqual(self.out(alias, "-q"), ident + "\n")
        self.assertEqual(self.out().splitlines()[0], head)

    def test_colors_by_flag_and_by_variable(self):
        self.call("run", "false", status=1)
        for flags, env, wanted in (
                ((), {}, False), (("--color", "always"), {}, True),
                (("--color", "never"), {"CLICOLOR_FORCE": "1"}, False),
                ((), {"CLICOLOR_FORCE": "1"}, True), ((), {"CLICOLOR_FORCE": "0"}, False),
                ((), {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
                (("--color", "always"), {"NO_COLOR": "1"}, True)):
            with self.subTest((flags, env)):
                out = self.out(*flags, "ls", env={**self.env, **env})
                self.assertEqual("\x1b[31m" in out, wanted, out)

    def on_terminal(self, *args, columns=60, **env):
        """What is printed on a terminal of this width."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {**self.env, "TERM": "xterm", **env}
        env = {name: value for name, value in env.items() if value is not None}
        process = self.popen(*args, stdout=theirs, env=env)
        os.close(theirs)
        reader = Reader(ours)
        out = reader.rest().decode()
        os.close(ours)
        self.assertEqual(process.wait(LIMIT), 0)
        return out

    def test_a_table_on_a_terminal_is_cut_to_its_width_and_colored(self):
        self.call("run", "-c", "exit 1 # " + "x" * 200, status=1)
        for columns in (60, 100):
            out = self.on_terminal("ls", columns=columns)
            self.assertIn("\x1b[31m", out)
            plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
            self.assertTrue(all(len(line) <= columns for line in plain.split("\r\n")), plain)
            self.assertIn("exit 1 #", plain)
        self.assertIn("x" * 200, self.on_terminal("ls", "--no-trunc"))
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"CLICOLOR": "0"}, {"TERM": None}):
            with self.subTest(env):
                self.assertNotIn("\x1b", self.on_terminal("ls", **env))

    def test_control_characters_of_a_command_do_not_reach_the_terminal(self):
        ident = self.start("-c", "true '\x1b[2J\n\x07'")
        for args in (("ls",), ("ls", "--no-trunc"), ("show", ident)):
            out = self.out(*args)
            self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f]")

    def test_wide_characters_keep_the_columns(self):
        self.call("run", "--name", "\u4efb\u52a1", "true")
        self.call("run", "--name", "ab", "true")
        narrow, wide = self.out("ls").splitlines()[1:]
        self.assertEqual(narrow.index("true"), wide.index("true") + 2)


class Lists(Case):
    def ids(self, *args):
        return self.out("ls", "-q", *args).split()

    def test_filters(self):
        done = self.start("--group", "g", "--label", "k=v", "true")
        failed = self.start("--name", "n", "--label", "k=w", "false")
        running = self.start("--group", "g", "--name", "n", "sleep", 600)
        for ident in (done, failed):
            self.call("wait", ident, status=None)
        for args, wanted in (
                ((), [running, failed, done]), (("-a",), [running, failed, done]),
                (("-n", 1), [running]), (("-n", 2), [running, failed]),
                (("-n", 0), [running, failed, done]), (("-n", 2 ** 31 - 1),
                                                       [running, failed, done]),
                (("--state", "failed"), [failed]),
                (("-s", "failed", "-s", "running"), [running, failed]),
                (("--state", "lost"), []), (("--group", "g"), [running, done]),
                (("--name", "n"), [running, failed]), (("--group", "g", "--name", "n"), [running]),
                (("--label", "k=v"), [done]), (("--label", "k=x"), []), (("--name", "x"), [])):
            with self.subTest(args):
                self.assertEqual(self.ids(*args), wanted)
                self.assertEqual([job["id"] for job in self.json("ls", *args)["jobs"]], wanted)
        self.refused("ls", "--state", "done", status=2, says="'done' is no state")
        self.refused("ls", "--label", "k", status=2, says="'k' is not KEY=VALUE")
        self.call("kill", running)

    def test_nothing_is_an_empty_list(self):
        self.assertEqual(self.out("ls", "-q"), "")
        self.assertEqual(self.json("ls"), {"jobs": []})
        self.assertNotIn("\n\n", self.out("ls"))

    def test_more_than_a_page(self):
        ident = self.start("true")
        made = self.copy_row(ident, 1100)
        listed = self.ids()
        self.assertEqual(listed, made[::-1] + [ident])
        for limit in (999, 1000, 1001):
            self.assertEqual(self.ids("-n", limit), listed[:limit])
        self.assertEqual([job["id"] for job in self.json("ls")["jobs"]], listed)

    def test_an_ambiguous_prefix_is_refused(self):
        ident = self.start("true")
        made = self.copy_row(ident, 2)
        for verb in ("show", "logs", "wait", "stop", "kill", "rm", "send"):
            with self.subTest(verb):
                self.refused(verb, made[0][:5], status=1, says=made[0][:5])
        for one in (*made, ident):
            self.assertEqual(self.show(one)["id"], one)

    def copy_row(self, ident, count):
        """So many more ended jobs, without the work; their ids."""
        self.call("wait", ident)
        self.until(lambda: self.show(ident)["closed"], "its end")
        self.out("engine", "stop")
        first = "%x" % (int(ident[0], 16) ^ 1)
        made = ["%s%07x-0000-4000-8000-000000000000" % (first, i) for i in range(count)]
        with contextlib.closing(sqlite3.connect(os.path.join(self.state, "jobwire.db"))) as db:
            rows = db.execute("PRAGMA table_info(jobs)").fetchall()
            rest = ", ".join(row[1] for row in rows if row[1] not in ("number", "id"))
            db.executemany("INSERT INTO jobs (id, %s) SELECT ?, %s FROM jobs WHERE id = ?"
                           % (rest, rest), [(new, ident) for new in made])
            db.commit()
        return made


class Ids(Case):
    def test_any_unique_prefix_of_four_or_more(self):
        ident = self.start("true")
        for size in (4, 5, 8, 9, 14, 35, 36):
            self.assertEqual(self.show(ident[:size])["id"], ident)
        other = "%08x" % (int(ident[:8], 16) ^ 1)
        rows = ((other, "no job " + other), (other + ident[8:], "no job " + other),
                (ident[:3], ident[:3]), ("", "id"), (ident + "0", "id"), ("x" * 10000, "id"),
                ("../../etc/passwd", "id"), ("\udcff\udcff\udcff\udcff", "id"), ("%s%n%d", "id"))
        for given, says in rows:
            for verb in ("show", "logs", "wait", "stop", "kill", "rm", "send"):
                with self.subTest((verb, given[:40])):
                    err = self.refused(verb, given, status=1, says=says)
                    self.assertLess(len(err), 400)
                    self.assertEqual(err.count("\n"), 1)
        self.call("wait", ident)

    def test_an_id_is_not_taken_for_a_flag(self):
        ident = self.start("true")
        self.refused("show", "-" + ident, status=2, says="jobwire: show: ")
        self.assertIn(ident, self.out("show", "--", ident))


class Removal(Case):
    def test_what_is_removed_is_gone(self):
        ids = [self.start("echo", "x") for _ in range(3)]
        for ident in ids:
            self.call("wait", ident)
            self.until(lambda: self.show(ident)["closed"], "its end")
        self.assertEqual(self.call("rm", ids[0], ids[1][:8]), (b"", b""))
        self.assertEqual(self.out("ls", "-q").split(), [ids[2]])
        for verb in ("show", "logs", "wait", "rm"):
            self.refused(verb, ids[0], status=1, says="no job " + ids[0])
        folder = os.path.join(self.state, "jobs", ids[0][:2], ids[0])
        self.until(lambda: not os.path.exists(folder), "the folder goes")

    def test_a_running_one_only_by_force(self):
        ident = self.start("sleep", 600)
        pid = self.show(ident)["pid"]
        self.refused("rm", ident, status=1, says="running")
        self.assertTrue(processes.is_alive(pid))
        self.call("rm", "-f", ident)
        processes.wait_dead(pid)
        self.refused("show", ident, status=1, says="no job")

    def test_one_that_is_not_there_does_not_keep_the_others(self):
        ident = self.start("true")
        self.call("wait", ident)
        self.until(lambda: self.show(ident)["closed"], "its end")
        self.refused("rm", "0" * 8, ident, status=1, says="no job 00000000")
        self.assertEqual(self.out("ls", "-q"), "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
