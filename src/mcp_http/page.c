/* SPDX-License-Identifier: MIT */
#include "mcp_http/page.h"

#include "mcp_http/answer.h"
#include "mcp_http/figures.h"
#include "mcp_http/service.h"
#include "mcp_http/settings.h"
#include "text/json.h"

#define PAGE_MAX (1u << 20)

static void
reply_text(struct conn *conn, int status, const char *type, const struct buf *body)
{
	struct reply reply = { .status = status,
			       .type = type,
			       .fields = "Cache-Control: no-store\r\n",
			       .body = buf_head(body),
			       .len = body->len };

	conn_reply(conn, &reply);
}

void
page_health(struct service *s, struct conn *conn)
{
	struct reply reply = { .status = 200,
			       .type = "application/json",
			       .fields = "Cache-Control: no-store\r\n",
			       .body = "{\"status\":\"ok\"}",
			       .len = 15 };

	(void)s;
	conn_reply(conn, &reply);
}

static void
count_streams(const struct service *s, size_t *ret_n)
{
	const struct http_session *session;
	const struct stream *stream;

	*ret_n = 0;
	TAILQ_FOREACH (session, &s->sessions.list, entry) {
		*ret_n += session->general.conn != NULL;
		TAILQ_FOREACH (stream, &session->streams, entry)
			*ret_n += stream->conn != NULL;
	}
}

/* A client that waits for the metrics, while the engine is asked. */
struct waiting_page {
	struct service *service;
	struct conn *conn;
	struct figures_ask *ask;
};

static void
on_gone(void *arg)
{
	struct waiting_page *page = arg;

	if (page->ask)
		figures_cancel(page->ask);
	free(page);
}

static void
on_figures(void *arg, const struct buf *lines)
{
	struct waiting_page *page = arg;
	struct service *s = page->service;
	struct metrics *m = &s->metrics;
	struct conn *conn = page->conn;
	struct buf body;

	free(page);
	m->connections = conns_count(s->conns);
	m->sessions = s->sessions.by_id.len;
	m->exchanges = s->exchanges.n;
	m->replay_bytes = s->sessions.streams.used;
	count_streams(s, &m->streams);
	buf_init(&body, PAGE_MAX);
	if (metrics_write(m, &body) < 0 || buf_add(&body, buf_head(lines), lines->len) < 0)
		answer_error(conn, 503, MCP_INTERNAL_ERROR, NULL, "Out of memory");
	else
		reply_text(conn, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
	buf_fini(&body);
}

void
page_metrics(struct service *s, struct conn *conn)
{
	static const struct conn_owner owner = { .gone = on_gone };
	struct waiting_page *page = calloc(1, sizeof *page);
	struct figures_ask *ask;

	if (!page) {
		answer_error(conn, 503, MCP_INTERNAL_ERROR, NULL, "Out of memory");
		return;
	}
	page->service = s;
	page->conn = conn;
	conn_own(conn, &owner, page);
	ask = figures_ask(s->figures, on_figures, page);
	if (ask)
		page->ask = ask; /* else it has been answered, and is gone */
}

/* RFC 9728 */
void
page_metadata(struct service *s, struct conn *conn)
{
	const struct option_list *servers = &s->settings->authorization_servers;
	struct buf body;
	struct json j;
	size_t i;

	buf_init(&body, PAGE_MAX);
	json_begin(&j, &body);
	json_object_begin(&j, NULL);
	json_str(&j, "resource", s->url);
	json_array_begin(&j, "authorization_servers");
	for (i = 0; i < servers->len; i++)
		json_str(&j, NULL, servers->values[i]);
	json_array_end(&j);
	json_array_begin(&j, "bearer_methods_supported");
	json_str(&j, NULL, "header");
	json_array_end(&j);
	json_str(&j, "resource_name", "jobwire");
	json_object_end(&j);
	if (json_end(&j) < 0)
		answer_error(conn, 503, MCP_INTERNAL_ERROR, NULL, "Out of memory");
	else
		reply_text(conn, 200, "application/json", &body);
	buf_fini(&body);
}

void
page_preflight(struct service *s, struct conn *conn)
{
	struct reply reply = {
		.status = 204,
		.fields = "Access-Control-Allow-Methods: POST, GET, DELETE, OPTIONS\r\n"
			  "Access-Control-Allow-Headers: content-type, accept, authorization, "
			  "mcp-protocol-version, mcp-method, mcp-name, mcp-session-id, "
			  "last-event-id\r\n"
			  "Access-Control-Max-Age: 600\r\n",
	};

	(void)s;
	conn_reply(conn, &reply);
}
