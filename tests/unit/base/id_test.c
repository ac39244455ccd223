/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/id.h"
#include "base/macros.h"

#define IDS 2000

#define ID "0123abcd-89ef-4567-89ab-0123456789ab"

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void
a_new_id_has_the_shape_of_a_random_uuid(void **state)
{
	static const char hex[] = "0123456789abcdef";
	bool varies[ID_LEN] = { false };
	char first[ID_SIZE], id[ID_SIZE];
	int i, n;

	(void)state;
	id_new(first);
	for (n = 0; n < IDS; n++) {
		id_new(id);
		assert_int_equal(strlen(id), ID_LEN);
		for (i = 0; i < ID_LEN; i++) {
			bool dash = i == 8 || i == 13 || i == 18 || i == 23;

			assert_non_null(strchr(dash ? "-" : hex, id[i]));
			varies[i] |= id[i] != first[i];
		}
		assert_int_equal(id[14], '4');
		assert_non_null(strchr("89ab", id[19]));
		assert_true(id_is_whole(id));
	}
	/* every digit is random but the version's */
	for (i = 0; i < ID_LEN; i++)
		assert_int_equal(varies[i], !(i == 8 || i == 13 || i == 14 || i == 18 || i == 23));
}

static void
no_two_ids_are_alike(void **state)
{
	static char ids[IDS][ID_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < IDS; i++)
		id_new(ids[i]);
	qsort(ids, IDS, sizeof ids[0], compare);
	for (i = 1; i < IDS; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
}

static void
every_prefix_of_four_and_more_is_taken_for_an_id(void **state)
{
	char cut[ID_SIZE];
	size_t len;

	(void)state;
	for (len = 0; len <= ID_LEN; len++) {
		memcpy(cut, ID, len);
		cut[len] = '\0';
		assert_int_equal(id_is_prefix(cut), len >= ID_PREFIX_MIN);
		assert_int_equal(id_is_whole(cut), len == ID_LEN);
	}
}

static void
what_no_id_can_begin_with_is_no_prefix(void **state)
{
	static const char *const words[] = {
		"",          "abc",       "abcg",
		"ABCD",      "abc ",      " abcd",
		"../x",      "12-4",      "-123",
		"123456789", "12345678x", "12345678-12345",
		ID "0",      ID "\n",     "0123abcd-89ef-4567-89ab_0123456789ab",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (id_is_prefix(words[i]) || id_is_whole(words[i]))
			fail_msg("'%s' was taken", words[i]);
	}
}

static void
one_wrong_character_anywhere_is_seen(void **state)
{
	char id[ID_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < ID_LEN; i++) {
		memcpy(id, ID, sizeof id);
		id[i] = id[i] == '-' ? '0' : '-';
		assert_false(id_is_prefix(id));
		assert_false(id_is_whole(id));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_id_has_the_shape_of_a_random_uuid),
		cmocka_unit_test(no_two_ids_are_alike),
		cmocka_unit_test(every_prefix_of_four_and_more_is_taken_for_an_id),
		cmocka_unit_test(what_no_id_can_begin_with_is_no_prefix),
		cmocka_unit_test(one_wrong_character_anywhere_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
