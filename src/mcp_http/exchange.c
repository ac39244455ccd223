/* SPDX-License-Identifier: MIT */
#include "mcp_http/exchange.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "mcp/server.h"
#include "mcp_http/answer.h"
#include "mcp_http/conn.h"
#include "mcp_http/facts.h"
#include "mcp_http/metrics.h"

#define FIELDS_MAX 64 /* bytes of header lines of our own */

struct exchange {
	TAILQ_ENTRY(exchange) entry;
	struct exchanges *all;
	struct conn *conn;            /* NULL: answered, gone, or the stream's */
	struct mcp_session *mcp;      /* modern: its own; NULL when it is gone */
	struct http_session *session; /* legacy; NULL when it is gone */
	struct stream *stream;        /* legacy, once it is a stream */
	struct buf kept;              /* an answer to a batch, which may not be the last */
	unsigned holds;
	bool takes_json, takes_stream;
	bool is_stream, is_batch, is_opening, is_done;
	struct histogram *rpc, *tool;
	int64_t began_ns;
};

/* An initialize that went well says how the session is called. */
static const char *
own_fields(const struct exchange *x, char out[FIELDS_MAX])
{
	out[0] = '\0';
	if (x->is_opening && mcp_session_revision(x->session->mcp))
		(void)snprintf(out, FIELDS_MAX, "Mcp-Session-Id: %s\r\n", x->session->id);
	return out;
}

static void
reply(struct exchange *x, int status, const void *body, size_t len)
{
	char fields[FIELDS_MAX];
	struct reply r = { .status = status,
			   .type = len ? "application/json" : NULL,
			   .fields = own_fields(x, fields),
			   .body = body,
			   .len = len };
	struct conn *conn = x->conn;

	x->conn = NULL;
	if (conn)
		conn_reply(conn, &r);
}

static void
open_stream(struct exchange *x)
{
	struct conn *conn = x->conn;
	char fields[FIELDS_MAX];

	x->is_stream = true;
	x->all->metrics->streams_total++;
	if (x->session)
		x->stream = session_stream_new(x->session);
	conn_stream_begin(conn, own_fields(x, fields));
	if (!x->stream) {
		conn_tick_in(conn, x->all->keepalive_ms);
		return;
	}
	x->conn = NULL; /* it is the stream's now */
	stream_attach(x->stream, conn, 0);
}

static void
say(struct exchange *x, const struct mcp_outgoing *out)
{
	x->all->metrics->messages_total++;
	if (x->stream) {
		stream_send(x->stream, out->bytes, out->len);
	} else if (x->conn) {
		conn_stream_event(x->conn, NULL, out->bytes, out->len);
		if (conn_unsent(x->conn) > x->all->unsent_most + out->len)
			conn_abort(x->conn);
	}
}

/* Modern clients see some errors in the status, too. */
static int
status_of(const struct exchange *x, const struct mcp_outgoing *out)
{
	if (x->session || out->kind != MCP_OUT_ERROR)
		return 200;
	return out->code == MCP_METHOD_NOT_FOUND     ? 404
	       : out->code == MCP_MISSING_CAPABILITY ? 400
						     : 200;
}

static bool
is_final(const struct mcp_outgoing *out)
{
	return out->kind == MCP_OUT_RESULT || out->kind == MCP_OUT_ERROR ||
	       out->kind == MCP_OUT_BATCH;
}

static void
say_kept(struct exchange *x)
{
	struct mcp_outgoing out = { .bytes = (const char *)buf_head(&x->kept), .len = x->kept.len };

	if (!x->kept.len)
		return;
	if (!x->is_stream && x->conn)
		open_stream(x);
	say(x, &out);
	buf_clear(&x->kept);
}

static void
answer(struct exchange *x, const struct mcp_outgoing *out)
{
	if (x->is_stream) {
		say(x, out);
	} else if (x->is_batch && x->takes_stream) {
		say_kept(x); /* more than one message holds: then it must be a stream */
		(void)!buf_add(&x->kept, out->bytes, out->len);
	} else if (x->takes_json || !x->conn) {
		reply(x, status_of(x, out), out->bytes, out->len);
	} else {
		open_stream(x);
		say(x, out);
	}
}

static void
tell(struct exchange *x, const struct mcp_outgoing *out)
{
	if (!x->is_stream && (!x->conn || !x->takes_stream))
		return;
	/* Before a slow client is cut off, it does without progress. */
	if (out->kind == MCP_OUT_PROGRESS && x->conn &&
	    conn_unsent(x->conn) > x->all->unsent_most / 2)
		return;
	if (!x->is_stream)
		open_stream(x);
	say(x, out);
}

/* The core's hook. */
static void
on_message(void *arg, const struct mcp_outgoing *out)
{
	struct http_session *session = arg;
	struct exchange *x = out->origin;

	if (!x)
		stream_send(&session->general, out->bytes, out->len);
	else if (is_final(out))
		answer(x, out);
	else
		tell(x, out);
}

static void
hold(void *origin)
{
	struct exchange *x = origin;

	x->holds++;
}

/* No request of it is under way any more. It may be inside of the core that we learn that, so that
 * freeing waits. */
static void
finish(struct exchange *x)
{
	if (x->kept.len && !x->is_stream)
		reply(x, 200, buf_head(&x->kept), x->kept.len);
	else
		say_kept(x);
	if (x->stream)
		stream_end(x->stream, clock_mono_ms());
	else if (x->conn && x->is_stream)
		conn_stream_end(x->conn);
	else if (x->conn && x->session && x->session->is_ending)
		answer_error(x->conn, 404, MCP_INVALID_REQUEST, NULL, "This session has ended");
	else if (x->conn)
		reply(x, 202, NULL, 0);
	x->conn = NULL;
	x->is_done = true;
	if (x->session)
		x->session->exchanges--;
	metrics_observe(x->rpc, clock_mono_ns() - x->began_ns);
	metrics_observe(x->tool, clock_mono_ns() - x->began_ns);
	TAILQ_REMOVE(&x->all->live, x, entry);
	TAILQ_INSERT_TAIL(&x->all->dead, x, entry);
	x->all->n--;
	event_active(x->all->reaper, EV_READ, 0);
}

static void
release(void *origin)
{
	struct exchange *x = origin;

	if (--x->holds == 0)
		finish(x);
}

static void
on_gone(void *arg)
{
	struct exchange *x = arg;
	struct mcp_session *mcp = x->mcp;

	x->conn = NULL;
	x->mcp = NULL;
	mcp_session_free(mcp); /* modern: that was the cancellation */
}

static void
on_tick(void *arg)
{
	struct exchange *x = arg;

	if (!x->is_stream) {
		open_stream(x);
		if (x->stream)
			return;
	}
	conn_stream_raw(x->conn, ": keepalive\n\n");
	conn_tick_in(x->conn, x->all->keepalive_ms);
}

static const char *
label_of(const struct exchanges *xs, const struct facts *facts)
{
	const char *method = facts->body.method;

	if (facts->body.kind == BODY_BATCH)
		return "batch";
	if (method &&
	    (facts->body.is_known || mcp_server_has_method(xs->server, method, MCP_LEGACY_LATEST)))
		return method;
	return "other";
}

static struct exchange *
exchange_new(struct exchanges *xs, struct conn *conn, const struct head *head,
	     const struct facts *facts)
{
	static const struct conn_owner owner = { on_gone, on_tick };
	struct exchange *x = calloc(1, sizeof *x);

	if (!x) {
		answer_error(conn, 503, MCP_INTERNAL_ERROR, facts, "Out of memory");
		return NULL;
	}
	x->all = xs;
	x->conn = conn;
	x->holds = 1;
	x->began_ns = clock_mono_ns();
	x->takes_json = route_accepts(head, "application/json");
	x->takes_stream = head_get(head, "accept") && route_accepts(head, "text/event-stream");
	x->is_batch = facts->body.kind == BODY_BATCH;
	buf_init(&x->kept, MCP_FRAME_MAX);
	if (facts->requests)
		x->rpc = metrics_histogram(&xs->metrics->rpcs, label_of(xs, facts));
	if (facts->tool)
		x->tool = metrics_histogram(&xs->metrics->tools, facts->tool);
	TAILQ_INSERT_TAIL(&xs->live, x, entry);
	xs->n++;
	conn_own(conn, &owner, x);
	return x;
}

/* Give the core what has come; whatever it says, it says through the hooks. */
static void
run(struct exchange *x, struct mcp_session *mcp, const struct facts *facts)
{
	mcp_session_receive_parsed(mcp, facts->root, facts->text, x);
	if (x->conn && !x->is_stream && x->takes_stream)
		conn_tick_in(x->conn, x->all->patience_ms);
	release(x);
}

void
exchange_modern(struct exchanges *xs, struct conn *conn, const struct head *head,
		const struct facts *facts)
{
	struct exchange *x = exchange_new(xs, conn, head, facts);
	struct err err = { 0 };

	if (!x)
		return;
	if (mcp_session_new(xs->server, &xs->mcp, &x->mcp, &err) < 0) {
		x->conn = NULL;
		answer_error(conn, 503, MCP_INTERNAL_ERROR, facts, err.msg);
		release(x);
		return;
	}
	run(x, x->mcp, facts);
}

void
exchange_legacy(struct exchanges *xs, struct conn *conn, const struct head *head,
		const struct facts *facts, struct http_session *session)
{
	struct exchange *x = exchange_new(xs, conn, head, facts);

	if (!x)
		return;
	x->session = session;
	session->exchanges++;
	run(x, session->mcp, facts);
}

void
exchange_open(struct exchanges *xs, struct conn *conn, const struct head *head,
	      const struct facts *facts)
{
	struct http_session *session;
	struct err err = { 0 };
	struct exchange *x;

	if (session_new(xs->sessions, &session, &err) < 0) {
		answer_error(conn, 503, MCP_INTERNAL_ERROR, facts, err.msg);
		return;
	}
	x = exchange_new(xs, conn, head, facts);
	if (x) {
		x->session = session;
		x->is_opening = true;
		session->exchanges++;
		run(x, session->mcp, facts); /* answers before it returns */
	}
	if (mcp_session_revision(session->mcp))
		xs->metrics->sessions_total++;
	else
		session_free(session); /* it was refused */
}

void
exchange_close_connection(void *origin)
{
	struct exchange *x = origin;

	if (x->is_done || !x->session)
		return;
	if (!x->is_stream && x->conn && x->takes_stream)
		open_stream(x);
	if (x->stream)
		stream_detach(x->stream);
}

static void
on_reap(evutil_socket_t fd, short what, void *arg)
{
	struct exchanges *xs = arg;
	struct exchange *x;

	(void)fd;
	(void)what;
	while ((x = TAILQ_FIRST(&xs->dead))) {
		TAILQ_REMOVE(&xs->dead, x, entry);
		mcp_session_free(x->mcp);
		buf_fini(&x->kept);
		free(x);
	}
}

int
exchanges_init(struct exchanges *xs, struct err *err)
{
	buf_init(&xs->out, MCP_FRAME_MAX);
	TAILQ_INIT(&xs->live);
	TAILQ_INIT(&xs->dead);
	xs->n = 0;
	xs->mcp = (struct mcp_session_config){ .send = on_message,
					       .tool_arg = xs->tool_arg,
					       .hold = hold,
					       .release = release,
					       .out = &xs->out };
	xs->reaper = event_new(xs->base, -1, 0, on_reap, xs);
	return xs->reaper ? 0 : err_sys(err, ENOMEM, "event");
}

void
exchanges_fini(struct exchanges *xs)
{
	if (xs->reaper) {
		on_reap(-1, 0, xs);
		event_free(xs->reaper);
	}
	buf_fini(&xs->out);
}

void
exchanges_drain(struct exchanges *xs)
{
	struct exchange *x, *next;

	for (x = TAILQ_FIRST(&xs->live); x; x = next) {
		next = TAILQ_NEXT(x, entry);
		if (x->mcp)
			mcp_session_end_standing(x->mcp);
	}
}

void
exchanges_notify(struct exchanges *xs, enum mcp_change change, const char *uri)
{
	struct exchange *x;

	TAILQ_FOREACH (x, &xs->live, entry) {
		if (x->mcp)
			mcp_session_notify(x->mcp, change, uri);
	}
}
