/* SPDX-License-Identifier: MIT */
#include "mcp/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "mcp/inside.h"
#include "mcp/tree.h"

#define FAILURE_MAX (256u << 10) /* bytes of a failure's sentence */

char *
call_key(const cJSON *id_value, struct scan_span id)
{
	char *key = NULL;
	int n;

	if (cJSON_IsString(id_value))
		n = asprintf(&key, "s%s", id_value->valuestring);
	else
		n = asprintf(&key, "i%.*s", (int)id.len, id.p);
	if (n < 0)
		return NULL;
	if (strcmp(key, "i-0") == 0)
		memcpy(key, "i0", 3);
	return key;
}

/* Copy text behind the struct; the copy ends with a NUL. */
static struct scan_span
keep(char **room, const char *p, size_t len)
{
	struct scan_span kept = { *room, len };

	memcpy(*room, p, len);
	(*room)[len] = '\0';
	*room += len + 1;
	return kept;
}

static void
call_destroy(struct mcp_call *call)
{
	cJSON_Delete(call->uris);
	free(call);
}

static struct mcp_call *
call_new(struct mcp_session *session, const struct mcp_return *to, const struct message *m)
{
	auto_free char *key = call_key(m->id_value, m->id);
	struct scan_span token = { "", 0 };
	struct mcp_call *call;
	char *room;

	if (!message_progress_token(m, &token))
		token.len = 0;
	call = key ? calloc(1, sizeof *call + strlen(key) + to->id.len + token.len + 3) : NULL;
	if (!call)
		return NULL;
	room = call->text;
	(void)keep(&room, key, strlen(key)); /* first: it is found at `text` */
	call->to = *to;
	call->to.id = keep(&room, to->id.p, to->id.len);
	call->token = keep(&room, token.p, token.len);
	call->session = session;
	if (map_put(&session->calls, call->text, call) < 0) {
		free(call);
		return NULL;
	}
	return call;
}

void
call_start(struct mcp_session *session, const struct mcp_method *method, enum mcp_revision revision,
	   const struct mcp_return *to, const struct message *m)
{
	struct mcp_call *call = call_new(session, to, m);

	if (!call) {
		session_error(session, to, MCP_INTERNAL_ERROR, NULL, "Out of memory");
		return;
	}
	call->method = method;
	call->revision = revision;
	if (to->batch)
		to->batch->open++;
	session_hold(session, to->origin);
	if (method->flags & METHOD_STANDING)
		session->standing++;
	call->is_busy = true;
	call->params = m->params;
	call->caps = session->client_caps;
	call->log_level = session->log_level ? session->log_level : MCP_LOG_DEBUG;
	if (revision_is_modern(revision)) {
		call->caps = tree_get(message_meta(m), META_CLIENT_CAPS);
		call->log_level = message_log_level(tree_str(message_meta(m), META_LOG_LEVEL));
	}
	if (method->added)
		method->added(call, m->params, session->config.tool_arg);
	else
		method->handle(call, m);
	call->is_busy = false;
	call->params = call->caps = NULL;
	if (call->state != CALL_OPEN)
		call_destroy(call);
}

/* Take the call from those under way: its id is free again. */
static void
call_leave(struct mcp_call *call, int state)
{
	call->state = state;
	(void)map_remove(&call->session->calls, call->text);
	ask_forget(call->session, call);
	if (call->method->flags & METHOD_STANDING)
		call->session->standing--;
}

static void
call_free_unless_busy(struct mcp_call *call)
{
	if (!call->is_busy)
		call_destroy(call);
}

/* Its answer is gone, or never comes. */
static void
call_release(struct mcp_call *call)
{
	session_batch_release(call->session, &call->to);
	session_release(call->session, call->to.origin);
}

void
call_cancel(struct mcp_call *call)
{
	call_leave(call, CALL_CANCELLED);
	call_release(call);
	if (!call->on_cancel && !(call->method->flags & METHOD_STANDING))
		return; /* its handler will answer, and nobody will hear it */
	if (call->on_cancel) {
		call->is_busy = true;
		call->on_cancel(call->on_cancel_arg);
	}
	call_destroy(call);
}

/* May an answer be written? If not, this was the last that is heard of the call. */
static bool
is_wanted(struct mcp_call *call)
{
	if (call->state == CALL_ANSWERED)
		BUG("two answers to request %s", call->text);
	if (call->state == CALL_OPEN)
		return true;
	call_free_unless_busy(call);
	return false;
}

static void
begin(struct mcp_call *call, struct json *j)
{
	buf_clear(call->session->out);
	json_begin(j, call->session->out);
	json_object_begin(j, NULL);
	json_str(j, "jsonrpc", "2.0");
}

/* Close the message and send it, or say why it cannot be sent. */
static void
finish(struct mcp_call *call, struct json *j)
{
	int rc;

	json_object_end(j);
	rc = json_end(j);
	call_leave(call, CALL_ANSWERED);
	if (rc == 0)
		session_send(call->session, &call->to, MCP_OUT_RESULT, 0);
	else
		session_error(call->session, &call->to, MCP_INTERNAL_ERROR, NULL,
			      rc == -EMSGSIZE
				      ? "The answer is larger than %u bytes; ask for less of it"
				      : "Out of memory for an answer of up to %u bytes",
			      MCP_FRAME_MAX);
	call_release(call);
	call_free_unless_busy(call);
}

bool
call_result_begin(struct mcp_call *call, struct json *j)
{
	if (!is_wanted(call))
		return false;
	begin(call, j);
	json_raw(j, "id", call->to.id.p, call->to.id.len);
	json_object_begin(j, "result");
	return true;
}

void
call_result_end_as(struct mcp_call *call, struct json *j, const char *type)
{
	stamp(j, &call->session->server->config, call->method,
	      revision_is_modern(call->revision) ? MCP_MODERN : MCP_LEGACY, type);
	json_object_end(j);
	finish(call, j);
}

void
call_result_end(struct mcp_call *call, struct json *j)
{
	call_result_end_as(call, j, NULL);
}

void
call_result_ready(struct mcp_call *call, const struct buf *result)
{
	struct json j;

	if (!is_wanted(call))
		return;
	begin(call, &j);
	json_raw(&j, "id", call->to.id.p, call->to.id.len);
	json_raw(&j, "result", (const char *)buf_head(result), result->len);
	finish(call, &j);
}

void
call_end_standing(struct mcp_call *call)
{
	struct json j;

	if (!call_result_begin(call, &j))
		return;
	json_str(&j, "resultType", "complete");
	json_object_begin(&j, "_meta");
	json_raw(&j, META_SUBSCRIPTION, call->to.id.p, call->to.id.len);
	write_server_info(&j, META_SERVER_INFO, &call->session->server->config);
	json_object_end(&j);
	json_object_end(&j);
	finish(call, &j);
}

bool
call_notice_begin(struct mcp_call *call, struct json *j, const char *method)
{
	if (call->state != CALL_OPEN)
		return false;
	begin(call, j);
	json_str(j, "method", method);
	json_object_begin(j, "params");
	return true;
}

void
call_notice_end(struct mcp_call *call, struct json *j, enum mcp_outgoing_kind kind)
{
	struct mcp_return alone = { .origin = call->to.origin };

	json_object_end(j);
	json_object_end(j);
	if (json_end(j) == 0)
		session_send(call->session, &alone, kind, 0);
}

static void
write_text(struct json *j, const char *text, size_t len)
{
	json_object_begin(j, NULL);
	json_str(j, "type", "text");
	json_bytes(j, "text", text, len);
	json_object_end(j);
}

void
mcp_call_result(struct mcp_call *call, const struct mcp_result *result)
{
	bool own = result->text != NULL;
	struct json j;

	if (call->state == CALL_OPEN && call->tool->tool->output_schema && !result->structured) {
		mcp_call_error(call, MCP_INTERNAL_ERROR, NULL,
			       "%s promises structuredContent and gave none", call->tool->name);
		return;
	}
	if (!call_result_begin(call, &j))
		return;
	json_array_begin(&j, "content");
	if (own || result->structured)
		write_text(&j, own ? result->text : result->structured,
			   own ? result->text_len : result->structured_len);
	if (result->blocks)
		json_raw(&j, NULL, result->blocks, result->blocks_len);
	json_array_end(&j);
	if (result->structured)
		json_raw(&j, "structuredContent", result->structured, result->structured_len);
	call_result_end(call, &j);
}

void
mcp_call_result_members(struct mcp_call *call, const char *type, const char *members, size_t len)
{
	struct json j;

	if (!call_result_begin(call, &j))
		return;
	if (len)
		json_raw(&j, NULL, members, len);
	call_result_end_as(call, &j, type);
}

void
mcp_call_fail(struct mcp_call *call, const char *fmt, ...)
{
	struct json j;
	struct buf text;
	va_list ap;

	buf_init(&text, FAILURE_MAX);
	va_start(ap, fmt);
	if (buf_vaddf(&text, fmt, ap) < 0 && buf_add_str(&text, fmt) < 0)
		buf_clear(&text);
	va_end(ap);
	if (call_result_begin(call, &j)) {
		json_array_begin(&j, "content");
		write_text(&j, (const char *)buf_head(&text), text.len);
		json_array_end(&j);
		json_bool(&j, "isError", true);
		call_result_end(call, &j);
	}
	buf_fini(&text);
}

void
mcp_call_error(struct mcp_call *call, int code, const char *data, const char *fmt, ...)
{
	va_list ap;

	if (!is_wanted(call))
		return;
	call_leave(call, CALL_ANSWERED);
	va_start(ap, fmt);
	session_verror(call->session, &call->to, code, data, fmt, ap);
	va_end(ap);
	call_release(call);
	call_free_unless_busy(call);
}

bool
mcp_call_wants_progress(const struct mcp_call *call)
{
	return call->state == CALL_OPEN && call->token.len;
}

void
mcp_call_progress(struct mcp_call *call, int64_t progress, int64_t total, const char *message)
{
	struct json j;

	if (!mcp_call_wants_progress(call) || (call->has_progress && progress <= call->progress) ||
	    !call_notice_begin(call, &j, "notifications/progress"))
		return;
	call->has_progress = true;
	call->progress = progress;
	json_raw(&j, "progressToken", call->token.p, call->token.len);
	json_int(&j, "progress", progress);
	if (total >= 0)
		json_int(&j, "total", total);
	if (message && revision_has_progress_message(call->revision))
		json_str(&j, "message", message);
	call_notice_end(call, &j, MCP_OUT_PROGRESS);
}

void
mcp_call_log(struct mcp_call *call, enum mcp_log_level level, const char *text)
{
	struct json j;

	if (call->state != CALL_OPEN || !call->session->server->config.has_logging ||
	    !call->log_level || level < call->log_level ||
	    !call_notice_begin(call, &j, "notifications/message"))
		return;
	json_str(&j, "level", message_log_name(level));
	json_str(&j, "logger", call->session->server->config.name);
	json_str(&j, "data", text);
	call_notice_end(call, &j, MCP_OUT_NOTIFICATION);
}

const cJSON *
mcp_call_params(const struct mcp_call *call)
{
	return call->params;
}

const cJSON *
mcp_call_capabilities(const struct mcp_call *call)
{
	return call->caps;
}

bool
mcp_call_is_modern(const struct mcp_call *call)
{
	return revision_is_modern(call->revision);
}

void *
mcp_call_origin(const struct mcp_call *call)
{
	return call->to.origin;
}

void
mcp_call_on_cancel(struct mcp_call *call, void (*callback)(void *arg), void *arg)
{
	call->on_cancel = callback;
	call->on_cancel_arg = arg;
}

const char *
mcp_call_tool_name(const struct mcp_call *call)
{
	return call->tool->name;
}
