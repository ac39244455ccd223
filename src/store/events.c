/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/impl.h"

int
store_event_add(struct store *s, const struct store_event *e, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, EVENT_INSERT);

	if (!st)
		return store_error(s, "event", err);
	(void)sqlite3_bind_int64(st, 1, e->epoch);
	(void)sqlite3_bind_int64(st, 2, e->seq);
	(void)sqlite3_bind_int64(st, 3, e->time_ns);
	(void)sqlite3_bind_int64(st, 4, e->kind);
	(void)sqlite3_bind_text(st, 5, e->job_id, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 6, e->grp, -1, SQLITE_STATIC);
	(void)sqlite3_bind_blob64(st, 7, e->data.len ? e->data.bytes : "", e->data.len,
				  SQLITE_STATIC);
	return store_run(s, st, "event", err);
}

static bool
read_event(struct arena *a, sqlite3_stmt *st, struct store_event *ret)
{
	ret->epoch = sqlite3_column_int64(st, 0);
	ret->seq = sqlite3_column_int64(st, 1);
	ret->time_ns = sqlite3_column_int64(st, 2);
	ret->kind = sqlite3_column_int64(st, 3);
	ret->job_id = arena_strdup(a, (const char *)sqlite3_column_text(st, 4));
	ret->grp = arena_strdup(a, (const char *)sqlite3_column_text(st, 5));
	ret->data.len = (size_t)sqlite3_column_bytes(st, 6);
	ret->data.bytes = arena_copy(a, sqlite3_column_blob(st, 6), ret->data.len);
	return ret->job_id && ret->grp && ret->data.bytes;
}

static int
look_for_gap(struct store *s, const struct store_event_filter *f, bool *ret_gap, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, EVENTS_ARE_LOST);
	int rc;

	if (!st)
		return store_error(s, "events", err);
	(void)sqlite3_bind_int64(st, 1, f->epoch);
	(void)sqlite3_bind_int64(st, 2, f->seq);
	rc = sqlite3_step(st);
	*ret_gap = rc == SQLITE_ROW;
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(s, "events", err);
	(void)sqlite3_reset(st);
	return rc;
}

int
store_events_after(struct store *s, struct arena *a, const struct store_event_filter *f,
		   struct store_event **ret_events, size_t *ret_n, bool *ret_gap, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, EVENTS_AFTER);
	struct store_event *events;
	size_t n = 0;
	int rc;

	rc = look_for_gap(s, f, ret_gap, err);
	if (rc < 0)
		return rc;
	if (!st)
		return store_error(s, "events", err);
	events = arena_alloc(a, f->limit * sizeof *events);
	if (!events)
		return err_sys(err, ENOMEM, "events");
	(void)sqlite3_bind_int64(st, 1, f->epoch);
	(void)sqlite3_bind_int64(st, 2, f->seq);
	(void)sqlite3_bind_int64(st, 3, (int64_t)f->limit);
	while (n < f->limit && (rc = sqlite3_step(st)) == SQLITE_ROW &&
	       read_event(a, st, &events[n]))
		n++;
	if (n < f->limit && rc == SQLITE_ROW)
		rc = err_sys(err, ENOMEM, "events");
	else
		rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(s, "events", err);
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	*ret_events = events;
	*ret_n = n;
	return rc;
}

/* A statement whose two parameters are a point. */
static int
run_at(struct store *s, enum statement which, int64_t epoch, int64_t seq, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, which);

	if (!st)
		return store_error(s, "events", err);
	(void)sqlite3_bind_int64(st, 1, epoch);
	(void)sqlite3_bind_int64(st, 2, seq);
	return store_run(s, st, "events", err);
}

int
store_events_lose(struct store *s, int64_t epoch, int64_t seq, struct err *err)
{
	return run_at(s, EVENTS_LOSE, epoch, seq, err);
}

/* 1: the newest event that is not among the newest `keep`; 0: there is none. */
static int
find_from_end(struct store *s, int64_t keep, int64_t *ret_epoch, int64_t *ret_seq, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, EVENTS_FROM_END);
	int rc;

	if (!st)
		return store_error(s, "prune events", err);
	(void)sqlite3_bind_int64(st, 1, keep);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*ret_epoch = sqlite3_column_int64(st, 0);
		*ret_seq = sqlite3_column_int64(st, 1);
		rc = 1;
	} else {
		rc = rc == SQLITE_DONE ? 0 : store_error(s, "prune events", err);
	}
	(void)sqlite3_reset(st);
	return rc;
}

int
store_events_prune(struct store *s, int64_t keep, struct err *err)
{
	int64_t epoch = 0, seq = 0;
	int rc;

	rc = find_from_end(s, keep, &epoch, &seq, err);
	if (rc <= 0)
		return rc;
	rc = store_begin(s, err);
	if (rc == 0)
		rc = run_at(s, EVENTS_PRUNE, epoch, seq, err);
	if (rc == 0)
		rc = store_events_lose(s, epoch, seq, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	return rc;
}
