/* SPDX-License-Identifier: MIT */
/*
 * model - what an output log must hold, as told by what was appended to it.
 *
 * The model keeps no bytes: each byte is a function of its stream and offset. It keeps the runs, in
 * the order in which they were taken, and believes the writer only in where each stream starts.
 * model_append() appends to log and model; model_check() reads anywhere and compares all there is.
 */
#ifndef JOBWIRE_TEST_OUTLOG_MODEL_H
#define JOBWIRE_TEST_OUTLOG_MODEL_H

#include "temp.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "outlog/format.h"
#include "outlog/outlog.h"
#include "outlog/reader.h"

#define MODEL_MERGE_NS (10 * NS_PER_MS)
#define MODEL_READ_MAX ((size_t)1 << 20)
#define MODEL_CHUNKS   4096

struct run {
	enum outlog_stream stream;
	int64_t wall_ns;
	uint64_t from, len; /* of the stream */
	uint64_t sum;       /* combined offset of `from` */
};

struct model {
	struct run *runs;
	size_t n_runs, cap;
	uint64_t start[OUTLOG_STREAMS]; /* as the writer says */
	uint64_t stored[OUTLOG_STREAMS];
	uint64_t end[OUTLOG_STREAMS]; /* with what was discarded */
	uint64_t sum;
};

/* Some 40 bytes a line. */
static inline unsigned char
model_byte(enum outlog_stream stream, uint64_t offset)
{
	uint64_t h = (offset + 1) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)stream * 77;

	h ^= h >> 29;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 32;
	return h % 40 == 0 ? '\n' : (unsigned char)(' ' + h % 95);
}

static inline void
model_bytes(enum outlog_stream stream, uint64_t offset, unsigned char *out, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = model_byte(stream, offset + i);
}

static inline uint32_t
model_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline void
model_fini(struct model *m)
{
	free(m->runs);
	memset(m, 0, sizeof *m);
}

static inline void
model_note(struct model *m, enum outlog_stream stream, int64_t wall_ns, uint64_t len)
{
	struct run *r;

	if (len == 0)
		return;
	if (m->n_runs == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 64;
		m->runs = realloc(m->runs, m->cap * sizeof *m->runs);
		assert_non_null(m->runs);
	}
	r = &m->runs[m->n_runs++];
	*r = (struct run){ stream, wall_ns, m->stored[stream], len, m->sum };
	m->stored[stream] += len;
	m->sum += len;
}

/* Append once, the next bytes of the stream. What outlog_append() returned; *ret_taken as it does.
 * What it says of itself must add up. */
static inline int
model_append(struct model *m, struct outlog *log, enum outlog_stream stream, int64_t wall_ns,
	     size_t len, size_t *ret_taken)
{
	unsigned char *bytes = malloc(len ? len : 1);
	struct outlog_extent e;
	size_t taken = SIZE_MAX;
	uint64_t stored;
	int rc, i;

	assert_non_null(bytes);
	model_bytes(stream, m->end[stream], bytes, len);
	rc = outlog_append(log, stream, wall_ns, bytes, len, &taken);
	free(bytes);
	assert_true(taken <= len);
	assert_true((rc == 0) == (taken == len) || (len == 0 && rc == 0));
	e = outlog_extent(log, stream);
	stored = e.stored - m->stored[stream];
	assert_true(stored <= taken);
	/* Behind a discarded byte nothing is stored any more. */
	assert_true(stored == 0 || m->stored[stream] == m->end[stream]);
	m->end[stream] += taken;
	assert_true(e.end == m->end[stream]);
	model_note(m, stream, wall_ns, stored);
	for (i = 0; i < OUTLOG_STREAMS; i++) {
		e = outlog_extent(log, (enum outlog_stream)i);
		assert_true(e.start >= m->start[i] && e.start <= e.stored);
		assert_true(e.stored == m->stored[i] && e.end == m->end[i]);
		m->start[i] = e.start;
	}
	*ret_taken = taken;
	return rc;
}

/* The run that holds the combined offset, or n_runs. */
static inline size_t
model_run_at(const struct model *m, uint64_t combined)
{
	size_t low = 0, high = m->n_runs, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (m->runs[middle].sum + m->runs[middle].len <= combined)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where a read at `offset` of the combined view must begin, and how many bytes follow one another
 * from there, at most `max`. */
static inline uint64_t
model_combined(const struct model *m, uint64_t offset, uint64_t max, uint64_t *ret_len)
{
	size_t i = model_run_at(m, offset);
	uint64_t at = offset, gone, len = 0;

	for (; i < m->n_runs && len < max; i++) {
		const struct run *r = &m->runs[i];
		uint64_t skip = at > r->sum ? at - r->sum : 0;

		/* Of this run, what lies before the stream's start is gone. */
		gone = m->start[r->stream] > r->from ? m->start[r->stream] - r->from : 0;
		gone = MIN(gone, r->len);
		if (gone > skip) {
			if (len)
				break;
			skip = gone;
		}
		at = r->sum + skip;
		if (skip == r->len)
			continue;
		if (len == 0)
			offset = at;
		len += MIN(r->len - skip, max - len);
		at = r->sum + r->len;
	}
	*ret_len = len;
	return offset;
}

/* The same for any view. */
static inline uint64_t
model_expect(const struct model *m, enum outlog_view view, uint64_t offset, uint64_t max,
	     uint64_t *ret_len)
{
	if (view == OUTLOG_VIEW_COMBINED)
		return model_combined(m, offset, max, ret_len);
	offset = MAX(offset, m->start[view]);
	*ret_len = offset < m->stored[view] ? MIN(max, m->stored[view] - offset) : 0;
	return offset;
}

/* Which run holds byte `offset` of a single stream. Linear in what it must walk: *hint helps. */
static inline const struct run *
model_run_of(const struct model *m, enum outlog_stream stream, uint64_t offset, size_t *hint)
{
	size_t i;

	for (i = *hint; i < m->n_runs; i++)
		if (m->runs[i].stream == stream && offset - m->runs[i].from < m->runs[i].len) {
			*hint = i;
			return &m->runs[i];
		}
	fail_msg("no run of stream %d holds %llu", (int)stream, (unsigned long long)offset);
	return NULL;
}

/* Bytes that were read at a view's offset are those that were written. */
static inline void
model_check_bytes(const struct model *m, enum outlog_view view, uint64_t offset,
		  const unsigned char *bytes, size_t len)
{
	size_t i = view == OUTLOG_VIEW_COMBINED ? model_run_at(m, offset) : 0, k;
	enum outlog_stream stream = (enum outlog_stream)view;
	uint64_t at = offset;

	for (k = 0; k < len; k++, offset++) {
		if (view == OUTLOG_VIEW_COMBINED) {
			if (offset - m->runs[i].sum >= m->runs[i].len)
				i++;
			stream = m->runs[i].stream;
			at = m->runs[i].from + (offset - m->runs[i].sum);
		} else {
			at = offset;
		}
		if (bytes[k] != model_byte(stream, at))
			fail_msg("view %d, offset %llu: wrong byte", (int)view,
				 (unsigned long long)offset);
	}
}

/* Every chunk is of one stream, of the right one, and as old as its bytes. */
static inline void
model_check_chunks(const struct model *m, enum outlog_view view, const struct outlog_result *res,
		   const struct outlog_chunk *chunks, size_t max_chunks)
{
	uint64_t at = res->offset;
	size_t i, k, run = 0;

	assert_true(res->n_chunks <= max_chunks);
	for (i = 0; i < res->n_chunks; i++) {
		assert_true(chunks[i].len > 0);
		for (k = 0; k < chunks[i].len;) {
			const struct run *r;
			uint64_t left;

			if (view == OUTLOG_VIEW_COMBINED) {
				r = &m->runs[model_run_at(m, at)];
				left = r->sum + r->len - at;
			} else {
				r = model_run_of(m, (enum outlog_stream)view, at, &run);
				left = r->from + r->len - at;
			}
			assert_int_equal(chunks[i].stream, r->stream);
			if (chunks[i].wall_ns || r->from >= m->start[r->stream]) {
				assert_true(r->wall_ns >= chunks[i].wall_ns);
				assert_true(r->wall_ns - chunks[i].wall_ns < MODEL_MERGE_NS);
			} /* else it was dropped, and its time with it */
			left = MIN(left, chunks[i].len - k);
			at += left;
			k += (size_t)left;
		}
	}
	assert_true(at == res->offset + res->len);
}

enum freshness {
	MODEL_FRESH, /* the reader was made after the last drop: exact gaps */
	MODEL_OPEN,  /* it may still have a segment open that was dropped: bytes instead of a gap */
};

/* Did the read bring what it must? */
static inline bool
model_fits(const struct outlog_result *res, uint64_t offset, uint64_t want, uint64_t len,
	   bool whole, enum freshness freshness)
{
	if (freshness == MODEL_OPEN) {
		if (len && (res->len == 0 || res->offset > want))
			return false;
		if (res->len && res->offset < offset)
			return false;
		return !whole || res->offset != want || res->len >= len;
	}
	if (res->len && res->offset != want)
		return false;
	return whole ? res->len == len : res->len > 0 && res->len <= len;
}

/* Read at `offset` of a view and compare with what the model expects: bytes, gap, chunks. */
static inline void
model_check(const struct model *m, struct outlog_reader *r, enum freshness freshness,
	    enum outlog_view view, uint64_t offset, size_t max, size_t max_chunks)
{
	static unsigned char bytes[MODEL_READ_MAX];
	static struct outlog_chunk chunks[MODEL_CHUNKS];
	struct outlog_result res;
	uint64_t want, len;
	bool whole;

	assert_true(max <= sizeof bytes && max_chunks <= MODEL_CHUNKS);
	assert_int_equal(outlog_read(r, view, offset, bytes, max, false, max_chunks ? chunks : NULL,
				     max_chunks, &res),
			 0);
	assert_true(res.len <= max);
	want = model_expect(m, view, offset, max, &len);
	whole = max_chunks == 0 || res.n_chunks < max_chunks; /* not cut short for want of chunks */
	if (!model_fits(&res, offset, want, len, whole, freshness))
		fail_msg("view %d at %llu, %zu bytes, %zu chunks: %zu at %llu, not %llu at %llu",
			 (int)view, (unsigned long long)offset, max, max_chunks, res.len,
			 (unsigned long long)res.offset, (unsigned long long)len,
			 (unsigned long long)want);
	model_check_bytes(m, view, res.offset, bytes, res.len);
	if (max_chunks)
		model_check_chunks(m, view, &res, chunks, max_chunks);
	else
		assert_int_equal(res.n_chunks, 0);
}

/* Where the streams stood when the combined stream had `combined` bytes. */
static inline void
model_split(const struct model *m, uint64_t combined, uint64_t ret[OUTLOG_STREAMS])
{
	size_t i;

	ret[OUTLOG_OUT] = ret[OUTLOG_ERR] = 0;
	for (i = 0; i < m->n_runs && m->runs[i].sum < combined; i++)
		ret[m->runs[i].stream] =
			m->runs[i].from + MIN(m->runs[i].len, combined - m->runs[i].sum);
}

#endif
