# SPDX-License-Identifier: MIT
"""jobwire stop and kill: what they send, how long they wait, and what they say of it."""
import os
import re
import signal
import time
import unittest

import processes
from cli_tools import LIMIT, Case, Reader

LOOP = "echo up; while :; do sleep 0.05; done"
TREE = """
trap '' TERM
setsid sh -c 'echo $$; exec sleep 1000' &
setsid sh -c '(trap "" TERM INT HUP; sh -c "echo \\$PPID"; while :; do sleep 0.05; done) & exit'
echo $$
while :; do sleep 0.05; done
"""


class Jobs(Case):
    def up(self, script, *flags):
        """The id of a job of a shell that has written "up"."""
        ident = self.start(*flags, "-c", script)
        self.wait_for(ident, b"up\n")
        return ident


class Stop(Jobs):
    def test_it_says_what_was_ended_and_is_0(self):
        ident = self.start("sleep", 600)
        pid = self.show(ident)["pid"]
        self.assertEqual(self.out("stop", ident), "%s killed: 1 process ended, 0 left\n"
                         % ident[:8])
        self.assertFalse(processes.is_alive(pid))
        self.assertEqual(self.out("stop", ident), "%s had ended: killed, status 143\n"
                         % ident[:8])

    def test_the_whole_tree_is_gone_when_it_answers(self):
        ident = self.start("-c", TREE)
        self.until(lambda: self.out("logs", ident).count("\n") == 3, "the tree")
        pids = [int(line) for line in self.out("logs", ident).split()]
        said = self.out("stop", "--time", "0.2", ident)
        for pid in pids:
            self.assertFalse(processes.is_alive(pid), processes.name_of(pid))
        count = int(re.match(r"%s killed: (\d+) processes ended, 0 left\n\Z" % ident[:8], said)[1])
        self.assertGreaterEqual(count, 3)
        self.assertEqual(self.show(ident)["killed_processes"], count)

    def test_one_that_ignores_term_has_its_grace_and_then_none(self):
        for flags, given in (((), ("--time", "0.4")), (("--grace", "0.4"), ()),
                             (("--grace", "1h"), ("-t", "400ms"))):
            with self.subTest((flags, given)):
                ident = self.up("trap '' TERM; " + LOOP, *flags)
                began = time.monotonic()
                self.call("stop", *given, ident)
                took = time.monotonic() - began
                self.assertGreaterEqual(took, 0.4)
                self.assertLess(took, 5)
                self.call("wait", ident, status=137)

    def test_without_grace_it_is_killed_at_once(self):
        ident = self.up("trap '' TERM; " + LOOP)
        self.call("stop", "--time", 0, ident)
        self.call("wait", ident, status=137)

    def test_one_that_ends_by_itself_is_not_waited_for_longer(self):
        ident = self.up("trap 'echo tidy; exit 4' TERM; " + LOOP)
        began = time.monotonic()
        self.call("stop", "--time", "1h", ident)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(self.out("logs", "--stdout", ident), "up\ntidy\n")

    def test_the_first_signal_may_be_chosen_by_name_or_number(self):
        for text, number in (("INT", 2), ("sigint", 2), ("3", 3), ("RTMIN+1", signal.SIGRTMIN + 1),
                             ("KILL", 9)):
            with self.subTest(text):
                ident = self.start("sleep", 600)
                self.call("stop", "-s", text, ident)
                self.call("wait", ident, status=128 + number)
        ident = self.start("sleep", 600)
        for text in ("NONE", "0", "-1", "65", "99999999999", "", "SIG", "RTMIN+99", "1.5"):
            with self.subTest(text):
                self.refused("stop", "--signal", text, ident, status=2, says="is no signal")
        self.call("kill", ident)

    def test_several_and_one_that_is_not_there(self):
        ids = [self.start("sleep", 600) for _ in range(3)]
        out, err = self.call("stop", ids[0], "0" * 8, ids[1], ids[2][:8], status=1)
        self.assertEqual([line.split()[0] for line in out.decode().splitlines()],
                         [ident[:8] for ident in ids])
        self.assertEqual(err, b"jobwire: stop: no job 00000000\n")
        self.assertEqual(self.out("ls", "-q", "-s", "running"), "")

    def test_one_in_the_queue_never_runs(self):
        queued = ("--group", "g", "--group-limit", 1)
        first = self.start(*queued, "sleep", 600)
        second = self.start(*queued, "touch", os.path.join(self.top, "ran"))
        self.assertIn("%s killed: 0 processes ended, 0 left" % second[:8],
                      self.out("stop", second))
        self.call("kill", first)
        self.assertEqual(self.show(second)["state"], "killed")
        self.assertFalse(os.path.exists(os.path.join(self.top, "ran")))

    def test_what_an_ended_job_left_behind_is_ended(self):
        ident = self.start("-c", "sleep 600 & echo $!")
        self.call("wait", ident)
        pid = int(self.out("logs", ident))
        self.assertTrue(processes.is_alive(pid))
        self.call("stop", ident)
        self.assertFalse(processes.is_alive(pid))
        self.call("wait", ident)  # it had ended by itself

    def test_bad_times(self):
        ident = self.start("sleep", 600)
        for text in ("-1", "1e99", "25h", "", "x"):
            with self.subTest(text):
                self.refused("stop", "--time", text, ident, status=2, says="--time: ")
        self.assertEqual(self.show(ident)["state"], "running")
        self.call("kill", ident)

    def test_it_does_not_wait_for_a_reader_that_reads_nothing(self):
        """As a terminal that was halted with Ctrl-S, or a pager."""
        run = self.popen("run", "--max-output", "64K", "yes")
        ident = self.until(lambda: [j for j in self.json("ls")["jobs"] if j["blocked"]],
                           "the job is held")[0]["id"]
        self.assertIn("%s killed: 1 process ended, 0 left" % ident[:8], self.out("stop", ident))
        self.call("wait", ident, status=143)
        self.assertEqual(len(Reader(run.stdout).rest()), self.show(ident)["stdout"]["end"])
        self.assertEqual(run.wait(LIMIT), 143)

    def test_it_completes_though_the_engine_is_killed_meanwhile(self):
        ident = self.up("trap 'echo term' TERM; " + LOOP)
        stop = self.popen("stop", "--time", "1", ident)
        self.wait_for(ident, b"term\n")
        self.kill_engine()
        self.assertEqual(stop.wait(LIMIT), 0, stop.stderr.read())
        self.assertIn(b"killed", stop.stdout.read())
        self.call("wait", ident, status=137)


class Kill(Jobs):
    def test_kill_is_at_once_and_takes_the_tree(self):
        ident = self.start("-c", TREE)
        self.until(lambda: self.out("logs", ident).count("\n") == 3, "the tree")
        pids = [int(line) for line in self.out("logs", ident).split()]
        self.assertRegex(self.out("kill", ident), r"\A%s killed: \d+ processes ended, 0 left\n\Z"
                         % ident[:8])
        for pid in pids:
            self.assertFalse(processes.is_alive(pid), processes.name_of(pid))
        self.call("wait", ident, status=137)

    def test_another_signal_is_only_sent(self):
        ident = self.up("trap 'echo usr1' USR1; sh -c \"trap 'echo child; exit' USR1; %s\" & %s"
                        % (LOOP, LOOP))
        self.until(lambda: self.out("logs", ident).count("up\n") == 2, "both")
        follower = self.popen("logs", "-f", ident)
        reader = Reader(follower.stdout)
        self.assertEqual(self.call("kill", "-s", "USR1", ident), (b"", b""))
        reader.until(b"usr1\n")
        self.assertNotIn(b"child", reader.data)
        self.call("kill", "--tree", "-s", "SIGUSR1", ident)
        reader.until(b"child\n")
        self.assertEqual(self.show(ident)["state"], "running")
        self.call("kill", ident)
        follower.wait(LIMIT)

    def test_a_signal_for_an_ended_job_is_refused(self):
        ident = self.start("true")
        self.call("wait", ident)
        self.refused("kill", "-s", "USR1", ident, status=1, says="completed")
        self.assertEqual(self.out("kill", ident), "%s had ended: completed, status 0\n"
                         % ident[:8])
        self.refused("kill", "-s", "NONE", ident, status=2, says="is no signal")


if __name__ == "__main__":
    unittest.main(verbosity=2)
