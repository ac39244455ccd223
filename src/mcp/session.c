/* SPDX-License-Identifier: MIT */
#include "mcp/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "mcp/inside.h"
#include "mcp/tree.h"

#define OUT_RESERVE   (16u << 10)  /* an error always fits, even where memory has run out */
#define OUT_KEEP      (256u << 10) /* more than that is given back after a large message */
#define ERROR_TEXT    1024
#define REQUESTED_MAX 64 /* bytes of an unknown version that go back */

int
mcp_session_new(const struct mcp_server *server, const struct mcp_session_config *config,
		struct mcp_session **ret_session, struct err *err)
{
	struct mcp_session *s = calloc(1, sizeof *s);

	if (!s)
		return err_sys(err, ENOMEM, "MCP session");
	s->server = server;
	s->config = *config;
	buf_init(&s->own_out, MCP_FRAME_MAX);
	s->out = config->out ? config->out : &s->own_out;
	if (buf_reserve(s->out, OUT_RESERVE) < 0) {
		mcp_session_free(s);
		return err_sys(err, ENOMEM, "MCP session");
	}
	*ret_session = s;
	return 0;
}

void
mcp_session_free(struct mcp_session *session)
{
	struct mcp_call *call;
	size_t it;

	if (!session)
		return;
	session->is_closing = true;
	map_for_each (&session->calls, it, call)
		call_cancel(call);
	map_fini(&session->calls);
	ask_forget(session, NULL);
	map_fini(&session->asks);
	notify_forget(session);
	cJSON_Delete(session->client_caps);
	buf_fini(&session->own_out);
	free(session);
}

size_t
mcp_session_pending(const struct mcp_session *session)
{
	return session->calls.len - session->standing;
}

enum mcp_revision
mcp_session_revision(const struct mcp_session *session)
{
	return session->revision;
}

/* A large message has gone: do not keep its memory, if a smaller piece can be had. */
static void
shrink(struct buf *out)
{
	struct buf small;

	buf_clear(out);
	if (out->cap <= OUT_KEEP)
		return;
	buf_init(&small, out->max);
	if (buf_reserve(&small, OUT_RESERVE) < 0)
		return;
	buf_fini(out);
	*out = small;
}

/* Hand whole bytes to the hook. White space of JSON may hold line feeds, and strings cannot. */
static void
emit(struct mcp_session *session, struct buf *bytes, enum mcp_outgoing_kind kind, int code,
     void *origin)
{
	char *text = (char *)buf_head(bytes), *p = text;
	struct mcp_outgoing out = { kind, code, text, bytes->len, origin };

	while ((p = memchr(p, '\n', bytes->len - (size_t)(p - text))))
		*p++ = ' ';
	if (!session->is_closing)
		session->config.send(session->config.send_arg, &out);
}

static void
batch_send(struct mcp_session *session, struct mcp_batch *batch, void *origin)
{
	if (batch->answers.len && buf_add(&batch->answers, "]", 1) == 0)
		emit(session, &batch->answers, MCP_OUT_BATCH, 0, origin);
	buf_clear(&batch->answers);
}

static int
batch_add(struct mcp_batch *batch, const struct buf *answer)
{
	/* Of the two more bytes one stays free for the bracket that ends it. */
	if (buf_reserve(&batch->answers, answer->len + 2) < 0 ||
	    buf_add(&batch->answers, batch->answers.len ? "," : "[", 1) < 0)
		return -1;
	return buf_add(&batch->answers, buf_head(answer), answer->len);
}

void
session_batch_release(struct mcp_session *session, const struct mcp_return *to)
{
	struct mcp_batch *batch = to->batch;

	if (!batch || --batch->open)
		return;
	batch_send(session, batch, to->origin);
	buf_fini(&batch->answers);
	free(batch);
}

void
session_send(struct mcp_session *session, const struct mcp_return *to, enum mcp_outgoing_kind kind,
	     int code)
{
	struct mcp_batch *batch = to->batch;

	if (!batch) {
		emit(session, session->out, kind, code, to->origin);
	} else if (batch_add(batch, session->out) < 0) {
		/* Too large for one message: what is there goes first. */
		batch_send(session, batch, to->origin);
		if (batch_add(batch, session->out) < 0)
			emit(session, session->out, kind, code, to->origin);
	}
	shrink(session->out);
}

void
session_verror(struct mcp_session *session, const struct mcp_return *to, int code, const char *data,
	       const char *fmt, va_list ap)
{
	char text[ERROR_TEXT];
	struct json j;

	(void)vsnprintf(text, sizeof text, fmt, ap);
	buf_clear(session->out);
	json_begin(&j, session->out);
	json_object_begin(&j, NULL);
	json_str(&j, "jsonrpc", "2.0");
	if (to->id.len)
		json_raw(&j, "id", to->id.p, to->id.len);
	else
		json_null(&j, "id");
	json_object_begin(&j, "error");
	json_int(&j, "code", code);
	json_str(&j, "message", text);
	if (data)
		json_raw(&j, "data", data, strlen(data));
	json_object_end(&j);
	json_object_end(&j);
	if (json_end(&j) == 0)
		session_send(session, to, MCP_OUT_ERROR, code);
	else if (data)
		session_error(session, to, code, NULL, "%s", text);
}

void
session_error(struct mcp_session *session, const struct mcp_return *to, int code, const char *data,
	      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	session_verror(session, to, code, data, fmt, ap);
	va_end(ap);
}

void
mcp_session_refuse(struct mcp_session *session, int code, const char *why, void *origin)
{
	struct mcp_return to = { .origin = origin };

	session_error(session, &to, code, NULL, "%s", why);
}

/* The version is one that we do not speak: say so in the form that clients read. */
static void
refuse_version(struct mcp_session *session, const struct mcp_return *to, const char *requested)
{
	struct json j;
	struct buf data;

	buf_init(&data, ERROR_TEXT);
	json_begin(&j, &data);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "supported");
	json_str(&j, NULL, revision_name(MCP_MODERN_LATEST));
	json_array_end(&j);
	json_bytes(&j, "requested", requested, MIN(strlen(requested), REQUESTED_MAX));
	json_object_end(&j);
	if (json_end(&j) < 0 || buf_add(&data, "", 1) < 0)
		buf_clear(&data);
	session_error(session, to, MCP_UNSUPPORTED_VERSION,
		      data.len ? (const char *)buf_head(&data) : NULL,
		      "Unsupported protocol version");
	buf_fini(&data);
}

/* The revision under which a request is served; NONE where it was refused. */
static enum mcp_revision
modern_revision(struct mcp_session *session, const struct mcp_return *to, const struct message *m)
{
	enum mcp_revision revision;
	const char *requested;
	struct err err = { 0 };

	if (message_check_envelope(message_meta(m), &err) < 0) {
		session_error(session, to, MCP_INVALID_PARAMS, NULL, "Invalid params: %s", err.msg);
		return MCP_REVISION_NONE;
	}
	requested = tree_str(message_meta(m), META_VERSION);
	revision = revision_find(requested, true);
	if (!revision)
		refuse_version(session, to, requested);
	return revision;
}

static enum mcp_revision
legacy_revision(struct mcp_session *session, const struct mcp_return *to, const struct message *m)
{
	const struct mcp_method *method =
		mcp_method_find(session->server, m->method, MCP_LEGACY_LATEST);
	char versions[REVISION_LIST_MAX];

	if (session->revision)
		return session->revision;
	if (method && method->flags & METHOD_BEFORE_INITIALIZE)
		return MCP_LEGACY_LATEST;
	session_error(session, to, MCP_INVALID_PARAMS, NULL,
		      "Not initialized: send initialize first, or put %s and %s into params._meta. "
		      "Supported protocol versions: %s",
		      META_VERSION, META_CLIENT_CAPS, revision_list(versions));
	return MCP_REVISION_NONE;
}

static bool
params_are_good(struct mcp_session *session, const struct mcp_return *to, const struct message *m)
{
	struct err err = { 0 };

	if (!m->params)
		return true;
	if (!cJSON_IsObject(m->params))
		session_error(session, to, MCP_INVALID_PARAMS, NULL,
			      "Invalid params: params must be an object");
	else if (tree_check_members(m->params, &err) < 0)
		session_error(session, to, MCP_INVALID_PARAMS, NULL, "Invalid params: %s", err.msg);
	else
		return true;
	return false;
}

/* Is a request of that id under way? Then nothing else may be answered under it. */
static bool
id_is_used(const struct mcp_session *session, const struct message *m)
{
	auto_free char *key = m->id.len ? call_key(m->id_value, m->id) : NULL;

	return key && map_get(&session->calls, key);
}

static void
refuse_id(struct mcp_session *session, const struct mcp_return *to)
{
	struct mcp_return nobody = { to->origin, to->batch, { NULL, 0 } };

	session_error(session, &nobody, MCP_INVALID_REQUEST, NULL,
		      "Invalid request: id %.*s is in use by a request that is not answered yet",
		      (int)MIN(to->id.len, 80), to->id.p);
}

static void
receive_request(struct mcp_session *session, const struct mcp_return *to, const struct message *m)
{
	bool is_modern = message_is_modern(m);
	const struct mcp_method *method;
	enum mcp_revision revision;

	if (session->calls.len >= MCP_CALLS_MAX) {
		session_error(session, to, MCP_INTERNAL_ERROR, NULL,
			      "Too many requests at once: %zu wait for their answers",
			      session->calls.len);
		return;
	}
	if (!params_are_good(session, to, m))
		return;
	if (is_modern && to->batch) {
		session_error(session, to, MCP_INVALID_REQUEST, NULL,
			      "Invalid request: no batches in protocol version %s",
			      revision_name(MCP_MODERN_LATEST));
		return;
	}
	revision = is_modern ? modern_revision(session, to, m) : legacy_revision(session, to, m);
	if (!revision)
		return;
	method = mcp_method_find(session->server, m->method, revision);
	if (!method)
		session_error(session, to, MCP_METHOD_NOT_FOUND, NULL, "Method not found: %.80s",
			      m->method);
	else if (to->batch && method->flags & METHOD_NOT_IN_BATCH)
		session_error(session, to, MCP_INVALID_REQUEST, NULL,
			      "Invalid request: %s must not be in a batch", method->name);
	else
		call_start(session, method, revision, to, m);
}

static void
receive_one(struct mcp_session *session, const cJSON *root, struct scan_span text, void *origin,
	    struct mcp_batch *batch)
{
	struct mcp_return to = { origin, batch, { NULL, 0 } };
	struct message m;

	message_classify(root, text, &m);
	to.id = m.id;
	if (id_is_used(session, &m) && m.kind != MESSAGE_RESPONSE) {
		refuse_id(session, &to);
		return;
	}
	switch (m.kind) {
	case MESSAGE_INVALID:
		session_error(session, &to, MCP_INVALID_REQUEST, NULL, "Invalid request: %s",
			      m.why);
		break;
	case MESSAGE_REQUEST:
		receive_request(session, &to, &m);
		break;
	case MESSAGE_NOTIFICATION:
		session_notice(session, &m);
		break;
	case MESSAGE_RESPONSE:
		ask_answered(session, &m, root);
		break;
	}
}

static void
receive_batch(struct mcp_session *session, const cJSON *root, struct scan_span text, void *origin)
{
	struct mcp_return to = { .origin = origin };
	struct scan_span element = { NULL, 0 };
	const cJSON *item = root->child;

	if (!revision_has_batches(session->revision)) {
		session_error(session, &to, MCP_INVALID_REQUEST, NULL,
			      "Invalid request: batches are accepted in protocol version %s only",
			      revision_name(MCP_2025_03_26));
		return;
	}
	if (!item) {
		session_error(session, &to, MCP_INVALID_REQUEST, NULL,
			      "Invalid request: the batch is empty");
		return;
	}
	to.batch = calloc(1, sizeof *to.batch);
	if (!to.batch) {
		session_error(session, &to, MCP_INTERNAL_ERROR, NULL, "Out of memory");
		return;
	}
	to.batch->open = 1;
	buf_init(&to.batch->answers, MCP_FRAME_MAX);
	for (; item && scan_element(text, &element); item = item->next)
		receive_one(session, item, element, origin, to.batch);
	session_batch_release(session, &to);
}

void
session_hold(struct mcp_session *session, void *origin)
{
	if (session->config.hold)
		session->config.hold(origin);
}

void
session_release(struct mcp_session *session, void *origin)
{
	if (session->config.release)
		session->config.release(origin);
}

void
mcp_session_receive_parsed(struct mcp_session *session, const cJSON *root, struct scan_span text,
			   void *origin)
{
	if (cJSON_IsArray(root))
		receive_batch(session, root, text, origin);
	else
		receive_one(session, root, text, origin, NULL);
}

void
mcp_session_receive(struct mcp_session *session, const void *bytes, size_t len, void *origin)
{
	struct mcp_return to = { .origin = origin };
	struct scan_span text;
	struct err err = { 0 };
	cJSON *root;
	int rc;

	rc = tree_parse(bytes, len, &root, &text, &err);
	if (rc < 0) {
		session_error(session, &to,
			      rc == ERR_INVALID_ARGUMENT ? MCP_PARSE_ERROR : MCP_INVALID_REQUEST,
			      NULL, "%s: %s",
			      rc == ERR_INVALID_ARGUMENT ? "Parse error" : "Invalid request",
			      err.msg);
		return;
	}
	mcp_session_receive_parsed(session, root, text, origin);
	cJSON_Delete(root);
}

void
mcp_session_end_standing(struct mcp_session *session)
{
	struct mcp_call *call;
	size_t it;

	map_for_each (&session->calls, it, call) {
		if (call->method->flags & METHOD_STANDING)
			call_end_standing(call);
	}
}
