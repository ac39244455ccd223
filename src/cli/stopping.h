/* SPDX-License-Identifier: MIT */
/*
 * stopping - end one job, wait for it, and say what became of it. For `stop` and `kill`.
 */
#ifndef JOBWIRE_CLI_STOPPING_H
#define JOBWIRE_CLI_STOPPING_H

#include <stdint.h>

#include "base/macros.h"

struct cli;
struct err;

#define STOP_GRACE_MAX_MS INT64_C(86400000)

struct stopping {
	int signal;
	int64_t grace_ms; /* -1: the job's own */
};

/* An exit status, or an error. */
int stopping_run(struct cli *cli, const char *id, const struct stopping *s,
		 struct err *err) MUST_CHECK;

#endif
