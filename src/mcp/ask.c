/* SPDX-License-Identifier: MIT */
/* What the server asks the client of a legacy session, on behalf of a call. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "mcp/inside.h"
#include "mcp/tree.h"

struct ask {
	struct mcp_call *call;
	mcp_answered *on_answer;
	void *arg;
	char id[32];
};

int
mcp_call_ask(struct mcp_call *call, const char *method, const char *params, mcp_answered *on_answer,
	     void *arg)
{
	struct mcp_session *session = call->session;
	struct mcp_return to = { .origin = call->to.origin };
	struct ask *ask;
	struct json j;

	if (call->state != CALL_OPEN || revision_is_modern(call->revision))
		return ERR_FAILED_PRECONDITION;
	ask = calloc(1, sizeof *ask);
	if (!ask)
		return ERR_RESOURCE_EXHAUSTED;
	*ask = (struct ask){ call, on_answer, arg, "" };
	(void)snprintf(ask->id, sizeof ask->id, "jobwire-%" PRIu64, ++session->last_ask);
	if (map_put(&session->asks, ask->id, ask) < 0) {
		free(ask);
		return ERR_RESOURCE_EXHAUSTED;
	}
	buf_clear(session->out);
	json_begin(&j, session->out);
	json_object_begin(&j, NULL);
	json_str(&j, "jsonrpc", "2.0");
	json_str(&j, "id", ask->id);
	json_str(&j, "method", method);
	json_raw(&j, "params", params, strlen(params));
	json_object_end(&j);
	if (json_end(&j) == 0)
		session_send(session, &to, MCP_OUT_REQUEST, 0);
	return 0;
}

void
ask_answered(struct mcp_session *session, const struct message *m, const cJSON *root)
{
	struct ask *ask;

	if (!cJSON_IsString(m->id_value))
		return;
	ask = map_remove(&session->asks, m->id_value->valuestring);
	if (!ask)
		return; /* its call has ended meanwhile, or we never asked */
	ask->on_answer(ask->arg, tree_get(root, "result"), tree_get(root, "error"));
	free(ask);
}

void
ask_forget(struct mcp_session *session, const struct mcp_call *call)
{
	struct ask *ask;
	size_t it;

	map_for_each (&session->asks, it, ask) {
		if (!call || ask->call == call) {
			(void)map_remove(&session->asks, ask->id);
			free(ask);
		}
	}
}
