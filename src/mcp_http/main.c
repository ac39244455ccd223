/* SPDX-License-Identifier: MIT */
/*
 * jobwire-mcp-http - background jobs for MCP clients, over Streamable HTTP.
 */
#include <event2/event.h>
#include <stdio.h>

#include "base/err.h"
#include "base/sys.h"
#include "mcp_http/http.h"
#include "mcp_http/settings.h"
#include "tools/adapter.h"

#define PROGRAM "jobwire-mcp-http"

static int
serve(struct http_settings *settings, struct event_base *base, struct err *err)
{
	struct adapter adapter;
	struct http *http = NULL;
	int rc;

	rc = adapter_init(&adapter, base, &settings->tools, err);
	if (rc == 0)
		rc = http_new(base, settings, adapter.server, adapter.tools, &http, err);
	if (rc == 0) {
		(void)fprintf(stderr, PROGRAM ": listening on %s\n", http_url(http));
		rc = http_run(http, err);
	}
	http_free(http);
	adapter_fini(&adapter);
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
	int status = ADAPTER_ENDED;

	sys_faults_from_env();
	if (http_settings_read(&settings, argc, argv, &err) < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\nTry '" PROGRAM " --help'.\n", err.msg);
		status = ADAPTER_USAGE;
	} else if (settings.tools.help) {
		http_settings_print_help(stdout, PROGRAM);
	} else if (settings.tools.version) {
		(void)puts(PROGRAM " " JOBWIRE_VERSION);
	} else if (run(&settings, &err) < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\n", err.msg);
		status = ADAPTER_FAILED;
	}
	http_settings_fini(&settings);
	return status;
}
