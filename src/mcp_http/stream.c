/* SPDX-License-Identifier: MIT */
#include "mcp_http/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "mcp_http/conn.h"

void
stream_init(struct stream *s, struct stream_limits *limits, uint64_t name, bool is_priming)
{
	memset(s, 0, sizeof *s);
	s->limits = limits;
	s->name = name;
	s->is_priming = is_priming;
	STAILQ_INIT(&s->events);
}

static size_t
cost(const struct stream_event *event)
{
	return sizeof *event + event->len;
}

static void
drop_oldest(struct stream *s)
{
	struct stream_event *event = STAILQ_FIRST(&s->events);

	STAILQ_REMOVE_HEAD(&s->events, entry);
	s->kept -= cost(event);
	s->limits->used -= cost(event);
	free(event);
}

void
stream_fini(struct stream *s)
{
	while (!STAILQ_EMPTY(&s->events))
		drop_oldest(s);
}

static char *
write_id(const struct stream *s, uint64_t number, char out[STREAM_ID_MAX])
{
	(void)snprintf(out, STREAM_ID_MAX, "%" PRIu64 "-%" PRIu64, s->name, number);
	return out;
}

bool
stream_read_id(const char *text, uint64_t *ret_name, uint64_t *ret_number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_name = strtoull(text, &end, 10);
	if (errno || *end != '-' || end[1] < '0' || end[1] > '9')
		return false;
	*ret_number = strtoull(end + 1, &end, 10);
	return !errno && !*end;
}

static void
keep(struct stream *s, const void *data, size_t len)
{
	struct stream_event *event = malloc(sizeof *event + len);

	if (!event)
		return; /* it is on its way all the same */
	event->number = s->number;
	event->len = len;
	memcpy(event->data, data, len);
	STAILQ_INSERT_TAIL(&s->events, event, entry);
	s->kept += cost(event);
	s->limits->used += cost(event);
	while (STAILQ_FIRST(&s->events) != event &&
	       (s->kept > s->limits->stream_most || s->limits->used > s->limits->most))
		drop_oldest(s);
}

static void
pass_on(struct stream *s, const struct stream_event *event)
{
	char id[STREAM_ID_MAX];

	conn_stream_event(s->conn, write_id(s, event->number, id), event->data, event->len);
}

void
stream_send(struct stream *s, const void *data, size_t len)
{
	char id[STREAM_ID_MAX];

	s->number++;
	keep(s, data, len);
	if (!s->conn)
		return;
	conn_stream_event(s->conn, write_id(s, s->number, id), data, len);
	if (conn_unsent(s->conn) > s->limits->unsent_most + len)
		conn_abort(s->conn);
}

static void
prime(struct stream *s)
{
	char text[STREAM_ID_MAX + 64], id[STREAM_ID_MAX];

	(void)snprintf(text, sizeof text, "id: %s\nretry: %d\ndata: \n\n",
		       write_id(s, s->number, id), STREAM_RETRY_MS);
	conn_stream_raw(s->conn, text);
}

static void
on_gone(void *arg)
{
	struct stream *s = arg;

	s->conn = NULL;
}

static void
on_tick(void *arg)
{
	struct stream *s = arg;

	conn_stream_raw(s->conn, ": keepalive\n\n");
	conn_tick_in(s->conn, s->limits->keepalive_ms);
}

void
stream_attach(struct stream *s, struct conn *conn, uint64_t after)
{
	static const struct conn_owner owner = { on_gone, on_tick };
	const struct stream_event *event;

	if (s->conn)
		stream_detach(s);
	s->conn = conn;
	conn_own(conn, &owner, s);
	conn_tick_in(conn, s->limits->keepalive_ms);
	STAILQ_FOREACH(event, &s->events, entry)
	{
		if (event->number > after)
			pass_on(s, event);
	}
	if (s->is_ended)
		stream_detach(s);
	else if (s->is_priming)
		prime(s);
	else
		conn_stream_raw(conn, ": open\n\n"); /* or nobody would see the head before */
}

void
stream_detach(struct stream *s)
{
	struct conn *conn = s->conn;

	s->conn = NULL;
	if (conn)
		conn_stream_end(conn);
}

void
stream_end(struct stream *s, int64_t now_ms)
{
	s->is_ended = true;
	s->ended_ms = now_ms;
	stream_detach(s);
}
