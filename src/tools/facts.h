/* SPDX-License-Identifier: MIT */
/*
 * facts - what the engine says of a job, as members of an answer.
 *
 * Absent where there is nothing to say: never null. `status` is the predecessor's word (running,
 * completed, failed, killed), `state` and `reason` are the engine's.
 */
#ifndef JOBWIRE_TOOLS_FACTS_H
#define JOBWIRE_TOOLS_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "text/json.h"
#include "tools/property.h"

struct buf;

/* What facts_put() writes, as far as a program wants it. */
extern const struct property facts_result[];

/* Is the job in a final state? */
bool facts_is_final(const Jobwire__V1__Job *job);
bool facts_is_queued(const Jobwire__V1__Job *job);
const char *facts_status(const Jobwire__V1__Job *job);

/* state, reason, exit_code or signal. */
void facts_put_end(struct json *j, const Jobwire__V1__Job *job);
/* job_id, status, state, reason, exit_code or signal, elapsed_seconds. */
void facts_put(struct json *j, const Jobwire__V1__Job *job);
/* A time as RFC 3339, where there is one. */
void facts_put_time(struct json *j, const char *key, int64_t ns);
/* The command, at most `max` characters of it. */
void facts_put_command(struct json *j, const char *key, const Jobwire__V1__Job *job, size_t max);
/* "<id> (running: make -j4)" for a sentence. 0 or as buf_add(). */
int facts_add_known(struct buf *out, const Jobwire__V1__Job *job) MUST_CHECK;

#endif
