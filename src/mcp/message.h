/* SPDX-License-Identifier: MIT */
/*
 * message - what a JSON value is as a JSON-RPC message, and to which era a request belongs.
 *
 * Pure functions over borrowed trees and text.
 */
#ifndef JOBWIRE_MCP_MESSAGE_H
#define JOBWIRE_MCP_MESSAGE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/macros.h"
#include "mcp/scan.h"

#define META_PREFIX       "io.modelcontextprotocol/"
#define META_VERSION      META_PREFIX "protocolVersion"
#define META_CLIENT_CAPS  META_PREFIX "clientCapabilities"
#define META_CLIENT_INFO  META_PREFIX "clientInfo"
#define META_LOG_LEVEL    META_PREFIX "logLevel"
#define META_SERVER_INFO  META_PREFIX "serverInfo"
#define META_SUBSCRIPTION META_PREFIX "subscriptionId"

struct err;

enum message_kind {
	MESSAGE_INVALID,
	MESSAGE_REQUEST,
	MESSAGE_NOTIFICATION,
	MESSAGE_RESPONSE, /* or what looks like one: never answered, lest two peers go on for ever
			   */
};

struct message {
	enum message_kind kind;
	const char *why; /* MESSAGE_INVALID: a sentence's end */
	const char *method;
	const cJSON *params;   /* NULL where there are none */
	struct scan_span text; /* the whole message */
	struct scan_span id;   /* as it was written; empty where there is none that can be echoed */
	const cJSON *id_value;
};

void message_classify(const cJSON *root, struct scan_span text, struct message *ret_message);

/* Is it a string or a whole number, short enough and clean enough to be echoed? */
bool message_id_is_good(const cJSON *value, struct scan_span text);

/* params._meta, or NULL. */
const cJSON *message_meta(const struct message *m);
/* The text of params._meta.progressToken; false where there is none that can be echoed. */
bool message_progress_token(const struct message *m, struct scan_span *ret_token);

/* As in RFC 5424, the least important one first. */
enum mcp_log_level {
	MCP_LOG_NONE,
	MCP_LOG_DEBUG,
	MCP_LOG_INFO,
	MCP_LOG_NOTICE,
	MCP_LOG_WARNING,
	MCP_LOG_ERROR,
	MCP_LOG_CRITICAL,
	MCP_LOG_ALERT,
	MCP_LOG_EMERGENCY,
};

const char *message_log_name(enum mcp_log_level level);
/* NONE where it is no level, or NULL. */
enum mcp_log_level message_log_level(const char *name);

/* A request is modern if params._meta names a protocol version; `initialize` only with an envelope
 * that is whole, because a legacy client may have put anything there. */
bool message_is_modern(const struct message *m);
/* The modern envelope's form; the version itself is not looked at. ERR_INVALID_ARGUMENT. */
int message_check_envelope(const cJSON *meta, struct err *err) MUST_CHECK;

#endif
