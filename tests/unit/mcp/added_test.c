/* SPDX-License-Identifier: MIT */
/* What front ends and transports add to the core: methods, logs, questions, changes, origins. */
#include "peer.h"

#include "mcp/method.h"
#include "mcp/notify.h"

#define LEGACY(id, method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":{" params "}}"
#define MODERN(id, method, params) LEGACY(id, method, MODERN_META params)
#define HOLD                       "\"name\":\"hold\""

/* --- a server with everything --- */

static void
handle_members(struct mcp_call *call, const cJSON *params, void *arg)
{
	(void)arg;
	if (tree_get(params, "more"))
		mcp_call_result_members(call, "input_required", "\"requestState\":\"s\"", 18);
	else
		mcp_call_result_members(call, NULL, "\"a\":1,\"b\":[]", 12);
}

static void
handle_subscribe(struct mcp_call *call, const cJSON *params, void *arg)
{
	const char *uri = tree_str(params, "uri");
	int rc = mcp_call_subscribe(call, uri);

	(void)arg;
	if (rc < 0)
		mcp_call_error(call, MCP_INVALID_PARAMS, NULL, "%d", rc);
	else
		mcp_call_result_members(call, NULL, "", 0);
}

static void
handle_unsubscribe(struct mcp_call *call, const cJSON *params, void *arg)
{
	(void)arg;
	mcp_call_unsubscribe(call, tree_str(params, "uri"));
	mcp_call_result_members(call, NULL, "", 0);
}

static const struct mcp_added_method methods[] = {
	{ "resources/read", MCP_IN_ALL, handle_members, 5, "private" },
	{ "resources/subscribe", MCP_IN_LEGACY, handle_subscribe, 0, NULL },
	{ "resources/unsubscribe", MCP_IN_LEGACY, handle_unsubscribe, 0, NULL },
	{ "ping", MCP_IN_ALL, handle_members, 0, NULL }, /* the core's stays */
};

static const struct mcp_server_config config = {
	.name = "peer",
	.version = "1",
	.tools = peer_tools,
	.n_tools = ARRAY_SIZE(peer_tools),
	.methods = methods,
	.n_methods = ARRAY_SIZE(methods),
	.legacy_capabilities = "{\"logging\":{}}",
	.modern_capabilities = "{\"tools\":{\"listChanged\":true}}",
	.tells = MCP_TELLS(MCP_TOOLS_CHANGED) | MCP_TELLS(MCP_RESOURCE_UPDATED),
	.has_logging = true,
};

/* Origins are counters. */
static void
hold(void *origin)
{
	if (origin)
		++*(int *)origin;
}

static void
release(void *origin)
{
	if (origin)
		--*(int *)origin;
}

static int
setup(void **state)
{
	struct peer *peer = calloc(1, sizeof *peer);
	struct mcp_session_config session = { .send = peer_send,
					      .send_arg = peer,
					      .tool_arg = peer,
					      .hold = hold,
					      .release = release };
	struct err err = { 0 };

	assert_non_null(peer);
	assert_ok(mcp_server_new(&config, &peer->server, &err), &err);
	assert_ok(mcp_session_new(peer->server, &session, &peer->session, &err), &err);
	*state = peer;
	return 0;
}

static void
say_from(struct peer *peer, const char *text, int *origin)
{
	mcp_session_receive(peer->session, text, strlen(text), origin);
}

/* --- methods --- */

static void
an_added_method_is_served_and_stamped(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, MODERN("1", "resources/read", ""));
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1,\"b\":[],"
			  "\"resultType\":\"complete\",\"ttlMs\":5,\"cacheScope\":\"private\","
			  "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"peer\","
			  "\"version\":\"1\"}}}}");
	peer_say(peer, MODERN("1", "resources/read", ",\"more\":1"));
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"requestState\":\"s\","
			  "\"resultType\":\"input_required\","
			  "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"peer\","
			  "\"version\":\"1\"}}}}");
	peer_initialize(peer, "2025-06-18");
	peer_say(peer, LEGACY("1", "resources/read", ""));
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1,\"b\":[]}}");
	peer_say(peer, LEGACY("1", "ping", ""));
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	peer_say(peer, MODERN("1", "resources/subscribe", ",\"uri\":\"a\""));
	assert_error(peer, MCP_METHOD_NOT_FOUND, "1");
}

static void
a_server_says_which_methods_it_has(void **state)
{
	struct peer *peer = *state, *plain;
	void *other;

	assert_true(mcp_server_has_method(peer->server, "resources/read", MCP_2026_07_28));
	assert_true(mcp_server_has_method(peer->server, "logging/setLevel", MCP_2025_06_18));
	assert_false(mcp_server_has_method(peer->server, "logging/setLevel", MCP_2026_07_28));
	assert_false(mcp_server_has_method(peer->server, "resources/subscribe", MCP_2026_07_28));
	assert_non_null(mcp_server_input_schema(peer->server, "echo"));
	assert_null(mcp_server_input_schema(peer->server, "nothing"));
	assert_int_equal(peer_setup(&other), 0);
	plain = other;
	assert_false(mcp_server_has_method(plain->server, "logging/setLevel", MCP_2025_06_18));
	assert_false(mcp_server_has_method(plain->server, "resources/read", MCP_2025_06_18));
	assert_int_equal(peer_teardown(&other), 0);
}

static void
capabilities_are_those_of_the_era(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, LEGACY("0", "initialize", "\"protocolVersion\":\"2025-06-18\""));
	assert_non_null(strstr(peer->sent[0].text, "\"capabilities\":{\"logging\":{}}"));
	peer_clear(peer);
	peer_say(peer, MODERN("0", "server/discover", ""));
	assert_non_null(
		strstr(peer->sent[0].text, "\"capabilities\":{\"tools\":{\"listChanged\":true}}"));
}

/* --- logs --- */

#define LOG(level)                                                                                 \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"" level \
	"\",\"logger\":\"peer\",\"data\":\"x\"}}"

static void
log_all(struct peer *peer)
{
	int level;

	for (level = MCP_LOG_DEBUG; level <= MCP_LOG_EMERGENCY; level++)
		mcp_call_log(peer->held, (enum mcp_log_level)level, "x");
}

static void
a_legacy_client_sets_the_level_of_its_logs(void **state)
{
	struct peer *peer = *state;

	peer_initialize(peer, "2025-06-18");
	peer_say(peer, LEGACY("1", "logging/setLevel", "\"level\":\"loud\""));
	assert_error(peer, MCP_INVALID_PARAMS, "1");
	peer_say(peer, LEGACY("1", "tools/call", HOLD));
	log_all(peer);
	assert_int_equal(peer->n, 8);
	peer_clear(peer);
	peer_say(peer, LEGACY("2", "logging/setLevel", "\"level\":\"alert\""));
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}");
	peer_say(peer, LEGACY("3", "tools/call", HOLD));
	log_all(peer);
	assert_said(peer, LOG("alert"), LOG("emergency"));
}

static void
a_modern_client_gets_logs_where_it_asks_for_them(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, MODERN("1", "tools/call", "," HOLD));
	log_all(peer);
	assert_silent(peer);
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{" HOLD
		       ",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
		       "\"io.modelcontextprotocol/clientCapabilities\":{},"
		       "\"io.modelcontextprotocol/logLevel\":\"emergency\"}}}");
	log_all(peer);
	assert_said(peer, LOG("emergency"));
}

/* --- questions --- */

struct answers {
	unsigned n;
	char result[100], error[100];
};

static void
on_answer(void *arg, const cJSON *result, const cJSON *error)
{
	struct answers *a = arg;

	a->n++;
	(void)snprintf(a->result, sizeof a->result, "%s", result ? tree_str(result, "x") : "none");
	(void)snprintf(a->error, sizeof a->error, "%s",
		       error ? tree_str(error, "message") : "none");
}

static void
a_client_is_asked_and_heard_once(void **state)
{
	static const char answer[] =
		"{\"jsonrpc\":\"2.0\",\"id\":\"jobwire-1\",\"result\":{\"x\":\"y\"}}";
	struct answers a = { 0 };
	struct peer *peer = *state;
	int origin = 0;

	peer_initialize(peer, "2025-06-18");
	say_from(peer, LEGACY("1", "tools/call", HOLD), &origin);
	assert_int_equal(mcp_call_ask(peer->held, "roots/list", "{}", on_answer, &a), 0);
	assert_ptr_equal(peer->sent[0].origin, &origin);
	assert_int_equal(peer->sent[0].kind, MCP_OUT_REQUEST);
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":\"jobwire-1\",\"method\":\"roots/list\","
			  "\"params\":{}}");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":\"jobwire-2\",\"result\":{}}");
	assert_int_equal(a.n, 0);
	peer_say(peer, answer);
	peer_say(peer, answer);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.result, "y");
	assert_int_equal(mcp_call_ask(peer->held, "roots/list", "{}", on_answer, &a), 0);
	peer_clear(peer);
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":\"jobwire-2\",\"error\":{\"code\":1,"
		       "\"message\":\"no\"}}");
	assert_string_equal(a.error, "no");
	assert_silent(peer);
}

static void
an_answer_for_a_call_that_has_ended_is_not_heard(void **state)
{
	struct answers a = { 0 };
	struct peer *peer = *state;

	peer_initialize(peer, "2025-06-18");
	peer_say(peer, LEGACY("1", "tools/call", HOLD));
	assert_int_equal(mcp_call_ask(peer->held, "roots/list", "{}", on_answer, &a), 0);
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
		       "\"requestId\":1}}");
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":\"jobwire-1\",\"result\":{}}");
	assert_int_equal(a.n, 0);
	assert_int_equal(peer->cancelled, 1);
}

static void
a_modern_client_cannot_be_asked(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, MODERN("1", "tools/call", "," HOLD));
	assert_int_equal(mcp_call_ask(peer->held, "roots/list", "{}", on_answer, NULL),
			 ERR_FAILED_PRECONDITION);
	assert_silent(peer);
}

/* --- changes --- */

#define META_OF(id) "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":" id "}"

static void
a_subscription_hears_what_it_asked_for(void **state)
{
	struct peer *peer = *state;

	peer_say(peer,
		 MODERN("\"l\"", "subscriptions/listen",
			",\"notifications\":{\"toolsListChanged\":true,\"promptsListChanged\":"
			"true,\"resourceSubscriptions\":[\"a\",1,\"b\"],\"taskIds\":[]}"));
	peer_say(peer, MODERN("2", "subscriptions/listen", ",\"notifications\":{}"));
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
		    "\"params\":{" META_OF("\"l\"") ",\"notifications\":{\"toolsListChanged\":true,"
						    "\"resourceSubscriptions\":[\"a\",\"b\"]}}}",
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
		    "\"params\":{" META_OF("2") ",\"notifications\":{}}}");
	mcp_session_notify(peer->session, MCP_PROMPTS_CHANGED, NULL);
	mcp_session_notify(peer->session, MCP_RESOURCE_UPDATED, "c");
	assert_silent(peer);
	mcp_session_notify(peer->session, MCP_TOOLS_CHANGED, NULL);
	mcp_session_notify(peer->session, MCP_RESOURCE_UPDATED, "b");
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\","
		    "\"params\":{" META_OF("\"l\"") "}}",
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
		    "\"params\":{\"uri\":\"b\"," META_OF("\"l\"") "}}");
}

static void
a_legacy_session_hears_of_lists_and_of_its_resources(void **state)
{
	struct peer *peer = *state;

	mcp_session_notify(peer->session, MCP_TOOLS_CHANGED, NULL);
	assert_silent(peer); /* it is none yet */
	peer_initialize(peer, "2025-11-25");
	peer_say(peer, LEGACY("1", "resources/subscribe", "\"uri\":\"a\""));
	peer_say(peer, LEGACY("2", "resources/subscribe", "\"uri\":\"a\""));
	peer_clear(peer);
	mcp_session_notify(peer->session, MCP_TOOLS_CHANGED, NULL);
	mcp_session_notify(peer->session, MCP_RESOURCE_UPDATED, "a");
	mcp_session_notify(peer->session, MCP_RESOURCE_UPDATED, "b");
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}",
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\","
		    "\"params\":{\"uri\":\"a\"}}");
	peer_say(peer, LEGACY("3", "resources/unsubscribe", "\"uri\":\"a\""));
	peer_say(peer, LEGACY("4", "resources/unsubscribe", "\"uri\":\"a\""));
	peer_clear(peer);
	mcp_session_notify(peer->session, MCP_RESOURCE_UPDATED, "a");
	assert_silent(peer);
}

static void
subscriptions_are_bounded(void **state)
{
	struct peer *peer = *state;
	char text[200];
	int i;

	peer_initialize(peer, "2025-11-25");
	for (i = 0; i <= MCP_SUBSCRIPTIONS_MAX; i++) {
		peer_clear(peer);
		(void)snprintf(text, sizeof text,
			       LEGACY("1", "resources/subscribe", "\"uri\":\"%d\""), i);
		peer_say(peer, text);
		assert_int_equal(peer->sent[0].kind,
				 i < MCP_SUBSCRIPTIONS_MAX ? MCP_OUT_RESULT : MCP_OUT_ERROR);
	}
}

static void
a_subscription_can_be_ended_from_here(void **state)
{
	struct peer *peer = *state;
	int origin = 0;

	say_from(peer, MODERN("5", "subscriptions/listen", ",\"notifications\":{}"), &origin);
	say_from(peer, MODERN("6", "tools/call", "," HOLD), &origin);
	peer_clear(peer);
	assert_int_equal(origin, 2);
	mcp_session_end_standing(peer->session);
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"resultType\":\"complete\","
			  "\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":5,"
			  "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"peer\",\"version\":"
			  "\"1\"}}}}");
	assert_int_equal(origin, 1);
	assert_int_equal(mcp_session_pending(peer->session), 1);
}

/* --- origins --- */

static void
an_origin_is_held_until_its_last_request_has_ended(void **state)
{
	const struct mcp_result done = { .text = "done", .text_len = 4 };
	struct peer *peer = *state;
	int origin = 0;

	say_from(peer, LEGACY("0", "initialize", "\"protocolVersion\":\"2025-03-26\""), &origin);
	say_from(peer, LEGACY("0", "no/such", ""), &origin);
	say_from(peer, "{", &origin);
	say_from(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", &origin);
	assert_int_equal(origin, 0);
	say_from(peer, "[" LEGACY("1", "tools/call", HOLD) "," LEGACY("2", "tools/call", HOLD) "]",
		 &origin);
	assert_int_equal(origin, 2);
	peer_clear(peer);
	mcp_call_result(peer->before, &done);
	assert_int_equal(origin, 1);
	assert_silent(peer);
	mcp_call_fail(peer->held, "no");
	assert_int_equal(origin, 0);
	assert_int_equal(peer->n, 1);
	assert_ptr_equal(peer->sent[0].origin, &origin);
}

static void
an_origin_is_let_go_by_cancellation_and_by_errors(void **state)
{
	struct peer *peer = *state;
	struct mcp_call *stubborn;
	int origin = 0;

	peer_initialize(peer, "2025-06-18");
	say_from(peer, LEGACY("1", "tools/call", "\"name\":\"stubborn\""), &origin);
	stubborn = peer->held;
	say_from(peer, LEGACY("2", "tools/call", HOLD), &origin);
	assert_int_equal(origin, 2);
	mcp_call_error(peer->held, MCP_INTERNAL_ERROR, NULL, "no");
	assert_int_equal(origin, 1);
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{"
		       "\"requestId\":1}}");
	assert_int_equal(origin, 0);
	mcp_call_fail(stubborn, "nobody hears it");
	assert_int_equal(origin, 0);
}

static void
a_session_that_goes_lets_go_of_all_origins(void **state)
{
	struct peer *peer = *state;
	struct mcp_session_config session = { .send = peer_send,
					      .send_arg = peer,
					      .tool_arg = peer,
					      .hold = hold,
					      .release = release };
	struct err err = { 0 };
	int origin = 0;

	peer_initialize(peer, "2025-06-18");
	say_from(peer, LEGACY("1", "tools/call", HOLD), &origin);
	say_from(peer, MODERN("2", "subscriptions/listen", ",\"notifications\":{}"), &origin);
	assert_int_equal(origin, 2);
	mcp_session_free(peer->session);
	assert_int_equal(origin, 0);
	assert_ok(mcp_session_new(peer->server, &session, &peer->session, &err), &err);
}

static void
sessions_can_share_the_buffer_that_they_write_in(void **state)
{
	struct peer *peer = *state;
	struct buf out;
	struct mcp_session_config session = {
		.send = peer_send, .send_arg = peer, .tool_arg = peer, .out = &out
	};
	struct mcp_session *sessions[2];
	struct err err = { 0 };
	size_t i;

	buf_init(&out, MCP_FRAME_MAX);
	for (i = 0; i < 2; i++)
		assert_ok(mcp_session_new(peer->server, &session, &sessions[i], &err), &err);
	for (i = 0; i < 4; i++)
		mcp_session_receive(sessions[i % 2], LEGACY("1", "ping", ""),
				    strlen(LEGACY("1", "ping", "")), NULL);
	assert_int_equal(peer->n, 4);
	for (i = 0; i < 4; i++)
		assert_string_equal(peer->sent[i].text,
				    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	for (i = 0; i < 2; i++)
		mcp_session_free(sessions[i]);
	buf_fini(&out);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, peer_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_added_method_is_served_and_stamped),
		T(a_server_says_which_methods_it_has),
		T(capabilities_are_those_of_the_era),
		T(a_legacy_client_sets_the_level_of_its_logs),
		T(a_modern_client_gets_logs_where_it_asks_for_them),
		T(a_client_is_asked_and_heard_once),
		T(an_answer_for_a_call_that_has_ended_is_not_heard),
		T(a_modern_client_cannot_be_asked),
		T(a_subscription_hears_what_it_asked_for),
		T(a_legacy_session_hears_of_lists_and_of_its_resources),
		T(subscriptions_are_bounded),
		T(a_subscription_can_be_ended_from_here),
		T(an_origin_is_held_until_its_last_request_has_ended),
		T(an_origin_is_let_go_by_cancellation_and_by_errors),
		T(a_session_that_goes_lets_go_of_all_origins),
		T(sessions_can_share_the_buffer_that_they_write_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
