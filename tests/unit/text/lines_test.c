/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/macros.h"
#include "text/lines.h"

/* The reference: lines by one pass over the bytes. Fills where each begins. */
static size_t
split(const char *text, size_t len, size_t *starts)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		if (i == 0 || text[i - 1] == '\n')
			starts[n++] = i;
	return n;
}

static void
all_small_texts_are_split_as_the_reference_splits_them(void **state)
{
	size_t starts[8], len, code, i, n, lines, want;
	char text[8];

	(void)state;
	for (len = 0; len <= 7; len++) {
		for (code = 0; code < (size_t)1 << len; code++) {
			for (i = 0; i < len; i++)
				text[i] = code >> i & 1 ? '\n' : 'x';
			want = split(text, len, starts);
			assert_int_equal(lines_count(text, len), want);
			for (n = 0; n <= len + 1; n++) {
				i = lines_last(text, len, n, &lines);
				assert_int_equal(lines, n < want ? n : want);
				assert_int_equal(i, lines ? starts[want - lines] : len);
			}
		}
	}
}

static void
the_number_of_lines_need_not_be_asked_for(void **state)
{
	(void)state;
	assert_int_equal(lines_last("a\nb\nc", 5, 2, NULL), 2);
	assert_int_equal(lines_last("a\0b\n\0\n", 6, 1, NULL), 4);
}

static void
nothing_has_no_lines_and_may_lie_nowhere(void **state)
{
	size_t lines;

	(void)state;
	assert_int_equal(lines_count(NULL, 0), 0);
	assert_int_equal(lines_last(NULL, 0, 5, &lines), 0);
	assert_int_equal(lines, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_small_texts_are_split_as_the_reference_splits_them),
		cmocka_unit_test(the_number_of_lines_need_not_be_asked_for),
		cmocka_unit_test(nothing_has_no_lines_and_may_lie_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
