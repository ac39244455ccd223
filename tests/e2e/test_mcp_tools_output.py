# SPDX-License-Identifier: MIT
"""What jobwire-mcp shows of a job's output: budgets, cursors, cleaning, characters."""
import base64
import json
import os
import unittest

from jobs_peer import JobsCase


def chars(text):
    """As the reader of the JSON text sees it."""
    return len(json.dumps(text, ensure_ascii=False)) - 2


class OutputCase(JobsCase):
    def write(self, name, data):
        path = os.path.join(self.home.work, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def job_that_wrote(self, stdout=b"", stderr=b""):
        self.write("out", stdout)
        self.write("err", stderr)
        job = self.execute("cat out; cat err >&2", cwd=self.home.work)
        self.assertEqual(self.wait(job)["status"], "completed")
        return job

    def output(self, job, **how):
        return self.tool("get_job_output", job_id=job, **how)


class Budgets(OutputCase):
    LINES = b"".join(b"line %06d\n" % i for i in range(100_000))  # 1.2 MB

    def test_what_fits_is_shown_whole(self):
        job = self.job_that_wrote(b"a\nb\n", b"c\n")
        result = self.output(job)
        self.assertEqual((result["stdout"], result["stderr"]), ("a\nb", "c"))
        self.assertEqual((result["status"], result["exit_code"]), ("completed", 0))
        self.assertEqual(result["next_offsets"], {"stdout": 4, "stderr": 2})
        self.assertNotIn("omitted", result)

    def test_long_output_keeps_head_and_tail_and_tells_the_gap_exactly(self):
        job = self.job_that_wrote(self.LINES)
        for budget in (None, 200, 1000, 40_000, 10**9):
            with self.subTest(budget):
                result = self.output(job, **({"max_chars": budget} if budget else {}))
                most = min(budget or 10_000, 40_000)
                self.assertLessEqual(chars(result["stdout"]), most)
                self.assertGreater(chars(result["stdout"]), most - most // 4 - 150)
                self.assertTrue(result["truncated"])
                [gap] = result["omitted"]
                head = self.LINES[:gap["offset"]].decode()
                tail = self.LINES[gap["offset"] + gap["bytes"]:].decode()
                mark = ("[... %d bytes of stdout omitted, from offset %d on ...]\n" %
                        (gap["bytes"], gap["offset"]))
                begins_line = head.endswith("\n")
                self.assertEqual(result["stdout"],
                                 (head + ("" if begins_line else "\n") + mark + tail)[:-1])
                if most > 200:  # enough for whole lines
                    self.assertTrue(begins_line and tail.startswith("line "))
                    self.assertLess(len(head) * 3, len(tail))
                self.assertEqual(result["stdout_bytes"], len(self.LINES))

    def test_the_gap_can_be_read(self):
        data = self.LINES[:60_000]
        job = self.job_that_wrote(data)
        [gap] = self.output(job)["omitted"]
        offset, read = gap["offset"], b""
        while offset < gap["offset"] + gap["bytes"]:
            page = self.output(job, stream="stdout", offset=offset)
            self.assertEqual(page["truncated"], "omitted" in page)
            read += (page["stdout"] + "\n").encode()
            self.assertGreater(page["next_offset"], offset)
            offset = page["next_offset"]
        self.assertEqual(read[:gap["bytes"]], data[gap["offset"]:][:gap["bytes"]])

    def test_pages_put_together_are_the_stream(self):
        data = os.urandom(3000).hex().encode() + "Ä€𝄞\n".encode() * 300 + b"\\\"\t\n" * 200
        job = self.job_that_wrote(data)
        for budget in (200, 201, 777):
            offset, read = 0, ""
            while offset < len(data):
                page = self.output(job, stream="stdout", offset=offset, max_chars=budget, raw=True)
                self.assertLessEqual(chars(page["stdout"]), budget)
                self.assertGreater(page["next_offset"], offset)
                if page["truncated"]:
                    self.assertEqual(page["omitted"], [{
                        "stream": "stdout", "offset": page["next_offset"],
                        "bytes": len(data) - page["next_offset"]}])
                read += page["stdout"]
                offset = page["next_offset"]
            self.assertEqual(read.encode(), data)
        self.assertEqual(self.output(job, stream="stdout", offset=len(data))["stdout"], "")

    def test_a_page_of_a_long_stream_says_how_much_is_behind_it(self):
        job = self.job_that_wrote(self.LINES)
        page = self.output(job, stream="stdout", offset=0, max_chars=500)
        self.assertEqual(page["omitted"][0]["bytes"], len(self.LINES) - page["next_offset"])
        page = self.output(job, stream="combined", offset=12, max_chars=500)
        self.assertTrue(page["output"].startswith("line 000001\n"))
        self.assertNotIn("stdout", page)

    def test_both_streams_share_the_budget(self):
        for out, err in ((50_000, 300), (300, 50_000), (50_000, 50_000)):
            job = self.job_that_wrote(b"o" * 79 + b"\n" + b"o" * out, b"e" * 79 + b"\n" + b"e" * err)
            result = self.output(job, max_chars=5000)
            both = chars(result["stdout"]) + chars(result["stderr"])
            self.assertLessEqual(both, 5000)
            self.assertGreater(both, 4000)
            if err == 300:
                self.assertEqual(len(result["stderr"]), 380)
            if out == 300:
                self.assertEqual(len(result["stdout"]), 380)

    def test_escapes_count(self):
        job = self.job_that_wrote(b'"\\' * 5000)
        self.assertLessEqual(chars(self.output(job, max_chars=1000)["stdout"]), 1000)
        job = self.job_that_wrote(b"\x01\x02" * 5000)
        self.assertLessEqual(chars(self.output(job, max_chars=1000, raw=True)["stdout"]), 1000)

    def test_one_stream_alone(self):
        job = self.job_that_wrote(b"o\n", b"e\n")
        self.assertEqual(self.output(job, stream="stderr")["stderr"], "e")
        self.assertNotIn("stdout", self.output(job, stream="stderr"))
        result = self.output(job, stream="combined")
        self.assertEqual((sorted(result["output"].split("\n")), result["next_offset"]),
                         (["e", "o"], 4))

    def test_an_offset_needs_its_stream_and_must_exist(self):
        job = self.job_that_wrote(b"abc\n")
        self.assertIn("stream", self.fails("get_job_output", job_id=job, offset=1))
        text = self.fails("get_job_output", job_id=job, stream="stdout", offset=5)
        self.assertEqual(text, "Invalid parameter: offset 5 is behind the end of that stream, 4.")
        self.assertIn("offset", self.fails("get_job_output", job_id=job, stream="stdout",
                                           offset=-1))

    def test_the_oldest_goes_at_the_cap_and_that_is_said(self):
        adapter = self.start(MCP_BG_MAX_OUTPUT_SIZE="100KB")
        path = self.write("big", self.LINES)
        result = adapter.tool("run_command", command="cat " + path)
        self.assertGreater(result["lost_bytes"], len(self.LINES) - 110_000)
        self.assertTrue(result["stdout"].endswith("line 099999"))
        self.assertEqual(result["stdout_bytes"], len(self.LINES))

    def test_what_is_not_stored_any_more_is_said_in_the_text(self):
        self.adapter = self.start(MCP_BG_MAX_OUTPUT_SIZE="4K")
        data = self.LINES[:108_000]
        job = self.job_that_wrote(data)
        result = self.output(job, max_chars=40_000)
        lost = result["lost_bytes"]
        mark = "[... %d bytes of stdout are no longer stored ...]\n"
        self.assertEqual(result["stdout"], mark % lost + data[lost:].decode()[:-1])
        self.assertTrue(result["truncated"])
        for budget in (200, 1000):
            result = self.output(job, max_chars=budget)
            self.assertLessEqual(chars(result["stdout"]), budget)
            self.assertTrue(result["stdout"].startswith(mark % lost))
            [gap] = result["omitted"]
            self.assertGreaterEqual(gap["offset"], lost)
        page = self.output(job, stream="stdout", offset=lost - 5)
        self.assertEqual((page["lost_bytes"], page["stdout"][:len(mark % 5)]), (5, mark % 5))
        page = self.output(job, stream="stdout", offset=lost)
        self.assertNotIn("lost_bytes", page)
        self.assertFalse(page["truncated"])

    def test_a_tail_lacks_only_lines_that_were_asked_for(self):
        self.adapter = self.start(MCP_BG_MAX_OUTPUT_SIZE="4K")
        job = self.job_that_wrote(self.LINES[:108_000])
        result = self.tool("tail_job_output", job_id=job, lines=3)
        self.assertEqual(result["stdout"], "line 008997\nline 008998\nline 008999")
        self.assertNotIn("lost_bytes", result)
        self.assertFalse(result["truncated"])
        result = self.tool("tail_job_output", job_id=job, lines=1000, max_chars=40_000)
        self.assertTrue(result["stdout"].startswith("[... %d bytes of" % result["lost_bytes"]))
        self.assertTrue(result["truncated"])

    def test_the_smallest_budget_shows_something_of_both_streams(self):
        job = self.job_that_wrote(b"out\n" * 1000, b"err\n" * 1000)
        result = self.output(job, max_chars=200)
        for name, line in (("stdout", "out"), ("stderr", "err")):
            self.assertEqual(set(result[name].split("\n")), {line})
            self.assertGreater(len(result[name]), 60)
            self.assertLessEqual(chars(result[name]), 100)
        self.assertEqual([gap["stream"] for gap in result["omitted"]], ["stdout", "stderr"])
        for gap in result["omitted"]:
            self.assertEqual(gap["offset"], 0)
            self.assertEqual(4000 - gap["bytes"], len(result[gap["stream"]]) + 1)


class Tails(OutputCase):
    def test_the_last_lines_of_both_streams(self):
        job = self.job_that_wrote(b"".join(b"%d\n" % i for i in range(2000)), b"e1\ne2\ne3\n")
        for n in (1, 2, 50, 1000):
            result = self.tool("tail_job_output", job_id=job, lines=n, max_chars=40_000)
            self.assertEqual(result["stdout"],
                             "\n".join(str(i) for i in range(2000 - n, 2000)))
            self.assertEqual(result["stderr"], "\n".join(["e1", "e2", "e3"][-n:]))
            self.assertFalse(result["truncated"])
        self.assertEqual(len(self.tool("tail_job_output", job_id=job)["stdout"].split("\n")), 50)

    def test_lines_beyond_the_bounds_are_refused_in_words(self):
        job = self.job_that_wrote(b"a\n")
        for n in (0, -1, 1001):
            self.assertIn("from 1 to 1000", self.fails("tail_job_output", job_id=job, lines=n))

    def test_an_unfinished_line_counts(self):
        job = self.job_that_wrote(b"a\nb\nc")
        self.assertEqual(self.tool("tail_job_output", job_id=job, lines=2)["stdout"], "b\nc")

    def test_a_tail_that_does_not_fit_loses_its_front(self):
        job = self.job_that_wrote(b"".join(b"%0100d\n" % i for i in range(1000)))
        result = self.tool("tail_job_output", job_id=job, lines=1000, max_chars=1000)
        self.assertLessEqual(chars(result["stdout"]), 1000)
        self.assertTrue(result["stdout"].endswith("%0100d" % 999))
        self.assertTrue(result["truncated"])
        [gap] = result["omitted"]
        self.assertEqual(gap["offset"] + gap["bytes"] + len(result["stdout"]) + 1, 101_000)

    def test_a_line_longer_than_what_is_fetched_tells_no_gap(self):
        data = b"first\n" + b"x" * 600_000 + b"\nlast\n"
        job = self.job_that_wrote(data)
        result = self.tool("tail_job_output", job_id=job, lines=2, max_chars=1000)
        self.assertTrue(result["truncated"])
        self.assertTrue(result["stdout"].endswith("x\nlast"))
        self.assertNotIn("omitted", result)

    def test_one_stream_alone(self):
        job = self.job_that_wrote(b"a\nb\n")
        result = self.tool("tail_job_output", job_id=job, lines=1, stream="combined")
        self.assertEqual((result["output"], result["next_offset"]), ("b", 4))


class Characters(OutputCase):
    def test_output_for_terminals_is_cleaned(self):
        data = (b"\x1b[1;32mok\x1b[0m\r\n" + b"".join(b"\r%3d %%" % i for i in range(101)) +
                b"\n\x1b]0;title\x07a\x00b\x08c\n")
        job = self.job_that_wrote(data)
        self.assertEqual(self.output(job)["stdout"], "ok\n100 %\nac")
        self.assertEqual(self.output(job, raw=True)["stdout"].encode(), data)

    def test_cleaning_leaves_room_for_what_matters(self):
        bar = b"".join(b"\r\x1b[K%d of 9000" % i for i in range(9001))
        job = self.job_that_wrote(b"begin\n" + bar + b"\nend\n")
        result = self.output(job, max_chars=200)
        self.assertEqual((result["stdout"], result["truncated"]),
                         ("begin\n9000 of 9000\nend", False))

    def test_a_progress_bar_beyond_what_is_fetched_leaves_no_fragments(self):
        bar = b"".join(b"\r\x1b[K%d of 90000" % i for i in range(30_001))
        self.assertGreater(len(bar), 400_000)
        job = self.job_that_wrote(bar + b"\nend\n")
        result = self.output(job)
        self.assertTrue(result["stdout"].endswith("\n30000 of 90000\nend"))
        self.assertEqual(len(result["stdout"].split("\n")), 3)
        [gap] = result["omitted"]
        self.assertEqual(gap["offset"], 0)

    def test_bytes_that_are_no_text_become_replacement_characters(self):
        job = self.job_that_wrote(b"a\xff\xfeb\xc3\n")
        self.assertEqual(self.output(job)["stdout"], "a\ufffd\ufffdb\ufffd")

    def test_a_character_is_never_split(self):
        data = "€".encode() * 40_000
        job = self.job_that_wrote(data)
        for budget in range(200, 210):
            self.assertNotIn("\ufffd", self.output(job, max_chars=budget)["stdout"])
            self.assertNotIn("\ufffd", self.tool("tail_job_output", job_id=job,
                                                 max_chars=budget)["stdout"])

    def test_an_escape_sequence_is_never_split(self):
        data = b"\x1b[38;5;196mx" * 4000
        job = self.job_that_wrote(data)
        offset, read = 0, ""
        while offset < len(data):
            page = self.output(job, stream="stdout", offset=offset, max_chars=200)
            read += page["stdout"]
            offset = page["next_offset"]
        self.assertEqual(read, "x" * 4000)
        text = self.output(job, max_chars=200)["stdout"]
        self.assertEqual(set(text.replace("x", "").split("[... ")[0]), set("\n"))

    def test_half_a_character_of_a_running_job_waits_for_its_rest(self):
        job = self.execute("printf 'a\\342\\202'; read x; printf '\\254b'; read x")
        self.wait(job, pattern="a", wait_seconds=50)
        page = self.output(job, stream="stdout", offset=0)
        self.assertEqual((page["stdout"], page["next_offset"], page["truncated"]), ("a", 1, False))
        self.tool("interact_with_job", job_id=job, input="")
        page = self.output(job, stream="stdout", offset=1)
        self.assertEqual((page["stdout"], page["next_offset"]), ("€b", 5))

    def test_half_a_character_of_an_ended_job_is_shown(self):
        job = self.job_that_wrote(b"a\xe2\x82")
        self.assertEqual(self.output(job)["stdout"], "a\ufffd")

    def test_every_byte_comes_through(self):
        data = bytes(range(256)) * 8
        job = self.job_that_wrote(base64.encodebytes(data))
        text = self.output(job, raw=True)["stdout"]
        self.assertEqual(base64.b64decode(text), data)


if __name__ == "__main__":
    unittest.main()
