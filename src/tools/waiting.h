/* SPDX-License-Identifier: MIT */
/*
 * waiting - a wait for a job that always ends: at what it waits for, or in time.
 *
 * A client gives up a call after a minute or less, also one that asked for progress, so a wait is
 * cut to WAITING_MAX_MS. Who asked for progress gets it every WAITING_BEAT_MS. The time is kept
 * here: when the engine dies under a wait the client asks the next one, and the wait ends no later
 * for it. A step of an op (op.h): waiting_run() comes last.
 */
#ifndef JOBWIRE_TOOLS_WAITING_H
#define JOBWIRE_TOOLS_WAITING_H

#include <cjson/cJSON.h>

#include "base/id.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "tools/op.h"

#define WAITING_DEFAULT_MS 25000
#define WAITING_MAX_MS     50000
#define WAITING_BEAT_MS    10000

struct waiting {
	struct op *op;
	char id[ID_SIZE];
	Jobwire__V1__Pattern *pattern; /* in the op's arena, or NULL */
	uint64_t quiet_ms;             /* 0: not asked for */
	int64_t begun_ms, deadline_ms; /* monotonic */
	int64_t last_ms;               /* then the engine is not listened to any more */
	int64_t beat_ms;               /* when progress is due */
	/* `res` is NULL where the time was up and the engine silent. */
	void (*done)(struct op *op, const Jobwire__V1__WaitResponse *res);
};

/* Begin to count: the argument `name` in seconds, else the default, cut as above. */
void waiting_begin(struct waiting *w, struct op *op, const cJSON *args, const char *name);
/* Wait for the job's end, or for the pattern or the quiet that was filled in. */
void waiting_run(struct waiting *w, const char *id,
		 void (*done)(struct op *op, const Jobwire__V1__WaitResponse *res));
/* How long it may take in all, and how much of that is left. */
int64_t waiting_all_ms(const struct waiting *w);
int64_t waiting_left_ms(const struct waiting *w);

#endif
