/* SPDX-License-Identifier: MIT */
/*
 * fixture - a database in a folder of its own, opened, for the tests of store/.
 *
 * unit_test_in_store(f): f's *state is the fixture. Strings that are read live in its arena.
 */
#ifndef JOBWIRE_TEST_STORE_FIXTURE_H
#define JOBWIRE_TEST_STORE_FIXTURE_H

#include "temp.h"

#include <sqlite3.h>

#include "base/arena.h"
#include "store/impl.h"

struct fixture {
	struct temp *temp;
	char path[80];
	struct store *store;
	struct arena arena;
	struct err err;
};

static inline void
fixture_open(struct fixture *f)
{
	assert_ok(store_open(f->path, &f->store, &f->err), &f->err);
}

static inline void
fixture_reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	fixture_open(f);
}

static inline int
fixture_setup(void **state)
{
	static struct fixture f;
	void *temp;

	memset(&f, 0, sizeof f);
	(void)temp_setup(&temp);
	f.temp = temp;
	(void)snprintf(f.path, sizeof f.path, "%s/jobwire.db", f.temp->path);
	arena_init(&f.arena, 1 << 20);
	fixture_open(&f);
	*state = &f;
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *f = *state;
	void *temp = f->temp;

	store_close(f->store);
	arena_fini(&f->arena);
	return temp_teardown(&temp);
}

/* What a statement gives as its only number. */
static inline int64_t
number_of(struct fixture *f, const char *sql)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(f->store->db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
	return n;
}

#define PARTS(l, n, k, now) \
	(&(struct store_job_parts){ .labels = (l), .n_labels = (n), .key = (k), .now_ns = (now) })

/* A row with nothing but an id. */
static inline struct store_job
plain_job(const char *id)
{
	return (struct store_job){ .id = id, .detail = "", .name = "", .grp = "", .session = "" };
}

static inline struct store_job
put_job(struct fixture *f, const char *id)
{
	struct store_job job = plain_job(id);

	assert_ok(store_job_insert(f->store, &job, PARTS(NULL, 0, NULL, 0), &f->err), &f->err);
	return job;
}

#define ID_A "aaaaaaaa-0000-4000-8000-000000000001"
#define ID_B "aaaaaaab-0000-4000-8000-000000000002"
#define ID_C "bbbbbbbb-0000-4000-8000-000000000003"

#define unit_test_in_store(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
