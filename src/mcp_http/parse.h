/* SPDX-License-Identifier: MIT */
/*
 * parse - bytes of one connection, cut into HTTP/1.x requests by libhttp-parser.
 *
 * The library finds the borders of fields, bodies and chunks and refuses what would let two readers
 * disagree about them (two lengths, a length and chunks); the rest of the strictness is ours: see
 * head_end(), and no folded fields. One request is held at a time: feeding stops behind each head
 * and behind each body, so nothing is read ahead of what was answered. Pure memory, no sockets.
 */
#ifndef JOBWIRE_MCP_HTTP_PARSE_H
#define JOBWIRE_MCP_HTTP_PARSE_H

#include <http_parser.h>

#include "mcp_http/head.h"

struct request {
	struct head head;
	struct buf body;
};

enum parse_event {
	PARSE_MORE,   /* all was eaten, and more is needed */
	PARSE_HEAD,   /* the head is whole */
	PARSE_WHOLE,  /* so is the body */
	PARSE_FAILED, /* `status` says how; nothing can be read any more */
};

/* What all bodies that are being received may take together. */
struct parse_budget {
	size_t used, most;
};

struct parse {
	struct http_parser parser;
	struct parse_budget *budget;
	struct request *request; /* NULL before its first byte */
	size_t body_max;
	int status;            /* HTTP status of a failure, else 0 */
	bool is_open;          /* does the client want the connection to go on? */
	bool is_1_0;           /* knows no chunks */
	bool is_dropping;      /* the body is not wanted */
	const char *value_end; /* where the last piece of a value ended: it must go on there */
	enum parse_event event;
};

/* The budget is kept. */
void parse_init(struct parse *p, size_t body_max, struct parse_budget *budget);
void parse_fini(struct parse *p);

/* How many of the bytes were eaten; *ret_event says why it stopped there. */
size_t parse_feed(struct parse *p, const char *bytes, size_t len, enum parse_event *ret_event);

/* The request was answered: forget it, and begin the next one. After PARSE_WHOLE only. */
void parse_next(struct parse *p);

#endif
