/* SPDX-License-Identifier: MIT */
/*
 * reader_impl - what reader.c (one stream) and combined.c (both, in order) share.
 */
#ifndef JOBWIRE_OUTLOG_READER_IMPL_H
#define JOBWIRE_OUTLOG_READER_IMPL_H

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
	int indexfd;
	uint64_t hint; /* index entry that was used last */
};

/*
 * One piece of one segment at *offset, which moves over a gap first. The bytes read; 0: nothing is
 * stored at or behind it; -EAGAIN (`nowait`) or -errno.
 */
ssize_t reader_piece(struct outlog_reader *r, enum outlog_stream stream, uint64_t *offset,
		     void *bytes, size_t max, bool nowait);

int reader_combined(struct outlog_reader *r, uint64_t offset, void *bytes, size_t max, bool nowait,
		    struct outlog_chunk *chunks, size_t max_chunks,
		    struct outlog_result *ret) MUST_CHECK;

/* The index entry that covers the combined offset, or the first one behind it. 1, 0: none, -errno.
 */
struct reader_entry {
	enum outlog_stream stream;
	int64_t wall_ns;
	uint64_t from, to; /* of the stream */
	uint64_t sum_from; /* combined offset of `from` */
};
int reader_entry_at(struct outlog_reader *r, uint64_t combined,
		    struct reader_entry *ret_entry) MUST_CHECK;
/* The time of the entry that covers byte `offset` of a stream, 0 where there is none. */
int64_t reader_time_of(struct outlog_reader *r, enum outlog_stream stream, uint64_t offset,
		       uint64_t *ret_until);

#endif
