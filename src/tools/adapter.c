/* SPDX-License-Identifier: MIT */
#include "tools/adapter.h"

#include <stdio.h>

#include "mcp/server.h"
#include "tools/settings.h"
#include "tools/tools.h"

static void
say_warnings(struct buf *warnings)
{
	(void)fprintf(stderr, "%.*s", (int)warnings->len,
		      warnings->len ? (const char *)buf_head(warnings) : "");
	buf_clear(warnings);
}

int
adapter_init(struct adapter *a, struct event_base *base, struct tools_settings *settings,
	     struct err *err)
{
	struct mcp_server_config config = { .name = "jobwire",
					    .title = "jobwire background jobs",
					    .version = JOBWIRE_VERSION,
					    .instructions = tools_instructions() };
	int rc;

	*a = (struct adapter){ 0 };
	rc = tools_new(base, settings, &settings->warnings, &a->tools, err);
	say_warnings(&settings->warnings);
	if (rc < 0)
		return rc;
	config.tools = tools_table(a->tools, &config.n_tools);
	return mcp_server_new(&config, &a->server, err);
}

void
adapter_fini(struct adapter *a)
{
	mcp_server_free(a->server);
	tools_free(a->tools);
}
