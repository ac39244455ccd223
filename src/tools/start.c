/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "mcp/args.h"
#include "tools/facts.h"
#include "tools/inside.h"
#include "tools/launch.h"
#include "tools/op.h"
#include "tools/property.h"
#include "tools/reading.h"
#include "tools/waiting.h"
#include "wire/message.h"

/* Beside OP_CALL_MS: the engine may have to be started for the first job. */
#define START_MS      15000u
#define LISTED_AT_END 10

static Jobwire__V1__StdinMode
stdin_arg(const cJSON *args, Jobwire__V1__StdinMode fallback)
{
	const char *word = arg_str(args, "stdin", NULL);

	if (!word)
		return fallback;
	if (strcmp(word, "pipe") == 0)
		return JOBWIRE__V1__STDIN_MODE__STDIN_PIPE;
	return strcmp(word, "pty") == 0 ? JOBWIRE__V1__STDIN_MODE__STDIN_PTY
					: JOBWIRE__V1__STDIN_MODE__STDIN_NULL;
}

/* All slots of this adapter's group are taken: by whom. */
static void
fail_full(struct op *op)
{
	Jobwire__V1__State running[] = { JOBWIRE__V1__STATE__STATE_QUEUED,
					 JOBWIRE__V1__STATE__STATE_STARTING,
					 JOBWIRE__V1__STATE__STATE_RUNNING };
	Jobwire__V1__ListRequest filter = JOBWIRE__V1__LIST_REQUEST__INIT;

	filter.states = running;
	filter.n_states = ARRAY_SIZE(running);
	filter.group = message_str(op->tools->group);
	filter.limit = LISTED_AT_END;
	op_fail_listing(op, &filter, "Running: ",
			"Job limit reached: Maximum concurrent jobs limit (%" PRId64
			") reached. Wait for a job or kill one, or call again with queue: true.",
			op->tools->settings->max_jobs);
}

/* In the predecessor's words. */
static void
on_refused(struct op *op, const struct err *err)
{
	if (err->code == ERR_RESOURCE_EXHAUSTED && strcmp(err->field, "group_limit") == 0) {
		fail_full(op);
		return;
	}
	if (err->code == ERR_PERMISSION_DENIED || strcmp(err->field, "command") == 0)
		op->what = "Invalid command";
	op_fail_err(op, err);
}

static void
start(struct op *op, const cJSON *args, Jobwire__V1__StdinMode stdin_mode, op_step *next)
{
	Jobwire__V1__StartRequest req;
	struct err err = { 0 };

	if (launch_read(op->tools, &op->arena, args, stdin_mode, &req, &err) < 0) {
		on_refused(op, &err);
		return;
	}
	op->on_error = on_refused;
	op->hint = "Look at list_jobs before you repeat the call: the job may have been started "
		   "all the same.";
	op_call_once(op, METHOD_Jobs_Start, &req.base, START_MS, next);
}

/* False, and the op is over, where the command could not be executed. */
static bool
has_begun(struct op *op, const Jobwire__V1__Job *job)
{
	if (job->reason != JOBWIRE__V1__REASON__REASON_SPAWN)
		return true;
	op_fail(op, "%s: %s (job %s).", op->what, job->detail, job->id);
	return false;
}

/* ---- execute_command ---- */

static const struct property execute_arguments[] = {
	{ .name = "stdin", .type = "string", .words = "pipe|null|pty", .about = "Default pipe" },
	{ .name = NULL },
};

static void
on_executed(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__Job *job =
		((const Jobwire__V1__StartResponse *)(const void *)reply)->job;
	struct json *j;

	if (!has_begun(op, job))
		return;
	j = op_begin(op);
	facts_put(j, job);
	if (job->pid)
		json_int(j, "pid", job->pid);
	json_bytes(j, "cwd", job->cwd.data, job->cwd.len);
	op_end(op);
}

static void
execute_command(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct op *op = op_new(arg, call, sizeof *op, "Failed to start job");

	if (op)
		start(op, args, stdin_arg(args, JOBWIRE__V1__STDIN_MODE__STDIN_PIPE), on_executed);
}

static const char *const execute_aliases[] = { "execute", NULL };

const struct tool_row tool_execute_command = {
	.tool = {
		.name = "execute_command",
		.aliases = execute_aliases,
		.description = "Start a shell command as a background job and return its "
			       "job_id at once. For servers, long builds, REPLs.",
		.hints = MCP_DESTRUCTIVE | MCP_OPEN_WORLD,
		.handle = execute_command,
	},
	.arguments = { launch_arguments, execute_arguments },
	.result = { facts_result },
};

/* ---- run_command ---- */

static const struct property run_arguments[] = {
	{ .name = "wait_seconds",
	  .type = "number",
	  .least = "0",
	  .about = "Default 25, at most 50" },
	{ .name = NULL },
};

static const struct property run_result[] = {
	{ .name = "effective_timeout_seconds", .type = "number", .is_required = true },
	{ .name = NULL },
};

#define STILL_RUNNING "still running: wait_for_job goes on waiting, kill_job ends it"
#define STILL_QUEUED                                                                             \
	"it has not started: it waits in the queue for another job's end; wait_for_job goes on " \
	"waiting, kill_job takes it out"

struct runner {
	struct op op;
	struct waiting waiting;
	struct reading reading;
	Jobwire__V1__Job *job;
};

static void
run_answer(struct op *op)
{
	struct runner *r = container_of(op, struct runner, op);
	struct json *j = op_begin(op);

	facts_put(j, r->job);
	if (reading_put(&r->reading, j) < 0)
		j->failed = -1;
	json_seconds(j, "effective_timeout_seconds", waiting_all_ms(&r->waiting));
	if (!facts_is_final(r->job))
		json_str(j, "hint", facts_is_queued(r->job) ? STILL_QUEUED : STILL_RUNNING);
	op_end(op);
}

static void
read_output(struct runner *r, const Jobwire__V1__Job *job)
{
	static const uint64_t from[2];

	r->op.on_error = NULL;
	r->job = op_keep(&r->op, &job->base);
	if (!r->job) {
		op_fail(&r->op, "Failed to read the output of job %s: out of memory", job->id);
		return;
	}
	reading_plan(&r->reading, r->job, from);
	reading_run(&r->reading, &r->op, r->job->id, run_answer);
}

static void
on_got(struct op *op, const ProtobufCMessage *reply)
{
	read_output(container_of(op, struct runner, op),
		    ((const Jobwire__V1__GetResponse *)(const void *)reply)->job);
}

static void
on_run_waited(struct op *op, const Jobwire__V1__WaitResponse *res)
{
	struct runner *r = container_of(op, struct runner, op);
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;

	if (res && res->n_jobs) {
		read_output(r, res->jobs[0]);
		return;
	}
	req.job_id = r->waiting.id;
	op->on_error = NULL;
	op_call(op, METHOD_Jobs_Get, &req.base, 0, on_got);
}

static void
on_begun(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__Job *job =
		((const Jobwire__V1__StartResponse *)(const void *)reply)->job;
	struct runner *r = container_of(op, struct runner, op);

	if (!has_begun(op, job))
		return;
	op_begun(op, job->id, "was started, but its end could not be waited for",
		 "wait_for_job goes on waiting for it; do not start it again.");
	waiting_run(&r->waiting, job->id, on_run_waited);
}

static void
run_command(struct mcp_call *call, const cJSON *args, void *arg)
{
	struct runner *r = op_new(arg, call, sizeof *r, "Failed to start job");

	if (!r)
		return;
	reading_options(&r->reading, args);
	r->reading.mode = SHOW_ENDS;
	waiting_begin(&r->waiting, &r->op, args, "wait_seconds");
	start(&r->op, args, JOBWIRE__V1__STDIN_MODE__STDIN_NULL, on_begun);
}

const struct tool_row tool_run_command = {
	.tool = {
		.name = "run_command",
		.description = "Run a shell command, wait for its end and return exit code, "
			       "stdout and stderr. If it takes longer than the wait it goes on "
			       "as a background job.",
		.hints = MCP_DESTRUCTIVE | MCP_OPEN_WORLD,
		.handle = run_command,
	},
	.arguments = { launch_arguments, run_arguments, reading_arguments },
	.result = { facts_result, reading_result, run_result },
};
