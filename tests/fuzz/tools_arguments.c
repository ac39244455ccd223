/* SPDX-License-Identifier: MIT */
/*
 * fuzz: tools - the first byte says which tool the JSON behind it is an argument list for. What
 * passes the schema of a tool that starts jobs becomes a request that can be packed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "mcp/schema.h"
#include "mcp/tree.h"
#include "tools/inside.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct tool_row *const tools[] = {
	&tool_execute_command, &tool_run_command,       &tool_list_jobs,
	&tool_get_job_status,  &tool_get_job_output,    &tool_tail_job_output,
	&tool_wait_for_job,    &tool_interact_with_job, &tool_kill_job,
};

static cJSON *schemas[ARRAY_SIZE(tools)];
static struct tools context;
static struct tools_settings settings;

static void
set_up(void)
{
	struct arena a;
	struct buf warnings;
	const char *text;
	struct err err;
	size_t i;

	arena_init(&a, 1 << 20);
	buf_init(&warnings, 4096);
	for (i = 0; i < ARRAY_SIZE(tools); i++) {
		text = property_schema(tools[i]->arguments, PROPERTY_ARGUMENTS, &a);
		schemas[i] = text ? cJSON_Parse(text) : NULL;
		if (!schemas[i])
			abort();
	}
	arena_fini(&a);
	settings.max_jobs = 10;
	settings.max_output_size = 1 << 20;
	context.settings = &settings;
	context.group = "g";
	context.place.cwd = "/tmp";
	context.place.home = "/root";
	if (allowed_new(NULL, &warnings, &context.allowed, &err) < 0)
		abort();
	buf_fini(&warnings);
}

static void
check_launch(const cJSON *args)
{
	Jobwire__V1__StartRequest req;
	struct err err = { 0 };
	struct arena a;
	struct buf out;
	int rc;

	arena_init(&a, (size_t)16 << 20);
	buf_init(&out, (size_t)16 << 20);
	rc = launch_read(&context, &a, args, JOBWIRE__V1__STDIN_MODE__STDIN_NULL, &req, &err);
	if (rc < 0 && (err.code != rc || !err.msg[0]))
		abort();
	if (rc == 0 && (message_pack(&out, &req.base) < 0 || req.cwd.data[0] != '/' ||
			req.timeout_ms > UINT64_C(31536000000) ||
			!utf8_is_valid((const char *)req.command.data, req.command.len)))
		abort();
	buf_fini(&out);
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan_span span;
	struct err err = { 0 };
	cJSON *args;
	size_t tool;
	int rc;

	if (size == 0)
		return 0;
	if (!context.settings)
		set_up();
	tool = data[0] % ARRAY_SIZE(tools);
	if (!utf8_is_valid((const char *)data + 1, size - 1) ||
	    tree_parse((const char *)data + 1, size - 1, &args, &span, &err) < 0)
		return 0;
	rc = cJSON_IsObject(args) && tree_check_members(args, &err) == 0
		     ? schema_check(schemas[tool], args, &err)
		     : -1;
	if (rc == 0 && tool < 2)
		check_launch(args);
	cJSON_Delete(args);
	return 0;
}
