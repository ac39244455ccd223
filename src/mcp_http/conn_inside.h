/* SPDX-License-Identifier: MIT */
/*
 * conn_inside - what conn.c, which reads, and reply.c, which writes, share of a connection.
 */
#ifndef JOBWIRE_MCP_HTTP_CONN_INSIDE_H
#define JOBWIRE_MCP_HTTP_CONN_INSIDE_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/queue.h>

#include "mcp_http/conn.h"
#include "mcp_http/parse.h"

/*
 *	IDLE -> HEAD -> BODY -> BUSY -> STREAM
 *	  ^______________|_______|_______|      an answer is whole
 *	every state -> FLUSH -> LINGER -> gone
 */
enum conn_state {
	CONN_IDLE,   /* between two requests */
	CONN_HEAD,   /* a head has begun */
	CONN_BODY,   /* the head is there, the body is not */
	CONN_BUSY,   /* the request is there, the answer is not */
	CONN_STREAM, /* the answer is a stream of events that goes on */
	CONN_FLUSH,  /* what was written goes out, nothing else */
	CONN_LINGER, /* all went out and we said so; wait for the other side's end */
};

struct conn {
	TAILQ_ENTRY(conn) entry;
	struct conns *conns;
	struct bufferevent *bev;
	struct event *timer;
	struct parse parse;
	const struct conn_owner *owner;
	void *owner_arg;
	char *fields;
	enum conn_state state;
	unsigned depth;   /* how deep we are in our own functions: free later */
	bool is_answered; /* before the request was whole */
	bool is_chunked;  /* the stream's body */
	bool is_dead;     /* free as soon as nobody is inside */
	bool is_aborting; /* end it from the loop */
	bool has_ended;   /* the client sends nothing more */
	bool is_handling; /* a hook borrows the request */
};

TAILQ_HEAD(conn_list, conn);

struct conns {
	struct conns_config config;
	struct conn_list list;
	size_t n;
	struct parse_budget bodies;
	bool is_draining;
};

/* The answer is written: what comes next? */
void conn_answered(struct conn *conn);
void conn_set_state(struct conn *conn, enum conn_state state);
/* Have the loop look at it as soon as we are out of all this. */
void conn_wake(struct conn *conn);
/* A reply that ends the connection. */
void conn_refuse(struct conn *conn, int status);

#endif
