/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "temp.h"

#include <poll.h>
#include <sqlite3.h>

#include "base/sys.h"
#include "base/work.h"
#include "jobdir/folder.h"

/* A state folder with a store, and the jobs that an engine finds in it. */
struct state {
	struct fixture f;
	struct temp *temp;
	char path[80];
	struct jobs_config config;
	struct peer peer;
};

#define ID_A "00000000-0000-4000-8000-000000000001"

static int
setup(void **state)
{
	static struct state s;
	struct jobs_config config = { .max_running = 3, .max_queued = 100 };
	void *temp;

	memset(&s, 0, sizeof s);
	s.peer.fd = -1;
	(void)temp_setup(&temp);
	s.temp = temp;
	arena_init(&s.f.arena, 1 << 20);
	s.f.base = event_base_new();
	assert_non_null(s.f.base);
	config.base = s.f.base;
	config.statefd = s.temp->fd;
	config.hooks.event = fixture_event;
	config.hooks.arg = &s.f;
	(void)snprintf(s.path, sizeof s.path, "%s/jobwire.db", s.temp->path);
	assert_ok(store_open(s.path, &config.store, &s.f.err), &s.f.err);
	assert_ok(work_pool_new(1, &config.work, &s.f.err), &s.f.err);
	s.config = config;
	assert_ok(jobs_new(&s.config, &s.f.jobs, &s.f.err), &s.f.err);
	*state = &s;
	return 0;
}

static int
teardown(void **state)
{
	struct state *s = *state;
	void *temp = s->temp;

	sys_heal();
	peer_close(&s->peer);
	work_pool_free(s->config.work);
	jobs_free(s->f.jobs);
	store_close(s->config.store);
	event_base_free(s->f.base);
	arena_fini(&s->f.arena);
	return temp_teardown(&temp);
}

/* A row and a folder with a record; the record, which is locked while it is open. */
static int
leave_job(struct state *s, enum job_state state)
{
	struct spec spec = plain_spec();
	struct store_job row = {
		.id = ID_A, .state = state, .detail = "", .name = "", .grp = "", .session = ""
	};
	struct store_job_parts parts = { 0 };
	int dirfd, recordfd;

	(void)snprintf(spec.id, sizeof spec.id, "%s", ID_A);
	assert_int_equal(folder_create(s->temp->fd, ID_A, &dirfd), 0);
	assert_ok(record_create(dirfd, &spec, &recordfd, &s->f.err), &s->f.err);
	(void)close(dirfd);
	assert_ok(store_job_insert(s->config.store, &row, &parts, &s->f.err), &s->f.err);
	return recordfd;
}

static struct job *
load(struct state *s)
{
	assert_ok(jobs_load(s->f.jobs, &s->f.err), &s->f.err);
	return jobs_live(s->f.jobs, ID_A);
}

/* One event of the loop, and what it leads to. */
static void
step(struct state *s)
{
	assert_true(event_base_loop(s->f.base, EVLOOP_ONCE) >= 0);
	jobs_notify(s->f.jobs);
}

/* The records that a holder appends behind the end of its job. */
static void
append_end(int recordfd, int exit_code)
{
	struct end end = { .wait_status = exit_code << 8, .cause = END_BY_ITSELF, .ended_ns = 7 };
	struct closing closing = { .closed_ns = 8 };
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(end_encode(&b, &end), 0);
	assert_int_equal(record_append(recordfd, RECORD_END, buf_head(&b), b.len, false), 0);
	buf_consume(&b, b.len);
	assert_int_equal(closing_encode(&b, &closing), 0);
	assert_int_equal(record_append(recordfd, RECORD_CLOSING, buf_head(&b), b.len, false), 0);
	buf_fini(&b);
}

static bool
is_stored(struct state *s)
{
	bool exists;

	assert_ok(store_job_exists(s->config.store, ID_A, &exists, &s->f.err), &s->f.err);
	return exists;
}

static void
a_job_of_which_nothing_ran_is_undone_when_the_store_takes_it(void **state)
{
	struct state *s = *state;
	sqlite3 *other;
	struct job *job;
	int i;

	(void)close(leave_job(s, JOB_STARTING));
	job = load(s);
	assert_int_equal(sqlite3_open(s->path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	for (i = 0; i < 3; i++)
		step(s);
	assert_ptr_equal(jobs_live(s->f.jobs, ID_A), job);
	assert_false(job->over);
	assert_int_equal(s->f.n_heard, 0);

	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	assert_true(is_stored(s));
	while (jobs_live(s->f.jobs, ID_A))
		step(s);
	assert_false(is_stored(s));
	assert_int_equal(s->f.n_heard, 1);
	assert_int_equal(s->f.heard[0].kind, JOBS_EVENT_REMOVED);
	assert_int_equal(jobs_counts(s->f.jobs).lingering + jobs_counts(s->f.jobs).running, 0);
}

/* The holder says that all is over, but its END was never heard. */
static void
a_closing_without_an_end_sends_to_the_record(void **state)
{
	struct state *s = *state;
	struct closing closing = { .closed_ns = 8 };
	int recordfd = leave_job(s, JOB_RUNNING);
	struct job *job = load(s);
	struct buf fields;

	adoption_cancel(job);
	connect_job(&s->f, job, &s->peer);
	append_end(recordfd, 3);
	buf_init(&fields, 4096);
	assert_int_equal(closing_encode(&fields, &closing), 0);
	PEER_SAY(&s->f, &s->peer, frame_put, FRAME_CLOSING, buf_head(&fields), fields.len);
	buf_fini(&fields);
	assert_false(job->over);
	assert_int_equal(job->row.state, JOB_RUNNING);
	peer_close(&s->peer);
	(void)close(recordfd);
	while (!job->over)
		step(s);
	assert_int_equal(job->row.state, JOB_FAILED);
	assert_int_equal(job->row.shell_code, 3);
	assert_int_equal(job->row.closed_ns, 8);
}

static void
an_end_that_cannot_be_read_now_is_read_later(void **state)
{
	struct frame_status status = { .begin = { .pid = 42, .started_ns = 1 }, .ended = true };
	struct state *s = *state;
	int recordfd = leave_job(s, JOB_RUNNING);
	struct job *job = load(s);

	need_faults();
	connect_job(&s->f, job, &s->peer);
	append_end(recordfd, 0);
	sys_fail(SYS_OPENAT, 1, EMFILE);
	PEER_SAY(&s->f, &s->peer, frame_put_status, FRAME_STATUS, &status);
	assert_int_equal(job->row.state, JOB_RUNNING);
	assert_non_null(job->adoption);
	(void)close(recordfd);
	step(s);
	assert_int_equal(job->row.state, JOB_RUNNING);
	sys_heal();
	while (!job->over)
		step(s);
	assert_int_equal(job->row.state, JOB_COMPLETED);
}

#define unit_test_of_adoption(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_adoption(a_job_of_which_nothing_ran_is_undone_when_the_store_takes_it),
		unit_test_of_adoption(a_closing_without_an_end_sends_to_the_record),
		unit_test_of_adoption(an_end_that_cannot_be_read_now_is_read_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
