/* SPDX-License-Identifier: MIT */
/*
 * answer - refusals: what a client gets where the core is not asked.
 */
#ifndef JOBWIRE_MCP_HTTP_ANSWER_H
#define JOBWIRE_MCP_HTTP_ANSWER_H

struct conn;
struct facts;
struct route;

/* A JSON-RPC error; `facts` gives the id of the request, NULL: null. */
void answer_error(struct conn *conn, int status, int code, const struct facts *facts,
		  const char *why);
/* A ROUTE_REFUSE. `metadata_url` is where authorization servers are named, or NULL. */
void answer_refusal(struct conn *conn, const struct route *route, const struct facts *facts,
		    const char *metadata_url);

#endif
