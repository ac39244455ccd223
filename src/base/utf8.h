/* SPDX-License-Identifier: MIT */
/*
 * utf8 - bytes to characters at the edge (RFC 3629; Unicode 15 section 3.9, "maximal subparts").
 *
 * What a job wrote is bytes. Where text is owed, each maximal invalid piece becomes one U+FFFD, as
 * browsers and Python do. Pure functions, thread-safe.
 */
#ifndef JOBWIRE_BASE_UTF8_H
#define JOBWIRE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct buf;

enum utf8_kind {
	UTF8_CHAR,       /* a character */
	UTF8_INVALID,    /* a piece that no continuation could mend */
	UTF8_INCOMPLETE, /* the bytes end inside a character that could still become valid */
};

/* Look at the first piece of the `len` > 0 bytes at `p`: a character, or a maximal piece that is
 * none. *ret_len is its length, 1 to 4. */
enum utf8_kind utf8_next(const unsigned char *p, size_t len, size_t *ret_len);

/* The same from the other end: look at the last piece of the `len` > 0 bytes at `p`. Steps back
 * with utf8_prev() stop where steps forward with utf8_next() from the front do. */
enum utf8_kind utf8_prev(const unsigned char *p, size_t len, size_t *ret_len);

/* Length of the valid run at the front. *ret_bad is the length of the piece behind it that is no
 * character, 0 where there is none. Fast on ASCII. */
size_t utf8_run(const unsigned char *p, size_t len, size_t *ret_bad);

/* Is all of it valid? */
bool utf8_is_valid(const void *bytes, size_t len);

/* How many bytes at the end belong to a character that is not complete yet: 0 to 3. A reader of
 * chunks carries them over to the next one. */
size_t utf8_unfinished(const unsigned char *p, size_t len);

/* Append with repair; an incomplete end is repaired too. 0 or as buf_add(). */
int utf8_repair(struct buf *out, const void *bytes, size_t len) MUST_CHECK;

#endif
