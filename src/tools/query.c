/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/words.h"
#include "mcp/args.h"
#include "tools/facts.h"
#include "tools/inside.h"
#include "tools/op.h"
#include "tools/property.h"
#include "wire/message.h"

#define LIST_DEFAULT   20
#define LIST_MAX       100
#define LIST_COMMAND   100 /* characters */
#define STATUS_COMMAND 300
/* A job that has said nothing for so long may be one that writes into a buffer of its own. */
#define SILENT_NS (30 * NS_PER_S)

/* ---- list_jobs ---- */

static const struct property list_arguments[] = {
	{ .name = "status", .type = "string", .words = "running|completed|failed|killed" },
	{ .name = "mine", .type = "boolean", .about = "Only jobs of this client group" },
	{ .name = "limit", .type = "integer", .least = "1", .about = "Default 20, at most 100" },
	{ .name = "cursor", .type = "string", .about = "next_cursor of the page before" },
	{ .name = NULL },
};

static const struct property listed[] = {
	{ .name = "job_id", .type = "string", .is_required = true },
	{ .name = "status", .type = "string", .is_required = true },
	{ .name = "command", .type = "string", .is_required = true },
	{ .name = "started", .type = "string", .is_required = true },
	{ .name = "exit_code", .type = "integer" },
	{ .name = NULL },
};

static const struct property list_result[] = {
	{ .name = "jobs", .type = "array", .items = listed, .is_required = true },
	{ .name = "next_cursor", .type = "string" },
	{ .name = NULL },
};

static void
put_listed(struct json *j, const Jobwire__V1__Job *job)
{
	json_object_begin(j, NULL);
	facts_put(j, job);
	if (*job->name)
		json_str(j, "name", job->name);
	facts_put_command(j, "command", job, LIST_COMMAND);
	facts_put_time(j, "started", job->started_ns ? job->started_ns : job->created_ns);
	json_object_end(j);
}

static void
on_listed(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__ListResponse *res = (const void *)reply;
	struct json *j = op_begin(op);
	size_t i;

	json_array_begin(j, "jobs");
	for (i = 0; i < res->n_jobs; i++)
		put_listed(j, res->jobs[i]);
	json_array_end(j);
	if (*res->next_page_token)
		json_str(j, "next_cursor", res->next_page_token);
	op_end(op);
}

/* The states that the predecessor's word stands for. */
static size_t
states_of(const char *status, Jobwire__V1__State states[JOB_STATE_COUNT])
{
	size_t n = 0;
	int state;

	for (state = JOB_NONE + 1; status && state < JOB_STATE_COUNT; state++)
		if (strcmp(job_status_word(state), status) == 0)
			states[n++] = (Jobwire__V1__State)state;
	return n;
}

static void
list_jobs(struct mcp_call *call, const cJSON *args, void *arg)
{
	Jobwire__V1__ListRequest req = JOBWIRE__V1__LIST_REQUEST__INIT;
	Jobwire__V1__State states[JOB_STATE_COUNT];
	struct tools *tools = arg;
	struct op *op = op_new(tools, call, sizeof *op, "Failed to list jobs");

	if (!op)
		return;
	req.n_states = states_of(arg_str(args, "status", NULL), states);
	req.states = states;
	req.limit = (uint32_t)MIN(arg_int(args, "limit", LIST_DEFAULT), LIST_MAX);
	req.page_token = message_str(arg_str(args, "cursor", NULL));
	if (arg_bool(args, "mine", false))
		req.group = message_str(tools->group);
	op_call(op, METHOD_Jobs_List, &req.base, 0, on_listed);
}

static const char *const list_aliases[] = { "list", NULL };

const struct tool_row tool_list_jobs = {
	.tool = {
		.name = "list_jobs",
		.aliases = list_aliases,
		.description = "List background jobs with status and command, newest first. "
			       "Jobs of earlier sessions are kept.",
		.hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
		.handle = list_jobs,
	},
	.arguments = { list_arguments },
	.result = { list_result },
};

/* ---- get_job_status ---- */

static const struct property status_arguments[] = {
	{ .name = "job_id",
	  .type = "string",
	  .about = "Or its first characters, 4 or more",
	  .is_required = true },
	{ .name = NULL },
};

static const struct property status_result[] = {
	{ .name = "pid", .type = "integer" },
	{ .name = "started", .type = "string" },
	{ .name = "ended", .type = "string" },
	{ .name = NULL },
};

static void
put_bytes(struct json *j, const Jobwire__V1__Job *job)
{
	json_uint(j, "stdout_bytes", job->stdout_info ? job->stdout_info->end : 0);
	json_uint(j, "stderr_bytes", job->stderr_info ? job->stderr_info->end : 0);
}

/* What is out of the ordinary; absent where it is not. */
static void
put_rare(struct json *j, const Jobwire__V1__Job *job)
{
	if (job->stopping)
		json_bool(j, "stopping", true);
	if (job->lingering)
		json_uint(j, "lingering_processes", job->lingering);
	if (job->killed_processes)
		json_uint(j, "killed_processes", job->killed_processes);
	if (job->survivors)
		json_uint(j, "survivors", job->survivors);
	if (job->disk_full)
		json_bool(j, "disk_full", true);
	if (*job->detail)
		json_str(j, "detail", job->detail);
}

/* What a model would otherwise wonder about. */
static const char *
hint_for(const Jobwire__V1__Job *job)
{
	bool has_output = (job->stdout_info && job->stdout_info->end) ||
			  (job->stderr_info && job->stderr_info->end);

	if (job->lingering && facts_is_final(job))
		return "the command has ended, but processes that it started are left; kill_job "
		       "ends them";
	if (job->state == JOBWIRE__V1__STATE__STATE_RUNNING && !has_output && job->started_ns &&
	    clock_wall_ns() - job->started_ns > SILENT_NS &&
	    job->stdin_mode != JOBWIRE__V1__STDIN_MODE__STDIN_PTY)
		return "no output yet: stdout is a pipe, and many programs write to a pipe only "
		       "when their buffer is full; stdin \"pty\", python -u or stdbuf -oL help";
	return NULL;
}

static void
on_status(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__Job *job = ((const Jobwire__V1__GetResponse *)(const void *)reply)->job;
	struct json *j = op_begin(op);
	const char *hint = hint_for(job);

	facts_put(j, job);
	if (job->pid)
		json_int(j, "pid", job->pid);
	facts_put_command(j, "command", job, STATUS_COMMAND);
	json_bytes(j, "cwd", job->cwd.data, job->cwd.len);
	if (*job->name)
		json_str(j, "name", job->name);
	facts_put_time(j, "started", job->started_ns);
	facts_put_time(j, "ended", job->ended_ns);
	put_bytes(j, job);
	put_rare(j, job);
	if (hint)
		json_str(j, "hint", hint);
	op_end(op);
}

static void
get_job_status(struct mcp_call *call, const cJSON *args, void *arg)
{
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;
	struct op *op = op_new(arg, call, sizeof *op, "Failed to get job status");

	if (!op)
		return;
	if (!op_take_job(op, args)) {
		op_fail_unknown(op);
		return;
	}
	req.job_id = message_str(op->job_id);
	op_call(op, METHOD_Jobs_Get, &req.base, 0, on_status);
}

static const char *const status_aliases[] = { "status", NULL };

const struct tool_row tool_get_job_status = {
	.tool = {
		.name = "get_job_status",
		.aliases = status_aliases,
		.description = "Status of a job: running, completed, failed or killed, with "
			       "exit code, times and output sizes.",
		.hints = MCP_READ_ONLY | MCP_IDEMPOTENT,
		.handle = get_job_status,
	},
	.arguments = { status_arguments },
	.result = { facts_result, status_result },
};
