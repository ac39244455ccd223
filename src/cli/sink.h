/* SPDX-License-Identifier: MIT */
/*
 * sink - our stdout and stderr, written to in order and without ever blocking.
 *
 * Whoever follows a job must hear signals and the engine while its own reader is slow. The
 * descriptors are shared with other programs, so they are not made nonblocking: pipes and terminals
 * are opened anew, sockets are told with each write, files never block, and what is none of these
 * gets pieces that fit whenever poll(2) says so.
 */
#ifndef JOBWIRE_CLI_SINK_H
#define JOBWIRE_CLI_SINK_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/macros.h"

enum sink_kind {
	SINK_PLAIN,  /* a file, or nonblocking */
	SINK_SOCKET, /* MSG_DONTWAIT */
	SINK_SMALL,  /* by poll(2), at most PIPE_BUF */
};

struct sink_end {
	int fd;
	bool is_ours;
	enum sink_kind kind;
};

struct sink_run {
	unsigned char end; /* 0: stdout, 1: stderr */
	size_t len;
};

struct sink {
	struct sink_end ends[2];
	struct buf bytes;      /* not written yet */
	struct sink_run *runs; /* whose they are */
	size_t first, n_runs, cap_runs;
	int failed_end; /* of the write that failed */
};

void sink_open(struct sink *s);
void sink_close(struct sink *s);

/* Queue for stdout (0) or stderr (1). 0 or -ENOMEM. */
int sink_add(struct sink *s, unsigned end, const void *bytes, size_t len) MUST_CHECK;
static inline size_t
sink_len(const struct sink *s)
{
	return s->bytes.len;
}

/* Write what goes without waiting. 0, or -errno: -EPIPE when the reader is gone. */
int sink_flush(struct sink *s) MUST_CHECK;
/* What to wait for; fd -1 when there is nothing to write. */
struct pollfd sink_wait(const struct sink *s);

#endif
