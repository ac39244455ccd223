/* SPDX-License-Identifier: MIT */
#include "text/lines.h"

#include <string.h>

size_t
lines_count(const void *bytes, size_t len)
{
	const char *p = bytes, *newline;
	size_t n = 0, line;

	for (; len; p += line, len -= line) {
		newline = memchr(p, '\n', len);
		line = newline ? (size_t)(newline - p) + 1 : len;
		n++;
	}
	return n;
}

size_t
lines_last(const void *bytes, size_t len, size_t n, size_t *ret_lines)
{
	const char *p = bytes, *newline;
	size_t start = len, lines = 0;

	while (lines < n && start > 0) {
		/* The byte in front of `start` ends this line, or is its last: not a border. */
		newline = memrchr(p, '\n', start - 1);
		start = newline ? (size_t)(newline - p) + 1 : 0;
		lines++;
	}
	if (ret_lines)
		*ret_lines = lines;
	return start;
}
