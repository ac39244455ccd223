/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "mcp/args.h"
#include "tools/facts.h"
#include "tools/inside.h"
#include "tools/op.h"
#include "tools/property.h"
#include "tools/reading.h"
#include "wire/message.h"

/* ---- interact_with_job ---- */

#define WAIT_DEFAULT_MS 3000
#define WAIT_MAX_MS     50000
#define QUIET_MS        150
#define INPUT_MAX       WIRE_READ_MAX
/* How often it may be sent anew: somebody else typed at the same time, or the engine went away. */
#define TRIES_MAX 8

static const struct property arguments[] = {
	{ .name = "job_id", .type = "string", .is_required = true },
	{ .name = "input",
	  .type = "string",
	  .about = "Text; a newline is added if it ends without; absent: only read" },
	{ .name = "newline", .type = "boolean", .about = "false: add none" },
	{ .name = "eof", .type = "boolean", .about = "Close stdin behind input" },
	{ .name = "wait_ms",
	  .type = "integer",
	  .least = "0",
	  .about = "Default 3000, at most 50000" },
	{ .name = NULL },
};

static const struct property result[] = {
	{ .name = "accepted_bytes", .type = "integer", .is_required = true },
	{ .name = NULL },
};

/* By whether it has not begun, and whether eof was asked for. */
static const char *const not_taken[2][2] = {
	{ "the job does not read its stdin: the rest of the input was not taken",
	  "the job does not read its stdin: the rest of the input was not taken, and stdin was not "
	  "closed" },
	{ "the job waits in the queue and has not started: the input was not taken",
	  "the job waits in the queue and has not started: the input was not taken, and stdin was "
	  "not closed" },
};

struct interaction {
	struct op op;
	struct reading reading;
	char *input;
	size_t len;
	bool eof;
	bool only_reads;
	int64_t deadline_ms;
	int tries;
	uint64_t offset;  /* of the input */
	uint64_t from[2]; /* where stdout and stderr ended before it */
	size_t accepted;
	Jobwire__V1__Job *job;
};

static struct interaction *
of(struct op *op)
{
	return container_of(op, struct interaction, op);
}

static uint32_t
left_ms(const struct interaction *i)
{
	return (uint32_t)MAX(i->deadline_ms - clock_mono_ms(), 0);
}

static void
answer(struct op *op)
{
	struct interaction *i = of(op);
	struct json *j = op_begin(op);

	facts_put(j, i->job);
	if (reading_put(&i->reading, j) < 0)
		j->failed = -1;
	json_uint(j, "accepted_bytes", i->accepted);
	if (i->accepted < i->len)
		json_str(j, "hint", not_taken[facts_is_queued(i->job)][i->eof]);
	op_end(op);
}

static void
on_quiet(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__WaitResponse *res = (const void *)reply;
	struct interaction *i = of(op);

	i->job = op_keep(op, &res->jobs[0]->base);
	if (!i->job) {
		op_fail(op, "%s: out of memory", op->what);
		return;
	}
	reading_plan(&i->reading, i->job, i->from);
	reading_run(&i->reading, op, i->job->id, answer);
}

/* The first byte of the answer is there, or the end, or the time is up. */
static void
on_first_byte(struct op *op, const ProtobufCMessage *reply)
{
	Jobwire__V1__WaitRequest req = JOBWIRE__V1__WAIT_REQUEST__INIT;
	const Jobwire__V1__ReadOutputResponse *res = (const void *)reply;
	struct interaction *i = of(op);
	char *ids[] = { i->reading.id };

	req.job_ids = ids;
	req.n_job_ids = 1;
	req.until_case = JOBWIRE__V1__WAIT_REQUEST__UNTIL_QUIET_MS;
	req.quiet_ms = QUIET_MS;
	req.wait_ms = res->data.len ? left_ms(i) : 0;
	op_call(op, METHOD_Jobs_Wait, &req.base, req.wait_ms, on_quiet);
}

static void
wait_for_answer(struct interaction *i)
{
	Jobwire__V1__ReadOutputRequest req = JOBWIRE__V1__READ_OUTPUT_REQUEST__INIT;

	i->op.on_error = NULL;
	req.job_id = i->reading.id;
	req.stream = JOBWIRE__V1__STREAM__STREAM_COMBINED;
	req.offset = i->from[0] + i->from[1];
	req.max_bytes = 1;
	req.wait_ms = left_ms(i);
	op_call(&i->op, METHOD_Jobs_ReadOutput, &req.base, req.wait_ms, on_first_byte);
}

static void look(struct interaction *i);
static void type_in(struct interaction *i);

static void
on_typed(struct op *op, const ProtobufCMessage *reply)
{
	struct interaction *i = of(op);

	i->accepted = ((const Jobwire__V1__SendInputResponse *)(const void *)reply)->accepted;
	op_begun(op, i->reading.id, "got the input, but its answer could not be read",
		 "get_job_output reads it; do not send the input again.");
	wait_for_answer(i);
}

/* The input has a place of its own in the job's stdin, so it can be sent again and is never typed
 * twice. */
static void
on_not_typed(struct op *op, const struct err *err)
{
	struct interaction *i = of(op);

	op->on_error = NULL;
	if (i->tries++ >= TRIES_MAX)
		op_fail_err(op, err);
	else if (err->code == ERR_ABORTED)
		look(i);
	else if (err->code == ERR_UNAVAILABLE)
		type_in(i);
	else
		op_fail_err(op, err);
}

static void
type_in(struct interaction *i)
{
	Jobwire__V1__SendInputRequest req = JOBWIRE__V1__SEND_INPUT_REQUEST__INIT;

	req.job_id = i->reading.id;
	req.at_case = JOBWIRE__V1__SEND_INPUT_REQUEST__AT_OFFSET;
	req.offset = i->offset;
	req.eof = i->eof;
	req.wait_ms = left_ms(i);
	req.data = message_bytes(i->input, i->len);
	i->op.on_error = on_not_typed;
	i->op.hint = "The input may have been sent: look with get_job_output before you send it "
		     "again.";
	op_call(&i->op, METHOD_Jobs_SendInput, &req.base, req.wait_ms, on_typed);
}

static void
on_job(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__Job *job = ((const Jobwire__V1__GetResponse *)(const void *)reply)->job;
	struct interaction *i = of(op);

	if (facts_is_final(job)) {
		op_fail(op,
			"Job %s is not running and cannot accept input. It is %s; get_job_output "
			"shows what it wrote.",
			job->id, facts_status(job));
		return;
	}
	if (job->stdin_mode == JOBWIRE__V1__STDIN_MODE__STDIN_NULL && !i->only_reads) {
		op_fail(op,
			"%s: job %s was started without stdin. Start it with execute_command, "
			"which gives it one.",
			op->what, job->id);
		return;
	}
	(void)snprintf(i->reading.id, sizeof i->reading.id, "%s", job->id);
	i->offset = job->input_offset;
	i->from[0] = reading_stored(job, JOBWIRE__V1__STREAM__STREAM_STDOUT);
	i->from[1] = reading_stored(job, JOBWIRE__V1__STREAM__STREAM_STDERR);
	if (i->only_reads)
		wait_for_answer(i);
	else
		type_in(i);
}

static void
look(struct interaction *i)
{
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;

	req.job_id = message_str(i->op.job_id);
	op_call(&i->op, METHOD_Jobs_Get, &req.base, 0, on_job);
}

/* The predecessor ends every input with a newline. To close stdin or to read none is needed. */
static bool
take_input(struct interaction *i, const cJSON *args)
{
	const char *input = arg_str(args, "input", "");
	size_t len = strlen(input);
	bool ends = len && input[len - 1] == '\n', nothing;

	i->only_reads = !i->eof && !arg_get(args, "input");
	nothing = !len && (i->eof || i->only_reads);
	i->input = arena_printf(&i->op.arena, "%s%s", input,
				!ends && !nothing && arg_bool(args, "newline", true) ? "\n" : "");
	i->len = i->input ? strlen(i->input) : 0;
	return i->input != NULL;
}

static void
interact_with_job(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct interaction *i = op_new(arg, call, sizeof *i, "Failed to interact with job");
	int64_t wait_ms = MIN(arg_int(args, "wait_ms", WAIT_DEFAULT_MS), WAIT_MAX_MS);

	if (!i)
		return;
	reading_options(&i->reading, args);
	i->reading.mode = SHOW_ENDS;
	i->eof = arg_bool(args, "eof", false);
	i->deadline_ms = clock_mono_ms() + wait_ms;
	if (!op_take_job(&i->op, args))
		op_fail_unknown(&i->op);
	else if (!take_input(i, args))
		op_fail(&i->op, "%s: out of memory", i->op.what);
	else if (i->len > INPUT_MAX)
		op_fail(&i->op,
			"Invalid parameter: input has %zu bytes; at most %zu are taken in one "
			"call: send it in parts.",
			i->len, INPUT_MAX);
	else if (!i->len && !i->eof && !i->only_reads)
		op_fail(&i->op, "Invalid parameter: input is empty, and neither newline nor eof is "
				"to be sent.");
	else
		look(i);
}

static const char *const aliases[] = { "interact", NULL };

const struct tool_row tool_interact_with_job = {
	.tool = {
		.name = "interact_with_job",
		.aliases = aliases,
		.description = "Send input to a job's stdin and return only the output that "
			       "follows: as soon as it pauses, or after wait_ms.",
		.hints = MCP_DESTRUCTIVE | MCP_OPEN_WORLD,
		.handle = interact_with_job,
	},
	.arguments = { arguments, reading_arguments },
	.result = { facts_result, reading_result, result },
};
