/* SPDX-License-Identifier: MIT */
/*
 * lines - bytes as they are read, cut into lines, in bounded memory.
 *
 * A line ends with LF; a CR before it is not part of it. A line beyond the limit is thrown away up
 * to its LF while it comes in, and then reported once. Nothing is copied: a line lies in the buffer
 * until the next call. Caller's storage; no thread of its own.
 */
#ifndef JOBWIRE_MCP_STDIO_LINES_H
#define JOBWIRE_MCP_STDIO_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"

#define LINES_CHUNK (64u << 10) /* bytes that one read may bring */

struct lines {
	struct buf buf;
	size_t max;       /* bytes of a line */
	size_t searched;  /* bytes of the buffer that hold no LF */
	size_t taken;     /* bytes of the line that was handed out last, with its LF */
	uint64_t dropped; /* bytes of an over-long line that are gone; 0: none is under way */
	bool has_ended;   /* the last line needs no LF */
};

enum lines_kind {
	LINES_NONE,     /* more bytes are needed, or the end has come */
	LINES_LINE,     /* *ret_line, *ret_len */
	LINES_TOO_LONG, /* *ret_len bytes were thrown away, the line's end included */
};

void lines_init(struct lines *l, size_t max);
void lines_fini(struct lines *l);

/* Room for LINES_CHUNK bytes, or NULL (no memory). Only after lines_next() said LINES_NONE. */
unsigned char *lines_room(struct lines *l);
/* `n` bytes were written there. */
void lines_add(struct lines *l, size_t n);
/* No more bytes will come. */
void lines_end(struct lines *l);

enum lines_kind lines_next(struct lines *l, const char **ret_line, size_t *ret_len);

#endif
