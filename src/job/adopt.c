/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/work.h"
#include "job/impl.h"
#include "jobdir/folder.h"
#include "jobdir/record.h"

/* A holder that is about to bind its socket, or to write its last record, is neither reachable nor
 * gone: lock and socket are looked at again until one of them says something. */
#define RETRY_FIRST_MS 5
#define RETRY_MAX_MS   500

/* A holder that is halted does not hold up those who wait behind its job. */
#define RECENT_MS 1000

#define RECORD_ARENA_MAX ((size_t)16 * 1024 * 1024)

#define LOAD_ROWS      100
#define LOAD_ARENA_MAX ((size_t)16 * 1024 * 1024)

struct adoption {
	struct event *timer;
	int delay_ms;
	int64_t since_ms;
};

static void attempt(struct job *job);

bool
adoption_is_recent(const struct job *job)
{
	return job->adoption && clock_mono_ms() - job->adoption->since_ms < RECENT_MS;
}

void
adoption_cancel(struct job *job)
{
	if (!job->adoption)
		return;
	if (job->adoption->timer)
		event_free(job->adoption->timer);
	free(job->adoption);
	job->adoption = NULL;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	attempt(arg);
}

static void
retry(struct job *job)
{
	struct adoption *a = job->adoption;
	struct timeval tv = { 0, a->delay_ms * 1000 };

	a->delay_ms = MIN(a->delay_ms * 2, RETRY_MAX_MS);
	(void)event_add(a->timer, &tv);
}

/* The record of a holder that died behind its END: what lingered is ended, and then it is over. */
static int
conclude_end(struct job *job, const struct record *r)
{
	if (r->has[RECORD_BEGIN] && !job->row.started_ns)
		job_take_begin(job, &r->begin); /* it began and ended without an engine */
	job_take_end(job, &r->end);
	if (!r->has[RECORD_CLOSING])
		return job_lose(job, r, NULL);
	job_take_closing(job, &r->closing);
	return 0;
}

/* Nobody holds the job. What its record says is all that will ever be known. Negative: not now, try
 * again. */
static int
conclude(struct job *job, const struct record *r)
{
	struct failure never = { .step = "held", .errnum = EOWNERDEAD };

	if (r->has[RECORD_FAILURE]) {
		job_take_failure(job, &r->failure);
	} else if (r->has[RECORD_END]) {
		return conclude_end(job, r);
	} else if (r->has[RECORD_LAUNCH]) {
		return job_lose(job, r, "its holder was killed: how it ended is not known");
	} else if (r->has[RECORD_HELD] || !job->inherited || job->row.state == JOB_QUEUED) {
		(void)snprintf(never.path, sizeof never.path,
			       "its holder was ended before the command was started");
		job_take_failure(job, &never);
	} else {
		/* The engine that made the row died before anything could run, and before it could
		 * answer (as it does at once for a job that waits): a caller that tries again
		 * starts it for the first time. */
		return job_undo(job, NULL);
	}
	return 0;
}

static int
unreadable(struct job *job, const char *why)
{
	struct record nothing = { .has = { false } };

	nothing.begin.pid = (int32_t)job->row.pid;
	nothing.begin.start_ticks = (uint64_t)job->row.start_ticks;
	return job_lose(job, &nothing, why);
}

static int
read_and_conclude(struct job *job, int recordfd)
{
	struct record r;
	struct arena a;
	struct err err = { 0 };
	int rc;

	arena_init(&a, RECORD_ARENA_MAX);
	if (record_read(recordfd, &a, &r, &err) < 0)
		rc = unreadable(job, err.msg);
	else
		rc = conclude(job, &r);
	arena_fini(&a);
	return rc;
}

/* What was found out is done, or could not be done now. */
static void
settle(struct job *job, int rc)
{
	if (rc < 0)
		retry(job);
	else
		adoption_cancel(job);
}

/* A holder lives. False: not yet, or not any more, to be spoken to. */
static bool
connect_holder(struct job *job, int dirfd)
{
	int control = fd_connect_at(dirfd, FOLDER_CONTROL);

	if (control < 0)
		return false;
	if (job_connect(job, control, NULL) < 0)
		return false;
	proc_query(job->proc);
	return true;
}

static void
look(struct job *job, int dirfd)
{
	int recordfd, rc;

	rc = record_open(dirfd, &recordfd);
	if (rc == -ENOENT) {
		settle(job, unreadable(job, "its record is gone: how it ended is not known"));
		return;
	}
	if (rc == 0)
		rc = record_try_lock(recordfd);
	else
		recordfd = -1;
	if (rc == 0)
		settle(job, read_and_conclude(job, recordfd));
	else if (!connect_holder(job, dirfd))
		retry(job);
	fd_close(&recordfd);
}

static void
attempt(struct job *job)
{
	int dirfd, rc;

	rc = folder_open(job->jobs->config.statefd, job->row.id, &dirfd);
	if (rc == -ENOENT) {
		settle(job, unreadable(job, "its folder is gone: how it ended is not known"));
	} else if (rc < 0) {
		retry(job);
	} else {
		look(job, dirfd);
		(void)close(dirfd);
	}
}

void
job_adopt(struct job *job)
{
	if (job->sweeping || job->over)
		return;
	if (job->adoption) {
		retry(job); /* it was found, and lost again before it could answer */
		return;
	}
	job->adoption = calloc(1, sizeof *job->adoption);
	if (job->adoption) {
		job->adoption->delay_ms = RETRY_FIRST_MS;
		job->adoption->since_ms = clock_mono_ms();
		job->adoption->timer = event_new(job->jobs->config.base, -1, 0, on_timer, job);
	}
	if (!job->adoption || !job->adoption->timer) {
		adoption_cancel(job);
		(void)!unreadable(job, "no memory to look for its holder");
		return;
	}
	/* From the loop: whoever noticed the loss may be in the middle of using the job. */
	event_active(job->adoption->timer, EV_TIMEOUT, 1);
}

static bool
read_end(int recordfd, struct end *ret_end)
{
	struct record r;
	struct arena a;
	bool found;

	arena_init(&a, RECORD_ARENA_MAX);
	found = record_read(recordfd, &a, &r, NULL) == 0 && r.has[RECORD_END];
	if (found)
		*ret_end = r.end;
	arena_fini(&a);
	return found;
}

/* The end lies in the record, because an engine that has died may not have heard of it. False: it
 * cannot be read now. */
static bool
take_recorded_end(struct job *job)
{
	int dirfd, recordfd;
	struct end end;
	bool found = false;

	if (folder_open(job->jobs->config.statefd, job->row.id, &dirfd) < 0)
		return false;
	if (record_open(dirfd, &recordfd) == 0) {
		found = read_end(recordfd, &end);
		(void)close(recordfd);
	}
	(void)close(dirfd);
	if (found)
		job_take_end(job, &end);
	return found;
}

void
adoption_status(struct job *job, const struct frame_status *s)
{
	if (!job->adoption)
		return;
	if (s->begin.pid && (job->row.state == JOB_QUEUED || job->row.state == JOB_STARTING))
		job_take_begin(job, &s->begin);
	if (s->ended && !take_recorded_end(job)) {
		proc_free(job->proc);
		job->proc = NULL;
		retry(job);
		return;
	}
	adoption_cancel(job);
	if (!s->begin.pid) {
		if (job->row.state == JOB_STARTING)
			job_step(job, JOB_EV_REQUEUE, REASON_NONE, 0, NULL);
		queue_add(job);
		queue_run(job->jobs); /* it was in its place already, and can run now */
	}
	/* What could not be said while nobody was there to hear it. */
	proc_policy(job->proc, (enum spec_cap)job->row.cap);
	proc_consumed(job->proc, job->consumed[OUTLOG_OUT], job->consumed[OUTLOG_ERR]);
	ask_connected(job);
	job->armed = false;
	job_want_output(job);
}

static int
look_at_stray(const char *id, void *arg)
{
	struct jobs *jobs = arg;
	int dirfd, recordfd = -1, rc;
	bool exists;

	rc = store_job_exists(jobs->config.store, id, &exists, NULL);
	if (rc < 0 || exists)
		return rc;
	if (folder_open(jobs->config.statefd, id, &dirfd) < 0)
		return 0;
	rc = record_open(dirfd, &recordfd);
	if (rc == 0)
		rc = record_try_lock(recordfd);
	if (rc == 0 || rc == -ENOENT)
		jobs_remove_folder(jobs, id);
	fd_close(&recordfd);
	(void)close(dirfd);
	return 0;
}

int
adopt_remove_strays(struct jobs *jobs, struct err *err)
{
	int rc = folder_walk(jobs->config.statefd, look_at_stray, jobs);

	return rc < 0 ? err_set(err, ERR_INTERNAL, "look through the job folders: error %d", rc)
		      : 0;
}

static int
load_job(struct jobs *jobs, const struct store_job *row, struct err *err)
{
	struct job *job;
	int rc;

	rc = job_new(jobs, row, &job, err);
	if (rc < 0)
		return rc;
	job->inherited = true;
	if (*row->session && session_expect(jobs, row->session) < 0)
		return err_sys(err, ENOMEM, "session");
	if (job->row.state == JOB_QUEUED)
		queue_add(job); /* in its place, before others are found */
	job_adopt(job);
	return 0;
}

/* The open jobs behind *after; how many. */
static int
load_page(struct jobs *jobs, int64_t *after, struct err *err)
{
	struct store_job *rows;
	struct arena a;
	size_t i, n;
	int rc;

	arena_init(&a, LOAD_ARENA_MAX);
	rc = store_jobs_open(jobs->config.store, &a, *after, LOAD_ROWS, &rows, &n, err);
	for (i = 0; i < n && rc == 0; i++) {
		*after = rows[i].number;
		rc = load_job(jobs, &rows[i], err);
	}
	arena_fini(&a);
	return rc < 0 ? rc : (int)n;
}

int
jobs_load(struct jobs *jobs, struct err *err)
{
	int64_t after = 0;
	int rc;

	do
		rc = load_page(jobs, &after, err);
	while (rc > 0);
	return rc < 0 ? rc : adopt_remove_strays(jobs, err);
}
