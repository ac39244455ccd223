/* SPDX-License-Identifier: MIT */
#include "heads.h"

#include "mcp_http/field.h"
#include "mcp_http/gate.h"
#include "mcp_http/route.h"

static void
a_type_is_found_in_a_list_or_not(void **state)
{
	static const struct {
		const char *list;
		bool json, stream;
	} rows[] = {
		{ "application/json", true, false },
		{ "APPLICATION/JSON;q=0.5 , text/plain", true, false },
		{ "text/event-stream", false, true },
		{ "application/json, text/event-stream", true, true },
		{ "*/*", true, true },
		{ "text/*", false, true },
		{ "application/*;q=0.1", true, false },
		{ "application/json;q=0, */*", true, true },
		{ "application/json;q=0", false, false },
		{ "application/json; q=0.000", false, false },
		{ "application/json; q=0.001", true, false },
		{ "application/jsonx", false, false },
		{ "xapplication/json", false, false },
		{ "", false, false },
		{ " , ,", false, false },
		{ "/", false, false },
		{ "*", false, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (field_list_has_type(rows[i].list, "application/json") != rows[i].json ||
		    field_list_has_type(rows[i].list, "text/event-stream") != rows[i].stream)
			fail_msg("%s", rows[i].list);
	}
}

static void
several_accepts_are_one_list(void **state)
{
	struct head head;

	(void)state;
	head_begin(&head, VERB_POST, "/mcp");
	assert_int_equal(head_end(&head), 0);
	assert_true(route_accepts(&head, "application/json")); /* none takes all */
	head_fini(&head);
	head_begin(&head, VERB_POST, "/mcp");
	head_field(&head, "Accept", "text/html");
	head_field(&head, "X", "*/*");
	head_field(&head, "accept", "application/json");
	assert_int_equal(head_end(&head), 0);
	assert_true(route_accepts(&head, "application/json"));
	assert_true(route_accepts(&head, "text/html"));
	assert_false(route_accepts(&head, "text/event-stream"));
	head_fini(&head);
}

static void
a_content_type_is_one_with_or_without_parameters(void **state)
{
	(void)state;
	assert_true(field_type_is("application/json", "application/json"));
	assert_true(field_type_is("Application/JSON ;charset=utf-8", "application/json"));
	assert_true(field_type_is("application/json;", "application/json"));
	assert_false(field_type_is("application/json-patch", "application/json"));
	assert_false(field_type_is("application/json, text/plain", "application/json"));
	assert_false(field_type_is("", "application/json"));
}

static void
a_field_says_a_text_plainly_or_in_base64(void **state)
{
	static const struct {
		const char *field, *text;
		bool equal;
	} rows[] = {
		{ "echo", "echo", true },
		{ "Echo", "echo", false },
		{ "=?base64?ZWNobw==?=", "echo", true },
		{ "=?base64?ZWNobw?=", "echo", false },   /* no padding */
		{ "=?base64?ZWNobx==?=", "echo", false }, /* bits that mean nothing */
		{ "=?base64?ZWNo?=", "ech", true },
		{ "=?base64?ZWNob28=?=", "echoo", true },
		{ "=?base64?ZWNob28=?=", "echo", false },
		{ "=?base64?"
		  "?=",
		  "", true },
		{ "=?base64?w6Q=?=", "\xc3\xa4", true },
		{ "\xc3\xa4", "\xc3\xa4", false }, /* fields are ASCII */
		{ "=?base64?Z?=", "e", false },
		{ "=?base64?ZW*o?=", "ech", false },
		{ "=?base64?Z=No?=", "ech", false },
		{ "=?base64?====?=", "", false },
		{ "=?BASE64?ZWNo?=", "=?BASE64?ZWNo?=", true }, /* as it is */
		{ "=?base64?ZWNo", "=?base64?ZWNo", true },
		{ "ZWNo?=", "ZWNo?=", true },
		{ "=?base64?=", "=?base64?=", true }, /* too short to be both */
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (field_equals(rows[i].field, rows[i].text) != rows[i].equal)
			fail_msg("'%s' and '%s'", rows[i].field, rows[i].text);
	}
}

static void
parameters_in_fields_are_held_against_the_arguments(void **state)
{
	static const struct {
		const char *arguments, *region, *count, *flag;
		bool match;
	} rows[] = {
		{ "{}", NULL, NULL, NULL, true },
		{ "{\"region\":null}", NULL, NULL, NULL, true },
		{ "{\"region\":null}", "eu", NULL, NULL, false },
		{ "{\"region\":\"eu\"}", "eu", NULL, NULL, true },
		{ "{\"region\":\"eu\"}", "=?base64?ZXU=?=", NULL, NULL, true },
		{ "{\"region\":\"eu\"}", NULL, NULL, NULL, false },
		{ "{\"region\":\"eu\"}", "us", NULL, NULL, false },
		{ "{\"count\":42}", NULL, "42", NULL, true },
		{ "{\"count\":42}", NULL, "42.0", NULL, true },
		{ "{\"count\":42}", NULL, "43", NULL, false },
		{ "{\"count\":42}", NULL, "0x2a", NULL, false },
		{ "{\"count\":42}", NULL, "42 ", NULL, true }, /* blanks around go */
		{ "{\"count\":42}", NULL, "nan", NULL, false },
		{ "{\"flag\":true}", NULL, NULL, "true", true },
		{ "{\"flag\":false}", NULL, NULL, "true", false },
		{ "{\"flag\":[]}", NULL, NULL, "true", false },
		{ "{}", NULL, "", NULL, false },
	};
	cJSON *schema = cJSON_Parse("{\"properties\":{\"plain\":{},\"region\":{\"x-mcp-header\":"
				    "\"Region\"},\"count\":{\"x-mcp-header\":\"Count\"},\"flag\":"
				    "{\"x-mcp-header\":\"Flag\"}}}");
	const char *field;
	cJSON *arguments;
	struct head head;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		head_begin(&head, VERB_POST, "/mcp");
		head_field(&head, "mcp-param-region", rows[i].region);
		head_field(&head, "Mcp-Param-Count", rows[i].count);
		head_field(&head, "MCP-PARAM-FLAG", rows[i].flag);
		assert_int_equal(head_end(&head), 0);
		arguments = cJSON_Parse(rows[i].arguments);
		if (field_params_match(&head, schema, arguments, &field) != rows[i].match)
			fail_msg("row %zu: %s", i, rows[i].arguments);
		cJSON_Delete(arguments);
		head_fini(&head);
	}
	cJSON_Delete(schema);
}

static void
only_known_hosts_are_served(void **state)
{
	static const char *const names[] = { "jobs.example", "[fe80::1]" };
	static const struct {
		const char *host;
		bool good;
	} rows[] = {
		{ "localhost", true },
		{ "LOCALHOST:1", true },
		{ "127.0.0.1:65535", true },
		{ "[::1]:8765", true },
		{ "jobs.example:443", true },
		{ "Jobs.Example", true },
		{ "[fe80::1]:1", true },
		{ "evil.example", false },
		{ "localhost.evil", false },
		{ "localhost:", false },
		{ "localhost:1:2", false },
		{ "localhost:x", false },
		{ "localhost:123456", false },
		{ "", false },
		{ ":1", false },
		{ "[::1", false },
		{ "[::1]x", false },
		{ "[", false },
		{ "localhost@evil:1", false },
		{ "127.0.0.1.evil.example", false },
	};
	const struct gate gate = { .hosts = names, .n_hosts = 2 };
	size_t i;

	(void)state;
	assert_false(gate_host_is_good(&gate, NULL));
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (gate_host_is_good(&gate, rows[i].host) != rows[i].good)
			fail_msg("%s", rows[i].host);
	}
}

static void
only_the_token_opens(void **state)
{
	const struct gate gate = { .token = "0123456789abcdef" }, open = { 0 };

	(void)state;
	assert_int_equal(gate_check_token(&open, NULL), TOKEN_GOOD);
	assert_int_equal(gate_check_token(&gate, NULL), TOKEN_MISSING);
	assert_int_equal(gate_check_token(&gate, "Bearer 0123456789abcdef"), TOKEN_GOOD);
	assert_int_equal(gate_check_token(&gate, "bearer  0123456789abcdef"), TOKEN_GOOD);
	assert_int_equal(gate_check_token(&gate, "Bearer 0123456789abcde"), TOKEN_WRONG);
	assert_int_equal(gate_check_token(&gate, "Bearer 0123456789abcdeF"), TOKEN_WRONG);
	assert_int_equal(gate_check_token(&gate, "Bearer 0123456789abcdef0123456789abcdef"),
			 TOKEN_WRONG);
	assert_int_equal(gate_check_token(&gate, "Bearer "), TOKEN_WRONG);
	assert_int_equal(gate_check_token(&gate, "Bearer"), TOKEN_WRONG);
	assert_int_equal(gate_check_token(&gate, "0123456789abcdef"), TOKEN_WRONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_type_is_found_in_a_list_or_not),
		cmocka_unit_test(several_accepts_are_one_list),
		cmocka_unit_test(a_content_type_is_one_with_or_without_parameters),
		cmocka_unit_test(a_field_says_a_text_plainly_or_in_base64),
		cmocka_unit_test(parameters_in_fields_are_held_against_the_arguments),
		cmocka_unit_test(only_known_hosts_are_served),
		cmocka_unit_test(only_the_token_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
