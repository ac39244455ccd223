/* SPDX-License-Identifier: MIT */
/*
 * session - the sessions of legacy clients: an id in a header, a session of the MCP core, and its
 * streams.
 *
 * A session ends when its client says so, or when nothing was heard of it for `idle_ms`, or when
 * room is needed and it is the one that has been quiet longest. Thread: the event loop's.
 */
#ifndef JOBWIRE_MCP_HTTP_SESSION_H
#define JOBWIRE_MCP_HTTP_SESSION_H

#include <stdint.h>
#include <sys/queue.h>

#include "base/macros.h"
#include "base/map.h"
#include "mcp/session.h"
#include "mcp_http/stream.h"

#define SESSION_ID_LEN       32 /* hexadecimal digits: 128 bits */
#define SESSION_STREAMS_KEPT 8  /* ended ones */

struct sessions;

TAILQ_HEAD(stream_list, stream);

struct http_session {
	char id[SESSION_ID_LEN + 1];
	TAILQ_ENTRY(http_session) entry; /* the one that was used last is the last */
	struct sessions *sessions;
	struct mcp_session *mcp;
	struct stream general;      /* what belongs to no request */
	struct stream_list streams; /* of requests, in the order in which they began */
	uint64_t last_name;
	int64_t used_ms;
	unsigned exchanges; /* requests under way */
	bool is_ending;
};

TAILQ_HEAD(session_list, http_session);

struct sessions {
	const struct mcp_server *server;
	struct mcp_session_config mcp; /* of every session; send_arg will be the http_session */
	struct stream_limits streams;
	struct map by_id;
	struct session_list list;
	size_t most;
	int64_t idle_ms, replay_ms;
};

/* `s` is filled in by the caller but for its map and list. */
void sessions_init(struct sessions *s);
void sessions_fini(struct sessions *s);

/* A new one, which only session_free() or the sessions' end ends. Room is made if it can be:
 * ERR_RESOURCE_EXHAUSTED where every session is in use. */
int session_new(struct sessions *s, struct http_session **ret_session, struct err *err) MUST_CHECK;
void session_free(struct http_session *session);
/* Found ones count as used. */
struct http_session *sessions_find(struct sessions *s, const char *id);

/* A stream for one request's events; NULL without memory. */
struct stream *session_stream_new(struct http_session *session);
struct stream *session_stream_find(struct http_session *session, uint64_t name);

/* End what is too old: sessions, and the events of streams that have ended. */
void sessions_sweep(struct sessions *s, int64_t now_ms);

#endif
