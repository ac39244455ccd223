/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <event2/event.h>
#include <string.h>

#include "base/err.h"
#include "job/impl.h"

/* Jobs wait in the order in which they came; one whose group is full lets later ones pass. One that
 * the engine before has left is waited for, a moment, until its holder is found. */

#define ADOPTION_LOOK_MS 100

int64_t
queue_group_count(const struct jobs *jobs, const char *group)
{
	int64_t n = 0;
	struct job *job;
	size_t it;

	map_for_each (&jobs->live, it, job)
		n += !job_state_is_final((int)job->row.state) && strcmp(job->row.grp, group) == 0;
	return n;
}

bool
queue_may_run(const struct jobs *jobs, const char *group, uint32_t group_limit)
{
	struct job *job;
	int64_t n = 0;
	size_t it;

	if (jobs->n_running >= jobs->config.max_running)
		return false;
	if (!group_limit)
		return true;
	map_for_each (&jobs->live, it, job)
		n += (job->row.state == JOB_STARTING || job->row.state == JOB_RUNNING) &&
		     strcmp(job->row.grp, group) == 0;
	return n < group_limit;
}

bool
queue_has_room(const struct jobs *jobs, const char *group, uint32_t group_limit)
{
	return TAILQ_EMPTY(&jobs->queue) && queue_may_run(jobs, group, group_limit);
}

static void
go(struct job *job)
{
	job_step(job, JOB_EV_GO, REASON_NONE, 0, NULL);
	proc_go(job->proc);
}

/* Once a turn, however often it was asked for: job_step() asks while others walk the table. */
static void
on_run(evutil_socket_t fd, short what, void *arg)
{
	struct jobs *jobs = arg;
	struct job *job, *next;
	const struct timeval soon = { 0, ADOPTION_LOOK_MS * 1000 };

	(void)fd, (void)what;
	if (jobs->draining)
		return;
	for (job = TAILQ_FIRST(&jobs->queue); job; job = next) {
		next = TAILQ_NEXT(job, queue_link);
		if (jobs->n_running >= jobs->config.max_running)
			break;
		if (adoption_is_recent(job)) {
			(void)event_add(jobs->queue_event, &soon);
			break;
		}
		if (job->proc && !job->adoption &&
		    queue_may_run(jobs, job->row.grp, (uint32_t)job->row.group_limit))
			go(job);
	}
}

int
queue_init(struct jobs *jobs, struct err *err)
{
	jobs->queue_event = event_new(jobs->config.base, -1, 0, on_run, jobs);
	return jobs->queue_event ? 0 : err_sys(err, ENOMEM, "queue");
}

void
queue_fini(struct jobs *jobs)
{
	if (jobs->queue_event)
		event_free(jobs->queue_event);
}

void
queue_run(struct jobs *jobs)
{
	if (!TAILQ_EMPTY(&jobs->queue))
		event_active(jobs->queue_event, EV_TIMEOUT, 1);
}

/* Queued jobs stay in the order of their numbers, also those that an adoption brings back. */
void
queue_add(struct job *job)
{
	struct job *other;

	if (job->queued)
		return;
	job->queued = true;
	TAILQ_FOREACH_REVERSE(other, &job->jobs->queue, job_list, queue_link)
	if (other->row.number < job->row.number)
		break;
	if (other)
		TAILQ_INSERT_AFTER(&job->jobs->queue, other, job, queue_link);
	else
		TAILQ_INSERT_HEAD(&job->jobs->queue, job, queue_link);
	queue_run(job->jobs);
}

void
queue_remove(struct job *job)
{
	if (!job->queued)
		return;
	job->queued = false;
	TAILQ_REMOVE(&job->jobs->queue, job, queue_link);
}

uint32_t
queue_position(const struct job *job)
{
	const struct job *other;
	uint32_t n = 0;

	if (!job->queued)
		return 0;
	TAILQ_FOREACH (other, &job->jobs->queue, queue_link) {
		n++;
		if (other == job)
			break;
	}
	return n;
}
