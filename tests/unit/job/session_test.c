/* SPDX-License-Identifier: MIT */
#include "fixture.h"

/* The grace of these tests is 0: it ends at the next turn, which is an event to wait for. */
static struct job *
add_member(struct fixture *f, int64_t number, const char *session, bool ends_with_it,
	   enum spec_cap cap, struct peer *peer)
{
	struct spec spec = plain_spec();
	struct frame frame;
	struct job *job;

	spec.cap = cap;
	job = add_job_of(f, number, JOB_RUNNING, "", 0, &spec);
	job->row.session = arena_strdup(&job->arena, session);
	job->row.lifetime = ends_with_it;
	connect_job(f, job, peer);
	peer_expect(peer, FRAME_HELLO, &frame);
	return job;
}

static void
a_job_that_ends_with_its_client_is_stopped_with_its_last_connection(void **state)
{
	struct fixture *f = *state;
	struct frame_stop stop;
	struct frame frame;
	struct peer peer;
	struct job *job = add_member(f, 1, "mcp-1", true, SPEC_CAP_DROP, &peer);

	jobs_session_add(f->jobs, "mcp-1", 1);
	jobs_session_add(f->jobs, "mcp-1", 1);
	jobs_session_add(f->jobs, "mcp-1", -1);
	turn(f);
	peer_expect_none(&peer);
	jobs_session_add(f->jobs, "mcp-1", -1);
	peer_expect_none(&peer); /* not before its grace */
	turn(f);
	peer_expect(&peer, FRAME_STOP, &frame);
	assert_int_equal(frame_get_stop(&frame, &stop), 0);
	assert_int_equal(stop.signal, 15);
	assert_int_equal(stop.grace_ms, 1234);
	assert_int_equal(stop.cause, END_BY_USER);
	assert_true(job->stopping);
	assert_int_equal(f->n_heard, 1);
	assert_int_equal(f->heard[0].kind, JOBS_EVENT_NOTE);
	assert_string_equal(f->heard[0].detail,
			    "the client that it belongs to is gone: it is ended");
	peer_close(&peer);
}

static void
a_client_that_comes_back_within_the_grace_keeps_its_jobs(void **state)
{
	struct fixture *f = *state;
	struct peer peer;

	(void)add_member(f, 1, "mcp-1", true, SPEC_CAP_DROP, &peer);
	jobs_session_add(f->jobs, "mcp-1", 1);
	jobs_session_add(f->jobs, "mcp-1", -1);
	jobs_session_add(f->jobs, "mcp-1", 1);
	turn(f);
	turn(f);
	peer_expect_none(&peer);
	assert_int_equal(f->n_heard, 0);
	peer_close(&peer);
}

/* A program may use one connection for each call, or die between its calls. */
static void
a_job_whose_client_never_came_back_is_ended_too(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	struct peer peer;

	(void)add_member(f, 1, "gone", true, SPEC_CAP_DROP, &peer);
	assert_int_equal(session_expect(f->jobs, "gone"), 0);
	turn(f);
	peer_expect(&peer, FRAME_STOP, &frame);
	peer_close(&peer);
}

static void
one_that_is_expected_while_it_is_connected_is_not_timed(void **state)
{
	struct fixture *f = *state;
	struct peer peer;

	(void)add_member(f, 1, "here", true, SPEC_CAP_DROP, &peer);
	jobs_session_add(f->jobs, "here", 1);
	assert_int_equal(session_expect(f->jobs, "here"), 0);
	turn(f);
	peer_expect_none(&peer);
	peer_close(&peer);
}

static void
jobs_of_others_and_jobs_that_stay_are_left_alone(void **state)
{
	struct fixture *f = *state;
	struct peer peers[3];
	int i;

	(void)add_member(f, 1, "mcp-1", false, SPEC_CAP_DROP, &peers[0]);
	(void)add_member(f, 2, "mcp-2", true, SPEC_CAP_DROP, &peers[1]);
	(void)add_member(f, 3, "mcp", true, SPEC_CAP_BLOCK, &peers[2]);
	jobs_session_add(f->jobs, "mcp-1", 1);
	jobs_session_add(f->jobs, "mcp-1", -1);
	turn(f);
	for (i = 0; i < 3; i++) {
		peer_expect_none(&peers[i]);
		peer_close(&peers[i]);
	}
	assert_int_equal(f->n_heard, 0);
}

/* Nobody reads its output any more, and it must not wait for ever for somebody who does. */
static void
a_job_that_waits_for_its_follower_goes_on_without_it(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	uint64_t policy;
	struct peer peer;
	struct job *job = add_member(f, 1, "cli", false, SPEC_CAP_BLOCK, &peer);

	jobs_session_add(f->jobs, "cli", 1);
	jobs_session_add(f->jobs, "cli", -1);
	turn(f);
	peer_expect(&peer, FRAME_POLICY, &frame);
	assert_int_equal(frame_get_number(&frame, &policy), 0);
	assert_int_equal(policy, SPEC_CAP_DROP);
	assert_int_equal(job->row.cap, SPEC_CAP_DROP);
	assert_int_equal(job->row.state, JOB_RUNNING);
	assert_int_equal(f->heard[0].kind, JOBS_EVENT_NOTE);
	peer_expect_none(&peer);
	peer_close(&peer);
}

static void
a_detached_job_belongs_to_nobody(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	struct peer peer;
	struct job *job = add_member(f, 1, "cli", true, SPEC_CAP_BLOCK, &peer);

	job_detach(job, "detached");
	peer_expect(&peer, FRAME_POLICY, &frame);
	assert_string_equal(f->heard[0].detail, "detached");
	assert_true(jobs_is_dirty(f->jobs));
	jobs_session_add(f->jobs, "cli", 1);
	jobs_session_add(f->jobs, "cli", -1);
	turn(f);
	peer_expect_none(&peer);
	job_detach(job, "");
	assert_int_equal(f->n_heard, 1);
	peer_close(&peer);
}

static void
a_stop_that_is_under_way_is_not_begun_again(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_member(f, 1, "cli", true, SPEC_CAP_DROP, &peer);

	job->stopping = true;
	jobs_session_add(f->jobs, "cli", 1);
	jobs_session_add(f->jobs, "cli", -1);
	turn(f);
	peer_expect_none(&peer);
	peer_close(&peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_with_jobs(
			a_job_that_ends_with_its_client_is_stopped_with_its_last_connection),
		unit_test_with_jobs(a_client_that_comes_back_within_the_grace_keeps_its_jobs),
		unit_test_with_jobs(a_job_whose_client_never_came_back_is_ended_too),
		unit_test_with_jobs(one_that_is_expected_while_it_is_connected_is_not_timed),
		unit_test_with_jobs(jobs_of_others_and_jobs_that_stay_are_left_alone),
		unit_test_with_jobs(a_job_that_waits_for_its_follower_goes_on_without_it),
		unit_test_with_jobs(a_detached_job_belongs_to_nobody),
		unit_test_with_jobs(a_stop_that_is_under_way_is_not_begun_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
