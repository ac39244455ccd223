/* SPDX-License-Identifier: MIT */
#include "peer.h"

#define CALL(id, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{" params "}}"
#define CANCEL(id)                                         \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" \
	"cancelled\",\"params\":{\"requestId\":" id "}}"
#define PROGRESS(token, rest)                              \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" \
	"progress\",\"params\":{\"progressToken\":" token "," rest "}}"

static const struct mcp_result done = { .text = "done", .text_len = 4 };
#define DONE(id)                                                                                   \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":" \
	"\"done\"}]}}"

static int
setup(void **state)
{
	(void)peer_setup(state);
	peer_initialize(*state, "2025-06-18");
	return 0;
}

static void
a_result_has_text_structure_and_further_blocks(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"kinds\",\"arguments\":{\"text\":\"x\",\"count\":"
				 "9007199254740993}"));
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"{\\\"text\\\":\\\"x\\\",\\\"count\\\":9007199254740993,"
		    "\\\"offset\\\":-1,\\\"flag\\\":false,\\\"name\\\":\\\"kinds\\\"}\"},"
		    "{\"type\":\"resource_link\",\"uri\":\"job://17/stdout\", "
		    "\"name\":\"stdout\"}],\"structuredContent\":{\"text\":\"x\",\"count\":"
		    "9007199254740993,\"offset\":-1,\"flag\":false,\"name\":\"kinds\"}}}");
}

static void
a_modern_result_is_stamped(void **state)
{
	struct peer *peer = *state;

	peer_say(peer,
		 CALL("1", "\"name\":\"echo\",\"arguments\":{\"message\":\"x\"}," MODERN_META));
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"{\\\"message\\\":\\\"x\\\"}\"}],\"structuredContent\":{\"message\":"
		    "\"x\"},\"resultType\":\"complete\",\"_meta\":{\"io.modelcontextprotocol/"
		    "serverInfo\":{\"name\":\"peer\",\"version\":\"1\"}}}}");
}

static void
a_failure_is_one_sentence_for_the_model(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"fail\""));
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"Job 17 not found. Known jobs: 14 (running). Use list_jobs.\"}],"
		    "\"isError\":true}}");
}

static void
an_error_has_code_and_data(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"broken\""));
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":"
			  "\"broken on purpose\",\"data\":{\"why\":\"test\"}}}");
}

static void
bytes_of_a_job_become_valid_text(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"bytes\""));
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"a\xef\xbf\xbd\\u0000\\u001b[31m\xef\xbf\xbd\"}]}}");
}

static void
arguments_at_fault_are_told_to_the_model(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"echo\",\"arguments\":{\"mesage\":\"x\"}"));
	assert_said(peer,
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"type\":\"text\","
		    "\"text\":\"Invalid arguments for echo: there is no argument 'mesage': "
		    "allowed are message.\"}],\"isError\":true}}");
}

static void
a_call_at_fault_is_a_protocol_error(void **state)
{
	static const char *const params[] = {
		"",
		"\"name\":5",
		"\"name\":null",
		"\"name\":\"nope\"",
		"\"name\":\"ECHO\"",
		"\"name\":\"echo\\u0000\"",
		"\"name\":\"echo\",\"arguments\":[]",
		"\"name\":\"echo\",\"arguments\":\"x\"",
		"\"name\":\"echo\",\"name\":\"echo\"",
	};
	struct peer *peer = *state;
	char text[200];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(params); i++) {
		(void)snprintf(text, sizeof text, CALL("1", "%s"), params[i]);
		peer_say(peer, text);
		assert_error(peer, MCP_INVALID_PARAMS, "1");
	}
	peer_say(peer, CALL("1", "\"name\":\"nope\""));
	assert_non_null(
		strstr(peer->sent[0].text, "Unknown tool: nope. The tools are: echo, fail"));
}

static void
an_alias_works_and_is_not_listed(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"kinds_of_old\",\"arguments\":{\"text\":\"x\"}"));
	assert_non_null(strstr(peer->sent[0].text, "\"name\":\"kinds_of_old\""));
	peer_clear(peer);
	peer_say(peer, CALL("1", "\"name\":\"kinds2\",\"arguments\":{}"));
	assert_non_null(strstr(peer->sent[0].text, "\"isError\":true"));
	peer_clear(peer);
	peer_say(peer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	assert_null(strstr(peer->sent[0].text, "kinds_of_old"));
	assert_non_null(strstr(peer->sent[0].text, "{\"name\":\"kinds\","));
}

static void
the_list_of_tools_has_one_page(void **state)
{
	static const char *const cursors[] = { "\"\"", "\"x\"", "5", "{}" };
	struct peer *peer = *state;
	char text[200];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cursors); i++) {
		(void)snprintf(text, sizeof text,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":"
			       "{\"cursor\":%s}}",
			       cursors[i]);
		peer_say(peer, text);
		assert_error(peer, MCP_INVALID_PARAMS, "1");
	}
}

static void
structure_that_was_promised_and_not_given_is_our_error(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"liar\""));
	assert_error(peer, MCP_INTERNAL_ERROR, "1");
}

static void
an_answer_beyond_the_limit_is_an_error_and_the_session_goes_on(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"huge\""));
	assert_error(peer, MCP_INTERNAL_ERROR, "1");
	peer_say(peer, CALL("1", "\"name\":\"fail\""));
	assert_int_equal(peer->n, 1);
	assert_int_equal(peer->sent[0].kind, MCP_OUT_RESULT);
}

static void
progress_grows_and_ends_with_the_answer(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"hold\",\"_meta\":{\"progressToken\":0}"));
	assert_true(mcp_call_wants_progress(peer->held));
	mcp_call_progress(peer->held, 0, 3, NULL);
	mcp_call_progress(peer->held, 0, 3, "again");
	mcp_call_progress(peer->held, 2, -1, "two \"2\"");
	mcp_call_progress(peer->held, 1, 3, "back");
	mcp_call_result(peer->held, &done);
	assert_said(peer, PROGRESS("0", "\"progress\":0,\"total\":3"),
		    PROGRESS("0", "\"progress\":2,\"message\":\"two \\\"2\\\"\""), DONE("1"));
}

static void
the_progress_token_comes_back_letter_by_letter(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"hold\",\"_meta\":{\"progressToken\":"
				 "1152921504606846977}"));
	mcp_call_progress(peer->held, 1, -1, NULL);
	peer_say(peer, CALL("2", "\"name\":\"hold\",\"_meta\":{\"progressToken\":\"\\u00e9\\/\"}"));
	mcp_call_progress(peer->held, 1, -1, NULL);
	assert_said(peer, PROGRESS("1152921504606846977", "\"progress\":1"),
		    PROGRESS("\"\\u00e9\\/\"", "\"progress\":1"));
}

static void
without_a_token_there_is_no_progress(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"hold\""));
	assert_false(mcp_call_wants_progress(peer->held));
	mcp_call_progress(peer->held, 1, 2, NULL);
	assert_silent(peer);
}

static void
the_oldest_revision_knows_no_message_in_progress(void **state)
{
	struct peer *peer = *state;

	peer_initialize(peer, "2024-11-05");
	peer_say(peer, CALL("1", "\"name\":\"hold\",\"_meta\":{\"progressToken\":0}"));
	mcp_call_progress(peer->held, 1, 2, "words");
	assert_said(peer, PROGRESS("0", "\"progress\":1,\"total\":2"));
}

static void
after_a_cancellation_nothing_is_sent(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("\"a/b\"", "\"name\":\"hold\",\"_meta\":{\"progressToken\":0}"));
	peer_say(peer, CANCEL("\"a/c\""));
	assert_int_equal(peer->cancelled, 0);
	peer_say(peer, CANCEL("\"a\\/b\"")); /* the same id */
	assert_int_equal(peer->cancelled, 1);
	assert_null(peer->held);
	peer_say(peer, CANCEL("\"a/b\""));
	assert_int_equal(peer->cancelled, 1);
	assert_silent(peer);
	assert_int_equal(mcp_session_pending(peer->session), 0);
}

static void
a_handler_that_does_not_listen_may_answer_into_the_void(void **state)
{
	struct peer *peer = *state;
	struct mcp_call *first;

	peer_say(peer, CALL("1", "\"name\":\"stubborn\",\"_meta\":{\"progressToken\":0}"));
	first = peer->held;
	peer_say(peer, CANCEL("1"));
	peer_say(peer, CALL("1", "\"name\":\"stubborn\"")); /* the id is free again */
	assert_silent(peer);
	assert_string_equal(mcp_call_tool_name(first), "stubborn");
	assert_false(mcp_call_wants_progress(first));
	mcp_call_progress(first, 1, 1, NULL);
	mcp_call_result(first, &done);
	assert_silent(peer);
	mcp_call_result(peer->held, &done);
	assert_said(peer, DONE("1"));
}

static void
answers_of_every_form_are_swallowed_after_a_cancellation(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, CALL("1", "\"name\":\"stubborn\""));
	peer_say(peer, CANCEL("1"));
	mcp_call_fail(peer->held, "too late");
	peer_say(peer, CALL("1", "\"name\":\"stubborn\""));
	peer_say(peer, CANCEL("1"));
	mcp_call_error(peer->held, MCP_INTERNAL_ERROR, NULL, "too late");
	assert_silent(peer);
}

static void
a_session_that_goes_cancels_its_calls(void **state)
{
	struct peer *peer = *state;
	struct mcp_call *stubborn;
	struct mcp_session_config config = { .send = peer_send,
					     .send_arg = peer,
					     .tool_arg = peer };
	struct err err = { 0 };

	peer_say(peer, CALL("1", "\"name\":\"stubborn\""));
	stubborn = peer->held;
	peer_say(peer, CALL("2", "\"name\":\"hold\""));
	mcp_session_free(peer->session);
	assert_int_equal(peer->cancelled, 1);
	mcp_call_result(stubborn, &done); /* dead session, living call */
	assert_silent(peer);
	assert_ok(mcp_session_new(peer->server, &config, &peer->session, &err), &err);
}

static void
a_subscription_stays_until_it_is_cancelled(void **state)
{
	struct peer *peer = *state;
	const char *listen = "{\"jsonrpc\":\"2.0\",\"id\":\"listen:0\",\"method\":"
			     "\"subscriptions/listen\",\"params\":{" MODERN_META
			     ",\"notifications\":{\"toolsListChanged\":true}}}";

	peer_say(peer, listen);
	assert_int_equal(peer->sent[0].kind, MCP_OUT_NOTIFICATION);
	assert_said(peer, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/"
			  "acknowledged\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
			  "subscriptionId\":\"listen:0\"},\"notifications\":{}}}");
	assert_int_equal(mcp_session_pending(peer->session), 0);
	peer_say(peer, listen);
	assert_error(peer, MCP_INVALID_REQUEST, "null");
	peer_say(peer, CANCEL("\"listen:0\""));
	assert_silent(peer);
	peer_say(peer, listen);
	assert_int_equal(peer->n, 1);
	assert_int_equal(peer->sent[0].kind, MCP_OUT_NOTIFICATION);
}

#define own_peer(test) cmocka_unit_test_setup_teardown(test, setup, peer_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		own_peer(a_result_has_text_structure_and_further_blocks),
		own_peer(a_modern_result_is_stamped),
		own_peer(a_failure_is_one_sentence_for_the_model),
		own_peer(an_error_has_code_and_data),
		own_peer(bytes_of_a_job_become_valid_text),
		own_peer(arguments_at_fault_are_told_to_the_model),
		own_peer(a_call_at_fault_is_a_protocol_error),
		own_peer(an_alias_works_and_is_not_listed),
		own_peer(the_list_of_tools_has_one_page),
		own_peer(structure_that_was_promised_and_not_given_is_our_error),
		own_peer(an_answer_beyond_the_limit_is_an_error_and_the_session_goes_on),
		own_peer(progress_grows_and_ends_with_the_answer),
		own_peer(the_progress_token_comes_back_letter_by_letter),
		own_peer(without_a_token_there_is_no_progress),
		own_peer(the_oldest_revision_knows_no_message_in_progress),
		own_peer(after_a_cancellation_nothing_is_sent),
		own_peer(a_handler_that_does_not_listen_may_answer_into_the_void),
		own_peer(answers_of_every_form_are_swallowed_after_a_cancellation),
		own_peer(a_session_that_goes_cancels_its_calls),
		own_peer(a_subscription_stays_until_it_is_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
