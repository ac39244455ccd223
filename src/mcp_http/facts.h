/* SPDX-License-Identifier: MIT */
/*
 * facts - a body read as JSON, and what the ladder (route.h) must know of it.
 *
 * Caller's storage; borrows the bytes until facts_fini(). Pure but for memory.
 */
#ifndef JOBWIRE_MCP_HTTP_FACTS_H
#define JOBWIRE_MCP_HTTP_FACTS_H

#include "base/err.h"
#include "mcp_http/route.h"

struct mcp_server;

struct facts {
	struct route_body body;
	cJSON *root; /* NULL where it is not JSON */
	struct scan_span text, id;
	const char *tool; /* that a tools/call names, if there is one of that name; or NULL */
	size_t requests;  /* that want an answer, in a batch too */
	struct err parse_err, envelope_err;
};

void facts_read(struct facts *f, const struct mcp_server *server, const void *bytes, size_t len);
void facts_fini(struct facts *f);

#endif
