/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/call.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "engine/handlers.h"
#include "engine/scan.h"
#include "wire/message.h"

#define JOBS_MAX 1000

/* A prompt is known by its pattern only when nothing has followed it for a while (text/pattern.h).
 */
#define PEEK_MS 150

/* So long a look that is under way when the time is up may still take. */
#define LAST_LOOK_MS 500

struct one {
	struct waiting *waiting;
	struct job_watch watch;
	char id[ID_SIZE];
	bool is_there; /* ended, or closed: it stays so */
};

struct waiting {
	struct call *call;
	struct one *ones;
	size_t n;
	bool any, needs_closed;
	uint32_t wait_ms;

	struct scan *scan;     /* of a pattern, or NULL */
	bool expired;          /* the time is up, but a last look is under way */
	uint64_t quiet_ms;     /* 0: not asked for */
	uint64_t total;        /* output at the last look */
	struct event *silence; /* since `total` changed */
	bool is_peeked;        /* the pattern has been looked for as things stand since then */
};

static const Jobwire__V1__WaitRequest *
request_of(const struct waiting *w)
{
	return w->call->req;
}

static void
let_go(struct waiting *w)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		job_watch_remove(&w->ones[i].watch);
	scan_cancel(w->scan);
	w->scan = NULL;
	if (w->silence)
		event_free(w->silence);
	w->silence = NULL;
}

static void
on_cancelled(struct call *call)
{
	let_go(call->state);
}

static int
put_jobs(struct waiting *w, Jobwire__V1__WaitResponse *res, struct err *err)
{
	struct convert_room room = { 0 };
	enum convert_detail detail;
	struct job_view view;
	size_t i;
	int rc = 0;

	res->jobs = arena_alloc(&w->call->arena, w->n * sizeof(Jobwire__V1__Job *));
	if (!res->jobs)
		return err_sys(err, ENOMEM, "wait");
	for (i = 0; i < w->n && rc == 0; i++) {
		rc = jobs_view(w->call->eng->jobs, &w->call->arena, w->ones[i].id, &view, err);
		if (rc < 0)
			break;
		detail = convert_is_full(&room) ? CONVERT_FACTS : CONVERT_LISTED;
		rc = convert_job(w->call, &view, w->n == 1 ? CONVERT_WHOLE : detail, &res->jobs[i],
				 err);
		if (rc == 0)
			convert_count(&room, &view, res->jobs[i]);
	}
	res->n_jobs = w->n;
	return rc;
}

static void
reply(struct waiting *w, Jobwire__V1__Outcome outcome)
{
	Jobwire__V1__WaitResponse res = JOBWIRE__V1__WAIT_RESPONSE__INIT;
	struct call *call = w->call;
	struct err err = { 0 };
	struct scan_result r;

	res.outcome = outcome;
	res.effective_wait_ms = w->wait_ms;
	if (w->scan) {
		r = scan_result(w->scan);
		res.match_stream = convert_stream(r.view);
		res.next_offset = r.open;
		if (outcome == JOBWIRE__V1__OUTCOME__OUTCOME_MATCHED) {
			res.match_offset = r.begin;
			res.match_length = r.end - r.begin;
			res.match.data = (uint8_t *)arena_copy(&call->arena, r.bytes, r.len);
			res.match.len = res.match.data ? r.len : 0;
		}
	}
	let_go(w);
	if (put_jobs(w, &res, &err) < 0)
		call_fail(call, &err);
	else
		call_reply(call, &res.base);
}

static void
fail(struct waiting *w, const struct err *err)
{
	let_go(w);
	call_fail(w->call, err);
}

/* Is the job where it should be? What has left memory is over. */
static bool
is_there(struct waiting *w, const char *id)
{
	struct jobs *jobs = w->call->eng->jobs;
	struct job_view view;

	if (!jobs_live(jobs, id) || jobs_view(jobs, &w->call->arena, id, &view, NULL) < 0)
		return true;
	return w->needs_closed ? view.row.closed_ns != 0 : job_state_is_final((int)view.row.state);
}

static size_t
count_ended(struct waiting *w)
{
	size_t i, n = 0;

	for (i = 0; i < w->n; i++) {
		w->ones[i].is_there = w->ones[i].is_there || is_there(w, w->ones[i].id);
		n += w->ones[i].is_there;
	}
	return n;
}

static void
start_silence(struct waiting *w, uint64_t ms)
{
	const struct timeval tv = clock_wait((int64_t)ms);

	(void)event_add(w->silence, &tv);
}

/* What a look has led to. Behind ANSWERED the call is gone. */
enum looked {
	NOTHING_NEW,
	UNDER_WAY, /* on the worker, which will say */
	ANSWERED,
};

/* Look for the pattern in what is new. */
static enum looked
look_for_pattern(struct waiting *w, bool ended)
{
	struct scan_result r = scan_result(w->scan);
	struct job_view view;
	struct reach reach;

	if (r.rc < 0) {
		fail(w, scan_error(w->scan));
		return ANSWERED;
	}
	if (r.found) {
		reply(w, JOBWIRE__V1__OUTCOME__OUTCOME_MATCHED);
		return ANSWERED;
	}
	if (r.is_running)
		return UNDER_WAY;
	if (jobs_view(w->call->eng->jobs, &w->call->arena, w->ones[0].id, &view, NULL) < 0)
		return NOTHING_NEW;
	reach = convert_reach(&view, r.view);
	if (r.next < reach.stored)
		scan_run(w->scan, reach.stored, SCAN_GO_ON);
	else if (ended && !r.is_finished)
		scan_run(w->scan, reach.stored, SCAN_FINISH);
	else
		return NOTHING_NEW;
	return UNDER_WAY;
}

static uint64_t
total_output(struct waiting *w)
{
	struct job_view view;

	if (jobs_view(w->call->eng->jobs, &w->call->arena, w->ones[0].id, &view, NULL) < 0)
		return 0;
	return convert_reach(&view, OUTLOG_VIEW_COMBINED).end;
}

/* Is there more output than at the last look? Then the silence begins anew. */
static void
watch_silence(struct waiting *w, uint64_t ms)
{
	uint64_t total = total_output(w);

	if (total == w->total && (w->is_peeked || event_pending(w->silence, EV_TIMEOUT, NULL)))
		return;
	w->total = total;
	w->is_peeked = false;
	start_silence(w, ms);
}

/* Answer if there is something to answer. True: the call is answered. */
static bool
look(struct waiting *w)
{
	size_t ended = count_ended(w);
	enum looked looked;

	looked = w->scan ? look_for_pattern(w, ended > 0) : NOTHING_NEW;
	if (looked != NOTHING_NEW)
		return looked == ANSWERED;
	if (ended == w->n || (w->any && ended)) {
		reply(w, JOBWIRE__V1__OUTCOME__OUTCOME_ENDED);
		return true;
	}
	if (w->quiet_ms)
		watch_silence(w, w->quiet_ms);
	else if (w->scan)
		watch_silence(w, PEEK_MS);
	return false;
}

/* Once it is parked: look, and make sure that more output is heard of. */
static void
look_and_wait(struct waiting *w)
{
	struct job *job;

	if (look(w) || (!w->scan && !w->quiet_ms))
		return;
	job = jobs_live(w->call->eng->jobs, w->ones[0].id);
	if (job)
		job_want_output(job);
}

static void
on_change(struct job_watch *watch)
{
	struct one *one = container_of(watch, struct one, watch);

	look_and_wait(one->waiting);
}

static void
on_scanned(void *arg)
{
	struct waiting *w = arg;

	if (w->expired && !scan_result(w->scan).found && scan_result(w->scan).rc == 0)
		reply(w, JOBWIRE__V1__OUTCOME__OUTCOME_TIMEOUT);
	else
		look_and_wait(w);
}

static void
on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *w = arg;

	(void)fd, (void)what;
	if (w->quiet_ms) {
		if (total_output(w) == w->total)
			reply(w, JOBWIRE__V1__OUTCOME__OUTCOME_QUIET);
		else
			watch_silence(w, w->quiet_ms);
	} else if (!scan_result(w->scan).is_running) {
		w->is_peeked = true;
		scan_run(w->scan, scan_result(w->scan).next, SCAN_PEEK);
	}
}

/* What there was at the beginning is looked at also by a wait of no time. */
static void
on_expired(struct call *call)
{
	struct waiting *w = call->state;

	if (w->scan && scan_result(w->scan).is_running && !w->expired) {
		w->expired = true;
		call_extend(call, LAST_LOOK_MS);
	} else {
		reply(w, JOBWIRE__V1__OUTCOME__OUTCOME_TIMEOUT);
	}
}

static int
find_jobs(struct waiting *w, struct err *err)
{
	const Jobwire__V1__WaitRequest *req = request_of(w);
	struct job_view view;
	size_t i;
	int rc = 0;

	if (req->n_job_ids == 0 || req->n_job_ids > JOBS_MAX)
		return err_field(err, ERR_INVALID_ARGUMENT, "job_ids", "job_ids: %zu; give 1 to %d",
				 req->n_job_ids, JOBS_MAX);
	w->ones = arena_zalloc(&w->call->arena, req->n_job_ids * sizeof *w->ones);
	if (!w->ones)
		return err_sys(err, ENOMEM, "wait");
	for (i = 0; i < req->n_job_ids && rc == 0; i++) {
		rc = jobs_view(w->call->eng->jobs, &w->call->arena, req->job_ids[i], &view, err);
		if (rc == 0)
			(void)snprintf(w->ones[i].id, ID_SIZE, "%s", view.row.id);
		w->ones[i].waiting = w;
		w->ones[i].watch.changed = on_change;
	}
	w->n = req->n_job_ids;
	return rc;
}

/* Look for the pattern of the request, from a place that there is. */
static int
begin_scan(struct waiting *w, const Jobwire__V1__Pattern *pattern, struct err *err)
{
	struct job_view view;
	struct reach reach;
	int rc;

	rc = scan_new(w->call->eng, w->ones[0].id, pattern, on_scanned, w, &w->scan, err);
	if (rc == 0)
		rc = jobs_view(w->call->eng->jobs, &w->call->arena, w->ones[0].id, &view, err);
	if (rc < 0)
		return rc;
	reach = convert_reach(&view, scan_result(w->scan).view);
	if (pattern->offset > reach.end)
		return err_field(err, ERR_OUT_OF_RANGE, "offset",
				 "offset %" PRIu64 " is behind the end of that stream, %" PRIu64,
				 pattern->offset, reach.end);
	return 0;
}

static int
read_until(struct waiting *w, struct err *err)
{
	const Jobwire__V1__WaitRequest *req = request_of(w);
	int rc;

	rc = convert_choice((int)req->mode, JOBWIRE__V1__WAIT_MODE__WAIT_ANY, "mode", err);
	if (rc < 0)
		return rc;
	w->any = req->mode == JOBWIRE__V1__WAIT_MODE__WAIT_ANY;
	switch (req->until_case) {
	case JOBWIRE__V1__WAIT_REQUEST__UNTIL_PATTERN:
	case JOBWIRE__V1__WAIT_REQUEST__UNTIL_QUIET_MS:
		if (req->n_job_ids != 1)
			return err_field(
				err, ERR_INVALID_ARGUMENT, "job_ids",
				"waiting for a pattern or for quiet takes one job, not %zu",
				req->n_job_ids);
		if (req->until_case == JOBWIRE__V1__WAIT_REQUEST__UNTIL_PATTERN)
			return begin_scan(w, req->pattern, err);
		w->quiet_ms = MAX(req->quiet_ms, 1);
		return 0;
	case JOBWIRE__V1__WAIT_REQUEST__UNTIL_CLOSED:
		w->needs_closed = req->closed;
		return 0;
	default:
		return 0;
	}
}

static void
watch_jobs(struct waiting *w)
{
	struct job *job;
	size_t i;

	for (i = 0; i < w->n; i++) {
		job = jobs_live(w->call->eng->jobs, w->ones[i].id);
		if (job)
			job_watch_add(job, &w->ones[i].watch);
	}
}

static int
park(struct waiting *w, struct err *err)
{
	int rc;

	w->silence = evtimer_new(w->call->eng->base, on_silence, w);
	if (!w->silence)
		return err_sys(err, ENOMEM, "wait");
	rc = w->wait_ms ? call_poll(w->call, w->wait_ms, on_expired, on_cancelled, err)
			: call_park(w->call, 0, on_expired, on_cancelled, err);
	if (rc < 0)
		return rc;
	w->call->state = w;
	watch_jobs(w);
	w->total = w->quiet_ms ? total_output(w) : 0;
	return 0;
}

int
handle_jobs_wait(struct call *call, struct err *err)
{
	const Jobwire__V1__WaitRequest *req = call->req;
	struct waiting *w = arena_zalloc(&call->arena, sizeof *w);
	int rc;

	if (!w)
		return err_sys(err, ENOMEM, "wait");
	w->call = call;
	w->wait_ms = call_clamp(call, req->wait_ms);
	rc = find_jobs(w, err);
	if (rc == 0)
		rc = read_until(w, err);
	if (rc == 0)
		rc = park(w, err);
	if (rc < 0) {
		let_go(w);
		return rc;
	}
	look_and_wait(w);
	return 0;
}
