/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/macros.h"
#include "mcp/message.h"
#include "mcp/session.h"
#include "mcp/tree.h"

#define VERSION "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""
#define CAPS    "\"io.modelcontextprotocol/clientCapabilities\":{}"

/* The tree must live as long as the message. */
static cJSON *
classify(const char *text, struct message *m)
{
	struct scan_span span;
	struct err err = { 0 };
	cJSON *root = NULL;

	assert_ok(tree_parse(text, strlen(text), &root, &span, &err), &err);
	message_classify(root, span, m);
	return root;
}

static const struct {
	const char *text;
	enum message_kind kind;
	const char *id; /* as it may be echoed; NULL: null */
} forms[] = {
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}", MESSAGE_REQUEST, "1" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"\"}", MESSAGE_REQUEST, "0" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":-0,\"method\":\"x\"}", MESSAGE_REQUEST, "-0" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"x\"}", MESSAGE_REQUEST, "\"\"" },
	{ "{\"id\":1152921504606846977,\"jsonrpc\":\"2.0\",\"method\":\"x\"}", MESSAGE_REQUEST,
	  "1152921504606846977" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"\\u00e9\\u0000\",\"method\":\"x\"}", MESSAGE_REQUEST,
	  "\"a\\\"\\u00e9\\u0000\"" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"x\"}", MESSAGE_NOTIFICATION, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", MESSAGE_RESPONSE, "1" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}", MESSAGE_RESPONSE, NULL },
	{ "{\"result\":1}", MESSAGE_RESPONSE, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"result\":1}", MESSAGE_REQUEST, "1" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1.0,\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1e2,\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1E2,\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"\\ud800\",\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", MESSAGE_INVALID, "1" },
	{ "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"x\"}", MESSAGE_INVALID, "1" },
	{ "{\"JSONRPC\":\"2.0\",\"id\":1,\"method\":\"x\"}", MESSAGE_INVALID, "1" },
	{ "{\"id\":1,\"method\":\"x\"}", MESSAGE_INVALID, "1" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1}", MESSAGE_INVALID, "1" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", MESSAGE_INVALID, "1" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":null,\"result\":1}", MESSAGE_INVALID, NULL },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"x\"}", MESSAGE_INVALID, NULL },
	{ "{}", MESSAGE_INVALID, NULL },
	{ "[]", MESSAGE_INVALID, NULL },
	{ "5", MESSAGE_INVALID, NULL },
	{ "null", MESSAGE_INVALID, NULL },
};

static void
every_form_of_message_has_its_kind(void **state)
{
	struct message m;
	cJSON *root;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		root = classify(forms[i].text, &m);
		if (m.kind != forms[i].kind)
			fail_msg("kind %d: %s", m.kind, forms[i].text);
		assert_int_equal(m.kind == MESSAGE_INVALID, m.why != NULL);
		assert_int_equal(m.id.len, forms[i].id ? strlen(forms[i].id) : 0);
		if (forms[i].id)
			assert_memory_equal(m.id.p, forms[i].id, m.id.len);
		cJSON_Delete(root);
	}
}

static void
an_id_beyond_its_limit_is_no_id(void **state)
{
	char text[MCP_ID_MAX + 80];
	struct message m;
	cJSON *root;

	(void)state;
	(void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":\"%0*d\"}",
		       MCP_ID_MAX - 2, 1);
	root = classify(text, &m);
	assert_int_equal(m.kind, MESSAGE_REQUEST);
	cJSON_Delete(root);
	(void)snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"id\":\"%0*d\"}",
		       MCP_ID_MAX - 1, 1);
	root = classify(text, &m);
	assert_int_equal(m.kind, MESSAGE_INVALID);
	cJSON_Delete(root);
}

static void
the_progress_token_is_taken_as_it_was_written(void **state)
{
	static const struct {
		const char *params, *token;
	} rows[] = {
		{ "{\"_meta\":{\"progressToken\":0}}", "0" },
		{ "{\"_meta\":{\"progressToken\":1152921504606846977}}", "1152921504606846977" },
		{ "{\"_meta\":{\"progressToken\":\"a\\/b\"}}", "\"a\\/b\"" },
		{ "{\"_meta\":{\"progressToken\":null}}", NULL },
		{ "{\"_meta\":{\"progressToken\":1.5}}", NULL },
		{ "{\"_meta\":{}}", NULL },
		{ "{\"_meta\":[]}", NULL },
		{ "{\"progressToken\":1}", NULL },
		{ "[]", NULL },
		{ "null", NULL },
	};
	struct scan_span token;
	struct message m;
	char text[200];
	cJSON *root;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(text, sizeof text,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":%s}",
			       rows[i].params);
		root = classify(text, &m);
		assert_int_equal(message_progress_token(&m, &token), rows[i].token != NULL);
		if (rows[i].token) {
			assert_int_equal(token.len, strlen(rows[i].token));
			assert_memory_equal(token.p, rows[i].token, token.len);
		}
		cJSON_Delete(root);
	}
}

static void
the_era_is_decided_by_the_message_alone(void **state)
{
	static const struct {
		const char *method, *params;
		bool is_modern;
	} rows[] = {
		{ "tools/list", "{}", false },
		{ "tools/list", "[]", false },
		{ "tools/list", "{\"_meta\":5}", false },
		{ "tools/list", "{\"_meta\":{\"progressToken\":1}}", false },
		{ "tools/list", "{\"_meta\":{" CAPS "}}", false },
		{ "tools/list", "{\"_meta\":{" VERSION "}}", true },
		{ "tools/list", "{\"_meta\":{" VERSION "," CAPS "}}", true },
		{ "tools/list", "{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":null}}",
		  true },
		{ "tools/list", "{\"_meta\":{\"io.modelcontextprotocol\\/protocolVersion\":1}}",
		  true },
		{ "initialize", "{\"_meta\":{" VERSION "}}", false },
		{ "initialize", "{\"_meta\":{" VERSION "," CAPS "}}", true },
	};
	struct message m;
	char text[300];
	cJSON *root;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(text, sizeof text,
			       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}",
			       rows[i].method, rows[i].params);
		root = classify(text, &m);
		if (message_is_modern(&m) != rows[i].is_modern)
			fail_msg("%s", text);
		cJSON_Delete(root);
	}
}

static void
the_modern_envelope_is_held_against_its_table(void **state)
{
#define INFO  "\"io.modelcontextprotocol/clientInfo\":"
#define LEVEL "\"io.modelcontextprotocol/logLevel\":"
	static const struct {
		const char *meta, *why; /* NULL: good */
	} rows[] = {
		{ "{" VERSION "," CAPS "}", NULL },
		{ "{" VERSION "," CAPS "," INFO "{\"name\":\"a\",\"version\":\"1\"}}", NULL },
		{ "{" VERSION "," CAPS "," LEVEL "\"emergency\",\"traceparent\":1}", NULL },
		{ "{" CAPS "}", "protocolVersion\"] is missing; it must be a string" },
		{ "{\"io.modelcontextprotocol/protocolVersion\":1," CAPS "}",
		  "protocolVersion\"] must be a string" },
		{ "{" VERSION "}", "clientCapabilities\"] is missing; it must be an object" },
		{ "{" VERSION ",\"io.modelcontextprotocol/clientCapabilities\":[]}",
		  "clientCapabilities\"] must be an object" },
		{ "{" VERSION "," CAPS "," INFO "{\"name\":\"a\"}}", "clientInfo\"] must be" },
		{ "{" VERSION "," CAPS "," INFO "null}", "clientInfo\"] must be" },
		{ "{" VERSION "," CAPS "," LEVEL "\"loud\"}", "logLevel\"] must be a log level" },
		{ "{" VERSION "," CAPS "," VERSION "}", "is given twice" },
	};
	struct scan_span span;
	struct err err;
	cJSON *meta;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&err, 0, sizeof err);
		assert_ok(tree_parse(rows[i].meta, strlen(rows[i].meta), &meta, &span, &err), &err);
		rc = message_check_envelope(meta, &err);
		assert_int_equal(rc, rows[i].why ? ERR_INVALID_ARGUMENT : 0);
		if (rows[i].why && !strstr(err.msg, rows[i].why))
			fail_msg("%s: %s", rows[i].meta, err.msg);
		cJSON_Delete(meta);
	}
	assert_int_equal(message_check_envelope(NULL, NULL), ERR_INVALID_ARGUMENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_message_has_its_kind),
		cmocka_unit_test(an_id_beyond_its_limit_is_no_id),
		cmocka_unit_test(the_progress_token_is_taken_as_it_was_written),
		cmocka_unit_test(the_era_is_decided_by_the_message_alone),
		cmocka_unit_test(the_modern_envelope_is_held_against_its_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
