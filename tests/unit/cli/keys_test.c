/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "cli/keys.h"

#define P "\x10"
#define Q "\x11"

/* Every way to cut the typing into pieces gives the same. */
static void
type(const char *typed, const char *passed, bool detaches, bool holds)
{
	size_t len = strlen(typed), cut, n, total;
	unsigned char out[64];
	struct keys k;
	bool found;

	for (cut = 0; cut <= len; cut++) {
		memset(&k, 0, sizeof k);
		found = keys_filter(&k, (const unsigned char *)typed, cut, out, &total);
		if (!found) {
			found = keys_filter(&k, (const unsigned char *)typed + cut, len - cut,
					    out + total, &n);
			total += n;
		}
		assert_int_equal(found, detaches);
		assert_int_equal(total, strlen(passed));
		assert_memory_equal(out, passed, total);
		assert_int_equal(keys_let_go(&k), holds);
		assert_false(keys_let_go(&k));
	}
}

static void
the_two_keys_in_a_row_detach_and_everything_else_passes(void **state)
{
	(void)state;
	type("", "", false, false);
	type("ls\r", "ls\r", false, false);
	type(P Q, "", true, false);
	type("ab" P Q "cd", "ab", true, false);
	type(Q P, Q, false, true);
	type("a" P "b", "a" P "b", false, false);
	type(P P, P, false, true);
	type(P P Q, P, true, false);
	type(P P P "x", P P P "x", false, false);
	type(P "x" Q, P "x" Q, false, false);
	type("a" P, "a", false, true);
}

/* After a moment it was meant for the job. */
static void
a_key_that_was_let_go_is_no_longer_half_of_anything(void **state)
{
	struct keys k = { false };
	unsigned char out[8];
	size_t n;

	(void)state;
	assert_false(keys_filter(&k, (const unsigned char *)P, 1, out, &n));
	assert_int_equal(n, 0);
	assert_true(keys_let_go(&k));
	assert_false(keys_filter(&k, (const unsigned char *)Q, 1, out, &n));
	assert_int_equal(n, 1);
	assert_int_equal(out[0], KEYS_SECOND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_two_keys_in_a_row_detach_and_everything_else_passes),
		cmocka_unit_test(a_key_that_was_let_go_is_no_longer_half_of_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
