/* SPDX-License-Identifier: MIT */
/*
 * tools - the MCP tools of jobwire: each row of the table is one tool, and turns into calls to the
 * engine.
 *
 * Way of the data: mcp session -> a tool's handler -> op -> bridge -> engine, and back. Nothing is
 * kept here but what is under way: jobs live in the engine. Thread: the event loop's.
 */
#ifndef JOBWIRE_TOOLS_TOOLS_H
#define JOBWIRE_TOOLS_TOOLS_H

#include <stddef.h>

#include "base/macros.h"

struct buf;
struct err;
struct event_base;
struct mcp_tool;
struct tools;
struct tools_settings;

/* What the handlers get as their argument. `base` and `settings` are kept. Warnings are added to
 * `warnings` as lines. Looks at where we were started and whether the working folder is there, and
 * at nothing of the engine's, which is looked for by the first call. The caller owns *ret_tools and
 * ends it with tools_free(), after the last session and its server. */
int tools_new(struct event_base *base, const struct tools_settings *settings, struct buf *warnings,
	      struct tools **ret_tools, struct err *err) MUST_CHECK;
void tools_free(struct tools *t);

/* The tools, in the order in which they are listed. Live as long as `t`. */
const struct mcp_tool *tools_table(const struct tools *t, size_t *ret_n);
/* What a model is told about them, at most 1,500 characters. */
const char *tools_instructions(void);

#endif
