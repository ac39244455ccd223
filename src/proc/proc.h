/* SPDX-License-Identifier: MIT */
/*
 * proc - a job's holder from the engine's side: the other end of its control socket.
 *
 * Frames go out through the functions below and come back as calls of `struct proc_events`. A proc
 * knows no job states; job/ decides what the facts mean. Thread: the loop's.
 */
#ifndef JOBWIRE_PROC_PROC_H
#define JOBWIRE_PROC_PROC_H

#include <sys/types.h>

#include "base/macros.h"
#include "jobdir/frame.h"
#include "jobdir/spec.h"

struct err;
struct event_base;
struct proc;

/* What the holder says. Any of them may free the proc. A member may be NULL. */
struct proc_events {
	void (*hello)(void *arg, const struct frame_hello *f);
	void (*begin)(void *arg, const struct begin *f);
	void (*failure)(void *arg, const struct failure *f);
	void (*status)(void *arg, const struct frame_status *f);
	void (*trouble)(void *arg, const struct frame_status *f);
	void (*output)(void *arg, const struct frame_output *f);
	void (*input_done)(void *arg, const struct frame_input_done *f);
	void (*input_room)(void *arg);
	void (*signalled)(void *arg, const struct frame_signalled *f);
	void (*end)(void *arg, const struct end *f);
	void (*stopped)(void *arg, const struct frame_stopped *f);
	void (*closing)(void *arg, const struct closing *f);
	void (*pipe_want)(void *arg);
	/* The socket is closed: the holder is gone, or has another engine. Always the last one. */
	void (*gone)(void *arg);
};

/* Takes the connected control socket, also on failure. */
int proc_new(struct event_base *base, int control, const struct proc_events *events, void *arg,
	     struct proc **ret_proc, struct err *err) MUST_CHECK;
/* Closes the socket without a call of gone(). NULL is allowed. The holder goes on. */
void proc_free(struct proc *p);

/* Each queues one frame; what cannot be sent ends in gone(). */
void proc_launch(struct proc *p, const struct spec *spec);
void proc_go(struct proc *p);
void proc_query(struct proc *p);
/* One output() as soon as a stream ends beyond these. */
void proc_arm(struct proc *p, uint64_t out_end, uint64_t err_end);
void proc_input(struct proc *p, const struct frame_input *f);
void proc_stop(struct proc *p, const struct frame_stop *f);
void proc_signal(struct proc *p, const struct frame_signal *f);
void proc_consumed(struct proc *p, uint64_t out_offset, uint64_t err_offset);
void proc_policy(struct proc *p, enum spec_cap cap);
void proc_pipe_grant(struct proc *p, uint64_t bytes);

#endif
