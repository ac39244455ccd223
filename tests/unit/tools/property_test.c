/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "tools/inside.h"

static const struct property plain[] = {
	{ .name = "id", .type = "string", .about = "A \"job\"", .is_required = true },
	{ .name = "n", .type = "integer", .least = "0", .most = "9" },
	{ .name = NULL },
};
static const struct property inner[] = {
	{ .name = "x", .type = "number" },
	{ .name = NULL },
};
static const struct property unnamed[] = { { .name = NULL } };
static const struct property rich[] = {
	{ .name = "stream", .type = "string", .words = "stdout|stderr" },
	{ .name = "env", .type = "object", .has_strings = true },
	{ .name = "jobs", .type = "array", .items = inner, .is_required = true },
	{ .name = "gaps", .type = "array", .items = unnamed },
	{ .name = NULL },
};

static void
rows_become_a_schema_without_a_blank_too_many(void **state)
{
	static const char arguments[] =
		"{\"type\":\"object\",\"properties\":{"
		"\"id\":{\"type\":\"string\",\"description\":\"A \\\"job\\\"\"},"
		"\"n\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9}},"
		"\"required\":[\"id\"],\"additionalProperties\":false}";
	static const char result[] =
		"{\"type\":\"object\",\"properties\":{"
		"\"id\":{\"type\":\"string\",\"description\":\"A \\\"job\\\"\"},"
		"\"n\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9},"
		"\"stream\":{\"type\":\"string\",\"enum\":[\"stdout\",\"stderr\"]},"
		"\"env\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
		"\"jobs\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
		"\"x\":{\"type\":\"number\"}}}},"
		"\"gaps\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}},"
		"\"required\":[\"id\",\"jobs\"]}";
	const struct property *const one[] = { plain, NULL }, *const two[] = { plain, rich, NULL };
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	assert_string_equal(property_schema(one, PROPERTY_ARGUMENTS, &a), arguments);
	assert_string_equal(property_schema(two, PROPERTY_RESULT, &a), result);
	arena_fini(&a);
}

static void
an_old_name_is_accepted_and_not_listed(void **state)
{
	static const struct property renamed[] = {
		{ .name = "new", .type = "number" },
		{ .name = "old", .type = "number", .is_hidden = true },
		{ .name = NULL },
	};
	const struct property *const one[] = { renamed, NULL };
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	assert_string_equal(property_schema(one, PROPERTY_ARGUMENTS, &a),
			    "{\"type\":\"object\",\"properties\":{\"new\":{\"type\":\"number\"}},"
			    "\"additionalProperties\":false}");
	assert_string_equal(property_schema(one, PROPERTY_ACCEPTED, &a),
			    "{\"type\":\"object\",\"properties\":{\"new\":{\"type\":\"number\"},"
			    "\"old\":{\"type\":\"number\"}},\"additionalProperties\":false}");
	arena_fini(&a);
}

static void
lack_of_memory_is_no_schema(void **state)
{
	const struct property *const one[] = { plain, NULL };
	struct arena a;

	(void)state;
	arena_init(&a, 16);
	assert_null(property_schema(one, PROPERTY_ARGUMENTS, &a));
	arena_fini(&a);
}

static const struct tool_row *const tools[] = {
	&tool_execute_command, &tool_run_command,       &tool_list_jobs,
	&tool_get_job_status,  &tool_get_job_output,    &tool_tail_job_output,
	&tool_wait_for_job,    &tool_interact_with_job, &tool_kill_job,
};

/* A model sees nothing else of a tool. */
static void
the_schemas_of_every_tool_are_json_and_their_names_are_unique(void **state)
{
	struct arena a;
	const cJSON *p, *q;
	cJSON *schema;
	size_t i;

	(void)state;
	arena_init(&a, 1 << 20);
	for (i = 0; i < ARRAY_SIZE(tools); i++) {
		schema = cJSON_Parse(property_schema(tools[i]->arguments, PROPERTY_ARGUMENTS, &a));
		assert_non_null(schema);
		cJSON_ArrayForEach(p, cJSON_GetObjectItem(schema, "properties")) for (q = p->next;
										      q;
										      q = q->next)
			assert_string_not_equal(p->string, q->string);
		cJSON_Delete(schema);
		schema = cJSON_Parse(property_schema(tools[i]->result, PROPERTY_RESULT, &a));
		assert_non_null(schema);
		cJSON_Delete(schema);
		assert_true(strlen(tools[i]->tool.name) > 0);
	}
	arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_become_a_schema_without_a_blank_too_many),
		cmocka_unit_test(an_old_name_is_accepted_and_not_listed),
		cmocka_unit_test(lack_of_memory_is_no_schema),
		cmocka_unit_test(the_schemas_of_every_tool_are_json_and_their_names_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
