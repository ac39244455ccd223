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

/* How many bytes from the front, or from the end, fit into `budget` characters. */
size_t excerpt_head(const void *bytes, size_t len, size_t budget);
size_t excerpt_tail(const void *bytes, size_t len, size_t budget);

/* How many characters the bytes become. */
size_t excerpt_chars(const void *bytes, size_t len);

#endif
