/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/err.h"
#include "mcp/args.h"
#include "mcp/call.h"
#include "text/excerpt.h"
#include "tools/facts.h"
#include "tools/inside.h"
#include "tools/op.h"
#include "tools/property.h"
#include "tools/reading.h"
#include "tools/waiting.h"
#include "wire/message.h"

/* ---- wait_for_job ---- */

#define TAIL_LINES 20
#define TAIL_CHARS 2000
#define MATCH_MAX  500 /* characters of the match that are shown */

static const struct property arguments[] = {
	{ .name = "job_id", .type = "string", .is_required = true },
	{ .name = "pattern", .type = "string", .about = "PCRE2 regex to wait for, multi-line" },
	{ .name = "quiet_seconds",
	  .type = "number",
	  .least = "0.001",
	  .about = "Wait for so long a pause of the output; less than wait_seconds" },
	{ .name = "wait_seconds",
	  .type = "number",
	  .least = "0",
	  .about = "Default 25, at most 50" },
	{ .name = "timeout_seconds", .type = "number", .least = "0", .is_hidden = true },
	READING_STREAM("Default combined"),
	{ .name = "offset",
	  .type = "integer",
	  .least = "0",
	  .about = "Where pattern's search begins; default 0: old output counts too" },
	READING_MAX_CHARS("Of tail. Default 2000, at most 40000"),
	READING_RAW,
	{ .name = NULL },
};

static const struct property result[] = {
	{ .name = "outcome",
	  .type = "string",
	  .words = "ended|matched|quiet|timeout",
	  .is_required = true },
	{ .name = "match", .type = "string" },
	{ .name = "match_offset", .type = "integer" },
	{ .name = "next_offset", .type = "integer", .is_required = true },
	{ .name = "tail", .type = "string", .is_required = true },
	{ .name = "effective_timeout_seconds", .type = "number", .is_required = true },
	{ .name = NULL },
};

struct waiter {
	struct op op;
	struct waiting waiting;
	struct reading reading;
	Jobwire__V1__Stream stream;

	Jobwire__V1__WaitResponse *res; /* NULL: the engine was silent */
	Jobwire__V1__Job *job;
};

static const char *
outcome_word(const struct waiter *w)
{
	switch (w->res ? w->res->outcome : JOBWIRE__V1__OUTCOME__OUTCOME_TIMEOUT) {
	case JOBWIRE__V1__OUTCOME__OUTCOME_ENDED:
		return "ended";
	case JOBWIRE__V1__OUTCOME__OUTCOME_MATCHED:
		return "matched";
	case JOBWIRE__V1__OUTCOME__OUTCOME_QUIET:
		return "quiet";
	default:
		return "timeout";
	}
}

static void
put_match(const struct waiter *w, struct json *j)
{
	const Jobwire__V1__WaitResponse *res = w->res;

	if (!res || res->outcome != JOBWIRE__V1__OUTCOME__OUTCOME_MATCHED)
		return;
	json_bytes(j, "match", res->match.data,
		   excerpt_head(res->match.data, res->match.len, MATCH_MAX));
	json_uint(j, "match_offset", res->match_offset);
}

/* Where to go on: behind what was shown, or where the pattern is to be looked for. */
static uint64_t
next_offset(const struct waiter *w)
{
	if (!w->waiting.pattern)
		return w->reading.streams[0].show.next;
	return w->res ? w->res->next_offset : w->waiting.pattern->offset;
}

static void
answer(struct op *op)
{
	struct waiter *w = container_of(op, struct waiter, op);
	struct show_stream *tail = &w->reading.streams[0].show;
	struct json *j = op_begin(op);

	json_str(j, "outcome", outcome_word(w));
	facts_put(j, w->job);
	put_match(w, j);
	json_str(j, "stream",
		 w->stream == JOBWIRE__V1__STREAM__STREAM_COMBINED ? "combined" : tail->name);
	if (reading_show(&w->reading) < 0)
		j->failed = -1;
	json_uint(j, "next_offset", next_offset(w));
	json_bytes(j, "tail", buf_head(&tail->text), tail->text.len);
	json_seconds(j, "effective_timeout_seconds", waiting_all_ms(&w->waiting));
	show_fini(tail, 1);
	op_end(op);
}

static void
read_tail(struct waiter *w)
{
	static const uint64_t from[2];

	if (!w->job) {
		op_fail(&w->op, "%s: out of memory", w->op.what);
		return;
	}
	reading_plan(&w->reading, w->job, from);
	reading_run(&w->reading, &w->op, w->job->id, answer);
}

static void
on_job(struct op *op, const ProtobufCMessage *reply)
{
	struct waiter *w = container_of(op, struct waiter, op);

	w->job = op_keep(op, &((const Jobwire__V1__GetResponse *)(const void *)reply)->job->base);
	read_tail(w);
}

static void
on_waited(struct op *op, const Jobwire__V1__WaitResponse *res)
{
	struct waiter *w = container_of(op, struct waiter, op);
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;

	op->on_error = NULL;
	if (!res) {
		req.job_id = w->waiting.id;
		op_call(op, METHOD_Jobs_Get, &req.base, 0, on_job);
		return;
	}
	w->res = op_keep(op, &res->base);
	w->job = w->res && w->res->n_jobs ? w->res->jobs[0] : NULL;
	read_tail(w);
}

static bool
take_pattern(struct waiter *w, const cJSON *args)
{
	const char *text = arg_str(args, "pattern", NULL);
	Jobwire__V1__Pattern *p;

	if (!text)
		return true;
	p = arena_alloc(&w->op.arena, sizeof *p);
	if (!p)
		return false;
	jobwire__v1__pattern__init(p);
	p->regex = arena_strdup(&w->op.arena, text);
	p->stream = w->stream;
	p->offset = (uint64_t)arg_int(args, "offset", 0);
	w->waiting.pattern = p;
	return p->regex != NULL;
}

/* The wait was named timeout_seconds, which is something else where jobs are started. */
static void
take_times(struct waiter *w, const cJSON *args)
{
	double quiet_ms = MIN(arg_number(args, "quiet_seconds", 0), 1e6) * 1000;

	w->waiting.quiet_ms = quiet_ms > 0 ? MAX((uint64_t)(quiet_ms + 0.5), 1) : 0;
	waiting_begin(&w->waiting, &w->op, args,
		      arg_get(args, "wait_seconds") ? "wait_seconds" : "timeout_seconds");
}

static void
wait_for_job(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct waiter *w = op_new(arg, call, sizeof *w, "Failed to wait");

	if (!w)
		return;
	reading_options(&w->reading, args);
	w->reading.mode = SHOW_TAIL;
	w->reading.lines = TAIL_LINES;
	if (!arg_get(args, "max_chars"))
		w->reading.budget = TAIL_CHARS;
	w->stream = reading_stream_arg(args, JOBWIRE__V1__STREAM__STREAM_COMBINED);
	w->reading.only = w->stream;
	take_times(w, args);
	if (!op_take_job(&w->op, args))
		op_fail_unknown(&w->op);
	else if (arg_get(args, "pattern") && arg_get(args, "quiet_seconds"))
		op_fail(&w->op, "Invalid parameter: a wait is for pattern or for quiet_seconds, "
				"not for both; without either it is for the job's end.");
	else if (w->waiting.quiet_ms >= (uint64_t)waiting_all_ms(&w->waiting) &&
		 w->waiting.quiet_ms)
		op_fail(&w->op,
			"Invalid parameter: quiet_seconds must be less than the wait, %g s "
			"(wait_seconds: default 25, at most 50).",
			(double)waiting_all_ms(&w->waiting) / 1000);
	else if (!take_pattern(w, args))
		op_fail(&w->op, "%s: out of memory", w->op.what);
	else
		waiting_run(&w->waiting, w->op.job_id, on_waited);
}

const struct tool_row tool_wait_for_job = {
	.tool = {
		.name = "wait_for_job",
		.description = "Wait until a job ends, or until pattern appears in its output, "
			       "or until it is quiet. Use this instead of polling. Returns "
			       "outcome, the last lines and next_offset.",
		.hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
		.handle = wait_for_job,
	},
	.arguments = { arguments },
	.result = { facts_result, result },
};
