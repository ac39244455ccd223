/* SPDX-License-Identifier: MIT */
/*
 * print_json - what the engine says, as JSON for programs.
 *
 * Names are those of the protocol's fields where they say the same. Times are RFC 3339 UTC with
 * microseconds, or null; durations are seconds. Bytes that are no UTF-8 are repaired.
 */
#ifndef JOBWIRE_CLI_PRINT_JSON_H
#define JOBWIRE_CLI_PRINT_JSON_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/macros.h"
#include "text/json.h"
#include "wire/methods.h"

struct err;

/* As elements of an array, or the document itself. A job out of a list comes without its settings
 * in the environment: then there is no "env", rather than an empty one. */
void json_job(struct json *j, const Jobwire__V1__Job *job, bool with_env);
void json_event(struct json *j, const Jobwire__V1__Event *event);
void json_time(struct json *j, const char *key, int64_t wall_ns);
/* "state" for EVENT_STATE; "?" for a kind of a newer engine. */
const char *event_kind_word(Jobwire__V1__EventKind kind);
/* The reverse; EVENT_UNSPECIFIED: there is none. */
Jobwire__V1__EventKind event_kind_from_word(const char *word);

/* A document in the making, which goes to stdout piece by piece, so that its size has no bound. */
struct document {
	struct buf text;
	struct json json;
};
void document_begin(struct document *d);
/* Print what there is so far. */
int document_flush(struct document *d, struct err *err) MUST_CHECK;
/* The end, with a newline. */
int document_end(struct document *d, struct err *err) MUST_CHECK;

#endif
