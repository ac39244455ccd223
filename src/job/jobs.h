/* SPDX-License-Identifier: MIT */
/*
 * jobs - every job that the engine looks after, and the doors to those that have ended.
 *
 * A live job (queued, starting, running, or ended with something of it left) is a struct job in
 * memory. One that is over lives in the store alone; `struct job_view` shows both alike, and memory
 * does not grow with history.
 *
 * The module knows no socket: what happens goes out through `struct jobs_hooks` and job_watch.
 * One file for each step of a job's life:
 *
 *	jobs.c     the table, the one place that changes a state, what is written when
 *	start.c    request -> folder, record, row, holder       (job-life section 1)
 *	queue.c    who may run
 *	facts.c    what the holder says
 *	ask.c      what is asked of the holder: stop, signal, input
 *	output.c   the job's log from here
 *	adopt.c    after an engine was gone                     (section 4)
 *	lost.c     after a holder was gone
 *	session.c  clients that come and go
 *
 * Thread: the loop's.
 */
#ifndef JOBWIRE_JOB_JOBS_H
#define JOBWIRE_JOB_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "base/id.h"
#include "base/words.h"
#include "jobdir/frame.h"
#include "jobdir/spec.h"
#include "outlog/reader.h"
#include "store/store.h"

struct err;
struct event_base;
struct job;
struct jobs;
struct spawner;
struct work_pool;

/* What the outside hears of. Numbers as EventKind in proto/jobwire/v1/engine.proto. */
enum jobs_event {
	JOBS_EVENT_STATE = 1,
	JOBS_EVENT_CLOSED = 2,
	JOBS_EVENT_REMOVED = 3,
	JOBS_EVENT_NOTE = 4,
};

struct jobs_hooks {
	/* Something happened to the job, the `count`th thing since it was asked for. `detail` is ""
	 * or a sentence. */
	void (*event)(void *arg, const struct store_job *row, enum jobs_event kind,
		      const char *detail, uint64_t count);
	/* Its output reaches further than was last told; called only while jobs_listen() is on. */
	void (*output)(void *arg, struct job *job);
	void *arg;
};

struct jobs_config {
	struct event_base *base;
	struct store *store;
	struct spawner *spawner;
	struct work_pool *work;
	int statefd; /* borrowed, like all above */
	int64_t max_running;
	int64_t max_queued;
	int64_t session_grace_ms;
	struct jobs_hooks hooks;
};

int jobs_new(const struct jobs_config *config, struct jobs **ret_jobs, struct err *err) MUST_CHECK;
/* The holders go on. */
void jobs_free(struct jobs *jobs);

/* Read what the store says is open and find its holders again. */
int jobs_load(struct jobs *jobs, struct err *err) MUST_CHECK;

/* End of a turn of the loop: write what changed within the caller's transaction, ... */
int jobs_flush(struct jobs *jobs, struct err *err) MUST_CHECK;
/* ... when that is committed, it need not be written again, ... */
void jobs_flushed(struct jobs *jobs);
bool jobs_is_dirty(const struct jobs *jobs);
/* ... and then everybody who watches is told. */
void jobs_notify(struct jobs *jobs);
bool jobs_has_news(const struct jobs *jobs);
/* A child of the engine has ended. */
void jobs_reap(struct jobs *jobs);

struct jobs_counts {
	uint32_t running; /* starting too */
	uint32_t queued;
	uint32_t lingering;
};
struct jobs_counts jobs_counts(const struct jobs *jobs);
/* Start nothing more: the engine is about to end. */
void jobs_drain(struct jobs *jobs);
/* Output events are wanted for every job (somebody subscribes), or no more. */
void jobs_listen(struct jobs *jobs, bool on);

/* What is asked to be started. Everything is borrowed for the call. */
struct job_start {
	struct spec spec; /* without id */
	const char *name;
	const struct store_label *labels;
	size_t n_labels;
	const char *group;
	uint32_t group_limit; /* 0: none */
	bool reject_when_full;
	const char *session;
	bool ends_with_session;
	const struct store_key *key; /* NULL: none */
};

/* Start it, queue it, or find the job that the key has started before (*ret_existing). The job is
 * live; its first state comes through a watch. */
int jobs_start(struct jobs *jobs, const struct job_start *start, char ret_id[ID_SIZE],
	       bool *ret_existing, struct err *err) MUST_CHECK;

/* A job, live or not. Strings live in the arena or as long as the live job. */
struct job_view {
	struct store_job row;
	struct job *live; /* NULL: it is over */
	/* Of a live job: */
	bool stopping, disk_full, blocked, exited, input_closed;
	uint32_t lingering;
	uint32_t queue_position;
	uint64_t input_delivered;
};

/* `id` or a unique prefix of it. NOT_FOUND, or INVALID_ARGUMENT for what cannot be an id. */
int jobs_view(struct jobs *jobs, struct arena *a, const char *id, struct job_view *ret_view,
	      struct err *err) MUST_CHECK;
/* The live part of rows that store_jobs_list() gave. */
void jobs_view_row(struct jobs *jobs, const struct store_job *row, struct job_view *ret_view);
struct job *jobs_live(const struct jobs *jobs, const char *id);
/* Walk all live jobs: as map_next(). */
struct job *jobs_next_live(const struct jobs *jobs, size_t *it);
const char *job_id(const struct job *job);

/* Forget an ended, closed job: row, keys and folder. */
int jobs_remove(struct jobs *jobs, const struct job_view *view, struct err *err) MUST_CHECK;

/* Called after anything of a live job has changed, and a last time when it is no longer live (look
 * it up again). The storage is the caller's; it may remove any watch in the call. */
struct job_watch {
	void (*changed)(struct job_watch *w);
	LIST_ENTRY(job_watch) link;
	bool is_on;
};
void job_watch_add(struct job *job, struct job_watch *w);
void job_watch_remove(struct job_watch *w); /* no error if it is not on */

/* Make sure that a watch will hear of more output. */
void job_want_output(struct job *job);
/* Bring the extents of a live job's row up to date. */
void job_refresh(struct job *job);

/* A reader of the job's log, good until the next call to anything here: it is closed when others
 * are needed more. */
int job_reader(struct jobs *jobs, const struct job_view *view, struct outlog_reader **ret_reader,
	       struct err *err) MUST_CHECK;
/* The follower has read everything before this offset of the view. */
void job_consume(struct job *job, enum outlog_view view, uint64_t offset);

/* The job belongs to nobody any more; `reason` becomes a note. */
void job_detach(struct job *job, const char *reason);

/* Something that the holder answers. The storage is the caller's. */
enum job_ask_kind {
	ASK_STOP,
	ASK_SIGNAL,
	ASK_INPUT,
};

struct job_ask {
	/* Answered: `result` fits the kind; or `failed`, with the job no longer there to answer. */
	void (*done)(struct job_ask *ask);
	enum job_ask_kind kind;
	union {
		struct frame_stop stop;
		struct frame_signal signal;
		struct {
			const unsigned char *data;
			size_t len;
			uint64_t offset; /* or FRAME_APPEND */
			bool eof;
			size_t accepted; /* so far */
			bool in_flight;  /* sent, not answered */
			bool waiting;    /* the job's queue is full */
		} input;
	} u;
	union {
		struct frame_stopped stopped;
		struct frame_signalled signalled;
		struct frame_input_done input_done;
	} result;
	bool failed;
	/* ask.c's: */
	struct job *job;
	uint64_t tag;
	bool sent;
	TAILQ_ENTRY(job_ask) link;
};

/* Send it, or keep it until the holder is found again. done() may be called at once. */
void job_ask(struct job *job, struct job_ask *ask);
/* Wait no longer. The bytes of an input in flight (u.input.in_flight) may count all the same. */
void job_ask_cancel(struct job_ask *ask);

/* Stop every job, each with its own grace (-1) or this one; nobody waits for the answers. How many
 * were asked. */
uint32_t jobs_stop_all(struct jobs *jobs, int64_t grace_ms);

/* A client's session has so many connections more (or fewer). */
void jobs_session_add(struct jobs *jobs, const char *session, int connections);

#endif
