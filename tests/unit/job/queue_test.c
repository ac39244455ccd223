/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static const struct heard *
last(const struct fixture *f)
{
	assert_true(f->n_heard > 0);
	return &f->heard[f->n_heard - 1];
}

/* A queued job with a holder that waits for its GO. */
static struct job *
add_waiting(struct fixture *f, int64_t number, const char *group, uint32_t limit, struct peer *peer)
{
	struct job *job = add_job(f, number, JOB_QUEUED, group, limit);
	struct frame frame;

	connect_job(f, job, peer);
	peer_expect(peer, FRAME_HELLO, &frame);
	queue_add(job);
	return job;
}

static void
a_job_gets_its_slot_on_the_next_turn_and_its_holder_the_word(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	struct peer peer;
	struct job *job = add_waiting(f, 1, "", 0, &peer);

	assert_int_equal(queue_position(job), 1);
	peer_expect_none(&peer);
	turn(f);
	assert_int_equal(job->row.state, JOB_STARTING);
	assert_int_equal(last(f)->state, JOB_STARTING);
	peer_expect(&peer, FRAME_GO, &frame);
	peer_expect_none(&peer);
	assert_int_equal(queue_position(job), 0);
	assert_int_equal(jobs_counts(f->jobs).running, 1);
	assert_int_equal(jobs_counts(f->jobs).queued, 0);
	peer_close(&peer);
}

static void
as_many_run_as_the_engine_allows_in_the_order_in_which_they_came(void **state)
{
	struct fixture *f = *state;
	struct peer peers[6];
	struct job *jobs[6];
	int i;

	/* Also when they come in another order, as an adoption brings them. */
	for (i = 5; i >= 0; i--)
		jobs[i] = add_waiting(f, 10 + i, "", 0, &peers[i]);
	for (i = 0; i < 6; i++)
		assert_int_equal(queue_position(jobs[i]), i + 1);
	assert_int_equal(jobs_counts(f->jobs).queued, 6);
	turn(f);
	for (i = 0; i < 6; i++)
		assert_int_equal(jobs[i]->row.state, i < 3 ? JOB_STARTING : JOB_QUEUED);
	assert_int_equal(queue_position(jobs[3]), 1);
	assert_int_equal(f->heard[0].number, 10);
	assert_int_equal(f->heard[2].number, 12);

	/* An end makes room for the next one. */
	job_step(jobs[1], JOB_EV_COMPLETE, REASON_EXIT, 0, NULL);
	assert_int_equal(jobs[3]->row.state, JOB_QUEUED);
	turn(f);
	assert_int_equal(jobs[3]->row.state, JOB_STARTING);
	assert_int_equal(jobs[4]->row.state, JOB_QUEUED);
	for (i = 0; i < 6; i++)
		peer_close(&peers[i]);
}

static void
a_full_group_lets_later_ones_of_others_pass(void **state)
{
	struct fixture *f = *state;
	struct peer peers[4];
	struct job *a1 = add_waiting(f, 1, "a", 1, &peers[0]);
	struct job *a2 = add_waiting(f, 2, "a", 1, &peers[1]);
	struct job *b1 = add_waiting(f, 3, "b", 1, &peers[2]);
	struct job *a3 = add_waiting(f, 4, "a", 2, &peers[3]);
	int i;

	turn(f);
	assert_int_equal(a1->row.state, JOB_STARTING);
	assert_int_equal(a2->row.state, JOB_QUEUED);
	assert_int_equal(b1->row.state, JOB_STARTING);
	/* The limit is each job's own. */
	assert_int_equal(a3->row.state, JOB_STARTING);
	assert_int_equal(queue_position(a2), 1);
	assert_int_equal(queue_group_count(f->jobs, "a"), 3);
	assert_int_equal(queue_group_count(f->jobs, "b"), 1);
	assert_int_equal(queue_group_count(f->jobs, "c"), 0);

	job_step(a1, JOB_EV_FAIL, REASON_EXIT, 1, NULL);
	turn(f);
	assert_int_equal(a2->row.state, JOB_QUEUED); /* a3 runs */
	job_step(a3, JOB_EV_FAIL, REASON_EXIT, 1, NULL);
	turn(f);
	assert_int_equal(a2->row.state, JOB_STARTING);
	assert_int_equal(queue_group_count(f->jobs, "a"), 1);
	for (i = 0; i < 4; i++)
		peer_close(&peers[i]);
}

static void
a_new_job_runs_at_once_only_where_nobody_waits(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job;

	assert_true(queue_has_room(f->jobs, "", 0));
	assert_true(queue_has_room(f->jobs, "a", 1));
	(void)add_job(f, 1, JOB_RUNNING, "a", 1);
	assert_true(queue_has_room(f->jobs, "", 0));
	assert_true(queue_has_room(f->jobs, "a", 0));
	assert_false(queue_has_room(f->jobs, "a", 1));
	assert_true(queue_has_room(f->jobs, "a", 2));
	job = add_waiting(f, 2, "a", 1, &peer);
	assert_false(queue_has_room(f->jobs, "", 0));
	queue_remove(job);
	assert_true(queue_has_room(f->jobs, "", 0));
	(void)add_job(f, 3, JOB_STARTING, "", 0);
	(void)add_job(f, 4, JOB_RUNNING, "", 0);
	assert_false(queue_has_room(f->jobs, "", 0));
	peer_close(&peer);
}

static void
one_without_a_holder_waits_until_it_has_one(void **state)
{
	struct fixture *f = *state;
	struct job *job = add_job(f, 1, JOB_QUEUED, "", 0);
	struct frame frame;
	struct peer peer;

	queue_add(job);
	turn(f);
	assert_int_equal(job->row.state, JOB_QUEUED);
	connect_job(f, job, &peer);
	queue_run(f->jobs);
	turn(f);
	assert_int_equal(job->row.state, JOB_STARTING);
	peer_expect(&peer, FRAME_HELLO, &frame);
	peer_expect(&peer, FRAME_GO, &frame);
	peer_close(&peer);
}

static void
an_engine_that_ends_starts_nothing_more(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_waiting(f, 1, "", 0, &peer);

	jobs_drain(f->jobs);
	turn(f);
	assert_int_equal(job->row.state, JOB_QUEUED);
	peer_close(&peer);
}

static void
what_was_stopped_in_the_queue_leaves_it(void **state)
{
	struct fixture *f = *state;
	struct peer peers[2];
	struct job *first = add_waiting(f, 1, "", 0, &peers[0]);
	struct job *second = add_waiting(f, 2, "", 0, &peers[1]);
	const struct failure cancelled = { .step = FAILURE_CANCELLED, .failed_ns = 77 };

	job_take_failure(first, &cancelled);
	assert_int_equal(first->row.state, JOB_KILLED);
	assert_int_equal(first->row.reason, REASON_USER);
	assert_int_equal(first->row.ended_ns, 77);
	assert_int_equal(first->row.closed_ns, 77);
	assert_string_equal(first->row.detail, "stopped before it was started");
	assert_int_equal(queue_position(first), 0);
	assert_int_equal(queue_position(second), 1);
	assert_int_equal(jobs_counts(f->jobs).queued, 1);
	/* Twice does no harm. */
	queue_remove(first);
	queue_add(second);
	assert_int_equal(queue_position(second), 1);
	peer_close(&peers[0]);
	peer_close(&peers[1]);
}

static void
a_job_that_had_not_been_told_goes_back_to_its_place(void **state)
{
	struct fixture *f = *state;
	struct peer peers[2];
	struct job *early = add_job(f, 1, JOB_STARTING, "", 0);
	struct job *late = add_waiting(f, 2, "", 0, &peers[1]);

	job_step(early, JOB_EV_REQUEUE, REASON_NONE, 0, NULL);
	queue_add(early);
	assert_int_equal(queue_position(early), 1);
	assert_int_equal(queue_position(late), 2);
	assert_int_equal(jobs_counts(f->jobs).queued, 2);
	assert_int_equal(jobs_counts(f->jobs).running, 0);
	peer_close(&peers[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_with_jobs(a_job_gets_its_slot_on_the_next_turn_and_its_holder_the_word),
		unit_test_with_jobs(
			as_many_run_as_the_engine_allows_in_the_order_in_which_they_came),
		unit_test_with_jobs(a_full_group_lets_later_ones_of_others_pass),
		unit_test_with_jobs(a_new_job_runs_at_once_only_where_nobody_waits),
		unit_test_with_jobs(one_without_a_holder_waits_until_it_has_one),
		unit_test_with_jobs(an_engine_that_ends_starts_nothing_more),
		unit_test_with_jobs(what_was_stopped_in_the_queue_leaves_it),
		unit_test_with_jobs(a_job_that_had_not_been_told_goes_back_to_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
