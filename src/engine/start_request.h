/* SPDX-License-Identifier: MIT */
/*
 * start_request - a StartRequest, checked field by field, as job/ wants it.
 */
#ifndef JOBWIRE_ENGINE_START_REQUEST_H
#define JOBWIRE_ENGINE_START_REQUEST_H

#include "base/macros.h"
#include "job/jobs.h"

struct call;
struct err;

/* Strings live in the call's arena. Each refusal names the field, the value and the way out. */
int start_request_read(struct call *call, struct job_start *ret_start, struct err *err) MUST_CHECK;

#endif
