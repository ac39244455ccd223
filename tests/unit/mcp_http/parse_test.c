/* SPDX-License-Identifier: MIT */
/* Requests as bytes, in one piece and in all possible two, and byte by byte. */
#include "heads.h"

#include "mcp_http/parse.h"

#define BODY_MAX 64
#define HOST     "Host: h\r\n"

/* Feed it in pieces that end at `cut` and, behind that, of `step` bytes: 200 where one request came
 * whole, the status of a failure, or 0 where more is needed. */
static int
feed(struct parse *p, const char *bytes, size_t len, size_t cut, size_t step)
{
	size_t at = 0, n, piece;
	enum parse_event event;

	while (at < len) {
		piece = at < cut ? cut - at : MIN(step, len - at);
		n = parse_feed(p, bytes + at, piece, &event);
		assert_true(n <= piece);
		if (event == PARSE_FAILED)
			return p->status;
		if (event == PARSE_WHOLE)
			return 200;
		if (event == PARSE_MORE)
			assert_int_equal(n, piece);
		at += n;
	}
	return 0;
}

static void
check(const char *bytes, size_t len, int status, const char *body)
{
	struct parse_budget budget = { 0, SIZE_MAX };
	struct parse p;
	size_t cut;
	int got;

	for (cut = 0; cut <= len + 1; cut++) {
		parse_init(&p, BODY_MAX, &budget);
		got = feed(&p, bytes, len, MIN(cut, len), cut > len ? 1 : len);
		if (got != status)
			fail_msg("cut at %zu: %d, not %d: %s", cut, got, status, bytes);
		if (body && p.request->body.len != strlen(body))
			fail_msg("cut at %zu: %zu bytes", cut, p.request->body.len);
		if (body)
			assert_memory_equal(buf_head(&p.request->body), body, strlen(body));
		parse_fini(&p);
		assert_int_equal(budget.used, 0);
	}
}

static const struct {
	const char *text;
	int status;
	const char *body;
} rows[] = {
	{ "GET / HTTP/1.1\r\n" HOST "\r\n", 200, "" },
	{ "\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 200, "" },
	{ "GET / HTTP/1.0\r\n\r\n", 200, "" },
	{ "GET / HTTP/1.1\r\nX:\r\nY: \r\n" HOST "\r\n", 200, "" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 200, "abc" },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 200, "" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	  "2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
	  200, "abc" },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	  "1\r\na\r\n0\r\nTrailer: x\r\n\r\n",
	  200, "a" },
	{ "GET / HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nConnection: upgrade\r\n\r\n", 200, "" },
	/* more is needed */
	{ "GET / HTTP/1.1\r\n" HOST, 0, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nab", 0, NULL },
	/* what two readers may understand differently */
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400,
	  NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc", 400, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", 400, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
	  "0\r\n\r\n",
	  400, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
	  "0\r\n\r\n",
	  400, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 400, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n", 400, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X y: z\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "X: a\x01\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n\r\n", 400, NULL },
	{ "GET / HTTP/1.1\r\n" HOST "Origin: a\r\norigin: b\r\n\r\n", 400, NULL },
	{ "GET / x HTTP/1.1\r\n" HOST "\r\n", 400, NULL },
	{ "\x16\x03\x01\x02", 400, NULL }, /* TLS */
	{ "FETCH / HTTP/1.1\r\n", 400, NULL },
	/* what we do not speak, and too much */
	{ "GET / HTTP/2.0\r\n" HOST "\r\n", 505, NULL },
	{ "CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n", 501, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 65\r\n\r\n", 413, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n", 413, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 400, NULL },
	{ "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400,
	  NULL },
};

static void
requests_are_taken_or_refused_however_they_are_cut(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		check(rows[i].text, strlen(rows[i].text), rows[i].status, rows[i].body);
	check("GET / HTTP/1.1\r\nHost: h\0x\r\n\r\n", 29, 400, NULL);
	check("GET / HTTP/1.1\r\nHost: h\r\nX\0Y: z\r\n\r\n", 36, 400, NULL);
}

static void
a_chunked_body_beyond_the_limit_is_refused(void **state)
{
	char text[400] = "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n";
	size_t len = strlen(text), i;

	(void)state;
	for (i = 0; i < 9; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "8\r\n12345678\r\n");
	check(text, len, 413, NULL);
}

static void
large_heads_are_refused(void **state)
{
	static char text[3 * HEAD_BYTES_MAX];
	struct parse_budget budget = { 0, SIZE_MAX };
	struct parse p;
	size_t len, i;

	(void)state;
	len = (size_t)snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\n", HEAD_BYTES_MAX, 0);
	parse_init(&p, BODY_MAX, &budget);
	assert_int_equal(feed(&p, text, len, 0, len), 414);
	parse_fini(&p);

	len = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nX: %0*d\r\n", HEAD_BYTES_MAX,
			       0);
	parse_init(&p, BODY_MAX, &budget);
	assert_int_equal(feed(&p, text, len, 0, len), 431);
	parse_fini(&p);

	len = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\n");
	for (i = 0; i <= HEAD_FIELDS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "X: y\r\n");
	parse_init(&p, BODY_MAX, &budget);
	assert_int_equal(feed(&p, text, len, 0, len), 431);
	parse_fini(&p);
}

static void
requests_behind_each_other_are_read_one_by_one(void **state)
{
	static const char text[] = "POST /a HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nabGET /b "
				   "HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
	const char *at = text, *end = text + strlen(text);
	enum parse_event event;
	struct parse_budget budget = { 0, SIZE_MAX };
	struct parse p;
	size_t whole = 0;

	(void)state;
	parse_init(&p, BODY_MAX, &budget);
	while (at < end) {
		at += parse_feed(&p, at, (size_t)(end - at), &event);
		if (event == PARSE_HEAD)
			assert_string_equal(head_target(&p.request->head), whole ? "/b" : "/a");
		if (event != PARSE_WHOLE)
			continue;
		assert_int_equal(p.is_open, whole == 0);
		whole++;
		parse_next(&p);
	}
	assert_int_equal(whole, 2);
	parse_fini(&p);
}

static void
values_lose_the_blanks_around_them(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nX:  \t a b \t \r\n\r\n";
	struct parse_budget budget = { 0, SIZE_MAX };
	struct parse p;

	(void)state;
	parse_init(&p, BODY_MAX, &budget);
	assert_int_equal(feed(&p, text, strlen(text), 0, 1), 200);
	assert_string_equal(head_get(&p.request->head, "x"), "a b");
	assert_null(head_get(&p.request->head, "y"));
	parse_fini(&p);
}

static void
all_bodies_together_are_bounded(void **state)
{
	static const char text[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 6\r\n\r\nabcdef";
	struct parse_budget budget = { 0, 10 };
	struct parse p[2];

	(void)state;
	parse_init(&p[0], BODY_MAX, &budget);
	parse_init(&p[1], BODY_MAX, &budget);
	assert_int_equal(feed(&p[0], text, strlen(text), 0, 1), 200);
	assert_int_equal(feed(&p[1], text, strlen(text), 0, 1), 503);
	parse_fini(&p[1]);
	parse_next(&p[0]);
	assert_int_equal(budget.used, 0);
	parse_init(&p[1], BODY_MAX, &budget);
	assert_int_equal(feed(&p[1], text, strlen(text), 0, 1), 200);
	parse_fini(&p[0]);
	parse_fini(&p[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_taken_or_refused_however_they_are_cut),
		cmocka_unit_test(a_chunked_body_beyond_the_limit_is_refused),
		cmocka_unit_test(large_heads_are_refused),
		cmocka_unit_test(requests_behind_each_other_are_read_one_by_one),
		cmocka_unit_test(all_bodies_together_are_bounded),
		cmocka_unit_test(values_lose_the_blanks_around_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
