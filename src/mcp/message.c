/* SPDX-License-Identifier: MIT */
#include "mcp/message.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "mcp/session.h"
#include "mcp/tree.h"

bool
message_id_is_good(const cJSON *value, struct scan_span text)
{
	if (text.len > MCP_ID_MAX)
		return false;
	if (cJSON_IsString(value))
		return !scan_has_lone_surrogate(text);
	return cJSON_IsNumber(value) && !memchr(text.p, '.', text.len) &&
	       !memchr(text.p, 'e', text.len) && !memchr(text.p, 'E', text.len);
}

static const char *
find_fault(const cJSON *root, const struct message *m, bool has_id)
{
	const char *version = tree_str(root, "jsonrpc");

	if (!version || strcmp(version, "2.0") != 0)
		return "\"jsonrpc\" must be \"2.0\"";
	if (has_id && !m->id.len)
		return "\"id\" must be a short string or a whole number";
	if (!m->method)
		return tree_get(root, "method") ? "\"method\" must be a string"
						: "\"method\" is missing";
	return NULL;
}

void
message_classify(const cJSON *root, struct scan_span text, struct message *ret_message)
{
	struct message *m = ret_message;
	struct scan_span id;
	struct err err = { 0 };
	bool has_id;

	memset(m, 0, sizeof *m);
	m->text = text;
	m->why = "a message must be an object";
	if (!cJSON_IsObject(root))
		return;
	m->why = "the message names a member twice";
	if (tree_check_members(root, &err) < 0)
		return;
	has_id = scan_member(text, "id", &id);
	m->id_value = tree_get(root, "id");
	if (has_id && message_id_is_good(m->id_value, id))
		m->id = id;
	m->method = tree_str(root, "method");
	m->params = tree_get(root, "params");
	if (cJSON_IsNull(m->params))
		m->params = NULL;
	if (!tree_get(root, "method") && (tree_get(root, "result") || tree_get(root, "error"))) {
		m->kind = MESSAGE_RESPONSE;
		m->why = NULL;
		return;
	}
	m->why = find_fault(root, m, has_id);
	if (!m->why)
		m->kind = has_id ? MESSAGE_REQUEST : MESSAGE_NOTIFICATION;
}

const cJSON *
message_meta(const struct message *m)
{
	const cJSON *meta = tree_get(m->params, "_meta");

	return cJSON_IsObject(meta) ? meta : NULL;
}

bool
message_progress_token(const struct message *m, struct scan_span *ret_token)
{
	const cJSON *value = tree_get(message_meta(m), "progressToken");
	struct scan_span span;

	if (!value || !scan_member(m->text, "params", &span) ||
	    !scan_member(span, "_meta", &span) || !scan_member(span, "progressToken", &span))
		return false;
	*ret_token = span;
	return message_id_is_good(value, span);
}

bool
message_is_modern(const struct message *m)
{
	const cJSON *meta = message_meta(m);

	if (!tree_get(meta, META_VERSION))
		return false;
	return strcmp(m->method, "initialize") != 0 || message_check_envelope(meta, NULL) == 0;
}

static bool
is_object(const cJSON *value)
{
	return cJSON_IsObject(value);
}

static bool
is_string(const cJSON *value)
{
	return cJSON_IsString(value);
}

static bool
is_client_info(const cJSON *value)
{
	return tree_str(value, "name") && tree_str(value, "version");
}

static const char *const log_levels[] = {
	[MCP_LOG_NONE] = "none",           [MCP_LOG_DEBUG] = "debug",
	[MCP_LOG_INFO] = "info",           [MCP_LOG_NOTICE] = "notice",
	[MCP_LOG_WARNING] = "warning",     [MCP_LOG_ERROR] = "error",
	[MCP_LOG_CRITICAL] = "critical",   [MCP_LOG_ALERT] = "alert",
	[MCP_LOG_EMERGENCY] = "emergency",
};

const char *
message_log_name(enum mcp_log_level level)
{
	return log_levels[level];
}

enum mcp_log_level
message_log_level(const char *name)
{
	size_t i;

	for (i = MCP_LOG_DEBUG; name && i < ARRAY_SIZE(log_levels); i++) {
		if (strcmp(name, log_levels[i]) == 0)
			return (enum mcp_log_level)i;
	}
	return MCP_LOG_NONE;
}

static bool
is_log_level(const cJSON *value)
{
	return message_log_level(cJSON_GetStringValue(value)) != MCP_LOG_NONE;
}

static const struct {
	const char *key;
	bool is_required;
	bool (*is_good)(const cJSON *value);
	const char *words;
} envelope[] = {
	{ META_VERSION, true, is_string, "a string" },
	{ META_CLIENT_CAPS, true, is_object, "an object" },
	{ META_CLIENT_INFO, false, is_client_info, "an object with the strings name and version" },
	{ META_LOG_LEVEL, false, is_log_level, "a log level" },
};

int
message_check_envelope(const cJSON *meta, struct err *err)
{
	struct err inner = { 0 };
	const cJSON *value;
	size_t i;

	if (!meta)
		return err_set(err, ERR_INVALID_ARGUMENT, "_meta is missing");
	if (tree_check_members(meta, &inner) < 0)
		return err_set(err, ERR_INVALID_ARGUMENT, "_meta: %s", inner.msg);
	for (i = 0; i < ARRAY_SIZE(envelope); i++) {
		value = tree_get(meta, envelope[i].key);
		if (value ? !envelope[i].is_good(value) : envelope[i].is_required)
			return err_set(
				err, ERR_INVALID_ARGUMENT, "_meta[\"%s\"] %s%s", envelope[i].key,
				value ? "must be " : "is missing; it must be ", envelope[i].words);
	}
	return 0;
}
