/* SPDX-License-Identifier: MIT */
/*
 * record - the small file of a job's folder that says what was asked, what began and how it ended.
 *
 *	header	"JWRECORD", version (le32), 0 (le32)
 *	record	type (le32), length (le32), crc32c of type, length and bytes (le32), 0 (le32),
 *		bytes (tlv fields), zeros up to a multiple of 8
 *
 * Records are only appended: spec, held, launch, begin or failure, end, closing. A tail that is cut
 * off or fails its checksum is as if it were not there. Space is reserved at the start, so that a
 * full disk still takes the end. The holder has the file's flock(2) as long as it lives: that lock
 * is the proof that somebody looks after the job. Descriptors are the callers' to close.
 */
#ifndef JOBWIRE_JOBDIR_RECORD_H
#define JOBWIRE_JOBDIR_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/id.h"
#include "jobdir/end.h"
#include "jobdir/spec.h"

struct err;

#define RECORD_FILE    "record"
#define RECORD_VERSION 1

/* Numbers on disk. */
enum record_type {
	RECORD_SPEC = 1,    /* engine, at creation */
	RECORD_LAUNCH = 2,  /* holder, right before it starts the command */
	RECORD_BEGIN = 3,   /* holder: the command runs */
	RECORD_FAILURE = 4, /* holder: it could not be started */
	RECORD_END = 5,     /* holder: exited and drained */
	RECORD_CLOSING = 6, /* holder: closed */
	RECORD_HELD = 7, /* holder: it has the spec and its environment, and waits for its turn */
	RECORD_TYPE_COUNT,
};

/* Without this record the command has certainly never run. */
struct launch {
	int32_t holder_pid;
	uint64_t holder_ticks; /* /proc/PID/stat field 22 */
	char boot_id[ID_SIZE]; /* /proc/sys/kernel/random/boot_id */
};

/* A record file, read. */
struct record {
	bool has[RECORD_TYPE_COUNT];
	struct spec spec;
	struct launch launch;
	struct begin begin;
	struct failure failure;
	struct end end;
	struct closing closing;
};

/* Make the file in the job's folder with its spec, locked, with room for all that will follow. On
 * failure there is no file, unless it had been there. */
int record_create(int dirfd, const struct spec *spec, int *ret_fd, struct err *err) MUST_CHECK;

/* Append one record, whole or not at all: 0 or -errno. `sync`: and wait for the disk; if only that
 * fails the record is there all the same. */
int record_append(int fd, enum record_type type, const void *bytes, size_t len,
		  bool sync) MUST_CHECK;
int record_append_launch(int fd, const struct launch *launch, bool sync) MUST_CHECK;

/* Open for reading and locking. -errno; -ENOENT where there is none. */
int record_open(int dirfd, int *ret_fd) MUST_CHECK;
/* 0: nobody held the lock and now we do; -EWOULDBLOCK: a holder lives. */
int record_try_lock(int fd) MUST_CHECK;
/* Read what is whole. The spec's strings go into the arena. A file without a whole spec, or of a
 * newer version, is an error. */
int record_read(int fd, struct arena *a, struct record *ret_record, struct err *err) MUST_CHECK;

#endif
