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

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "mcp/message.h"

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

/* A result of any method, or of a tool that needs another form: `members` are those of the result,
 * as JSON text without the braces. `type` is its resultType, which only modern clients see; NULL:
 * complete. */
void mcp_call_result_members(struct mcp_call *call, const char *type, const char *members,
			     size_t len);

/* The tool failed in a way that the model can do something about: one sentence for it. */
void mcp_call_fail(struct mcp_call *call, const char *fmt, ...) PRINTF(2, 3);

/* The request itself was wrong, or we are: a JSON-RPC error. `data` is JSON text or NULL. */
void mcp_call_error(struct mcp_call *call, int code, const char *data, const char *fmt, ...)
	PRINTF(4, 5);

/* Tell how far it is, if the client asked for it: values that do not grow are dropped. `total` < 0
 * is unknown, `message` may be NULL. */
void mcp_call_progress(struct mcp_call *call, int64_t progress, int64_t total, const char *message);
bool mcp_call_wants_progress(const struct mcp_call *call);

/* A line of log for the client, if it wants lines of that level. */
void mcp_call_log(struct mcp_call *call, enum mcp_log_level level, const char *text);

/* The request's params, and what the client can do (an object, or NULL): both live until the
 * handler returns. */
const cJSON *mcp_call_params(const struct mcp_call *call);
const cJSON *mcp_call_capabilities(const struct mcp_call *call);
/* May the call tell and ask as a modern one? */
bool mcp_call_is_modern(const struct mcp_call *call);
/* The transport's; see mcp_session_receive(). */
void *mcp_call_origin(const struct mcp_call *call);

/* Ask the client of a legacy session something: `params` is JSON text. on_answer() runs when the
 * answer comes, unless the call has ended before; one of `result` and `error` is NULL, and both
 * live until it returns. ERR_FAILED_PRECONDITION in the modern era, which has no such requests. */
typedef void mcp_answered(void *arg, const cJSON *result, const cJSON *error);
int mcp_call_ask(struct mcp_call *call, const char *method, const char *params,
		 mcp_answered *on_answer, void *arg) MUST_CHECK;

/* What to run when the answer is not wanted any more. It must let go of the call. */
void mcp_call_on_cancel(struct mcp_call *call, void (*callback)(void *arg), void *arg);

/* The name that the client used, which may be an alias. Lives as long as the server. */
const char *mcp_call_tool_name(const struct mcp_call *call);

#endif
