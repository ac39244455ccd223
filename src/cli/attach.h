/* SPDX-License-Identifier: MIT */
/*
 * attach - start a job and stay with it: its output to ours, our stdin to its, signals to it.
 *
 * One poll(2) loop over the engine, a signalfd, stdin and what stdout waits for. It leaves with the
 * job's status; or without the job (detach keys, SIGTERM, SIGHUP, a closed stdout), which then goes
 * on by itself, and says how to come back.
 */
#ifndef JOBWIRE_CLI_ATTACH_H
#define JOBWIRE_CLI_ATTACH_H

#include <stdbool.h>

#include "wire/methods.h"

struct cli;
struct err;

struct attach_plan {
	const Jobwire__V1__StartRequest *request;
	const char *key; /* of idempotency */
	bool forward;    /* our stdin to the job's */
};

/* An exit status, or an error. */
int attach_run(struct cli *cli, const struct attach_plan *plan, struct err *err) MUST_CHECK;

#endif
