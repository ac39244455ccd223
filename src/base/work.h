/* SPDX-License-Identifier: MIT */
/*
 * work - a few threads for what may take long: cold reads, searches, removing folders, checkpoints.
 *
 * A work is pure: run() happens on a pool thread and touches nothing but its own struct; done()
 * happens later on the thread that calls work_pool_collect(), the loop. Works start in the order of
 * submission, the patient ones behind all others. The pool borrows the struct from work_submit()
 * until done() or drop() is called.
 */
#ifndef JOBWIRE_BASE_WORK_H
#define JOBWIRE_BASE_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "base/macros.h"

struct err;
struct work_pool;

struct work {
	void (*run)(struct work *w);
	void (*done)(struct work *w);
	void (*drop)(struct work *w); /* instead of done(), when the pool is freed; NULL: nothing */
	bool is_patient;              /* starts when nobody else waits */
	TAILQ_ENTRY(work) link;       /* the pool's */
};

/* Start `threads` threads, with all signals blocked in them. */
int work_pool_new(unsigned threads, struct work_pool **ret_pool, struct err *err) MUST_CHECK;
/* Finish the works that run, join, then drop those that wait. No done() is called any more: drop()
 * is, also of works that have finished and were not collected. */
void work_pool_free(struct work_pool *pool);

/* Readable while finished works wait for work_pool_collect(). Owned by the pool. */
int work_pool_fd(const struct work_pool *pool);
/* Call done() of every finished work. */
void work_pool_collect(struct work_pool *pool);
/* Never blocks, never fails. */
void work_submit(struct work_pool *pool, struct work *w);

#endif
