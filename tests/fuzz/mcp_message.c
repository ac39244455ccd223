/* SPDX-License-Identifier: MIT */
/*
 * fuzz: mcp - lines into one session with the test tools; whatever comes in, what goes out is one
 * JSON value without a line feed. Each line of the input is one message.
 */
#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/utf8.h"
#include "mcp/scan.h"
#include "mcp/session.h"

#include "../fixtures/mcp_tools.h"

#define HELD_MAX 8

struct held {
	struct mcp_call *calls[HELD_MAX];
	size_t n;
};

/* Take a call that stays open until the input ends or its client cancels it. */
static void
tool_hold(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct held *held = arg;

	(void)args;
	mcp_call_progress(call, 1, 2, "held");
	if (held->n < HELD_MAX)
		held->calls[held->n++] = call;
	else
		mcp_call_fail(call, "no room for %s", mcp_call_tool_name(call));
}

static void
forget(void *arg)
{
	(void)arg;
}

/* The same without a memory: the core alone must end it. */
static void
tool_listen(struct mcp_call *call, const cJSON *args, void *arg)
{
	(void)args;
	mcp_call_on_cancel(call, forget, arg);
}

static const struct mcp_tool tools[] = {
	TEST_TOOLS,
	{ "hold", NULL, NULL, "Answer at the end.", NO_ARGS, NULL, 0, tool_hold, NULL },
	{ "listen", NULL, NULL, "Never answer.", NO_ARGS, NULL, 0, tool_listen, NULL },
};

static void
check_sent(void *arg, const struct mcp_outgoing *out)
{
	struct scan_report report;
	cJSON *root;

	(void)arg;
	if (memchr(out->bytes, '\n', out->len) || !utf8_is_valid(out->bytes, out->len) ||
	    scan_check(out->bytes, out->len, &report) < 0)
		abort();
	root = cJSON_ParseWithLength(out->bytes, out->len);
	if (!root || (out->kind == MCP_OUT_BATCH) != (cJSON_IsArray(root) != 0))
		abort();
	cJSON_Delete(root);
}

static struct mcp_server *
make_server(void)
{
	static const struct mcp_server_config config = {
		.name = "fuzz", .version = "1", .tools = tools, .n_tools = ARRAY_SIZE(tools)
	};
	struct mcp_server *server;

	if (mcp_server_new(&config, &server, NULL) < 0)
		abort();
	return server;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mcp_server *server;
	const struct mcp_result done = { .text = "done", .text_len = 4 };
	struct held held = { .n = 0 };
	struct mcp_session_config config = { .send = check_sent, .tool_arg = &held };
	struct mcp_session *session;
	const uint8_t *end;
	size_t n;

	if (!server)
		server = make_server();
	if (mcp_session_new(server, &config, &session, NULL) < 0)
		abort();
	for (; size; data += n, size -= n) {
		end = memchr(data, '\n', size);
		n = end ? (size_t)(end - data) : size;
		mcp_session_receive(session, data, n, NULL);
		n += end ? 1 : 0;
	}
	while (held.n > HELD_MAX / 2)
		mcp_call_result(held.calls[--held.n], &done);
	mcp_session_free(session);
	while (held.n)
		mcp_call_result(held.calls[--held.n], &done);
	return 0;
}
