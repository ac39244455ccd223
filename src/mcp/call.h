/* SPDX-License-Identifier: MIT */
/*
 * call - one request under way, and the ways to answer it.
 *
 * A handler answers a call exactly once, with a result, a failure or an error, before it returns
 * or at any time later. The answer ends the call: the pointer is dead after it. A client may cancel
 * first: then the callback of mcp_call_on_cancel() runs once and the call is dead after it; without
 * a callback the call lives on and its answer is swallowed. The same happens to the calls of a
 * session that is freed. Nothing is ever sent for an id after its answer or its cancellation.
 *
 * Thread: the session's.
 */
#ifndef JOBWIRE_MCP_CALL_H
#define JOBWIRE_MCP_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct mcp_call;

/* A tool's result. Models see either the text or the structured part, never surely both, so each
 * must tell everything. */
struct mcp_result {
	const char
		*text; /* any bytes: repaired and escaped on the way; NULL: the structured part */
	size_t text_len;
	const char *structured; /* text of a JSON object, or NULL */
	size_t structured_len;
	const char *blocks; /* further content blocks: JSON objects with commas between, or NULL */
	size_t blocks_len;
};

void mcp_call_result(struct mcp_call *call, const struct mcp_result *result);

/* The tool failed in a way that the model can do something about: one sentence for it. */
void mcp_call_fail(struct mcp_call *call, const char *fmt, ...) PRINTF(2, 3);

/* The request itself was wrong, or we are: a JSON-RPC error. `data` is JSON text or NULL. */
void mcp_call_error(struct mcp_call *call, int code, const char *data, const char *fmt, ...)
	PRINTF(4, 5);

/* Tell how far it is, if the client asked for it: values that do not grow are dropped. `total` < 0
 * is unknown, `message` may be NULL. */
void mcp_call_progress(struct mcp_call *call, int64_t progress, int64_t total, const char *message);
bool mcp_call_wants_progress(const struct mcp_call *call);

/* What to run when the answer is not wanted any more. It must let go of the call. */
void mcp_call_on_cancel(struct mcp_call *call, void (*callback)(void *arg), void *arg);

/* The name that the client used, which may be an alias. Lives as long as the server. */
const char *mcp_call_tool_name(const struct mcp_call *call);

#endif
