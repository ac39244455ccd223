/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "mcp/server.h"
#include "mcp_http/facts.h"
#include "mcp_http/metrics.h"

#include "../../fixtures/mcp_tools.h"

#define META                                                                     \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"," \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define REQUEST(method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" method "\",\"params\":{" params "}}"

static const struct mcp_tool tools[] = { TEST_TOOLS };

static const struct {
	const char *body;
	enum body_kind kind;
	bool has_claim, is_whole, is_known;
	const char *name, *tool;
	size_t requests;
} rows[] = {
	{ .body = "", .kind = BODY_NOT_JSON },
	{ .body = "{", .kind = BODY_NOT_JSON },
	{ .body = "\"\xff\"", .kind = BODY_NOT_JSON },
	{ .body = "1", .kind = BODY_INVALID },
	{ .body = "{}", .kind = BODY_INVALID },
	{ .body = "[]", .kind = BODY_EMPTY_BATCH },
	{ .body = "[1]", .kind = BODY_BAD_BATCH },
	{ .body = "[" REQUEST("ping", META) "]", .kind = BODY_BAD_BATCH, .requests = 1 },
	{ .body = "[" REQUEST("ping", "") "," REQUEST("x", "") "]",
	  .kind = BODY_BATCH,
	  .requests = 2 },
	{ .body = "[{\"jsonrpc\":\"2.0\",\"method\":\"x\"}]", .kind = BODY_BATCH },
	{ .body = "{\"jsonrpc\":\"2.0\",\"method\":\"x\"}", .kind = BODY_NOTIFICATION },
	{ .body = "{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":{" META "}}",
	  .kind = BODY_NOTIFICATION,
	  .has_claim = true },
	{ .body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", .kind = BODY_RESPONSE },
	{ .body = REQUEST("ping", ""), .kind = BODY_REQUEST, .requests = 1 },
	{ .body = REQUEST("ping", META),
	  .kind = BODY_REQUEST,
	  .has_claim = true,
	  .is_whole = true,
	  .requests = 1 },
	{ .body = REQUEST("server/discover", META),
	  .kind = BODY_REQUEST,
	  .has_claim = true,
	  .is_whole = true,
	  .is_known = true,
	  .requests = 1 },
	{ .body = REQUEST("tools/call", META ",\"name\":\"echo\""),
	  .kind = BODY_REQUEST,
	  .has_claim = true,
	  .is_whole = true,
	  .is_known = true,
	  .name = "echo",
	  .tool = "echo",
	  .requests = 1 },
	{ .body = REQUEST("tools/call", META ",\"name\":\"none\""),
	  .kind = BODY_REQUEST,
	  .has_claim = true,
	  .is_whole = true,
	  .is_known = true,
	  .name = "none",
	  .tool = NULL,
	  .requests = 1 },
	{ .body = REQUEST("tools/call", META ",\"name\":1"),
	  .kind = BODY_REQUEST,
	  .has_claim = true,
	  .is_whole = true,
	  .is_known = true,
	  .requests = 1 },
	{ .body = REQUEST("resources/read", "\"uri\":\"u\",\"name\":\"n\""),
	  .kind = BODY_REQUEST,
	  .name = "u",
	  .requests = 1 },
	{ .body = REQUEST("tasks/get", "\"taskId\":\"t\""),
	  .kind = BODY_REQUEST,
	  .name = "t",
	  .requests = 1 },
	{ .body = REQUEST("tools/list",
			  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"),
	  .kind = BODY_REQUEST,
	  .has_claim = true,
	  .is_known = true,
	  .requests = 1 },
	{ .body = REQUEST("tools/list",
			  "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":1}"),
	  .kind = BODY_REQUEST,
	  .has_claim = true,
	  .is_known = true,
	  .requests = 1 },
	{ .body = REQUEST("tools/list", "\"_meta\":[]"),
	  .kind = BODY_REQUEST,
	  .is_known = true,
	  .requests = 1 },
};

static void
assert_same(const char *a, const char *b)
{
	if (!a || !b)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void
bodies_are_what_they_are(void **state)
{
	static const struct mcp_server_config config = {
		.name = "test", .version = "1", .tools = tools, .n_tools = ARRAY_SIZE(tools)
	};
	struct mcp_server *server;
	struct err err = { 0 };
	struct facts f;
	size_t i;

	(void)state;
	assert_ok(mcp_server_new(&config, &server, &err), &err);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		facts_read(&f, server, rows[i].body, strlen(rows[i].body));
		assert_int_equal(f.body.kind, rows[i].kind);
		assert_int_equal(f.body.has_claim, rows[i].has_claim);
		assert_int_equal(f.requests && f.body.has_claim && !f.body.envelope,
				 rows[i].is_whole);
		assert_int_equal(f.body.is_known, rows[i].is_known);
		assert_same(f.body.name, rows[i].name);
		assert_same(f.tool, rows[i].tool);
		assert_int_equal(f.requests, rows[i].requests);
		assert_int_equal(f.id.len,
				 f.body.kind == BODY_REQUEST || f.body.kind == BODY_RESPONSE);
		assert_int_equal(f.body.why != NULL,
				 f.body.kind < BODY_BATCH || f.body.kind == BODY_INVALID);
		facts_fini(&f);
	}
	mcp_server_free(server);
}

static void
an_empty_body_is_no_json(void **state)
{
	struct facts f;

	(void)state;
	facts_read(&f, NULL, NULL, 0);
	assert_int_equal(f.body.kind, BODY_NOT_JSON);
	assert_non_null(f.body.why);
	facts_fini(&f);
}

static void
histograms_add_up(void **state)
{
	struct metrics m = { 0 };
	struct buf out;
	char *text;

	(void)state;
	metrics_observe(NULL, 1);
	metrics_observe(metrics_histogram(&m.rpcs, "a/b"), 100000);
	metrics_observe(metrics_histogram(&m.rpcs, "a/b"), 100001);
	metrics_observe(metrics_histogram(&m.rpcs, "a/b"), INT64_C(90000000000));
	metrics_count_status(&m, 200);
	metrics_count_status(&m, 999);
	buf_init(&out, 1u << 20);
	assert_int_equal(metrics_write(&m, &out), 0);
	assert_int_equal(buf_add(&out, "", 1), 0);
	text = (char *)buf_head(&out);
	assert_non_null(strstr(text, "rpc_seconds_bucket{method=\"a/b\",le=\"0.0001\"} 1\n"));
	assert_non_null(strstr(text, "rpc_seconds_bucket{method=\"a/b\",le=\"0.00025\"} 2\n"));
	assert_non_null(strstr(text, "rpc_seconds_bucket{method=\"a/b\",le=\"60\"} 2\n"));
	assert_non_null(strstr(text, "rpc_seconds_bucket{method=\"a/b\",le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(text, "rpc_seconds_sum{method=\"a/b\"} 90.000200001\n"));
	assert_non_null(strstr(text, "rpc_seconds_count{method=\"a/b\"} 3\n"));
	assert_non_null(strstr(text, "responses_total{class=\"2xx\"} 1\n"));
	buf_fini(&out);
	metrics_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_what_they_are),
		cmocka_unit_test(an_empty_body_is_no_json),
		cmocka_unit_test(histograms_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
