/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <signal.h>

static struct job *
add_connected(struct fixture *f, enum job_state state, struct peer *peer)
{
	struct job *job = add_job(f, 1, state, "", 0);
	struct frame frame;

	connect_job(f, job, peer);
	peer_expect(peer, FRAME_HELLO, &frame);
	return job;
}

/* A frame made of fields, as the holder sends it. */
#define SAY_FIELDS(f, peer, type, encode, ...)                                                  \
	do {                                                                                    \
		struct buf fields_, frame_;                                                     \
		buf_init(&fields_, FRAME_SMALL_MAX);                                            \
		buf_init(&frame_, FRAME_SMALL_MAX);                                             \
		assert_int_equal(encode(&fields_, &__VA_ARGS__), 0);                            \
		assert_int_equal(frame_put(&frame_, type, buf_head(&fields_), fields_.len), 0); \
		buf_fini(&fields_);                                                             \
		peer_send(f, peer, &frame_);                                                    \
	} while (0)

static void
a_whole_life_moves_the_state_once_at_each_turning_point(void **state)
{
	static const enum jobs_event kinds[] = { JOBS_EVENT_STATE, JOBS_EVENT_STATE,
						 JOBS_EVENT_CLOSED };
	static const int states[] = { JOB_RUNNING, JOB_FAILED, JOB_FAILED };
	const struct end end = { .wait_status = 3 << 8,
				 .ended_ns = 20,
				 .out = { 0, 10, 10 },
				 .err = { 0, 5, 5 },
				 .max_rss_kib = 77 };
	struct fixture *f = *state;
	struct frame frame;
	struct peer peer;
	struct job *job = add_connected(f, JOB_STARTING, &peer);
	size_t i;

	SAY_FIELDS(f, &peer, FRAME_BEGIN, begin_encode,
		   (struct begin){ .pid = 42, .start_ticks = 7, .started_ns = 10 });
	assert_int_equal(job->row.pid, 42);
	assert_int_equal(job->row.started_ns, 10);
	peer_expect(&peer, FRAME_ARM, &frame);
	SAY_FIELDS(f, &peer, FRAME_END, end_encode, end);
	assert_int_equal(job->row.state, JOB_FAILED);
	assert_int_equal(job->row.reason, REASON_EXIT);
	assert_int_equal(job->row.shell_code, 3);
	assert_int_equal(job->row.ended_ns, 20);
	assert_int_equal(job->row.out_drained, 10);
	assert_int_equal(job->row.err_drained, 5);
	assert_int_equal(job->row.max_rss_kib, 77);
	assert_true(job->exited && job->input_closed);
	assert_false(job->over);
	assert_int_equal(jobs_counts(f->jobs).lingering, 1);
	SAY_FIELDS(f, &peer, FRAME_END, end_encode, end); /* told again: nothing moves */
	SAY_FIELDS(f, &peer, FRAME_CLOSING, closing_encode,
		   (struct closing){ .closed_ns = 30, .out = { 0, 12, 12 }, .err = { 0, 5, 5 } });
	assert_true(job->over);
	assert_int_equal(job->row.closed_ns, 30);
	assert_int_equal(job->row.out_end, 12);
	assert_int_equal(job->row.out_drained, 10);
	assert_int_equal(f->n_heard, ARRAY_SIZE(kinds));
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_int_equal(f->heard[i].kind, kinds[i]);
		assert_int_equal(f->heard[i].state, states[i]);
	}
	peer_close(&peer);
}

static void
an_end_is_told_in_a_sentence_where_there_is_something_to_say(void **state)
{
	static const struct {
		struct end end;
		const char *detail;
	} rows[] = {
		{ { .wait_status = 0 }, "" },
		{ { .wait_status = 5 << 8 }, "" },
		{ { .wait_status = SIGSEGV }, "died of SIGSEGV" },
		{ { .cause = END_BY_USER, .wait_status = SIGTERM, .last_signal = 15 }, "" },
		{ { .cause = END_BY_TIMEOUT, .last_signal = 15 }, "ended by its timeout" },
		{ { .cause = END_BY_IDLE_TIMEOUT, .last_signal = 15 },
		  "ended because it wrote nothing for its idle timeout" },
		{ { .cause = END_BY_LIMIT, .last_signal = 15 },
		  "ended because its output reached the limit" },
		{ { .cause = END_BY_USER, .last_signal = 9, .survivors = 2, .names = "su (7)" },
		  "2 processes could not be ended: su (7)" },
		{ { .cause = END_BY_TIMEOUT, .last_signal = 9, .survivors = 1, .names = "x" },
		  "ended by its timeout; 1 processes could not be ended: x" },
	};
	struct fixture *f = *state;
	struct job *job;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		job = add_job(f, 1 + (int64_t)i, JOB_RUNNING, "", 0);
		job_take_end(job, &rows[i].end);
		assert_string_equal(job->row.detail, rows[i].detail);
	}
}

static void
a_start_that_failed_says_where_and_why(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_connected(f, JOB_STARTING, &peer);

	SAY_FIELDS(f, &peer, FRAME_FAILURE, failure_encode,
		   (struct failure){
			   .step = "exec", .errnum = ENOENT, .path = "/bin/no", .failed_ns = 5 });
	assert_int_equal(job->row.state, JOB_FAILED);
	assert_int_equal(job->row.reason, REASON_SPAWN);
	assert_int_equal(job->row.shell_code, 127);
	assert_string_equal(job->row.detail, "exec /bin/no: No such file or directory");
	assert_int_equal(job->row.ended_ns, 5);
	assert_int_equal(job->row.closed_ns, 5);
	assert_true(job->over);
	peer_close(&peer);
}

static void
a_full_disk_is_told_once_and_so_is_its_end(void **state)
{
	struct frame_status s = { .begin.pid = 1, .disk_full = true };
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_connected(f, JOB_RUNNING, &peer);

	PEER_SAY(f, &peer, frame_put_status, FRAME_TROUBLE, &s);
	PEER_SAY(f, &peer, frame_put_status, FRAME_TROUBLE, &s);
	assert_int_equal(f->n_heard, 1);
	assert_int_equal(f->heard[0].kind, JOBS_EVENT_NOTE);
	assert_non_null(strstr(f->heard[0].detail, "cannot be stored"));
	assert_true(job->disk_full);
	s.disk_full = false;
	PEER_SAY(f, &peer, frame_put_status, FRAME_TROUBLE, &s);
	PEER_SAY(f, &peer, frame_put_status, FRAME_TROUBLE, &s);
	assert_int_equal(f->n_heard, 2);
	assert_non_null(strstr(f->heard[1].detail, "can be stored again"));
	assert_false(job->disk_full);
	peer_close(&peer);
}

static void
larger_pipes_are_given_to_so_many_jobs_once_each(void **state)
{
	enum { GRANTS = 16 };
	struct fixture *f = *state;
	struct peer peers[GRANTS + 1];
	struct job *job = NULL;
	struct frame frame;
	uint64_t bytes;
	int i;

	for (i = 0; i <= GRANTS; i++) {
		job = add_job(f, 1 + i, JOB_RUNNING, "", 0);
		connect_job(f, job, &peers[i]);
		peer_expect(&peers[i], FRAME_HELLO, &frame);
		PEER_SAY(f, &peers[i], frame_put, FRAME_PIPE_WANT, NULL, 0);
		PEER_SAY(f, &peers[i], frame_put, FRAME_PIPE_WANT, NULL, 0);
		if (i < GRANTS) {
			peer_expect(&peers[i], FRAME_PIPE_GRANT, &frame);
			assert_int_equal(frame_get_number(&frame, &bytes), 0);
			assert_int_equal(bytes, 1 << 20);
		}
		peer_expect_none(&peers[i]);
	}
	/* One that is gone leaves its share to the others. */
	job_free(jobs_live(f->jobs, "00000000-0000-4000-8000-000000000001"));
	PEER_SAY(f, &peers[GRANTS], frame_put, FRAME_PIPE_WANT, NULL, 0);
	peer_expect(&peers[GRANTS], FRAME_PIPE_GRANT, &frame);
	for (i = 0; i <= GRANTS; i++)
		peer_close(&peers[i]);
}

struct watcher {
	struct job_watch watch; /* first */
	int calls;
	struct job_watch *removes; /* in the call, or NULL */
};

static void
on_changed(struct job_watch *w)
{
	struct watcher *watcher = (struct watcher *)w;

	watcher->calls++;
	if (watcher->removes)
		job_watch_remove(watcher->removes);
}

static void
every_watch_hears_once_a_turn_and_may_remove_any_other(void **state)
{
	struct fixture *f = *state;
	struct job *job = add_job(f, 1, JOB_RUNNING, "", 0);
	struct watcher w[3] = { { .watch.changed = on_changed },
				{ .watch.changed = on_changed },
				{ .watch.changed = on_changed } };
	int i;

	for (i = 0; i < 3; i++)
		job_watch_add(job, &w[i].watch);
	job_tell(job);
	job_tell(job);
	assert_true(jobs_has_news(f->jobs));
	jobs_notify(f->jobs);
	for (i = 0; i < 3; i++)
		assert_int_equal(w[i].calls, 1);
	assert_false(jobs_has_news(f->jobs));
	for (i = 0; i < 3; i++)
		w[i].removes = &w[(i + 1) % 3].watch;
	job_tell(job);
	jobs_notify(f->jobs);
	/* The first one told removes the second, and the third removes the first or itself. */
	assert_int_equal(w[0].calls + w[1].calls + w[2].calls, 5);
	for (i = 0; i < 3; i++)
		job_watch_remove(&w[i].watch);
}

static void
a_job_that_is_over_and_written_leaves_and_says_good_bye_to_its_watches(void **state)
{
	struct fixture *f = *state;
	struct job *job = add_job(f, 1, JOB_COMPLETED, "", 0);
	struct watcher w = { .watch.changed = on_changed };
	char id[ID_SIZE];

	(void)snprintf(id, sizeof id, "%s", job->row.id);
	job_watch_add(job, &w.watch);
	job_over(job);
	jobs_notify(f->jobs); /* not written yet: it stays */
	assert_int_equal(w.calls, 1);
	assert_non_null(jobs_live(f->jobs, id));
	assert_true(jobs_is_dirty(f->jobs));
	jobs_flushed(f->jobs);
	job_tell(job);
	jobs_notify(f->jobs);
	assert_null(jobs_live(f->jobs, id));
	assert_int_equal(w.calls, 2);
	assert_false(w.watch.is_on);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_with_jobs(a_whole_life_moves_the_state_once_at_each_turning_point),
		unit_test_with_jobs(an_end_is_told_in_a_sentence_where_there_is_something_to_say),
		unit_test_with_jobs(a_start_that_failed_says_where_and_why),
		unit_test_with_jobs(a_full_disk_is_told_once_and_so_is_its_end),
		unit_test_with_jobs(larger_pipes_are_given_to_so_many_jobs_once_each),
		unit_test_with_jobs(every_watch_hears_once_a_turn_and_may_remove_any_other),
		unit_test_with_jobs(
			a_job_that_is_over_and_written_leaves_and_says_good_bye_to_its_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
