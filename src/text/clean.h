/* SPDX-License-Identifier: MIT */
/*
 * clean - what a job wrote for a terminal, as lines for a reader that is none (a model, a log).
 *
 * Way of the data: raw output in, in chunks cut at any byte -> clean -> bytes appended to a buf.
 * The result does not depend on the cuts. It is valid UTF-8 where the input is; json and
 * utf8_repair() come behind it. Linear. One stream per struct; locking is the caller's.
 *
 * What goes: escape sequences (ECMA-48: CSI, OSC, DCS, SOS, PM, APC and those of two or three
 * bytes) and every control character but \n and \t. \r\n is \n.
 *
 * A line that is written over comes out once, as it was last: \r (and CSI G, the same for column 1)
 * goes back to its beginning, \b one character back, and the next character takes away all that
 * stood from there on, also where the new text is shorter. \r or \b at the end of a line take
 * nothing away. CSI K erases from there on, CSI 2K the whole line. Other movements of the cursor,
 * such as up to an earlier line, are dropped and undo nothing.
 *
 * Bytes 0x80 to 0x9f that belong to no UTF-8 character: CSI (0x9b) is obeyed; DCS, SOS, OSC, PM and
 * APC only where the string is ended in the same line; a lone ST or any other stays, since text in
 * another character set is far more likely than a control.
 *
 * Limits: a line is held back until it ends, at most CLEAN_LINE_MAX bytes of it; then it goes out
 * as it is, and a \r behind that begins a new line. A string without an end is given up at the end
 * of its line or after CLEAN_STRING_MAX bytes, and what it swallowed until then is dropped.
 */
#ifndef JOBWIRE_TEXT_CLEAN_H
#define JOBWIRE_TEXT_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/macros.h"

#define CLEAN_LINE_MAX   ((size_t)64 * 1024)
#define CLEAN_STRING_MAX ((size_t)64 * 1024) /* holds a chunk of the image protocols */

enum clean_state {
	CLEAN_TEXT,
	CLEAN_ESCAPE,        /* behind ESC */
	CLEAN_ESCAPE_MORE,   /* behind ESC and 0x20..0x2f, such as ESC ( */
	CLEAN_CSI,           /* behind ESC [ */
	CLEAN_STRING,        /* behind ESC ] and its like */
	CLEAN_STRING_ESCAPE, /* the ESC in there that may begin its end */
	CLEAN_STATE_COUNT
};

struct clean {
	struct buf line;  /* what stands in the line so far */
	size_t at;        /* where the next character goes: the end, or before it after \r and \b */
	bool is_home;     /* after \r: in column 1, also of a line whose front has gone out */
	bool has_front;   /* more of this line has gone out already */
	size_t string_at; /* where an 8-bit string begins in the line, or CLEAN_NONE */

	enum clean_state state;
	size_t swallowed; /* bytes of the string */
	unsigned param;   /* CSI: its only number, or CLEAN_OTHER */

	unsigned char part[4]; /* the character that a chunk's end has split */
	size_t part_len;
};

void clean_init(struct clean *c);
/* Free. Safe on zeroed memory. */
void clean_fini(struct clean *c);

/* Take the next bytes and append what is certain to `out`. 0, -ENOMEM or -EMSGSIZE (the bound of
 * `out`); after a failure only clean_fini() may follow. */
int clean_feed(struct clean *c, const void *bytes, size_t len, struct buf *out) MUST_CHECK;

/* The stream has ended: append the last line, which has no \n. An unfinished sequence is dropped.
 * Ready for another stream then. As clean_feed(). */
int clean_end(struct clean *c, struct buf *out) MUST_CHECK;

#endif
