/* SPDX-License-Identifier: MIT */
/*
 * scan - JSON text from outside, held against RFC 8259 letter by letter, and pieces of it as they
 * were written.
 *
 * cJSON takes more than JSON (01, raw line feeds in strings, text behind the end), cuts strings at
 * \u0000 and keeps numbers as doubles. So every message passes scan_check() before cJSON sees it,
 * and what must go back unchanged (ids, progress tokens) is taken from the text itself.
 *
 * Pure functions, thread-safe. Limits: depth, number of values, length of one number; UTF-8 is the
 * caller's to check (base/utf8.h). All but scan_check() want text that passed it.
 */
#ifndef JOBWIRE_MCP_SCAN_H
#define JOBWIRE_MCP_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

#define SCAN_DEPTH_MAX    128
#define SCAN_VALUES_MAX   200000 /* a tree of them takes some 15 MB */
#define SCAN_NUMBER_MAX   60     /* characters; cJSON reads no more than 63 */
#define SCAN_NUMBER_SHORT 15     /* a whole number of so many characters is exact as a double */

/* A piece of text, borrowed. */
struct scan_span {
	const char *p;
	size_t len;
};

struct scan_report {
	bool needs_rewrite;   /* \u0000 or half of a surrogate pair occurs */
	bool has_long_number; /* a number beyond SCAN_NUMBER_SHORT occurs */
	const char *why;      /* on failure: what is wrong, and at which byte */
	size_t at;
};

/* Is it one JSON value with nothing but white space around it? 0, -EBADMSG where it is not JSON,
 * -E2BIG where a limit of ours is passed. *ret_report is written in every case. */
int scan_check(const char *text, size_t len, struct scan_report *ret_report) MUST_CHECK;

/* Copy to `out` (at least `len` bytes) in a form that cJSON reads whole: \u0000 becomes the two
 * bytes SCAN_NUL, which no valid UTF-8 holds, half of a surrogate pair becomes U+FFFD. Returns the
 * new length, never more than `len`. */
#define SCAN_NUL "\xc0\x80"
size_t scan_rewrite(const char *text, size_t len, char *out);

/* The value of the object's first member of that name (plain ASCII), as it is written. */
bool scan_member(struct scan_span object, const char *name, struct scan_span *ret_value);

/* The array's elements, one after the other: `it` starts zeroed. False at the end. */
bool scan_element(struct scan_span array, struct scan_span *it);

/* The next number at or behind *at; *at moves behind it. False where there is none. */
bool scan_number(const char **at, const char *end, struct scan_span *ret_number);

/* Does the string, quotes included, hold half of a surrogate pair? */
bool scan_has_lone_surrogate(struct scan_span string);

#endif
