/* SPDX-License-Identifier: MIT */
/*
 * stream - the events of one stream of a session, kept for a while so that a client whose
 * connection broke can go on where it was.
 *
 * An event's id is "<stream>-<number>". Kept are the newest events, as many as fit into the
 * stream's and everybody's share of memory, but never less than the newest one: it may be an
 * answer. Thread: the event loop's.
 */
#ifndef JOBWIRE_MCP_HTTP_STREAM_H
#define JOBWIRE_MCP_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define STREAM_ID_MAX   48
#define STREAM_RETRY_MS 500

struct conn;

/* What all streams of a process share. */
struct stream_limits {
	size_t used, most;  /* bytes of events that are kept */
	size_t stream_most; /* of one stream */
	size_t unsent_most; /* bytes that a slow client may owe us */
	int64_t keepalive_ms;
};

struct stream_event {
	STAILQ_ENTRY(stream_event) entry;
	uint64_t number;
	size_t len;
	char data[];
};

struct stream {
	TAILQ_ENTRY(stream) entry; /* among the session's */
	struct stream_limits *limits;
	uint64_t name;   /* unique in the session; 0: its general stream */
	uint64_t number; /* of the newest event */
	STAILQ_HEAD(, stream_event) events;
	size_t kept;       /* bytes of them */
	struct conn *conn; /* that reads it now, or NULL */
	bool is_priming;   /* the client knows events without data */
	bool is_ended;
	int64_t ended_ms;
};

void stream_init(struct stream *s, struct stream_limits *limits, uint64_t name, bool is_priming);
void stream_fini(struct stream *s);

/* Keep the event, and send it to whoever reads the stream. A client that is too slow is cut off; it
 * finds the event when it comes back. */
void stream_send(struct stream *s, const void *data, size_t len);

/* Let a connection, on which conn_stream_begin() was called, read what came after event `after`. */
void stream_attach(struct stream *s, struct conn *conn, uint64_t after);
/* End the connection's answer, without ending the stream. */
void stream_detach(struct stream *s);
/* There will be no further events. */
void stream_end(struct stream *s, int64_t now_ms);

/* "7-12" is stream 7, event 12. */
bool stream_read_id(const char *text, uint64_t *ret_name, uint64_t *ret_number);

#endif
