/* SPDX-License-Identifier: MIT */
/* What a connection writes. */
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mcp_http/conn_inside.h"

#define STREAM_FIELDS                               \
	"Cache-Control: no-cache, no-transform\r\n" \
	"X-Accel-Buffering: no\r\n"

static const char *
reason(int status)
{
	switch (status) {
#define XX(num, name, text) \
	case num:           \
		return #text;
		HTTP_STATUS_MAP(XX)
#undef XX
	default:
		return "Unknown";
	}
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static void
http_date(char out[40])
{
	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		out[0] = '\0';
}

static struct evbuffer *
out_of(const struct conn *conn)
{
	return bufferevent_get_output(conn->bev);
}

/* Will the connection go on behind this answer? */
static bool
stays_open(const struct conn *conn)
{
	/* A body that is still to come would be taken for the next request by nobody but us;
	 * reading it to its end would let a refused client keep us busy. */
	bool unread = conn->state < CONN_BUSY && conn->parse.request &&
		      conn->parse.request->head.has_body;

	return conn->parse.is_open && !unread && !conn->conns->is_draining && !conn->has_ended &&
	       conn->state != CONN_FLUSH;
}

static void
write_head(struct conn *conn, int status, const char *type, const char *fields)
{
	struct evbuffer *out = out_of(conn);
	char date[40];

	http_date(date);
	(void)evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason(status),
				  date);
	if (type)
		(void)evbuffer_add_printf(out, "Content-Type: %s\r\n", type);
	if (conn->fields)
		(void)evbuffer_add(out, conn->fields, strlen(conn->fields));
	if (fields)
		(void)evbuffer_add(out, fields, strlen(fields));
	if (!conn->parse.is_open)
		(void)evbuffer_add(out, "Connection: close\r\n", 19);
	else if (conn->parse.is_1_0)
		(void)evbuffer_add(out, "Connection: keep-alive\r\n", 24);
	if (conn->conns->config.on_status)
		conn->conns->config.on_status(conn->conns->config.arg, status);
}

void
conn_reply(struct conn *conn, const struct reply *reply)
{
	struct evbuffer *out = out_of(conn);

	if (conn->is_dead || conn->state >= CONN_STREAM || conn->is_answered)
		return;
	conn->parse.is_open = stays_open(conn);
	write_head(conn, reply->status, reply->type, reply->fields);
	if (reply->status == 204)
		(void)evbuffer_add(out, "\r\n", 2);
	else
		(void)evbuffer_add_printf(out, "Content-Length: %zu\r\n\r\n", reply->len);
	if (reply->len)
		(void)evbuffer_add(out, reply->body, reply->len);
	conn_answered(conn);
}

void
conn_refuse(struct conn *conn, int status)
{
	struct reply reply = { .status = status };

	conn->parse.is_open = false;
	conn_reply(conn, &reply);
}

void
conn_set_fields(struct conn *conn, const char *fields)
{
	free(conn->fields);
	conn->fields = strdup(fields);
	if (!conn->fields)
		conn_abort(conn); /* without them the answer might say more than it may */
}

void
conn_stream_begin(struct conn *conn, const char *fields)
{
	struct evbuffer *out = out_of(conn);

	conn->is_chunked = !conn->parse.is_1_0;
	conn->parse.is_open = stays_open(conn) && conn->is_chunked;
	write_head(conn, 200, "text/event-stream", STREAM_FIELDS);
	if (fields)
		(void)evbuffer_add(out, fields, strlen(fields));
	if (conn->is_chunked)
		(void)evbuffer_add(out, "Transfer-Encoding: chunked\r\n", 28);
	(void)evbuffer_add(out, "\r\n", 2);
	conn_set_state(conn, CONN_STREAM);
}

static void
chunk_begin(struct conn *conn, size_t len)
{
	if (conn->is_chunked)
		(void)evbuffer_add_printf(out_of(conn), "%zx\r\n", len);
}

static void
chunk_end(struct conn *conn)
{
	if (conn->is_chunked)
		(void)evbuffer_add(out_of(conn), "\r\n", 2);
}

void
conn_stream_event(struct conn *conn, const char *id, const void *data, size_t len)
{
	static const char event[] = "event: message\ndata: ";
	struct evbuffer *out = out_of(conn);
	size_t id_len = id ? strlen(id) : 0;

	if (conn->is_dead || conn->state != CONN_STREAM)
		return;
	chunk_begin(conn, (id ? id_len + 5 : 0) + sizeof event - 1 + len + 2);
	if (id)
		(void)evbuffer_add_printf(out, "id: %s\n", id);
	(void)evbuffer_add(out, event, sizeof event - 1);
	(void)evbuffer_add(out, data, len);
	(void)evbuffer_add(out, "\n\n", 2);
	chunk_end(conn);
}

void
conn_stream_raw(struct conn *conn, const char *lines)
{
	size_t len = strlen(lines);

	if (conn->is_dead || conn->state != CONN_STREAM)
		return;
	chunk_begin(conn, len);
	(void)evbuffer_add(out_of(conn), lines, len);
	chunk_end(conn);
}

void
conn_stream_end(struct conn *conn)
{
	if (conn->is_dead || conn->state != CONN_STREAM)
		return;
	if (conn->is_chunked)
		(void)evbuffer_add(out_of(conn), "0\r\n\r\n", 5);
	conn_answered(conn);
}

size_t
conn_unsent(const struct conn *conn)
{
	return evbuffer_get_length(out_of(conn));
}
