/* SPDX-License-Identifier: MIT */
#include "outlog/format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crc.h"
#include "base/le.h"

static const char *const prefixes[OUTLOG_STREAMS] = {
	[OUTLOG_OUT] = "stdout.",
	[OUTLOG_ERR] = "stderr.",
};

void
index_encode(const struct index_entry *e, unsigned char out[INDEX_ENTRY_LEN])
{
	put_le64(out, (uint64_t)e->wall_ns);
	put_le64(out + 8, e->end[OUTLOG_OUT]);
	put_le64(out + 16, e->end[OUTLOG_ERR]);
	put_le32(out + 24, 0);
	put_le32(out + 28, crc32c(0, out, 28));
}

bool
index_decode(const unsigned char in[INDEX_ENTRY_LEN], struct index_entry *ret_entry)
{
	if (crc32c(0, in, 28) != get_le32(in + 28))
		return false;
	ret_entry->wall_ns = (int64_t)get_le64(in);
	ret_entry->end[OUTLOG_OUT] = get_le64(in + 8);
	ret_entry->end[OUTLOG_ERR] = get_le64(in + 16);
	if (ret_entry->end[OUTLOG_OUT] > OUTLOG_OFFSET_MAX ||
	    ret_entry->end[OUTLOG_ERR] > OUTLOG_OFFSET_MAX)
		return false;
	return ret_entry->end[OUTLOG_OUT] || ret_entry->end[OUTLOG_ERR]; /* it ends somewhere */
}

char *
segment_name(enum outlog_stream stream, uint64_t offset, char out[SEGMENT_NAME_MAX])
{
	(void)snprintf(out, SEGMENT_NAME_MAX, "%s%" PRIu64, prefixes[stream], offset);
	return out;
}

bool
segment_parse(const char *name, enum outlog_stream *ret_stream, uint64_t *ret_offset)
{
	char again[SEGMENT_NAME_MAX];
	unsigned long long offset;
	size_t i, len;
	char *end;

	for (i = 0; i < OUTLOG_STREAMS; i++) {
		len = strlen(prefixes[i]);
		if (strncmp(name, prefixes[i], len) != 0)
			continue;
		errno = 0;
		offset = strtoull(name + len, &end, 10);
		*ret_stream = (enum outlog_stream)i;
		*ret_offset = offset;
		return errno == 0 && *end == '\0' && offset <= OUTLOG_OFFSET_MAX &&
		       strcmp(segment_name(*ret_stream, offset, again), name) == 0;
	}
	return false;
}
