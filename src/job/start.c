/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "job/impl.h"
#include "jobdir/folder.h"
#include "jobdir/record.h"
#include "proc/spawner.h"

/* The kernel's bound for one argument (MAX_ARG_STRLEN, 32 pages), with its NUL. A longer command
 * runs from a file. */
#define ARGUMENT_MAX ((size_t)128 * 1024 - 1)
#define SPEC_MAX     ((size_t)4 * 1024 * 1024)
/* Each holder of a job that waits has its spec in memory. */
#define QUEUED_BYTES_MAX ((int64_t)256 * 1024 * 1024)

/* A start under way: what must be undone if it does not come to its end. */
struct attempt {
	struct jobs *jobs;
	const struct job_start *start;
	struct spec spec;
	int dirfd, recordfd;
	bool has_folder;
	bool now; /* there is a slot: it does not have to wait */
	struct buf spec_bytes;
	struct job *job;
};

static int
check_limits(const struct jobs *jobs, const struct job_start *s, struct err *err)
{
	if (jobs->draining)
		return err_set(err, ERR_UNAVAILABLE, "the engine is ending; it starts nothing new");
	if (s->group_limit && s->reject_when_full &&
	    queue_group_count(jobs, s->group) >= s->group_limit)
		return err_field(err, ERR_RESOURCE_EXHAUSTED, "group_limit",
				 "Maximum concurrent jobs limit (%u) reached in group '%.64s'",
				 s->group_limit, s->group);
	if (s->reject_when_full && jobs->n_running >= jobs->config.max_running)
		return err_field(
			err, ERR_RESOURCE_EXHAUSTED, "when_full",
			"%lld jobs are running, as many as the engine allows "
			"(JOBWIRE_MAX_RUNNING); stop one, or let this one wait in the queue",
			(long long)jobs->n_running);
	if (jobs->n_queued >= jobs->config.max_queued &&
	    !queue_may_run(jobs, s->group, s->group_limit))
		return err_set(err, ERR_RESOURCE_EXHAUSTED,
			       "%lld jobs are waiting, as many as the engine allows "
			       "(JOBWIRE_MAX_QUEUED); stop some first",
			       (long long)jobs->n_queued);
	if (jobs->queued_bytes >= QUEUED_BYTES_MAX)
		return err_set(err, ERR_RESOURCE_EXHAUSTED,
			       "the commands of the jobs that wait have %lld MiB together, as many "
			       "as the engine allows; stop some first",
			       (long long)(QUEUED_BYTES_MAX >> 20));
	return 0;
}

static int
write_script(struct attempt *a, struct err *err)
{
	const char *text = a->spec.command;
	int fd, rc;

	if (!text || strlen(text) <= ARGUMENT_MAX)
		return 0;
	fd = sys_openat(a->dirfd, FOLDER_SCRIPT, O_WRONLY | O_CREAT | O_EXCL, 0600);
	rc = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
	fd_close(&fd);
	if (rc < 0)
		return err_sys(err, -rc, "write the command to the job's folder");
	a->spec.in_file = true;
	return 0;
}

/* Folder, script, record. */
static int
make_folder(struct attempt *a, struct err *err)
{
	int rc;

	rc = folder_create(a->jobs->config.statefd, a->spec.id, &a->dirfd);
	if (rc < 0)
		return err_sys(err, -rc, "create the job's folder");
	a->has_folder = true;
	sys_stop_point("start.folder");
	rc = write_script(a, err);
	return rc < 0 ? rc : record_create(a->dirfd, &a->spec, &a->recordfd, err);
}

/* The row and what hangs on it; from here on the job exists. */
static int
make_row(struct attempt *a, struct err *err)
{
	const struct job_start *s = a->start;
	struct store_job row = {
		.id = a->spec.id,
		.state = a->now ? JOB_STARTING : JOB_QUEUED,
		.detail = "",
		.name = s->name,
		.grp = s->group,
		.session = s->session,
		.lifetime = s->ends_with_session,
		.cap = a->spec.cap,
		.grace_ms = (int64_t)a->spec.grace_ms,
		.created_ns = clock_wall_ns(),
		.n_labels = (int64_t)s->n_labels,
		.group_limit = s->group_limit,
	};
	struct store_job_parts parts = {
		.labels = s->labels,
		.n_labels = s->n_labels,
		.key = s->key,
		.now_ns = row.created_ns,
		.power_safe = a->spec.power_safe,
	};
	int rc;

	rc = spec_encode(&a->spec_bytes, &a->spec, false);
	if (rc < 0)
		return err_sys(err, -rc, "job");
	parts.spec = (struct store_blob){ buf_head(&a->spec_bytes), a->spec_bytes.len };
	rc = store_job_insert(a->jobs->config.store, &row, &parts, err);
	if (rc < 0)
		return rc;
	sys_stop_point("start.row");
	rc = job_new(a->jobs, &row, &a->job, err);
	if (rc < 0)
		(void)!store_job_undo(a->jobs->config.store, &row, NULL);
	return rc;
}

int
job_connect(struct job *job, int control, struct err *err)
{
	return proc_new(job->jobs->config.base, control, &job_facts, job, &job->proc, err);
}

static int
start_holder(struct attempt *a, struct err *err)
{
	int control, rc;

	rc = spawner_start(a->jobs->config.spawner, a->spec.id, a->recordfd, a->dirfd,
			   &a->job->holder, &control, err);
	if (rc < 0)
		return rc;
	sys_stop_point("start.holder");
	rc = job_connect(a->job, control, err);
	if (rc < 0)
		return rc;
	proc_launch(a->job->proc, &a->spec);
	if (a->now)
		proc_go(a->job->proc);
	return 0;
}

/* Nothing is left of what did not come to its end, and nothing ran. */
static void
undo(struct attempt *a)
{
	if (a->job) {
		(void)!store_job_undo(a->jobs->config.store, &a->job->row, NULL);
		job_free(a->job);
	}
	if (a->has_folder)
		(void)!folder_remove(a->jobs->config.statefd, a->spec.id);
}

static int
begin(struct attempt *a, struct err *err)
{
	int rc;

	rc = make_folder(a, err);
	if (rc == 0)
		rc = make_row(a, err);
	if (rc == 0 && *a->start->session)
		rc = session_expect(a->jobs, a->start->session) < 0
			     ? err_sys(err, ENOMEM, "session")
			     : 0;
	if (rc == 0)
		rc = start_holder(a, err);
	if (rc < 0)
		undo(a);
	fd_close(&a->dirfd);
	fd_close(&a->recordfd); /* the holder has it, and its lock */
	buf_fini(&a->spec_bytes);
	return rc;
}

/* 1: the key has started *ret_id before. */
static int
find_key(struct jobs *jobs, const struct store_key *key, char ret_id[ID_SIZE], struct err *err)
{
	struct store *store = jobs->config.store;
	uint64_t hash;
	char id[ID_SIZE];
	bool exists;
	int rc;

	rc = store_key_get(store, key, id, &hash, err);
	if (rc <= 0)
		return rc;
	if (hash != key->hash)
		return err_field(
			err, ERR_ALREADY_EXISTS, "idempotency_key",
			"idempotency key '%.64s' has started job %.8s with another request; "
			"use a new key for a new job",
			key->key, id);
	rc = store_job_exists(store, id, &exists, err);
	if (rc < 0)
		return rc;
	if (!exists)
		return err_field(
			err, ERR_ALREADY_EXISTS, "idempotency_key",
			"idempotency key '%.64s' has started job %.8s, which was removed since; "
			"use a new key for a new job",
			key->key, id);
	(void)snprintf(ret_id, ID_SIZE, "%s", id);
	return 1;
}

int
jobs_start(struct jobs *jobs, const struct job_start *start, char ret_id[ID_SIZE],
	   bool *ret_existing, struct err *err)
{
	struct attempt a = { .jobs = jobs, .start = start, .dirfd = -1, .recordfd = -1 };
	int rc;

	*ret_existing = false;
	rc = start->key ? find_key(jobs, start->key, ret_id, err) : 0;
	if (rc > 0) {
		*ret_existing = true;
		return 0;
	}
	if (rc == 0)
		rc = check_limits(jobs, start, err);
	if (rc < 0)
		return rc;
	a.now = queue_has_room(jobs, start->group, start->group_limit);
	a.spec = start->spec;
	id_new(a.spec.id);
	buf_init(&a.spec_bytes, SPEC_MAX);
	rc = begin(&a, err);
	if (rc < 0)
		return rc;
	job_event(a.job, JOBS_EVENT_STATE, "");
	if (!a.now)
		queue_add(a.job);
	(void)snprintf(ret_id, ID_SIZE, "%s", a.spec.id);
	return 0;
}
