/* SPDX-License-Identifier: MIT */
#include "mcp_http/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "mcp/session.h"
#include "mcp_http/field.h"

static void PRINTF(4, 5) refuse(struct route *r, int status, int code, const char *fmt, ...)
{
	va_list ap;

	*r = (struct route){ .kind = ROUTE_REFUSE, .status = status, .code = code };
	va_start(ap, fmt);
	(void)vsnprintf(r->why, sizeof r->why, fmt, ap);
	va_end(ap);
}

static void
choose(struct route *r, enum route_kind kind)
{
	*r = (struct route){ .kind = kind };
}

bool
route_accepts(const struct head *head, const char *type)
{
	const char *list;
	size_t it = 0;

	while ((list = head_next(head, "accept", &it))) {
		if (field_list_has_type(list, type))
			return true;
	}
	return !head_get(head, "accept");
}

/* --- the head --- */

static const struct {
	const char *path;
	enum head_verb verb;
	enum route_kind kind;
	bool is_open; /* to everybody: says nothing that is not known anyway */
} pages[] = {
	{ "/healthz", VERB_GET, ROUTE_HEALTH, true },
	{ "/metrics", VERB_GET, ROUTE_METRICS, false },
	{ "/.well-known/oauth-protected-resource", VERB_GET, ROUTE_METADATA, true },
	{ "/.well-known/oauth-protected-resource/mcp", VERB_GET, ROUTE_METADATA, true },
};

/* Host, Origin, token: false where the request ends here. */
static bool
pass_gate(const struct gate *gate, const struct head *head, bool is_open, struct route *r)
{
	const char *origin = head_get(head, "origin");
	enum gate_token token;

	if (!gate_host_is_good(gate, head_get(head, "host"))) {
		refuse(r, 403, MCP_INVALID_REQUEST, "Forbidden: this Host is not served here");
		return false;
	}
	if (!gate_origin_is_good(gate, origin)) {
		refuse(r, 403, MCP_INVALID_REQUEST, "Forbidden: this Origin is not allowed here");
		return false;
	}
	if (head->verb == VERB_OPTIONS && gate_origin_may_read(gate, origin)) {
		choose(r, ROUTE_PREFLIGHT); /* browsers send no token with it */
		return false;
	}
	token = is_open ? TOKEN_GOOD : gate_check_token(gate, head_get(head, "authorization"));
	if (token == TOKEN_GOOD)
		return true;
	refuse(r, 401, MCP_INVALID_REQUEST, "Unauthorized: %s",
	       token == TOKEN_MISSING ? "a bearer token is needed" : "this token is not the one");
	r->token = token;
	return false;
}

static void
route_page(const struct route_settings *settings, const struct head *head, struct route *r)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		if (!head_path_is(head, pages[i].path) ||
		    (pages[i].kind == ROUTE_METADATA && !settings->has_metadata))
			continue;
		/* A probe of a container's health names whatever address it has found. */
		if (pages[i].kind != ROUTE_HEALTH &&
		    !pass_gate(&settings->gate, head, pages[i].is_open, r))
			return;
		if (head->verb == pages[i].verb)
			choose(r, pages[i].kind);
		else
			refuse(r, 405, 0, "GET");
		return;
	}
	refuse(r, 404, 0, "Not found");
}

static void
route_get(const struct head *head, struct route *r)
{
	if (!head_get(head, "accept") || !route_accepts(head, "text/event-stream"))
		refuse(r, 406, MCP_INVALID_REQUEST,
		       "Not acceptable: Accept must include text/event-stream");
	else
		choose(r, ROUTE_LEGACY_GET);
}

static void
route_post(const struct head *head, struct route *r)
{
	const char *type = head_get(head, "content-type");

	if (!type || !field_type_is(type, "application/json"))
		refuse(r, 415, MCP_INVALID_REQUEST,
		       "Unsupported media type: Content-Type must be application/json");
	else if (!route_accepts(head, "application/json") &&
		 !route_accepts(head, "text/event-stream"))
		refuse(r, 406, MCP_INVALID_REQUEST,
		       "Not acceptable: Accept must include application/json and "
		       "text/event-stream");
	else
		choose(r, ROUTE_READ_BODY);
}

void
route_head(const struct route_settings *settings, const struct head *head, struct route *ret_route)
{
	if (!head_path_is(head, "/mcp")) {
		route_page(settings, head, ret_route);
		return;
	}
	if (!pass_gate(&settings->gate, head, false, ret_route))
		return;
	switch (head->verb) {
	case VERB_GET:
		route_get(head, ret_route);
		break;
	case VERB_DELETE:
		choose(ret_route, ROUTE_LEGACY_END);
		break;
	case VERB_POST:
		route_post(head, ret_route);
		break;
	default:
		refuse(ret_route, 405, MCP_INVALID_REQUEST, "Method not allowed");
		break;
	}
}

/* --- the body --- */

static void
mismatch(struct route *r, const char *field, const char *given, const char *wanted)
{
	if (given)
		refuse(r, 400, MCP_HEADER_MISMATCH,
		       "Header mismatch: %s is '%.60s' and the body says '%.60s'", field, given,
		       wanted);
	else
		refuse(r, 400, MCP_HEADER_MISMATCH,
		       "Header mismatch: %s is missing; the body says '%.60s'", field, wanted);
}

static void
refuse_version(struct route *r, const char *requested)
{
	refuse(r, 400, MCP_UNSUPPORTED_VERSION, "Unsupported protocol version");
	r->requested = requested;
}

/* Rungs 14 to 20: the headers of a modern request say what its body says. */
static void
route_modern(const struct head *head, const struct route_body *b, struct route *r)
{
	const char *version = head_get(head, "mcp-protocol-version");
	const char *method = head_get(head, "mcp-method"), *name = head_get(head, "mcp-name");
	const char *field;

	if (version && strcmp(version, b->version) != 0)
		mismatch(r, "MCP-Protocol-Version", version, b->version);
	else if (!revision_find(b->version, true))
		refuse_version(r, b->version);
	else if (!version)
		mismatch(r, "MCP-Protocol-Version", NULL, b->version);
	else if (!method || strcmp(method, b->method) != 0)
		mismatch(r, "Mcp-Method", method, b->method);
	else if (!b->is_known)
		refuse(r, 404, MCP_METHOD_NOT_FOUND, "Method not found: %.80s", b->method);
	else if (b->name && (!name || !field_equals(name, b->name)))
		mismatch(r, "Mcp-Name", name, b->name);
	else if (b->schema && !field_params_match(head, b->schema, b->arguments, &field))
		refuse(r, 400, MCP_HEADER_MISMATCH,
		       "Header mismatch: Mcp-Param-%.60s does not say what the argument says",
		       field);
	else
		choose(r, ROUTE_MODERN);
}

/* Does the field name a version of the modern era, or of one that is still to come? */
static bool
names_modern(const char *version)
{
	return version && !revision_find(version, false) &&
	       strcmp(version, revision_name(MCP_LEGACY_LATEST)) > 0;
}

static void
route_legacy(const char *version, enum route_kind kind, struct route *r)
{
	char versions[REVISION_LIST_MAX];

	if (version && !revision_find(version, false))
		refuse(r, 400, MCP_INVALID_REQUEST,
		       "MCP-Protocol-Version '%.40s' is not supported. Supported: %s", version,
		       revision_list(versions));
	else
		choose(r, kind);
}

static void
route_request(const struct head *head, const struct route_body *b, struct route *r)
{
	const char *version = head_get(head, "mcp-protocol-version");
	bool is_modern = names_modern(version);

	if (strcmp(b->method, "initialize") == 0 && (!b->has_claim || b->envelope)) {
		if (is_modern)
			refuse_version(r, version);
		else
			route_legacy(version, ROUTE_LEGACY_OPEN, r);
	} else if (!b->has_claim && is_modern) {
		refuse(r, 400, MCP_INVALID_PARAMS, "Invalid params: params._meta%s is missing",
		       b->has_meta ? "[\"" META_VERSION "\"]" : "");
	} else if (!b->has_claim) {
		route_legacy(version, ROUTE_LEGACY_POST, r);
	} else if (b->envelope) {
		refuse(r, 400, MCP_INVALID_PARAMS, "Invalid params: %s", b->envelope);
	} else {
		route_modern(head, b, r);
	}
}

void
route_body(const struct head *head, const struct route_body *b, struct route *ret_route)
{
	const char *version = head_get(head, "mcp-protocol-version");

	switch (b->kind) {
	case BODY_NOT_JSON:
		refuse(ret_route, 400, MCP_PARSE_ERROR, "Parse error: %s", b->why);
		break;
	case BODY_TOO_MUCH:
	case BODY_INVALID:
	case BODY_BAD_BATCH:
	case BODY_EMPTY_BATCH:
		refuse(ret_route, 400, MCP_INVALID_REQUEST, "Invalid request: %s", b->why);
		break;
	case BODY_NOTIFICATION:
		if (names_modern(version) || b->has_claim)
			choose(ret_route, ROUTE_ACCEPTED);
		else
			route_legacy(version, ROUTE_LEGACY_POST, ret_route);
		break;
	case BODY_REQUEST:
		route_request(head, b, ret_route);
		break;
	case BODY_BATCH:
	case BODY_RESPONSE:
	default:
		route_legacy(version, ROUTE_LEGACY_POST, ret_route);
		break;
	}
}
