/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "mcp/scan.h"

static int
check(const char *text)
{
	struct scan_report report;

	return scan_check(text, strlen(text), &report);
}

static void
all_of_json_is_taken(void **state)
{
	static const char *const good[] = {
		"null",
		" true ",
		"\r\n\tfalse\n",
		"0",
		"-0",
		"10",
		"-12.50e+3",
		"1E5",
		"0.1e-9",
		"\"\"",
		"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
		"\"\x7f\"",
		"\"\xc3\xa9\"",
		"[]",
		"[ ]",
		"[1 , [2],{}]",
		"{}",
		"{ }",
		"{\"a\":1 , \"b\" :[ ]}",
		"\"\\ud83d\\ude00\"",
		"\"\\ud83d\"",
		"\"\\u0000\"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		if (check(good[i]) != 0)
			fail_msg("refused: %s", good[i]);
}

static void
what_only_looks_like_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"  ",
		"nul",
		"True",
		"NaN",
		"Infinity",
		"01",
		"-01",
		"+1",
		"1.",
		".5",
		"-",
		"1e",
		"1e+",
		"0x10",
		"1 2",
		"{}x",
		"{}{}",
		"\"",
		"\"a",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"a\nb\"",
		"\"a\tb\"",
		"'a'",
		"[",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"]",
		"{",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1,",
		"{\"a\":1,}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"\xef\xbb\xbf{}",
		"[1]]",
		"/**/1",
		"\"\\\"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (check(bad[i]) != -EBADMSG)
			fail_msg("not refused: %s", bad[i]);
}

static void
a_nul_byte_is_no_json(void **state)
{
	struct scan_report report;

	(void)state;
	assert_int_equal(scan_check("{}\0", 3, &report), -EBADMSG);
	assert_int_equal(report.at, 2);
	assert_int_equal(scan_check("\"\0\"", 3, &report), -EBADMSG);
	assert_int_equal(scan_check("\"\\\0\"", 4, &report), -EBADMSG);
}

static void
each_cut_of_a_message_is_refused(void **state)
{
	const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\",true,null],\"b\":{\"c\":{}}}";
	size_t len = strlen(text), cut;
	struct scan_report report;
	char *copy;

	(void)state;
	assert_int_equal(scan_check(text, len, &report), 0);
	for (cut = 0; cut < len; cut++) {
		copy = malloc(cut + 1); /* so that a sanitizer sees one byte too far */
		assert_non_null(copy);
		memcpy(copy, text, cut);
		assert_int_equal(scan_check(copy, cut, &report), -EBADMSG);
		free(copy);
	}
}

/* `n` times `open`, then `n` times `close`. */
static char *
nest(size_t n, char open, char close)
{
	char *text = malloc(2 * n + 1);

	assert_non_null(text);
	memset(text, open, n);
	memset(text + n, close, n);
	text[2 * n] = '\0';
	return text;
}

static void
depth_is_limited(void **state)
{
	auto_free char *good = nest(SCAN_DEPTH_MAX, '[', ']');
	auto_free char *bad = nest(SCAN_DEPTH_MAX + 1, '[', ']');
	auto_free char *far = nest(1000000, '[', ']');

	(void)state;
	assert_int_equal(check(good), 0);
	assert_int_equal(check(bad), -E2BIG);
	assert_int_equal(check(far), -E2BIG);
}

static void
the_number_of_values_and_the_length_of_numbers_are_limited(void **state)
{
	auto_free char *many = malloc(2 * SCAN_VALUES_MAX + 2);
	char number[SCAN_NUMBER_MAX + 2];
	size_t i;

	(void)state;
	assert_non_null(many);
	many[0] = '[';
	for (i = 0; i < SCAN_VALUES_MAX; i++)
		memcpy(many + 1 + 2 * i, "0,", 2);
	memcpy(many + 2 * SCAN_VALUES_MAX, "]", 2); /* one for the array itself: one too many */
	assert_int_equal(check(many), -E2BIG);
	memcpy(many + 2 * SCAN_VALUES_MAX - 2, "]", 2);
	assert_int_equal(check(many), 0);

	memset(number, '1', sizeof number - 1);
	number[sizeof number - 1] = '\0';
	assert_int_equal(check(number), -E2BIG);
	number[sizeof number - 2] = '\0';
	assert_int_equal(check(number), 0);
}

static void
the_report_says_what_cjson_would_spoil(void **state)
{
	static const struct {
		const char *text;
		bool needs_rewrite, has_long_number;
	} rows[] = {
		{ "\"\\u0000\"", true, false },         { "\"\\\\u0000\"", false, false },
		{ "\"\\ud800\"", true, false },         { "\"\\udc00x\"", true, false },
		{ "\"\\ud800\\ud800\"", true, false },  { "\"\\ud800\\n\"", true, false },
		{ "\"\\ud800\\ue000\"", true, false },  { "\"\\udc00\\udc00\"", true, false },
		{ "\"\\ud83d\\ude00\"", false, false }, { "{\"a\\u0000\":1}", true, false },
		{ "123456789012345", false, false },    { "1234567890123456", false, true },
	};
	struct scan_report report;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(scan_check(rows[i].text, strlen(rows[i].text), &report), 0);
		assert_int_equal(report.needs_rewrite, rows[i].needs_rewrite);
		assert_int_equal(report.has_long_number, rows[i].has_long_number);
	}
}

static void
rewriting_touches_only_what_must_be(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "\"a\\u0000b\"", "\"a\xc0\x80"
				   "b\"" },
		{ "\"\\ud800\"", "\"\xef\xbf\xbd\"" },
		{ "\"\\ud800\\ud83d\\ude00\"", "\"\xef\xbf\xbd\\ud83d\\ude00\"" },
		{ "\"\\\\u0000\\n\\u00e9\"", "\"\\\\u0000\\n\\u00e9\"" },
		{ "[1,\"x\"]", "[1,\"x\"]" },
	};
	char out[64];
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		len = scan_rewrite(rows[i].from, strlen(rows[i].from), out);
		assert_true(len <= strlen(rows[i].from));
		out[len] = '\0';
		assert_string_equal(out, rows[i].to);
	}
}

static void
a_member_is_found_as_it_was_written(void **state)
{
	static const struct {
		const char *object, *name, *value; /* NULL: not there */
	} rows[] = {
		{ "{\"id\":1}", "id", "1" },
		{ "{ \"a\" : {\"id\":2} , \"id\" : -0 }", "id", "-0" },
		{ "{\"a\":[\"id\",{\"id\":3}],\"id\":\"x\\\"}\"}", "id", "\"x\\\"}\"" },
		{ "{\"\\u0069d\":7}", "id", "7" },
		{ "{\"ID\":1,\"i\":2,\"idd\":3,\"id\\n\":4,\"\\n\":5}", "id", NULL },
		{ "{}", "id", NULL },
		{ "{\"io.modelcontextprotocol\\/x\":[ 1 ]}", "io.modelcontextprotocol/x", "[ 1 ]" },
		{ "{\"id\":{\"a\":\"]}\"},\"b\":1}", "id", "{\"a\":\"]}\"}" },
		{ "{\"id\":1,\"id\":2}", "id", "1" },
		{ "{\"id\":null }", "id", "null" },
	};
	struct scan_span object, value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		object = (struct scan_span){ rows[i].object, strlen(rows[i].object) };
		assert_int_equal(check(rows[i].object), 0);
		assert_int_equal(scan_member(object, rows[i].name, &value), rows[i].value != NULL);
		if (!rows[i].value)
			continue;
		assert_int_equal(value.len, strlen(rows[i].value));
		assert_memory_equal(value.p, rows[i].value, value.len);
	}
}

static void
elements_come_one_after_the_other(void **state)
{
	const char text[] = "[ 1 ,\"a,]\" , [2,[3]], {\"a\":[]},null]";
	static const char *const want[] = { "1", "\"a,]\"", "[2,[3]]", "{\"a\":[]}", "null" };
	struct scan_span array = { text, sizeof text - 1 }, it = { NULL, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(scan_element(array, &it));
		assert_int_equal(it.len, strlen(want[i]));
		assert_memory_equal(it.p, want[i], it.len);
	}
	assert_false(scan_element(array, &it));
	array = (struct scan_span){ "[ ]", 3 };
	it = (struct scan_span){ NULL, 0 };
	assert_false(scan_element(array, &it));
}

static void
numbers_are_found_outside_of_strings(void **state)
{
	const char text[] = "{\"a1\":-5,\"b\":[\"7\\\"8\",9e3],\"c\":{\"d\":0}}";
	static const char *const want[] = { "-5", "9e3", "0" };
	const char *at = text, *end = text + sizeof text - 1;
	struct scan_span number;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(scan_number(&at, end, &number));
		assert_int_equal(number.len, strlen(want[i]));
		assert_memory_equal(number.p, want[i], number.len);
	}
	assert_false(scan_number(&at, end, &number));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_json_is_taken),
		cmocka_unit_test(what_only_looks_like_json_is_refused),
		cmocka_unit_test(a_nul_byte_is_no_json),
		cmocka_unit_test(each_cut_of_a_message_is_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(the_number_of_values_and_the_length_of_numbers_are_limited),
		cmocka_unit_test(the_report_says_what_cjson_would_spoil),
		cmocka_unit_test(rewriting_touches_only_what_must_be),
		cmocka_unit_test(a_member_is_found_as_it_was_written),
		cmocka_unit_test(elements_come_one_after_the_other),
		cmocka_unit_test(numbers_are_found_outside_of_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
