/* SPDX-License-Identifier: MIT */
/* The methods and notifications that are understood: one row each, and their handlers. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "mcp/inside.h"
#include "mcp/schema.h"
#include "mcp/tree.h"

#define NAMES_MAX 512

static void
handle_initialize(struct mcp_call *call, const struct message *m)
{
	const struct mcp_server_config *config = &call->session->server->config;
	const char *asked = tree_str(m->params, "protocolVersion");
	enum mcp_revision revision;
	struct json j;

	if (!asked) {
		mcp_call_error(call, MCP_INVALID_PARAMS, NULL,
			       "Invalid params: protocolVersion must be a string");
		return;
	}
	revision = revision_find(asked, false);
	if (!revision)
		revision = MCP_LEGACY_LATEST;
	call->session->revision = revision;
	if (!call_result_begin(call, &j))
		return;
	json_str(&j, "protocolVersion", revision_name(revision));
	write_capabilities(&j);
	write_server_info(&j, "serverInfo", config);
	if (config->instructions)
		json_str(&j, "instructions", config->instructions);
	call_result_end(call, &j);
}

static void
handle_ping(struct mcp_call *call, const struct message *m)
{
	struct json j;

	(void)m;
	if (call_result_begin(call, &j))
		call_result_end(call, &j);
}

static void
handle_discover(struct mcp_call *call, const struct message *m)
{
	(void)m;
	call_result_ready(call, &call->session->server->discover);
}

static void
handle_listen(struct mcp_call *call, const struct message *m)
{
	struct json j;

	if (!cJSON_IsObject(tree_get(m->params, "notifications"))) {
		mcp_call_error(call, MCP_INVALID_PARAMS, NULL,
			       "Invalid params: notifications must be an object");
		return;
	}
	if (!call_notice_begin(call, &j, "notifications/subscriptions/acknowledged"))
		return;
	json_object_begin(&j, "_meta");
	json_raw(&j, META_SUBSCRIPTION, call->to.id.p, call->to.id.len);
	json_object_end(&j);
	json_object_begin(&j, "notifications"); /* nothing here ever changes: nothing is honoured */
	json_object_end(&j);
	call_notice_end(call, &j, MCP_OUT_NOTIFICATION);
}

static void
handle_tools_list(struct mcp_call *call, const struct message *m)
{
	enum mcp_era era = revision_is_modern(call->revision) ? MCP_MODERN : MCP_LEGACY;
	const cJSON *cursor = tree_get(m->params, "cursor");

	if (cursor && !cJSON_IsNull(cursor)) {
		mcp_call_error(call, MCP_INVALID_PARAMS, NULL,
			       "Invalid params: there is no such cursor; the list has one page");
		return;
	}
	call_result_ready(call, &call->session->server->tools_list[era]);
}

static void
refuse_tool(struct mcp_call *call, const char *name)
{
	const struct mcp_server *server = call->session->server;
	char names[NAMES_MAX] = "";
	size_t i, len = 0;

	for (i = 0; i < server->config.n_tools && len < sizeof names; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? ", " : "",
					server->config.tools[i].name);
	mcp_call_error(call, MCP_INVALID_PARAMS, NULL, "Unknown tool: %.80s. The tools are: %s",
		       name, names);
}

static void
handle_tools_call(struct mcp_call *call, const struct message *m)
{
	const struct mcp_session *session = call->session;
	const char *name = tree_str(m->params, "name");
	const cJSON *args = tree_get(m->params, "arguments");
	const cJSON none = { .type = cJSON_Object };
	struct err err = { 0 };

	if (!name) {
		mcp_call_error(call, MCP_INVALID_PARAMS, NULL,
			       "Invalid params: name must be a string");
		return;
	}
	call->tool = map_get(&session->server->by_name, name);
	if (!call->tool) {
		refuse_tool(call, name);
		return;
	}
	if (!args || cJSON_IsNull(args))
		args = &none;
	if (!cJSON_IsObject(args))
		mcp_call_error(call, MCP_INVALID_PARAMS, NULL,
			       "Invalid params: arguments must be an object");
	else if (schema_check(call->tool->schema, args, &err) < 0)
		mcp_call_fail(call, "Invalid arguments for %s: %s", name, err.msg);
	else
		call->tool->tool->handle(call, args, session->config.tool_arg);
}

static const struct mcp_method methods[] = {
	{ "initialize", MCP_IN_LEGACY, handle_initialize, 0, NULL,
	  METHOD_BEFORE_INITIALIZE | METHOD_NOT_IN_BATCH },
	{ "ping", MCP_IN_LEGACY, handle_ping, 0, NULL, METHOD_BEFORE_INITIALIZE },
	{ "server/discover", MCP_IN_MODERN, handle_discover, 3600000, "public", 0 },
	{ "subscriptions/listen", MCP_IN_MODERN, handle_listen, 0, NULL, METHOD_STANDING },
	{ "tools/call", MCP_IN_ALL, handle_tools_call, 0, NULL, 0 },
	{ "tools/list", MCP_IN_ALL, handle_tools_list, 300000, "public", 0 },
};

const struct mcp_method *
mcp_method_find(const char *name, enum mcp_revision revision)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		if (methods[i].revisions & MCP_IN(revision) && strcmp(methods[i].name, name) == 0)
			return &methods[i];
	}
	return NULL;
}

static void
notice_cancelled(struct mcp_session *session, const struct message *m)
{
	const cJSON *value = tree_get(m->params, "requestId");
	struct scan_span params, id;
	auto_free char *key = NULL;
	struct mcp_call *call;

	if (!value || !scan_member(m->text, "params", &params) ||
	    !scan_member(params, "requestId", &id) || !message_id_is_good(value, id))
		return;
	key = call_key(value, id);
	call = key ? map_get(&session->calls, key) : NULL;
	if (call)
		call_cancel(call);
}

/* Those that are not here are ignored, as JSON-RPC wants it. */
static const struct {
	const char *name;
	void (*handle)(struct mcp_session *session, const struct message *m);
} notices[] = {
	{ "notifications/cancelled", notice_cancelled },
	{ "notifications/initialized", NULL }, /* nothing waits for it */
};

void
session_notice(struct mcp_session *session, const struct message *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(notices); i++) {
		if (notices[i].handle && strcmp(notices[i].name, m->method) == 0)
			notices[i].handle(session, m);
	}
}
