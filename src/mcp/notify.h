/* SPDX-License-Identifier: MIT */
/*
 * notify - what changes in the server, told to the sessions that want to know.
 *
 * Modern clients subscribe with a standing request, which may name kinds and uris; legacy sessions
 * hear of changed lists in any case and of resources that they subscribed to. Thread: the
 * session's.
 */
#ifndef JOBWIRE_MCP_NOTIFY_H
#define JOBWIRE_MCP_NOTIFY_H

#include "base/macros.h"

#define MCP_SUBSCRIPTIONS_MAX 256 /* uris of one session, or of one standing request */

struct mcp_call;
struct mcp_session;

enum mcp_change {
	MCP_TOOLS_CHANGED,
	MCP_PROMPTS_CHANGED,
	MCP_RESOURCES_CHANGED,
	MCP_RESOURCE_UPDATED, /* the one of that uri */
	MCP_CHANGE_COUNT,
};

/* For the server's configuration: the changes that it tells of. */
#define MCP_TELLS(change) (1u << (change))

/* Tell the session, if it wants to know. `uri` is NULL but for MCP_RESOURCE_UPDATED. */
void mcp_session_notify(struct mcp_session *session, enum mcp_change change, const char *uri);

/* For handlers of resources/subscribe: remember the uri in the call's session, or forget it. 0,
 * -ENOMEM, -ENOSPC. */
int mcp_call_subscribe(struct mcp_call *call, const char *uri) MUST_CHECK;
void mcp_call_unsubscribe(struct mcp_call *call, const char *uri);

#endif
