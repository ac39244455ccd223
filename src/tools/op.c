/* SPDX-License-Identifier: MIT */
#include "tools/op.h"

#include <errno.h>
#include <event2/event.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "mcp/args.h"
#include "mcp/call.h"
#include "mcp/session.h"
#include "tools/facts.h"
#include "tools/inside.h"
#include "wire/message.h"

#define OP_ARENA_MAX ((size_t)32 * 1024 * 1024)
#define OUT_MAX      ((size_t)8 * 1024 * 1024)
#define FAILURE_MAX  ((size_t)64 * 1024)
#define KNOWN_JOBS   5

static void
op_free(struct op *op)
{
	op_forget(op);
	if (op->timer)
		event_free(op->timer);
	arena_fini(&op->arena);
	buf_fini(&op->out);
	free(op);
}

static void
on_cancel(void *arg)
{
	op_free(arg);
}

void *
op_new(struct tools *tools, struct mcp_call *call, size_t size, const char *what)
{
	struct op *op = calloc(1, size);

	if (!op) {
		mcp_call_error(call, MCP_INTERNAL_ERROR, NULL, "out of memory");
		return NULL;
	}
	op->tools = tools;
	op->call = call;
	op->what = what;
	op->job_id = "";
	arena_init(&op->arena, OP_ARENA_MAX);
	buf_init(&op->out, OUT_MAX);
	mcp_call_on_cancel(call, on_cancel, op);
	return op;
}

bool
op_take_job(struct op *op, const cJSON *args)
{
	char *copy = arena_strdup(&op->arena, arg_str(args, "job_id", ""));

	op->job_id = copy ? copy : "";
	return id_is_prefix(op->job_id);
}

/* ---- the engine ---- */

static void
on_done(struct client_request *r, const ProtobufCMessage *reply, const struct err *err)
{
	struct op *op = container_of(r, struct op, request);

	op->is_begun = op->is_begun || (err && op->hint && r->was_sent);
	if (!err)
		op->next(op, reply);
	else if (op->on_error)
		op->on_error(op, err);
	else
		op_fail_err(op, err);
}

static void
send_call(struct op *op, enum method_number method, const ProtobufCMessage *message,
	  uint32_t wait_ms, const char *key, op_step *next)
{
	const struct client_how how = { .timeout_ms = wait_ms + OP_CALL_MS,
					.idempotency_key = key };
	struct err err = { 0 };

	op->next = next;
	op->request.done = on_done;
	op->request.was_sent = false;
	if (bridge_send(op->tools->bridge, &op->request, method, message, &how, &err) < 0)
		op_fail_err(op, &err);
}

void
op_call(struct op *op, enum method_number method, const ProtobufCMessage *message, uint32_t wait_ms,
	op_step *next)
{
	send_call(op, method, message, wait_ms, NULL, next);
}

void
op_call_once(struct op *op, enum method_number method, const ProtobufCMessage *message,
	     uint32_t wait_ms, op_step *next)
{
	char key[ID_SIZE];

	id_new(key);
	send_call(op, method, message, wait_ms, key, next);
}

void
op_forget(struct op *op)
{
	if (op->request.is_on)
		bridge_cancel(op->tools->bridge, &op->request);
}

void
op_begun(struct op *op, const char *job_id, const char *what, const char *hint)
{
	const char *sentence = arena_printf(&op->arena, "Job %s %s", job_id, what);

	op->what = sentence ? sentence : op->what;
	op->hint = hint;
	op->is_begun = true;
}

static void
on_time(evutil_socket_t fd, short what, void *arg)
{
	struct op *op = arg;

	(void)fd, (void)what;
	op->on_timer(op);
}

void
op_timer(struct op *op, int64_t ms, void (*on_timer)(struct op *op))
{
	const struct timeval tv = clock_wait(ms);

	op->on_timer = on_timer;
	if (!op->timer)
		op->timer = evtimer_new(op->tools->base, on_time, op);
	if (!op->timer)
		return;
	(void)event_del(op->timer);
	if (ms >= 0)
		(void)event_add(op->timer, &tv);
}

void *
op_keep(struct op *op, const ProtobufCMessage *message)
{
	ProtobufCMessage *copy = NULL;
	struct buf packed;

	buf_init(&packed, OP_ARENA_MAX);
	if (message_pack(&packed, message) < 0 ||
	    message_unpack(&op->arena, message->descriptor, buf_head(&packed), packed.len, &copy,
			   NULL) < 0)
		copy = NULL;
	buf_fini(&packed);
	return copy;
}

/* ---- the answer ---- */

struct json *
op_begin(struct op *op)
{
	json_begin(&op->json, &op->out);
	json_object_begin(&op->json, NULL);
	return &op->json;
}

void
op_end(struct op *op)
{
	struct mcp_result result = { 0 };

	json_object_end(&op->json);
	if (json_end(&op->json) < 0) {
		op_fail(op, "%s: out of memory for the answer", op->what);
		return;
	}
	result.structured = (const char *)buf_head(&op->out);
	result.structured_len = op->out.len;
	mcp_call_result(op->call, &result);
	op_free(op);
}

void
op_fail(struct op *op, const char *fmt, ...)
{
	struct buf text;
	va_list ap;

	buf_init(&text, FAILURE_MAX);
	va_start(ap, fmt);
	if (buf_vaddf(&text, fmt, ap) < 0)
		buf_clear(&text);
	va_end(ap);
	mcp_call_fail(op->call, "%.*s", (int)text.len,
		      text.len ? (const char *)buf_head(&text) : "");
	buf_fini(&text);
	op_free(op);
}

/* What to do next, where the engine's own words do not say it. */
static const char *
hint_for(const struct op *op, int code)
{
	switch (code) {
	case ERR_UNAVAILABLE:
	case ERR_DEADLINE_EXCEEDED:
		if (op->is_begun)
			return op->hint;
		if (!op->request.was_sent)
			return "Nothing was carried out. engine.log in the state folder may say "
			       "more.";
		return "Jobs are not harmed by that. Repeat the call: it starts the engine where "
		       "none runs.";
	case ERR_INTERNAL:
	case ERR_UNKNOWN:
		return op->is_begun ? op->hint : "Try again; the engine's log says more.";
	default:
		return "";
	}
}

void
op_fail_err(struct op *op, const struct err *err)
{
	const char *hint = hint_for(op, err->code);
	size_t len = strlen(err->msg);

	if (err->code == ERR_NOT_FOUND && strcmp(err->field, "job_id") == 0)
		op_fail_unknown(op);
	else
		op_fail(op, "%s: %s%s%s%s", op->what, err->msg,
			len && strchr(".!?", err->msg[len - 1]) ? "" : ".", *hint ? " " : "", hint);
}

/* ---- with the jobs that there are ---- */

static void
say_with_list(struct op *op, const Jobwire__V1__ListResponse *list)
{
	size_t i, n = list ? list->n_jobs : 0;
	struct buf text;
	int rc = 0;

	buf_init(&text, FAILURE_MAX);
	for (i = 0; i < n && rc == 0; i++) {
		rc = buf_addf(&text, "%s%s", i ? ", " : " ", i ? "" : op->intro);
		if (rc == 0)
			rc = facts_add_known(&text, list->jobs[i]);
	}
	if (n && rc == 0)
		rc = buf_add_str(&text, ". list_jobs shows more.");
	else if (list && rc == 0)
		rc = buf_add_str(&text, " There are no jobs now; execute_command starts one.");
	op_fail(op, "%s%.*s", op->sentence, (int)(rc < 0 ? 0 : text.len),
		text.len ? (const char *)buf_head(&text) : "");
	buf_fini(&text);
}

static void
on_list(struct op *op, const ProtobufCMessage *reply)
{
	say_with_list(op, (const void *)reply);
}

static void
on_no_list(struct op *op, const struct err *err)
{
	(void)err;
	say_with_list(op, NULL);
}

void
op_fail_listing(struct op *op, const Jobwire__V1__ListRequest *filter, const char *intro,
		const char *fmt, ...)
{
	va_list ap;
	struct buf text;

	buf_init(&text, FAILURE_MAX);
	va_start(ap, fmt);
	op->sentence = buf_vaddf(&text, fmt, ap) == 0
			       ? arena_copy(&op->arena, buf_head(&text), text.len)
			       : NULL;
	va_end(ap);
	buf_fini(&text);
	if (!op->sentence)
		op->sentence = op->what;
	op->intro = intro;
	op->on_error = on_no_list;
	op_call(op, METHOD_Jobs_List, &filter->base, 0, on_list);
}

void
op_fail_unknown(struct op *op)
{
	Jobwire__V1__ListRequest filter = JOBWIRE__V1__LIST_REQUEST__INIT;

	filter.limit = KNOWN_JOBS;
	op_fail_listing(op, &filter, "Known jobs, newest first: ", "Job %.64s%s not found.",
			op->job_id, strlen(op->job_id) > 64 ? "..." : "");
}
