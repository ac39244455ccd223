/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sys.h"
#include "outlog/reader_impl.h"

/* How many entries the index has; opens it at the first call. -errno. */
static int
count_entries(struct outlog_reader *r, uint64_t *ret_count)
{
	struct stat st;

	*ret_count = 0;
	if (r->indexfd < 0)
		r->indexfd = sys_openat(r->dirfd, INDEX_FILE, O_RDONLY, 0);
	if (r->indexfd < 0)
		return errno == ENOENT ? 0 : -errno; /* nothing was written yet */
	if (fstat(r->indexfd, &st) < 0)
		return -errno;
	if (st.st_size > INDEX_HEADER_LEN)
		*ret_count = (uint64_t)(st.st_size - INDEX_HEADER_LEN) / INDEX_ENTRY_LEN;
	return 0;
}

/* The last entry is rewritten in place while it grows: a read in the middle of that sees neither
 * form, and the next one sees the new one. */
static bool
read_entry(const struct outlog_reader *r, uint64_t number, struct index_entry *ret_entry)
{
	unsigned char bytes[INDEX_ENTRY_LEN];
	int tries;

	for (tries = 0; tries < 3; tries++)
		if (pread(r->indexfd, bytes, sizeof bytes,
			  (off_t)(INDEX_HEADER_LEN + number * INDEX_ENTRY_LEN)) ==
			    (ssize_t)sizeof bytes &&
		    index_decode(bytes, ret_entry))
			return true;
	return false;
}

static uint64_t
sum_of(const struct index_entry *e)
{
	return e->end[OUTLOG_OUT] + e->end[OUTLOG_ERR];
}

/* What a search in the index looks for: the first entry that reaches beyond `offset` of a view. */
static uint64_t
reach(const struct index_entry *e, enum outlog_view view)
{
	return view == OUTLOG_VIEW_COMBINED ? sum_of(e) : e->end[view];
}

/* Entries that cannot be read lie in the hole at the front. */
static uint64_t
find_entry(const struct outlog_reader *r, enum outlog_view view, uint64_t offset, uint64_t count)
{
	uint64_t low = 0, high = count, middle;
	struct index_entry e;

	/* Most reads go on where the last one ended. */
	if (r->hint < count && read_entry(r, r->hint, &e)) {
		if (reach(&e, view) <= offset)
			low = r->hint + 1;
		else if (r->hint == 0 ||
			 (read_entry(r, r->hint - 1, &e) && reach(&e, view) <= offset))
			return r->hint;
		else
			high = r->hint + 1;
		if (low < count && low == r->hint + 1 && read_entry(r, low, &e) &&
		    reach(&e, view) > offset)
			return low;
	}
	while (low < high) {
		middle = low + (high - low) / 2;
		if (!read_entry(r, middle, &e) || reach(&e, view) <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How far each stream reached before entry `number`. Before the first entry that can be read, that
 * is where the stored bytes begin. */
static int
ends_before(struct outlog_reader *r, uint64_t number, const struct index_entry *e,
	    struct index_entry *ret_before)
{
	struct outlog_extents extents;
	int i, rc;

	memset(ret_before, 0, sizeof *ret_before);
	if (number == 0 || read_entry(r, number - 1, ret_before))
		return 0;
	rc = outlog_reader_extents(r, &extents);
	for (i = 0; i < OUTLOG_STREAMS; i++)
		ret_before->end[i] = MIN(extents.stream[i].start, e->end[i]);
	return rc;
}

/* Behind the last entry, once the writer is gone: bytes whose entry was lost with it. */
static int
lost_entry(struct outlog_reader *r, uint64_t count, uint64_t combined, struct reader_entry *ret)
{
	struct index_entry last = { 0 };
	struct outlog_extents extents;
	uint64_t stored, from;
	int i, rc;

	if (!r->final)
		return 0;
	if (count)
		(void)read_entry(r, count - 1, &last);
	rc = outlog_reader_extents(r, &extents);
	from = sum_of(&last);
	for (i = 0; i < OUTLOG_STREAMS && rc == 0; i++) {
		stored = MAX(extents.stream[i].stored, last.end[i]);
		if (combined < from + (stored - last.end[i])) {
			ret->stream = (enum outlog_stream)i;
			ret->wall_ns = last.wall_ns;
			ret->from = last.end[i];
			ret->to = stored;
			ret->sum_from = from;
			return 1;
		}
		from += stored - last.end[i];
	}
	return rc;
}

int
reader_entry_at(struct outlog_reader *r, uint64_t combined, struct reader_entry *ret_entry)
{
	struct index_entry e, before;
	uint64_t count, number;
	int rc;

	rc = count_entries(r, &count);
	if (rc < 0)
		return rc;
	number = count ? find_entry(r, OUTLOG_VIEW_COMBINED, combined, count) : 0;
	if (number >= count || !read_entry(r, number, &e))
		return lost_entry(r, count, combined, ret_entry);
	rc = ends_before(r, number, &e, &before);
	if (rc < 0)
		return rc;
	r->hint = number;
	ret_entry->stream = e.end[OUTLOG_OUT] > before.end[OUTLOG_OUT] ? OUTLOG_OUT : OUTLOG_ERR;
	ret_entry->wall_ns = e.wall_ns;
	ret_entry->from = before.end[ret_entry->stream];
	ret_entry->to = e.end[ret_entry->stream];
	ret_entry->sum_from = sum_of(&e) - (ret_entry->to - ret_entry->from);
	return 1;
}

int64_t
reader_time_of(struct outlog_reader *r, enum outlog_stream stream, uint64_t offset,
	       uint64_t *ret_until)
{
	struct index_entry e;
	uint64_t count, number;

	*ret_until = UINT64_MAX;
	if (count_entries(r, &count) < 0 || count == 0)
		return 0;
	number = find_entry(r, (enum outlog_view)stream, offset, count);
	if (number >= count || !read_entry(r, number, &e))
		return 0;
	r->hint = number;
	*ret_until = e.end[stream];
	return e.wall_ns;
}

/* The bytes of one entry from *combined on. > 0: read; 0: all of it is gone. */
static ssize_t
read_part(struct outlog_reader *r, const struct reader_entry *entry, uint64_t *combined,
	  void *bytes, size_t max, bool nowait)
{
	uint64_t skip = *combined > entry->sum_from ? *combined - entry->sum_from : 0;
	uint64_t at = entry->from + skip;
	ssize_t n;

	n = reader_piece(r, entry->stream, &at, bytes, (size_t)MIN(max, entry->to - at), nowait);
	if (n <= 0 || at >= entry->to) {
		*combined = entry->sum_from + (entry->to - entry->from);
		return n < 0 ? n : 0;
	}
	*combined = entry->sum_from + (at - entry->from);
	return (ssize_t)MIN((uint64_t)n, entry->to - at);
}

static void
add_chunk(struct outlog_chunk *chunks, struct outlog_result *ret, const struct reader_entry *entry,
	  size_t len)
{
	struct outlog_chunk *c;

	if (!chunks)
		return;
	c = ret->n_chunks ? &chunks[ret->n_chunks - 1] : NULL;
	if (c && c->stream == entry->stream && c->wall_ns == entry->wall_ns) {
		c->len += len;
		return;
	}
	chunks[ret->n_chunks++] = (struct outlog_chunk){ entry->stream, entry->wall_ns, len };
}

int
reader_combined(struct outlog_reader *r, uint64_t offset, void *bytes, size_t max, bool nowait,
		struct outlog_chunk *chunks, size_t max_chunks, struct outlog_result *ret)
{
	unsigned char *p = bytes;
	struct reader_entry entry;
	uint64_t at = offset;
	ssize_t n;
	int rc;

	memset(ret, 0, sizeof *ret);
	ret->offset = offset;
	while (ret->len < max && (!chunks || ret->n_chunks < max_chunks)) {
		rc = reader_entry_at(r, at, &entry);
		if (rc <= 0)
			return rc;
		at = MAX(at, entry.sum_from);
		n = read_part(r, &entry, &at, p + ret->len, max - ret->len, nowait);
		if (n == -EAGAIN && ret->len)
			return 0; /* what there is will do */
		if (n < 0)
			return (int)n;
		if (ret->len && at != ret->offset + ret->len)
			return 0; /* a gap: for the next call */
		if (n == 0)
			continue;
		if (ret->len == 0)
			ret->offset = at;
		add_chunk(chunks, ret, &entry, (size_t)n);
		ret->len += (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

int
outlog_split(struct outlog_reader *r, uint64_t combined, uint64_t ret_offsets[OUTLOG_STREAMS])
{
	enum outlog_stream other;
	struct outlog_extents extents;
	struct reader_entry entry;
	uint64_t skip;
	int i, rc;

	rc = reader_entry_at(r, combined, &entry);
	if (rc < 0)
		return rc;
	if (rc == 0) { /* behind everything */
		rc = outlog_reader_extents(r, &extents);
		for (i = 0; i < OUTLOG_STREAMS; i++)
			ret_offsets[i] = extents.stream[i].stored;
		return rc;
	}
	skip = combined > entry.sum_from ? combined - entry.sum_from : 0;
	other = entry.stream == OUTLOG_OUT ? OUTLOG_ERR : OUTLOG_OUT;
	ret_offsets[entry.stream] = entry.from + skip;
	ret_offsets[other] = entry.sum_from - entry.from;
	return 0;
}
