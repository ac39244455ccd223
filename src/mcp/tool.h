/* SPDX-License-Identifier: MIT */
/*
 * tool - one row of the table of tools that a front end hands to the server.
 *
 * The rows, and all that they point at, live as long as the server.
 */
#ifndef JOBWIRE_MCP_TOOL_H
#define JOBWIRE_MCP_TOOL_H

#include <cjson/cJSON.h>

struct mcp_call;

#define MCP_TOOL_NAME_MAX 64 /* of [a-zA-Z0-9_-]; some clients drop all tools over one bad name */

/* What a client may expect; all four go out as annotations. */
enum mcp_tool_hint {
	MCP_READ_ONLY = 1 << 0,
	MCP_DESTRUCTIVE = 1 << 1,
	MCP_IDEMPOTENT = 1 << 2,
	MCP_OPEN_WORLD = 1 << 3,
};

struct mcp_tool {
	const char *name;
	const char *const *aliases; /* other names for tools/call, not listed; ends with NULL */
	const char *title;
	const char *description;
	const char *input_schema;  /* JSON text of an object schema */
	const char *output_schema; /* the same; NULL: the tool gives no structuredContent */
	unsigned hints;            /* enum mcp_tool_hint */

	/* Answer `call` now or later (call.h). `args` has passed its schema and lives until the
	 * handler returns; `arg` is the session's tool_arg. */
	void (*handle)(struct mcp_call *call, const cJSON *args, void *arg);

	/* What `args` is held against instead, with old names that are not listed; NULL: the input
	 * schema. */
	const char *accepted_schema;
};

#endif
