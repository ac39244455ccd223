/* SPDX-License-Identifier: MIT */
/*
 * state - what a job may become: one table, and what its end means: another.
 *
 *	queued -> starting -> running -> completed | failed | killed | lost
 *
 * Any of the first three may go to any of the last four; nothing leaves those. Pure functions.
 */
#ifndef JOBWIRE_JOB_STATE_H
#define JOBWIRE_JOB_STATE_H

#include "base/words.h"
#include "jobdir/end.h"

enum job_event {
	JOB_EV_GO,       /* a slot is free: the holder was told to start */
	JOB_EV_REQUEUE,  /* after an engine's death: it had not been told */
	JOB_EV_BEGIN,    /* the command runs */
	JOB_EV_COMPLETE, /* the end, as outcome_of_...() judges it */
	JOB_EV_FAIL,
	JOB_EV_KILL,
	JOB_EV_LOSE,
	JOB_EVENT_COUNT,
};

/* JOB_NONE: refused. */
enum job_state job_state_next(enum job_state state, enum job_event event);
const char *job_event_name(enum job_event event);

/* What an end means, by the table of job-life section 6. */
struct outcome {
	enum job_event event; /* COMPLETE, FAIL, KILL or LOSE */
	enum job_reason reason;
	int shell_code; /* what `run` and `wait` exit with */
};

struct outcome outcome_of_end(const struct end *end);
struct outcome outcome_of_failure(const struct failure *failure);
struct outcome outcome_of_loss(void);

/* The step of a `struct failure` whose job was stopped before it ran. */
#define FAILURE_CANCELLED "cancelled"

#endif
