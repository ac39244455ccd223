/* SPDX-License-Identifier: MIT */
/*
 * impl - what the files of job/ share.
 */
#ifndef JOBWIRE_JOB_IMPL_H
#define JOBWIRE_JOB_IMPL_H

#include <sys/types.h>

#include "base/map.h"
#include "job/jobs.h"
#include "job/state.h"
#include "jobdir/record.h"
#include "proc/proc.h"

struct event;

TAILQ_HEAD(job_asks, job_ask);
LIST_HEAD(job_watches, job_watch);

struct job {
	/* As in the store. */
	struct store_job row;

	struct jobs *jobs;
	struct arena arena; /* of the row's strings */
	struct proc *proc;  /* NULL: not connected */
	pid_t holder;       /* 0: not a child of this engine */

	bool dirty;     /* the row differs from the store */
	bool over;      /* closed: leaves when its row is written */
	bool inherited; /* of an engine before this one */
	bool armed;     /* the holder will tell of more output: the row's extents are exact */
	bool listened;  /* ... and hooks.output wants to hear of it */
	bool stopping, disk_full, blocked, exited, input_closed;
	bool granted; /* a larger pipe */
	uint32_t lingering;
	uint64_t input_delivered;
	uint64_t consumed[OUTLOG_STREAMS]; /* what the holder was told, or is to be told */

	struct job_asks asks;
	struct job_watches watches;
	bool notify;
	TAILQ_ENTRY(job) notify_link;
	TAILQ_ENTRY(job) dirty_link;
	bool queued;
	TAILQ_ENTRY(job) queue_link;

	struct adoption *adoption; /* under way, else NULL */
	bool sweeping;
};

TAILQ_HEAD(job_list, job);
TAILQ_HEAD(open_logs, open_log);

struct jobs {
	struct jobs_config config;
	struct map live; /* by id */
	struct job_list dirty, notify, queue;
	struct map logs_by_id;
	struct open_logs open_logs; /* the least recently used one first */
	int64_t n_running, n_queued;
	int64_t queued_bytes; /* of the specs of those that wait */
	uint32_t n_granted;
	uint64_t next_tag;
	bool draining, listening;
	struct map sessions; /* by name */
	struct event *queue_event;
};

/* jobs.c */
/* A job for the row, whose strings are copied, in the table. */
int job_new(struct jobs *jobs, const struct store_job *row, struct job **ret_job,
	    struct err *err) MUST_CHECK;
void job_free(struct job *job);
/* The only place that writes row.state: check, stamp, count, tell. A refused event is a bug of ours
 * or the holder's: it is logged and changes nothing. */
void job_step(struct job *job, enum job_event event, enum job_reason reason, int shell_code,
	      const char *detail);
void job_changed(struct job *job); /* the row is to be written, watches to be told */
void job_tell(struct job *job);    /* watches to be told */
void job_note(struct job *job, const char *detail);
void job_event(struct job *job, enum jobs_event kind, const char *detail);
void job_set_detail(struct job *job, const char *detail);
/* No more will come of it: it leaves as soon as its row is written. */
void job_over(struct job *job);
/* As if it had never been asked for: row, key and folder. On failure nothing has changed. */
int job_undo(struct job *job, struct err *err) MUST_CHECK;

/* On a worker; what fails is tried again by the next engine. */
void jobs_remove_folder(struct jobs *jobs, const char *id);

/* start.c */
int job_connect(struct job *job, int control, struct err *err) MUST_CHECK;

/* queue.c */
void queue_add(struct job *job);
void queue_remove(struct job *job);
void queue_run(struct jobs *jobs); /* start who may run now; safe to call from anywhere */
uint32_t queue_position(const struct job *job);
/* Do the limits leave room for one more of the group? */
bool queue_may_run(const struct jobs *jobs, const char *group, uint32_t group_limit);
/* ... and does nobody wait before it? */
bool queue_has_room(const struct jobs *jobs, const char *group, uint32_t group_limit);
int64_t queue_group_count(const struct jobs *jobs, const char *group);
void queue_fini(struct jobs *jobs);
int queue_init(struct jobs *jobs, struct err *err) MUST_CHECK;

/* facts.c */
extern const struct proc_events job_facts;
void job_take_end(struct job *job, const struct end *e);
void job_take_closing(struct job *job, const struct closing *c);
void job_take_failure(struct job *job, const struct failure *f);
void job_take_begin(struct job *job, const struct begin *b);
void job_take_extents(struct job *job, const struct extent *out, const struct extent *err);

/* ask.c */
void ask_stop_for_nobody(struct job *job, int64_t grace_ms); /* -1: the job's own */
void ask_connected(struct job *job);                         /* send what waits */
void ask_lost(struct job *job); /* fail what waits: nobody will answer */
void ask_input_done(struct job *job, const struct frame_input_done *f);
void ask_input_room(struct job *job);
void ask_stopped(struct job *job, const struct frame_stopped *f);
void ask_signalled(struct job *job, const struct frame_signalled *f);
void ask_ended(struct job *job); /* stops are answered by an end that left nothing */

/* output.c */
void output_close(struct jobs *jobs, const char *id); /* no error if it is not open */
void output_fini(struct jobs *jobs);

/* adopt.c */
/* Find out what became of a job whose holder is not connected. */
void job_adopt(struct job *job);
void adoption_status(struct job *job, const struct frame_status *s);
void adoption_cancel(struct job *job);
/* It is being looked for, and not for long yet. */
bool adoption_is_recent(const struct job *job);
int adopt_remove_strays(struct jobs *jobs, struct err *err);

/* lost.c */
/* The holder is dead and has left no end: end the tree, then say so. `main_pid` 0: not known. 0, or
 * -ENOMEM: try again. */
int job_lose(struct job *job, const struct record *record, const char *why) MUST_CHECK;

/* session.c */
int session_expect(struct jobs *jobs, const char *session); /* a job belongs to it */
void sessions_fini(struct jobs *jobs);

#endif
