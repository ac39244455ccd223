/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/clock.h"
#include "base/words.h"
#include "cli/verbs.h"
#include "wire/message.h"

#define TIMEOUT_MAX (INT64_C(10) * 365 * 86400 * 1000)
#define MARGIN_MS   5000 /* for an engine that hangs, when we may not wait for ever */

struct wait_options {
	bool help;
	bool any;
	int64_t timeout_ms; /* -1: none */
};
#define AT(member) offsetof(struct wait_options, member)

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "timeout",
	  .letter = 't',
	  .type = OPTION_DURATION,
	  .offset = AT(timeout_ms),
	  .max = TIMEOUT_MAX,
	  .arg = "SECONDS",
	  .help = "give up after so long (exit status 124); the jobs go on" },
	{ .name = "any",
	  .type = OPTION_FLAG,
	  .offset = AT(any),
	  .help = "one ended job is enough" },
	ROW_END,
};

static void
init(void *values)
{
	((struct wait_options *)values)->timeout_ms = -1;
}

/* Long polls until it holds (1) or the time is up (0). */
static int
wait_for(struct cli *cli, Jobwire__V1__WaitRequest *req, int64_t timeout_ms, struct arena *a,
	 const Jobwire__V1__WaitResponse **ret, struct err *err)
{
	int64_t deadline = clock_mono_ms() + timeout_ms, left = WIRE_WAIT_MAX_MS;
	const ProtobufCMessage *reply;
	int rc;

	for (;;) {
		if (timeout_ms >= 0)
			left = MAX(deadline - clock_mono_ms(), 0);
		req->wait_ms = (uint32_t)MIN(left, (int64_t)WIRE_WAIT_MAX_MS);
		arena_fini(a);
		rc = cli_call(cli, METHOD_Jobs_Wait, &req->base,
			      timeout_ms >= 0 ? req->wait_ms + MARGIN_MS : 0, a, &reply, err);
		/* A wait that a new engine began again may be late before our time is up. */
		if (rc == ERR_DEADLINE_EXCEEDED && clock_mono_ms() < deadline)
			continue;
		if (rc < 0)
			return rc;
		*ret = (const Jobwire__V1__WaitResponse *)reply;
		if ((*ret)->outcome == JOBWIRE__V1__OUTCOME__OUTCOME_ENDED)
			return 1;
		if (timeout_ms >= 0 && left == 0)
			return 0;
	}
}

/* One line for each job, in the order of the request. */
static int
print_codes(const Jobwire__V1__WaitResponse *res)
{
	int status = STATUS_DONE;
	size_t i;

	for (i = 0; i < res->n_jobs; i++) {
		if (!job_state_is_final((int)res->jobs[i]->state)) {
			(void)puts("-");
			continue;
		}
		(void)printf("%d\n", res->jobs[i]->shell_code);
		if (res->jobs[i]->shell_code)
			status = STATUS_REFUSED;
	}
	return status;
}

static int
cmd_wait(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct wait_options *o = values;
	Jobwire__V1__WaitRequest req = JOBWIRE__V1__WAIT_REQUEST__INIT;
	const Jobwire__V1__WaitResponse *res;
	struct arena replies;
	int rc;

	if (operands->n == 0)
		return cli_usage(cli, "which job? 'jobwire ls' lists them");
	req.job_ids = operands->v;
	req.n_job_ids = operands->n;
	req.mode = o->any ? JOBWIRE__V1__WAIT_MODE__WAIT_ANY : JOBWIRE__V1__WAIT_MODE__WAIT_ALL;
	arena_init(&replies, (size_t)64 * 1024 * 1024);
	rc = wait_for(cli, &req, o->timeout_ms, &replies, &res, err);
	if (rc >= 0 && operands->n > 1)
		rc = rc ? print_codes(res) : (print_codes(res), STATUS_TIMEOUT);
	else if (rc >= 0)
		rc = rc ? res->jobs[0]->shell_code : STATUS_TIMEOUT;
	arena_fini(&replies);
	return rc;
}

const struct verb verb_wait = {
	.name = "wait",
	.summary = "Wait for jobs to end, and exit as they did",
	.usage = "[--timeout SECONDS] [--any] JOB...",
	.more = "For one job: exits with its status. For several: prints the status of each on a\n"
		"line of its own ('-': not ended), in order, and exits 0 if all are 0, else 1.",
	.rows = rows,
	.values_size = sizeof(struct wait_options),
	.init = init,
	.run = cmd_wait,
};
