/* SPDX-License-Identifier: MIT */
/*
 * fuzz: mcp_http - bytes of a connection, cut into requests and routed. However the bytes come in
 * pieces, the requests are the same; and whatever the routes are, a refusal says how and why.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/server.h"
#include "mcp_http/facts.h"
#include "mcp_http/parse.h"

#include "../fixtures/mcp_tools.h"

#define BODY_MAX 4096

static const struct mcp_tool tools[] = { TEST_TOOLS };

static struct mcp_server *
make_server(void)
{
	static const struct mcp_server_config config = {
		.name = "fuzz", .version = "1", .tools = tools, .n_tools = ARRAY_SIZE(tools)
	};
	struct mcp_server *server;

	if (mcp_server_new(&config, &server, NULL) < 0)
		abort();
	return server;
}

/* A sum over all that was understood. */
static void
mix(uint64_t *sum, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t i;

	for (i = 0; i < len; i++)
		*sum = (*sum ^ p[i]) * UINT64_C(1099511628211);
}

static void
check_route(const struct route *route, uint64_t *sum)
{
	if (route->kind >= ROUTE_COUNT)
		abort();
	if (route->kind == ROUTE_REFUSE &&
	    (route->status < 400 || route->status > 499 || !*route->why))
		abort();
	mix(sum, &route->kind, sizeof route->kind);
	mix(sum, &route->code, sizeof route->code);
}

static void
understand(const struct mcp_server *server, const struct request *request, uint64_t *sum)
{
	static const struct route_settings settings = { .gate = { .token = "0123456789abcdef" } };
	static const struct route_settings open = { .has_metadata = true };
	struct route route;
	struct facts facts;

	route_head(&settings, &request->head, &route);
	check_route(&route, sum);
	route_head(&open, &request->head, &route);
	check_route(&route, sum);
	facts_read(&facts, server, buf_head(&request->body), request->body.len);
	route_body(&request->head, &facts.body, &route);
	check_route(&route, sum);
	if (route.kind == ROUTE_MODERN && (!facts.id.len || !facts.body.is_known))
		abort();
	facts_fini(&facts);
	mix(sum, head_target(&request->head), strlen(head_target(&request->head)));
	mix(sum, buf_head(&request->body), request->body.len);
}

/* All requests of the input, fed in pieces of `step` bytes. */
static uint64_t
run(const struct mcp_server *server, const char *bytes, size_t len, size_t step)
{
	uint64_t sum = UINT64_C(14695981039346656037);
	enum parse_event event = PARSE_MORE;
	struct parse_budget budget = { 0, BODY_MAX };
	struct parse p;
	size_t n;

	parse_init(&p, BODY_MAX, &budget);
	while (len && event != PARSE_FAILED) {
		n = parse_feed(&p, bytes, MIN(step, len), &event);
		bytes += n;
		len -= n;
		if (event == PARSE_WHOLE) {
			understand(server, p.request, &sum);
			parse_next(&p);
		}
	}
	if (event == PARSE_FAILED) /* of two faults, which one is told may depend on the pieces */
		mix(&sum, "failed", 6);
	parse_fini(&p);
	if (budget.used)
		abort();
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mcp_server *server;
	const char *bytes = (const char *)data;

	if (!server)
		server = make_server();
	if (run(server, bytes, size, size) != run(server, bytes, size, 1))
		abort();
	return 0;
}
