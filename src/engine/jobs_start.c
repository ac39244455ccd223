/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "engine/call.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "engine/handlers.h"
#include "engine/start_request.h"

/* Longest time between "go" and what the holder says to it. */
#define START_WAIT_MS WIRE_WAIT_MAX_MS

struct starting {
	struct job_watch watch;
	struct call *call;
	char id[ID_SIZE];
	bool existing;
};

/* FNV-1a, 64 bits: two requests under one key are compared by it. */
static uint64_t
hash_of(const uint8_t *p, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	while (len--)
		h = (h ^ *p++) * UINT64_C(1099511628211);
	return h;
}

static int
answer(struct call *call, const struct starting *s, const struct job_view *view, struct err *err)
{
	Jobwire__V1__StartResponse res = JOBWIRE__V1__START_RESPONSE__INIT;
	int rc;

	rc = convert_job(call, view, CONVERT_WHOLE, &res.job, err);
	if (rc < 0)
		return rc;
	res.existing = s->existing;
	call_reply(call, &res.base);
	return 0;
}

static void
answer_now(struct starting *s)
{
	struct call *call = s->call;
	struct job_view view;
	struct err err = { 0 };

	job_watch_remove(&s->watch);
	if (jobs_view(call->eng->jobs, &call->arena, s->id, &view, &err) < 0 ||
	    answer(call, s, &view, &err) < 0)
		call_fail(call, &err);
}

static void
on_change(struct job_watch *w)
{
	struct starting *s = container_of(w, struct starting, watch);
	struct job_view view;

	if (jobs_view(s->call->eng->jobs, &s->call->arena, s->id, &view, NULL) < 0 ||
	    view.row.state != JOB_STARTING)
		answer_now(s);
}

static void
on_expired(struct call *call)
{
	answer_now(call->state);
}

static void
on_cancelled(struct call *call)
{
	struct starting *s = call->state;

	job_watch_remove(&s->watch);
}

int
handle_jobs_start(struct call *call, struct err *err)
{
	struct store_key key = { .principal = "local",
				 .method = call->env.method,
				 .key = call->env.idempotency_key,
				 .hash = hash_of(call->env.payload, call->env.payload_len) };
	struct starting *s = arena_zalloc(&call->arena, sizeof *s);
	struct job_start start;
	struct job_view view;
	int rc;

	if (!s)
		return err_sys(err, ENOMEM, "start");
	rc = start_request_read(call, &start, err);
	if (rc < 0)
		return rc;
	start.key = *key.key ? &key : NULL;
	rc = jobs_start(call->eng->jobs, &start, s->id, &s->existing, err);
	if (rc == 0)
		rc = jobs_view(call->eng->jobs, &call->arena, s->id, &view, err);
	if (rc < 0)
		return rc;
	if (view.row.state != JOB_STARTING || !view.live)
		return answer(call, s, &view, err);
	rc = call_park(call, START_WAIT_MS, on_expired, on_cancelled, err);
	if (rc < 0)
		return answer(call, s, &view, err); /* without its first word */
	call->state = s;
	s->call = call;
	s->watch.changed = on_change;
	job_watch_add(view.live, &s->watch);
	return 0;
}
