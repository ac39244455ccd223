/* SPDX-License-Identifier: MIT */
#include "mcp_stdio/lines.h"

#include <string.h>

#define KEEP (256u << 10) /* memory beyond it is given back when the buffer is empty */

void
lines_init(struct lines *l, size_t max)
{
	memset(l, 0, sizeof *l);
	l->max = max;
	/* A line and its end that are one byte too long, and what one more read brings. */
	buf_init(&l->buf, max + 2 + LINES_CHUNK);
}

void
lines_fini(struct lines *l)
{
	buf_fini(&l->buf);
}

unsigned char *
lines_room(struct lines *l)
{
	if (!l->buf.len && l->buf.cap > KEEP)
		buf_fini(&l->buf);
	return buf_reserve(&l->buf, LINES_CHUNK) < 0 ? NULL : buf_tail(&l->buf);
}

void
lines_add(struct lines *l, size_t n)
{
	buf_commit(&l->buf, n);
}

void
lines_end(struct lines *l)
{
	l->has_ended = true;
}

/* Let go of what was handed out last. */
static void
let_go(struct lines *l)
{
	buf_consume(&l->buf, l->taken);
	l->taken = 0;
}

/* The length of the line at the front, and that of what ends it; false where no end is there. */
static bool
find_end(struct lines *l, size_t *ret_len, size_t *ret_end)
{
	const unsigned char *head = buf_head(&l->buf), *lf = NULL;

	if (l->buf.len > l->searched)
		lf = memchr(head + l->searched, '\n', l->buf.len - l->searched);
	l->searched = lf ? 0 : l->buf.len;
	*ret_end = lf ? 1 : 0;
	if (!lf && !(l->has_ended && l->buf.len))
		return false;
	*ret_len = lf ? (size_t)(lf - head) : l->buf.len;
	if (*ret_len && head[*ret_len - 1] == '\r') {
		--*ret_len;
		++*ret_end;
	}
	return true;
}

enum lines_kind
lines_next(struct lines *l, const char **ret_line, size_t *ret_len)
{
	size_t len = 0, end = 0;
	bool is_whole;

	let_go(l);
	is_whole = find_end(l, &len, &end);
	if (is_whole && !l->dropped && len <= l->max) {
		l->taken = len + end;
		l->searched = 0;
		*ret_line = (const char *)buf_head(&l->buf);
		*ret_len = len;
		return LINES_LINE;
	}
	if (is_whole || (l->has_ended && l->dropped)) {
		*ret_len = l->dropped + len + end;
		l->dropped = 0;
		l->searched = 0;
		l->taken = len + end;
		return LINES_TOO_LONG;
	}
	/* A CR at the very end may still belong to what ends the line. */
	if (l->dropped || l->buf.len > l->max + 1) {
		l->dropped += l->buf.len;
		l->searched = 0;
		buf_clear(&l->buf);
	}
	return LINES_NONE;
}
