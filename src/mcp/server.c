/* SPDX-License-Identifier: MIT */
#include "mcp/server.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "mcp/inside.h"
#include "mcp/tree.h"

void
write_server_info(struct json *j, const char *key, const struct mcp_server_config *config)
{
	json_object_begin(j, key);
	json_str(j, "name", config->name);
	if (config->title)
		json_str(j, "title", config->title);
	json_str(j, "version", config->version);
	json_object_end(j);
}

void
write_capabilities(struct json *j, const struct mcp_server_config *config, enum mcp_era era)
{
	const char *text =
		era == MCP_MODERN ? config->modern_capabilities : config->legacy_capabilities;

	if (text) {
		json_raw(j, "capabilities", text, strlen(text));
		return;
	}
	json_object_begin(j, "capabilities");
	json_object_begin(j, "tools");
	json_object_end(j);
	json_object_end(j);
}

void
stamp(struct json *j, const struct mcp_server_config *config, const struct mcp_method *method,
      enum mcp_era era, const char *type)
{
	if (era == MCP_LEGACY)
		return;
	json_str(j, "resultType", type ? type : "complete");
	if (method->cache_scope && !type) {
		json_int(j, "ttlMs", method->ttl_ms);
		json_str(j, "cacheScope", method->cache_scope);
	}
	json_object_begin(j, "_meta");
	write_server_info(j, META_SERVER_INFO, config);
	json_object_end(j);
}

static bool
name_is_good(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= MCP_TOOL_NAME_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
		       len;
}

/* Parse a schema, which must be one of an object. The caller owns *ret_schema. */
static int
read_schema(const struct mcp_tool *tool, const char *what, const char *text, cJSON **ret_schema,
	    struct err *err)
{
	struct scan_span ignored;
	const char *type;
	int rc;

	rc = tree_parse(text, strlen(text), ret_schema, &ignored, err);
	if (rc < 0)
		return err_wrap(err, rc, "tool %s: %s schema", tool->name, what);
	type = tree_str(*ret_schema, "type");
	if (!type || strcmp(type, "object") != 0) {
		cJSON_Delete(*ret_schema);
		*ret_schema = NULL;
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "tool %s: the %s schema must have type object", tool->name, what);
	}
	return 0;
}

static int
add_name(struct mcp_server *server, const struct mcp_tool *tool, const char *name,
	 const cJSON *schema, struct err *err)
{
	struct mcp_tool_entry *entry = &server->entries[server->n_entries];
	int rc;

	if (!name_is_good(name))
		return err_set(err, ERR_INVALID_ARGUMENT, "tool name '%s' must be 1 to %d of %s",
			       name, MCP_TOOL_NAME_MAX, "a-z, A-Z, 0-9, _ and -");
	*entry = (struct mcp_tool_entry){ tool, name, schema, NULL };
	rc = map_put(&server->by_name, name, entry);
	if (rc == -EEXIST)
		return err_set(err, ERR_INVALID_ARGUMENT, "two tools are named %s", name);
	if (rc < 0)
		return err_sys(err, -rc, "table of tools");
	server->n_entries++;
	return 0;
}

static int
add_tool(struct mcp_server *server, const struct mcp_tool *tool, struct err *err)
{
	const char *const *alias;
	cJSON *schema = NULL;
	int rc;

	if (!tool->description || !*tool->description)
		return err_set(err, ERR_INVALID_ARGUMENT, "tool %s has no description", tool->name);
	if (tool->output_schema) {
		rc = read_schema(tool, "output", tool->output_schema, &schema, err);
		if (rc < 0)
			return rc;
		cJSON_Delete(schema);
	}
	rc = read_schema(tool, "input",
			 tool->accepted_schema ? tool->accepted_schema : tool->input_schema,
			 &schema, err);
	if (rc < 0)
		return rc;
	rc = add_name(server, tool, tool->name, schema, err);
	if (rc < 0) {
		cJSON_Delete(schema);
		return rc;
	}
	server->entries[server->n_entries - 1].owned_schema = schema;
	for (alias = tool->aliases; alias && *alias && rc == 0; alias++)
		rc = add_name(server, tool, *alias, schema, err);
	return rc;
}

static void
write_tool(struct json *j, const struct mcp_tool *tool)
{
	json_object_begin(j, NULL);
	json_str(j, "name", tool->name);
	if (tool->title)
		json_str(j, "title", tool->title);
	json_str(j, "description", tool->description);
	json_raw(j, "inputSchema", tool->input_schema, strlen(tool->input_schema));
	if (tool->output_schema)
		json_raw(j, "outputSchema", tool->output_schema, strlen(tool->output_schema));
	json_object_begin(j, "annotations");
	json_bool(j, "readOnlyHint", tool->hints & MCP_READ_ONLY);
	json_bool(j, "destructiveHint", tool->hints & MCP_DESTRUCTIVE);
	json_bool(j, "idempotentHint", tool->hints & MCP_IDEMPOTENT);
	json_bool(j, "openWorldHint", tool->hints & MCP_OPEN_WORLD);
	json_object_end(j);
	json_object_end(j);
}

static int
make_tools_list(struct mcp_server *server, enum mcp_era era, enum mcp_revision revision)
{
	struct json j;
	size_t i;

	json_begin(&j, &server->tools_list[era]);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "tools");
	for (i = 0; i < server->config.n_tools; i++)
		write_tool(&j, &server->config.tools[i]);
	json_array_end(&j);
	stamp(&j, &server->config, mcp_method_find(server, "tools/list", revision), era, NULL);
	json_object_end(&j);
	return json_end(&j);
}

static int
make_discover(struct mcp_server *server)
{
	struct json j;

	json_begin(&j, &server->discover);
	json_object_begin(&j, NULL);
	json_array_begin(&j, "supportedVersions");
	json_str(&j, NULL, revision_name(MCP_MODERN_LATEST));
	json_array_end(&j);
	write_capabilities(&j, &server->config, MCP_MODERN);
	if (server->config.instructions)
		json_str(&j, "instructions", server->config.instructions);
	stamp(&j, &server->config, mcp_method_find(server, "server/discover", MCP_MODERN_LATEST),
	      MCP_MODERN, NULL);
	json_object_end(&j);
	return json_end(&j);
}

static int
add_methods(struct mcp_server *server, struct err *err)
{
	const struct mcp_added_method *from = server->config.methods;
	size_t i, n = server->config.n_methods;

	server->added = calloc(MAX(n, 1), sizeof *server->added);
	if (!server->added)
		return err_sys(err, ENOMEM, "table of methods");
	for (i = 0; i < n; i++)
		server->added[i] = (struct mcp_method){ .name = from[i].name,
							.revisions = from[i].revisions,
							.added = from[i].handle,
							.ttl_ms = from[i].ttl_ms,
							.cache_scope = from[i].cache_scope };
	return 0;
}

static int
server_fill(struct mcp_server *server, struct err *err)
{
	size_t i, n = 0;
	int rc = 0;

	for (i = 0; i < server->config.n_tools; i++) {
		const char *const *alias = server->config.tools[i].aliases;

		for (n++; alias && *alias; alias++)
			n++;
	}
	server->entries = calloc(MAX(n, 1), sizeof *server->entries);
	if (!server->entries)
		return err_sys(err, ENOMEM, "table of tools");
	for (i = 0; i < server->config.n_tools && rc == 0; i++)
		rc = add_tool(server, &server->config.tools[i], err);
	if (rc == 0)
		rc = add_methods(server, err);
	if (rc < 0)
		return rc;
	rc = make_tools_list(server, MCP_LEGACY, MCP_LEGACY_LATEST);
	if (rc == 0)
		rc = make_tools_list(server, MCP_MODERN, MCP_MODERN_LATEST);
	if (rc == 0)
		rc = make_discover(server);
	return rc < 0 ? err_sys(err, -rc, "list of tools") : 0;
}

int
mcp_server_new(const struct mcp_server_config *config, struct mcp_server **ret_server,
	       struct err *err)
{
	struct mcp_server *server = calloc(1, sizeof *server);
	int rc;

	if (!server)
		return err_sys(err, ENOMEM, "MCP server");
	server->config = *config;
	buf_init(&server->tools_list[MCP_LEGACY], MCP_FRAME_MAX / 2);
	buf_init(&server->tools_list[MCP_MODERN], MCP_FRAME_MAX / 2);
	buf_init(&server->discover, MCP_FRAME_MAX / 2);
	rc = server_fill(server, err);
	if (rc < 0) {
		mcp_server_free(server);
		return rc;
	}
	*ret_server = server;
	return 0;
}

void
mcp_server_free(struct mcp_server *server)
{
	size_t i;

	if (!server)
		return;
	for (i = 0; i < server->n_entries; i++)
		cJSON_Delete(server->entries[i].owned_schema);
	free(server->entries);
	free(server->added);
	map_fini(&server->by_name);
	buf_fini(&server->tools_list[MCP_LEGACY]);
	buf_fini(&server->tools_list[MCP_MODERN]);
	buf_fini(&server->discover);
	free(server);
}

bool
mcp_server_has_method(const struct mcp_server *server, const char *name, enum mcp_revision revision)
{
	return mcp_method_find(server, name, revision) != NULL;
}

const cJSON *
mcp_server_input_schema(const struct mcp_server *server, const char *tool)
{
	const struct mcp_tool_entry *entry = map_get(&server->by_name, tool);

	return entry ? entry->schema : NULL;
}
