/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/impl.h"

static void
bind_INT(sqlite3_stmt *st, int i, int64_t value)
{
	(void)sqlite3_bind_int64(st, i, value);
}

static void
bind_TEXT(sqlite3_stmt *st, int i, const char *text)
{
	(void)sqlite3_bind_text(st, i, text ? text : "", -1, SQLITE_STATIC);
}

/* Bind every column from parameter 1 on; the number of the next one. */
static int
bind_columns(sqlite3_stmt *st, const struct store_job *job)
{
	int i = 1;

#define COLUMN(type, name) bind_##type(st, i++, job->name);
#include "store/columns.def"
#undef COLUMN
	return i;
}

static const char *
copy_text(struct arena *a, sqlite3_stmt *st, int column)
{
	const void *text = sqlite3_column_text(st, column);

	return arena_copy(a, text ? text : "", (size_t)sqlite3_column_bytes(st, column));
}

static bool
read_INT(struct arena *a, sqlite3_stmt *st, int column, int64_t *ret)
{
	(void)a;
	*ret = sqlite3_column_int64(st, column);
	return true;
}

static bool
read_TEXT(struct arena *a, sqlite3_stmt *st, int column, const char **ret)
{
	*ret = copy_text(a, st, column);
	return *ret;
}

/* The row that the statement stands on. 0 or -ENOMEM. */
static int
read_columns(struct arena *a, sqlite3_stmt *st, struct store_job *ret)
{
	bool whole = true;
	int i = 0;

	ret->number = sqlite3_column_int64(st, i++);
#define COLUMN(type, name) whole = read_##type(a, st, i++, &ret->name) && whole;
#include "store/columns.def"
#undef COLUMN
	return whole ? 0 : -ENOMEM;
}

static void
done(sqlite3_stmt *st)
{
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
}

static int
insert_label(struct store *s, int64_t number, const struct store_label *label, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, LABEL_INSERT);

	if (!st)
		return store_error(s, "label", err);
	(void)sqlite3_bind_int64(st, 1, number);
	(void)sqlite3_bind_text(st, 2, label->key, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 3, label->value, -1, SQLITE_STATIC);
	return store_run(s, st, "label", err);
}

static int
insert_key(struct store *s, const char *id, const struct store_key *key, int64_t now_ns,
	   struct err *err)
{
	sqlite3_stmt *st = store_statement(s, KEY_INSERT);

	if (!st)
		return store_error(s, "idempotency key", err);
	(void)sqlite3_bind_text(st, 1, key->principal, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 2, key->method, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 3, key->key, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 4, (int64_t)key->hash);
	(void)sqlite3_bind_text(st, 5, id, -1, SQLITE_STATIC);
	(void)sqlite3_bind_int64(st, 6, now_ns);
	return store_run(s, st, "idempotency key", err);
}

static int
insert_spec(struct store *s, int64_t number, const struct store_blob *spec, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, SPEC_INSERT);

	if (!st)
		return store_error(s, "spec", err);
	(void)sqlite3_bind_int64(st, 1, number);
	(void)sqlite3_bind_blob64(st, 2, spec->len ? spec->bytes : "", spec->len, SQLITE_STATIC);
	return store_run(s, st, "spec", err);
}

static int
insert_row(struct store *s, struct store_job *job, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, JOB_INSERT);
	int rc;

	if (!st)
		return store_error(s, "new job", err);
	(void)bind_columns(st, job);
	rc = store_run(s, st, "new job", err);
	if (rc == 0)
		job->number = sqlite3_last_insert_rowid(s->db);
	return rc;
}

static int
insert_parts(struct store *s, struct store_job *job, const struct store_job_parts *parts,
	     struct err *err)
{
	size_t i;
	int rc;

	job->spec_bytes = (int64_t)parts->spec.len;
	rc = insert_row(s, job, err);
	if (rc == 0)
		rc = insert_spec(s, job->number, &parts->spec, err);
	for (i = 0; i < parts->n_labels && rc == 0; i++)
		rc = insert_label(s, job->number, &parts->labels[i], err);
	if (rc == 0 && parts->key)
		rc = insert_key(s, job->id, parts->key, parts->now_ns, err);
	return rc;
}

int
store_job_insert(struct store *s, struct store_job *job, const struct store_job_parts *parts,
		 struct err *err)
{
	int rc;

	if (parts->power_safe)
		(void)sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	rc = store_begin(s, err);
	if (rc == 0)
		rc = insert_parts(s, job, parts, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0) {
		store_rollback(s);
		job->number = 0;
	}
	if (parts->power_safe)
		(void)sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	return rc;
}

int
store_job_update(struct store *s, const struct store_job *job, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, JOB_UPDATE);

	if (!st)
		return store_error(s, "job", err);
	(void)sqlite3_bind_int64(st, bind_columns(st, job), job->number);
	return store_run(s, st, "job", err);
}

int
store_job_delete(struct store *s, int64_t number, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, JOB_DELETE);

	if (!st)
		return store_error(s, "remove job", err);
	(void)sqlite3_bind_int64(st, 1, number);
	return store_run(s, st, "remove job", err);
}

static int
delete_key(struct store *s, const char *id, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, KEY_DELETE);

	if (!st)
		return store_error(s, "idempotency key", err);
	(void)sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	return store_run(s, st, "idempotency key", err);
}

int
store_job_undo(struct store *s, const struct store_job *job, struct err *err)
{
	int rc;

	rc = store_begin(s, err);
	if (rc == 0)
		rc = delete_key(s, job->id, err);
	if (rc == 0)
		rc = store_job_delete(s, job->number, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	return rc;
}

int
store_job_get(struct store *s, struct arena *a, const char *id, struct store_job *ret_job,
	      struct err *err)
{
	sqlite3_stmt *st = store_statement(s, JOB_GET);
	int rc;

	if (!st)
		return store_error(s, "job", err);
	(void)sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		rc = read_columns(a, st, ret_job) < 0 ? err_sys(err, ENOMEM, "job") : 1;
	else
		rc = rc == SQLITE_DONE ? 0 : store_error(s, "job", err);
	done(st);
	return rc;
}

int
store_job_exists(struct store *s, const char *id, bool *ret_exists, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, JOB_GET);
	int rc;

	if (!st)
		return store_error(s, "job", err);
	(void)sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	*ret_exists = rc == SQLITE_ROW;
	rc = rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : store_error(s, "job", err);
	done(st);
	return rc;
}

int
store_spec_get(struct store *s, struct arena *a, int64_t number, struct store_blob *ret_spec,
	       struct err *err)
{
	sqlite3_stmt *st = store_statement(s, SPEC_GET);
	int rc;

	if (!st)
		return store_error(s, "spec", err);
	(void)sqlite3_bind_int64(st, 1, number);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		ret_spec->len = (size_t)sqlite3_column_bytes(st, 0);
		ret_spec->bytes = arena_copy(a, sqlite3_column_blob(st, 0), ret_spec->len);
		rc = ret_spec->bytes ? 1 : err_sys(err, ENOMEM, "spec");
	} else {
		rc = rc == SQLITE_DONE ? 0 : store_error(s, "spec", err);
	}
	done(st);
	return rc;
}

int
store_labels_get(struct store *s, struct arena *a, int64_t number, struct store_label **ret_labels,
		 size_t *ret_n, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, LABELS_GET);
	struct store_label *labels = NULL;
	size_t n = 0;
	int rc = SQLITE_ROW;

	if (!st)
		return store_error(s, "labels", err);
	(void)sqlite3_bind_int64(st, 1, number);
	while (rc == SQLITE_ROW && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		labels = arena_grow(a, labels, n, sizeof *labels);
		if (!labels)
			break;
		labels[n].key = copy_text(a, st, 0);
		labels[n].value = copy_text(a, st, 1);
		if (!labels[n].key || !labels[n].value)
			break;
		n++;
	}
	if (rc == SQLITE_ROW)
		rc = err_sys(err, ENOMEM, "labels");
	else
		rc = rc == SQLITE_DONE ? 0 : store_error(s, "labels", err);
	done(st);
	*ret_labels = labels;
	*ret_n = n;
	return rc;
}

int
store_id_by_prefix(struct store *s, const char *prefix, char ret_id[ID_SIZE], int *ret_count,
		   struct err *err)
{
	sqlite3_stmt *st = store_statement(s, ID_BY_PREFIX);
	int rc;

	if (!st)
		return store_error(s, "job id", err);
	(void)sqlite3_bind_text(st, 1, prefix, -1, SQLITE_STATIC);
	for (*ret_count = 0; (rc = sqlite3_step(st)) == SQLITE_ROW; ++*ret_count)
		(void)snprintf(ret_id, ID_SIZE, "%s", (const char *)sqlite3_column_text(st, 0));
	rc = rc == SQLITE_DONE ? 0 : store_error(s, "job id", err);
	done(st);
	return rc;
}

/* All rows of a statement that is bound. */
static int
collect(struct store *s, struct arena *a, sqlite3_stmt *st, struct store_job **ret_jobs,
	size_t *ret_n, struct err *err)
{
	struct store_job *jobs = NULL;
	size_t n = 0;
	int rc;

	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		jobs = arena_grow(a, jobs, n, sizeof *jobs);
		if (!jobs)
			break;
		if (read_columns(a, st, &jobs[n]) < 0)
			break;
		n++;
	}
	if (rc == SQLITE_ROW)
		rc = err_sys(err, ENOMEM, "list of jobs");
	else
		rc = rc == SQLITE_DONE ? 0 : store_error(s, "list of jobs", err);
	done(st);
	*ret_jobs = jobs;
	*ret_n = n;
	return rc;
}

int
store_jobs_list(struct store *s, struct arena *a, const struct store_filter *filter,
		struct store_job **ret_jobs, size_t *ret_n, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, JOBS_LIST);

	if (!st)
		return store_error(s, "list of jobs", err);
	(void)sqlite3_bind_int64(st, 1, filter->before ? filter->before : INT64_MAX);
	(void)sqlite3_bind_int64(st, 2, (int64_t)filter->states);
	bind_TEXT(st, 3, filter->grp);
	bind_TEXT(st, 4, filter->name);
	bind_TEXT(st, 5, filter->label_key);
	bind_TEXT(st, 6, filter->label_value);
	(void)sqlite3_bind_int64(st, 7, (int64_t)filter->limit);
	return collect(s, a, st, ret_jobs, ret_n, err);
}

int
store_jobs_open(struct store *s, struct arena *a, int64_t after, size_t limit,
		struct store_job **ret_jobs, size_t *ret_n, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, JOBS_OPEN);

	if (!st)
		return store_error(s, "open jobs", err);
	(void)sqlite3_bind_int64(st, 1, after);
	(void)sqlite3_bind_int64(st, 2, (int64_t)limit);
	return collect(s, a, st, ret_jobs, ret_n, err);
}

int
store_key_get(struct store *s, const struct store_key *key, char ret_id[ID_SIZE],
	      uint64_t *ret_hash, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, KEY_GET);
	int rc;

	if (!st)
		return store_error(s, "idempotency key", err);
	(void)sqlite3_bind_text(st, 1, key->principal, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 2, key->method, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(st, 3, key->key, -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		(void)snprintf(ret_id, ID_SIZE, "%s", (const char *)sqlite3_column_text(st, 0));
		*ret_hash = (uint64_t)sqlite3_column_int64(st, 1);
		rc = 1;
	} else {
		rc = rc == SQLITE_DONE ? 0 : store_error(s, "idempotency key", err);
	}
	done(st);
	return rc;
}

int
store_keys_prune(struct store *s, int64_t before_ns, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, KEYS_PRUNE);

	if (!st)
		return store_error(s, "prune idempotency keys", err);
	(void)sqlite3_bind_int64(st, 1, before_ns);
	return store_run(s, st, "prune idempotency keys", err);
}
