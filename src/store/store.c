/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "base/err.h"
#include "store/impl.h"
#include "store/schema.h"

/* Pages (4 KiB) of the write-ahead log after which a checkpoint is worth its reads and writes. */
#define CHECKPOINT_PAGES 1000
/* Under load the log never comes to its end, and grows: from here on the writer folds it once. */
#define LONG_PAGES 16000
/* Others seldom write; the loop tries again later rather than stand still. */
#define OPEN_BUSY_MS 2000
#define BUSY_MS      5

static const char names[] = ""
#define COLUMN(type, name) ", " #name
#include "store/columns.def"
#undef COLUMN
	;
static const char values[] = ""
#define COLUMN(type, name) ", ?"
#include "store/columns.def"
#undef COLUMN
	;
static const char settings[] = ""
#define COLUMN(type, name) ", " #name " = ?"
#include "store/columns.def"
#undef COLUMN
	;

/* Each may hold one list of all columns, or two. */
static const struct {
	const char *sql;
	const char *list, *list2;
} sql[STATEMENT_COUNT] = {
	[JOB_INSERT] = { "INSERT INTO jobs (number%s) VALUES (NULL%s)", names, values },
	[JOB_UPDATE] = { "UPDATE jobs SET number = number%s WHERE number = ?", settings, "" },
	[JOB_GET] = { "SELECT number%s FROM jobs WHERE id = ?", names, "" },
	[JOBS_OPEN] = { "SELECT number%s FROM jobs WHERE closed_ns = 0 AND number > ?"
			" ORDER BY number LIMIT ?",
			names, "" },
	[JOBS_LIST] = { "SELECT number%s FROM jobs WHERE number < ?1"
			" AND (?2 = 0 OR (1 << state) & ?2)"
			" AND (?3 = '' OR grp = ?3)"
			" AND (?4 = '' OR name = ?4)"
			" AND (?5 = '' OR number IN"
			"  (SELECT number FROM labels WHERE key = ?5 AND value = ?6))"
			" ORDER BY number DESC LIMIT ?7",
			names, "" },
	[SPEC_INSERT] = { "INSERT INTO specs VALUES (?, ?)", "", "" },
	[SPEC_GET] = { "SELECT spec FROM specs WHERE number = ?", "", "" },
	[JOB_DELETE] = { "DELETE FROM jobs WHERE number = ?", "", "" },
	[ID_BY_PREFIX] = { "SELECT id FROM jobs WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", "",
			   "" },
	[LABEL_INSERT] = { "INSERT OR REPLACE INTO labels VALUES (?, ?, ?)", "", "" },
	[LABELS_GET] = { "SELECT key, value FROM labels WHERE number = ? ORDER BY key", "", "" },
	[KEY_INSERT] = { "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?)", "", "" },
	[KEY_GET] = { "SELECT id, hash FROM keys WHERE principal = ? AND method = ? AND key = ?",
		      "", "" },
	[KEY_DELETE] = { "DELETE FROM keys WHERE id = ?", "", "" },
	[KEYS_PRUNE] = { "DELETE FROM keys WHERE created_ns < ?"
			 " AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = keys.id)",
			 "", "" },
	[EVENT_INSERT] = { "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", "", "" },
	[EVENTS_AFTER] = { "SELECT epoch, seq, time_ns, kind, job_id, grp, data FROM events"
			   " WHERE (epoch, seq) > (?, ?) ORDER BY epoch, seq LIMIT ?",
			   "", "" },
	[EVENTS_FROM_END] = { "SELECT epoch, seq FROM events"
			      " ORDER BY epoch DESC, seq DESC LIMIT 1 OFFSET ?",
			      "", "" },
	[EVENTS_PRUNE] = { "DELETE FROM events WHERE (epoch, seq) <= (?, ?)", "", "" },
	[EVENTS_LOSE] = { "UPDATE events_lost SET epoch = ?1, seq = ?2"
			  " WHERE (epoch, seq) < (?1, ?2)",
			  "", "" },
	[EVENTS_ARE_LOST] = { "SELECT 1 FROM events_lost WHERE (epoch, seq) > (?, ?)", "", "" },
	[META_NEXT] = { "INSERT INTO meta VALUES (?1, 1)"
			" ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value",
			"", "" },
	[BEGIN] = { "BEGIN IMMEDIATE", "", "" },
	[COMMIT] = { "COMMIT", "", "" },
	[ROLLBACK] = { "ROLLBACK", "", "" },
};

int
store_db_error(sqlite3 *db, const char *what, struct err *err)
{
	int rc = sqlite3_extended_errcode(db);
	int code = ERR_INTERNAL;

	switch (rc & 0xff) {
	case SQLITE_FULL:
	case SQLITE_NOMEM:
		code = ERR_RESOURCE_EXHAUSTED;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		code = ERR_UNAVAILABLE;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		code = ERR_DATA_LOSS;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		code = ERR_PERMISSION_DENIED;
		break;
	default:
		break;
	}
	return err_set(err, code, "database: %s: %s", what, sqlite3_errmsg(db));
}

int
store_error(struct store *s, const char *what, struct err *err)
{
	return store_db_error(s->db, what, err);
}

static sqlite3_stmt *
prepare(struct store *s, enum statement which)
{
	char *text = sqlite3_mprintf(sql[which].sql, sql[which].list, sql[which].list2);
	sqlite3_stmt *st = NULL;

	if (text &&
	    sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
		st = NULL;
	sqlite3_free(text);
	return st;
}

sqlite3_stmt *
store_statement(struct store *s, enum statement which)
{
	if (!s->statements[which])
		s->statements[which] = prepare(s, which);
	return s->statements[which];
}

int
store_run(struct store *s, sqlite3_stmt *st, const char *what, struct err *err)
{
	int rc = sqlite3_step(st);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		rc = store_error(s, what, err);
	else
		rc = 0;
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
	return rc;
}

static int
run_plain(struct store *s, enum statement which, const char *what, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, which);

	return st ? store_run(s, st, what, err) : store_error(s, what, err);
}

static int
on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *s = arg;

	(void)db, (void)name;
	if (pages < s->wal_pages)
		s->checkpoint_pages = 0; /* it has begun anew */
	s->wal_pages = pages;
	return SQLITE_OK;
}

static int
set_up(struct store *s, struct err *err)
{
	static const char pragmas[] = "PRAGMA journal_mode = WAL;"
				      "PRAGMA synchronous = NORMAL;"
				      "PRAGMA foreign_keys = ON;"
				      "PRAGMA cache_size = -1024;"
				      "PRAGMA wal_autocheckpoint = 0;";

	int rc;

	(void)sqlite3_busy_timeout(s->db, OPEN_BUSY_MS);
	(void)sqlite3_extended_result_codes(s->db, 1);
	if (sqlite3_exec(s->db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
		return store_error(s, "open", err);
	(void)sqlite3_wal_hook(s->db, on_wal, s);
	rc = schema_migrate(s->db, err);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	return rc;
}

int
store_open(const char *path, struct store **ret_store, struct err *err)
{
	struct store *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_sys(err, ENOMEM, "database");
	if (sqlite3_open_v2(path, &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		rc = store_error(s, path, err);
	else
		rc = set_up(s, err);
	if (rc < 0) {
		store_close(s);
		return err_wrap(err, rc, "%.300s", path);
	}
	*ret_store = s;
	return 0;
}

void
store_close(struct store *s)
{
	int i;

	if (!s)
		return;
	for (i = 0; i < STATEMENT_COUNT; i++)
		(void)sqlite3_finalize(s->statements[i]);
	(void)sqlite3_close(s->db);
	free(s);
}

int
store_begin(struct store *s, struct err *err)
{
	return run_plain(s, BEGIN, "begin", err);
}

int
store_commit(struct store *s, struct err *err)
{
	return run_plain(s, COMMIT, "commit", err);
}

void
store_rollback(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		(void)!run_plain(s, ROLLBACK, "rollback", NULL);
}

int
store_next_epoch(struct store *s, int64_t *ret_epoch, struct err *err)
{
	sqlite3_stmt *st = store_statement(s, META_NEXT);
	int64_t epoch = 0;
	int rc;

	if (!st)
		return store_error(s, "epoch", err);
	(void)sqlite3_bind_text(st, 1, "epoch", -1, SQLITE_STATIC);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		epoch = sqlite3_column_int64(st, 0);
		rc = sqlite3_step(st); /* the row is written when the statement ends */
	}
	rc = rc == SQLITE_DONE ? 0 : store_error(s, "epoch", err);
	/* One that stays open lets no later transaction commit. */
	(void)sqlite3_reset(st);
	if (rc == 0)
		*ret_epoch = epoch;
	return rc;
}

bool
store_wants_checkpoint(struct store *s)
{
	if (s->wal_pages - s->checkpoint_pages < CHECKPOINT_PAGES)
		return false;
	s->checkpoint_pages = s->wal_pages;
	return true;
}

bool
store_wal_is_long(const struct store *s)
{
	return s->wal_pages >= LONG_PAGES;
}

/* In nobody's way: as far as it goes while others read and write. */
static int
fold(sqlite3 *db)
{
	return sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

int
store_fold_rest(struct store *s, struct err *err)
{
	return fold(s->db) == SQLITE_OK ? 0 : store_error(s, "checkpoint", err);
}

int
store_checkpoint(const char *path, struct err *err)
{
	struct store s = { 0 };
	int rc = 0;

	if (sqlite3_open_v2(path, &s.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		    SQLITE_OK ||
	    /* A connection that has read nothing knows of no log, and folds none. */
	    sqlite3_exec(s.db, "PRAGMA user_version", NULL, NULL, NULL) != SQLITE_OK ||
	    fold(s.db) != SQLITE_OK)
		rc = store_error(&s, "checkpoint", err);
	(void)sqlite3_close(s.db);
	return rc;
}
