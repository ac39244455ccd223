/* SPDX-License-Identifier: MIT */
/*
 * figures - what the engine says of itself for /metrics: how many jobs run, wait and linger.
 *
 * Never starts an engine, and never keeps a page waiting for longer than FIGURES_MS. Thread: the
 * event loop's.
 */
#ifndef JOBWIRE_MCP_HTTP_FIGURES_H
#define JOBWIRE_MCP_HTTP_FIGURES_H

#include "base/macros.h"

#define FIGURES_MS 1000

struct buf;
struct err;
struct event_base;
struct figures;
struct figures_ask;

/* `base` and `state_dir` (NULL: the usual one) are kept. */
int figures_new(struct event_base *base, const char *state_dir, struct figures **ret_figures,
		struct err *err) MUST_CHECK;
/* Nobody may be waiting any more. NULL is allowed. */
void figures_free(struct figures *f);

/* done() gets lines in the form of Prometheus, now or later, once; they say at least whether an
 * engine answered. The result is for figures_cancel(), NULL where done() was called already. */
struct figures_ask *figures_ask(struct figures *f, void (*done)(void *arg, const struct buf *lines),
				void *arg);
/* done() will not be called. */
void figures_cancel(struct figures_ask *ask);

#endif
