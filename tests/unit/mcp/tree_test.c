/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/macros.h"
#include "mcp/tree.h"

static cJSON *
parse(const char *text)
{
	struct scan_span span;
	struct err err = { 0 };
	cJSON *root = NULL;

	assert_ok(tree_parse(text, strlen(text), &root, &span, &err), &err);
	return root;
}

static void
invalid_utf8_is_refused_before_anything_else(void **state)
{
	struct scan_span span;
	struct err err = { 0 };
	cJSON *root;

	(void)state;
	assert_int_equal(tree_parse("\"\xff\"", 3, &root, &span, &err), ERR_INVALID_ARGUMENT);
	assert_int_equal(tree_parse("\"\xc0\x80\"", 4, &root, &span, &err), ERR_INVALID_ARGUMENT);
	assert_int_equal(tree_parse("\"\xed\xa0\x80\"", 5, &root, &span, &err),
			 ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "not valid UTF-8");
}

static void
an_error_says_what_and_where(void **state)
{
	struct scan_span span;
	struct err err = { 0 };
	cJSON *root;

	(void)state;
	assert_int_equal(tree_parse("{}x", 3, &root, &span, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "text behind the end at byte 2");
}

static void
the_text_is_given_without_the_space_around_it(void **state)
{
	struct scan_span span;
	struct err err = { 0 };
	cJSON *root;

	(void)state;
	assert_ok(tree_parse(" \t{}", 4, &root, &span, &err), &err);
	assert_int_equal(span.len, 2);
	assert_memory_equal(span.p, "{}", 2);
	cJSON_Delete(root);
}

static void
whole_numbers_are_exact_to_64_bits(void **state)
{
	static const struct {
		const char *text;
		bool is_whole;
		int64_t value;
	} rows[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "5.0", true, 5 },
		{ "5e2", true, 500 },
		{ "5.5", false, 0 },
		{ "9007199254740993", true, INT64_C(9007199254740993) },
		{ "1152921504606846977", true, INT64_C(1152921504606846977) },
		{ "-1763625600123456789", true, INT64_C(-1763625600123456789) },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "1e18", true, INT64_C(1000000000000000000) },
		{ "1e19", false, 0 },
		{ "1e400", false, 0 },
		{ "-1e400", false, 0 },
		{ "4.00000000000000000", true, 4 },
		{ "\"5\"", false, 0 },
		{ "true", false, 0 },
	};
	int64_t value;
	cJSON *root;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		root = parse(rows[i].text);
		if (tree_int(root, &value) != rows[i].is_whole)
			fail_msg("%s", rows[i].text);
		if (rows[i].is_whole)
			assert_true(value == rows[i].value);
		cJSON_Delete(root);
	}
}

static void
long_numbers_find_their_place_in_a_large_tree(void **state)
{
	cJSON *root = parse("{\"a\":[1,\"9999999999999999\",{\"b\":9007199254740993}],"
			    "\"9999999999999991\":-2,\"c\":[[],{},9007199254740995],"
			    "\"\\u0000\":9007199254740997}");
	const cJSON *a = tree_get(root, "a"), *c = tree_get(root, "c");
	int64_t value;

	(void)state;
	assert_true(tree_int(cJSON_GetArrayItem(a, 0), &value) && value == 1);
	assert_true(tree_int(tree_get(cJSON_GetArrayItem(a, 2), "b"), &value));
	assert_true(value == INT64_C(9007199254740993));
	assert_true(tree_int(tree_get(root, "9999999999999991"), &value) && value == -2);
	assert_true(tree_int(cJSON_GetArrayItem(c, 2), &value));
	assert_true(value == INT64_C(9007199254740995));
	assert_true(tree_int(tree_get(root, SCAN_NUL), &value));
	assert_true(value == INT64_C(9007199254740997));
	cJSON_Delete(root);
}

static void
names_are_compared_with_their_case(void **state)
{
	cJSON *root = parse("{\"ID\":1,\"id\":2}");
	int64_t value;

	(void)state;
	assert_true(tree_int(tree_get(root, "id"), &value) && value == 2);
	assert_null(tree_get(root, "Id"));
	assert_null(tree_get(NULL, "id"));
	assert_null(tree_get(tree_get(root, "id"), "id"));
	cJSON_Delete(root);
}

static void
a_nul_does_not_end_a_string(void **state)
{
	cJSON *root = parse("{\"a\":\"x\\u0000y\",\"b\\u0000c\":1,\"d\":\"\\\\u0000\"}");

	(void)state;
	assert_true(tree_has_nul(tree_str(root, "a")));
	assert_string_equal(tree_str(root, "a"), "x" SCAN_NUL "y");
	assert_null(tree_get(root, "b"));
	assert_string_equal(tree_str(root, "d"), "\\u0000");
	assert_false(tree_has_nul(tree_str(root, "d")));
	cJSON_Delete(root);
}

static void
half_of_a_surrogate_pair_is_repaired(void **state)
{
	cJSON *root = parse("[\"\\ud83d\",\"\\ud83d\\ude00\"]");

	(void)state;
	assert_string_equal(cJSON_GetArrayItem(root, 0)->valuestring, "\xef\xbf\xbd");
	assert_string_equal(cJSON_GetArrayItem(root, 1)->valuestring, "\xf0\x9f\x98\x80");
	cJSON_Delete(root);
}

static void
a_member_that_is_named_twice_is_refused(void **state)
{
	cJSON *good = parse("{\"a\":1,\"b\":2,\"A\":3}"), *bad = parse("{\"a\":1,\"b\":2,\"a\":3}");
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_check_members(good, &err), 0);
	assert_int_equal(tree_check_members(bad, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "'a' is given twice");
	cJSON_Delete(good);
	cJSON_Delete(bad);
}

static void
too_many_members_are_refused(void **state)
{
	char text[TREE_MEMBERS_MAX * 12 + 20] = "{";
	struct err err = { 0 };
	size_t len = 1;
	cJSON *root;
	int i;

	(void)state;
	for (i = 0; i <= TREE_MEMBERS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s\"k%d\":0", i ? "," : "",
					i);
	(void)snprintf(text + len, sizeof text - len, "}");
	root = parse(text);
	assert_int_equal(tree_check_members(root, &err), ERR_INVALID_ARGUMENT);
	cJSON_DeleteItemFromArray(root, 0);
	assert_int_equal(tree_check_members(root, &err), 0);
	cJSON_Delete(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invalid_utf8_is_refused_before_anything_else),
		cmocka_unit_test(an_error_says_what_and_where),
		cmocka_unit_test(the_text_is_given_without_the_space_around_it),
		cmocka_unit_test(whole_numbers_are_exact_to_64_bits),
		cmocka_unit_test(long_numbers_find_their_place_in_a_large_tree),
		cmocka_unit_test(names_are_compared_with_their_case),
		cmocka_unit_test(a_nul_does_not_end_a_string),
		cmocka_unit_test(half_of_a_surrogate_pair_is_repaired),
		cmocka_unit_test(a_member_that_is_named_twice_is_refused),
		cmocka_unit_test(too_many_members_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
