/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "job/impl.h"

/* A client, known by the name that it keeps across its connections. When the last one has ended,
 * and no new one has come within the grace, what depends on the client is ended or let go. */
struct session {
	char name[65];
	struct jobs *jobs;
	int connections;
	struct event *timer;
};

static void
session_free(struct session *s)
{
	(void)map_remove(&s->jobs->sessions, s->name);
	if (s->timer)
		event_free(s->timer);
	free(s);
}

void
sessions_fini(struct jobs *jobs)
{
	struct session *s;
	size_t it;

	map_for_each (&jobs->sessions, it, s) {
		if (s->timer)
			event_free(s->timer);
		free(s);
	}
	map_fini(&jobs->sessions);
}

static void
on_grace(evutil_socket_t fd, short what, void *arg)
{
	struct session *s = arg;
	struct job *job;
	size_t it;

	(void)fd, (void)what;
	map_for_each (&s->jobs->live, it, job) {
		if (strcmp(job->row.session, s->name) != 0 || job->over)
			continue;
		if (job->row.lifetime && !job->stopping) {
			job_note(job, "the client that it belongs to is gone: it is ended");
			ask_stop_for_nobody(job, -1);
		} else if (job->row.cap == SPEC_CAP_BLOCK) {
			job_detach(job, "the client that follows it is gone: it goes on alone");
		}
	}
	session_free(s);
}

static struct session *
session_get(struct jobs *jobs, const char *name)
{
	struct session *s = map_get(&jobs->sessions, name);

	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->jobs = jobs;
	(void)snprintf(s->name, sizeof s->name, "%s", name);
	s->timer = event_new(jobs->config.base, -1, 0, on_grace, s);
	if (!s->timer || map_put(&jobs->sessions, s->name, s) < 0) {
		if (s->timer)
			event_free(s->timer);
		free(s);
		return NULL;
	}
	return s;
}

static void
start_grace(struct session *s)
{
	const struct timeval tv = clock_wait(s->jobs->config.session_grace_ms);

	(void)event_add(s->timer, &tv);
}

int
session_expect(struct jobs *jobs, const char *session)
{
	struct session *s = session_get(jobs, session);

	if (!s)
		return -ENOMEM;
	if (s->connections == 0 && !event_pending(s->timer, EV_TIMEOUT, NULL))
		start_grace(s);
	return 0;
}

void
jobs_session_add(struct jobs *jobs, const char *session, int connections)
{
	struct session *s = session_get(jobs, session);

	if (!s)
		return;
	s->connections = MAX(s->connections + connections, 0);
	if (s->connections)
		(void)event_del(s->timer);
	else
		start_grace(s);
}

void
job_detach(struct job *job, const char *reason)
{
	if (job->over)
		return;
	job->row.lifetime = 0;
	if (job->row.cap == SPEC_CAP_BLOCK) {
		job->row.cap = SPEC_CAP_DROP;
		if (job->proc)
			proc_policy(job->proc, SPEC_CAP_DROP);
	}
	if (*reason)
		job_note(job, reason);
	job_changed(job);
}
