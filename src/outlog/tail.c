/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "outlog/reader_impl.h"

#define FIRST_LOOK ((size_t)16 * 1024)

/* Where the view ends now. */
static int
view_end(struct outlog_reader *r, enum outlog_view view, bool nowait, uint64_t *ret_end)
{
	uint64_t ends[OUTLOG_STREAMS] = { 0 };
	struct outlog_extents e;
	int rc;

	reader_begin(r, nowait);
	if (view == OUTLOG_VIEW_COMBINED) {
		rc = reader_split(r, UINT64_MAX, ends);
		*ret_end = ends[OUTLOG_OUT] + ends[OUTLOG_ERR];
		return reader_end_indexed(r, rc);
	}
	rc = reader_extents(r, &e);
	*ret_end = e.stream[view].stored;
	return reader_end(r, rc);
}

/* Where the last `lines` lines of the bytes begin, and how many there are; *ret_found: all of them.
 */
static size_t
last_lines(const unsigned char *p, size_t len, size_t lines, size_t *ret_lines, bool *ret_found)
{
	size_t at = len, seen = 0;
	const unsigned char *newline;

	*ret_found = false;
	*ret_lines = 0;
	if (len == 0)
		return 0;
	/* A newline at the very end ends the last line; it begins none. */
	at = p[len - 1] == '\n' ? len - 1 : len;
	for (seen = 1;; seen++) {
		newline = at ? memrchr(p, '\n', at) : NULL;
		if (!newline)
			break;
		if (seen == lines) {
			*ret_found = true;
			*ret_lines = seen;
			return (size_t)(newline - p) + 1;
		}
		at = (size_t)(newline - p);
	}
	*ret_lines = seen;
	return 0;
}

/* Leave out the first `cut` bytes of what was read. */
static void
cut_front(unsigned char *bytes, struct outlog_result *ret, struct outlog_chunk *chunks, size_t cut)
{
	size_t i, n, left = cut;

	for (i = 0; i < ret->n_chunks && left >= chunks[i].len; i++)
		left -= chunks[i].len;
	n = ret->n_chunks - i;
	if (i)
		memmove(chunks, chunks + i, n * sizeof *chunks);
	if (n)
		chunks[0].len -= left;
	ret->n_chunks = n;
	ret->len -= cut;
	ret->offset += cut;
	memmove(bytes, bytes + cut, ret->len);
}

/* Read from `from` on up to the end, in as many calls as gaps and chunks demand; what lies before
 * the last gap is given up. */
static int
read_to_end(struct outlog_reader *r, enum outlog_view view, uint64_t from, unsigned char *bytes,
	    size_t max, bool nowait, struct outlog_chunk *chunks, size_t max_chunks,
	    struct outlog_result *ret)
{
	struct outlog_result more;
	struct outlog_chunk *rest;
	int rc;

	rc = outlog_read(r, view, from, bytes, max, nowait, chunks, max_chunks, ret);
	while (rc == 0 && ret->len) {
		rest = chunks ? chunks + ret->n_chunks : NULL;
		rc = outlog_read(r, view, ret->offset + ret->len, bytes + ret->len, max - ret->len,
				 nowait, rest, max_chunks - ret->n_chunks, &more);
		if (rc < 0 || more.len == 0)
			break;
		if (more.offset != ret->offset + ret->len) {
			memmove(bytes, bytes + ret->len, more.len);
			if (chunks)
				memmove(chunks, rest, more.n_chunks * sizeof *chunks);
			*ret = more;
			continue;
		}
		ret->len += more.len;
		ret->n_chunks += more.n_chunks;
	}
	return rc;
}

/* Does a line begin at `offset`? Where that cannot be read, it does not. */
static bool
begins_line(struct outlog_reader *r, enum outlog_view view, uint64_t offset, bool nowait)
{
	struct outlog_result before;
	char c;

	return outlog_read(r, view, offset - 1, &c, 1, nowait, NULL, 0, &before) == 0 &&
	       before.len == 1 && before.offset == offset - 1 && c == '\n';
}

int
outlog_tail(struct outlog_reader *r, enum outlog_view view, size_t lines, void *bytes, size_t max,
	    bool nowait, struct outlog_chunk *chunks, size_t max_chunks, struct outlog_result *ret,
	    size_t *ret_lines, bool *ret_cut)
{
	uint64_t end, from;
	size_t look, begin;
	bool found, whole;
	int rc;

	*ret_cut = false;
	*ret_lines = 0;
	rc = view_end(r, view, nowait, &end);
	if (rc < 0)
		return rc;
	for (look = lines ? MIN(FIRST_LOOK, max) : max;; look = MIN(look * 4, max)) {
		from = end > look ? end - look : 0;
		rc = read_to_end(r, view, from, bytes, look, nowait, chunks, max_chunks, ret);
		if (rc < 0)
			return rc;
		if (chunks && ret->n_chunks == max_chunks && look > 1 &&
		    ret->offset + ret->len < end) {
			/* Too many pieces to reach the end from there: begin later. */
			look = max = look / 2;
			continue;
		}
		begin = last_lines(bytes, ret->len, lines, ret_lines, &found);
		/* Nothing is stored right before it? */
		whole = from == 0 || ret->offset > from || (look && ret->len == 0);
		if (found || whole || look == max)
			break;
	}
	if (!found && !whole)
		*ret_cut = !lines || *ret_lines < lines || !begins_line(r, view, from, nowait);
	if (begin)
		cut_front(bytes, ret, chunks, begin);
	return 0;
}
