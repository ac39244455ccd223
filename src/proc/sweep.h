/* SPDX-License-Identifier: MIT */
/*
 * sweep - ends what is left of a job whose holder died without doing it.
 *
 * The processes of such a job are known by two marks, each a fact of the kernel: the environment
 * that they were executed with holds JOBWIRE_JOB_ID of the job, or they are in the session of its
 * main process. (Orphans that came to the engine are job/lost.c's.) Everything is signalled through
 * pidfds after another look at the start time, so that a reused pid is never hit. Walks /proc: for
 * a worker thread.
 */
#ifndef JOBWIRE_PROC_SWEEP_H
#define JOBWIRE_PROC_SWEEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sweep {
	char job_id[40];
	pid_t main_pid; /* 0: not known, or of another boot */
	uint64_t main_ticks;
	/* results */
	uint32_t killed;
	uint32_t survivors;
	bool is_blind; /* it could not look at every process: there may be more */
};

/* SIGKILL until two passes in a row see everybody and find nothing, for at most 5 s. */
void sweep_run(struct sweep *s);

#endif
