/* SPDX-License-Identifier: MIT */
/*
 * stream - live output on the pub socket, for whoever subscribes.
 *
 * A job's first bytes go out at once; what follows within 5 ms is gathered. An event carries the
 * bytes themselves, at most 32 KiB, as long as the budget of all jobs together lasts; beyond it
 * only how far the stream reaches. While nobody subscribes nothing happens here.
 */
#ifndef JOBWIRE_ENGINE_STREAM_H
#define JOBWIRE_ENGINE_STREAM_H

#include "base/macros.h"

struct engine;
struct err;
struct job;
struct stream;

int stream_new(struct engine *eng, struct stream **ret_stream, struct err *err) MUST_CHECK;
void stream_free(struct stream *s);

/* The number of subscribers has changed. */
void stream_listen(struct stream *s, unsigned subscribers);
/* The job's output reaches further. */
void stream_output(struct stream *s, struct job *job);
/* Nothing more can come: tell the rest and forget the job. */
void stream_closed(struct stream *s, const char *job_id);

#endif
