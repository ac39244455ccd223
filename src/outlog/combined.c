/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "outlog/reader_impl.h"

/* Bytes of one stream that came together. */
struct part {
	enum outlog_stream stream;
	int64_t wall_ns;
	uint64_t from, to;             /* of the stream */
	uint64_t sum;                  /* combined offset of `from` */
	uint64_t ends[OUTLOG_STREAMS]; /* of both streams behind it */
};

static void
part_set(struct part *part, const struct index_entry *before, const struct index_entry *e)
{
	part->stream = e->end[OUTLOG_OUT] > before->end[OUTLOG_OUT] ? OUTLOG_OUT : OUTLOG_ERR;
	part->wall_ns = e->wall_ns;
	part->from = before->end[part->stream];
	part->to = e->end[part->stream];
	part->sum = index_sum(e) - (part->to - part->from);
	memcpy(part->ends, e->end, sizeof part->ends);
}

/* Behind the last entry, once the writer is gone: bytes whose entry was lost with it. */
static int
lost_part(struct outlog_reader *r, const struct index_goal *goal, struct index_entry e,
	  struct part *ret_part)
{
	struct outlog_extents extents;
	struct index_entry before;
	int i, rc;

	if (!r->final)
		return 0;
	rc = reader_extents(r, &extents);
	for (i = 0; i < OUTLOG_STREAMS && rc == 0; i++) {
		before = e;
		e.end[i] = MAX(e.end[i], extents.stream[i].stored);
		if (e.end[i] == before.end[i] || !index_reaches(&e, goal))
			continue;
		part_set(ret_part, &before, &e);
		return 1;
	}
	return rc;
}

/* The first part that reaches the goal. 1, 0: there is none, -errno. */
static int
find_part(struct outlog_reader *r, const struct index_goal *goal, struct part *ret_part)
{
	struct index_entry e, before, last;
	uint64_t count, number;
	int rc;

	rc = index_count(r, &count, &last);
	if (rc < 0)
		return rc;
	if (!index_find(r, goal, count, &number, &e))
		return lost_part(r, goal, last, ret_part);
	rc = index_before(r, number, &e, &before);
	if (rc < 0)
		return rc;
	part_set(ret_part, &before, &e);
	return 1;
}

/* Bytes of the part from *combined on, which moves over a gap inside of it. > 0: read; 0: all of it
 * is gone, and `ends` says up to where nothing is stored. */
static ssize_t
read_part(struct outlog_reader *r, struct part *part, uint64_t *combined, void *bytes, size_t max)
{
	uint64_t at = part->from + (*combined - part->sum);
	ssize_t n = 0;

	if (part->to > r->start[part->stream])
		n = reader_piece(r, part->stream, &at, bytes, (size_t)MIN(max, part->to - at));
	if (n < 0)
		return n;
	if (n == 0 || at >= part->to) {
		part->ends[part->stream] = MAX(at, part->to);
		return 0;
	}
	*combined = part->sum + (at - part->from);
	return (ssize_t)MIN((uint64_t)n, part->to - at);
}

/* Where to go on behind a part that is gone: not at the next entry, of which there may be a
 * million, but at the first one of which there can be bytes. The goal only moves forwards, so that
 * even an index full of lies comes to an end. */
static int
skip_gap(struct outlog_reader *r, const struct part *part, struct index_goal *goal)
{
	bool again = goal->sum == UINT64_MAX;
	struct outlog_extents extents;
	uint64_t passed;
	int i, rc = 0;

	if (part->to > r->start[part->stream]) /* not known to be gone: look again */
		rc = reader_extents(r, &extents);
	goal->sum = UINT64_MAX;
	for (i = 0; i < OUTLOG_STREAMS; i++) {
		passed = MAX(part->ends[i], r->start[i]);
		goal->end[i] = again ? MAX(goal->end[i], passed) : passed;
	}
	return rc;
}

static void
add_chunk(struct outlog_chunk *chunks, struct outlog_result *ret, const struct part *part,
	  size_t len)
{
	struct outlog_chunk *c;

	if (!chunks)
		return;
	c = ret->n_chunks ? &chunks[ret->n_chunks - 1] : NULL;
	if (c && c->stream == part->stream && c->wall_ns == part->wall_ns) {
		c->len += len;
		return;
	}
	chunks[ret->n_chunks++] = (struct outlog_chunk){ part->stream, part->wall_ns, len };
}

int
reader_combined(struct outlog_reader *r, uint64_t offset, void *bytes, size_t max,
		struct outlog_chunk *chunks, size_t max_chunks, struct outlog_result *ret)
{
	struct index_goal goal = { offset, { UINT64_MAX, UINT64_MAX } };
	unsigned char *p = bytes;
	uint64_t at = offset;
	struct part part;
	ssize_t n;
	int rc;

	memset(ret, 0, sizeof *ret);
	ret->offset = offset;
	while (ret->len < max && (!chunks || ret->n_chunks < max_chunks)) {
		rc = find_part(r, &goal, &part);
		if (rc <= 0)
			return rc;
		at = MAX(at, part.sum);
		n = read_part(r, &part, &at, p + ret->len, max - ret->len);
		if (n == -EAGAIN && ret->len)
			return 0; /* what there is will do */
		if (n < 0)
			return (int)n;
		if (ret->len && (n == 0 || at != ret->offset + ret->len))
			return 0; /* a gap: for the next call */
		if (n == 0) {
			rc = skip_gap(r, &part, &goal);
			if (rc < 0)
				return rc;
			continue;
		}
		if (ret->len == 0)
			ret->offset = at;
		add_chunk(chunks, ret, &part, (size_t)n);
		ret->len += (size_t)n;
		at += (uint64_t)n;
		goal = (struct index_goal){ at, { UINT64_MAX, UINT64_MAX } };
	}
	return 0;
}

int
reader_split(struct outlog_reader *r, uint64_t combined, uint64_t ret_offsets[OUTLOG_STREAMS])
{
	const struct index_goal goal = { combined, { UINT64_MAX, UINT64_MAX } };
	struct outlog_extents extents;
	struct index_entry last;
	struct part part;
	uint64_t count;
	int i, rc;

	rc = find_part(r, &goal, &part);
	if (rc < 0)
		return rc;
	if (rc == 0) { /* behind everything; bytes without an entry are in no order yet */
		rc = index_count(r, &count, &last);
		if (rc == 0 && r->final)
			rc = reader_extents(r, &extents);
		for (i = 0; i < OUTLOG_STREAMS && rc == 0; i++)
			ret_offsets[i] = r->final ? extents.stream[i].stored : last.end[i];
		return rc;
	}
	memcpy(ret_offsets, part.ends, sizeof part.ends);
	ret_offsets[part.stream] = part.from + (combined > part.sum ? combined - part.sum : 0);
	return 0;
}

int
outlog_split(struct outlog_reader *r, uint64_t combined, uint64_t ret_offsets[OUTLOG_STREAMS])
{
	reader_begin(r, false);
	return reader_end_indexed(r, reader_split(r, combined, ret_offsets));
}
