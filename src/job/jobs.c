/* SPDX-License-Identifier: MIT */
#include "job/jobs.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/work.h"
#include "job/impl.h"
#include "jobdir/folder.h"

#define JOB_ARENA_MAX ((size_t)64 * 1024)

int
jobs_new(const struct jobs_config *config, struct jobs **ret_jobs, struct err *err)
{
	struct jobs *jobs = calloc(1, sizeof *jobs);
	int rc;

	if (!jobs)
		return err_sys(err, ENOMEM, "jobs");
	jobs->config = *config;
	jobs->next_tag = 1;
	TAILQ_INIT(&jobs->dirty);
	TAILQ_INIT(&jobs->notify);
	TAILQ_INIT(&jobs->queue);
	TAILQ_INIT(&jobs->open_logs);
	rc = queue_init(jobs, err);
	if (rc < 0) {
		jobs_free(jobs);
		return rc;
	}
	*ret_jobs = jobs;
	return 0;
}

void
jobs_free(struct jobs *jobs)
{
	struct job *job;
	size_t it;

	if (!jobs)
		return;
	map_for_each (&jobs->live, it, job)
		job_free(job);
	map_fini(&jobs->live);
	output_fini(jobs);
	sessions_fini(jobs);
	queue_fini(jobs);
	free(jobs);
}

static const char *
keep(struct job *job, const char *text)
{
	return arena_strdup(&job->arena, text ? text : "");
}

/* The strings of the row move to the job's own memory. */
static int
own_strings(struct job *job)
{
	struct store_job *r = &job->row;

	r->id = keep(job, r->id);
	r->detail = keep(job, r->detail);
	r->name = keep(job, r->name);
	r->grp = keep(job, r->grp);
	r->session = keep(job, r->session);
	return r->id && r->detail && r->name && r->grp && r->session ? 0 : -ENOMEM;
}

/* What its state counts for. `by`: 1 or -1. */
static void
count(struct job *job, int by)
{
	struct jobs *jobs = job->jobs;

	if (job->row.state == JOB_STARTING || job->row.state == JOB_RUNNING) {
		jobs->n_running += by;
	} else if (job->row.state == JOB_QUEUED) {
		jobs->n_queued += by;
		jobs->queued_bytes += by * job->row.spec_bytes;
	}
}

int
job_new(struct jobs *jobs, const struct store_job *row, struct job **ret_job, struct err *err)
{
	struct job *job = calloc(1, sizeof *job);
	int rc;

	if (!job)
		return err_sys(err, ENOMEM, "job");
	job->jobs = jobs;
	job->row = *row;
	arena_init(&job->arena, JOB_ARENA_MAX);
	TAILQ_INIT(&job->asks);
	LIST_INIT(&job->watches);
	rc = own_strings(job);
	if (rc == 0)
		rc = map_put(&jobs->live, job->row.id, job);
	if (rc < 0) {
		arena_fini(&job->arena);
		free(job);
		return err_sys(err, -rc, "job");
	}
	count(job, 1);
	*ret_job = job;
	return 0;
}

/* Everything that points to the job lets go of it. */
void
job_free(struct job *job)
{
	struct jobs *jobs = job->jobs;
	struct job_watch *w;

	(void)map_remove(&jobs->live, job->row.id);
	count(job, -1);
	jobs->n_granted -= job->granted;
	queue_remove(job);
	adoption_cancel(job);
	output_close(jobs, job->row.id); /* from now on a reader is a final one */
	if (job->dirty)
		TAILQ_REMOVE(&jobs->dirty, job, dirty_link);
	if (job->notify)
		TAILQ_REMOVE(&jobs->notify, job, notify_link);
	proc_free(job->proc);
	job->proc = NULL;
	ask_lost(job);
	while ((w = LIST_FIRST(&job->watches))) {
		job_watch_remove(w);
		w->changed(w);
	}
	arena_fini(&job->arena);
	free(job);
}

void
job_tell(struct job *job)
{
	if (job->notify)
		return;
	job->notify = true;
	TAILQ_INSERT_TAIL(&job->jobs->notify, job, notify_link);
}

void
job_changed(struct job *job)
{
	job_tell(job);
	if (job->dirty)
		return;
	job->dirty = true;
	TAILQ_INSERT_TAIL(&job->jobs->dirty, job, dirty_link);
}

void
job_event(struct job *job, enum jobs_event kind, const char *detail)
{
	const struct jobs_hooks *h = &job->jobs->config.hooks;

	if (h->event)
		h->event(h->arg, &job->row, kind, detail, (uint64_t)++job->row.n_events);
	job_changed(job);
}

void
job_note(struct job *job, const char *detail)
{
	job_event(job, JOBS_EVENT_NOTE, detail);
}

void
job_set_detail(struct job *job, const char *detail)
{
	const char *copy = arena_strdup(&job->arena, detail);

	if (copy)
		job->row.detail = copy;
}

void
job_step(struct job *job, enum job_event event, enum job_reason reason, int shell_code,
	 const char *detail)
{
	enum job_state to = job_state_next((enum job_state)job->row.state, event);
	struct jobs *jobs = job->jobs;

	if (to == JOB_NONE) {
		log_error("job event refused", log_str("job", job->row.id),
			  log_str("state", job_state_word((int)job->row.state)),
			  log_str("event", job_event_name(event)));
		return;
	}
	count(job, -1);
	job->row.state = to;
	count(job, 1);
	if (to != JOB_QUEUED)
		queue_remove(job);
	if (job_state_is_final(to)) {
		job->row.reason = reason;
		job->row.shell_code = shell_code;
		if (!job->row.ended_ns)
			job->row.ended_ns = clock_wall_ns();
	}
	if (detail)
		job_set_detail(job, detail);
	job_event(job, JOBS_EVENT_STATE, job->row.detail);
	queue_run(jobs);
}

void
job_over(struct job *job)
{
	if (job->over)
		return;
	job->over = true;
	job->stopping = false;
	job->lingering = 0;
	if (!job->row.closed_ns)
		job->row.closed_ns = MAX(clock_wall_ns(), 1);
	job_event(job, JOBS_EVENT_CLOSED, "");
}

bool
jobs_is_dirty(const struct jobs *jobs)
{
	return !TAILQ_EMPTY(&jobs->dirty);
}

int
jobs_flush(struct jobs *jobs, struct err *err)
{
	struct job *job;
	int rc = 0;

	TAILQ_FOREACH (job, &jobs->dirty, dirty_link) {
		rc = store_job_update(jobs->config.store, &job->row, err);
		if (rc < 0)
			break;
	}
	return rc;
}

void
jobs_flushed(struct jobs *jobs)
{
	struct job *job;

	while ((job = TAILQ_FIRST(&jobs->dirty))) {
		TAILQ_REMOVE(&jobs->dirty, job, dirty_link);
		job->dirty = false;
		if (job->over)
			job_tell(job); /* that was all it waited for */
	}
}

bool
jobs_has_news(const struct jobs *jobs)
{
	return !TAILQ_EMPTY(&jobs->notify);
}

void
jobs_notify(struct jobs *jobs)
{
	struct job_watches told;
	struct job_watch *w;
	struct job *job;

	while ((job = TAILQ_FIRST(&jobs->notify))) {
		TAILQ_REMOVE(&jobs->notify, job, notify_link);
		job->notify = false;
		if (job->over && !job->dirty) {
			job_free(job);
			continue;
		}
		/* Each once, even if it comes back or others go meanwhile. */
		LIST_INIT(&told);
		while ((w = LIST_FIRST(&job->watches))) {
			LIST_REMOVE(w, link);
			LIST_INSERT_HEAD(&told, w, link);
		}
		while ((w = LIST_FIRST(&told))) {
			LIST_REMOVE(w, link);
			LIST_INSERT_HEAD(&job->watches, w, link);
			w->changed(w);
		}
	}
}

void
job_watch_add(struct job *job, struct job_watch *w)
{
	LIST_INSERT_HEAD(&job->watches, w, link);
	w->is_on = true;
}

void
job_watch_remove(struct job_watch *w)
{
	if (!w->is_on)
		return;
	LIST_REMOVE(w, link);
	w->is_on = false;
}

/* Zombies: holders that have done their work or were killed, and orphans of the latter. Their jobs
 * hear of it through their sockets. */
void
jobs_reap(struct jobs *jobs)
{
	struct job *job;
	size_t it;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		map_for_each (&jobs->live, it, job)
			if (job->holder == pid)
				job->holder = 0;
}

struct jobs_counts
jobs_counts(const struct jobs *jobs)
{
	struct jobs_counts c = { .running = (uint32_t)jobs->n_running,
				 .queued = (uint32_t)jobs->n_queued };

	c.lingering = (uint32_t)(jobs->live.len - (size_t)(jobs->n_running + jobs->n_queued));
	return c;
}

void
jobs_drain(struct jobs *jobs)
{
	jobs->draining = true;
}

struct job *
jobs_live(const struct jobs *jobs, const char *id)
{
	return map_get(&jobs->live, id);
}

struct job *
jobs_next_live(const struct jobs *jobs, size_t *it)
{
	return map_next(&jobs->live, it);
}

const char *
job_id(const struct job *job)
{
	return job->row.id;
}

void
jobs_view_row(struct jobs *jobs, const struct store_job *row, struct job_view *ret_view)
{
	struct job *job = jobs_live(jobs, row->id);

	memset(ret_view, 0, sizeof *ret_view);
	ret_view->row = *row;
	ret_view->live = job;
	ret_view->input_closed = true;
	if (!job)
		return;
	job_refresh(job);
	ret_view->row = job->row;
	ret_view->stopping = job->stopping;
	ret_view->disk_full = job->disk_full;
	ret_view->blocked = job->blocked;
	ret_view->exited = job->exited;
	ret_view->lingering = job->lingering;
	ret_view->queue_position = queue_position(job);
	ret_view->input_closed = job->input_closed || job->exited;
	ret_view->input_delivered = job->input_delivered;
}

/* The whole id that a prefix stands for. */
static int
resolve(struct jobs *jobs, const char *prefix, char ret_id[ID_SIZE], struct err *err)
{
	int rc, count;

	if (!id_is_prefix(prefix))
		return err_field(
			err, ERR_INVALID_ARGUMENT, "job_id",
			"job id '%.40s%s': ids are made of 0-9, a-f and '-'; give a whole id or "
			"its first %d characters or more",
			prefix, strlen(prefix) > 40 ? "..." : "", ID_PREFIX_MIN);
	rc = store_id_by_prefix(jobs->config.store, prefix, ret_id, &count, err);
	if (rc < 0)
		return rc;
	if (count == 0)
		return err_field(err, ERR_NOT_FOUND, "job_id", "no job %.40s", prefix);
	if (count > 1)
		return err_field(err, ERR_INVALID_ARGUMENT, "job_id",
				 "job id %.40s: several jobs begin so; give more characters",
				 prefix);
	return 0;
}

int
jobs_view(struct jobs *jobs, struct arena *a, const char *id, struct job_view *ret_view,
	  struct err *err)
{
	struct job *job = jobs_live(jobs, id);
	struct store_job row;
	char whole[ID_SIZE];
	int rc;

	if (!job) {
		rc = resolve(jobs, id, whole, err);
		if (rc < 0)
			return rc;
		job = jobs_live(jobs, whole);
		id = whole;
	}
	if (job) {
		jobs_view_row(jobs, &job->row, ret_view);
		return 0;
	}
	rc = store_job_get(jobs->config.store, a, id, &row, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_field(err, ERR_NOT_FOUND, "job_id", "no job %.40s", id);
	jobs_view_row(jobs, &row, ret_view);
	return 0;
}

struct removal {
	struct work work;
	int statefd;
	char id[ID_SIZE];
};

static void
run_removal(struct work *w)
{
	struct removal *r = container_of(w, struct removal, work);

	/* What stays behind is found and removed at the engine's next start. */
	(void)!folder_remove(r->statefd, r->id);
}

static void
removal_done(struct work *w)
{
	free(container_of(w, struct removal, work));
}

/* The row is gone: nobody finds the job any more, and it goes when those who watch have been told.
 */
static void
leave(struct job *job)
{
	(void)map_remove(&job->jobs->live, job->row.id);
	if (job->dirty)
		TAILQ_REMOVE(&job->jobs->dirty, job, dirty_link);
	job->dirty = false;
	job->over = true;
	job_tell(job);
}

static struct removal *
removal_new(const struct jobs *jobs, const char *id)
{
	struct removal *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->work.run = run_removal;
	r->work.done = r->work.drop = removal_done;
	r->statefd = jobs->config.statefd;
	(void)snprintf(r->id, sizeof r->id, "%s", id);
	return r;
}

void
jobs_remove_folder(struct jobs *jobs, const char *id)
{
	struct removal *r = removal_new(jobs, id);

	if (r)
		work_submit(jobs->config.work, &r->work);
}

/* The row is gone; so goes the rest. */
static void
removed(struct jobs *jobs, const struct job_view *view, struct removal *r)
{
	const struct jobs_hooks *h = &jobs->config.hooks;

	if (h->event)
		h->event(h->arg, &view->row, JOBS_EVENT_REMOVED, "",
			 (uint64_t)view->row.n_events + 1);
	if (view->live)
		leave(view->live);
	output_close(jobs, view->row.id);
	work_submit(jobs->config.work, &r->work);
}

int
jobs_remove(struct jobs *jobs, const struct job_view *view, struct err *err)
{
	struct removal *r;
	int rc;

	if (view->live && !view->live->over)
		return err_field(err, ERR_FAILED_PRECONDITION, "job_id",
				 "job %.8s is %s%s; stop it first, or force its removal",
				 view->row.id, job_state_word((int)view->row.state),
				 job_state_is_final((int)view->row.state)
					 ? ", but processes of it live on"
					 : "");
	r = removal_new(jobs, view->row.id);
	if (!r)
		return err_sys(err, ENOMEM, "remove job");
	rc = store_job_delete(jobs->config.store, view->row.number, err);
	if (rc < 0)
		free(r);
	else
		removed(jobs, view, r);
	return rc;
}

int
job_undo(struct job *job, struct err *err)
{
	const struct job_view view = { .row = job->row, .live = job };
	struct removal *r = removal_new(job->jobs, job->row.id);
	int rc;

	if (!r)
		return err_sys(err, ENOMEM, "undo job");
	rc = store_job_undo(job->jobs->config.store, &job->row, err);
	if (rc < 0)
		free(r);
	else
		removed(job->jobs, &view, r);
	return rc;
}
