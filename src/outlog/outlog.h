/* SPDX-License-Identifier: MIT */
/*
 * outlog - what one job has written, on disk: raw bytes of two streams, and an index of when and in
 * which order they came.
 *
 *	stdout.<offset>, stderr.<offset>   raw bytes in segments, named by their first byte's offset
 *	index                              one entry per piece, in the order in which they were read
 *
 * Way of the data: the holder appends -> files -> outlog_reader (engine) -> ReadOutput and events.
 * Bytes are written before anybody is told of them, and their index entry before the next bytes:
 *one that the disk refuses may come after the telling. One writer (the holder), any number of
 *readers in other processes and threads; nobody locks.
 *
 * An index entry (32 bytes: wall time, end of stdout, end of stderr, flags, crc32c) says: at this
 * time the log reached so far. Exactly one of both ends grew against the entry before, so the
 * entries tell the order of all bytes, and the sum of both ends is the offset in the combined
 * stream. Pieces of one stream within 10 ms share an entry, which is rewritten in place.
 *
 * The cap counts segments and live index entries. Whole segments go, in the order of their first
 * bytes; the index is cut with them (a hole is punched, so its own offsets stay).
 */
#ifndef JOBWIRE_OUTLOG_OUTLOG_H
#define JOBWIRE_OUTLOG_OUTLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

enum outlog_stream {
	OUTLOG_OUT = 0,
	OUTLOG_ERR = 1,
	OUTLOG_STREAMS = 2,
};

/* What happens to bytes for which the cap leaves no room. */
enum outlog_full {
	OUTLOG_DROP_OLDEST,
	OUTLOG_DISCARD, /* count them, do not store them */
	OUTLOG_REFUSE,  /* -EXFULL */
	OUTLOG_BLOCK,   /* as DROP_OLDEST for what was consumed, else -EAGAIN */
	OUTLOG_KEEP,    /* store them, beyond the cap */
};

struct outlog_extent {
	uint64_t start;  /* first byte that is stored */
	uint64_t stored; /* end of what is stored */
	uint64_t end;    /* end of what was written; beyond `stored` it was discarded */
};

struct outlog;
struct err;

/* An empty log in the job's folder. `cap_bytes` 0: no cap. No file is made before the first byte.
 * `dirfd` is borrowed until outlog_free(). */
int outlog_new(int dirfd, uint64_t cap_bytes, enum outlog_full full, struct outlog **ret_log,
	       struct err *err) MUST_CHECK;
/* NULL is allowed. The files stay. */
void outlog_free(struct outlog *log);

/*
 * Append. *ret_taken is how many of the bytes are stored or counted as discarded, also on failure;
 * the caller keeps the others and tries again. 0 when all were taken, else
 * -EXFULL (REFUSE), -EAGAIN (BLOCK), or what the disk said (-ENOSPC, -EDQUOT, ...).
 */
int outlog_append(struct outlog *log, enum outlog_stream stream, int64_t wall_ns, const void *bytes,
		  size_t len, size_t *ret_taken) MUST_CHECK;

/* Bytes up to here need not be kept (BLOCK). */
void outlog_consumed(struct outlog *log, enum outlog_stream stream, uint64_t offset);
void outlog_set_full(struct outlog *log, enum outlog_full full);
/* From now on every byte is counted and discarded: the log is of no use any more. */
void outlog_discard_all(struct outlog *log);

struct outlog_extent outlog_extent(const struct outlog *log, enum outlog_stream stream);

/* Write the index entry that the disk refused before, if there is one. 0 or -errno. */
int outlog_flush(struct outlog *log);

#endif
