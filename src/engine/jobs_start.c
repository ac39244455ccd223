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

/* Start it, or find the job that its key has started. 0: answered; 1: it waits for the first word.
 */
static int
start(struct starting *s, struct err *err)
{
	struct call *call = s->call;
	struct store_key key = { .principal = "local",
				 .method = call->env.method,
				 .key = call->env.idempotency_key,
				 .hash = hash_of(call->env.payload, call->env.payload_len) };
	struct job_start job;
	struct job_view view;
	int rc;

	rc = start_request_read(call, &job, err);
	if (rc < 0)
		return rc;
	job.key = *key.key ? &key : NULL;
	rc = jobs_start(call->eng->jobs, &job, s->id, &s->existing, err);
	if (rc == 0)
		rc = jobs_view(call->eng->jobs, &call->arena, s->id, &view, err);
	if (rc < 0)
		return rc;
	if (view.row.state != JOB_STARTING || !view.live)
		return answer(call, s, &view, err);
	job_watch_add(view.live, &s->watch);
	return 1;
}

/* The job that the key had started turned out never to have run, because its engine died, and was
 * forgotten with the key: this is the first start. */
static void
start_anew(struct starting *s)
{
	struct err err = { 0 };

	job_watch_remove(&s->watch);
	if (start(s, &err) < 0)
		call_fail(s->call, &err);
}

static void
on_change(struct job_watch *w)
{
	struct starting *s = container_of(w, struct starting, watch);
	struct job_view view;
	int rc;

	rc = jobs_view(s->call->eng->jobs, &s->call->arena, s->id, &view, NULL);
	if (rc == ERR_NOT_FOUND && s->existing)
		start_anew(s);
	else if (rc < 0 || view.row.state != JOB_STARTING)
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
	struct starting *s = arena_zalloc(&call->arena, sizeof *s);
	int rc;

	if (!s)
		return err_sys(err, ENOMEM, "start");
	s->call = call;
	s->watch.changed = on_change;
	rc = start(s, err);
	if (rc <= 0)
		return rc;
	call->state = s;
	if (call_park(call, START_WAIT_MS, on_expired, on_cancelled, err) < 0)
		answer_now(s); /* without its first word */
	return 0;
}
