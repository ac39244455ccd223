/* SPDX-License-Identifier: MIT */
/*
 * spawner - starts holders, fast however many descriptors the engine has open.
 *
 * A plain spawn copies the engine's whole descriptor table only to close it again; with 10,000 open
 * descriptors that is a seventh of the speed (process.md A1). Here the child shares the table until
 * close_range(CLOSE_RANGE_UNSHARE) gives it a small one of its own. That needs the few descriptors
 * it takes along at fixed low numbers, which are reserved before anything else is opened.
 *
 * Thread: the loop's alone. The engine never forks.
 */
#ifndef JOBWIRE_PROC_SPAWNER_H
#define JOBWIRE_PROC_SPAWNER_H

#include <sys/types.h>

#include "base/macros.h"

struct err;
struct spawner;

/* Open the holder's program, so that an upgrade of the files changes nothing for this engine, and
 * reserve the slots. `logfd` becomes the holders' stderr; borrowed for the spawner's life. */
int spawner_new(const char *holder_path, int logfd, struct spawner **ret_spawner,
		struct err *err) MUST_CHECK;
void spawner_free(struct spawner *s);

/* Start a holder for job `id`. The record descriptor goes along with its lock; all three stay the
 * caller's. *ret_control is our end of the control socket, nonblocking, the caller's. */
int spawner_start(struct spawner *s, const char *id, int recordfd, int dirfd, pid_t *ret_pid,
		  int *ret_control, struct err *err) MUST_CHECK;

#endif
