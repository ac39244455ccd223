/* SPDX-License-Identifier: MIT */
/*
 * stdio - MCP over a line of JSON per message: one session on standard input and output.
 *
 * Way of the data: descriptors -> lines -> mcp session -> queue -> descriptors. Nothing is dropped
 * but progress: where the client reads slower than it asks, more than STDIO_QUEUE_HIGH waiting
 * bytes stop the reading of requests until half of them are gone.
 *
 * The end: SIGINT, SIGTERM, SIGHUP, a client that cannot be written to, or the death of the parent
 * end it at once. The end of input lets the calls under way finish for STDIO_GRACE_MS and what is
 * queued go out as long as the client takes it; a client that takes nothing is left after the same
 * time again. That holds also while a full queue keeps us from reading.
 *
 * Thread: the event loop's. The loop must come from stdio_base_new(), because the usual method of
 * the system cannot watch regular files.
 */
#ifndef JOBWIRE_MCP_STDIO_STDIO_H
#define JOBWIRE_MCP_STDIO_STDIO_H

#include "base/macros.h"
#include "mcp_stdio/descriptors.h"

#define STDIO_LINE_MAX   (4u << 20)
#define STDIO_QUEUE_HIGH (16u << 20)
#define STDIO_GRACE_MS   400

struct err;
struct event_base;
struct mcp_server;
struct stdio;

/* A loop that can watch files of every kind, or NULL. The caller ends it with event_base_free(). */
struct event_base *stdio_base_new(void);

/* Open the session and start to watch; SIGPIPE is ignored from now on. `fds`, `base` and `server`
 * are kept until stdio_free(); `tool_arg` goes to the tools' handlers. The caller owns *ret_stdio.
 */
int stdio_new(struct event_base *base, const struct descriptors *fds,
	      const struct mcp_server *server, void *tool_arg, struct stdio **ret_stdio,
	      struct err *err) MUST_CHECK;

/* Run the loop until the session has ended, in whatever way. 0, or a negative ERR_*. */
int stdio_run(struct stdio *stdio, struct err *err) MUST_CHECK;

/* Cancel what is under way, stop watching, free. NULL is allowed. */
void stdio_free(struct stdio *stdio);

#endif
