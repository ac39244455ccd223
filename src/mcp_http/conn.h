/* SPDX-License-Identifier: MIT */
/*
 * conn - one client's connection: requests in, one after the other; answers out.
 *
 * Way of the data: listener -> conn -> parse -> the hooks below -> conn_reply() or a stream of
 * events -> socket. A request that came behind one that is not answered yet stays unread.
 *
 * Nothing that a client does or leaves undone keeps a connection for ever: the head, the body and
 * the pause between requests have absolute deadlines, what cannot be written for `write_ms` ends
 * it, and the kernel is asked to find peers that have vanished.
 *
 * Thread: the event loop's. Memory: a connection that waits or streams keeps no buffers.
 */
#ifndef JOBWIRE_MCP_HTTP_CONN_H
#define JOBWIRE_MCP_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"

#define CONN_AHEAD_MAX  (64u << 10) /* bytes that are read while a request is being answered */
#define CONN_UNREAD_MAX (1u << 20)  /* of answers, beyond which no request is read */

struct conn;
struct conns;
struct err;
struct event_base;
struct head;

struct conns_config {
	struct event_base *base;
	size_t conns_max;
	size_t body_max, bodies_max; /* of one request, and of all that are being received */
	int64_t head_ms, body_ms, idle_ms, write_ms;
	/* The head is there: answer now to refuse it, before the body comes, or return. */
	void (*on_head)(void *arg, struct conn *conn, const struct head *head);
	/* The request is whole: answer now or later. Both are borrowed for the hook's time. */
	void (*on_request)(void *arg, struct conn *conn, const struct head *head,
			   const struct buf *body);
	/* Optional: an answer with this status goes out. */
	void (*on_status)(void *arg, int status);
	/* Optional: the last connection of a drain has ended. */
	void (*on_empty)(void *arg);
	void *arg;
};

/* Who wants to know what becomes of an unanswered request or an open stream. */
struct conn_owner {
	void (*gone)(void *arg); /* the connection has ended: forget it */
	void (*tick)(void *arg); /* conn_tick_in() is over */
};

/* The caller owns *ret_conns. */
int conns_new(const struct conns_config *config, struct conns **ret_conns,
	      struct err *err) MUST_CHECK;
/* Ends every connection. NULL is allowed. */
void conns_free(struct conns *conns);
size_t conns_count(const struct conns *conns);
/* Take a connected socket; at the cap it is refused with 503. */
void conns_accept(struct conns *conns, int fd);
/* Answer what has been asked, take nothing new, then say on_empty(). */
void conns_drain(struct conns *conns);

/* --- answers --- */

struct reply {
	int status;
	const char *type;   /* of the body, or NULL */
	const char *fields; /* further header lines, each with CR LF, or NULL */
	const void *body;
	size_t len;
};

/* Answer the request; the connection then has no owner and goes on by itself. */
void conn_reply(struct conn *conn, const struct reply *reply);

/* Header lines that every answer to this request carries; copied. */
void conn_set_fields(struct conn *conn, const char *fields);

void conn_own(struct conn *conn, const struct conn_owner *owner, void *arg);
/* Call the owner's tick() after that time, once. */
void conn_tick_in(struct conn *conn, int64_t ms);

/* Answer with a stream of server-sent events (WHATWG HTML 9.2); `fields` as in a reply. */
void conn_stream_begin(struct conn *conn, const char *fields);
/* One event: `id` may be NULL, `data` holds no line feed. */
void conn_stream_event(struct conn *conn, const char *id, const void *data, size_t len);
/* Lines as they are, with the blank line that ends them: comments, a priming event. */
void conn_stream_raw(struct conn *conn, const char *lines);
/* End the stream; the connection may be used for the next request. */
void conn_stream_end(struct conn *conn);

/* Bytes that the client has not taken yet. */
size_t conn_unsent(const struct conn *conn);
/* End it from inside of anything: soon, and the owner is told. */
void conn_abort(struct conn *conn);

#endif
