/* SPDX-License-Identifier: MIT */
/*
 * jobwire-mcp-http - background jobs for MCP clients, over Streamable HTTP.
 */
#include <event2/event.h>
#include <stdio.h>

#include "base/err.h"
#include "base/sys.h"
#include "mcp/server.h"
#include "mcp_http/http.h"
#include "mcp_http/settings.h"
#include "tools/tools.h"

#define PROGRAM "jobwire-mcp-http"

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

/* What is on its way at the end is cancelled with the sessions, before the tools go. */
static int
serve(struct http_settings *settings, struct event_base *base, struct err *err)
{
	struct mcp_server_config config = { .name = "jobwire",
					    .title = "jobwire background jobs",
					    .version = JOBWIRE_VERSION,
					    .instructions = tools_instructions() };
	struct mcp_server *server = NULL;
	struct tools *tools = NULL;
	struct http *http = NULL;
	int rc;

	rc = tools_new(base, &settings->tools, &settings->tools.warnings, &tools, err);
	say_warnings(&settings->tools.warnings);
	if (rc == 0) {
		config.tools = tools_table(tools, &config.n_tools);
		rc = mcp_server_new(&config, &server, err);
	}
	if (rc == 0)
		rc = http_new(base, settings, server, tools, &http, err);
	if (rc == 0) {
		(void)fprintf(stderr, PROGRAM ": listening on %s\n", http_url(http));
		rc = http_run(http, err);
	}
	http_free(http);
	mcp_server_free(server);
	tools_free(tools);
	return rc;
}

static int
run(struct http_settings *settings, struct err *err)
{
	struct event_base *base = event_base_new();
	int rc;

	if (!base)
		return err_set(err, ERR_INTERNAL, "no event loop");
	rc = serve(settings, base, err);
	event_base_free(base);
	return rc;
}

int
main(int argc, char **argv)
{
	struct http_settings settings;
	struct err err = { 0 };
	int status = EXIT_ENDED;

	sys_faults_from_env();
	if (http_settings_read(&settings, argc, argv, &err) < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\nTry '" PROGRAM " --help'.\n", err.msg);
		status = EXIT_USAGE;
	} else if (settings.tools.help) {
		http_settings_print_help(stdout, PROGRAM);
	} else if (settings.tools.version) {
		(void)puts(PROGRAM " " JOBWIRE_VERSION);
	} else if (run(&settings, &err) < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\n", err.msg);
		status = EXIT_FAILED;
	}
	http_settings_fini(&settings);
	return status;
}
