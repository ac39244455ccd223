/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include "mcp/revision.h"

#define CALL(id, name)                    \
	"{\"jsonrpc\":\"2.0\",\"id\":" id \
	",\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\"}}"
#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define PONG(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static const char *const revisions[] = { "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25" };

static void
every_revision_is_named_once_and_knows_its_era(void **state)
{
	char list[REVISION_LIST_MAX];
	size_t i;

	(void)state;
	for (i = 1; i < MCP_REVISION_COUNT; i++) {
		bool is_modern = i == MCP_2026_07_28;

		assert_int_equal(revision_is_modern((enum mcp_revision)i), is_modern);
		assert_int_equal(revision_find(revision_name((enum mcp_revision)i), is_modern), i);
		assert_int_equal(revision_find(revision_name((enum mcp_revision)i), !is_modern), 0);
		assert_int_equal(revision_has_batches((enum mcp_revision)i), i == MCP_2025_03_26);
		assert_int_equal(revision_has_progress_message((enum mcp_revision)i),
				 i != MCP_2024_11_05);
	}
	assert_int_equal(revision_find("2025-01-01", false), MCP_REVISION_NONE);
	assert_string_equal(revision_list(list),
			    "2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05");
}

static void
initialize_agrees_on_every_legacy_revision_and_else_on_the_latest(void **state)
{
	static const struct {
		const char *asked, *given;
	} rows[] = {
		{ "2024-11-05", "2024-11-05" }, { "2025-03-26", "2025-03-26" },
		{ "2025-06-18", "2025-06-18" }, { "2025-11-25", "2025-11-25" },
		{ "2026-07-28", "2025-11-25" }, { "1", "2025-11-25" },
		{ "", "2025-11-25" },
	};
	struct peer *peer = *state;
	char text[300];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) { /* again and again: it may be repeated */
		(void)snprintf(text, sizeof text,
			       "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","
			       "\"params\":{\"protocolVersion\":\"%s\"}}",
			       rows[i].asked);
		peer_say(peer, text);
		(void)snprintf(
			text, sizeof text,
			"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"%s\","
			"\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"peer\","
			"\"version\":\"1\"},\"instructions\":\"Be kind.\"}}",
			rows[i].given);
		assert_said(peer, text);
		assert_string_equal(revision_name(mcp_session_revision(peer->session)),
				    rows[i].given);
	}
}

static void
initialize_without_a_version_agrees_on_nothing(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}");
	assert_error(peer, MCP_INVALID_PARAMS, "1");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\","
		       "\"params\":{\"protocolVersion\":20250618}}");
	assert_error(peer, MCP_INVALID_PARAMS, "1");
	assert_int_equal(mcp_session_revision(peer->session), MCP_REVISION_NONE);
}

/* Every method of MCP in every state of a session: what is answered. 0 is a result. */
#define NOT_INIT MCP_INVALID_PARAMS
#define NONE     MCP_METHOD_NOT_FOUND
static const struct {
	const char *method, *params; /* more members behind _meta */
	int before, legacy, modern;
} matrix[] = {
	{ "initialize", ",\"protocolVersion\":\"2025-06-18\"", 0, 0, NONE },
	{ "ping", "", 0, 0, NONE },
	{ "server/discover", "", NOT_INIT, NONE, 0 },
	{ "tools/list", "", NOT_INIT, 0, 0 },
	{ "tools/call", ",\"name\":\"echo\",\"arguments\":{\"message\":\"x\"}", NOT_INIT, 0, 0 },
	{ "subscriptions/listen", "", NOT_INIT, NONE, MCP_INVALID_PARAMS },
	{ "resources/list", "", NOT_INIT, NONE, NONE },
	{ "resources/templates/list", "", NOT_INIT, NONE, NONE },
	{ "resources/read", "", NOT_INIT, NONE, NONE },
	{ "resources/subscribe", "", NOT_INIT, NONE, NONE },
	{ "resources/unsubscribe", "", NOT_INIT, NONE, NONE },
	{ "prompts/list", "", NOT_INIT, NONE, NONE },
	{ "prompts/get", "", NOT_INIT, NONE, NONE },
	{ "completion/complete", "", NOT_INIT, NONE, NONE },
	{ "logging/setLevel", "", NOT_INIT, NONE, NONE },
	{ "tasks/get", "", NOT_INIT, NONE, NONE },
	{ "tasks/result", "", NOT_INIT, NONE, NONE },
	{ "tasks/list", "", NOT_INIT, NONE, NONE },
	{ "tasks/cancel", "", NOT_INIT, NONE, NONE },
	{ "tasks/update", "", NOT_INIT, NONE, NONE },
	{ "notifications/initialized", "", NOT_INIT, NONE, NONE },
	{ "Tools/list", "", NOT_INIT, NONE, NONE },
	{ "tools/list\\u0000", "", NOT_INIT, NONE, NONE },
	{ "", "", NOT_INIT, NONE, NONE },
};

static void
ask(struct peer *peer, size_t row, bool is_modern, int want)
{
	char text[500];

	(void)snprintf(text, sizeof text,
		       "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"%s\",\"params\":{%s%s}}",
		       matrix[row].method, is_modern ? MODERN_META : "\"_meta\":{}",
		       matrix[row].params);
	peer_say(peer, text);
	assert_int_equal(peer->n, 1);
	if (peer->sent[0].code != want)
		fail_msg("%s\n%s", text, peer->sent[0].text);
	assert_int_equal(peer->sent[0].kind, want ? MCP_OUT_ERROR : MCP_OUT_RESULT);
	/* Modern results are stamped, legacy results and all errors are not. */
	assert_int_equal(strstr(peer->sent[0].text, "\"resultType\":\"complete\"") != NULL,
			 is_modern && !want);
	assert_int_equal(strstr(peer->sent[0].text, "io.modelcontextprotocol/serverInfo") != NULL,
			 is_modern && !want);
	assert_int_equal(strstr(peer->sent[0].text, "\"ttlMs\":") != NULL,
			 is_modern && !want && strcmp(matrix[row].method, "tools/call") != 0);
	peer_clear(peer);
}

static void
every_method_is_answered_by_the_table_in_every_era(void **state)
{
	size_t row, i;

	(void)state;
	for (row = 0; row < ARRAY_SIZE(matrix); row++) {
		for (i = 0; i <= ARRAY_SIZE(revisions); i++) {
			struct peer *peer;
			void *own;

			(void)peer_setup(&own);
			peer = own;
			if (i < ARRAY_SIZE(revisions))
				peer_initialize(peer, revisions[i]);
			ask(peer, row, true, matrix[row].modern);
			ask(peer, row, false,
			    i < ARRAY_SIZE(revisions) ? matrix[row].legacy : matrix[row].before);
			ask(peer, row, true, matrix[row].modern); /* the handshake pins nothing */
			(void)peer_teardown(&own);
		}
	}
}

static void
before_initialize_the_versions_are_named(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	assert_int_equal(peer->n, 1);
	assert_non_null(strstr(peer->sent[0].text, "2026-07-28, 2025-11-25, 2025-06-18, "
						   "2025-03-26, 2024-11-05"));
}

static void
a_version_that_is_not_spoken_gets_the_list_of_those_that_are(void **state)
{
	struct peer *peer = *state;

	peer_say(peer,
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{"
		 "\"io.modelcontextprotocol/protocolVersion\":\"2025-11-25\","
		 "\"io.modelcontextprotocol/clientCapabilities\":{}}}}");
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022,\"message\":"
		    "\"Unsupported protocol version\",\"data\":{\"supported\":[\"2026-07-28\"],"
		    "\"requested\":\"2025-11-25\"}}}");
}

static void
ids_come_back_letter_by_letter(void **state)
{
	static const char *const ids[] = {
		"0",
		"-1",
		"1152921504606846977",
		"123456789012345678901234567890123456789012345678901234567890",
		"\"\"",
		"\"listen:0\"",
		"\"a\\\"\\\\\\/\\u00e9\\n\\u0000\"",
		"\"\xc3\xa9\"",
	};
	struct peer *peer = *state;
	char text[300];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		(void)snprintf(text, sizeof text,
			       "{\"jsonrpc\":\"2.0\", \"id\" : %s ,\"method\":\"ping\"}", ids[i]);
		peer_say(peer, text);
		(void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{}}",
			       ids[i]);
		assert_said(peer, text);
	}
}

static void
what_is_no_message_gets_an_error_without_an_id(void **state)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {
		{ "", MCP_PARSE_ERROR },
		{ "{", MCP_PARSE_ERROR },
		{ PING("1") "x", MCP_PARSE_ERROR },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", MCP_PARSE_ERROR },
		{ PING("01"), MCP_PARSE_ERROR },
		{ "[]", MCP_INVALID_REQUEST },
		{ "[" PING("1") "]", MCP_INVALID_REQUEST },
		{ "5", MCP_INVALID_REQUEST },
		{ PING("null"), MCP_INVALID_REQUEST },
		{ PING("1.5"), MCP_INVALID_REQUEST },
		{ PING("{}"), MCP_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":1,\"method\":\"ping\"}",
		  MCP_INVALID_REQUEST },
	};
	struct peer *peer = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		peer_say(peer, rows[i].text);
		assert_error(peer, rows[i].code, "null");
	}
	peer_say(peer, PING("1"));
	assert_said(peer, PONG("1"));
}

static void
notifications_and_responses_are_never_answered(void **state)
{
	static const char *const rows[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/unknown\",\"params\":[]}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
		"cancelled\",\"params\":{\"requestId\":9}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
		"cancelled\",\"params\":{\"requestId\":{}}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"echo\"}}",
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}",
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"x\"}}",
	};
	struct peer *peer = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		peer_say(peer, rows[i]);
		assert_silent(peer);
	}
}

static void
params_that_are_no_object_are_refused(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}");
	assert_error(peer, MCP_INVALID_PARAMS, "1");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":\"x\"}");
	assert_error(peer, MCP_INVALID_PARAMS, "1");
	peer_say(peer,
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{\"a\":1,\"a\":2}}");
	assert_error(peer, MCP_INVALID_PARAMS, "1");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":null}");
	assert_said(peer, PONG("1"));
}

static void
an_id_that_is_under_way_is_not_answered_twice(void **state)
{
	static const char *const same[] = { "\"a/b\"", "\"a\\/b\"", "\"\\u0061/b\"" };
	struct mcp_result done = { .text = "done", .text_len = 4 };
	struct peer *peer = *state;
	char text[200];
	size_t i;

	peer_initialize(peer, "2025-06-18");
	peer_say(peer, CALL("\"a/b\"", "hold"));
	assert_silent(peer);
	for (i = 0; i < ARRAY_SIZE(same); i++) {
		(void)snprintf(text, sizeof text,
			       "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"ping\"}", same[i]);
		peer_say(peer, text);
		assert_error(peer, MCP_INVALID_REQUEST, "null");
		(void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%s}", same[i]);
		peer_say(peer, text);
		assert_error(peer, MCP_INVALID_REQUEST, "null");
	}
	peer_say(peer, PING("\"A/b\"")); /* another one */
	assert_said(peer, PONG("\"A/b\""));
	mcp_call_result(peer->held, &done);
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":\"a/b\",\"result\":{\"content\":[{\"type\":"
			  "\"text\",\"text\":\"done\"}]}}");
	peer_say(peer, PING("\"a/b\"")); /* free again */
	assert_said(peer, PONG("\"a/b\""));
}

static void
a_number_and_a_string_are_two_ids_and_minus_zero_is_zero(void **state)
{
	struct peer *peer = *state;

	peer_initialize(peer, "2025-06-18");
	peer_say(peer, CALL("0", "hold"));
	peer_say(peer, PING("\"0\""));
	assert_said(peer, PONG("\"0\""));
	peer_say(peer, PING("-0"));
	assert_error(peer, MCP_INVALID_REQUEST, "null");
}

static void
the_number_of_calls_under_way_is_limited(void **state)
{
	struct peer *peer = *state;
	char text[200];
	int i;

	peer_initialize(peer, "2025-06-18");
	for (i = 1; i <= MCP_CALLS_MAX; i++) {
		(void)snprintf(
			text, sizeof text,
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\",\"params\":"
			"{\"name\":\"hold\"}}",
			i);
		peer_say(peer, text);
	}
	assert_silent(peer);
	assert_int_equal(mcp_session_pending(peer->session), MCP_CALLS_MAX);
	peer_say(peer, PING("\"x\""));
	assert_error(peer, MCP_INTERNAL_ERROR, "\"x\"");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
		       "{\"requestId\":77}}");
	peer_say(peer, PING("\"x\""));
	assert_said(peer, PONG("\"x\""));
}

static void
a_refusal_of_the_transport_has_no_id(void **state)
{
	struct peer *peer = *state;

	mcp_session_refuse(peer->session, MCP_INVALID_REQUEST, "too long", peer);
	assert_ptr_equal(peer->sent[0].origin, peer);
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":"
			  "\"too long\"}}");
}

static void
answers_go_back_to_where_the_request_came_from(void **state)
{
	struct mcp_result done = { .text = "done", .text_len = 4 };
	struct peer *peer = *state;
	const char *hold = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
			   "{\"name\":\"hold\",\"_meta\":{\"progressToken\":\"t\"}}}";
	int one, two;

	peer_initialize(peer, "2025-06-18");
	mcp_session_receive(peer->session, hold, strlen(hold), &one);
	mcp_session_receive(peer->session, PING("2"), strlen(PING("2")), &two);
	mcp_call_progress(peer->held, 1, -1, NULL);
	mcp_call_result(peer->held, &done);
	assert_int_equal(peer->n, 3);
	assert_ptr_equal(peer->sent[0].origin, &two);
	assert_ptr_equal(peer->sent[1].origin, &one);
	assert_int_equal(peer->sent[1].kind, MCP_OUT_PROGRESS);
	assert_ptr_equal(peer->sent[2].origin, &one);
	assert_int_equal(peer->sent[2].kind, MCP_OUT_RESULT);
}

#define own_peer(test) cmocka_unit_test_setup_teardown(test, peer_setup, peer_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_revision_is_named_once_and_knows_its_era),
		own_peer(initialize_agrees_on_every_legacy_revision_and_else_on_the_latest),
		own_peer(initialize_without_a_version_agrees_on_nothing),
		cmocka_unit_test(every_method_is_answered_by_the_table_in_every_era),
		own_peer(before_initialize_the_versions_are_named),
		own_peer(a_version_that_is_not_spoken_gets_the_list_of_those_that_are),
		own_peer(ids_come_back_letter_by_letter),
		own_peer(what_is_no_message_gets_an_error_without_an_id),
		own_peer(notifications_and_responses_are_never_answered),
		own_peer(params_that_are_no_object_are_refused),
		own_peer(an_id_that_is_under_way_is_not_answered_twice),
		own_peer(a_number_and_a_string_are_two_ids_and_minus_zero_is_zero),
		own_peer(the_number_of_calls_under_way_is_limited),
		own_peer(a_refusal_of_the_transport_has_no_id),
		own_peer(answers_go_back_to_where_the_request_came_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
