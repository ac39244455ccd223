/* SPDX-License-Identifier: MIT */
/*
 * starter - starts the engine when none answers: many may try at once, one does.
 *
 * Whoever gets the state folder's lock starts jobwired, which inherits it; the others wait for the
 * socket. The engine leaves our terminal and our pipes, so that `$(jobwire ls)` ends; its first
 * word, or its error, comes back through a pipe. Nonblocking: poll the descriptor.
 */
#ifndef JOBWIRE_CLIENT_STARTER_H
#define JOBWIRE_CLIENT_STARTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/macros.h"

struct endpoint;
struct err;

struct starter {
	int fd; /* of its words, -1: nothing is being started by us */
	pid_t pid;
	struct buf words;
};

void starter_init(struct starter *s);
/* Stops listening; what was started goes on. */
void starter_fini(struct starter *s);

/* 1: it is being started by us, 0: somebody else holds the lock, or an error. */
int starter_begin(struct starter *s, const struct endpoint *ep, const char *engine_path,
		  struct err *err) MUST_CHECK;
/* The descriptor is readable: 1: it is ready, 0: not yet, or its error. ERR_ABORTED: it was killed
 * before it was ready; try again. */
int starter_read(struct starter *s, struct err *err) MUST_CHECK;

#endif
