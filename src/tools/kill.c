/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/quantity.h"
#include "mcp/args.h"
#include "tools/facts.h"
#include "tools/inside.h"
#include "tools/op.h"
#include "tools/property.h"
#include "wire/message.h"

/* ---- kill_job ---- */

#define GRACE_MAX_S 40
#define MARGIN_MS   8000 /* beside the grace, for the proof that all are dead */

static const struct property arguments[] = {
	{ .name = "job_id", .type = "string", .is_required = true },
	{ .name = "signal", .type = "string", .about = "First signal, default TERM" },
	{ .name = "grace_seconds",
	  .type = "number",
	  .least = "0",
	  .most = "40",
	  .about = "Until SIGKILL, default 5" },
	{ .name = NULL },
};

static const struct property result[] = {
	{ .name = "status", .type = "string", .is_required = true },
	{ .name = "survivors", .type = "integer" },
	{ .name = NULL },
};

static void
answer_word(struct op *op, const char *status)
{
	json_str(op_begin(op), "status", status);
	op_end(op);
}

/* Ended by this call: by a user's stop, unless it had ended before. */
static const char *
verdict(const Jobwire__V1__StopResponse *res)
{
	return !res->already_ended && res->job->reason == JOBWIRE__V1__REASON__REASON_USER
		       ? "killed"
		       : "already_terminated";
}

static void
on_stopped(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__StopResponse *res = (const void *)reply;
	struct json *j;

	if (!res->done) {
		op_fail(op,
			"Job %s is being killed, but is not dead yet%s%s. get_job_status tells "
			"when it is.",
			res->job->id, *res->job->detail ? ": " : "", res->job->detail);
		return;
	}
	j = op_begin(op);
	json_str(j, "status", verdict(res));
	json_str(j, "job_id", res->job->id);
	facts_put_end(j, res->job);
	json_uint(j, "killed_processes", res->killed_processes);
	json_uint(j, "survivors", res->survivors);
	if (res->survivors && *res->job->detail)
		json_str(j, "detail", res->job->detail);
	op_end(op);
}

static void
on_not_stopped(struct op *op, const struct err *err)
{
	op->on_error = NULL;
	if (err->code == ERR_NOT_FOUND && strcmp(err->field, "job_id") == 0)
		answer_word(op, "not_found");
	else
		op_fail_err(op, err);
}

/* "TERM", "SIGTERM", "term" or "15"; 0: none of them. */
static int
signal_number(const char *word)
{
	const char *name;
	int64_t number;
	int s;

	if (quantity_int(word, &number) == 0)
		return number >= 1 && number < NSIG ? (int)number : 0;
	if (strncasecmp(word, "SIG", 3) == 0)
		word += 3;
	for (s = 1; s < NSIG; s++) {
		name = sigabbrev_np(s);
		if (name && strcasecmp(name, word) == 0)
			return s;
	}
	return 0;
}

static void
kill_job(struct mcp_call *call, const cJSON *args, void *arg)
{
	Jobwire__V1__StopRequest req = JOBWIRE__V1__STOP_REQUEST__INIT;
	struct op *op = op_new(arg, call, sizeof *op, "Failed to kill job");
	double grace = arg_number(args, "grace_seconds", -1);
	const char *word = arg_str(args, "signal", "TERM");

	if (!op)
		return;
	req.signal = signal_number(word);
	if (!req.signal) {
		op_fail(op,
			"Invalid parameter: signal '%.40s' is not known; use a name such as TERM, "
			"INT, HUP or KILL.",
			word);
		return;
	}
	if (!op_take_job(op, args)) {
		answer_word(op, "not_found");
		return;
	}
	req.job_id = message_str(op->job_id);
	if (grace >= 0) {
		req.grace_case = JOBWIRE__V1__STOP_REQUEST__GRACE_GRACE_MS;
		req.grace_ms = (uint64_t)(grace * 1000);
	}
	req.wait_case = JOBWIRE__V1__STOP_REQUEST__WAIT_WAIT_MS;
	req.wait_ms = GRACE_MAX_S * 1000 + MARGIN_MS;
	op->on_error = on_not_stopped;
	op->hint = "It may have been ended all the same: get_job_status tells, and repeating the "
		   "call does no harm.";
	op_call(op, METHOD_Jobs_Stop, &req.base, req.wait_ms, on_stopped);
}

static const char *const aliases[] = { "kill", NULL };

const struct tool_row tool_kill_job = {
	.tool = {
		.name = "kill_job",
		.aliases = aliases,
		.description = "End a job with all its processes: signal, grace, SIGKILL. "
			       "Returns killed, already_terminated or not_found.",
		.hints = MCP_DESTRUCTIVE | MCP_IDEMPOTENT,
		.handle = kill_job,
	},
	.arguments = { arguments },
	.result = { result },
};
