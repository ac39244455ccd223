/* SPDX-License-Identifier: MIT */
/*
 * revision - the revisions of MCP that are spoken, and how they differ.
 *
 * Legacy revisions open a session with `initialize`; the modern one has no session: every request
 * carries its revision and the client's capabilities in params._meta. Pure functions.
 */
#ifndef JOBWIRE_MCP_REVISION_H
#define JOBWIRE_MCP_REVISION_H

#include <stdbool.h>
#include <stddef.h>

enum mcp_revision {
	MCP_REVISION_NONE, /* before initialize */
	MCP_2024_11_05,
	MCP_2025_03_26,
	MCP_2025_06_18,
	MCP_2025_11_25,
	MCP_2026_07_28,
	MCP_REVISION_COUNT,
};

#define MCP_LEGACY_LATEST MCP_2025_11_25
#define MCP_MODERN_LATEST MCP_2026_07_28

/* Sets of revisions, for tables. */
#define MCP_IN(revision) (1u << (revision))
#define MCP_IN_LEGACY                                                               \
	(MCP_IN(MCP_2024_11_05) | MCP_IN(MCP_2025_03_26) | MCP_IN(MCP_2025_06_18) | \
	 MCP_IN(MCP_2025_11_25))
#define MCP_IN_MODERN MCP_IN(MCP_2026_07_28)
#define MCP_IN_ALL    (MCP_IN_LEGACY | MCP_IN_MODERN)

const char *revision_name(enum mcp_revision revision);             /* "2025-06-18" */
enum mcp_revision revision_find(const char *name, bool is_modern); /* NONE where it is none */
bool revision_is_modern(enum mcp_revision revision);
bool revision_has_batches(enum mcp_revision revision);
bool revision_has_progress_message(enum mcp_revision revision);

/* Every revision, newest first, for sentences: "2026-07-28, 2025-11-25, ...". */
#define REVISION_LIST_MAX 80
const char *revision_list(char out[REVISION_LIST_MAX]);

#endif
