/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/buf.h"
#include "base/macros.h"
#include "base/utf8.h"
#include "text/excerpt.h"
#include "text/json.h"

/* The reference: escape and repair, then count what does not continue a character. */
static size_t
chars_of(const char *bytes, size_t len)
{
	struct json j;
	struct buf out;
	size_t i, n = 0;

	buf_init(&out, SIZE_MAX / 2);
	json_begin(&j, &out);
	json_bytes(&j, NULL, bytes, len);
	assert_int_equal(json_end(&j), 0);
	for (i = 0; i < out.len; i++)
		n += (buf_head(&out)[i] & 0xc0) != 0x80;
	buf_fini(&out);
	return n - 2; /* the quotes */
}

/* Does a piece of the text begin (or does the text end) at `at`? */
static bool
is_border(const char *text, size_t len, size_t at)
{
	size_t i, n;

	for (i = 0; i < at; i += n)
		(void)utf8_next((const unsigned char *)text + i, len - i, &n);
	return i == at;
}

/* One of each kind: plain, escaped in two and in six, of 2, 3 and 4 bytes, and broken ones. */
static const char mixture[] = "ab\tc\x01 \xc3\xa9\n\xe2\x82\xac\"\xf0\x9f\x98\x80\n"
			      "x\xff\xe2\x82y\x80\x80\x7f\nlast \xf0\x9f\x98";

static void
each_character_costs_what_it_costs_in_json(void **state)
{
	char bytes[2] = { 0 };
	unsigned c;

	(void)state;
	for (c = 0; c < 256; c++) {
		bytes[0] = (char)c;
		assert_int_equal(excerpt_chars(bytes, 1), chars_of(bytes, 1));
	}
	assert_int_equal(excerpt_chars("\n", 1), 2);
	assert_int_equal(excerpt_chars("\x01", 1), 6);
	assert_int_equal(excerpt_chars("\xf0\x9f\x98\x80", 4), 1);
	assert_int_equal(excerpt_chars("\xf0\x9f\x98", 3), 1);
	assert_int_equal(excerpt_chars("\xff\xff", 2), 2);
	assert_int_equal(excerpt_chars(mixture, strlen(mixture)),
			 chars_of(mixture, strlen(mixture)));
}

static void
the_longest_head_that_fits_is_taken_if_no_line_ends_near(void **state)
{
	static const char text[] =
		"ab\tc\x01 \xc3\xa9\xe2\x82\xac\"\xf0\x9f\x98\x80x\xff\xe2\x82y\x80z";
	size_t len = strlen(text), budget, n, next;

	(void)state;
	for (budget = 0; budget <= chars_of(text, len); budget++) {
		n = excerpt_head(text, len, budget);
		assert_true(is_border(text, len, n));
		assert_true(chars_of(text, n) <= budget);
		for (next = n + 1; next < len && !is_border(text, len, next);)
			next++;
		assert_true(n == len || chars_of(text, next) > budget);
	}
}

static void
the_longest_tail_that_fits_is_taken_if_no_line_begins_near(void **state)
{
	static const char text[] =
		"ab\tc\x01 \xc3\xa9\xe2\x82\xac\"\xf0\x9f\x98\x80x\xff\xe2\x82y\x80z";
	size_t len = strlen(text), budget, n, next;

	(void)state;
	for (budget = 0; budget <= chars_of(text, len); budget++) {
		n = excerpt_tail(text, len, budget);
		assert_true(is_border(text, len, len - n));
		assert_true(chars_of(text + len - n, n) <= budget);
		for (next = n + 1; next < len && !is_border(text, len, len - next);)
			next++;
		assert_true(n == len || chars_of(text + len - next, next) > budget);
	}
}

struct line_row {
	const char *text;
	size_t budget;
	size_t head, tail;
};

/* Budgets count \n as 2. The last quarter of 8 begins when 6 characters are used. */
static const struct line_row line_rows[] = {
	{ "abcd\nefghijkl", 8, 5, 8 },     /* the head's line ends at 6 of 8 */
	{ "abc\nefghijklm", 8, 7, 8 },     /* at 5 of 8: too early */
	{ "abcdef\nhijklm", 8, 7, 6 },     /* at 8 of 8; the tail's line is 6 long */
	{ "abcdefg\nijklm", 8, 7, 7 },     /* the \n does not fit; the tail's line is too short */
	{ "a\nb\nc\nd\ne\nf\n", 8, 4, 4 }, /* the last of several borders */
	{ "a\nbc\nd\ne\nfg\n", 8, 5, 5 },  /* the next would not fit */
	{ "abcd", 4, 4, 4 },               /* all of it */
	{ "abcd\n", 6, 5, 5 },             /* all of it, a border at the end */
	{ "\nabcdefgh", 8, 7, 8 },         /* the tail begins where the line does */
	{ "abcdefgh", 0, 0, 0 },           /* nothing */
	{ "\n\n", 1, 0, 0 },               /* an escape is not split */
	{ "", 0, 0, 0 },                   /* nothing of nothing */
};

static void
a_cut_is_made_at_a_line_in_the_last_quarter(void **state)
{
	const struct line_row *row;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(line_rows); i++) {
		row = &line_rows[i];
		if (excerpt_head(row->text, strlen(row->text), row->budget) != row->head ||
		    excerpt_tail(row->text, strlen(row->text), row->budget) != row->tail)
			fail_msg("row %zu: head %zu tail %zu", i,
				 excerpt_head(row->text, strlen(row->text), row->budget),
				 excerpt_tail(row->text, strlen(row->text), row->budget));
	}
}

static void
a_block_of_four_bytes_a_character_hides_its_ragged_end(void **state)
{
	static const char text[] = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80";

	(void)state;
	/* Two characters' worth of bytes, begun or ended within a character. */
	assert_int_equal(excerpt_head(text, 8, 2), 8);
	assert_int_equal(excerpt_tail(text + 4, 8, 2), 8);
	assert_int_equal(excerpt_head("a\xf0\x9f\x98\x80\xf0\x9f\x98", 8, 2), 5);
	assert_int_equal(excerpt_tail("\x9f\x98\x80\xf0\x9f\x98\x80z", 8, 2), 5);
}

static void
nothing_fits_into_nothing_and_may_lie_nowhere(void **state)
{
	(void)state;
	assert_int_equal(excerpt_head(NULL, 0, 5), 0);
	assert_int_equal(excerpt_tail(NULL, 0, 5), 0);
	assert_int_equal(excerpt_chars(NULL, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_character_costs_what_it_costs_in_json),
		cmocka_unit_test(the_longest_head_that_fits_is_taken_if_no_line_ends_near),
		cmocka_unit_test(the_longest_tail_that_fits_is_taken_if_no_line_begins_near),
		cmocka_unit_test(a_cut_is_made_at_a_line_in_the_last_quarter),
		cmocka_unit_test(a_block_of_four_bytes_a_character_hides_its_ragged_end),
		cmocka_unit_test(nothing_fits_into_nothing_and_may_lie_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
