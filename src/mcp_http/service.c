/* SPDX-License-Identifier: MIT */
#include "mcp_http/service.h"

#include <stdio.h>
#include <string.h>

#include "mcp_http/answer.h"
#include "mcp_http/facts.h"
#include "mcp_http/page.h"
#include "mcp_http/settings.h"

/* What a browser must see so that a configured page may read the answer; nobody else does. */
static void
set_cors(const struct service *s, struct conn *conn, const struct head *head)
{
	const char *origin = head_get(head, "origin");
	char fields[512];
	int n;

	if (!gate_origin_may_read(&s->route.gate, origin))
		return;
	n = snprintf(fields, sizeof fields,
		     "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
		     "Access-Control-Expose-Headers: Mcp-Session-Id, WWW-Authenticate\r\n",
		     origin);
	if (n > 0 && (size_t)n < sizeof fields)
		conn_set_fields(conn, fields);
}

void
service_head(void *arg, struct conn *conn, const struct head *head)
{
	struct service *s = arg;
	struct route route;

	set_cors(s, conn, head);
	route_head(&s->route, head, &route);
	if (route.kind == ROUTE_REFUSE)
		answer_refusal(conn, &route, NULL, s->metadata_url);
}

/* --- sessions --- */

/* The session that the request belongs to; NULL where it was refused. */
static struct http_session *
find_session(struct service *s, struct conn *conn, const struct head *head,
	     const struct facts *facts)
{
	const char *id = head_get(head, "mcp-session-id");
	const char *version = head_get(head, "mcp-protocol-version");
	struct http_session *session = id ? sessions_find(&s->sessions, id) : NULL;

	if (!id)
		answer_error(conn, 400, MCP_INVALID_REQUEST, facts,
			     "Mcp-Session-Id is missing: send initialize first, or "
			     "params._meta with a protocol version");
	else if (!session)
		answer_error(conn, 404, MCP_INVALID_REQUEST, facts,
			     "There is no such session, or not any more: send initialize again");
	else if (version && !revision_find(version, false))
		answer_error(conn, 400, MCP_INVALID_REQUEST, facts,
			     "This MCP-Protocol-Version is not supported");
	else
		return session;
	return NULL;
}

static void
serve_get(struct service *s, struct conn *conn, const struct head *head)
{
	const char *last = head_get(head, "last-event-id");
	struct http_session *session = find_session(s, conn, head, NULL);
	uint64_t name = 0, number = 0;
	struct stream *stream;

	if (!session)
		return;
	stream = &session->general;
	stream->is_priming = mcp_session_revision(session->mcp) == MCP_2025_11_25;
	number = stream->number;
	if (last) {
		stream = stream_read_id(last, &name, &number) ? session_stream_find(session, name)
							      : NULL;
		if (!stream) {
			answer_error(conn, 400, MCP_INVALID_REQUEST, NULL,
				     "There is no such Last-Event-ID, or not any more");
			return;
		}
	}
	s->metrics.streams_total++;
	conn_stream_begin(conn, NULL);
	stream_attach(stream, conn, number);
}

static void
serve_delete(struct service *s, struct conn *conn, const struct head *head)
{
	struct http_session *session = find_session(s, conn, head, NULL);
	struct reply reply = { .status = 204 };

	if (!session)
		return;
	session_free(session);
	conn_reply(conn, &reply);
}

static void
serve_legacy(struct service *s, struct conn *conn, const struct head *head,
	     const struct facts *facts)
{
	struct http_session *session = find_session(s, conn, head, facts);

	if (!session)
		return;
	if (facts->body.kind == BODY_BATCH &&
	    !revision_has_batches(mcp_session_revision(session->mcp)))
		answer_error(conn, 400, MCP_INVALID_REQUEST, facts,
			     "Invalid request: no batches in this session's protocol version");
	else
		exchange_legacy(&s->exchanges, conn, head, facts, session);
}

static void
serve_modern(struct service *s, struct conn *conn, const struct head *head,
	     const struct facts *facts)
{
	/* Its answer is a stream and nothing else. */
	if (strcmp(facts->body.method, "subscriptions/listen") == 0 &&
	    (!head_get(head, "accept") || !route_accepts(head, "text/event-stream")))
		answer_error(conn, 406, MCP_INVALID_REQUEST, facts,
			     "Not acceptable: Accept must include text/event-stream");
	else
		exchange_modern(&s->exchanges, conn, head, facts);
}

static void
serve_post(struct service *s, struct conn *conn, const struct head *head, const struct buf *body)
{
	struct reply accepted = { .status = 202 };
	struct route route;
	struct facts facts;

	facts_read(&facts, s->server, buf_head(body), body->len);
	route_body(head, &facts.body, &route);
	switch (route.kind) {
	case ROUTE_MODERN:
		serve_modern(s, conn, head, &facts);
		break;
	case ROUTE_LEGACY_OPEN:
		exchange_open(&s->exchanges, conn, head, &facts);
		break;
	case ROUTE_LEGACY_POST:
		serve_legacy(s, conn, head, &facts);
		break;
	case ROUTE_ACCEPTED:
		conn_reply(conn, &accepted);
		break;
	default:
		answer_refusal(conn, &route, &facts, s->metadata_url);
		break;
	}
	facts_fini(&facts);
}

void
service_request(void *arg, struct conn *conn, const struct head *head, const struct buf *body)
{
	struct service *s = arg;
	struct route route;

	route_head(&s->route, head, &route);
	switch (route.kind) {
	case ROUTE_HEALTH:
		page_health(s, conn);
		break;
	case ROUTE_METRICS:
		page_metrics(s, conn);
		break;
	case ROUTE_METADATA:
		page_metadata(s, conn);
		break;
	case ROUTE_PREFLIGHT:
		page_preflight(s, conn);
		break;
	case ROUTE_LEGACY_GET:
		serve_get(s, conn, head);
		break;
	case ROUTE_LEGACY_END:
		serve_delete(s, conn, head);
		break;
	default:
		serve_post(s, conn, head, body);
		break;
	}
}

void
service_status(void *arg, int status)
{
	struct service *s = arg;

	metrics_count_status(&s->metrics, status);
}
