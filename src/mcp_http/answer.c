/* SPDX-License-Identifier: MIT */
#include "mcp_http/answer.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "mcp_http/conn.h"
#include "mcp_http/facts.h"
#include "text/json.h"

#define BODY_MAX      4096
#define REQUESTED_MAX 64 /* bytes of an unknown version that go back */

static void
write_error(struct json *j, const struct route *route, const struct facts *facts)
{
	json_object_begin(j, NULL);
	json_str(j, "jsonrpc", "2.0");
	if (facts && facts->id.len)
		json_raw(j, "id", facts->id.p, facts->id.len);
	else
		json_null(j, "id");
	json_object_begin(j, "error");
	json_int(j, "code", route->code);
	json_str(j, "message", route->why);
	if (route->requested) {
		json_object_begin(j, "data");
		json_array_begin(j, "supported");
		json_str(j, NULL, revision_name(MCP_MODERN_LATEST));
		json_array_end(j);
		json_bytes(j, "requested", route->requested,
			   MIN(strlen(route->requested), REQUESTED_MAX));
		json_object_end(j);
	}
	json_object_end(j);
	json_object_end(j);
}

static void
write_fields(const struct route *route, const char *metadata_url, char *out, size_t size)
{
	out[0] = '\0';
	if (route->status == 405)
		(void)snprintf(out, size, "Allow: %s\r\n",
			       route->code ? "GET, POST, DELETE" : route->why);
	else if (route->status == 401)
		(void)snprintf(out, size, "WWW-Authenticate: Bearer realm=\"jobwire\"%s%s%s%s\r\n",
			       route->token == TOKEN_WRONG ? ", error=\"invalid_token\"" : "",
			       metadata_url ? ", resource_metadata=\"" : "",
			       metadata_url ? metadata_url : "", metadata_url ? "\"" : "");
}

void
answer_refusal(struct conn *conn, const struct route *route, const struct facts *facts,
	       const char *metadata_url)
{
	struct reply reply = { .status = route->status };
	char fields[1024];
	struct buf body;
	struct json j;

	write_fields(route, metadata_url, fields, sizeof fields);
	reply.fields = fields;
	buf_init(&body, BODY_MAX);
	if (route->code) {
		json_begin(&j, &body);
		write_error(&j, route, facts);
		if (json_end(&j) < 0)
			buf_clear(&body);
		reply.type = "application/json";
		reply.body = buf_head(&body);
		reply.len = body.len;
	}
	conn_reply(conn, &reply);
	buf_fini(&body);
}

void
answer_error(struct conn *conn, int status, int code, const struct facts *facts, const char *why)
{
	struct route route = { .kind = ROUTE_REFUSE, .status = status, .code = code };

	(void)snprintf(route.why, sizeof route.why, "%s", why);
	answer_refusal(conn, &route, facts, NULL);
}
