/* SPDX-License-Identifier: MIT */
/*
 * jobwire-mcp - background jobs for the MCP client that started it, over stdin and stdout.
 */
#include <event2/event.h>
#include <stdio.h>

#include "base/err.h"
#include "base/sys.h"
#include "mcp/server.h"
#include "mcp_stdio/stdio.h"
#include "tools/settings.h"
#include "tools/tools.h"

#define PROGRAM "jobwire-mcp"

enum {
	EXIT_ENDED = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
};

static void
say_warnings(struct buf *warnings)
{
	(void)fprintf(stderr, "%.*s", (int)warnings->len,
		      warnings->len ? (const char *)buf_head(warnings) : "");
	buf_clear(warnings);
}

/* What is on its way when the session ends is cancelled with the session, before the tools go. */
static int
serve(struct tools_settings *settings, const struct descriptors *fds, struct event_base *base,
      struct err *err)
{
	struct mcp_server_config config = { .name = "jobwire",
					    .title = "jobwire background jobs",
					    .version = JOBWIRE_VERSION,
					    .instructions = tools_instructions() };
	struct mcp_server *server = NULL;
	struct tools *tools = NULL;
	struct stdio *stdio = NULL;
	int rc;

	rc = tools_new(base, settings, &settings->warnings, &tools, err);
	say_warnings(&settings->warnings);
	if (rc == 0) {
		config.tools = tools_table(tools, &config.n_tools);
		rc = mcp_server_new(&config, &server, err);
	}
	if (rc == 0)
		rc = stdio_new(base, fds, server, tools, &stdio, err);
	if (rc == 0)
		rc = stdio_run(stdio, err);
	stdio_free(stdio);
	mcp_server_free(server);
	tools_free(tools);
	return rc;
}

static int
run(struct tools_settings *settings, struct err *err)
{
	struct descriptors fds;
	struct event_base *base;
	int rc;

	rc = descriptors_take(&fds, err);
	if (rc < 0)
		return rc;
	base = stdio_base_new();
	rc = base ? serve(settings, &fds, base, err) : err_set(err, ERR_INTERNAL, "no event loop");
	if (base)
		event_base_free(base);
	descriptors_release(&fds);
	return rc;
}

int
main(int argc, char **argv)
{
	struct tools_settings settings;
	struct err err = { 0 };
	int status = EXIT_ENDED;

	sys_faults_from_env();
	if (tools_settings_read(&settings, argc, argv, &err) < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\nTry '" PROGRAM " --help'.\n", err.msg);
		status = EXIT_USAGE;
	} else if (settings.help) {
		tools_settings_print_help(stdout, PROGRAM);
	} else if (settings.version) {
		(void)puts(PROGRAM " " JOBWIRE_VERSION);
	} else if (run(&settings, &err) < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\n", err.msg);
		status = EXIT_FAILED;
	}
	tools_settings_fini(&settings);
	return status;
}
