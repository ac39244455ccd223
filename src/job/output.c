/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "job/impl.h"
#include "jobdir/folder.h"

/* Logs that are kept open: each has up to four descriptors. */
#define LOGS_MAX 64

struct open_log {
	char id[ID_SIZE];
	struct outlog_reader *reader;
	TAILQ_ENTRY(open_log) link;
};

static void
close_log(struct jobs *jobs, struct open_log *log)
{
	TAILQ_REMOVE(&jobs->open_logs, log, link);
	(void)map_remove(&jobs->logs_by_id, log->id);
	outlog_reader_free(log->reader);
	free(log);
}

void
output_close(struct jobs *jobs, const char *id)
{
	struct open_log *log = map_get(&jobs->logs_by_id, id);

	if (log)
		close_log(jobs, log);
}

void
output_fini(struct jobs *jobs)
{
	while (!TAILQ_EMPTY(&jobs->open_logs))
		close_log(jobs, TAILQ_FIRST(&jobs->open_logs));
	map_fini(&jobs->logs_by_id);
}

static int
open_reader(struct jobs *jobs, const char *id, struct outlog_reader **ret_reader, struct err *err)
{
	int dirfd, rc;

	rc = folder_open(jobs->config.statefd, id, &dirfd);
	if (rc < 0)
		return err_sys(err, -rc, "the output of job %.8s", id);
	rc = outlog_reader_new(dirfd, ret_reader, err);
	(void)close(dirfd);
	return rc;
}

static int
open_log(struct jobs *jobs, const char *id, bool final, struct open_log **ret_log, struct err *err)
{
	struct open_log *log = calloc(1, sizeof *log);
	int rc;

	if (!log)
		return err_sys(err, ENOMEM, "output log");
	rc = open_reader(jobs, id, &log->reader, err);
	if (rc < 0) {
		free(log);
		return rc;
	}
	(void)snprintf(log->id, sizeof log->id, "%s", id);
	if (map_put(&jobs->logs_by_id, log->id, log) < 0) {
		outlog_reader_free(log->reader);
		free(log);
		return err_sys(err, ENOMEM, "output log");
	}
	TAILQ_INSERT_TAIL(&jobs->open_logs, log, link);
	if (final)
		outlog_reader_final(log->reader);
	*ret_log = log;
	return 0;
}

/* The least recently used one goes when there are too many. */
static int
reader_of(struct jobs *jobs, const char *id, bool final, struct outlog_reader **ret_reader,
	  struct err *err)
{
	struct open_log *log = map_get(&jobs->logs_by_id, id);
	int rc;

	if (!log) {
		rc = open_log(jobs, id, final, &log, err);
		if (rc < 0)
			return rc;
	} else {
		TAILQ_REMOVE(&jobs->open_logs, log, link);
		TAILQ_INSERT_TAIL(&jobs->open_logs, log, link);
	}
	if (jobs->logs_by_id.len > LOGS_MAX)
		close_log(jobs, TAILQ_FIRST(&jobs->open_logs));
	*ret_reader = log->reader;
	return 0;
}

int
job_reader(struct jobs *jobs, const struct job_view *view, struct outlog_reader **ret_reader,
	   struct err *err)
{
	return reader_of(jobs, view->row.id, view->live == NULL, ret_reader, err);
}

void
job_want_output(struct job *job)
{
	if (job->armed || !job->proc || !job->row.started_ns)
		return;
	job->armed = true;
	proc_arm(job->proc, (uint64_t)job->row.out_end, (uint64_t)job->row.err_end);
}

/* While the holder is armed, it has told of everything there is. Otherwise the disk knows. */
void
job_refresh(struct job *job)
{
	struct outlog_extents e;
	struct outlog_reader *reader;

	if (job->armed || !job->row.started_ns || job->over)
		return;
	if (reader_of(job->jobs, job->row.id, false, &reader, NULL) < 0 ||
	    outlog_reader_extents(reader, &e) < 0)
		return;
	job->row.out_start = (int64_t)e.stream[OUTLOG_OUT].start;
	job->row.out_stored = (int64_t)e.stream[OUTLOG_OUT].stored;
	job->row.out_end = MAX(job->row.out_end, job->row.out_stored);
	job->row.err_start = (int64_t)e.stream[OUTLOG_ERR].start;
	job->row.err_stored = (int64_t)e.stream[OUTLOG_ERR].stored;
	job->row.err_end = MAX(job->row.err_end, job->row.err_stored);
	job_want_output(job);
}

void
job_consume(struct job *job, enum outlog_view view, uint64_t offset)
{
	uint64_t offsets[OUTLOG_STREAMS] = { 0, 0 };
	struct outlog_reader *reader;
	int s;

	if (job->row.cap != SPEC_CAP_BLOCK)
		return;
	if (view == OUTLOG_VIEW_COMBINED) {
		if (reader_of(job->jobs, job->row.id, false, &reader, NULL) < 0 ||
		    outlog_split(reader, offset, offsets) < 0)
			return;
	} else {
		offsets[view] = offset;
	}
	for (s = 0; s < OUTLOG_STREAMS; s++)
		job->consumed[s] = MAX(job->consumed[s], offsets[s]);
	if (job->proc)
		proc_consumed(job->proc, job->consumed[OUTLOG_OUT], job->consumed[OUTLOG_ERR]);
}

void
jobs_listen(struct jobs *jobs, bool on)
{
	struct job *job;
	size_t it;

	jobs->listening = on;
	if (on)
		map_for_each (&jobs->live, it, job)
			job_want_output(job);
}
