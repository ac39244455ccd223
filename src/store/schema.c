/* SPDX-License-Identifier: MIT */
#include "store/schema.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/err.h"
#include "store/impl.h"

/*
 * Each migration leads from one schema to the next and is never changed once it has been released.
 * PRAGMA user_version counts those that have run.
 */
static const char *const migrations[] = {
	/* 1 */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE jobs ("
	"	number INTEGER PRIMARY KEY AUTOINCREMENT,"
	"	id TEXT NOT NULL UNIQUE,"
	"	state INTEGER NOT NULL,"
	"	reason INTEGER NOT NULL,"
	"	detail TEXT NOT NULL,"
	"	name TEXT NOT NULL,"
	"	grp TEXT NOT NULL,"
	"	session TEXT NOT NULL,"
	"	lifetime INTEGER NOT NULL,"
	"	cap INTEGER NOT NULL,"
	"	grace_ms INTEGER NOT NULL,"
	"	spec_bytes INTEGER NOT NULL,"
	"	pid INTEGER NOT NULL,"
	"	start_ticks INTEGER NOT NULL,"
	"	wait_status INTEGER NOT NULL,"
	"	shell_code INTEGER NOT NULL,"
	"	created_ns INTEGER NOT NULL,"
	"	started_ns INTEGER NOT NULL,"
	"	ended_ns INTEGER NOT NULL,"
	"	closed_ns INTEGER NOT NULL,"
	"	out_start INTEGER NOT NULL, out_stored INTEGER NOT NULL, out_end INTEGER NOT NULL,"
	"	err_start INTEGER NOT NULL, err_stored INTEGER NOT NULL, err_end INTEGER NOT NULL,"
	"	out_drained INTEGER NOT NULL, err_drained INTEGER NOT NULL,"
	"	input_offset INTEGER NOT NULL,"
	"	killed INTEGER NOT NULL, survivors INTEGER NOT NULL,"
	"	user_us INTEGER NOT NULL, system_us INTEGER NOT NULL,"
	"	max_rss_kib INTEGER NOT NULL,"
	"	n_labels INTEGER NOT NULL,"
	"	group_limit INTEGER NOT NULL,"
	"	n_events INTEGER NOT NULL);"
	"CREATE INDEX jobs_open ON jobs (number) WHERE closed_ns = 0;"
	/* What was asked for: up to 4 MiB, written once and seldom read. */
	"CREATE TABLE specs ("
	"	number INTEGER PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,"
	"	spec BLOB NOT NULL);"
	"CREATE TABLE labels ("
	"	number INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,"
	"	key TEXT NOT NULL, value TEXT NOT NULL,"
	"	PRIMARY KEY (number, key)) WITHOUT ROWID;"
	"CREATE INDEX labels_value ON labels (key, value, number);"
	"CREATE TABLE keys ("
	"	principal TEXT NOT NULL, method TEXT NOT NULL, key TEXT NOT NULL,"
	"	hash INTEGER NOT NULL,"
	"	id TEXT NOT NULL," /* outlives its job */
	"	created_ns INTEGER NOT NULL,"
	"	PRIMARY KEY (principal, method, key)) WITHOUT ROWID;"
	"CREATE INDEX keys_id ON keys (id);"
	"CREATE TABLE events ("
	"	epoch INTEGER NOT NULL, seq INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	"	kind INTEGER NOT NULL, job_id TEXT NOT NULL, grp TEXT NOT NULL, data BLOB NOT NULL,"
	"	PRIMARY KEY (epoch, seq)) WITHOUT ROWID;"
	/* One row: what came up to here may not be among the events. */
	"CREATE TABLE events_lost (epoch INTEGER NOT NULL, seq INTEGER NOT NULL);"
	"INSERT INTO events_lost VALUES (0, 0);",
};

static int
run(sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_db_error(db, "schema", err);
	return 0;
}

static int
user_version(sqlite3 *db, int *ret_version, struct err *err)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) != SQLITE_OK)
		return store_db_error(db, "schema", err);
	if (sqlite3_step(st) == SQLITE_ROW)
		*ret_version = sqlite3_column_int(st, 0);
	return sqlite3_finalize(st) == SQLITE_OK ? 0 : store_db_error(db, "schema", err);
}

int
schema_version(void)
{
	return (int)ARRAY_SIZE(migrations);
}

int
schema_migrate(sqlite3 *db, struct err *err)
{
	char pragma[40];
	int rc, version = 0;

	rc = user_version(db, &version, err);
	if (rc < 0)
		return rc;
	if (version > schema_version())
		return err_set(
			err, ERR_FAILED_PRECONDITION,
			"database has schema %d, this program knows up to %d: it was written by a "
			"newer jobwire; use that one",
			version, schema_version());
	for (; version < schema_version(); version++) {
		(void)snprintf(pragma, sizeof pragma, "PRAGMA user_version = %d", version + 1);
		rc = run(db, "BEGIN IMMEDIATE", err);
		if (rc == 0)
			rc = run(db, migrations[version], err);
		if (rc == 0)
			rc = run(db, pragma, err);
		if (rc == 0)
			rc = run(db, "COMMIT", err);
		if (rc < 0) {
			(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
			return err_wrap(err, rc, "migration %d", version + 1);
		}
	}
	return 0;
}
