/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "mcp_stdio/lines.h"

#define MAX_LINE 8

/* Feed `len` bytes in pieces of `piece` and write what comes out: lines in <>, over-long ones as
 * their length in (). */
static void
run(const char *bytes, size_t len, size_t piece, char *out, size_t size)
{
	enum lines_kind kind;
	struct lines lines;
	size_t n = 0, line_len, at = 0;
	const char *line;

	lines_init(&lines, MAX_LINE);
	out[0] = '\0';
	for (;;) {
		while ((kind = lines_next(&lines, &line, &line_len)) != LINES_NONE) {
			if (kind == LINES_LINE)
				n += (size_t)snprintf(out + n, size - n, "<%.*s>", (int)line_len,
						      line);
			else
				n += (size_t)snprintf(out + n, size - n, "(%zu)", line_len);
		}
		if (lines.has_ended)
			break;
		if (at == len) {
			lines_end(&lines);
			continue;
		}
		piece = MIN(piece, len - at);
		memcpy(lines_room(&lines), bytes + at, piece);
		lines_add(&lines, piece);
		at += piece;
	}
	lines_fini(&lines);
}

static void
lines_are_the_same_however_they_come_in(void **state)
{
	static const struct {
		const char *bytes, *want;
	} rows[] = {
		{ "", "" },
		{ "\n", "<>" },
		{ "\r\n", "<>" },
		{ "a\n", "<a>" },
		{ "a", "<a>" },
		{ "a\r\nb\n\nc", "<a><b><><c>" },
		{ "a\rb\r\r\n", "<a\rb\r>" },
		{ "12345678\n", "<12345678>" },
		{ "12345678\r\n", "<12345678>" },
		{ "12345678", "<12345678>" },
		{ "123456789\n", "(10)" },
		{ "123456789", "(9)" },
		{ "123456789\r\nok\n", "(11)<ok>" },
		{ "a\n1234567890123456789012345\nb\n", "<a>(26)<b>" },
		{ "1234567890\n1234567890\n12345678\n", "(11)(11)<12345678>" },
	};
	char out[200];
	size_t i, piece;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (piece = 1; piece <= strlen(rows[i].bytes) + 1; piece++) {
			run(rows[i].bytes, strlen(rows[i].bytes), piece, out, sizeof out);
			if (strcmp(out, rows[i].want) != 0)
				fail_msg("in pieces of %zu: %s, not %s", piece, out, rows[i].want);
		}
	}
}

static void
an_over_long_line_takes_no_memory(void **state)
{
	struct lines lines;
	const char *line;
	size_t len, i;

	(void)state;
	lines_init(&lines, MAX_LINE);
	for (i = 0; i < 1000; i++) {
		memset(lines_room(&lines), 'x', LINES_CHUNK);
		lines_add(&lines, LINES_CHUNK);
		assert_int_equal(lines_next(&lines, &line, &len), LINES_NONE);
	}
	assert_true(lines.buf.cap <= 4 * LINES_CHUNK);
	memcpy(lines_room(&lines), "x\ny\n", 4);
	lines_add(&lines, 4);
	assert_int_equal(lines_next(&lines, &line, &len), LINES_TOO_LONG);
	assert_int_equal(len, 1000 * (size_t)LINES_CHUNK + 2);
	assert_int_equal(lines_next(&lines, &line, &len), LINES_LINE);
	assert_int_equal(len, 1);
	lines_fini(&lines);
}

static void
a_large_buffer_is_given_back(void **state)
{
	struct lines lines;
	const char *line;
	size_t len, i;

	(void)state;
	lines_init(&lines, 4u << 20);
	for (i = 0; i < 32; i++) {
		memset(lines_room(&lines), i == 31 ? '\n' : 'x', LINES_CHUNK);
		lines_add(&lines, LINES_CHUNK);
		if (i < 31)
			assert_int_equal(lines_next(&lines, &line, &len), LINES_NONE);
	}
	assert_int_equal(lines_next(&lines, &line, &len), LINES_LINE);
	assert_int_equal(len, 31 * (size_t)LINES_CHUNK);
	while (lines_next(&lines, &line, &len) != LINES_NONE)
		assert_int_equal(len, 0);
	assert_non_null(lines_room(&lines));
	assert_true(lines.buf.cap < 4 * LINES_CHUNK);
	lines_fini(&lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_same_however_they_come_in),
		cmocka_unit_test(an_over_long_line_takes_no_memory),
		cmocka_unit_test(a_large_buffer_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
