/* SPDX-License-Identifier: MIT */
/*
 * server - who answers and with which tools: what all sessions share and nothing changes.
 *
 * Thread-safe after mcp_server_new(): it only reads from then on.
 */
#ifndef JOBWIRE_MCP_SERVER_H
#define JOBWIRE_MCP_SERVER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "mcp/revision.h"

struct err;
struct mcp_added_method;
struct mcp_server;
struct mcp_tool;

/* Everything in it is borrowed and lives as long as the server. */
struct mcp_server_config {
	const char *name, *title, *version;
	const char *instructions; /* for the model, or NULL */
	const struct mcp_tool *tools;
	size_t n_tools;
	/* What the front end adds to the core, all optional. */
	const struct mcp_added_method *methods;
	size_t n_methods;
	/* JSON text of an object, for initialize and for server/discover; NULL: tools alone. */
	const char *legacy_capabilities, *modern_capabilities;
	unsigned tells; /* MCP_TELLS() of the changes that sessions are told of */
	bool has_logging;
};

/* Check the table (names, schemas) and serialise what never changes. The caller owns *ret_server
 * and ends it with mcp_server_free(), after the last session. ERR_INVALID_ARGUMENT names the tool
 * at fault. */
int mcp_server_new(const struct mcp_server_config *config, struct mcp_server **ret_server,
		   struct err *err) MUST_CHECK;
void mcp_server_free(struct mcp_server *server);

/* For a transport that looks into messages: is there such a method in that revision, and what does
 * a tool's input schema say (NULL: there is no such tool)? */
bool mcp_server_has_method(const struct mcp_server *server, const char *name,
			   enum mcp_revision revision);
const cJSON *mcp_server_input_schema(const struct mcp_server *server, const char *tool);

#endif
