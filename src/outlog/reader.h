/* SPDX-License-Identifier: MIT */
/*
 * reader - the output log from the other side: by offset, in one stream or both in order.
 *
 * A reader sees what is on disk, while the holder writes and after it has gone; a segment that is
 * dropped under it becomes a gap, never an error (one that it has open may be read a while longer).
 * Threads: one reader, one thread; several readers of one log need nothing of each other. With
 * `nowait` a read that would have to wait for the disk gives -EAGAIN instead, and the caller
 * repeats it on a worker with a reader of its own.
 */
#ifndef JOBWIRE_OUTLOG_READER_H
#define JOBWIRE_OUTLOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "outlog/outlog.h"

struct err;
struct outlog_reader;

/* One stream, or both in the order in which they were read from the job. */
enum outlog_view {
	OUTLOG_VIEW_OUT = OUTLOG_OUT,
	OUTLOG_VIEW_ERR = OUTLOG_ERR,
	OUTLOG_VIEW_COMBINED = 2, /* its offsets are sums of both streams' */
};

/* A piece of what was read: so many bytes of one stream, with the time of their entry. */
struct outlog_chunk {
	enum outlog_stream stream;
	int64_t wall_ns;
	size_t len;
};

struct outlog_result {
	uint64_t offset; /* of the first byte read; beyond the offset asked for: a gap before it */
	size_t len;      /* 0: nothing (more) is stored */
	size_t n_chunks;
};

/* `start` is the first byte that is stored, `stored` their end; where all of a stream is gone, both
 * are where it goes on. */
struct outlog_extents {
	struct {
		uint64_t start, stored;
	} stream[OUTLOG_STREAMS];
};

/* `dirfd` is duplicated. */
int outlog_reader_new(int dirfd, struct outlog_reader **ret_reader, struct err *err) MUST_CHECK;
void outlog_reader_free(struct outlog_reader *r);

/* The writer is gone: what lies behind the last index entry counts too, stdout first. */
void outlog_reader_final(struct outlog_reader *r);

/* What is stored now. 0 or -errno. */
int outlog_reader_extents(struct outlog_reader *r, struct outlog_extents *ret) MUST_CHECK;

/*
 * Read at most `max` bytes from `offset` on. `chunks` has room for `max_chunks`, and the read stops
 * when they are used up; it may be NULL. 0 or -errno.
 */
int outlog_read(struct outlog_reader *r, enum outlog_view view, uint64_t offset, void *bytes,
		size_t max, bool nowait, struct outlog_chunk *chunks, size_t max_chunks,
		struct outlog_result *ret) MUST_CHECK;

/*
 * The last `lines` lines (0: as many as fit) of at most `max` bytes; a last line without its
 * newline counts. *ret_lines is how many there are, *ret_cut whether more were asked for than
 * fitted.
 */
int outlog_tail(struct outlog_reader *r, enum outlog_view view, size_t lines, void *bytes,
		size_t max, bool nowait, struct outlog_chunk *chunks, size_t max_chunks,
		struct outlog_result *ret, size_t *ret_lines, bool *ret_cut) MUST_CHECK;

/* Which offsets of both streams a combined offset stands for; one beyond the end, for the end of
 * what is in order. 0 or -errno. */
int outlog_split(struct outlog_reader *r, uint64_t combined,
		 uint64_t ret_offsets[OUTLOG_STREAMS]) MUST_CHECK;

#endif
