/* SPDX-License-Identifier: MIT */
#include "engine/events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "bus/bus.h"
#include "engine/call.h"
#include "engine/engine.h"
#include "engine/handlers.h"
#include "store/store.h"
#include "wire/message.h"

#define WATCH_LIMIT          256
#define WATCH_LIMIT_MAX      1000
#define EVENT_MAX            ((size_t)64 * 1024)
#define FILTER_LOOKED_AT_MAX 4096
/* Of all that wait while the database refuses them; beyond it the oldest are lost. */
#define PENDING_MAX ((size_t)8 * 1024 * 1024)

/* One that waits until it is stored. */
struct pending {
	int64_t seq, time_ns, kind;
	char job_id[40];
	char *group;
	struct buf bytes;
	STAILQ_ENTRY(pending) link;
};

struct watcher {
	struct call *call;
	LIST_ENTRY(watcher) link;
};

struct events {
	struct engine *eng;
	int64_t seq;         /* of the last one */
	int64_t lost;        /* of the last one that will never be stored, or 0 */
	int64_t lost_stored; /* as the store knows it */
	STAILQ_HEAD(, pending) pending;
	size_t pending_bytes;
	LIST_HEAD(, watcher) watchers;
};

int
events_new(struct engine *eng, struct events **ret_events, struct err *err)
{
	struct events *e = calloc(1, sizeof *e);

	if (!e)
		return err_sys(err, ENOMEM, "events");
	e->eng = eng;
	STAILQ_INIT(&e->pending);
	LIST_INIT(&e->watchers);
	*ret_events = e;
	return 0;
}

static void
pending_free(struct pending *p)
{
	buf_fini(&p->bytes);
	free(p->group);
	free(p);
}

static size_t
cost(const struct pending *p)
{
	return sizeof *p + p->bytes.len;
}

static void
forget(struct events *e)
{
	struct pending *p = STAILQ_FIRST(&e->pending);

	STAILQ_REMOVE_HEAD(&e->pending, link);
	e->pending_bytes -= cost(p);
	pending_free(p);
}

void
events_free(struct events *e)
{
	if (!e)
		return;
	while (!STAILQ_EMPTY(&e->pending))
		forget(e);
	free(e);
}

static int
keep(struct events *e, const Jobwire__V1__Event *event)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p)
		return -ENOMEM;
	p->seq = e->seq;
	p->time_ns = event->time_ns;
	p->kind = event->kind;
	(void)snprintf(p->job_id, sizeof p->job_id, "%s", event->job_id);
	p->group = strdup(event->group);
	buf_init(&p->bytes, EVENT_MAX);
	if (!p->group || message_pack(&p->bytes, &event->base) < 0) {
		pending_free(p);
		return -ENOMEM;
	}
	STAILQ_INSERT_TAIL(&e->pending, p, link);
	e->pending_bytes += cost(p);
	return 0;
}

void
events_add(struct events *e, Jobwire__V1__Event *event)
{
	event->epoch = (uint64_t)e->eng->epoch;
	event->seq = (uint64_t)++e->seq;
	event->time_ns = clock_wall_ns();
	if (keep(e, event) < 0) {
		event->detail = message_str(""); /* it may be what is too long */
		if (keep(e, event) < 0)
			e->lost = e->seq;
	}
	while (e->pending_bytes > PENDING_MAX) {
		e->lost = MAX(e->lost, STAILQ_FIRST(&e->pending)->seq);
		forget(e);
	}
}

uint64_t
events_last(const struct events *e)
{
	return (uint64_t)e->seq;
}

bool
events_pending(const struct events *e)
{
	return !STAILQ_EMPTY(&e->pending) || e->lost != e->lost_stored;
}

static struct store_event
row_of(const struct events *e, const struct pending *p)
{
	return (struct store_event){
		.epoch = e->eng->epoch,
		.seq = p->seq,
		.time_ns = p->time_ns,
		.kind = p->kind,
		.job_id = p->job_id,
		.grp = p->group,
		.data = { buf_head(&p->bytes), p->bytes.len },
	};
}

int
events_store(struct events *e, struct err *err)
{
	struct store_event row;
	struct pending *p;
	int rc = 0;

	if (e->lost != e->lost_stored)
		rc = store_events_lose(e->eng->store, e->eng->epoch, e->lost, err);
	if (rc < 0)
		return rc;
	STAILQ_FOREACH(p, &e->pending, link)
	{
		row = row_of(e, p);
		rc = store_event_add(e->eng->store, &row, err);
		if (rc < 0)
			break;
	}
	return rc;
}

static void
publish(struct events *e, const struct pending *p)
{
	char topic[64];

	if (p->job_id[0])
		(void)snprintf(topic, sizeof topic, "job/%s/state", p->job_id);
	else
		(void)snprintf(topic, sizeof topic, "engine");
	bus_publish(e->eng->bus, topic, buf_head(&p->bytes), p->bytes.len);
}

/* ---- WatchEvents ---- */

static bool
passes(const Jobwire__V1__EventFilter *f, const struct store_event *row)
{
	bool ok = true;
	size_t i;

	if (!f)
		return true;
	for (i = 0; i < f->n_job_ids; i++) {
		ok = strcmp(f->job_ids[i], row->job_id) == 0;
		if (ok)
			break;
	}
	if (!ok || (*f->group && strcmp(f->group, row->grp) != 0))
		return false;
	for (i = 0; i < f->n_kinds; i++) {
		ok = (int64_t)f->kinds[i] == row->kind;
		if (ok)
			break;
	}
	return ok;
}

/* What a WatchEvents call has found so far. */
struct watch {
	struct watcher watcher;
	int64_t epoch, seq; /* the point behind which it looks */
	bool gap;
	bool more; /* stored ones are left that were not looked at */
	size_t limit;
	Jobwire__V1__Event **events;
	size_t n;
};

static int
collect(struct call *call, struct watch *w, struct err *err)
{
	const Jobwire__V1__WatchEventsRequest *req = call->req;
	struct store_event_filter f = { w->epoch, w->seq, FILTER_LOOKED_AT_MAX };
	struct store_event *rows;
	ProtobufCMessage *m;
	size_t i, n;
	bool gap;
	int rc;

	rc = store_events_after(call->eng->store, &call->arena, &f, &rows, &n, &gap, err);
	if (rc < 0)
		return rc;
	w->gap = w->gap || (gap && (w->epoch || w->seq));
	for (i = 0; i < n && w->n < w->limit; i++) {
		w->epoch = rows[i].epoch;
		w->seq = rows[i].seq;
		if (!passes(req->filter, &rows[i]))
			continue;
		rc = message_unpack(&call->arena, &jobwire__v1__event__descriptor,
				    rows[i].data.bytes, rows[i].data.len, &m, err);
		if (rc < 0)
			return rc;
		w->events[w->n++] = (Jobwire__V1__Event *)m;
	}
	w->more = i < n || n == FILTER_LOOKED_AT_MAX;
	return 0;
}

static void
reply_watch(struct call *call, struct watch *w)
{
	Jobwire__V1__WatchEventsResponse res = JOBWIRE__V1__WATCH_EVENTS_RESPONSE__INIT;

	res.events = w->events;
	res.n_events = w->n;
	res.epoch = (uint64_t)w->epoch;
	res.seq = (uint64_t)w->seq;
	res.gap = w->gap;
	call_reply(call, &res.base);
}

static void
watch_expired(struct call *call)
{
	struct watch *w = call->state;

	LIST_REMOVE(&w->watcher, link);
	reply_watch(call, w);
}

static void
watch_cancelled(struct call *call)
{
	struct watch *w = call->state;

	LIST_REMOVE(&w->watcher, link);
}

/* A point that this database never reached: it is another one's, or was set back. */
static bool
is_to_come(const struct engine *eng, const struct watch *w)
{
	return w->epoch > eng->epoch || (w->epoch == eng->epoch && w->seq > eng->events->seq);
}

int
handle_engine_watch_events(struct call *call, struct err *err)
{
	const Jobwire__V1__WatchEventsRequest *req = call->req;
	struct watch *w = arena_zalloc(&call->arena, sizeof *w);
	int rc;

	if (!w)
		return err_sys(err, ENOMEM, "watch");
	w->limit = req->limit ? MIN(req->limit, WATCH_LIMIT_MAX) : WATCH_LIMIT;
	w->events = arena_alloc(&call->arena, w->limit * sizeof(Jobwire__V1__Event *));
	if (!w->events)
		return err_sys(err, ENOMEM, "watch");
	w->epoch = req->from_now ? call->eng->epoch : (int64_t)req->epoch;
	w->seq = req->from_now ? call->eng->events->seq : (int64_t)req->seq;
	if (is_to_come(call->eng, w)) {
		w->gap = true;
		w->epoch = call->eng->epoch;
		w->seq = call->eng->events->seq;
	}
	rc = collect(call, w, err);
	if (rc < 0)
		return rc;
	/* What happened in this turn is stored at its end: a caller who has been told of it finds
	 * it, also without a wait. */
	if (w->n || w->gap || w->more ||
	    (req->wait_ms == 0 && !events_pending(call->eng->events))) {
		reply_watch(call, w);
		return 0;
	}
	rc = call_poll(call, req->wait_ms, watch_expired, watch_cancelled, err);
	if (rc < 0)
		return rc;
	call->state = w;
	w->watcher.call = call;
	LIST_INSERT_HEAD(&call->eng->events->watchers, &w->watcher, link);
	return 0;
}

/* Is one of the events for this watcher, or was one lost? Else it has seen them. */
static bool
is_concerned(const struct events *e, struct watch *w)
{
	const Jobwire__V1__WatchEventsRequest *req = w->watcher.call->req;
	struct store_event row;
	struct pending *p;

	if (e->lost && (w->epoch < e->eng->epoch || w->seq < e->lost))
		return true;
	STAILQ_FOREACH(p, &e->pending, link)
	{
		row = row_of(e, p);
		if (passes(req->filter, &row))
			return true;
	}
	w->epoch = e->eng->epoch;
	w->seq = e->seq;
	return false;
}

static void
tell(struct watcher *watcher)
{
	struct watch *w = container_of(watcher, struct watch, watcher);
	struct err err = { 0 };
	int rc;

	do {
		rc = collect(watcher->call, w, &err);
	} while (rc == 0 && w->n == 0 && w->more);
	if (rc == 0 && w->n == 0 && !w->gap)
		return;
	LIST_REMOVE(watcher, link);
	if (rc < 0)
		call_fail(watcher->call, &err);
	else
		reply_watch(watcher->call, w);
}

void
events_publish(struct events *e)
{
	struct watcher *watcher, *next;
	struct pending *p;

	if (!events_pending(e))
		return;
	e->lost_stored = e->lost;
	STAILQ_FOREACH(p, &e->pending, link)
	publish(e, p);
	for (watcher = LIST_FIRST(&e->watchers); watcher; watcher = next) {
		next = LIST_NEXT(watcher, link);
		if (is_concerned(e, container_of(watcher, struct watch, watcher)))
			tell(watcher);
	}
	while (!STAILQ_EMPTY(&e->pending))
		forget(e);
}
