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
	cJSON_Delete(call->session->client_caps);
	call->session->client_caps = cJSON_Duplicate(tree_get(m->params, "capabilities"), true);
	if (!call_result_begin(call, &j))
		return;
	json_str(&j, "protocolVersion", revision_name(revision));
	write_capabilities(&j, config, MCP_LEGACY);
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
handle_set_level(struct mcp_call *call, const struct message *m)
{
	enum mcp_log_level level = message_log_level(tree_str(m->params, "level"));
	struct json j;

	if (!level) {
		mcp_call_error(call, MCP_INVALID_PARAMS, NULL,
			       "Invalid params: level must be a log level, such as info");
		return;
	}
	call->session->log_level = level;
	if (call_result_begin(call, &j))
		call_result_end(call, &j);
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
	{ .name = "initialize",
	  .revisions = MCP_IN_LEGACY,
	  .handle = handle_initialize,
	  .flags = METHOD_BEFORE_INITIALIZE | METHOD_NOT_IN_BATCH },
	{ .name = "ping",
	  .revisions = MCP_IN_LEGACY,
	  .handle = handle_ping,
	  .flags = METHOD_BEFORE_INITIALIZE },
	{ .name = "server/discover",
	  .revisions = MCP_IN_MODERN,
	  .handle = handle_discover,
	  .ttl_ms = 3600000,
	  .cache_scope = "public" },
	{ .name = "subscriptions/listen",
	  .revisions = MCP_IN_MODERN,
	  .handle = handle_listen,
	  .flags = METHOD_STANDING },
	{ .name = "logging/setLevel",
	  .revisions = MCP_IN_LEGACY,
	  .handle = handle_set_level,
	  .flags = METHOD_OF_LOGGING },
	{ .name = "tools/call", .revisions = MCP_IN_ALL, .handle = handle_tools_call },
	{ .name = "tools/list",
	  .revisions = MCP_IN_ALL,
	  .handle = handle_tools_list,
	  .ttl_ms = 300000,
	  .cache_scope = "public" },
};

static const struct mcp_method *
find_in(const struct mcp_method *table, size_t n, const char *name, enum mcp_revision revision)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (table[i].revisions & MCP_IN(revision) && strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

const struct mcp_method *
mcp_method_find(const struct mcp_server *server, const char *name, enum mcp_revision revision)
{
	const struct mcp_method *method = find_in(methods, ARRAY_SIZE(methods), name, revision);

	if (method && method->flags & METHOD_OF_LOGGING && !server->config.has_logging)
		return NULL;
	return method ? method : find_in(server->added, server->config.n_methods, name, revision);
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
