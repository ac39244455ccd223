/* SPDX-License-Identifier: MIT */
#include "peer.h"

static int
make(const struct mcp_tool *tools, size_t n, struct err *err)
{
	struct mcp_server_config config = {
		.name = "x", .version = "1", .tools = tools, .n_tools = n
	};
	struct mcp_server *server = NULL;
	int rc = mcp_server_new(&config, &server, err);

	assert_int_equal(rc == 0, server != NULL);
	mcp_server_free(server);
	return rc;
}

static void
a_table_at_fault_is_refused_and_the_tool_named(void **state)
{
	static const char *const same[] = { "two", NULL };
	static const char *const bad[] = { "a b", NULL };
	static const struct {
		struct mcp_tool tools[2];
		const char *why;
	} rows[] = {
		{ { { "", NULL, NULL, "d", NO_ARGS, NULL, 0, tool_echo, NULL } }, "tool name ''" },
		{ { { "a.b", NULL, NULL, "d", NO_ARGS, NULL, 0, tool_echo, NULL } },
		  "tool name 'a.b'" },
		{ { { "a", bad, NULL, "d", NO_ARGS, NULL, 0, tool_echo, NULL } },
		  "tool name 'a b'" },
		{ { { "a", NULL, NULL, NULL, NO_ARGS, NULL, 0, tool_echo, NULL } },
		  "tool a has no description" },
		{ { { "a", NULL, NULL, "", NO_ARGS, NULL, 0, tool_echo, NULL } },
		  "tool a has no description" },
		{ { { "a", NULL, NULL, "d", "{", NULL, 0, tool_echo, NULL } },
		  "tool a: input schema: " },
		{ { { "a", NULL, NULL, "d", "{}", NULL, 0, tool_echo, NULL } },
		  "tool a: the input schema must have type object" },
		{ { { "a", NULL, NULL, "d", NO_ARGS, "[]", 0, tool_echo, NULL } },
		  "tool a: the output schema must have type object" },
		{ { { "a", NULL, NULL, "d", NO_ARGS, "{\"type\":\"array\"}", 0, tool_echo, NULL } },
		  "tool a: the output schema must have type object" },
		{ { { "two", NULL, NULL, "d", NO_ARGS, NULL, 0, tool_echo, NULL },
		    { "two", NULL, NULL, "d", NO_ARGS, NULL, 0, tool_echo, NULL } },
		  "two tools are named two" },
		{ { { "two", NULL, NULL, "d", NO_ARGS, NULL, 0, tool_echo, NULL },
		    { "b", same, NULL, "d", NO_ARGS, NULL, 0, tool_echo, NULL } },
		  "two tools are named two" },
	};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&err, 0, sizeof err);
		assert_int_equal(make(rows[i].tools, rows[i].tools[1].name ? 2 : 1, &err),
				 ERR_INVALID_ARGUMENT);
		if (!strstr(err.msg, rows[i].why))
			fail_msg("%s, not: %s", err.msg, rows[i].why);
	}
}

static void
names_of_up_to_64_characters_are_good(void **state)
{
	char name[MCP_TOOL_NAME_MAX + 2];
	struct mcp_tool tool = { name, NULL, NULL, "d", NO_ARGS, NULL, 0, tool_echo, NULL };
	struct err err = { 0 };

	(void)state;
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(make(&tool, 1, &err), ERR_INVALID_ARGUMENT);
	name[MCP_TOOL_NAME_MAX] = '\0';
	assert_ok(make(&tool, 1, &err), &err);
	assert_ok(make(NULL, 0, &err), &err);
}

static void
a_listed_tool_says_all_that_its_row_says(void **state)
{
	struct peer *peer = *state;
	const char *liar = "{\"name\":\"liar\",\"description\":\"Promise and do not give.\","
			   "\"inputSchema\":" NO_ARGS ",\"outputSchema\":" ECHO_OUT
			   ",\"annotations\":{\"readOnlyHint\":false,\"destructiveHint\":true,"
			   "\"idempotentHint\":false,\"openWorldHint\":true}}";
	const char *echo = "{\"name\":\"echo\",\"title\":\"Echo\",\"description\":\"Say it back.\","
			   "\"inputSchema\":" ECHO_IN ",\"outputSchema\":" ECHO_OUT
			   ",\"annotations\":{\"readOnlyHint\":true,\"destructiveHint\":false,"
			   "\"idempotentHint\":true,\"openWorldHint\":false}}";

	peer_initialize(peer, "2025-06-18");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	assert_non_null(strstr(peer->sent[0].text, liar));
	assert_ptr_equal(strstr(peer->sent[0].text, "\"tools\":[") + strlen("\"tools\":["),
			 strstr(peer->sent[0].text, echo));
}

static void
the_list_is_the_same_in_both_eras_but_for_the_stamp(void **state)
{
	struct peer *peer = *state;
	const char *stamp =
		",\"resultType\":\"complete\",\"ttlMs\":300000,\"cacheScope\":\"public\","
		"\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"peer\","
		"\"version\":\"1\"}}}}";
	size_t len;

	peer_initialize(peer, "2024-11-05");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":"
		       "{" MODERN_META "}}");
	assert_int_equal(peer->n, 2);
	len = strlen(peer->sent[0].text) - 2;
	assert_memory_equal(peer->sent[0].text, peer->sent[1].text, len);
	assert_string_equal(peer->sent[1].text + len, stamp);
}

static void
discover_says_who_answers_and_what_is_spoken(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":\"server-discover-probe-1\",\"method\":"
		       "\"server/discover\",\"params\":{" MODERN_META "}}");
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"id\":\"server-discover-probe-1\",\"result\":"
		    "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}},"
		    "\"instructions\":\"Be kind.\",\"resultType\":\"complete\",\"ttlMs\":3600000,"
		    "\"cacheScope\":\"public\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"
		    "{\"name\":\"peer\",\"version\":\"1\"}}}}");
}

#define own_peer(test) cmocka_unit_test_setup_teardown(test, peer_setup, peer_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_at_fault_is_refused_and_the_tool_named),
		cmocka_unit_test(names_of_up_to_64_characters_are_good),
		own_peer(a_listed_tool_says_all_that_its_row_says),
		own_peer(the_list_is_the_same_in_both_eras_but_for_the_stamp),
		own_peer(discover_says_who_answers_and_what_is_spoken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
