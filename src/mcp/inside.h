/* SPDX-License-Identifier: MIT */
/*
 * inside - what the files of this folder know of each other and nobody else does.
 */
#ifndef JOBWIRE_MCP_INSIDE_H
#define JOBWIRE_MCP_INSIDE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/map.h"
#include "mcp/call.h"
#include "mcp/message.h"
#include "mcp/method.h"
#include "mcp/notify.h"
#include "mcp/revision.h"
#include "mcp/server.h"
#include "mcp/session.h"
#include "mcp/tool.h"
#include "text/json.h"

/* One row for each method; handlers answer the call, now or later. */
struct mcp_method {
	const char *name;
	unsigned revisions; /* MCP_IN(...) */
	void (*handle)(struct mcp_call *call, const struct message *m);
	int64_t ttl_ms;          /* how long a modern client may keep the result, */
	const char *cache_scope; /* and who may share it; NULL: not at all */
	unsigned flags;
	void (*added)(struct mcp_call *call, const cJSON *params, void *arg); /* a front end's */
};

enum mcp_method_flag {
	METHOD_BEFORE_INITIALIZE = 1 << 0, /* a legacy client may send it at any time */
	METHOD_NOT_IN_BATCH = 1 << 1,
	METHOD_STANDING = 1 << 2,   /* stays open until the client ends it */
	METHOD_OF_LOGGING = 1 << 3, /* only where the server has_logging */
};

/* NULL where the revision, or the server, does not know it. */
const struct mcp_method *mcp_method_find(const struct mcp_server *server, const char *name,
					 enum mcp_revision revision);
void handle_listen(struct mcp_call *call, const struct message *m); /* notify.c */

/* --- server.c --- */

struct mcp_tool_entry {
	const struct mcp_tool *tool;
	const char *name; /* the tool's own, or an alias */
	const cJSON *schema;
	cJSON *owned_schema; /* the same, in the entry of the tool's own name */
};

enum mcp_era {
	MCP_LEGACY,
	MCP_MODERN,
	MCP_ERA_COUNT,
};

struct mcp_server {
	struct mcp_server_config config;
	struct mcp_tool_entry *entries;
	size_t n_entries;
	struct map by_name; /* to entries */
	struct mcp_method *added;
	/* Whole results, stamped. */
	struct buf tools_list[MCP_ERA_COUNT];
	struct buf discover;
};

/* --- session.c --- */

struct mcp_session {
	const struct mcp_server *server;
	struct mcp_session_config config;
	enum mcp_revision revision;   /* agreed on by initialize */
	struct map calls;             /* under way, by key */
	size_t standing;              /* of them */
	struct buf *out;              /* the message that is being written, */
	struct buf own_out;           /* mostly here */
	bool is_closing;              /* send nothing more */
	cJSON *client_caps;           /* of a legacy client, or NULL */
	enum mcp_log_level log_level; /* that a legacy client set */
	struct map subscriptions;     /* uris */
	struct map asks;              /* that the client has not answered yet */
	uint64_t last_ask;
};

/* The answers to one batch, gathered until the last one is there. */
struct mcp_batch {
	size_t open; /* requests without an answer, and one while the batch is being read */
	struct buf answers;
};

/* Where an answer goes, and under which id. */
struct mcp_return {
	void *origin;
	struct mcp_batch *batch; /* or NULL */
	struct scan_span id;     /* empty: null */
};

/* Send what was written into *session->out, or add it to its batch. */
void session_send(struct mcp_session *session, const struct mcp_return *to,
		  enum mcp_outgoing_kind kind, int code);
/* Give one answer of the batch up, or the last hold on it: at zero it is sent and freed. */
void session_batch_release(struct mcp_session *session, const struct mcp_return *to);
void session_error(struct mcp_session *session, const struct mcp_return *to, int code,
		   const char *data, const char *fmt, ...) PRINTF(5, 6);
void session_verror(struct mcp_session *session, const struct mcp_return *to, int code,
		    const char *data, const char *fmt, va_list ap) PRINTF(5, 0);
/* The origin, if the transport counts those who hold it. */
void session_hold(struct mcp_session *session, void *origin);
void session_release(struct mcp_session *session, void *origin);
/* Run the handler of a notification, if it has one. */
void session_notice(struct mcp_session *session, const struct message *m);

/* --- notify.c, ask.c --- */

void notify_forget(struct mcp_session *session);
/* The client answered something. */
void ask_answered(struct mcp_session *session, const struct message *m, const cJSON *root);
/* Nobody waits for what was asked for this call; NULL: for any. */
void ask_forget(struct mcp_session *session, const struct mcp_call *call);

/* --- call.c --- */

struct mcp_call {
	struct mcp_session *session; /* valid while the call is open */
	const struct mcp_method *method;
	const struct mcp_tool_entry *tool;
	enum mcp_revision revision;
	struct mcp_return to;
	struct scan_span token; /* of progress; empty: not wanted */
	int64_t progress;       /* the last one sent, */
	bool has_progress;      /* if any was */
	enum { CALL_OPEN, CALL_ANSWERED, CALL_CANCELLED } state;
	const cJSON *params, *caps; /* of the request, while its handler runs */
	enum mcp_log_level log_level;
	unsigned wants; /* of a standing request: MCP_TELLS() */
	cJSON *uris;
	bool is_busy; /* the handler or the callback runs: free later */
	void (*on_cancel)(void *arg);
	void *on_cancel_arg;
	char text[]; /* key, id and token */
};

/* The id in a form in which equal ids are equal strings: "s" and the string, "i" and the digits. */
char *call_key(const cJSON *id_value, struct scan_span id);
/* Put a new call among those under way and let its method's handler run. */
void call_start(struct mcp_session *session, const struct mcp_method *method,
		enum mcp_revision revision, const struct mcp_return *to, const struct message *m);
void call_cancel(struct mcp_call *call);
/* Begin a result, give it its members through *j, end it: it is stamped, sent, and the call over.
 * False where nobody wants it any more; the call is then over too. */
bool call_result_begin(struct mcp_call *call, struct json *j);
void call_result_end(struct mcp_call *call, struct json *j);
/* The same with another resultType than "complete". */
void call_result_end_as(struct mcp_call *call, struct json *j, const char *type);
/* The same with a result that was stamped before. */
void call_result_ready(struct mcp_call *call, const struct buf *result);
/* The result of a standing request that we end. */
void call_end_standing(struct mcp_call *call);
/* Send a notification about the call: what call_notice_begin() opened is its params. */
bool call_notice_begin(struct mcp_call *call, struct json *j, const char *method);
void call_notice_end(struct mcp_call *call, struct json *j, enum mcp_outgoing_kind kind);

/* What every result of the era carries besides its own members: nothing in legacy. */
void stamp(struct json *j, const struct mcp_server_config *config, const struct mcp_method *method,
	   enum mcp_era era, const char *type);
void write_capabilities(struct json *j, const struct mcp_server_config *config, enum mcp_era era);
void write_server_info(struct json *j, const char *key, const struct mcp_server_config *config);

#endif
