/* SPDX-License-Identifier: MIT */
/*
 * service - what each request gets: the hooks of the connections, by route.
 */
#ifndef JOBWIRE_MCP_HTTP_SERVICE_H
#define JOBWIRE_MCP_HTTP_SERVICE_H

#include "mcp_http/conn.h"
#include "mcp_http/exchange.h"
#include "mcp_http/metrics.h"
#include "mcp_http/route.h"
#include "mcp_http/session.h"

struct figures;
struct http_settings;

struct service {
	const struct http_settings *settings;
	const struct mcp_server *server;
	const char *url; /* of /mcp, as clients know it */
	char *metadata_url;
	struct route_settings route;
	struct sessions sessions;
	struct exchanges exchanges;
	struct metrics metrics;
	struct figures *figures;
	struct conns *conns;
};

/* The hooks of struct conns_config; the argument is the service. */
void service_head(void *arg, struct conn *conn, const struct head *head);
void service_request(void *arg, struct conn *conn, const struct head *head, const struct buf *body);
void service_status(void *arg, int status);

#endif
