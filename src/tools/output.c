/* SPDX-License-Identifier: MIT */
#include <inttypes.h>

#include "base/err.h"
#include "mcp/args.h"
#include "tools/facts.h"
#include "tools/inside.h"
#include "tools/op.h"
#include "tools/property.h"
#include "tools/reading.h"
#include "wire/message.h"

#define LINES_DEFAULT 50

/* get_job_output and tail_job_output differ in what they read alone. */
struct outputter {
	struct op op;
	struct reading reading;
	uint64_t offset;
	Jobwire__V1__Job *job;
};

static void
answer(struct op *op)
{
	struct outputter *o = container_of(op, struct outputter, op);
	struct json *j = op_begin(op);

	facts_put(j, o->job);
	if (reading_put(&o->reading, j) < 0)
		j->failed = -1;
	op_end(op);
}

static void
on_job(struct op *op, const ProtobufCMessage *reply)
{
	struct outputter *o = container_of(op, struct outputter, op);
	const uint64_t from[2] = { o->offset, o->offset };
	uint64_t stored;

	o->job = op_keep(op, &((const Jobwire__V1__GetResponse *)(const void *)reply)->job->base);
	if (!o->job) {
		op_fail(op, "%s: out of memory", op->what);
		return;
	}
	stored = reading_stored(o->job, o->reading.only);
	if (o->offset > stored) {
		op_fail(op,
			"Invalid parameter: offset %" PRIu64 " is behind the end of that stream, "
			"%" PRIu64 ".",
			o->offset, stored);
		return;
	}
	reading_plan(&o->reading, o->job, from);
	reading_run(&o->reading, op, o->job->id, answer);
}

static struct outputter *
begin(struct mcp_call *call, const cJSON *args, void *arg, const char *what)
{
	struct outputter *o = op_new(arg, call, sizeof *o, what);

	if (o)
		reading_options(&o->reading, args);
	return o;
}

static void
go(struct outputter *o, const cJSON *args)
{
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;

	if (!op_take_job(&o->op, args)) {
		op_fail_unknown(&o->op);
		return;
	}
	req.job_id = message_str(o->op.job_id);
	op_call(&o->op, METHOD_Jobs_Get, &req.base, 0, on_job);
}

/* ---- get_job_output ---- */

static const struct property get_arguments[] = {
	{ .name = "job_id", .type = "string", .is_required = true },
	{ .name = "offset",
	  .type = "integer",
	  .least = "0",
	  .about = "Read stream from this byte on" },
	{ .name = NULL },
};

static void
get_job_output(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct outputter *o = begin(call, args, arg, "Failed to get job output");
	bool has_offset = arg_get(args, "offset") != NULL;

	if (!o)
		return;
	if (has_offset && !o->reading.only) {
		op_fail(&o->op, "Invalid parameter: offset counts the bytes of one stream: say "
				"which with stream (stdout, stderr or combined).");
		return;
	}
	o->offset = (uint64_t)arg_int(args, "offset", 0);
	o->reading.mode = has_offset ? SHOW_PAGE : SHOW_ENDS;
	go(o, args);
}

static const char *const get_aliases[] = { "output", NULL };

const struct tool_row tool_get_job_output = {
	.tool = {
		.name = "get_job_output",
		.aliases = get_aliases,
		.description = "stdout and stderr of a job. Long output keeps its head and "
			       "tail; omitted says where the gap is, and stream with offset "
			       "reads it.",
		.hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
		.handle = get_job_output,
	},
	.arguments = { get_arguments, reading_stream_argument, reading_arguments },
	.result = { facts_result, reading_result, reading_stream_result },
};

/* ---- tail_job_output ---- */

static const struct property tail_arguments[] = {
	{ .name = "job_id", .type = "string", .is_required = true },
	{ .name = "lines",
	  .type = "integer",
	  .least = "1",
	  .most = "1000",
	  .about = "1-1000, default 50" },
	{ .name = NULL },
};

static void
tail_job_output(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct outputter *o = begin(call, args, arg, "Failed to tail job output");

	if (!o)
		return;
	o->reading.mode = SHOW_TAIL;
	o->reading.lines = (uint32_t)arg_int(args, "lines", LINES_DEFAULT);
	go(o, args);
}

static const char *const tail_aliases[] = { "tail", NULL };

const struct tool_row tool_tail_job_output = {
	.tool = {
		.name = "tail_job_output",
		.aliases = tail_aliases,
		.description = "The last lines of a job's stdout and stderr.",
		.hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
		.handle = tail_job_output,
	},
	.arguments = { tail_arguments, reading_stream_argument, reading_arguments },
	.result = { facts_result, reading_result, reading_stream_result },
};
