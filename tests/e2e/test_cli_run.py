# SPDX-License-Identifier: MIT
"""jobwire run and start: exit statuses, output byte for byte, input, and what the job inherits."""
import hashlib
import os
import signal
import socket
import subprocess
import sys
import unittest

import cli_tools
from cli_tools import LIMIT, Case, Writer

MIB = 1 << 20


class Statuses(Case):
    """Every row of the table in job-life section 6 that a command line can cause."""

    def test_the_status_is_the_jobs_exit_code(self):
        for code in (0, 1, 2, 3, 124, 125, 126, 127, 200, 255):
            with self.subTest(code):
                _, err = self.call("run", "-c", "exit %d" % code, status=code)
                self.assertEqual(err, b"")

    def test_a_signal_is_128_and_its_number(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGUSR1):
            with self.subTest(number):
                _, err = self.call("run", "-c", "kill -%d $$" % number, status=128 + number)
                self.assertIn(b"died of " + number.name.encode(), err)

    def test_what_cannot_be_executed_is_126_or_127_and_says_why(self):
        _, err = self.call("run", "no-such-program", status=127)
        self.assertIn(b"could not be started: exec no-such-program: No such file", err)
        _, err = self.call("run", "/etc/passwd", status=126)
        self.assertIn(b"Permission denied", err)
        self.assertEqual(self.newest()["reason"], "spawn")

    def test_a_shells_own_126_and_127_are_exit_codes(self):
        self.call("run", "-c", "no-such-program", status=127)
        self.assertEqual(self.newest()["reason"], "exit")

    def test_a_timeout_is_128_and_the_last_signal_and_is_told(self):
        _, err = self.call("run", "--timeout", "0.1", "sleep", 600, status=143)
        self.assertIn(b"was ended by its timeout", err)
        _, err = self.call("run", "--timeout", "0.1", "--grace", "0.1", "-c",
                           "trap '' TERM; while :; do sleep 600; done", status=137)
        self.assertIn(b"was ended by its timeout", err)

    def test_an_idle_timeout_counts_from_the_last_output(self):
        out, err = self.call("run", "--idle-timeout", "0.2", "-c", "echo a; sleep 600", status=143)
        self.assertEqual(out, b"a\n")
        self.assertIn(b"wrote nothing", err)

    def test_an_output_limit_ends_the_job_when_it_is_to(self):
        out, err = self.call("run", "--max-output", "8K", "--on-full-output", "end", "yes",
                             status=143)
        self.assertIn(b"its output reached the limit", err)
        self.assertEqual(out, (b"y\n" * 4096)[:len(out)])

    def test_somebody_elses_stop_is_128_and_its_signal(self):
        for how, status in ((("stop",), 143), (("kill",), 137), (("stop", "-s", "INT"), 130),
                            (("kill", "-s", "QUIT"), 131)):
            with self.subTest(how):
                run = self.popen("run", "-c", "echo up; exec sleep 600")
                cli_tools.Reader(run.stdout).until(b"up\n")
                self.call(*how, self.newest()["id"])
                self.assertEqual(run.wait(LIMIT), status)
                self.assertIn(b"was stopped by somebody", run.stderr.read())
                self.assertEqual(self.newest()["reason"], "user")

    def test_a_stop_that_the_job_answers_with_exit_0_is_no_success(self):
        run = self.popen("run", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done")
        cli_tools.Reader(run.stdout).until(b"up\n")
        self.call("stop", self.newest()["id"])
        self.assertEqual(run.wait(LIMIT), 143)

    def test_a_lost_job_is_125_and_says_so(self):
        run = self.popen("run", "-c", "echo up; exec sleep 600")
        cli_tools.Reader(run.stdout).until(b"up\n")
        ident = self.newest()["id"]
        os.kill(self.holder_of(ident), signal.SIGKILL)
        self.assertEqual(run.wait(LIMIT), 125)
        self.assertIn(b"is lost", run.stderr.read())
        self.call("wait", ident, status=125)

    def test_start_says_what_cannot_be_executed_and_prints_the_id(self):
        out, err = self.call("start", "no-such-program", status=127)
        self.assertEqual(self.show(out.decode().strip())["reason"], "spawn")
        self.assertIn(b"could not be started", err)


class Output(Case):
    def test_200_mb_with_invalid_utf8_and_lines_of_a_mib_are_the_same_bytes(self):
        lines = [b"\xff\xfe\x80 \xc3(" + os.urandom(MIB - 100).replace(b"\n", b"\0") + b"\n",
                 b"\xe2\x82\n\x00\x00\n" + "\u20ac\n".encode() * 1000, os.urandom(MIB)]
        path = os.path.join(self.top, "bytes")
        with open(path, "wb") as file:
            for i in range(200):
                file.write(lines[i % 3])
        for how in ("file", "pipe"):
            with self.subTest(how):
                copy = os.path.join(self.top, "copy")
                with open(copy, "wb") as out:
                    if how == "file":
                        self.call("run", "cat", path, stdout=out)
                    else:
                        cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=out)
                        self.call("run", "cat", path, stdout=cat.stdin)
                        cat.stdin.close()
                        self.assertEqual(cat.wait(LIMIT), 0)
                subprocess.run(["cmp", path, copy], check=True)

    def test_a_slow_reader_holds_the_job_and_loses_nothing(self):
        # Far more than what log, pipes and client may take in before anybody reads.
        run = self.popen("run", "--max-output", "64K", "seq", "-f", "line-%g", 0, 399999)
        reader = cli_tools.Reader(run.stdout)
        reader.until(b"line-10\n")
        self.until(lambda: self.newest()["blocked"], "the job is held")
        self.assertEqual(reader.rest(), b"".join(b"line-%d\n" % i for i in range(400000)))
        self.assertEqual(run.wait(LIMIT), 0)
        self.assertEqual(run.stderr.read(), b"")

    def test_both_streams_go_their_way_and_in_order_where_they_meet(self):
        script = "for i in 1 2 3; do echo out$i; echo err$i >&2; done"
        out, err = self.call("run", "-c", script)
        self.assertEqual((out, err), (b"out1\nout2\nout3\n", b"err1\nerr2\nerr3\n"))
        # In the order in which the holder read them: apart in time, apart in the log.
        script = "echo a; read x; echo b >&2; read x; echo c"
        run = self.popen("run", "-c", script, stdin=subprocess.PIPE, stderr=subprocess.STDOUT)
        reader = cli_tools.Reader(run.stdout)
        for letter in b"ab":
            reader.until(bytes([letter]) + b"\n")
            run.stdin.write(b"\n")
        self.assertEqual(reader.rest(), b"a\nb\nc\n")

    def test_with_a_log_that_drops_the_gap_is_told_exactly(self):
        command = "head -c 3000000 /dev/zero"
        out, err = self.call("run", "--max-output", "64K", "--on-full-output", "stop", "-c",
                             command)
        self.assertIn(b"%d bytes of the output are not stored" % (3000000 - len(out)), err)

    def test_stdout_may_be_a_file_a_socket_or_closed(self):
        path = os.path.join(self.top, "out")
        with open(path, "wb") as file:
            self.call("run", "-c", "echo one; echo two", stdout=file)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"one\ntwo\n")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.call("run", "-c", "echo one", stdout=theirs.fileno())
            self.assertEqual(ours.recv(100), b"one\n")
        run = subprocess.run(["sh", "-c", 'exec "$0" run -c "echo x; exit 3" >&-',
                              cli_tools.JOBWIRE], env=self.env, stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, timeout=LIMIT)
        self.assertEqual(run.returncode, 125, run.stderr)
        self.assertIn(b"Bad file descriptor", run.stderr)

    def test_a_full_disk_behind_stdout_leaves_the_job_and_says_so(self):
        with open("/dev/full", "wb") as full:
            _, err = self.call("run", "-c", "echo x; sleep 600", stdout=full, status=125)
        self.assertIn(b"No space left on device", err)
        self.assertEqual(self.newest()["state"], "running")

    def test_a_grandchild_that_keeps_the_pipe_does_not_keep_us(self):
        out, _ = self.call("run", "-c", "sleep 600 & echo done; exit 4", status=4)
        self.assertEqual(out, b"done\n")
        job = self.until(lambda: [j for j in self.json("ls")["jobs"] if j["lingering"]], "it")[0]
        self.call("stop", job["id"])


class Input(Case):
    def test_a_pipe_a_file_and_nothing_reach_the_job(self):
        out, _ = self.call("run", "cat", input=b"a\0\xff\n")
        self.assertEqual(out, b"a\0\xff\n")
        self.assertEqual(self.newest()["stdin"], "pipe")
        path = os.path.join(self.top, "in")
        with open(path, "wb") as file:
            file.write(b"from a file")
        with open(path, "rb") as file:
            self.assertEqual(self.call("run", "cat", stdin=file)[0], b"from a file")
        self.assertEqual(self.call("run", "cat")[0], b"")
        self.assertEqual(self.newest()["stdin"], "null")

    def test_a_closed_stdin_is_none(self):
        run = subprocess.run(["sh", "-c", 'exec "$0" run cat <&-', cli_tools.JOBWIRE],
                             env=self.env, capture_output=True, timeout=LIMIT)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, b"", b""))
        self.assertEqual(self.newest()["stdin"], "null")

    def test_large_input_arrives_whole_while_the_job_answers(self):
        data = os.urandom(24 * MIB)
        run = self.popen("run", "cat", stdin=subprocess.PIPE)
        writer = Writer(run.stdin, data)
        out = cli_tools.Reader(run.stdout).rest()
        writer.join(LIMIT)
        self.assertEqual(run.wait(LIMIT), 0, run.stderr.read())
        self.assertEqual(hashlib.sha256(out).hexdigest(), hashlib.sha256(data).hexdigest())

    def test_a_job_that_reads_nothing_ends_all_the_same(self):
        self.call("run", "-c", "exit 5", input=bytes(4 * MIB), status=5)

    def test_stdin_can_be_chosen(self):
        self.assertEqual(self.call("run", "--stdin", "null", "cat", input=b"x")[0], b"")
        self.assertEqual(self.call("run", "--stdin", "pipe", "cat")[0], b"")
        self.assertEqual(self.newest()["stdin"], "pipe")

    def test_somebody_else_may_type_too(self):
        run = self.popen("run", "cat", stdin=subprocess.PIPE)
        reader = cli_tools.Reader(run.stdout)
        run.stdin.write(b"1\n")
        reader.until(b"1\n")
        self.call("send", self.newest()["id"], "2\n")
        reader.until(b"2\n")
        run.stdin.write(b"3\n")
        reader.until(b"3\n")
        run.stdin.close()
        self.assertEqual(reader.rest(), b"1\n2\n3\n")
        self.assertEqual(run.wait(LIMIT), 0)


class Inheritance(Case):
    def test_environment_folder_and_umask_are_the_callers(self):
        self.out("engine", "start")
        folder = os.path.realpath(self.top)
        env = {**self.env, "FROM_CALLER": "\udcff x", "EMPTY": ""}
        code = ("import os; print(os.environb[b'FROM_CALLER'], 'EMPTY' in os.environ, "
                "os.getcwd(), oct(os.umask(0)))")
        out = subprocess.run(["sh", "-c", 'umask 027; exec "$0" run "$1" -c "$2"',
                              cli_tools.JOBWIRE, sys.executable, code], env=env, cwd=folder,
                             capture_output=True, timeout=LIMIT)
        self.assertEqual(out.stdout.decode(), "b'\\xff x' True %s 0o27\n" % folder, out.stderr)
        job = self.newest()
        self.assertNotIn("env", job)  # of show alone
        self.assertEqual(self.show(job["id"])["env"], {})  # nothing of it is kept

    def test_explicit_settings_are_recorded(self):
        out = self.out("run", "-e", "A=1=2", "-e", "HOME", "-e", "B=", "-c", 'echo "$A$B"')
        self.assertEqual(out, "1=2\n")
        self.assertEqual(self.show(self.newest()["id"])["env"],
                         {"A": "1=2", "B": "", "HOME": self.env.get("HOME", "")})

    def test_what_the_protocol_cannot_say_of_the_environment_stays_behind(self):
        env = {os.fsencode(k): os.fsencode(v) for k, v in self.env.items()}
        env[b"NAME\xff"] = b"x"
        self.assertEqual(self.out("run", "-c", "echo ok", env=env), "ok\n")

    def test_entries_that_are_no_variables_stay_behind(self):
        program = ("import ctypes, sys; "
                   "args = [arg.encode() for arg in sys.argv[1:]]; "
                   "env = [b'NONE', b'=x', b'=', b'', b'GOOD=1', *args[3:]]; "
                   "array = lambda v: (ctypes.c_char_p * (len(v) + 1))(*v, None); "
                   "ctypes.CDLL(None).execve(args[0], array(args[:3]), array(env))")
        env = ["%s=%s" % (name, value) for name, value in self.env.items() if value]
        run = subprocess.run([sys.executable, "-c", program, cli_tools.JOBWIRE, "run", "env", *env],
                             env=self.env, capture_output=True, timeout=LIMIT)
        self.assertEqual((run.returncode, run.stderr), (0, b""))
        lines = run.stdout.splitlines()
        self.assertIn(b"GOOD=1", lines)
        self.assertEqual([line for line in lines if not line.partition(b"=")[0]], [])
        self.assertNotIn(b"NONE", run.stdout)

    def test_a_large_environment_and_many_arguments_go_with_it(self):
        env = {**self.env, **{"V%d" % i: "x" * 120000 for i in range(8)}}
        self.assertEqual(self.out("run", "-c", 'echo "${#V0} ${#V7}"', env=env),
                         "120000 120000\n")
        self.assertEqual(self.out("run", "sh", "-c", "echo $# ${#9}", "sh", *["y" * 120000] * 9),
                         "9 120000\n")

    def test_a_folder_may_be_named_from_here(self):
        os.mkdir(os.path.join(self.top, "sub"))
        out = self.out("run", "--cwd", "sub", "pwd", cwd=self.top)
        self.assertEqual(out.strip(), os.path.join(os.path.realpath(self.top), "sub"))

    def test_a_folder_that_is_gone_is_told(self):
        gone = os.path.join(self.top, "gone")
        os.mkdir(gone)
        run = subprocess.run(["sh", "-c", 'rmdir "$1"; exec "$0" run true', cli_tools.JOBWIRE,
                              gone], env=self.env, cwd=gone, capture_output=True, timeout=LIMIT)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn(b"give another with --cwd", run.stderr)

    def test_limits_labels_names_and_groups(self):
        ident = self.start("--ulimit", "nofile=64:128", "--ulimit", "core=0", "--name", "n\u00e4me",
                           "--label", "a=b", "--label", "c=", "--group", "g", "--grace", "0",
                           "--timeout", "1h", "--lifetime", "session", "--shell", "/bin/sh",
                           "-c", "ulimit -n; ulimit -Hn; ulimit -c")
        self.call("wait", ident)
        self.assertEqual(self.out("logs", ident), "64\n128\n0\n")
        job = self.show(ident)
        self.assertEqual(job["name"], "n\u00e4me")
        self.assertEqual(job["labels"], {"a": "b", "c": ""})
        self.assertEqual((job["group"], job["grace"], job["timeout"]), ("g", 0, 3600))
        self.assertEqual(job["lifetime"], "session")
        self.assertEqual(job["on_full_output"], "drop")

    def test_a_group_limit_queues_or_rejects(self):
        first = self.start("--group", "g", "--group-limit", 1, "sleep", 600)
        self.refused("start", "--group", "g", "--group-limit", 1, "--when-full", "reject", "true",
                     status=1, says="Maximum concurrent jobs limit (1)")
        second = self.start("--group", "g", "--group-limit", 1, "true")
        self.assertEqual(self.show(second)["queue_position"], 1)
        self.call("kill", first)
        self.call("wait", second)

    def test_a_session_job_ends_with_its_client(self):
        env = {**self.env, "JOBWIRE_SESSION_GRACE": "100ms"}
        run = self.popen("run", "--lifetime", "session", "-c", "echo up; exec sleep 600", env=env)
        cli_tools.Reader(run.stdout).until(b"up\n")
        run.kill()
        self.call("wait", self.newest()["id"], status=143)

    def test_a_killed_client_does_not_hold_its_job_for_ever(self):
        env = {**self.env, "JOBWIRE_SESSION_GRACE": "100ms"}
        run = self.popen("run", "--max-output", "16K", "-c", "head -c 1000000 /dev/zero", env=env)
        self.until(lambda: self.newest()["blocked"], "the job is held")
        run.kill()
        self.call("wait", self.newest()["id"])

    def test_a_key_starts_one_job(self):
        first = self.start("--key", "k1", "-c", "echo once")
        self.assertEqual(self.start("--key", "k1", "-c", "echo once"), first)
        out, err = self.call("run", "--key", "k1", "--on-full-output", "drop", "--stdin", "null",
                             "-c", "echo once", status=None)
        self.assertIn(b"k1", err)  # not the same request: it says how it is read
        self.refused("start", "--key", "k1", "-c", "echo twice", status=1, says="k1")
        out, err = self.call("run", "--key", "k2", "-c", "echo once; exit 6", status=6)
        self.assertEqual((out, err), (b"once\n", b""))
        out, err = self.call("run", "--key", "k2", "-c", "echo once; exit 6", status=6)
        self.assertEqual(out, b"once\n")
        self.assertIn(b"was started before with this key", err)
        self.assertEqual(len(self.json("ls")["jobs"]), 2)


class BadInput(Case):
    def test_rows(self):
        file = os.path.join(self.top, "file")
        with open(file, "w", encoding="ascii"):
            pass
        rows = (
            (("-c", ""), 1, "command is empty"),
            (("-c", " \n\t"), 1, "command is empty"),
            (("",), 1, "argv[0], the program, is empty"),
            ((), 2, "nothing to run"),
            (("--",), 2, "nothing to run"),
            (("-c", "true", "true"), 2, "one of COMMAND, -c and --script"),
            (("--cwd", "/no/such/folder", "true"), 1, "cwd /no/such/folder: No such file"),
            (("--cwd", file, "true"), 1, "is not a folder"),
            (("-e", "=x", "true"), 2, "has no name in front of '='"),
            (("-e", "", "true"), 2, "has no name in front of '='"),
            (("-e", "NOT_SET_ANYWHERE", "true"), 2, "there is no variable 'NOT_SET_ANYWHERE'"),
            (("--timeout", "-1", "true"), 2, "--timeout: '-1' is not a duration"),
            (("--timeout", "1e99", "true"), 2, "--timeout: '1e99' is not a duration"),
            (("--timeout", "9" * 40, "true"), 2, "is not between"),
            (("--timeout", "11y", "true"), 2, "is not a duration"),
            (("--grace", "25h", "true"), 2, "is not between"),
            (("--max-output", "100", "true"), 1, "max_output_bytes: 100 is less than 4096"),
            (("--label", "x", "true"), 2, "'x' is not KEY=VALUE"),
            (("--label", "a b=c", "true"), 1, "key 'a b'"),
            (("--ulimit", "nofile", "true"), 2, "is not NAME=SOFT[:HARD]"),
            (("--ulimit", "nofile=x", "true"), 2, "is not NAME=SOFT[:HARD]"),
            (("--ulimit", "none=1", "true"), 1, "'none' is none of"),
            (("--ulimit", "nofile=9:8", "true"), 1, "above the hard limit"),
            (("--stdin", "tty", "true"), 2, "'tty' is none of null|pipe|pty"),
            (("--name", "x" * 129, "true"), 1, "name has 129 bytes"),
            (("--key", "k" * 129, "true"), 1, "129"),
            (("--shell", "sh", "-c", "true"), 1, "is not an absolute path"),
            (("--script", "/no/such/file"), 1, "--script /no/such/file: No such file"),
            (("--no-such-flag", "true"), 2, "--no-such-flag"),
            (("--cwd",), 2, "needs a value"),
        )
        for args, status, says in rows:
            for verb in ("run", "start"):
                with self.subTest((verb, *args)):
                    self.refused(verb, *args, status=status, says=says)
        self.assertEqual(self.json("ls")["jobs"], [])

    def test_a_name_that_is_no_utf8_is_refused(self):
        run = subprocess.run([os.fsencode(cli_tools.JOBWIRE), b"start", b"--name", b"\xff",
                              b"true"], env=self.env, capture_output=True, timeout=LIMIT)
        self.assertEqual((run.returncode, run.stdout), (1, b""))
        self.assertIn(b"name", run.stderr)


class Scripts(Case):
    def write(self, size, tail):
        path = os.path.join(self.top, "script")
        with open(path, "wb") as file:
            file.write(b"#" * (size - len(tail) - 1) + b"\n" + tail)
        return path

    def test_commands_longer_than_an_argument_work(self):
        for size in (1000, 200 << 10, MIB):
            path = self.write(size, b"echo end; exit 3\n")
            with self.subTest(size):
                self.assertEqual(self.call("run", "--script", path, status=3)[0], b"end\n")
                with open(path, "rb") as file:
                    self.assertEqual(self.call("run", "--script", "-", stdin=file, status=3)[0],
                                     b"end\n")

    def test_too_long_ones_are_refused_with_a_sentence_that_names_them(self):
        path = self.write(3 << 20, b"true\n")
        says = "--script %s has 3145728 bytes; at most 1048576 are taken" % path
        self.refused("run", "--script", path, status=1, says=says)
        self.refused("start", "--script", "-", input=bytes(3 << 20), status=1,
                     says="--script - has more than 1048576 bytes")
        path = self.write(MIB + 1, b"true\n")
        self.refused("run", "--script", path, status=1, says="has 1048577 bytes")

    def test_a_nul_in_a_script_is_refused(self):
        self.refused("run", "--script", "-", input=b"echo a\0b\n", status=1, says="NUL")

    def test_the_job_of_a_script_from_stdin_reads_nothing(self):
        self.assertEqual(self.call("run", "--script", "-", input=b"cat; echo end\n")[0], b"end\n")


if __name__ == "__main__":
    cli_tools.main()
