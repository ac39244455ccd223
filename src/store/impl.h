/* SPDX-License-Identifier: MIT */
/*
 * impl - what the files of store/ share: the connection and its prepared statements.
 */
#ifndef JOBWIRE_STORE_IMPL_H
#define JOBWIRE_STORE_IMPL_H

#include <sqlite3.h>

#include "store/store.h"

enum statement {
	JOB_INSERT,
	JOB_UPDATE,
	JOB_GET,
	JOB_DELETE,
	JOBS_OPEN,
	JOBS_LIST,
	SPEC_INSERT,
	SPEC_GET,
	ID_BY_PREFIX,
	LABEL_INSERT,
	LABELS_GET,
	KEY_INSERT,
	KEY_GET,
	KEY_DELETE,
	KEYS_PRUNE,
	EVENT_INSERT,
	EVENTS_AFTER,
	EVENTS_FROM_END,
	EVENTS_PRUNE,
	EVENTS_LOSE,
	EVENTS_ARE_LOST,
	META_NEXT,
	BEGIN,
	COMMIT,
	ROLLBACK,
	STATEMENT_COUNT,
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared at their first use */
	int wal_pages;                             /* length of the write-ahead log */
	int checkpoint_pages;                      /* when it was last found worth a checkpoint */
};

/* The statement, ready to bind; NULL: store_error() tells. */
sqlite3_stmt *store_statement(struct store *s, enum statement which);
/* Step once, reset, clear. 0 or an error. */
int store_run(struct store *s, sqlite3_stmt *st, const char *what, struct err *err) MUST_CHECK;
/* What SQLite said last, as an error of ours. */
int store_error(struct store *s, const char *what, struct err *err);
int store_db_error(sqlite3 *db, const char *what, struct err *err);

#endif
