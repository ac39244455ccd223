/* SPDX-License-Identifier: MIT */
/*
 * allowed - which commands may be run: a list of patterns, one of which must occur in the command.
 *
 * As with the predecessor: separated by commas, looked for anywhere, without regard to case; ^ and
 * $ are the ends of the command, not of its lines. A guard rail, no wall: "npm test; anything"
 * passes "^npm". A pattern that cannot be read allows nothing, and a list of only such ones refuses
 * all. Threads: one at a time.
 */
#ifndef JOBWIRE_TOOLS_ALLOWED_H
#define JOBWIRE_TOOLS_ALLOWED_H

#include "base/macros.h"

struct allowed;
struct buf;
struct err;

/* The caller owns *ret_allowed. NULL or an empty list allows everything. For each pattern that
 * cannot be read a line is added to `warnings`. */
int allowed_new(const char *list, struct buf *warnings, struct allowed **ret_allowed,
		struct err *err) MUST_CHECK;
void allowed_free(struct allowed *a);

/* ERR_PERMISSION_DENIED where none occurs; ERR_RESOURCE_EXHAUSTED where a pattern takes too long.
 */
int allowed_check(const struct allowed *a, const char *command, struct err *err) MUST_CHECK;

#endif
