/* SPDX-License-Identifier: MIT */
/*
 * endpoint - the one place where everyone meets: the state folder and its sockets.
 *
 * The state folder is the path given, else $JOBWIRE_STATE_DIR, else ~/.local/state/jobwire, where ~
 * is $HOME, else the passwd entry. XDG variables are not read and uid 0 is not special: an MCP
 * client may strip the environment down to HOME and PATH, and engine, adapters and command line
 * must still meet.
 */
#ifndef JOBWIRE_BASE_ENDPOINT_H
#define JOBWIRE_BASE_ENDPOINT_H

#include <limits.h>

#include "base/macros.h"

struct err;

#define ENDPOINT_REQUESTS "engine.sock" /* request/reply */
#define ENDPOINT_EVENTS   "events.sock" /* pub */
#define ENDPOINT_LOCK     "engine.lock" /* flock: one engine per state folder */
#define ENDPOINT_LOG      "engine.log"  /* of an engine that a client started */
#define ENDPOINT_CONFIG   "jobwire.conf"

struct endpoint {
	int dirfd;           /* the state folder, O_PATH-free, close-on-exec */
	char path[PATH_MAX]; /* absolute */
};

/* Find the state folder, make it (0700, with its parents) where it is missing, and open it.
 * `given` may be NULL. Refused: a folder that is not ours, or that others may write to.
 * Also after a failure endpoint_close() may be called. */
int endpoint_open(const char *given, struct endpoint *ret_ep, struct err *err) MUST_CHECK;
void endpoint_close(struct endpoint *ep);

#endif
