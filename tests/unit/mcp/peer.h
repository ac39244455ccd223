/* SPDX-License-Identifier: MIT */
/*
 * peer - the other end of a session in unit tests: keeps what was sent, and tools that answer when
 * the test says so.
 */
#ifndef JOBWIRE_TESTS_PEER_H
#define JOBWIRE_TESTS_PEER_H

#include "test.h"

#include "mcp/server.h"
#include "mcp/session.h"
#include "mcp/tree.h"

#include "../../fixtures/mcp_tools.h"

#define PEER_SENT_MAX 64
#define MODERN_META                                                              \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"

struct peer {
	struct mcp_server *server;
	struct mcp_session *session;
	size_t n; /* messages sent */
	struct {
		enum mcp_outgoing_kind kind;
		int code;
		char *text;
		void *origin;
	} sent[PEER_SENT_MAX];
	struct mcp_call *held;   /* by the tool "hold" or "stubborn" */
	struct mcp_call *before; /* the one that was held before it */
	unsigned cancelled;
};

static inline void
peer_on_cancel(void *arg)
{
	struct peer *peer = arg;

	peer->cancelled++;
	peer->held = NULL;
}

/* Keeps the call, and lets go of it when it is cancelled. */
static inline void
tool_hold(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct peer *peer = arg;

	(void)args;
	peer->before = peer->held;
	peer->held = call;
	mcp_call_on_cancel(call, peer_on_cancel, peer);
}

/* Keeps the call, whatever comes. */
static inline void
tool_stubborn(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct peer *peer = arg;

	(void)args;
	peer->before = peer->held;
	peer->held = call;
}

static inline void
tool_huge(struct mcp_call *call, const cJSON *args, void *arg)
{
	char *text = malloc(MCP_FRAME_MAX);
	struct mcp_result result = { .text = text, .text_len = MCP_FRAME_MAX };

	(void)args;
	(void)arg;
	assert_non_null(text);
	memset(text, 'x', MCP_FRAME_MAX);
	mcp_call_result(call, &result);
	free(text);
}

static const struct mcp_tool peer_tools[] = {
	TEST_TOOLS,
	{ "hold", NULL, NULL, "Answer later.", NO_ARGS, NULL, 0, tool_hold, NULL },
	{ "stubborn", NULL, NULL, "Answer later.", NO_ARGS, NULL, 0, tool_stubborn, NULL },
	{ "huge", NULL, NULL, "Answer too much.", NO_ARGS, NULL, 0, tool_huge, NULL },
};

static inline void
peer_send(void *arg, const struct mcp_outgoing *out)
{
	struct peer *peer = arg;

	assert_true(peer->n < PEER_SENT_MAX);
	assert_null(memchr(out->bytes, '\n', out->len));
	peer->sent[peer->n].kind = out->kind;
	peer->sent[peer->n].code = out->code;
	peer->sent[peer->n].origin = out->origin;
	peer->sent[peer->n].text = strndup(out->bytes, out->len);
	assert_non_null(peer->sent[peer->n].text);
	peer->n++;
}

static inline void
peer_clear(struct peer *peer)
{
	while (peer->n)
		free(peer->sent[--peer->n].text);
}

static inline void
peer_say(struct peer *peer, const char *text)
{
	mcp_session_receive(peer->session, text, strlen(text), NULL);
}

static inline int
peer_setup(void **state)
{
	static const struct mcp_server_config config = {
		.name = "peer",
		.version = "1",
		.instructions = "Be kind.",
		.tools = peer_tools,
		.n_tools = ARRAY_SIZE(peer_tools),
	};
	struct peer *peer = calloc(1, sizeof *peer);
	struct mcp_session_config session = { .send = peer_send,
					      .send_arg = peer,
					      .tool_arg = peer };
	struct err err = { 0 };

	assert_non_null(peer);
	assert_ok(mcp_server_new(&config, &peer->server, &err), &err);
	assert_ok(mcp_session_new(peer->server, &session, &peer->session, &err), &err);
	*state = peer;
	return 0;
}

static inline int
peer_teardown(void **state)
{
	struct peer *peer = *state;
	size_t sent = peer->n;

	mcp_session_free(peer->session);
	assert_int_equal(peer->n, sent); /* nothing is sent by a session that goes */
	mcp_server_free(peer->server);
	peer_clear(peer);
	free(peer);
	return 0;
}

/* Agree on a legacy revision and forget what was said. */
static inline void
peer_initialize(struct peer *peer, const char *version)
{
	char text[200];

	(void)snprintf(text, sizeof text,
		       "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":"
		       "{\"protocolVersion\":\"%s\",\"capabilities\":{}}}",
		       version);
	peer_say(peer, text);
	assert_int_equal(peer->n, 1);
	assert_int_equal(peer->sent[0].kind, MCP_OUT_RESULT);
	peer_clear(peer);
}

/* All that was sent since the last time must be these lines, exactly. */
#define assert_said(peer, ...)                                                  \
	do {                                                                    \
		const char *const lines_[] = { __VA_ARGS__ };                   \
		size_t i_;                                                      \
		for (i_ = 0; i_ < ARRAY_SIZE(lines_) && i_ < (peer)->n; i_++)   \
			assert_string_equal((peer)->sent[i_].text, lines_[i_]); \
		assert_int_equal((peer)->n, ARRAY_SIZE(lines_));                \
		peer_clear(peer);                                               \
	} while (0)

#define assert_silent(peer) assert_int_equal((peer)->n, 0)

/* One error was sent, with this code and id (as text; "null"). */
#define assert_error(peer, code_, id_)                                                          \
	do {                                                                                    \
		assert_int_equal((peer)->n, 1);                                                 \
		if ((peer)->sent[0].kind != MCP_OUT_ERROR || (peer)->sent[0].code != (code_) || \
		    strncmp((peer)->sent[0].text, "{\"jsonrpc\":\"2.0\",\"id\":" id_ ",",       \
			    strlen("{\"jsonrpc\":\"2.0\",\"id\":" id_ ",")) != 0)               \
			fail_msg("not error %d: %s", (code_), (peer)->sent[0].text);            \
		peer_clear(peer);                                                               \
	} while (0)

#endif
