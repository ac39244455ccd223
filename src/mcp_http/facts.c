/* SPDX-License-Identifier: MIT */
#include "mcp_http/facts.h"

#include <string.h>

#include "mcp/server.h"
#include "mcp/tree.h"

/* What Mcp-Name repeats, by method. */
static const struct {
	const char *method, *member;
} named[] = {
	{ "tools/call", "name" },  { "prompts/get", "name" },    { "resources/read", "uri" },
	{ "tasks/get", "taskId" }, { "tasks/update", "taskId" }, { "tasks/cancel", "taskId" },
};

static const char *
name_of(const struct message *m)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(named); i++) {
		if (strcmp(m->method, named[i].method) == 0)
			return tree_str(m->params, named[i].member);
	}
	return NULL;
}

static void
read_request(struct facts *f, const struct mcp_server *server, const struct message *m)
{
	struct route_body *b = &f->body;
	const cJSON *meta = message_meta(m);

	f->requests = 1;
	b->has_meta = meta != NULL;
	b->version = tree_str(meta, META_VERSION);
	if (b->has_claim && message_check_envelope(meta, &f->envelope_err) < 0)
		b->envelope = f->envelope_err.msg;
	b->is_known = mcp_server_has_method(server, m->method, MCP_MODERN_LATEST);
	b->name = name_of(m);
	if (strcmp(m->method, "tools/call") != 0 || !b->name)
		return;
	b->schema = mcp_server_input_schema(server, b->name);
	b->arguments = tree_get(m->params, "arguments");
	f->tool = b->schema ? b->name : NULL;
}

static void
read_message(struct facts *f, const struct mcp_server *server)
{
	static const enum body_kind kinds[] = {
		[MESSAGE_INVALID] = BODY_INVALID,
		[MESSAGE_REQUEST] = BODY_REQUEST,
		[MESSAGE_NOTIFICATION] = BODY_NOTIFICATION,
		[MESSAGE_RESPONSE] = BODY_RESPONSE,
	};
	struct route_body *b = &f->body;
	struct message m;

	message_classify(f->root, f->text, &m);
	b->kind = kinds[m.kind];
	b->why = m.why;
	b->method = m.method;
	f->id = m.id;
	b->has_claim = tree_get(message_meta(&m), META_VERSION) != NULL;
	if (m.kind == MESSAGE_REQUEST)
		read_request(f, server, &m);
}

static void
read_batch(struct facts *f)
{
	struct route_body *b = &f->body;
	struct scan_span element = { NULL, 0 };
	const cJSON *item = f->root->child;
	struct message m;

	b->kind = item ? BODY_BATCH : BODY_EMPTY_BATCH;
	b->why = item ? NULL : "the batch is empty";
	for (; item && scan_element(f->text, &element); item = item->next) {
		message_classify(item, element, &m);
		f->requests += m.kind == MESSAGE_REQUEST;
		if (m.kind != MESSAGE_INVALID && !tree_get(message_meta(&m), META_VERSION))
			continue;
		b->kind = BODY_BAD_BATCH;
		b->why = m.why ? m.why : "no batches in the protocol version that it names";
		return;
	}
}

void
facts_read(struct facts *f, const struct mcp_server *server, const void *bytes, size_t len)
{
	int rc;

	memset(f, 0, sizeof *f);
	rc = tree_parse(bytes ? bytes : "", len, &f->root, &f->text, &f->parse_err);
	if (rc < 0) {
		f->root = NULL;
		f->body.kind = rc == ERR_INVALID_ARGUMENT ? BODY_NOT_JSON : BODY_TOO_MUCH;
		f->body.why = f->parse_err.msg;
	} else if (cJSON_IsArray(f->root)) {
		read_batch(f);
	} else {
		read_message(f, server);
	}
}

void
facts_fini(struct facts *f)
{
	cJSON_Delete(f->root);
}
