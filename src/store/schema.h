/* SPDX-License-Identifier: MIT */
/*
 * schema - the database's tables, as numbered migrations.
 */
#ifndef JOBWIRE_STORE_SCHEMA_H
#define JOBWIRE_STORE_SCHEMA_H

#include "base/macros.h"

struct err;
struct sqlite3;

/* Bring an open database to the newest schema; each step is a transaction. */
int schema_migrate(struct sqlite3 *db, struct err *err) MUST_CHECK;
/* The newest one. */
int schema_version(void);

#endif
