/* SPDX-License-Identifier: MIT */
/*
 * jobwire-mcp - background jobs for the MCP client that started it, over stdin and stdout.
 */
#include <event2/event.h>
#include <stdio.h>

#include "base/err.h"
#include "base/sys.h"
#include "mcp_stdio/stdio.h"
#include "tools/adapter.h"
#include "tools/settings.h"

#define PROGRAM "jobwire-mcp"

static int
serve(struct tools_settings *settings, const struct descriptors *fds, struct event_base *base,
      struct err *err)
{
	struct adapter adapter;
	struct stdio *stdio = NULL;
	int rc;

	rc = adapter_init(&adapter, base, settings, err);
	if (rc == 0)
		rc = stdio_new(base, fds, adapter.server, adapter.tools, &stdio, err);
	if (rc == 0)
		rc = stdio_run(stdio, err);
	stdio_free(stdio);
	adapter_fini(&adapter);
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
	int status = ADAPTER_ENDED;

	sys_faults_from_env();
	if (tools_settings_read(&settings, argc, argv, &err) < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\nTry '" PROGRAM " --help'.\n", err.msg);
		status = ADAPTER_USAGE;
	} else if (settings.help) {
		tools_settings_print_help(stdout, PROGRAM);
	} else if (settings.version) {
		(void)puts(PROGRAM " " JOBWIRE_VERSION);
	} else if (run(&settings, &err) < 0) {
		(void)fprintf(stderr, PROGRAM ": %s\n", err.msg);
		status = ADAPTER_FAILED;
	}
	tools_settings_fini(&settings);
	return status;
}
