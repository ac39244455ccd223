/* SPDX-License-Identifier: MIT */
#include "mcp/notify.h"

#include <errno.h>
#include <string.h>

#include "mcp/inside.h"
#include "mcp/tree.h"

static const struct {
	const char *method;
	const char *filter; /* the member of params.notifications that asks for it */
} changes[MCP_CHANGE_COUNT] = {
	[MCP_TOOLS_CHANGED] = { "notifications/tools/list_changed", "toolsListChanged" },
	[MCP_PROMPTS_CHANGED] = { "notifications/prompts/list_changed", "promptsListChanged" },
	[MCP_RESOURCES_CHANGED] = { "notifications/resources/list_changed",
				    "resourcesListChanged" },
	[MCP_RESOURCE_UPDATED] = { "notifications/resources/updated", "resourceSubscriptions" },
};

/* The uris of params.notifications.resourceSubscriptions, as many as we keep. */
static const cJSON *
next_uri(const cJSON *at, size_t *n)
{
	while (at && !cJSON_IsString(at))
		at = at->next;
	return at && (*n)++ < MCP_SUBSCRIPTIONS_MAX ? at : NULL;
}

static void
write_honoured(struct json *j, const struct mcp_call *call)
{
	const cJSON *uri;
	size_t i;

	json_object_begin(j, "notifications");
	for (i = 0; i < MCP_RESOURCE_UPDATED; i++) {
		if (call->wants & MCP_TELLS(i))
			json_bool(j, changes[i].filter, true);
	}
	if (call->wants & MCP_TELLS(MCP_RESOURCE_UPDATED)) {
		json_array_begin(j, changes[MCP_RESOURCE_UPDATED].filter);
		for (uri = call->uris->child; uri; uri = uri->next)
			json_str(j, NULL, uri->valuestring);
		json_array_end(j);
	}
	json_object_end(j);
}

/* Keep what the client asks for and the server can tell. -ENOMEM. */
static int
read_filter(struct mcp_call *call, const cJSON *filter)
{
	unsigned can = call->session->server->config.tells;
	const cJSON *uris = tree_get(filter, changes[MCP_RESOURCE_UPDATED].filter), *uri;
	size_t i, n = 0;
	cJSON *copy;

	for (i = 0; i < MCP_RESOURCE_UPDATED; i++) {
		if (cJSON_IsTrue(tree_get(filter, changes[i].filter)))
			call->wants |= can & MCP_TELLS(i);
	}
	if (!cJSON_IsArray(uris) || !(can & MCP_TELLS(MCP_RESOURCE_UPDATED)))
		return 0;
	call->wants |= MCP_TELLS(MCP_RESOURCE_UPDATED);
	call->uris = cJSON_CreateArray();
	for (uri = next_uri(uris->child, &n); uri && call->uris; uri = next_uri(uri->next, &n)) {
		copy = cJSON_CreateString(uri->valuestring);
		if (!copy)
			return -ENOMEM;
		(void)cJSON_AddItemToArray(call->uris, copy);
	}
	return call->uris ? 0 : -ENOMEM;
}

void
handle_listen(struct mcp_call *call, const struct message *m)
{
	const cJSON *filter = tree_get(m->params, "notifications");
	struct json j;

	if (!cJSON_IsObject(filter)) {
		mcp_call_error(call, MCP_INVALID_PARAMS, NULL,
			       "Invalid params: notifications must be an object");
		return;
	}
	if (read_filter(call, filter) < 0) {
		mcp_call_error(call, MCP_INTERNAL_ERROR, NULL, "Out of memory");
		return;
	}
	if (!call_notice_begin(call, &j, "notifications/subscriptions/acknowledged"))
		return;
	json_object_begin(&j, "_meta");
	json_raw(&j, META_SUBSCRIPTION, call->to.id.p, call->to.id.len);
	json_object_end(&j);
	write_honoured(&j, call);
	call_notice_end(call, &j, MCP_OUT_NOTIFICATION);
}

static bool
wants(const struct mcp_call *call, enum mcp_change change, const char *uri)
{
	const cJSON *one;

	if (!(call->wants & MCP_TELLS(change)))
		return false;
	if (change != MCP_RESOURCE_UPDATED)
		return true;
	cJSON_ArrayForEach(one, call->uris)
	{
		if (strcmp(one->valuestring, uri) == 0)
			return true;
	}
	return false;
}

/* To the standing request that asked for it. */
static void
tell_call(struct mcp_call *call, enum mcp_change change, const char *uri)
{
	struct json j;

	if (!call_notice_begin(call, &j, changes[change].method))
		return;
	if (uri)
		json_str(&j, "uri", uri);
	json_object_begin(&j, "_meta");
	json_raw(&j, META_SUBSCRIPTION, call->to.id.p, call->to.id.len);
	json_object_end(&j);
	call_notice_end(call, &j, MCP_OUT_NOTIFICATION);
}

static void
tell_session(struct mcp_session *session, enum mcp_change change, const char *uri)
{
	struct mcp_return to = { .origin = NULL };
	struct json j;

	buf_clear(session->out);
	json_begin(&j, session->out);
	json_object_begin(&j, NULL);
	json_str(&j, "jsonrpc", "2.0");
	json_str(&j, "method", changes[change].method);
	if (uri) {
		json_object_begin(&j, "params");
		json_str(&j, "uri", uri);
		json_object_end(&j);
	}
	json_object_end(&j);
	if (json_end(&j) == 0)
		session_send(session, &to, MCP_OUT_NOTIFICATION, 0);
}

void
mcp_session_notify(struct mcp_session *session, enum mcp_change change, const char *uri)
{
	struct mcp_call *call;
	size_t it;

	if (!(session->server->config.tells & MCP_TELLS(change)))
		return;
	map_for_each (&session->calls, it, call) {
		if (wants(call, change, uri))
			tell_call(call, change, uri);
	}
	if (session->revision &&
	    (change != MCP_RESOURCE_UPDATED || map_get(&session->subscriptions, uri)))
		tell_session(session, change, uri);
}

int
mcp_call_subscribe(struct mcp_call *call, const char *uri)
{
	struct map *subscriptions = &call->session->subscriptions;
	char *key;
	int rc;

	if (map_get(subscriptions, uri))
		return 0;
	if (subscriptions->len >= MCP_SUBSCRIPTIONS_MAX)
		return -ENOSPC;
	key = strdup(uri);
	rc = key ? map_put(subscriptions, key, key) : -ENOMEM;
	if (rc < 0)
		free(key);
	return rc;
}

void
mcp_call_unsubscribe(struct mcp_call *call, const char *uri)
{
	free(map_remove(&call->session->subscriptions, uri));
}

void
notify_forget(struct mcp_session *session)
{
	char *key;
	size_t it;

	map_for_each (&session->subscriptions, it, key)
		free(map_remove(&session->subscriptions, key));
	map_fini(&session->subscriptions);
}
