/* SPDX-License-Identifier: MIT */
/*
 * store - what happened, in SQLite: jobs, labels, idempotency keys, events, the engine's epochs.
 *
 * It knows rows, not states: what a number in `state` means is job/'s business. One connection, the
 * loop's, is the only writer; a checkpoint runs on a worker with a connection of its own. Where
 * somebody else writes all the same, calls fail after some milliseconds (UNAVAILABLE). WAL,
 * synchronous NORMAL: a power loss may take the last seconds. What became of a job its folder
 * gives back; a job of which no row is left is gone, unless it was to be power-safe.
 * Strings that are read live in the arena that the call was given.
 */
#ifndef JOBWIRE_STORE_STORE_H
#define JOBWIRE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/macros.h"

struct arena;
struct err;
struct store;

struct store_blob {
	const void *bytes;
	size_t len;
};

/* A row of `jobs`. What was asked for is no part of it (`spec_bytes` are only counted here): it may
 * be large, and is read by store_spec_get() when it is to be seen. */
struct store_job {
	int64_t number; /* 0: not inserted yet */
#define COLUMN_INT         int64_t
#define COLUMN_TEXT        const char *
#define COLUMN(type, name) COLUMN_##type name;
#include "store/columns.def"
#undef COLUMN
};

struct store_label {
	const char *key, *value;
};

/* A call that must run once: which, by whom, and what exactly it asked for. */
struct store_key {
	const char *principal, *method, *key;
	uint64_t hash; /* of the request */
};

struct store_event {
	int64_t epoch, seq, time_ns;
	int64_t kind;
	const char *job_id; /* "" */
	const char *grp;
	struct store_blob data; /* the packed event */
};

/* Open or make `path`, bring it to this program's schema. A newer schema is refused by name. */
int store_open(const char *path, struct store **ret_store, struct err *err) MUST_CHECK;
void store_close(struct store *s);

/* The number of this run of the engine: one more than the last. */
int store_next_epoch(struct store *s, int64_t *ret_epoch, struct err *err) MUST_CHECK;

/* What belongs to a new job besides its row. */
struct store_job_parts {
	struct store_blob spec;
	const struct store_label *labels;
	size_t n_labels;
	const struct store_key *key; /* NULL: none */
	int64_t now_ns;
	bool power_safe; /* wait for the disk */
};
/* One transaction: row and parts. Sets job->number and job->spec_bytes. */
int store_job_insert(struct store *s, struct store_job *job, const struct store_job_parts *parts,
		     struct err *err) MUST_CHECK;
/* Everything of the row with that number. */
int store_job_update(struct store *s, const struct store_job *job, struct err *err) MUST_CHECK;
/* With its labels. Its key stays: what was done once is not done again. */
int store_job_delete(struct store *s, int64_t number, struct err *err) MUST_CHECK;
/* As if it had never been asked for: with its key. Both or neither. */
int store_job_undo(struct store *s, const struct store_job *job, struct err *err) MUST_CHECK;

/* 1: found, 0: not, or an error. */
int store_job_get(struct store *s, struct arena *a, const char *id, struct store_job *ret_job,
		  struct err *err) MUST_CHECK;
/* 1: found, in the arena, 0: not, or an error. */
int store_spec_get(struct store *s, struct arena *a, int64_t number, struct store_blob *ret_spec,
		   struct err *err) MUST_CHECK;
int store_labels_get(struct store *s, struct arena *a, int64_t number,
		     struct store_label **ret_labels, size_t *ret_n, struct err *err) MUST_CHECK;

/* How many ids begin so (2: two or more), and one of them. */
int store_id_by_prefix(struct store *s, const char *prefix, char ret_id[ID_SIZE], int *ret_count,
		       struct err *err) MUST_CHECK;

struct store_filter {
	uint64_t states;  /* bit set of states; 0: all */
	const char *grp;  /* "" or NULL: all */
	const char *name; /* the same */
	const char *label_key, *label_value;
	int64_t before; /* number; 0: from the newest */
	size_t limit;
};

/* Newest first. The rows are an array in the arena. */
int store_jobs_list(struct store *s, struct arena *a, const struct store_filter *filter,
		    struct store_job **ret_jobs, size_t *ret_n, struct err *err) MUST_CHECK;
/* The oldest `limit` rows that have no closed_ns and come after that number: what an engine must
 * look after. */
int store_jobs_open(struct store *s, struct arena *a, int64_t after, size_t limit,
		    struct store_job **ret_jobs, size_t *ret_n, struct err *err) MUST_CHECK;
/* Is there a row of that id? */
int store_job_exists(struct store *s, const char *id, bool *ret_exists, struct err *err) MUST_CHECK;

/* 1 and the id of the job, which may be gone, and the hash stored with the key; 0: the key is new.
 */
int store_key_get(struct store *s, const struct store_key *key, char ret_id[ID_SIZE],
		  uint64_t *ret_hash, struct err *err) MUST_CHECK;
/* Forget the keys of jobs that are gone which are older than that. */
int store_keys_prune(struct store *s, int64_t before_ns, struct err *err) MUST_CHECK;

int store_event_add(struct store *s, const struct store_event *e, struct err *err) MUST_CHECK;
struct store_event_filter {
	int64_t epoch, seq; /* after this point */
	size_t limit;       /* rows looked at */
};
/* Oldest first, in the arena. *ret_gap: events behind the point were pruned or lost. */
int store_events_after(struct store *s, struct arena *a, const struct store_event_filter *f,
		       struct store_event **ret_events, size_t *ret_n, bool *ret_gap,
		       struct err *err) MUST_CHECK;
/* Events up to this point were never stored: who stands before it has missed some. */
int store_events_lose(struct store *s, int64_t epoch, int64_t seq, struct err *err) MUST_CHECK;
/* Keep the newest `keep` events. */
int store_events_prune(struct store *s, int64_t keep, struct err *err) MUST_CHECK;

/* Several calls as one transaction. */
int store_begin(struct store *s, struct err *err) MUST_CHECK;
int store_commit(struct store *s, struct err *err) MUST_CHECK;
void store_rollback(struct store *s);

/* Has the write-ahead log grown enough since the last call that said so? */
bool store_wants_checkpoint(struct store *s);
/* Is it so long that the writer should rather fold the last of it than let it grow? */
bool store_wal_is_long(const struct store *s);
/* Fold the log back into the database, with a connection of its own, from any thread, in nobody's
 * way: what is written meanwhile stays in the log. */
int store_checkpoint(const char *path, struct err *err) MUST_CHECK;
/* Behind that, on the writer's own thread: fold what is left, so that the log begins anew. */
int store_fold_rest(struct store *s, struct err *err) MUST_CHECK;

#endif
