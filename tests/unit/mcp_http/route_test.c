/* SPDX-License-Identifier: MIT */
/* Every combination of what the ladder looks at, against the rungs in their order. */
#include "heads.h"

#include "mcp/session.h"
#include "mcp_http/route.h"

#define TOKEN    "0123456789abcdef"
#define MODERN   "2026-07-28"
#define FUTURE   "2027-01-01"
#define LEGACY   "2025-06-18"
#define ANCIENT  "2023-01-01"
#define CONTINUE 0 /* no refusal */

/* --- heads --- */

struct head_case {
	const char *target, *host, *origin, *token, *type, *accept;
	enum head_verb verb;
	bool has_token, has_metadata;
};

static const char *const configured_hosts[] = { "jobs.example" };
static const char *const configured_origins[] = { "https://app.example" };

static bool
is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++) {
		if (s && strcmp(s, *list) == 0)
			return true;
	}
	return false;
}

static bool
host_is_bad(const struct head_case *c)
{
	static const char *const good[] = { "localhost:8765", "[::1]", "jobs.example", NULL };

	return !is_one_of(c->host, good);
}

static bool
origin_is_bad(const struct head_case *c)
{
	static const char *const good[] = { "http://localhost:3000", "https://app.example", NULL };

	return c->origin && !is_one_of(c->origin, good);
}

static bool
is_preflight(const struct head_case *c)
{
	return c->verb == VERB_OPTIONS && c->origin &&
	       strcmp(c->origin, "https://app.example") == 0;
}

static bool
token_is_bad(const struct head_case *c)
{
	return c->has_token && (!c->token || strcmp(c->token, "Bearer " TOKEN) != 0);
}

static bool
is_json(const struct head_case *c)
{
	return c->type && strncmp(c->type, "application/json", 16) == 0;
}

/* What must come of it: the first rung that holds. */
static void
expect_mcp(const struct head_case *c, enum route_kind *kind, int *status)
{
	static const char *const streams[] = { "text/event-stream", "*/*",
					       "application/json, text/event-stream", NULL };
	static const char *const takes[] = { "text/event-stream", "*/*", "application/json",
					     "application/json, text/event-stream", NULL };

	*kind = ROUTE_REFUSE;
	if (host_is_bad(c) || origin_is_bad(c))
		*status = 403;
	else if (is_preflight(c))
		*kind = ROUTE_PREFLIGHT;
	else if (token_is_bad(c))
		*status = 401;
	else if (c->verb == VERB_GET && !is_one_of(c->accept, streams))
		*status = 406;
	else if (c->verb == VERB_GET)
		*kind = ROUTE_LEGACY_GET;
	else if (c->verb == VERB_DELETE)
		*kind = ROUTE_LEGACY_END;
	else if (c->verb != VERB_POST)
		*status = 405;
	else if (!is_json(c))
		*status = 415;
	else if (c->accept && !is_one_of(c->accept, takes))
		*status = 406;
	else
		*kind = ROUTE_READ_BODY;
}

static void
expect_page(const struct head_case *c, enum route_kind page, enum route_kind *kind, int *status)
{
	*kind = ROUTE_REFUSE;
	if (page == ROUTE_REFUSE || (page == ROUTE_METADATA && !c->has_metadata))
		*status = 404;
	else if (page != ROUTE_HEALTH && (host_is_bad(c) || origin_is_bad(c)))
		*status = 403;
	else if (page != ROUTE_HEALTH && is_preflight(c))
		*kind = ROUTE_PREFLIGHT;
	else if (page == ROUTE_METRICS && token_is_bad(c))
		*status = 401;
	else if (c->verb != VERB_GET)
		*status = 405;
	else
		*kind = page;
}

static const struct {
	const char *target;
	bool is_mcp;
	enum route_kind page;
} targets[] = {
	{ "/mcp", true, ROUTE_REFUSE },
	{ "/mcp?x=1", true, ROUTE_REFUSE },
	{ "/mcp/", false, ROUTE_REFUSE },
	{ "/", false, ROUTE_REFUSE },
	{ "http://localhost/mcp", false, ROUTE_REFUSE },
	{ "/healthz", false, ROUTE_HEALTH },
	{ "/metrics", false, ROUTE_METRICS },
	{ "/.well-known/oauth-protected-resource", false, ROUTE_METADATA },
	{ "/.well-known/oauth-protected-resource/mcp", false, ROUTE_METADATA },
	{ "/.well-known/oauth-authorization-server", false, ROUTE_REFUSE },
};

static void
check_head(struct head_case *c, size_t target)
{
	struct route_settings settings = {
		.gate = { configured_hosts, 1, configured_origins, 1, c->has_token ? TOKEN : NULL },
		.has_metadata = c->has_metadata,
	};
	enum route_kind kind = ROUTE_REFUSE;
	struct route route;
	struct head head;
	int status = 0;

	head_begin(&head, c->verb, targets[target].target);
	head_field(&head, "Host", c->host);
	head_field(&head, "Origin", c->origin);
	head_field(&head, "Authorization", c->token);
	head_field(&head, "Content-Type", c->type);
	head_field(&head, "Accept", c->accept);
	assert_int_equal(head_end(&head), 0);
	if (targets[target].is_mcp)
		expect_mcp(c, &kind, &status);
	else
		expect_page(c, targets[target].page, &kind, &status);
	route_head(&settings, &head, &route);
	if (route.kind != kind || route.status != status)
		fail_msg(
			"%s verb %d host %s origin %s token %s type %s accept %s: %d %d, not %d %d",
			targets[target].target, c->verb, c->host, c->origin, c->token, c->type,
			c->accept, route.kind, route.status, kind, status);
	head_fini(&head);
}

static const char *const hosts[] = { NULL,           "localhost:8765", "[::1]", "jobs.example",
				     "evil.example", "localhost.evil", "" };
static const char *const origins[] = { NULL, "http://localhost:3000", "https://app.example",
				       "http://evil.example", "null" };
static const char *const tokens[] = { NULL, "Bearer " TOKEN, "Bearer wrong", "Basic eDp5" };
static const char *const types[] = { NULL, "application/json", "application/json; charset=utf-8",
				     "text/plain" };
static const char *const accepts[] = { NULL,
				       "application/json",
				       "text/event-stream",
				       "*/*",
				       "application/json, text/event-stream",
				       "text/html" };

/* The i-th of all combinations. */
static bool
pick(struct head_case *c, size_t *target, size_t i)
{
	*c = (struct head_case){ 0 };
#define PICK(list) ((list)[i % ARRAY_SIZE(list)]), i /= ARRAY_SIZE(list)
	c->host = PICK(hosts);
	c->origin = PICK(origins);
	c->token = PICK(tokens);
	c->type = PICK(types);
	c->accept = PICK(accepts);
#undef PICK
	c->verb = (enum head_verb)(i % VERB_COUNT);
	i /= VERB_COUNT;
	c->has_token = i % 2;
	i /= 2;
	c->has_metadata = i % 2;
	i /= 2;
	*target = i;
	return i < ARRAY_SIZE(targets);
}

static void
every_head_ends_on_the_first_rung_that_holds_it(void **state)
{
	struct head_case c;
	size_t i, target;

	(void)state;
	for (i = 0; pick(&c, &target, i); i++)
		check_head(&c, target);
	assert_int_equal(i, 7 * 5 * 4 * 4 * 6 * VERB_COUNT * 4 * ARRAY_SIZE(targets));
}

/* --- bodies --- */

struct body_case {
	struct route_body body;
	const char *version, *method, *name, *param; /* fields */
};

static bool
is_modern_name(const char *version)
{
	return version && (strcmp(version, MODERN) == 0 || strcmp(version, FUTURE) == 0);
}

static bool
is_bad_legacy(const struct body_case *c)
{
	return c->version && strcmp(c->version, LEGACY) != 0;
}

static bool
differs(const char *field, const char *wanted)
{
	return !field || strcmp(field, wanted) != 0;
}

static int
expect_modern(const struct body_case *c, enum route_kind *kind)
{
	const struct route_body *b = &c->body;

	if (b->envelope)
		return MCP_INVALID_PARAMS;
	if (c->version && differs(c->version, b->version))
		return MCP_HEADER_MISMATCH;
	if (differs(b->version, MODERN))
		return MCP_UNSUPPORTED_VERSION;
	if (!c->version || differs(c->method, b->method))
		return MCP_HEADER_MISMATCH;
	if (!b->is_known)
		return MCP_METHOD_NOT_FOUND;
	if (b->name && differs(c->name, b->name))
		return MCP_HEADER_MISMATCH;
	if (b->schema && differs(c->param, "eu"))
		return MCP_HEADER_MISMATCH;
	*kind = ROUTE_MODERN;
	return CONTINUE;
}

static int
expect_request(const struct body_case *c, enum route_kind *kind)
{
	const struct route_body *b = &c->body;
	bool opens = strcmp(b->method, "initialize") == 0 && (!b->has_claim || b->envelope);

	if (opens && is_modern_name(c->version))
		return MCP_UNSUPPORTED_VERSION;
	if (!b->has_claim && is_modern_name(c->version))
		return MCP_INVALID_PARAMS;
	if (b->has_claim && !opens)
		return expect_modern(c, kind);
	if (is_bad_legacy(c))
		return MCP_INVALID_REQUEST;
	*kind = opens ? ROUTE_LEGACY_OPEN : ROUTE_LEGACY_POST;
	return CONTINUE;
}

static int
expect_body(const struct body_case *c, enum route_kind *kind)
{
	*kind = ROUTE_REFUSE;
	switch (c->body.kind) {
	case BODY_NOT_JSON:
		return MCP_PARSE_ERROR;
	case BODY_REQUEST:
		return expect_request(c, kind);
	case BODY_NOTIFICATION:
		if (is_modern_name(c->version) || c->body.has_claim) {
			*kind = ROUTE_ACCEPTED;
			return CONTINUE;
		}
		break;
	case BODY_BATCH:
	case BODY_RESPONSE:
		break;
	default:
		return MCP_INVALID_REQUEST;
	}
	if (is_bad_legacy(c))
		return MCP_INVALID_REQUEST;
	*kind = ROUTE_LEGACY_POST;
	return CONTINUE;
}

static void
check_body(const struct body_case *c)
{
	enum route_kind kind;
	struct route route;
	struct head head;
	int code = expect_body(c, &kind);

	head_begin(&head, VERB_POST, "/mcp");
	head_field(&head, "mcp-protocol-version", c->version);
	head_field(&head, "MCP-METHOD", c->method);
	head_field(&head, "Mcp-Name", c->name);
	head_field(&head, "Mcp-Param-Region", c->param);
	assert_int_equal(head_end(&head), 0);
	route_body(&head, &c->body, &route);
	if (route.kind != kind || route.code != code)
		fail_msg("body %d %s claim %d envelope %s version %s known %d; fields %s %s %s %s: "
			 "%d %d, not %d %d",
			 c->body.kind, c->body.method, c->body.has_claim, c->body.envelope,
			 c->body.version, c->body.is_known, c->version, c->method, c->name,
			 c->param, route.kind, route.code, kind, code);
	if (kind == ROUTE_REFUSE) {
		assert_int_equal(route.status, code == MCP_METHOD_NOT_FOUND ? 404 : 400);
		assert_true(strlen(route.why) > 10);
	}
	assert_int_equal(route.requested != NULL, code == MCP_UNSUPPORTED_VERSION);
	head_fini(&head);
}

static void
every_body_ends_on_the_first_rung_that_holds_it(void **state)
{
	static const char *const versions[] = { NULL, MODERN, FUTURE, LEGACY, ANCIENT, "" };
	static const char *const methods[] = { NULL, "tools/call", "initialize", "TOOLS/CALL" };
	static const char *const names[] = { NULL, "list", "other" };
	static const char *const params[] = { NULL, "eu", "us" };
	static const char *const claimed[] = { MODERN, FUTURE, LEGACY };
	cJSON *schema = cJSON_Parse(
		"{\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"}}}");
	cJSON *arguments = cJSON_Parse("{\"region\":\"eu\"}");
	struct body_case c;
	size_t i, n, all = BODY_KIND_COUNT * 2 * 2 * 2 * 3 * 2 * 2 * 2 * 6 * 4 * 3 * 3;

	(void)state;
	for (i = 0; i < all; i++) {
		n = i;
#define PICK(count)    \
	(n % (count)); \
	n /= (count)
		c = (struct body_case){ .body = { .why = "it is wrong in a way" } };
		c.body.kind = (enum body_kind)PICK(BODY_KIND_COUNT);
		c.body.method = n % 2 ? "initialize" : "tools/call";
		n /= 2;
		c.body.has_claim = PICK(2);
		c.body.envelope = n % 2 ? "the envelope is wrong" : NULL;
		n /= 2;
		c.body.version = claimed[n % 3];
		n /= 3;
		c.body.is_known = PICK(2);
		c.body.name = n % 2 ? "list" : NULL;
		n /= 2;
		c.body.schema = n % 2 ? schema : NULL;
		c.body.arguments = arguments;
		n /= 2;
		c.version = versions[n % 6];
		n /= 6;
		c.method = methods[n % 4];
		n /= 4;
		c.name = names[n % 3];
		n /= 3;
		c.param = params[n % 3];
#undef PICK
		check_body(&c);
	}
	cJSON_Delete(schema);
	cJSON_Delete(arguments);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_head_ends_on_the_first_rung_that_holds_it),
		cmocka_unit_test(every_body_ends_on_the_first_rung_that_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
