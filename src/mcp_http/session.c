/* SPDX-License-Identifier: MIT */
#include "mcp_http/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"

void
sessions_init(struct sessions *s)
{
	memset(&s->by_id, 0, sizeof s->by_id);
	TAILQ_INIT(&s->list);
}

void
sessions_fini(struct sessions *s)
{
	while (!TAILQ_EMPTY(&s->list))
		session_free(TAILQ_FIRST(&s->list));
	map_fini(&s->by_id);
}

static int
make_id(char out[SESSION_ID_LEN + 1], struct err *err)
{
	unsigned char bytes[SESSION_ID_LEN / 2];
	size_t i;

	if (TEMP_FAILURE_RETRY(getrandom(bytes, sizeof bytes, 0)) != (ssize_t)sizeof bytes)
		return err_sys(err, errno, "session id");
	for (i = 0; i < sizeof bytes; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static bool
is_idle(const struct http_session *session)
{
	return !session->exchanges && !session->general.conn;
}

static void
make_room(struct sessions *s)
{
	struct http_session *session;

	if (s->by_id.len < s->most)
		return;
	TAILQ_FOREACH (session, &s->list, entry) {
		if (is_idle(session)) {
			session_free(session);
			return;
		}
	}
}

static int
fill(struct http_session *session, struct err *err)
{
	struct sessions *s = session->sessions;
	struct mcp_session_config config = s->mcp;
	int rc = make_id(session->id, err);

	if (rc < 0)
		return rc;
	config.send_arg = session;
	rc = mcp_session_new(s->server, &config, &session->mcp, err);
	if (rc < 0)
		return rc;
	return map_put(&s->by_id, session->id, session) < 0 ? err_sys(err, ENOMEM, "session") : 0;
}

int
session_new(struct sessions *s, struct http_session **ret_session, struct err *err)
{
	struct http_session *session;
	int rc;

	make_room(s);
	if (s->by_id.len >= s->most)
		return err_set(err, ERR_RESOURCE_EXHAUSTED, "all of %zu sessions are in use",
			       s->most);
	session = calloc(1, sizeof *session);
	if (!session)
		return err_sys(err, ENOMEM, "session");
	session->sessions = s;
	session->used_ms = clock_mono_ms();
	stream_init(&session->general, &s->streams, 0, false);
	TAILQ_INIT(&session->streams);
	TAILQ_INSERT_TAIL(&s->list, session, entry);
	rc = fill(session, err);
	if (rc < 0) {
		session_free(session);
		return rc;
	}
	*ret_session = session;
	return 0;
}

static void
stream_drop(struct http_session *session, struct stream *stream)
{
	TAILQ_REMOVE(&session->streams, stream, entry);
	stream_end(stream, 0);
	stream_fini(stream);
	free(stream);
}

void
session_free(struct http_session *session)
{
	struct sessions *s = session->sessions;

	session->is_ending = true;
	if (map_get(&s->by_id, session->id) == session)
		(void)map_remove(&s->by_id, session->id);
	TAILQ_REMOVE(&s->list, session, entry);
	mcp_session_free(session->mcp); /* those who wait for an answer are told */
	stream_end(&session->general, 0);
	stream_fini(&session->general);
	while (!TAILQ_EMPTY(&session->streams))
		stream_drop(session, TAILQ_FIRST(&session->streams));
	free(session);
}

struct http_session *
sessions_find(struct sessions *s, const char *id)
{
	struct http_session *session = map_get(&s->by_id, id);

	if (!session)
		return NULL;
	session->used_ms = clock_mono_ms();
	TAILQ_REMOVE(&s->list, session, entry);
	TAILQ_INSERT_TAIL(&s->list, session, entry);
	return session;
}

/* Of the streams that have ended only the newest few may still be asked for. */
static void
drop_ended(struct http_session *session, size_t keep, int64_t before_ms)
{
	struct stream *stream, *previous;

	for (stream = TAILQ_LAST(&session->streams, stream_list); stream; stream = previous) {
		previous = TAILQ_PREV(stream, stream_list, entry);
		if (!stream->is_ended)
			continue;
		if (keep && stream->ended_ms > before_ms)
			keep--;
		else
			stream_drop(session, stream);
	}
}

struct stream *
session_stream_new(struct http_session *session)
{
	struct stream *stream = calloc(1, sizeof *stream);

	if (!stream)
		return NULL;
	drop_ended(session, SESSION_STREAMS_KEPT - 1, -1);
	stream_init(stream, &session->sessions->streams, ++session->last_name,
		    mcp_session_revision(session->mcp) == MCP_2025_11_25);
	TAILQ_INSERT_TAIL(&session->streams, stream, entry);
	return stream;
}

struct stream *
session_stream_find(struct http_session *session, uint64_t name)
{
	struct stream *stream;

	if (name == 0)
		return &session->general;
	TAILQ_FOREACH (stream, &session->streams, entry) {
		if (stream->name == name)
			return stream;
	}
	return NULL;
}

void
sessions_sweep(struct sessions *s, int64_t now_ms)
{
	struct http_session *session, *next;

	for (session = TAILQ_FIRST(&s->list); session; session = next) {
		next = TAILQ_NEXT(session, entry);
		drop_ended(session, SESSION_STREAMS_KEPT, now_ms - s->replay_ms);
		if (is_idle(session) && session->used_ms + s->idle_ms < now_ms)
			session_free(session);
	}
}
