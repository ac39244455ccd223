/* SPDX-License-Identifier: MIT */
/*
 * convert - from jobs as job/ and store/ know them to the messages of the protocol.
 */
#ifndef JOBWIRE_ENGINE_CONVERT_H
#define JOBWIRE_ENGINE_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "job/jobs.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "outlog/reader.h"

struct call;
struct err;

enum convert_detail {
	CONVERT_FACTS,  /* what became of it, not what was asked for */
	CONVERT_LISTED, /* without env, the command cut */
	CONVERT_WHOLE,
};
/* The message, in the call's arena. */
int convert_job(struct call *call, const struct job_view *view, enum convert_detail detail,
		Jobwire__V1__Job **ret_job, struct err *err) MUST_CHECK;

/* How much of one reply's room its jobs take. It is full while there is still room for the facts of
 * all other jobs that a reply may hold; zeroed memory is empty. */
struct convert_room {
	size_t packed;
	size_t read; /* of specs, for it */
};
void convert_count(struct convert_room *room, const struct job_view *view,
		   const Jobwire__V1__Job *job);
bool convert_is_full(const struct convert_room *room);

/* INVALID_ARGUMENT for a number that the enum does not have: protobuf-c takes any. */
int convert_choice(int value, int most, const char *field, struct err *err) MUST_CHECK;

/* Which view a request's stream means; COMBINED where it says nothing. */
int convert_view(Jobwire__V1__Stream stream, enum outlog_view *ret_view,
		 struct err *err) MUST_CHECK;
Jobwire__V1__Stream convert_stream(enum outlog_view view);

/* How far a view of the job reaches. */
struct reach {
	uint64_t start, stored, end, drained;
	bool ended;  /* in a final state: `drained` counts */
	bool closed; /* nothing can follow */
};
struct reach convert_reach(const struct job_view *view, enum outlog_view of);

#endif
