/* SPDX-License-Identifier: MIT */
/*
 * head - the head of one HTTP request: its verb, its target and its fields, as they came.
 *
 * Filled piece by piece (parse.c, tests), closed by head_end(), read-only from then on. Bounded by
 * HEAD_BYTES_MAX and HEAD_FIELDS_MAX. Caller's storage; no thread of its own.
 */
#ifndef JOBWIRE_MCP_HTTP_HEAD_H
#define JOBWIRE_MCP_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"

#define HEAD_BYTES_MAX  16384
#define HEAD_FIELDS_MAX 64

enum head_verb {
	VERB_OTHER,
	VERB_GET,
	VERB_POST,
	VERB_DELETE,
	VERB_OPTIONS,
	VERB_COUNT,
};

/* What a piece of text belongs to. Pieces of the same kind are joined, except that every
 * HEAD_NAME after a HEAD_VALUE begins a new field. */
enum head_part {
	HEAD_TARGET,
	HEAD_NAME,
	HEAD_VALUE,
	HEAD_CLOSED,
};

struct head {
	enum head_verb verb;
	enum head_part part; /* that is being filled */
	bool has_body;
	struct buf text; /* the target, then names and values, a NUL behind each */
	uint32_t names[HEAD_FIELDS_MAX], values[HEAD_FIELDS_MAX]; /* offsets into it */
	size_t n;
};

void head_init(struct head *h);
void head_fini(struct head *h);

/* 0, -EMSGSIZE beyond a limit, -ENOMEM. */
int head_add(struct head *h, enum head_part part, const char *bytes, size_t len) MUST_CHECK;
/* Close it: blanks around values go. -EBADMSG where a name is no token, a value has control
 * characters, or a field that must be unique is there twice. */
int head_end(struct head *h) MUST_CHECK;

/* The target without its query. */
bool head_path_is(const struct head *h, const char *path);
bool head_path_begins(const struct head *h, const char *prefix);
const char *head_target(const struct head *h);
/* The first field of that name, in whatever case; NULL where there is none. */
const char *head_get(const struct head *h, const char *name);
/* All of them, one after the other: `it` starts at 0. NULL at the end. */
const char *head_next(const struct head *h, const char *name, size_t *it);

#endif
