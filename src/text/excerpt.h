/* SPDX-License-Identifier: MIT */
/*
 * excerpt - how much of an output fits into an answer, and which part: its head and its tail.
 *
 * A budget counts characters as the reader of the JSON text sees them: after escaping and UTF-8
 * repair (json.h), so that \n is 2, \u0001 is 6, and every other character and each U+FFFD is 1.
 * The answers are bytes of the input, so what is left out is known exactly and its cursor too.
 * A character is never split. Where a line ends (head) or begins (tail) within the last quarter of
 * the budget, the cut is made there. Pure functions, thread-safe, linear.
 */
#ifndef JOBWIRE_TEXT_EXCERPT_H
#define JOBWIRE_TEXT_EXCERPT_H

#include <stddef.h>
#include <stdint.h>

/* No character is longer than this: a block of so many bytes for each character of a budget is
 * never too small to be cut, and its ragged far end is never part of the cut. */
#define EXCERPT_BYTES_PER_CHAR 4

enum excerpt_fit {
	EXCERPT_CUT,   /* cannot fit, whatever it is */
	EXCERPT_WHOLE, /* fits, whatever it is */
	EXCERPT_COUNT, /* depends: read it all, excerpt_of() tells */
};

/* The plan before anything is read: the shares of the budget, in characters. */
struct excerpt_plan {
	size_t head; /* 20 % */
	size_t tail; /* the rest */
	enum excerpt_fit fit;
};

struct excerpt_plan excerpt_plan(uint64_t total_bytes, size_t budget);

/* What to show of bytes that are all here: `head` bytes from the front, `tail` from the end. Where
 * everything fits, `head` is all of it. What the head leaves of its share goes to the tail. */
struct excerpt {
	size_t head;
	size_t omitted;
	size_t tail;
};

struct excerpt excerpt_of(const void *bytes, size_t len, size_t budget);

/* How many bytes from the front, or from the end, fit into `budget` characters. */
size_t excerpt_head(const void *bytes, size_t len, size_t budget);
size_t excerpt_tail(const void *bytes, size_t len, size_t budget);

/* How many characters the bytes become. */
size_t excerpt_chars(const void *bytes, size_t len);

#endif
