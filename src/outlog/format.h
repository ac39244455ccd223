/* SPDX-License-Identifier: MIT */
/*
 * format - the bytes of the index and the names of the segments: what writer and reader share.
 */
#ifndef JOBWIRE_OUTLOG_FORMAT_H
#define JOBWIRE_OUTLOG_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "outlog/outlog.h"

#define INDEX_FILE       "index"
#define INDEX_MAGIC      "JWINDEX1" /* the last digit is the version */
#define INDEX_HEADER_LEN 32         /* magic, zeros; as long as an entry */
#define INDEX_ENTRY_LEN  32

/* No stream reaches further, and sums of two such offsets do not run over. */
#define OUTLOG_OFFSET_MAX (UINT64_MAX / 4)

struct index_entry {
	int64_t wall_ns;              /* when the first of its bytes was read */
	uint64_t end[OUTLOG_STREAMS]; /* how far each stream reached behind it */
};

void index_encode(const struct index_entry *e, unsigned char out[INDEX_ENTRY_LEN]);
/* False where the bytes are no entry: torn, punched out, or not written yet. */
bool index_decode(const unsigned char in[INDEX_ENTRY_LEN],
		  struct index_entry *ret_entry) MUST_CHECK;

#define SEGMENT_NAME_MAX 32
char *segment_name(enum outlog_stream stream, uint64_t offset, char out[SEGMENT_NAME_MAX]);
/* Is `name` a segment's? */
bool segment_parse(const char *name, enum outlog_stream *ret_stream, uint64_t *ret_offset);

#endif
