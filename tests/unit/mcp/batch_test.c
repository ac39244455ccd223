/* SPDX-License-Identifier: MIT */
#include "peer.h"

#define CALL(id, name)                    \
	"{\"jsonrpc\":\"2.0\",\"id\":" id \
	",\"method\":\"tools/call\",\"params\":{\"name\":\"" name "\"}}"
#define CANCEL(id)                                         \
	"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/" \
	"cancelled\",\"params\":{\"requestId\":" id "}}"
#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define PONG(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"
#define NOTE     "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"
#define DONE(id)                                                                                   \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":" \
	"\"done\"}]}}"

static const struct mcp_result done = { .text = "done", .text_len = 4 };

static int
setup(void **state)
{
	(void)peer_setup(state);
	peer_initialize(*state, "2025-03-26");
	return 0;
}

static void
a_batch_is_answered_by_one_array(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, " [ " PING("1") " , " NOTE "," PING("\"b\"") "] ");
	assert_int_equal(peer->sent[0].kind, MCP_OUT_BATCH);
	assert_said(peer, "[" PONG("1") "," PONG("\"b\"") "]");
}

static void
the_array_waits_for_its_last_answer(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "[" CALL("1", "hold") "," PING("2") "]");
	assert_silent(peer);
	peer_say(peer, PING("3")); /* outside of the batch */
	assert_said(peer, PONG("3"));
	mcp_call_result(peer->held, &done);
	assert_said(peer, "[" PONG("2") "," DONE("1") "]");
}

static void
a_batch_without_requests_is_not_answered(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "[" NOTE ",{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}]");
	assert_silent(peer);
}

static void
a_cancelled_request_is_missing_in_the_array(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "[" CALL("1", "hold") "," PING("2") "]");
	peer_say(peer, CANCEL("1"));
	assert_said(peer, "[" PONG("2") "]");
	peer_say(peer, "[" CALL("1", "hold") "]");
	peer_say(peer, CANCEL("1"));
	assert_silent(peer);
	peer_say(peer, "[" CALL("1", "hold") "," CANCEL("1") "," PING("2") "]");
	assert_said(peer, "[" PONG("2") "]");
}

static void
each_bad_element_has_its_own_error(void **state)
{
	static const char *const elements[] = {
		"5",
		"[]",
		"{}",
		"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"initialize\",\"params\":"
		"{\"protocolVersion\":\"2025-06-18\"}}",
		"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"tools/list\",\"params\":{" MODERN_META
		"}}",
		PING("1"),
	};
	struct peer *peer = *state;
	char text[500];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(elements); i++) {
		(void)snprintf(text, sizeof text, "[%s,%s]", PING("1"), elements[i]);
		if (i == ARRAY_SIZE(elements) - 1) /* one id twice: only while it is under way */
			(void)snprintf(text, sizeof text, "[%s,%s]", CALL("1", "hold"), PING("1"));
		peer_say(peer, text);
		if (peer->n == 0)
			mcp_call_result(peer->held, &done);
		assert_int_equal(peer->n, 1);
		if (!strstr(peer->sent[0].text, "\"code\":-32600"))
			fail_msg("%s: %s", text, peer->sent[0].text);
		peer_clear(peer);
	}
	assert_int_equal(mcp_session_revision(peer->session), MCP_2025_03_26);
}

static void
only_one_revision_has_batches(void **state)
{
	static const char *const others[] = { "2024-11-05", "2025-06-18", "2025-11-25" };
	struct peer *peer = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		peer_initialize(peer, others[i]);
		peer_say(peer, "[" PING("1") "]");
		assert_error(peer, MCP_INVALID_REQUEST, "null");
	}
	peer_initialize(peer, "2025-03-26");
	peer_say(peer, "[]");
	assert_error(peer, MCP_INVALID_REQUEST, "null");
	peer_say(peer, "[" PING("1") "]");
	assert_said(peer, "[" PONG("1") "]");
}

static void
progress_does_not_wait_for_the_batch(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":"
		       "{\"name\":\"hold\",\"_meta\":{\"progressToken\":0}}}]");
	mcp_call_progress(peer->held, 1, -1, NULL);
	assert_int_equal(peer->n, 1);
	assert_int_equal(peer->sent[0].kind, MCP_OUT_PROGRESS);
}

static void
a_batch_beyond_one_message_goes_out_in_several(void **state)
{
	struct mcp_result large = { .text_len = MCP_FRAME_MAX / 2 };
	struct peer *peer = *state;
	auto_free char *text = malloc(large.text_len);

	assert_non_null(text);
	memset(text, 'x', large.text_len);
	large.text = text;
	peer_say(peer, "[" CALL("1", "hold") "," CALL("2", "hold") "," PING("3") "]");
	mcp_call_result(peer->before, &large);
	assert_silent(peer);
	mcp_call_result(peer->held, &large);
	assert_int_equal(peer->n, 2);
	assert_int_equal(peer->sent[0].kind, MCP_OUT_BATCH);
	assert_memory_equal(peer->sent[0].text, "[" PONG("3") ",{", strlen(PONG("3")) + 3);
	assert_int_equal(peer->sent[1].kind, MCP_OUT_BATCH);
	assert_memory_equal(peer->sent[1].text, "[{", 2);
	assert_true(strlen(peer->sent[0].text) > large.text_len);
	assert_true(strlen(peer->sent[1].text) > large.text_len);
}

static void
a_session_that_goes_takes_open_batches_with_it(void **state)
{
	struct peer *peer = *state;

	peer_say(peer, "[" CALL("1", "hold") "," PING("2") "]");
	assert_silent(peer); /* peer_teardown() sees to the rest */
}

#define own_peer(test) cmocka_unit_test_setup_teardown(test, setup, peer_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		own_peer(a_batch_is_answered_by_one_array),
		own_peer(the_array_waits_for_its_last_answer),
		own_peer(a_batch_without_requests_is_not_answered),
		own_peer(a_cancelled_request_is_missing_in_the_array),
		own_peer(each_bad_element_has_its_own_error),
		own_peer(only_one_revision_has_batches),
		own_peer(progress_does_not_wait_for_the_batch),
		own_peer(a_batch_beyond_one_message_goes_out_in_several),
		own_peer(a_session_that_goes_takes_open_batches_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
