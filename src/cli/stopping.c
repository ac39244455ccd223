/* SPDX-License-Identifier: MIT */
#include "cli/stopping.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/words.h"
#include "cli/cli.h"
#include "wire/message.h"

#define MARGIN_MS 10000 /* behind the grace: SIGKILL, and a disk that lets nobody die */

static int
send_stop(struct cli *cli, const char *id, const struct stopping *s,
	  const Jobwire__V1__StopResponse **ret, struct err *err)
{
	Jobwire__V1__StopRequest req = JOBWIRE__V1__STOP_REQUEST__INIT;
	const ProtobufCMessage *reply;
	int rc;

	req.job_id = message_str(id);
	req.signal = s->signal;
	if (s->grace_ms >= 0) {
		req.grace_case = JOBWIRE__V1__STOP_REQUEST__GRACE_GRACE_MS;
		req.grace_ms = (uint64_t)s->grace_ms;
	}
	rc = cli_call(cli, METHOD_Jobs_Stop, &req.base, 0, &cli->arena, &reply, err);
	if (rc == 0)
		*ret = (const Jobwire__V1__StopResponse *)reply;
	return rc;
}

/* A grace that is longer than a call may be. */
static int
wait_closed(struct cli *cli, const Jobwire__V1__Job **job, struct err *err)
{
	int64_t deadline = clock_mono_ms() + (int64_t)(*job)->grace_ms + MARGIN_MS, left;
	Jobwire__V1__WaitRequest req = JOBWIRE__V1__WAIT_REQUEST__INIT;
	const Jobwire__V1__WaitResponse *res;
	const ProtobufCMessage *reply;
	char *id = (*job)->id;
	int rc;

	req.job_ids = &id;
	req.n_job_ids = 1;
	req.until_case = JOBWIRE__V1__WAIT_REQUEST__UNTIL_CLOSED;
	req.closed = true;
	do {
		left = deadline - clock_mono_ms();
		req.wait_ms = (uint32_t)MIN(MAX(left, 0), (int64_t)WIRE_WAIT_MAX_MS);
		rc = cli_call(cli, METHOD_Jobs_Wait, &req.base, 0, &cli->arena, &reply, err);
		if (rc < 0)
			return rc;
		res = (const Jobwire__V1__WaitResponse *)reply;
		*job = res->jobs[0];
	} while (res->outcome != JOBWIRE__V1__OUTCOME__OUTCOME_ENDED && left > 0);
	return 0;
}

static int
say_what(struct cli *cli, const Jobwire__V1__Job *job, uint32_t killed, uint32_t survivors)
{
	bool ended = job_state_is_final((int)job->state);

	(void)printf("%.8s %s: %u process%s ended, %u left\n", job->id,
		     ended ? job_state_word((int)job->state) : "not ended yet", killed,
		     killed == 1 ? "" : "es", survivors);
	if (survivors && *job->detail)
		cli_say(cli, "job %.8s: %s", job->id, job->detail);
	return ended && !survivors ? STATUS_DONE : STATUS_REFUSED;
}

int
stopping_run(struct cli *cli, const char *id, const struct stopping *s, struct err *err)
{
	const Jobwire__V1__StopResponse *res = NULL;
	const Jobwire__V1__Job *job;
	int rc = send_stop(cli, id, s, &res, err);

	if (rc < 0)
		return rc;
	job = res->job;
	if (res->already_ended && !res->survivors) {
		(void)printf("%.8s had ended: %s, status %d\n", job->id,
			     job_state_word((int)job->state), job->shell_code);
		return STATUS_DONE;
	}
	if (res->done)
		return say_what(cli, job, res->killed_processes, res->survivors);
	rc = wait_closed(cli, &job, err);
	return rc < 0 ? rc : say_what(cli, job, job->killed_processes, job->survivors);
}
