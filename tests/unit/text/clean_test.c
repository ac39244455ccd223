/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/buf.h"
#include "base/macros.h"
#include "text/clean.h"

struct row {
	const char *bytes;
	const char *want;
};

static const struct row sequences[] = {
	{ "plain\ttext\n", "plain\ttext\n" },
	{ "\x1b[1;31mred\x1b[0m\n", "red\n" },
	{ "\x1b[38:2::1:2:3mx\x1b[?25l\x1b[>c\x1b[!p\x1b[1 qy", "xy" },
	{ "a\x1b]0;title\x07"
	  "b\x1b]8;;http://x\x1b\\c\x1b]8;;\x1b\\d",
	  "abcd" },
	{ "a\x1bPq#0~-\x1b\\b\x1bXsos\x1b\\c\x1b^pm\x1b\\d\x1b_apc\x1b\\e", "abcde" },
	{ "a\x1b(Bb\x1b)0c\x1b#8d\x1b%Ge\x1b=f\x1b>g\x1b"
	  "7h\x1b"
	  "8i\x1bMj\x1b"
	  "ck\x1b\\l",
	  "abcdefghijkl" },
	{ "\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\x", "x" },
	{ "a\x01\x02\x0e\x0f\x7f\x0b\x0c\x1c"
	  "b\x07",
	  "ab" },
	/* Sequences that never end, or end in something else. */
	{ "a\x1b[31", "a" },
	{ "a\x1b[3\nb", "a\nb" },
	{ "a\x1b[3\x1b[0mb", "ab" },
	{ "a\x1b[3\xc3\xa9", "a\xc3\xa9" },
	{ "a\x1b", "a" },
	{ "a\x1b\nb\x1b\x1b[mc", "a\nbc" },
	{ "a\x1b\xc3\xa9", "a\xc3\xa9" },
	{ "a\x1b(\nb", "a\nb" },
	{ "a\x1b]0;title\nnext\n", "a\nnext\n" },
	{ "a\x1b]0;title\x1b[31mred\n", "ared\n" },
	{ "a\x1b]0;title\x18"
	  "b\x1b]1\x1a"
	  "c",
	  "abc" },
	{ "a\x1b]0;title", "a" },
	{ "a\x1b]0;\xe2\x9c\x93 done\x07"
	  "b",
	  "ab" }, /* 0x9c within a character is no ST */
};

static const struct row rewrites[] = {
	{ "a\r\nb\r\r\nc\r\n", "a\nb\nc\n" },
	{ " 10%\r 50%\r100%\n", "100%\n" },
	{ "long text\rshort\n", "short\n" },
	{ "kept\r", "kept" },
	{ "kept\r\x1b[0m\n", "kept\n" },
	{ "\rtext\n\rmore\n", "text\nmore\n" },
	{ "abc\bd\n", "abd\n" },
	{ "N\bNA\bAM\bME\bE _\bx\n", "NAME x\n" },
	{ "|\b/\b-\b\\\b|", "|" },
	{ "abc\b\b\bxyz", "xyz" },
	{ "100%\b\b\b\b\n", "100%\n" },
	{ "abc\b \b", "ab " },
	{ "\b\b\bx\n\b\by", "x\ny" },
	{ "\xe2\x82\xac\xc3\xa9\b\bx", "x" },
	{ "\xe2\x82\xac\xc3\xa9\bx", "\xe2\x82\xacx" },
	{ "a\xff\xff\bx", "a\xffx" },
	{ "ab\rc\bd", "d" },
	/* What Node's progress lines and others write instead of \r. */
	{ "one\x1b[2K\x1b[1Gtwo\x1b[2K\x1b[Gthree\n", "three\n" },
	{ "one\x1b[5Gtwo\x1b[1;1Gx\n", "onetwox\n" },
	{ "abc\r\x1b[Kde\n", "de\n" },
	{ "abc\r\x1b[K\n", "\n" },
	{ "abcd\b\b\x1b[0K\n", "ab\n" },
	{ "abcd\b\b\x1b[1K\n", "abcd\n" },
	{ "abc\x1b[K def\x1b[2Kg\n", "g\n" },
	{ "up\x1b[1Aon\x1b[2J\n", "upon\n" },
};

static const struct row eight_bit[] = {
	{ "a\x9b"
	  "31mb\n",
	  "ab\n" },
	{ "gr\xc3\x9f"
	  "e \xe2\x9b\x9d\n",
	  "gr\xc3\x9f"
	  "e \xe2\x9b\x9d\n" }, /* within characters */
	{ "\xc2\x9b"
	  "31m\n",
	  "\xc2\x9b"
	  "31m\n" },
	{ "a\x9d"
	  "0;title\x07"
	  "b\n",
	  "ab\n" },
	{ "a\x9d"
	  "0;title\x9c"
	  "b\x90q\x1b\\c\n",
	  "abc\n" },
	{ "a\x9d"
	  "0;title\nb\x07\n",
	  "a\x9d"
	  "0;title\nb\n" }, /* not ended in its line: text */
	{ "a\x90"
	  "b\rc\x07"
	  "d\n",
	  "cd\n" },
	{ "\x93quoted\x94 \x85 \x9c\n", "\x93quoted\x94 \x85 \x9c\n" },
	{ "\xe2\x9b"
	  "31m\n",
	  "\xe2\x9b"
	  "31m\n" }, /* a broken character, not a control */
	{ "\xff\xfe\xc0\xaf\n", "\xff\xfe\xc0\xaf\n" },
	{ "\xe2\x82", "\xe2\x82" },
	{ "\xe2\x82\x1b[mx\xf0\x9f\nx", "\xe2\x82x\xf0\x9f\nx" },
};

/* Clean the bytes in chunks that end at `cut` and `cut2`. The caller owns *out. */
static void
clean_in_chunks(const char *bytes, size_t len, size_t cut, size_t cut2, struct buf *out)
{
	struct clean c;

	buf_init(out, SIZE_MAX / 2);
	clean_init(&c);
	assert_int_equal(clean_feed(&c, bytes, cut, out), 0);
	assert_int_equal(clean_feed(&c, bytes + cut, cut2 - cut, out), 0);
	assert_int_equal(clean_feed(&c, bytes + cut2, len - cut2, out), 0);
	assert_int_equal(clean_end(&c, out), 0);
	clean_fini(&c);
}

static void
assert_rows(const struct row *rows, size_t n)
{
	size_t i, len, cut, cut2, want;
	struct buf out;

	for (i = 0; i < n; i++) {
		len = strlen(rows[i].bytes);
		want = strlen(rows[i].want);
		for (cut = 0; cut <= len; cut++) {
			for (cut2 = cut; cut2 <= len; cut2++) {
				clean_in_chunks(rows[i].bytes, len, cut, cut2, &out);
				if (out.len != want ||
				    (want && memcmp(buf_head(&out), rows[i].want, want) != 0))
					fail_msg("row %zu, cut at %zu and %zu: \"%.*s\"", i, cut,
						 cut2, (int)out.len, (char *)buf_head(&out));
				buf_fini(&out);
			}
		}
	}
}

static void
sequences_and_controls_go_wherever_the_chunks_are_cut(void **state)
{
	(void)state;
	assert_rows(sequences, ARRAY_SIZE(sequences));
}

static void
a_line_that_is_written_over_comes_out_as_it_was_last(void **state)
{
	(void)state;
	assert_rows(rewrites, ARRAY_SIZE(rewrites));
}

static void
eight_bit_controls_are_only_where_no_character_is(void **state)
{
	(void)state;
	assert_rows(eight_bit, ARRAY_SIZE(eight_bit));
}

static void
every_c0_control_but_newline_and_tab_goes(void **state)
{
	char bytes[3] = { 'a', 0, 'b' };
	struct buf out;
	int c;

	(void)state;
	for (c = 0; c < 0x20; c++) {
		if (c == '\n' || c == '\t' || c == '\r' || c == '\b' || c == 0x1b)
			continue; /* have their own rows */
		bytes[1] = (char)c;
		clean_in_chunks(bytes, 3, 1, 2, &out);
		assert_int_equal(out.len, 2);
		assert_memory_equal(buf_head(&out), "ab", 2);
		buf_fini(&out);
	}
}

/* Feed `n` times the text, without an end. */
static void
feed_often(struct clean *c, const char *text, size_t n, struct buf *out)
{
	for (; n; n--)
		assert_int_equal(clean_feed(c, text, strlen(text), out), 0);
}

static void
a_string_without_an_end_is_given_up(void **state)
{
	struct clean c;
	struct buf out;

	(void)state;
	buf_init(&out, SIZE_MAX / 2);
	clean_init(&c);
	feed_often(&c, "\x1b]0;", 1, &out);
	feed_often(&c, "x", CLEAN_STRING_MAX - 2, &out); /* "0;" counts */
	feed_often(&c, "text\n", 1, &out);
	assert_int_equal(out.len, 5);
	assert_memory_equal(buf_head(&out), "text\n", 5);
	buf_fini(&out);
	clean_fini(&c);
}

static void
a_line_is_held_back_up_to_its_bound_and_then_kept(void **state)
{
	struct clean c;
	struct buf out;

	(void)state;
	buf_init(&out, SIZE_MAX / 2);
	clean_init(&c);
	feed_often(&c, "x", CLEAN_LINE_MAX - 1, &out);
	assert_int_equal(out.len, 0);
	feed_often(&c, "y", 1, &out);
	assert_int_equal(out.len, CLEAN_LINE_MAX);
	assert_int_equal(c.line.len, 0);
	feed_often(&c, "tail\rnew\n", 1, &out); /* \r cannot take it back: a line of its own */
	assert_int_equal(out.len, CLEAN_LINE_MAX + 9);
	assert_memory_equal(buf_head(&out) + CLEAN_LINE_MAX - 1, "ytail\nnew\n", 10);
	feed_often(&c, "a\rb\n", 1, &out);
	assert_memory_equal(buf_head(&out) + out.len - 6, "new\nb\n", 6);
	buf_fini(&out);
	clean_fini(&c);
}

static void
a_rewritten_line_of_any_length_needs_bounded_memory(void **state)
{
	struct clean c;
	struct buf out;

	(void)state;
	buf_init(&out, SIZE_MAX / 2);
	clean_init(&c);
	feed_often(&c, "\rprogress \xe2\x96\x88\xe2\x96\x88 42%", 100000, &out);
	assert_int_equal(out.len, 0);
	assert_true(c.line.cap < 1024);
	assert_int_equal(clean_end(&c, &out), 0);
	assert_int_equal(out.len, strlen("progress xxxxxx 42%"));
	assert_int_equal(clean_feed(&c, NULL, 0, &out), 0);
	feed_often(&c, "next", 1, &out); /* ready for another stream */
	assert_int_equal(clean_end(&c, &out), 0);
	assert_memory_equal(buf_head(&out) + out.len - 7, "42%next", 7);
	buf_fini(&out);
	clean_fini(&c);
}

static void
the_bound_of_the_output_is_kept(void **state)
{
	struct clean c;
	struct buf out;

	(void)state;
	buf_init(&out, 4);
	clean_init(&c);
	assert_int_equal(clean_feed(&c, "12345\n", 6, &out), -EMSGSIZE);
	clean_fini(&c);
	clean_init(&c);
	assert_int_equal(clean_feed(&c, "12345", 5, &out), 0);
	assert_int_equal(clean_end(&c, &out), -EMSGSIZE);
	clean_fini(&c);
	buf_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequences_and_controls_go_wherever_the_chunks_are_cut),
		cmocka_unit_test(a_line_that_is_written_over_comes_out_as_it_was_last),
		cmocka_unit_test(eight_bit_controls_are_only_where_no_character_is),
		cmocka_unit_test(every_c0_control_but_newline_and_tab_goes),
		cmocka_unit_test(a_string_without_an_end_is_given_up),
		cmocka_unit_test(a_line_is_held_back_up_to_its_bound_and_then_kept),
		cmocka_unit_test(a_rewritten_line_of_any_length_needs_bounded_memory),
		cmocka_unit_test(the_bound_of_the_output_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
