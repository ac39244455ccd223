/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include "base/clock.h"
#include "store/schema.h"

/* Any other user than the superuser, to whom permissions mean something. */
#define SOMEBODY 65534

static void
an_empty_place_becomes_a_database_of_the_newest_schema(void **state)
{
	struct fixture *f = *state;

	assert_true(schema_version() > 0);
	assert_int_equal(number_of(f, "PRAGMA user_version"), schema_version());
	assert_int_equal(number_of(f, "SELECT count(*) FROM jobs"), 0);
	assert_int_equal(number_of(f, "PRAGMA foreign_keys"), 1);
	assert_int_equal(number_of(f, "PRAGMA journal_mode = WAL") /* text */, 0);
	assert_true(number_of(f, "PRAGMA busy_timeout") > 0);
}

/* store/columns.def and the migrations are two lists of the same. */
static void
the_table_of_jobs_has_the_columns_of_the_list_in_its_order(void **state)
{
	static const struct {
		const char *type, *name;
	} expected[] = {
#define COLUMN_NAME_INT    "INTEGER"
#define COLUMN_NAME_TEXT   "TEXT"
#define COLUMN_NAME_BLOB   "BLOB"
#define COLUMN(type, name) { COLUMN_NAME_##type, #name },
		{ "INTEGER", "number" },
#include "store/columns.def"
#undef COLUMN
	};
	struct fixture *f = *state;
	sqlite3_stmt *st;
	size_t i;

	assert_int_equal(sqlite3_prepare_v2(f->store->db,
					    "SELECT name, type, \"notnull\" FROM"
					    " pragma_table_info('jobs') ORDER BY cid",
					    -1, &st, NULL),
			 SQLITE_OK);
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(sqlite3_step(st), SQLITE_ROW);
		assert_string_equal(sqlite3_column_text(st, 0), expected[i].name);
		assert_string_equal(sqlite3_column_text(st, 1), expected[i].type);
		assert_int_equal(sqlite3_column_int(st, 2), i > 0);
	}
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	(void)sqlite3_finalize(st);
}

static void
every_statement_can_be_prepared(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < STATEMENT_COUNT; i++)
		if (!store_statement(f->store, (enum statement)i))
			fail_msg("statement %d: %s", i, sqlite3_errmsg(f->store->db));
}

static void
what_was_written_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct store_job job;
	int64_t number = put_job(f, ID_A).number;

	fixture_reopen(f);
	assert_int_equal(store_job_get(f->store, &f->arena, ID_A, &job, &f->err), 1);
	assert_int_equal(job.number, number);
	assert_int_equal(number_of(f, "PRAGMA user_version"), schema_version());
}

static void
each_opening_counts_one_epoch_more(void **state)
{
	struct fixture *f = *state;
	int64_t epoch, i;

	for (i = 1; i <= 3; i++) {
		assert_ok(store_next_epoch(f->store, &epoch, &f->err), &f->err);
		assert_int_equal(epoch, i);
		fixture_reopen(f);
	}
	assert_ok(store_next_epoch(f->store, &epoch, &f->err), &f->err);
	assert_ok(store_next_epoch(f->store, &epoch, &f->err), &f->err);
	assert_int_equal(epoch, 5);
}

static void
refused(struct fixture *f, int code, const char *words)
{
	struct store *none = NULL;
	struct err err = { 0 };

	assert_int_equal(store_open(f->path, &none, &err), code);
	assert_int_equal(err.code, code);
	assert_null(none);
	if (!strstr(err.msg, words) || !strstr(err.msg, f->path))
		fail_msg("'%s' lacks '%s' or '%s'", err.msg, words, f->path);
}

static void
a_newer_schema_is_refused_and_the_way_out_is_said(void **state)
{
	struct fixture *f = *state;
	char pragma[64], words[64];

	(void)put_job(f, ID_A);
	(void)snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", schema_version() + 1);
	assert_int_equal(sqlite3_exec(f->store->db, pragma, NULL, NULL, NULL), SQLITE_OK);
	store_close(f->store);
	f->store = NULL;
	(void)snprintf(words, sizeof words, "schema %d, this program knows up to %d",
		       schema_version() + 1, schema_version());
	refused(f, ERR_FAILED_PRECONDITION, words);
	refused(f, ERR_FAILED_PRECONDITION, "newer jobwire; use that one");
}

static void
write_over(const char *path, off_t at, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), n);
	fd_close(&fd);
}

static void
a_file_that_is_no_database_is_refused_and_left_alone(void **state)
{
	static const char text[4096] = "a shopping list";
	struct fixture *f = *state;
	char read_back[sizeof text] = "";
	FILE *file;

	store_close(f->store);
	f->store = NULL;
	assert_int_equal(unlink(f->path), 0);
	write_over(f->path, 0, text, sizeof text);
	refused(f, ERR_DATA_LOSS, "file is not a database");
	file = fopen(f->path, "re");
	assert_non_null(file);
	assert_int_equal(fread(read_back, 1, sizeof read_back, file), sizeof text);
	(void)fclose(file);
	assert_memory_equal(read_back, text, sizeof text);
}

/* The header is whole, the pages behind it are not. */
static void
a_broken_page_is_an_error_of_its_own_kind(void **state)
{
	struct fixture *f = *state;
	unsigned char noise[4096];
	struct store_job job;
	struct err err = { 0 };
	int page, rc;

	memset(noise, 0xa5, sizeof noise);
	(void)put_job(f, ID_A);
	store_close(f->store); /* the log is folded back */
	f->store = NULL;
	for (page = 1; page < 12; page++)
		write_over(f->path, page * 4096L, noise, sizeof noise);
	rc = store_open(f->path, &f->store, &err);
	if (rc == 0)
		rc = store_job_get(f->store, &f->arena, ID_A, &job, &err);
	assert_int_equal(rc, ERR_DATA_LOSS);
	assert_non_null(strstr(err.msg, "malformed"));
}

static void
as_somebody_else(void (*check)(struct fixture *), struct fixture *f)
{
	bool is_root = geteuid() == 0;

	assert_int_equal(chmod(f->temp->path, 0555), 0);
	if (is_root)
		assert_int_equal(seteuid(SOMEBODY), 0);
	check(f);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(f->temp->path, 0700), 0);
}

static void
cannot_be_made(struct fixture *f)
{
	refused(f, ERR_PERMISSION_DENIED, "unable to open database file");
}

static void
cannot_be_written(struct fixture *f)
{
	struct store *none = NULL;
	struct err err = { 0 };

	assert_int_equal(store_open(f->path, &none, &err), ERR_PERMISSION_DENIED);
	assert_null(none);
	assert_non_null(strstr(err.msg, f->path));
}

static void
a_folder_that_cannot_be_written_is_said_at_the_start(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	f->store = NULL;
	assert_int_equal(chmod(f->path, 0444), 0);
	as_somebody_else(cannot_be_written, f);
	assert_int_equal(unlink(f->path), 0);
	as_somebody_else(cannot_be_made, f);
}

static void
a_folder_that_is_not_there_is_said(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	f->store = NULL;
	(void)snprintf(f->path, sizeof f->path, "%s/no/jobwire.db", f->temp->path);
	cannot_be_made(f);
}

static sqlite3 *
other_writer(struct fixture *f)
{
	sqlite3 *other;

	assert_int_equal(sqlite3_open_v2(f->path, &other, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return other;
}

static void
a_busy_database_is_unavailable_for_now_and_nothing_half_done_stays(void **state)
{
	struct fixture *f = *state;
	struct store_job job = plain_job(ID_A), found;
	struct err err = { 0 };
	sqlite3 *other = other_writer(f);
	int64_t epoch;

	(void)sqlite3_busy_timeout(f->store->db, 1); /* tests do not wait */
	assert_int_equal(store_job_insert(f->store, &job, PARTS(NULL, 0, NULL, 0), &err),
			 ERR_UNAVAILABLE);
	assert_string_equal(err.msg, "database: begin: database is locked");
	assert_int_equal(job.number, 0);
	assert_int_equal(store_next_epoch(f->store, &epoch, &err), ERR_UNAVAILABLE);
	assert_int_equal(store_keys_prune(f->store, 1, &err), ERR_UNAVAILABLE);
	/* Readers are not in a writer's way. */
	assert_int_equal(store_job_get(f->store, &f->arena, ID_A, &found, &err), 0);

	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_ok(store_job_insert(f->store, &job, PARTS(NULL, 0, NULL, 0), &err), &err);
	assert_ok(store_next_epoch(f->store, &epoch, &err), &err);
	assert_int_equal(epoch, 1);
}

static void
a_writer_that_is_locked_out_is_not_held_up(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	sqlite3 *other = other_writer(f);
	int64_t before = clock_mono_ms();
	int i;

	for (i = 0; i < 10; i++)
		assert_int_equal(store_begin(f->store, &err), ERR_UNAVAILABLE);
	assert_in_range(clock_mono_ms() - before, 0, 1000);
	/* Nor by a checkpoint that somebody's reading does not let come to its end. */
	assert_ok(store_checkpoint(f->path, &err), &err);
	assert_ok(store_fold_rest(f->store, &err), &err);
	assert_in_range(clock_mono_ms() - before, 0, 1500);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static void
a_migration_that_is_in_somebodys_way_is_unavailable_for_now(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	sqlite3 *db, *other;

	(void)snprintf(f->path, sizeof f->path, "%s/new.db", f->temp->path);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	other = other_writer(f);
	assert_int_equal(schema_migrate(db, &err), ERR_UNAVAILABLE);
	assert_string_equal(err.msg, "migration 1: database: schema: database is locked");
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_ok(schema_migrate(db, &err), &err);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
several_calls_are_one_transaction_and_a_rollback_outside_of_it_is_harmless(void **state)
{
	struct fixture *f = *state;
	struct store_job job = put_job(f, ID_A);

	store_rollback(f->store);
	assert_ok(store_begin(f->store, &f->err), &f->err);
	assert_ok(store_job_delete(f->store, job.number, &f->err), &f->err);
	store_rollback(f->store);
	assert_int_equal(number_of(f, "SELECT count(*) FROM jobs"), 1);
	assert_ok(store_begin(f->store, &f->err), &f->err);
	assert_ok(store_job_delete(f->store, job.number, &f->err), &f->err);
	assert_ok(store_commit(f->store, &f->err), &f->err);
	store_rollback(f->store);
	assert_int_equal(number_of(f, "SELECT count(*) FROM jobs"), 0);
}

static off_t
file_size(struct fixture *f)
{
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	return st.st_size;
}

static void
a_checkpoint_is_wanted_once_per_growth_and_folds_the_log_back(void **state)
{
	struct fixture *f = *state;
	sqlite3 *reader;

	assert_false(store_wants_checkpoint(f->store));
	assert_int_equal(sqlite3_exec(f->store->db,
				      "CREATE TABLE big (x);"
				      "INSERT INTO big VALUES (zeroblob(5000000));",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_true(file_size(f) < 1000000);
	assert_true(store_wants_checkpoint(f->store));
	assert_false(store_wants_checkpoint(f->store));
	assert_false(store_wal_is_long(f->store));
	/* Somebody reads, and what is written behind that stays in the log, ... */
	assert_int_equal(sqlite3_open_v2(f->path, &reader, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM jobs", NULL, NULL, NULL),
			 SQLITE_OK);
	(void)put_job(f, ID_B);
	assert_ok(store_checkpoint(f->path, &f->err), &f->err);
	assert_true(file_size(f) > 5000000);
	assert_int_equal(sqlite3_close(reader), SQLITE_OK);
	(void)put_job(f, ID_C);
	assert_true(f->store->wal_pages > 1000);
	/* ... until the writer folds it: the next one begins the log anew. */
	assert_ok(store_fold_rest(f->store, &f->err), &f->err);
	(void)put_job(f, ID_A);
	assert_true(f->store->wal_pages < 100);
	assert_int_equal(f->store->checkpoint_pages, 0);
	assert_int_equal(number_of(f, "SELECT length(x) FROM big"), 5000000);
}

static void
a_checkpoint_of_nothing_is_an_error_and_makes_no_file(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	char path[96];

	(void)snprintf(path, sizeof path, "%s/other.db", f->temp->path);
	assert_int_equal(store_checkpoint(path, &err), ERR_PERMISSION_DENIED);
	assert_int_equal(access(path, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_store(an_empty_place_becomes_a_database_of_the_newest_schema),
		unit_test_in_store(the_table_of_jobs_has_the_columns_of_the_list_in_its_order),
		unit_test_in_store(every_statement_can_be_prepared),
		unit_test_in_store(what_was_written_is_there_after_reopening),
		unit_test_in_store(each_opening_counts_one_epoch_more),
		unit_test_in_store(a_newer_schema_is_refused_and_the_way_out_is_said),
		unit_test_in_store(a_file_that_is_no_database_is_refused_and_left_alone),
		unit_test_in_store(a_broken_page_is_an_error_of_its_own_kind),
		unit_test_in_store(a_folder_that_cannot_be_written_is_said_at_the_start),
		unit_test_in_store(a_folder_that_is_not_there_is_said),
		unit_test_in_store(
			a_busy_database_is_unavailable_for_now_and_nothing_half_done_stays),
		unit_test_in_store(a_writer_that_is_locked_out_is_not_held_up),
		unit_test_in_store(a_migration_that_is_in_somebodys_way_is_unavailable_for_now),
		unit_test_in_store(
			several_calls_are_one_transaction_and_a_rollback_outside_of_it_is_harmless),
		unit_test_in_store(a_checkpoint_is_wanted_once_per_growth_and_folds_the_log_back),
		unit_test_in_store(a_checkpoint_of_nothing_is_an_error_and_makes_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
