/* SPDX-License-Identifier: MIT */
/*
 * inside - what the files of this folder know of each other and nobody else does.
 */
#ifndef JOBWIRE_TOOLS_INSIDE_H
#define JOBWIRE_TOOLS_INSIDE_H

#include "base/arena.h"
#include "base/id.h"
#include "base/macros.h"
#include "mcp/tool.h"
#include "tools/allowed.h"
#include "tools/bridge.h"
#include "tools/launch.h"
#include "tools/property.h"
#include "tools/settings.h"

struct tools {
	struct event_base *base;
	const struct tools_settings *settings;
	struct bridge *bridge;
	struct allowed *allowed;
	struct launch_place place; /* where and in what environment commands run */
	char session[ID_SIZE];     /* in every call to the engine */
	const char *group;         /* of all jobs that are started here */
	struct mcp_tool *table;
	size_t n_table;
};

#define TABLES_MAX 4

/* One row of the table of tools, beside its handler. The schemas of `tool` are made from the
 * others.
 */
struct tool_row {
	struct mcp_tool tool;
	const struct property *arguments[TABLES_MAX]; /* ends with NULL */
	const struct property *result[TABLES_MAX];
};

extern const struct tool_row tool_execute_command; /* start.c */
extern const struct tool_row tool_run_command;
extern const struct tool_row tool_list_jobs; /* query.c */
extern const struct tool_row tool_get_job_status;
extern const struct tool_row tool_get_job_output; /* output.c */
extern const struct tool_row tool_tail_job_output;
extern const struct tool_row tool_wait_for_job;      /* wait.c */
extern const struct tool_row tool_interact_with_job; /* interact.c */
extern const struct tool_row tool_kill_job;          /* kill.c */

#endif
