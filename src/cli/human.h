/* SPDX-License-Identifier: MIT */
/*
 * human - times, sizes and commands as people read them: short. Pure functions.
 */
#ifndef JOBWIRE_CLI_HUMAN_H
#define JOBWIRE_CLI_HUMAN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"
#include "wire/methods.h"

#define HUMAN_TEXT_MAX 32

/* "0.25s", "45s", "3m05s", "2h05m", "3d04h" */
char *human_duration(int64_t ns, char out[HUMAN_TEXT_MAX]);
/* "512", "1.5K", "20M", "3.2G" */
char *human_size(uint64_t bytes, char out[HUMAN_TEXT_MAX]);

/* A job's command in one line, valid UTF-8: arguments quoted where a shell would need it, control
 * characters as blanks. 0 or as buf_add(). */
int human_command(struct buf *out, const Jobwire__V1__Job *job) MUST_CHECK;

/* Between start (or creation) and end (or now); 0 while it is queued. */
int64_t human_job_ns(const Jobwire__V1__Job *job, int64_t now_ns);

#endif
