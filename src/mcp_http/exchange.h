/* SPDX-License-Identifier: MIT */
/*
 * exchange - one POST with requests in it, from the core to the answer: as JSON if the answer is
 * the first thing to be said, as a stream of events if something goes before it or it takes long.
 *
 * The two eras differ in what a broken connection means. Modern: nobody wants the answer, so the
 * requests are cancelled. Legacy: nothing; the requests go on, and what was said on a stream can be
 * fetched with its last event's id.
 *
 * An exchange is the `origin` that the core gives back with each message (mcp/session.h). Thread:
 * the event loop's.
 */
#ifndef JOBWIRE_MCP_HTTP_EXCHANGE_H
#define JOBWIRE_MCP_HTTP_EXCHANGE_H

#include <sys/queue.h>

#include "base/buf.h"
#include "base/macros.h"
#include "mcp/notify.h"
#include "mcp/session.h"
#include "mcp_http/session.h"

struct conn;
struct event_base;
struct exchange;
struct facts;
struct head;
struct metrics;

TAILQ_HEAD(exchange_list, exchange);

struct exchanges {
	struct event_base *base;
	const struct mcp_server *server;
	void *tool_arg;
	struct sessions *sessions;
	struct metrics *metrics;
	int64_t patience_ms; /* after which a stream is opened to show that we live */
	int64_t keepalive_ms;
	size_t unsent_most;
	/* Its own. */
	struct mcp_session_config mcp;
	struct buf out; /* of all sessions of the core */
	struct event *reaper;
	struct exchange_list live, dead;
	size_t n;
};

/* The rest is filled in by the caller. After it, `mcp` can be given to sessions. */
int exchanges_init(struct exchanges *xs, struct err *err) MUST_CHECK;
/* After the last connection and the last session. */
void exchanges_fini(struct exchanges *xs);

/* Each takes the connection until it is answered. */
void exchange_modern(struct exchanges *xs, struct conn *conn, const struct head *head,
		     const struct facts *facts);
void exchange_legacy(struct exchanges *xs, struct conn *conn, const struct head *head,
		     const struct facts *facts, struct http_session *session);
/* initialize: a new session. */
void exchange_open(struct exchanges *xs, struct conn *conn, const struct head *head,
		   const struct facts *facts);

/* End what stands open and would never end by itself. */
void exchanges_drain(struct exchanges *xs);

/* Tell the modern ones, which are subscriptions if they want to know. */
void exchanges_notify(struct exchanges *xs, enum mcp_change change, const char *uri);

/* Close the connection on which this origin's answer is awaited; legacy clients come back for it.
 * The answer must not have been given. */
void exchange_close_connection(void *origin);

#endif
