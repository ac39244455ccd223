/* SPDX-License-Identifier: MIT */
#include "fixture.h"
#include "temp.h"

#include "jobdir/folder.h"
#include "outlog/outlog.h"

enum { LOGS_KEPT = 64 };

static struct temp *temp;

static int
setup(void **state)
{
	void *t;

	(void)temp_setup(&t);
	temp = t;
	(void)fixture_setup(state);
	((struct fixture *)*state)->jobs->config.statefd = temp->fd;
	return 0;
}

static int
teardown(void **state)
{
	void *t = temp;

	(void)fixture_teardown(state);
	return temp_teardown(&t);
}

/* A running job whose log holds its own number. */
static struct job *
add_writer(struct fixture *f, int64_t number)
{
	struct job *job = add_job(f, number, JOB_RUNNING, "", 0);
	struct outlog *log;
	char text[32];
	size_t taken;
	int dirfd;

	assert_int_equal(folder_create(temp->fd, job->row.id, &dirfd), 0);
	assert_ok(outlog_new(dirfd, 0, OUTLOG_DROP_OLDEST, &log, &f->err), &f->err);
	(void)snprintf(text, sizeof text, "%d.", (int)number);
	assert_int_equal(outlog_append(log, OUTLOG_OUT, 1, text, strlen(text), &taken), 0);
	assert_int_equal(outlog_append(log, OUTLOG_ERR, 1, "err", 3, &taken), 0);
	outlog_free(log);
	fd_close(&dirfd);
	job->row.started_ns = 1;
	return job;
}

static void
assert_reads(struct fixture *f, struct job *job, const char *want)
{
	struct outlog_reader *reader;
	struct outlog_result r;
	struct job_view view;
	char text[64];

	jobs_view_row(f->jobs, &job->row, &view);
	assert_ok(job_reader(f->jobs, &view, &reader, &f->err), &f->err);
	assert_int_equal(outlog_read(reader, OUTLOG_VIEW_OUT, 0, (unsigned char *)text, sizeof text,
				     false, NULL, 0, &r),
			 0);
	assert_int_equal(r.len, strlen(want));
	assert_memory_equal(text, want, r.len);
}

static bool
is_open(const struct fixture *f, const struct job *job)
{
	return map_get(&f->jobs->logs_by_id, job->row.id) != NULL;
}

static void
so_many_logs_stay_open_and_the_one_used_longest_ago_goes_first(void **state)
{
	struct fixture *f = *state;
	struct job *jobs[LOGS_KEPT + 2];
	char want[32];
	int i;

	for (i = 0; i < LOGS_KEPT + 2; i++)
		jobs[i] = add_writer(f, 100 + i);
	for (i = 0; i < LOGS_KEPT; i++) {
		(void)snprintf(want, sizeof want, "%d.", 100 + i);
		assert_reads(f, jobs[i], want);
	}
	assert_int_equal(f->jobs->logs_by_id.len, LOGS_KEPT);
	assert_reads(f, jobs[0], "100."); /* used again */
	assert_reads(f, jobs[LOGS_KEPT], "164.");
	assert_int_equal(f->jobs->logs_by_id.len, LOGS_KEPT);
	assert_true(is_open(f, jobs[0]));
	assert_false(is_open(f, jobs[1]));
	assert_reads(f, jobs[LOGS_KEPT + 1], "165.");
	assert_false(is_open(f, jobs[2]));
	assert_reads(f, jobs[1], "101."); /* opened anew */
	output_close(f->jobs, jobs[1]->row.id);
	output_close(f->jobs, jobs[1]->row.id);
	assert_int_equal(f->jobs->logs_by_id.len, LOGS_KEPT - 1);
}

static void
a_folder_that_is_gone_is_an_error_that_names_the_job(void **state)
{
	struct fixture *f = *state;
	struct job *job = add_job(f, 7, JOB_RUNNING, "", 0);
	struct outlog_reader *reader;
	struct job_view view;
	struct err err = { 0 };

	jobs_view_row(f->jobs, &job->row, &view);
	assert_int_equal(job_reader(f->jobs, &view, &reader, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "the output of job 00000000"));
	assert_int_equal(f->jobs->logs_by_id.len, 0);
}

/* The holder speaks once, when it has been armed; until then the disk knows more than the row. */
static void
a_look_at_a_job_that_is_not_armed_asks_the_disk_and_arms_it(void **state)
{
	struct fixture *f = *state;
	struct job *job = add_writer(f, 7);
	struct job_view view;
	struct frame_arm arm;
	struct frame frame;
	struct peer peer;

	connect_job(f, job, &peer);
	peer_expect(&peer, FRAME_HELLO, &frame);
	jobs_view_row(f->jobs, &job->row, &view);
	assert_int_equal(view.row.out_end, 2);
	assert_int_equal(view.row.err_end, 3);
	peer_expect(&peer, FRAME_ARM, &frame);
	assert_int_equal(frame_get_arm(&frame, &arm), 0);
	assert_int_equal(arm.out, 2);
	assert_int_equal(arm.err, 3);
	jobs_view_row(f->jobs, &job->row, &view);
	peer_expect_none(&peer); /* once */

	PEER_SAY(f, &peer, frame_put_output,
		 &(struct frame_output){ .out = { 1, 20, 30 }, .err = { 2, 3, 4 } });
	assert_int_equal(job->row.out_start, 1);
	assert_int_equal(job->row.out_stored, 20);
	assert_int_equal(job->row.out_end, 30);
	assert_int_equal(job->row.err_end, 4);
	assert_false(job->armed);
	assert_true(jobs_has_news(f->jobs));
	peer_close(&peer);
}

static void
only_a_job_that_waits_for_its_follower_is_told_how_far_that_one_is(void **state)
{
	struct fixture *f = *state;
	struct job *job = add_writer(f, 7);
	struct frame_arm consumed;
	struct frame frame;
	struct peer peer;

	connect_job(f, job, &peer);
	peer_expect(&peer, FRAME_HELLO, &frame);
	job_consume(job, OUTLOG_VIEW_OUT, 2);
	peer_expect_none(&peer);
	job->row.cap = SPEC_CAP_BLOCK;
	job_consume(job, OUTLOG_VIEW_OUT, 2);
	peer_expect(&peer, FRAME_CONSUMED, &frame);
	assert_int_equal(frame_get_arm(&frame, &consumed), 0);
	assert_int_equal(consumed.out, 2);
	assert_int_equal(consumed.err, 0);
	job_consume(job, OUTLOG_VIEW_COMBINED, 4);
	peer_expect(&peer, FRAME_CONSUMED, &frame);
	assert_int_equal(frame_get_arm(&frame, &consumed), 0);
	assert_int_equal(consumed.out, 2);
	assert_int_equal(consumed.err, 2);
	peer_close(&peer);
}

#define unit_test_of_output(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_output(so_many_logs_stay_open_and_the_one_used_longest_ago_goes_first),
		unit_test_of_output(a_folder_that_is_gone_is_an_error_that_names_the_job),
		unit_test_of_output(a_look_at_a_job_that_is_not_armed_asks_the_disk_and_arms_it),
		unit_test_of_output(
			only_a_job_that_waits_for_its_follower_is_told_how_far_that_one_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
