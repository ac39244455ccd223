/* SPDX-License-Identifier: MIT */
#include "text/excerpt.h"

#include "base/utf8.h"
#include "text/json.h"

/* The first piece of the bytes: its length, and what it costs. */
static size_t
next_piece(const unsigned char *p, size_t len, size_t *ret_chars)
{
	size_t n;

	if (*p < 0x80) {
		*ret_chars = json_ascii_len(*p);
		return 1;
	}
	(void)utf8_next(p, len, &n);
	*ret_chars = 1;
	return n;
}

/* The last piece. */
static size_t
prev_piece(const unsigned char *p, size_t len, size_t *ret_chars)
{
	size_t n;

	if (p[len - 1] < 0x80) {
		*ret_chars = json_ascii_len(p[len - 1]);
		return 1;
	}
	(void)utf8_prev(p, len, &n);
	*ret_chars = 1;
	return n;
}

size_t
excerpt_chars(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t i, chars, total = 0;

	for (i = 0; i < len; total += chars)
		i += next_piece(p + i, len - i, &chars);
	return total;
}

size_t
excerpt_head(const void *bytes, size_t len, size_t budget)
{
	const unsigned char *p = bytes;
	size_t end = 0, border = 0, used = 0, n, chars;

	while (end < len) {
		n = next_piece(p + end, len - end, &chars);
		if (chars > budget - used)
			return border ? border : end;
		end += n;
		used += chars;
		if (p[end - 1] == '\n' && used >= budget - budget / 4)
			border = end;
	}
	return len;
}

size_t
excerpt_tail(const void *bytes, size_t len, size_t budget)
{
	const unsigned char *p = bytes;
	size_t start = len, border = len, used = 0, n, chars;

	while (start > 0) {
		n = prev_piece(p, start, &chars);
		if (chars > budget - used)
			return len - (border < len ? border : start);
		start -= n;
		used += chars;
		if (start > 0 && p[start - 1] == '\n' && used >= budget - budget / 4)
			border = start;
	}
	return len;
}
