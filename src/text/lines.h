/* SPDX-License-Identifier: MIT */
/*
 * lines - lines in a block of bytes. A line ends with \n; what stands behind the last \n is a line
 * too, unless it is empty. Pure functions, thread-safe, linear.
 */
#ifndef JOBWIRE_TEXT_LINES_H
#define JOBWIRE_TEXT_LINES_H

#include <stddef.h>

size_t lines_count(const void *bytes, size_t len);

/* Where the last `n` lines begin, as an offset into the block. *ret_lines (NULL is allowed) is how
 * many there are: when it is less than `n` the offset is 0, and a reader of a larger log takes a
 * block that begins earlier and asks again. */
size_t lines_last(const void *bytes, size_t len, size_t n, size_t *ret_lines);

#endif
