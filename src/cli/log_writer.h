/* SPDX-License-Identifier: MIT */
/*
 * log_writer - a job's output to our stdout, as it is or with the time in front of each line.
 *
 * Blocking writes. Nothing is held back: what was given is written when the call returns.
 */
#ifndef JOBWIRE_CLI_LOG_WRITER_H
#define JOBWIRE_CLI_LOG_WRITER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/macros.h"
#include "wire/methods.h"

struct log_writer {
	bool with_times;
	bool in_line; /* the last byte ended no line */
	struct buf text;
};

void log_writer_init(struct log_writer *w, bool with_times);
void log_writer_fini(struct log_writer *w);

/* 0 or -errno. */
int log_writer_put(struct log_writer *w, const Jobwire__V1__ReadOutputResponse *piece) MUST_CHECK;

#endif
