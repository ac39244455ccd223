/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "job/impl.h"
#include "jobdir/folder.h"

/* Readers that are kept open: each has up to four descriptors. */
#define READERS_MAX 64

void
output_close_reader(struct job *job)
{
	if (!job->reader)
		return;
	TAILQ_REMOVE(&job->jobs->readers, job, reader_link);
	job->jobs->n_readers--;
	outlog_reader_free(job->reader);
	job->reader = NULL;
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

/* The least recently used one goes when there are too many. */
static int
live_reader(struct job *job, struct outlog_reader **ret_reader, struct err *err)
{
	struct jobs *jobs = job->jobs;
	int rc;

	if (job->reader) {
		TAILQ_REMOVE(&jobs->readers, job, reader_link);
	} else {
		rc = open_reader(jobs, job->row.id, &job->reader, err);
		if (rc < 0)
			return rc;
		jobs->n_readers++;
	}
	TAILQ_INSERT_TAIL(&jobs->readers, job, reader_link);
	if (jobs->n_readers > READERS_MAX)
		output_close_reader(TAILQ_FIRST(&jobs->readers));
	*ret_reader = job->reader;
	return 0;
}

int
job_reader(struct jobs *jobs, const struct job_view *view, struct outlog_reader **ret_reader,
	   bool *ret_owned, struct err *err)
{
	int rc;

	*ret_owned = view->live == NULL;
	if (view->live)
		return live_reader(view->live, ret_reader, err);
	rc = open_reader(jobs, view->row.id, ret_reader, err);
	if (rc == 0)
		outlog_reader_final(*ret_reader);
	return rc;
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
	if (live_reader(job, &reader, NULL) < 0 || outlog_reader_extents(reader, &e) < 0)
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

	if (!job->proc || job->spec.cap != SPEC_CAP_BLOCK)
		return;
	if (view == OUTLOG_VIEW_COMBINED) {
		if (live_reader(job, &reader, NULL) < 0 ||
		    outlog_split(reader, offset, offsets) < 0)
			return;
	} else {
		offsets[view] = offset;
	}
	proc_consumed(job->proc, offsets[OUTLOG_OUT], offsets[OUTLOG_ERR]);
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
