/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/macros.h"
#include "mcp/args.h"
#include "mcp/schema.h"
#include "mcp/tree.h"

#include "../../fixtures/mcp_tools.h"

static cJSON *
parse(const char *text)
{
	struct scan_span span;
	struct err err = { 0 };
	cJSON *root = NULL;

	assert_ok(tree_parse(text, strlen(text), &root, &span, &err), &err);
	return root;
}

/* The sentence with which the arguments are refused; "" where they pass. */
static const char *
check(const char *schema_text, const char *args_text, struct err *err)
{
	cJSON *schema = parse(schema_text), *args = parse(args_text);
	int rc;

	memset(err, 0, sizeof *err);
	rc = schema_check(schema, args, err);
	assert_true(rc == 0 || rc == ERR_INVALID_ARGUMENT);
	assert_int_equal(rc == 0, err->msg[0] == '\0');
	cJSON_Delete(schema);
	cJSON_Delete(args);
	return err->msg;
}

static const struct {
	const char *args, *why;
} kinds[] = {
	{ "{\"text\":\"x\"}", "" },
	{ "{\"text\":\"x\",\"count\":9007199254740995,\"ratio\":1.5,\"flag\":false}", "" },
	{ "{\"text\":\"x\",\"count\":5.0,\"ratio\":1,\"offset\":-9223372036854775808}", "" },
	{ "{\"text\":\"x\",\"list\":[\"a\",\"b\"],\"env\":{\"A\":\"b\"},\"any\":[{}]}", "" },
	{ "{\"text\":\"x\",\"inner\":{\"n\":5},\"stream\":\"stdout\"}", "" },
	{ "{\"text\":\"x\",\"count\":null,\"list\":null,\"stream\":null}", "" },
	{ "{\"text\":"
	  "\"\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\\u00e4\"}",
	  "" },
	{ "{\"text\":\"x\",\"env\":{\"A\":\"1\",\"B\":\"2\",\"A\":\"3\"}}",
	  "argument 'env' is not clear: 'A' is given twice." },
	{ "{\"text\":\"x\",\"env\":{\"A\\u0000\":\"1\"}}",
	  "a name in 'env' holds a NUL character (\\u0000), which cannot be passed on; leave it "
	  "out." },
	{ "{}", "argument 'text' is missing: it must be a string of 1 to 10 characters." },
	{ "{\"text\":null}",
	  "argument 'text' is null, but must be a string of 1 to 10 characters." },
	{ "{\"text\":5}", "argument 'text' is 5, but must be a string of 1 to 10 characters." },
	{ "{\"text\":\"\"}",
	  "argument 'text' is \"\", but must be a string of 1 to 10 characters." },
	{ "{\"text\":\"12345678901\"}", "argument 'text' is \"12345678901\", but must be a "
					"string of 1 to 10 characters." },
	{ "{\"text\":\"x\",\"stream\":\"both\"}",
	  "argument 'stream' is \"both\", but must be one of stdout, stderr." },
	{ "{\"text\":\"x\",\"stream\":1}",
	  "argument 'stream' is 1, but must be one of stdout, stderr." },
	{ "{\"text\":\"x\",\"count\":0}", "argument 'count' is 0, but must be a whole number "
					  "from 1 to 9007199254740995." },
	{ "{\"text\":\"x\",\"count\":9007199254740996}",
	  "argument 'count' is 9007199254740996, but must be a whole number from 1 to "
	  "9007199254740995." },
	{ "{\"text\":\"x\",\"count\":\"5\"}", "argument 'count' is \"5\", but must be a whole "
					      "number from 1 to 9007199254740995." },
	{ "{\"text\":\"x\",\"count\":5.5}", "argument 'count' is 5.5, but must be a whole "
					    "number from 1 to 9007199254740995." },
	{ "{\"text\":\"x\",\"offset\":9223372036854775808}",
	  "argument 'offset' is 9223372036854775808, but must be a whole number." },
	{ "{\"text\":\"x\",\"ratio\":1.6}",
	  "argument 'ratio' is 1.6, but must be a number from 0 to 1.5." },
	{ "{\"text\":\"x\",\"ratio\":-1e400}",
	  "argument 'ratio' is -inf, but must be a number from 0 to 1.5." },
	{ "{\"text\":\"x\",\"flag\":\"true\"}",
	  "argument 'flag' is \"true\", but must be true or false." },
	{ "{\"text\":\"x\",\"flag\":0}", "argument 'flag' is 0, but must be true or false." },
	{ "{\"text\":\"x\",\"list\":[\"a\",5]}", "argument 'list[1]' is 5, but must be a string." },
	{ "{\"text\":\"x\",\"list\":[\"a\",null]}",
	  "argument 'list[1]' is null, but must be a string." },
	{ "{\"text\":\"x\",\"list\":[\"a\",\"b\",\"c\",\"d\"]}",
	  "argument 'list' is an array of 4, but must be an array of at most 3 elements." },
	{ "{\"text\":\"x\",\"list\":{}}", "argument 'list' is an object of 0, but must be an "
					  "array of at most 3 elements." },
	{ "{\"text\":\"x\",\"env\":{\"A\":true}}",
	  "argument 'env.A' is true, but must be a string." },
	{ "{\"text\":\"x\",\"env\":[]}",
	  "argument 'env' is an array of 0, but must be an object." },
	{ "{\"text\":\"x\",\"inner\":{}}",
	  "argument 'inner.n' is missing: it must be a whole number." },
	{ "{\"text\":\"x\",\"inner\":{\"n\":5,\"m\":6}}",
	  "there is no argument 'inner.m': allowed are n." },
	{ "{\"text\":\"x\",\"Text\":\"y\"}",
	  "there is no argument 'Text': allowed are text, stream, count, offset, ratio, "
	  "flag, list, env, inner, any." },
	{ "{\"text\":\"x\",\"text\":\"y\"}",
	  "the arguments are not clear: 'text' is given twice." },
};

static void
every_kind_of_argument_is_held_against_its_schema(void **state)
{
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		assert_string_equal(check(KINDS_IN, kinds[i].args, &err), kinds[i].why);
}

static void
a_nul_character_is_refused_wherever_it_is(void **state)
{
	static const struct {
		const char *args, *field;
	} rows[] = {
		{ "{\"text\":\"a\\u0000b\"}", "text" },
		{ "{\"text\":\"a\",\"list\":[\"\\u0000\"]}", "list[0]" },
		{ "{\"text\":\"a\",\"any\":{\"deep\":[\"\\u0000\"]}}", "any.deep[0]" },
	};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_non_null(strstr(check(KINDS_IN, rows[i].args, &err), "NUL character"));
		assert_string_equal(err.field, rows[i].field);
	}
}

static void
a_long_value_is_cut_between_characters(void **state)
{
	struct err err;

	(void)state;
	(void)check("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"boolean\"}}}",
		    "{\"a\":\"123456789012345678901234567890123456789\\u00e4tail\"}", &err);
	assert_string_equal(err.msg,
			    "argument 'a' is \"123456789012345678901234567890123456789...\""
			    ", but must be true or false.");
}

static void
a_tool_without_arguments_takes_none(void **state)
{
	struct err err;

	(void)state;
	assert_string_equal(check(NO_ARGS, "{}", &err), "");
	assert_string_equal(check(NO_ARGS, "{\"x\":1}", &err),
			    "there is no argument 'x': no argument is allowed here.");
}

static void
one_sided_bounds_and_open_schemas_have_their_words(void **state)
{
#define ONE(schema) "{\"type\":\"object\",\"properties\":{\"a\":{" schema "}},\"required\":[\"a\"]}"
	static const struct {
		const char *schema, *args, *why;
	} rows[] = {
		{ ONE("\"type\":\"integer\",\"minimum\":1"), "{\"a\":0}",
		  "argument 'a' is 0, but must be a whole number of at least 1." },
		{ ONE("\"type\":\"integer\",\"maximum\":-1"), "{\"a\":0}",
		  "argument 'a' is 0, but must be a whole number of at most -1." },
		{ ONE("\"type\":\"string\",\"minLength\":1"), "{\"a\":\"\"}",
		  "argument 'a' is \"\", but must be a string of at least 1 character." },
		{ ONE("\"type\":\"array\",\"minItems\":2"), "{\"a\":[1]}",
		  "argument 'a' is an array of 1, but must be an array of at least 2 elements." },
		{ ONE(""), "{\"b\":1}", "argument 'a' is missing: it must be given." },
		{ ONE(""), "{\"a\":false,\"b\":1}", "" },
	};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(check(rows[i].schema, rows[i].args, &err), rows[i].why);
}

static void
a_handler_reads_what_was_given_and_else_its_fallback(void **state)
{
	cJSON *args = parse("{\"s\":\"x\",\"i\":9007199254740993,\"d\":1.5,\"b\":true,\"n\":null,"
			    "\"l\":[1]}");

	(void)state;
	assert_string_equal(arg_str(args, "s", "y"), "x");
	assert_string_equal(arg_str(args, "n", "y"), "y");
	assert_null(arg_str(args, "none", NULL));
	assert_true(arg_int(args, "i", 1) == INT64_C(9007199254740993));
	assert_true(arg_int(args, "n", 7) == 7);
	assert_true(arg_number(args, "d", 0) == 1.5);
	assert_true(arg_number(args, "none", 2.5) == 2.5);
	assert_true(arg_bool(args, "b", false));
	assert_true(arg_bool(args, "n", true));
	assert_non_null(arg_get(args, "l"));
	assert_null(arg_get(args, "n"));
	assert_null(arg_get(args, "none"));
	cJSON_Delete(args);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_argument_is_held_against_its_schema),
		cmocka_unit_test(a_nul_character_is_refused_wherever_it_is),
		cmocka_unit_test(a_long_value_is_cut_between_characters),
		cmocka_unit_test(a_tool_without_arguments_takes_none),
		cmocka_unit_test(one_sided_bounds_and_open_schemas_have_their_words),
		cmocka_unit_test(a_handler_reads_what_was_given_and_else_its_fallback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
