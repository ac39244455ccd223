/* SPDX-License-Identifier: MIT */
#include "mcp_http/parse.h"

#include <string.h>

/* Have the library stop: 0 goes on, and 1 would mean something else to it in on_head(). */
static int
stop(struct parse *p, int status)
{
	p->status = status;
	return -1;
}

static int
stop_errno(struct parse *p, int rc, int too_large)
{
	if (rc == 0)
		return 0;
	return stop(p, rc == -EMSGSIZE ? too_large : rc == -EBADMSG ? 400 : 503);
}

static int
on_begin(http_parser *parser)
{
	struct parse *p = parser->data;

	p->request = calloc(1, sizeof *p->request);
	if (!p->request)
		return stop(p, 503);
	head_init(&p->request->head);
	buf_init(&p->request->body, p->body_max);
	p->value_end = NULL;
	return 0;
}

static int
on_target(http_parser *parser, const char *bytes, size_t len)
{
	struct parse *p = parser->data;

	return stop_errno(p, head_add(&p->request->head, HEAD_TARGET, bytes, len), 414);
}

static int
on_name(http_parser *parser, const char *bytes, size_t len)
{
	struct parse *p = parser->data;

	if (p->request->head.part == HEAD_CLOSED)
		return 0; /* fields behind a chunked body: nobody asked for them */
	p->value_end = NULL;
	return stop_errno(p, head_add(&p->request->head, HEAD_NAME, bytes, len), 431);
}

static int
on_value(http_parser *parser, const char *bytes, size_t len)
{
	struct parse *p = parser->data;
	struct head *head = &p->request->head;

	if (head->part == HEAD_CLOSED)
		return 0;
	if (head->part == HEAD_VALUE && bytes != p->value_end)
		return stop(p, 400); /* folded over two lines */
	p->value_end = bytes + len;
	return stop_errno(p, head_add(head, HEAD_VALUE, bytes, len), 431);
}

static enum head_verb
verb_of(unsigned method)
{
	switch (method) {
	case HTTP_GET:
		return VERB_GET;
	case HTTP_POST:
		return VERB_POST;
	case HTTP_DELETE:
		return VERB_DELETE;
	case HTTP_OPTIONS:
		return VERB_OPTIONS;
	default:
		return VERB_OTHER;
	}
}

static int
on_head(http_parser *parser)
{
	struct parse *p = parser->data;
	struct head *head = &p->request->head;
	bool has_length = parser->flags & F_CONTENTLENGTH;

	if (parser->method == HTTP_CONNECT)
		return stop(p, 501);
	if (parser->http_major != 1 || parser->http_minor > 1)
		return stop(p, 505);
	parser->upgrade = 0; /* we stay with what we speak */
	p->is_1_0 = parser->http_minor == 0;
	p->is_open = http_should_keep_alive(parser);
	head->verb = verb_of(parser->method);
	head->has_body = parser->flags & F_CHUNKED || (has_length && parser->content_length);
	if (stop_errno(p, head_end(head), 431))
		return -1;
	/* RFC 9112 section 3.2: a request without Host is none. */
	if (!p->is_1_0 && !head_get(head, "host"))
		return stop(p, 400);
	if (has_length && parser->content_length > p->body_max)
		return stop(p, 413);
	p->event = PARSE_HEAD;
	http_parser_pause(parser, 1);
	return 0;
}

static int
on_body(http_parser *parser, const char *bytes, size_t len)
{
	struct parse *p = parser->data;
	int rc;

	if (p->budget->used + len > p->budget->most)
		return stop(p, 503);
	rc = buf_add(&p->request->body, bytes, len);
	if (rc == 0)
		p->budget->used += len;
	return stop_errno(p, rc, 413);
}

static int
on_whole(http_parser *parser)
{
	struct parse *p = parser->data;

	p->event = PARSE_WHOLE;
	http_parser_pause(parser, 1);
	return 0;
}

static const struct http_parser_settings callbacks = {
	.on_message_begin = on_begin,
	.on_url = on_target,
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_whole,
};

void
parse_init(struct parse *p, size_t body_max, struct parse_budget *budget)
{
	memset(p, 0, sizeof *p);
	http_parser_init(&p->parser, HTTP_REQUEST);
	p->parser.data = p;
	p->body_max = body_max;
	p->budget = budget;
}

static void
forget(struct parse *p)
{
	if (p->request) {
		p->budget->used -= p->request->body.len;
		head_fini(&p->request->head);
		buf_fini(&p->request->body);
		free(p->request);
	}
	p->request = NULL;
}

void
parse_fini(struct parse *p)
{
	forget(p);
}

void
parse_next(struct parse *p)
{
	forget(p);
}

static int
status_of(const struct parse *p)
{
	if (p->status)
		return p->status;
	switch (HTTP_PARSER_ERRNO(&p->parser)) {
	case HPE_HEADER_OVERFLOW:
		return 431;
	case HPE_INVALID_VERSION:
		return 505;
	default:
		return 400;
	}
}

size_t
parse_feed(struct parse *p, const char *bytes, size_t len, enum parse_event *ret_event)
{
	const char *end = bytes + len;
	size_t n;

	if (HTTP_PARSER_ERRNO(&p->parser) == HPE_PAUSED)
		http_parser_pause(&p->parser, 0);
	/* A value that went to the end of the last piece goes on at the front of this one. */
	if (p->value_end)
		p->value_end = bytes;
	p->event = PARSE_MORE;
	n = http_parser_execute(&p->parser, &callbacks, bytes, len);
	if (HTTP_PARSER_ERRNO(&p->parser) == HPE_PAUSED) {
		*ret_event = p->event;
		return n;
	}
	if (HTTP_PARSER_ERRNO(&p->parser) != HPE_OK || n < len) {
		p->status = status_of(p);
		*ret_event = PARSE_FAILED;
		return len;
	}
	if (p->value_end != end)
		p->value_end = NULL;
	*ret_event = PARSE_MORE;
	return n;
}
