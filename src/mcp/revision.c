/* SPDX-License-Identifier: MIT */
#include "mcp/revision.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"

static const struct {
	const char *name;
	bool is_modern, has_batches, has_progress_message;
} revisions[MCP_REVISION_COUNT] = {
	[MCP_REVISION_NONE] = { "none", false, false, true },
	[MCP_2024_11_05] = { "2024-11-05", false, false, false },
	[MCP_2025_03_26] = { "2025-03-26", false, true, true },
	[MCP_2025_06_18] = { "2025-06-18", false, false, true },
	[MCP_2025_11_25] = { "2025-11-25", false, false, true },
	[MCP_2026_07_28] = { "2026-07-28", true, false, true },
};

const char *
revision_name(enum mcp_revision revision)
{
	return revisions[revision].name;
}

enum mcp_revision
revision_find(const char *name, bool is_modern)
{
	size_t i;

	for (i = MCP_REVISION_NONE + 1; i < ARRAY_SIZE(revisions); i++) {
		if (revisions[i].is_modern == is_modern && strcmp(revisions[i].name, name) == 0)
			return (enum mcp_revision)i;
	}
	return MCP_REVISION_NONE;
}

bool
revision_is_modern(enum mcp_revision revision)
{
	return revisions[revision].is_modern;
}

bool
revision_has_batches(enum mcp_revision revision)
{
	return revisions[revision].has_batches;
}

bool
revision_has_progress_message(enum mcp_revision revision)
{
	return revisions[revision].has_progress_message;
}

const char *
revision_list(char out[REVISION_LIST_MAX])
{
	size_t i, len = 0;

	out[0] = '\0';
	for (i = ARRAY_SIZE(revisions) - 1; i > MCP_REVISION_NONE; i--)
		len += (size_t)snprintf(out + len, REVISION_LIST_MAX - len, "%s%s", len ? ", " : "",
					revisions[i].name);
	return out;
}
