/* SPDX-License-Identifier: MIT */
/*
 * http - MCP over Streamable HTTP: the listener, and what belongs to all connections.
 *
 * Way of the data: listener -> conn -> route -> exchange or session -> mcp core, and back. One
 * thread, the event loop's, serves everything. SIGTERM and SIGINT drain: nothing new is taken, what
 * stands open is ended, what is under way may finish for `drain_timeout`; a second signal ends it.
 */
#ifndef JOBWIRE_MCP_HTTP_HTTP_H
#define JOBWIRE_MCP_HTTP_HTTP_H

#include "base/macros.h"
#include "mcp/notify.h"

struct err;
struct event_base;
struct http;
struct http_settings;
struct mcp_server;

/* Listen. All four are kept until http_free(); `tool_arg` goes to the tools' handlers. SIGPIPE is
 * ignored from now on. The caller owns *ret_http. */
int http_new(struct event_base *base, const struct http_settings *settings,
	     const struct mcp_server *server, void *tool_arg, struct http **ret_http,
	     struct err *err) MUST_CHECK;

/* "http://127.0.0.1:8765/mcp" */
const char *http_url(const struct http *http);

/* Tell every session that wants to know (mcp/notify.h). */
void http_notify(struct http *http, enum mcp_change change, const char *uri);

/* Run the loop until it is drained. 0, or a negative ERR_*. */
int http_run(struct http *http, struct err *err) MUST_CHECK;

/* End what is open, cancel what is under way, free. NULL is allowed. */
void http_free(struct http *http);

#endif
