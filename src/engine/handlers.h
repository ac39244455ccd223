/* SPDX-License-Identifier: MIT */
/*
 * handlers - one function for each method of the protocol; dispatch.c's table names them all.
 *
 * Returns 0 when it has answered or parked the call, else an error that becomes the reply.
 */
#ifndef JOBWIRE_ENGINE_HANDLERS_H
#define JOBWIRE_ENGINE_HANDLERS_H

#include "base/macros.h"

struct call;
struct err;

/* jobs_start.c */
int handle_jobs_start(struct call *call, struct err *err) MUST_CHECK;
/* jobs_query.c */
int handle_jobs_get(struct call *call, struct err *err) MUST_CHECK;
int handle_jobs_list(struct call *call, struct err *err) MUST_CHECK;
/* jobs_wait.c */
int handle_jobs_wait(struct call *call, struct err *err) MUST_CHECK;
/* jobs_output.c */
int handle_jobs_read_output(struct call *call, struct err *err) MUST_CHECK;
int handle_jobs_tail(struct call *call, struct err *err) MUST_CHECK;
/* jobs_control.c */
int handle_jobs_send_input(struct call *call, struct err *err) MUST_CHECK;
int handle_jobs_stop(struct call *call, struct err *err) MUST_CHECK;
int handle_jobs_signal(struct call *call, struct err *err) MUST_CHECK;
int handle_jobs_detach(struct call *call, struct err *err) MUST_CHECK;
int handle_jobs_remove(struct call *call, struct err *err) MUST_CHECK;
/* engine_calls.c */
int handle_engine_info(struct call *call, struct err *err) MUST_CHECK;
int handle_engine_shutdown(struct call *call, struct err *err) MUST_CHECK;
int handle_engine_watch_events(struct call *call, struct err *err) MUST_CHECK;

#endif
