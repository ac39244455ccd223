/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/work.h"
#include "job/impl.h"
#include "jobdir/record.h"
#include "proc/sweep.h"

/* A job whose holder is gone: its tree is ended on a worker, and then the job is over. */
struct loss {
	struct work work;
	struct sweep sweep;
	struct jobs *jobs;
	char id[ID_SIZE];
	char why[256]; /* "": its end is known, only what lingered is ended */
};

static bool
is_holder(const struct jobs *jobs, pid_t pid)
{
	struct job *job;
	size_t it;

	map_for_each (&jobs->live, it, job)
		if (job->holder == pid)
			return true;
	return false;
}

/* The engine is a subreaper: what a dead holder leaves comes to it. It has no children but holders,
 * so a child that is none is an orphan of a job that is lost. The loop starts the holders, so none
 * can be born while it looks. */
static uint32_t
kill_orphans(const struct jobs *jobs)
{
	struct process_list children = { 0 };
	uint32_t n = 0;
	size_t i;

	(void)process_add_children(&children, getpid());
	for (i = 0; i < children.n; i++)
		if (!is_holder(jobs, children.v[i].pid))
			n += process_signal(children.v[i].pid, children.v[i].ticks, SIGKILL) == 0;
	process_list_fini(&children);
	return n;
}

static void
run_sweep(struct work *w)
{
	sweep_run(&container_of(w, struct loss, work)->sweep);
}

/* What the segments say: the last thing that is known of the output. */
static void
take_disk_extents(struct job *job)
{
	job->armed = false;
	job_refresh(job);
	job->row.out_end = job->row.out_stored;
	job->row.err_end = job->row.err_stored;
	job->row.out_drained = job->row.out_end;
	job->row.err_drained = job->row.err_end;
}

static void
say_lost(struct job *job, const struct loss *l)
{
	struct outcome o = outcome_of_loss();
	char detail[400];

	take_disk_extents(job);
	if (l->sweep.is_blind)
		(void)snprintf(detail, sizeof detail,
			       "%s; whether processes of it are left could not be seen", l->why);
	else if (l->sweep.survivors)
		(void)snprintf(detail, sizeof detail, "%s; %u of its processes could not be ended",
			       l->why, l->sweep.survivors);
	else
		(void)snprintf(detail, sizeof detail, "%s", l->why);
	job_step(job, o.event, o.reason, o.shell_code, detail);
}

static void
sweep_done(struct work *w)
{
	struct loss *l = container_of(w, struct loss, work);
	struct job *job = jobs_live(l->jobs, l->id);

	if (job) {
		l->sweep.killed += kill_orphans(l->jobs);
		job->sweeping = false;
		job->row.killed += l->sweep.killed;
		job->row.survivors = l->sweep.survivors;
		if (*l->why)
			say_lost(job, l);
		job_over(job);
		ask_ended(job);
	}
	free(l);
}

static void
sweep_dropped(struct work *w)
{
	free(container_of(w, struct loss, work));
}

/* Pids and their start times are of one boot: of another one they name somebody else. */
static bool
is_of_this_boot(const struct record *r)
{
	char boot_id[BOOT_ID_SIZE];

	process_boot_id(boot_id);
	return *boot_id && r->has[RECORD_LAUNCH] && strcmp(boot_id, r->launch.boot_id) == 0;
}

int
job_lose(struct job *job, const struct record *record, const char *why)
{
	struct loss *l;

	if (job->sweeping || job->over)
		return 0;
	(void)kill_orphans(job->jobs);
	l = calloc(1, sizeof *l);
	if (!l)
		return -ENOMEM;
	job->sweeping = true;
	l->work.run = run_sweep;
	l->work.done = sweep_done;
	l->work.drop = sweep_dropped;
	l->jobs = job->jobs;
	(void)snprintf(l->id, sizeof l->id, "%s", job->row.id);
	(void)snprintf(l->why, sizeof l->why, "%s", why ? why : "");
	(void)snprintf(l->sweep.job_id, sizeof l->sweep.job_id, "%s", job->row.id);
	if (is_of_this_boot(record)) {
		l->sweep.main_pid = record->begin.pid;
		l->sweep.main_ticks = record->begin.start_ticks;
	}
	if (record->has[RECORD_BEGIN] && !job->row.started_ns) {
		job->row.pid = record->begin.pid;
		job->row.started_ns = record->begin.started_ns;
	}
	work_submit(job->jobs->config.work, &l->work);
	return 0;
}
