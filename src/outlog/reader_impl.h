/* SPDX-License-Identifier: MIT */
/*
 * reader_impl - what reader.c (one stream), index.c (the index, as readers see it), combined.c
 * (both streams, in order) and tail.c share.
 */
#ifndef JOBWIRE_OUTLOG_READER_IMPL_H
#define JOBWIRE_OUTLOG_READER_IMPL_H

#include <errno.h>
#include <sys/types.h>

#include "outlog/format.h"
#include "outlog/reader.h"

struct outlog_reader {
	int dirfd;
	bool final; /* the writer is gone */
	/* The segment of each stream that was read last. */
	struct {
		int fd;
		uint64_t base;
	} segment[OUTLOG_STREAMS];
	uint64_t start[OUTLOG_STREAMS]; /* nothing below is stored, as far as was seen */
	int indexfd;
	uint64_t hint; /* index entry that was used last */
	/* Of the call that is under way: */
	bool nowait;
	int trouble; /* what kept it from reading the index, -EAGAIN or another -errno, or 0 */
};

/* Every public call begins with this. */
static inline void
reader_begin(struct outlog_reader *r, bool nowait)
{
	r->nowait = nowait;
	r->trouble = 0;
}

/* What a call returns that found its bytes without the index: it would have to be waited for, but
 * one that is beyond reading costs only order and times. */
static inline int
reader_end(const struct outlog_reader *r, int rc)
{
	return rc == 0 && r->trouble == -EAGAIN ? -EAGAIN : rc;
}

/* The same for one that cannot do without. */
static inline int
reader_end_indexed(const struct outlog_reader *r, int rc)
{
	return rc == 0 ? r->trouble : rc;
}

/* As pread(2); with `nowait` -EAGAIN where the bytes are not in memory. A count or -errno. */
ssize_t reader_pread(int fd, void *bytes, size_t max, uint64_t at, bool nowait);

/*
 * One piece of one segment at *offset, which moves over a gap first. The bytes read; 0: nothing is
 * stored at or behind it; -EAGAIN (where the call does not wait) or -errno.
 */
ssize_t reader_piece(struct outlog_reader *r, enum outlog_stream stream, uint64_t *offset,
		     void *bytes, size_t max);

/* As the public calls of these names, within another one. */
int reader_combined(struct outlog_reader *r, uint64_t offset, void *bytes, size_t max,
		    struct outlog_chunk *chunks, size_t max_chunks,
		    struct outlog_result *ret) MUST_CHECK;
int reader_extents(struct outlog_reader *r, struct outlog_extents *ret) MUST_CHECK;
int reader_split(struct outlog_reader *r, uint64_t combined,
		 uint64_t ret_offsets[OUTLOG_STREAMS]) MUST_CHECK;

/* What is looked for in the index: the first entry that reaches beyond one of these. */
struct index_goal {
	uint64_t sum;                 /* of both ends: a combined offset */
	uint64_t end[OUTLOG_STREAMS]; /* UINT64_MAX, as for `sum`: never mind */
};

uint64_t index_sum(const struct index_entry *e);
bool index_reaches(const struct index_entry *e, const struct index_goal *goal);

/* How many entries the index has, but for those at its end that a crash spoilt, and the last one,
 * all zero where there is none. 0 or -errno. */
int index_count(struct outlog_reader *r, uint64_t *ret_count,
		struct index_entry *ret_last) MUST_CHECK;
/* The first entry that reaches the goal, and its number. False: there is none (yet), or trouble. */
bool index_find(struct outlog_reader *r, const struct index_goal *goal, uint64_t count,
		uint64_t *ret_number, struct index_entry *ret_entry) MUST_CHECK;
/* How far each stream reached before entry `number`, which is `e`. 0 or -errno. */
int index_before(struct outlog_reader *r, uint64_t number, const struct index_entry *e,
		 struct index_entry *ret_before) MUST_CHECK;

/* The time of the entry that covers byte `offset` of a stream, 0 where there is none, and where
 * that changes. */
int64_t index_time_of(struct outlog_reader *r, enum outlog_stream stream, uint64_t offset,
		      uint64_t *ret_until);

#endif
