/* SPDX-License-Identifier: MIT */
/*
 * adapter - what every MCP adapter serves, whatever its transport: the tools, and a server of the
 * protocol that offers them under the product's name.
 *
 * Thread: the loop's.
 */
#ifndef JOBWIRE_TOOLS_ADAPTER_H
#define JOBWIRE_TOOLS_ADAPTER_H

#include "base/macros.h"

struct err;
struct event_base;
struct mcp_server;
struct tools;
struct tools_settings;

/* Exit statuses of an adapter. */
enum {
	ADAPTER_ENDED = 0,
	ADAPTER_FAILED = 1,
	ADAPTER_USAGE = 2,
};

struct adapter {
	struct tools *tools;
	struct mcp_server *server;
};

/* The settings' warnings go to standard error. `settings` outlives the adapter. adapter_fini() also
 * after a failure. */
int adapter_init(struct adapter *a, struct event_base *base, struct tools_settings *settings,
		 struct err *err) MUST_CHECK;
/* Behind the transport: what is on its way is cancelled with its sessions, before the tools go. */
void adapter_fini(struct adapter *a);

#endif
