/* SPDX-License-Identifier: MIT */
/*
 * route - what becomes of a request: the ladder that decides it for both eras, in two steps.
 *
 * route_head() looks at what is known before the body has come, so that nobody can make us read a
 * body that we will not serve; route_body() at the rest. The order of the rungs is part of the
 * protocol: which of several faults is told. Pure functions over the head, facts and settings.
 */
#ifndef JOBWIRE_MCP_HTTP_ROUTE_H
#define JOBWIRE_MCP_HTTP_ROUTE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "mcp/message.h"
#include "mcp/revision.h"
#include "mcp_http/gate.h"
#include "mcp_http/head.h"

#define ROUTE_WHY_MAX 240

enum route_kind {
	ROUTE_REFUSE,      /* status, code and words are in the route */
	ROUTE_HEALTH,      /* GET /healthz */
	ROUTE_METRICS,     /* GET /metrics */
	ROUTE_METADATA,    /* GET /.well-known/oauth-protected-resource */
	ROUTE_PREFLIGHT,   /* OPTIONS from an origin that may */
	ROUTE_READ_BODY,   /* POST /mcp: go on with route_body() */
	ROUTE_LEGACY_GET,  /* a session's own stream, or one to be resumed */
	ROUTE_LEGACY_END,  /* DELETE */
	ROUTE_LEGACY_OPEN, /* initialize: a session begins */
	ROUTE_LEGACY_POST, /* a message, or a batch, to a session */
	ROUTE_MODERN,      /* a request that carries all that it needs */
	ROUTE_ACCEPTED,    /* a modern notification: taken, and nothing to do */
	ROUTE_COUNT,
};

struct route {
	enum route_kind kind;
	int status;              /* of a refusal */
	int code;                /* JSON-RPC's; 0: no body */
	const char *requested;   /* the version that is not spoken, for the error's data; or NULL */
	enum gate_token token;   /* of status 401 */
	char why[ROUTE_WHY_MAX]; /* the error's sentence */
};

struct route_settings {
	struct gate gate;
	bool has_metadata; /* authorization servers are configured */
};

/* What a body is, once it has been read as JSON. */
enum body_kind {
	BODY_NOT_JSON,
	BODY_TOO_MUCH, /* JSON beyond the limits of mcp/scan.h */
	BODY_EMPTY_BATCH,
	BODY_BAD_BATCH, /* an element is no message, or belongs to the modern era */
	BODY_BATCH,
	BODY_INVALID, /* no message */
	BODY_REQUEST,
	BODY_NOTIFICATION,
	BODY_RESPONSE,
	BODY_KIND_COUNT,
};

struct route_body {
	enum body_kind kind;
	const char *why; /* of what is wrong with it */
	const char *method;
	bool has_claim;         /* params._meta names a protocol version */
	bool has_meta;          /* params._meta is there */
	const char *envelope;   /* what is wrong with a modern envelope; NULL: nothing */
	const char *version;    /* that it names, or NULL */
	bool is_known;          /* the modern era has this method */
	const char *name;       /* what Mcp-Name must say; NULL: nothing is required */
	const cJSON *arguments; /* of tools/call, or NULL */
	const cJSON *schema;    /* that tool's input schema, or NULL */
};

void route_head(const struct route_settings *settings, const struct head *head,
		struct route *ret_route);
void route_body(const struct head *head, const struct route_body *body, struct route *ret_route);

/* Does the client take an answer of this type? No Accept field takes everything. */
bool route_accepts(const struct head *head, const char *type);

#endif
