/* SPDX-License-Identifier: MIT */
/*
 * method - one row of the table of methods that a front end adds to those of the core: resources,
 * prompts, completion, tasks.
 *
 * The rows live as long as the server. A row of the core's own methods cannot be replaced.
 */
#ifndef JOBWIRE_MCP_METHOD_H
#define JOBWIRE_MCP_METHOD_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "mcp/revision.h"

struct mcp_call;

struct mcp_added_method {
	const char *name;
	unsigned revisions; /* MCP_IN(...) */
	/* Answer `call` now or later (call.h). `params` is an object or NULL and lives until the
	 * handler returns; `arg` is the session's tool_arg. */
	void (*handle)(struct mcp_call *call, const cJSON *params, void *arg);
	int64_t ttl_ms;          /* how long a modern client may keep the result, */
	const char *cache_scope; /* and who may share it; NULL: not at all */
};

#endif
