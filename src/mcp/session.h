/* SPDX-License-Identifier: MIT */
/*
 * session - one peer: its messages come in here one by one, its answers go out through one hook.
 *
 * Way of the data: transport -> mcp_session_receive() -> classification, method table, handler ->
 * call.h -> the send hook -> transport. Both eras are served at once: what `initialize` agreed on
 * holds for requests without a modern envelope, and a modern request carries all that it needs.
 *
 * Thread: one at a time; the hook and the handlers run on the caller's. Limits: MCP_CALLS_MAX
 * requests without an answer, MCP_FRAME_MAX bytes in one outgoing message.
 */
#ifndef JOBWIRE_MCP_SESSION_H
#define JOBWIRE_MCP_SESSION_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/macros.h"
#include "mcp/revision.h"
#include "mcp/scan.h"

#define MCP_CALLS_MAX 256
#define MCP_FRAME_MAX (4u << 20) /* clients close the connection at 8 MiB */
#define MCP_ID_MAX    1024       /* bytes of an id or a progress token, as it is written */

/* JSON-RPC's codes, and those of MCP. */
enum mcp_error {
	MCP_PARSE_ERROR = -32700,
	MCP_INVALID_REQUEST = -32600,
	MCP_METHOD_NOT_FOUND = -32601,
	MCP_INVALID_PARAMS = -32602,
	MCP_INTERNAL_ERROR = -32603,
	MCP_HEADER_MISMATCH = -32020, /* of transports that repeat the body in headers */
	MCP_MISSING_CAPABILITY = -32021,
	MCP_UNSUPPORTED_VERSION = -32022,
};

enum mcp_outgoing_kind {
	MCP_OUT_RESULT,
	MCP_OUT_ERROR,
	MCP_OUT_BATCH, /* an array of results and errors */
	MCP_OUT_NOTIFICATION,
	MCP_OUT_REQUEST,  /* that the client is to answer */
	MCP_OUT_PROGRESS, /* a notification that may be dropped where the peer is slow */
};

/* One whole message without a line feed in it, borrowed for the hook's time. */
struct mcp_outgoing {
	enum mcp_outgoing_kind kind;
	int code; /* of MCP_OUT_ERROR, else 0 */
	const char *bytes;
	size_t len;
	void *origin; /* as it was given with the message that this belongs to */
};

struct buf;
struct err;
struct mcp_server;
struct mcp_session;

struct mcp_session_config {
	/* Must take the message (copy, queue or write it), and neither call back into the session
	 * nor free it. */
	void (*send)(void *arg, const struct mcp_outgoing *out);
	void *send_arg;
	void *tool_arg; /* for the tools' handlers */
	/* Optional, both or none: a request that came with this origin is under way, and will be
	 * heard of no more, whether it was answered or cancelled. As restricted as the first hook.
	 */
	void (*hold)(void *origin);
	void (*release)(void *origin);
	/* Where messages are written before they are sent: many sessions of one thread can share
	 * one buffer, bounded by MCP_FRAME_MAX. NULL: one of its own. */
	struct buf *out;
};

/* The caller owns *ret_session. The server must outlive it. */
int mcp_session_new(const struct mcp_server *server, const struct mcp_session_config *config,
		    struct mcp_session **ret_session, struct err *err) MUST_CHECK;

/* Cancel all that is under way and free; nothing more is sent. Not from a handler or the hook. */
void mcp_session_free(struct mcp_session *session);

/* One message, or a batch. Borrowed for the call. `origin` comes back with all that is sent in
 * answer to it; a stream of its own needs none. */
void mcp_session_receive(struct mcp_session *session, const void *bytes, size_t len, void *origin);

/* The same with what tree_parse() (mcp/tree.h) gave for it, for a transport that had to look. */
void mcp_session_receive_parsed(struct mcp_session *session, const cJSON *root,
				struct scan_span text, void *origin);

/* End the standing requests (subscriptions) from this side, each with a result. */
void mcp_session_end_standing(struct mcp_session *session);

/* Answer something that was no message to the transport (too long a line): an error, id null. */
void mcp_session_refuse(struct mcp_session *session, int code, const char *why, void *origin);

/* How many requests wait for their answer; standing ones (subscriptions) are not counted. */
size_t mcp_session_pending(const struct mcp_session *session);

/* What initialize agreed on, or MCP_REVISION_NONE. */
enum mcp_revision mcp_session_revision(const struct mcp_session *session);

#endif
