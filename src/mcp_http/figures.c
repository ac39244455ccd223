/* SPDX-License-Identifier: MIT */
#include "mcp_http/figures.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "client/client.h"
#include "jobwire/v1/engine.pb-c.h"
#include "tools/bridge.h"

#define LINES_MAX 4096

struct figures {
	struct bridge *bridge;
};

struct figures_ask {
	struct client_request request;
	struct figures *figures;
	void (*done)(void *arg, const struct buf *lines);
	void *arg;
};

static int
write_row(struct buf *out, const char *name, const char *labels, const char *type, const char *help,
	  uint64_t value)
{
	int rc = 0;

	if (help)
		rc = buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
	return rc < 0 ? rc : buf_addf(out, "%s%s %" PRIu64 "\n", name, labels, value);
}

static int
write_info(struct buf *out, const Jobwire__V1__InfoResponse *info)
{
	const struct {
		const char *name, *labels, *help;
		uint64_t value;
	} rows[] = {
		{ "jobwire_jobs", "{state=\"running\"}", "Jobs that have not ended, by state.",
		  info->running },
		{ "jobwire_jobs", "{state=\"queued\"}", NULL, info->queued },
		{ "jobwire_jobs", "{state=\"lingering\"}", NULL, info->lingering },
		{ "jobwire_max_running", "", "Jobs that may run at the same time.",
		  info->max_running },
		{ "jobwire_engine_connections", "", "Connections to the engine.",
		  info->connections },
		{ "jobwire_engine_parked", "", "Waits that are parked in the engine.",
		  info->parked },
		{ "jobwire_engine_start_time_seconds", "", "When the engine started.",
		  (uint64_t)(info->started_ns / NS_PER_S) },
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(rows) && rc == 0; i++)
		rc = write_row(out, rows[i].name, rows[i].labels, "gauge", rows[i].help,
			       rows[i].value);
	return rc;
}

/* What is there goes to whoever asked, and the question is forgotten. */
static void
answer(struct figures_ask *ask, const Jobwire__V1__InfoResponse *info)
{
	struct buf lines;
	int rc;

	buf_init(&lines, LINES_MAX);
	rc = write_row(&lines, "jobwire_engine_up", "", "gauge", "Does an engine answer?",
		       info ? 1 : 0);
	if (rc == 0 && info)
		rc = write_info(&lines, info);
	if (rc < 0)
		buf_clear(&lines);
	ask->done(ask->arg, &lines);
	buf_fini(&lines);
	free(ask);
}

static void
on_info(struct client_request *r, const ProtobufCMessage *reply, const struct err *err)
{
	(void)err;
	answer(container_of(r, struct figures_ask, request),
	       (const Jobwire__V1__InfoResponse *)reply);
}

struct figures_ask *
figures_ask(struct figures *f, void (*done)(void *arg, const struct buf *lines), void *arg)
{
	const Jobwire__V1__InfoRequest request = JOBWIRE__V1__INFO_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = FIGURES_MS };
	struct figures_ask *ask = calloc(1, sizeof *ask);
	struct buf none;

	if (!ask) {
		buf_init(&none, 1);
		done(arg, &none);
		return NULL;
	}
	*ask = (struct figures_ask){ .figures = f, .done = done, .arg = arg };
	ask->request.done = on_info;
	if (bridge_send(f->bridge, &ask->request, METHOD_Engine_Info, &request.base, &how, NULL) <
	    0) {
		answer(ask, NULL);
		return NULL;
	}
	return ask;
}

void
figures_cancel(struct figures_ask *ask)
{
	bridge_cancel(ask->figures->bridge, &ask->request);
	free(ask);
}

int
figures_new(struct event_base *base, const char *state_dir, struct figures **ret_figures,
	    struct err *err)
{
	const struct client_options options = { .state_dir = state_dir };
	struct figures *f = calloc(1, sizeof *f);
	int rc;

	if (!f)
		return err_sys(err, ENOMEM, "figures");
	rc = bridge_new(base, &options, &f->bridge, err);
	if (rc < 0) {
		figures_free(f);
		return rc;
	}
	*ret_figures = f;
	return 0;
}

void
figures_free(struct figures *f)
{
	if (!f)
		return;
	bridge_free(f->bridge);
	free(f);
}
