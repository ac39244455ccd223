/* SPDX-License-Identifier: MIT */
/*
 * scan - a caller's pattern, looked for in a job's output, on a worker.
 *
 * The log is read from where the last look ended; a match may lie across any border. The scan is
 * told how far the log reaches; it says by its callback, on the loop, when it got there or found
 * something.
 */
#ifndef JOBWIRE_ENGINE_SCAN_H
#define JOBWIRE_ENGINE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "outlog/reader.h"

struct engine;
struct scan;

enum scan_how {
	SCAN_GO_ON,  /* more may follow */
	SCAN_PEEK,   /* nothing has followed for a while: does it match as it stands? */
	SCAN_FINISH, /* nothing will follow */
};

struct scan_result {
	enum outlog_view view;
	bool is_running;  /* on the worker: look again when the callback comes */
	bool is_finished; /* SCAN_FINISH is through */
	int rc;           /* below 0: scan_error() tells */
	bool found;
	uint64_t begin, end;        /* of the match */
	const unsigned char *bytes; /* its first ones */
	size_t len;
	uint64_t next; /* looked at up to here; behind the match */
	uint64_t open; /* where another scan goes on: no match begins before here; behind the match
			*/
};

/* `done(arg)` is called on the loop after each run. */
int scan_new(struct engine *eng, const char *job_id, const Jobwire__V1__Pattern *pattern,
	     void (*done)(void *arg), void *arg, struct scan **ret_scan,
	     struct err *err) MUST_CHECK;
/* Look at everything up to `until`. Not while it is running. */
void scan_run(struct scan *s, uint64_t until, enum scan_how how);
/* No more callbacks; freed when the worker is through with it. NULL is allowed. */
void scan_cancel(struct scan *s);

struct scan_result scan_result(const struct scan *s);
const struct err *scan_error(const struct scan *s);

#endif
