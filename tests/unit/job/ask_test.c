/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <signal.h>

struct asked {
	struct job_ask ask;
	int answers;
};

static void
answered(struct job_ask *ask)
{
	struct asked *a = (struct asked *)ask;

	a->answers++;
}

static struct job *
add_running(struct fixture *f, struct peer *peer)
{
	struct job *job = add_job(f, 1, JOB_RUNNING, "", 0);
	struct frame frame;

	connect_job(f, job, peer);
	peer_expect(peer, FRAME_HELLO, &frame);
	return job;
}

/* The holder is found again: another socket. */
static void
reconnect(struct fixture *f, struct job *job, struct peer *peer)
{
	struct frame frame;

	proc_free(job->proc);
	job->proc = NULL;
	peer_close(peer);
	connect_job(f, job, peer);
	peer_expect(peer, FRAME_HELLO, &frame);
	ask_connected(job);
}

static struct asked
stop_of(uint64_t grace_ms)
{
	return (struct asked){ .ask = { .done = answered,
					.kind = ASK_STOP,
					.u.stop = { .signal = SIGINT,
						    .grace_ms = grace_ms,
						    .cause = END_BY_USER } } };
}

static struct asked
signal_of(int signal)
{
	return (struct asked){ .ask = { .done = answered,
					.kind = ASK_SIGNAL,
					.u.signal = { .signal = signal, .tree = true } } };
}

static struct asked
input_of(const void *bytes, size_t len, uint64_t offset, bool eof)
{
	return (struct asked){
		.ask = { .done = answered,
			 .kind = ASK_INPUT,
			 .u.input = { .data = bytes, .len = len, .offset = offset, .eof = eof } }
	};
}

static void
a_stop_is_sent_and_its_own_answer_answers_it(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked a = stop_of(10), b = stop_of(20);
	struct frame_stopped done = { .killed = 3, .survivors = 1, .names = "sudo (12)" };
	struct frame_stop stop;
	struct frame frame;

	job_ask(job, &a.ask);
	job_ask(job, &b.ask);
	assert_true(job->stopping);
	peer_expect(&peer, FRAME_STOP, &frame);
	assert_int_equal(frame_get_stop(&frame, &stop), 0);
	assert_int_equal(stop.signal, SIGINT);
	assert_int_equal(stop.grace_ms, 10);
	assert_int_equal(stop.tag, a.ask.tag);
	peer_expect(&peer, FRAME_STOP, &frame);

	done.tag = b.ask.tag + 100;
	PEER_SAY(f, &peer, frame_put_stopped, &done);
	assert_int_equal(a.answers + b.answers, 0);
	done.tag = b.ask.tag;
	PEER_SAY(f, &peer, frame_put_stopped, &done);
	assert_int_equal(a.answers, 0);
	assert_int_equal(b.answers, 1);
	assert_false(b.ask.failed);
	assert_int_equal(b.ask.result.stopped.killed, 3);
	assert_string_equal(b.ask.result.stopped.names, "sudo (12)");
	assert_false(job->stopping);
	assert_int_equal(job->row.killed, 3);
	assert_int_equal(job->row.survivors, 1);
	done.tag = a.ask.tag;
	PEER_SAY(f, &peer, frame_put_stopped, &done);
	assert_int_equal(a.answers, 1);
	peer_close(&peer);
}

static void
what_is_asked_without_a_holder_is_sent_when_there_is_one(void **state)
{
	struct fixture *f = *state;
	struct job *job = add_job(f, 1, JOB_RUNNING, "", 0);
	struct asked stop = stop_of(1), sig = signal_of(SIGHUP), in = input_of("x", 1, 0, false);
	struct peer peer;
	struct frame frame;

	job_ask(job, &stop.ask);
	job_ask(job, &sig.ask);
	job_ask(job, &in.ask);
	connect_job(f, job, &peer);
	peer_expect(&peer, FRAME_HELLO, &frame);
	peer_expect_none(&peer);
	ask_connected(job);
	peer_expect(&peer, FRAME_STOP, &frame);
	peer_expect(&peer, FRAME_SIGNAL, &frame);
	peer_expect(&peer, FRAME_INPUT, &frame);
	peer_expect_none(&peer);
	assert_int_equal(stop.answers + sig.answers + in.answers, 0);
	ask_lost(job); /* they lie on this stack */
	peer_close(&peer);
}

/* Whether the first one has reached the job is not known. */
static void
what_would_do_harm_twice_is_not_sent_again(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked stop = stop_of(1), sig = signal_of(SIGHUP);
	struct asked with_offset = input_of("x", 1, 5, false);
	struct frame frame;

	job_ask(job, &stop.ask);
	job_ask(job, &sig.ask);
	job_ask(job, &with_offset.ask);
	reconnect(f, job, &peer);
	assert_int_equal(sig.answers, 1);
	assert_true(sig.ask.failed);
	peer_expect(&peer, FRAME_STOP, &frame);
	peer_expect(&peer, FRAME_INPUT, &frame);
	peer_expect_none(&peer);
	assert_int_equal(stop.answers + with_offset.answers, 0);
	ask_lost(job); /* they lie on this stack */
	peer_close(&peer);
}

static void
input_without_an_offset_that_was_sent_fails_and_the_one_behind_it_is_sent(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked first = input_of("a", 1, FRAME_APPEND, false);
	struct asked second = input_of("b", 1, FRAME_APPEND, false);
	struct frame_input in;
	struct frame frame;

	job_ask(job, &first.ask);
	job_ask(job, &second.ask);
	peer_expect(&peer, FRAME_INPUT, &frame);
	peer_expect_none(&peer); /* one at a time */
	reconnect(f, job, &peer);
	assert_int_equal(first.answers, 1);
	assert_true(first.ask.failed);
	assert_int_equal(second.answers, 0);
	peer_expect(&peer, FRAME_INPUT, &frame);
	assert_int_equal(frame_get_input(&frame, &in), 0);
	assert_int_equal(in.len, 1);
	assert_int_equal(in.data[0], 'b');
	ask_lost(job); /* they lie on this stack */
	peer_close(&peer);
}

static void
say_taken(struct fixture *f, struct peer *peer, const struct asked *a, uint64_t accepted,
	  uint64_t next)
{
	const struct frame_input_done done = {
		.tag = a->ask.tag, .verdict = INPUT_TAKEN, .accepted = accepted, .next_offset = next
	};

	PEER_SAY(f, peer, frame_put_input_done, &done);
}

static struct frame_input
expect_input(struct peer *peer, uint64_t offset, size_t len, bool eof)
{
	struct frame_input in;
	struct frame frame;

	peer_expect(peer, FRAME_INPUT, &frame);
	assert_int_equal(frame_get_input(&frame, &in), 0);
	assert_int_equal(in.offset, offset);
	assert_int_equal(in.len, len);
	assert_int_equal(in.eof, eof);
	return in;
}

static void
long_input_goes_in_pieces_each_at_its_offset_and_the_end_with_the_last(void **state)
{
	static unsigned char bytes[FRAME_INPUT_MAX * 2 + 100];
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked a = input_of(bytes, sizeof bytes, 1000, true);
	uint64_t at = 1000;
	int i;

	for (i = 0; i < (int)sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 7);
	job_ask(job, &a.ask);
	for (i = 0; i < 2; i++) {
		assert_memory_equal(expect_input(&peer, at, FRAME_INPUT_MAX, false).data,
				    bytes + at - 1000, FRAME_INPUT_MAX);
		peer_expect_none(&peer);
		at += FRAME_INPUT_MAX;
		say_taken(f, &peer, &a, FRAME_INPUT_MAX, at);
	}
	(void)expect_input(&peer, at, 100, true);
	assert_int_equal(a.answers, 0);
	say_taken(f, &peer, &a, 100, at + 100);
	assert_int_equal(a.answers, 1);
	assert_false(a.ask.failed);
	assert_int_equal(a.ask.result.input_done.accepted, sizeof bytes);
	assert_int_equal(a.ask.result.input_done.next_offset, 1000 + sizeof bytes);
	assert_int_equal(job->row.input_offset, 1000 + sizeof bytes);
	peer_close(&peer);
}

static void
a_full_stdin_holds_up_the_input_and_nothing_else(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked a = input_of("abcdef", 6, 0, false), stop = stop_of(1);
	struct frame frame;

	job_ask(job, &a.ask);
	(void)expect_input(&peer, 0, 6, false);
	say_taken(f, &peer, &a, 2, 2);
	assert_true(a.ask.u.input.waiting);
	peer_expect_none(&peer);
	job_ask(job, &stop.ask);
	peer_expect(&peer, FRAME_STOP, &frame);
	peer_expect_none(&peer);
	PEER_SAY(f, &peer, frame_put, FRAME_INPUT_ROOM, NULL, 0);
	assert_memory_equal(expect_input(&peer, 2, 4, false).data, "cdef", 4);
	say_taken(f, &peer, &a, 4, 6);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.ask.result.input_done.accepted, 6);
	ask_lost(job); /* they lie on this stack */
	peer_close(&peer);
}

static void
a_verdict_against_the_input_is_its_answer_with_what_had_been_taken(void **state)
{
	static const enum input_verdict verdicts[] = { INPUT_DUPLICATE, INPUT_MISMATCH,
						       INPUT_CLOSED, INPUT_NONE };
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct frame_input_done done = { .next_offset = 9 };
	struct asked a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verdicts); i++) {
		a = input_of("abcd", 4, 0, false);
		job_ask(job, &a.ask);
		(void)expect_input(&peer, 0, 4, false);
		say_taken(f, &peer, &a, 3, 3);
		PEER_SAY(f, &peer, frame_put, FRAME_INPUT_ROOM, NULL, 0);
		(void)expect_input(&peer, 3, 1, false);
		done.tag = a.ask.tag;
		done.verdict = verdicts[i];
		done.accepted = verdicts[i] == INPUT_DUPLICATE; /* taken before, so whole now */
		PEER_SAY(f, &peer, frame_put_input_done, &done);
		assert_int_equal(a.answers, 1);
		assert_false(a.ask.failed);
		assert_int_equal(a.ask.result.input_done.verdict, verdicts[i]);
		assert_int_equal(a.ask.result.input_done.accepted, 3 + done.accepted);
	}
	peer_close(&peer);
}

static void
an_end_of_input_alone_is_sent_and_answered(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked a = input_of(NULL, 0, 7, true);

	job_ask(job, &a.ask);
	(void)expect_input(&peer, 7, 0, true);
	say_taken(f, &peer, &a, 0, 7);
	assert_int_equal(a.answers, 1);
	peer_close(&peer);
}

static void
one_that_was_given_up_is_not_answered_and_lets_the_next_one_through(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked a = input_of("a", 1, FRAME_APPEND, false);
	struct asked b = input_of("b", 1, FRAME_APPEND, false);

	job_ask(job, &a.ask);
	job_ask(job, &b.ask);
	(void)expect_input(&peer, FRAME_APPEND, 1, false);
	job_ask_cancel(&a.ask);
	job_ask_cancel(&a.ask); /* no error */
	peer_expect_none(&peer);
	say_taken(f, &peer, &a, 1, 1);
	assert_int_equal(a.answers, 0);
	assert_memory_equal(expect_input(&peer, FRAME_APPEND, 1, false).data, "b", 1);
	say_taken(f, &peer, &b, 1, 2);
	assert_int_equal(b.answers, 1);

	/* One that waits for room is not in flight: the next one's turn comes at once. */
	a = input_of("aa", 2, FRAME_APPEND, false);
	b = input_of("b", 1, FRAME_APPEND, false);
	job_ask(job, &a.ask);
	job_ask(job, &b.ask);
	(void)expect_input(&peer, FRAME_APPEND, 2, false);
	say_taken(f, &peer, &a, 1, 3);
	job_ask_cancel(&a.ask);
	assert_memory_equal(expect_input(&peer, FRAME_APPEND, 1, false).data, "b", 1);
	job_ask_cancel(&b.ask);
	peer_close(&peer);
}

static void
a_signal_is_answered_with_how_many_it_reached(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked a = signal_of(SIGUSR1);
	struct frame_signalled done = { .processes = 4, .errnum = EPERM };
	struct frame_signal sent;
	struct frame frame;

	job_ask(job, &a.ask);
	peer_expect(&peer, FRAME_SIGNAL, &frame);
	assert_int_equal(frame_get_signal(&frame, &sent), 0);
	assert_int_equal(sent.signal, SIGUSR1);
	assert_true(sent.tree);
	done.tag = sent.tag;
	PEER_SAY(f, &peer, frame_put_signalled, &done);
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.ask.result.signalled.processes, 4);
	assert_int_equal(a.ask.result.signalled.errnum, EPERM);
	assert_false(job->stopping);
	peer_close(&peer);
}

/* The tree is gone: whoever wanted that has it; who wanted something of it will not get it. */
static void
the_end_of_everything_answers_stops_and_fails_the_rest(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *job = add_running(f, &peer);
	struct asked stop = stop_of(1), sig = signal_of(SIGHUP), in = input_of("x", 1, 0, false);
	const struct closing closing = { .closed_ns = 99, .killed = 2 };

	job_ask(job, &in.ask);
	job_ask(job, &stop.ask);
	job_ask(job, &sig.ask);
	PEER_SAY(f, &peer, frame_put, FRAME_QUERY, NULL, 0); /* not for an engine: skipped */
	job_take_closing(job, &closing);
	assert_int_equal(stop.answers, 1);
	assert_false(stop.ask.failed);
	assert_int_equal(stop.ask.result.stopped.killed, 2);
	assert_int_equal(sig.answers, 1);
	assert_true(sig.ask.failed);
	assert_int_equal(in.answers, 1);
	assert_true(in.ask.failed);
	assert_true(job->over);
	assert_int_equal(job->row.closed_ns, 99);
	peer_close(&peer);
}

static void
stopping_all_asks_each_that_lives_with_its_own_grace_or_the_one_given(void **state)
{
	struct fixture *f = *state;
	struct peer peer;
	struct job *over = add_job(f, 2, JOB_RUNNING, "", 0);
	struct frame_stop stop;
	struct frame frame;

	(void)add_running(f, &peer);
	job_over(over);
	assert_int_equal(jobs_stop_all(f->jobs, -1), 1);
	peer_expect(&peer, FRAME_STOP, &frame);
	assert_int_equal(frame_get_stop(&frame, &stop), 0);
	assert_int_equal(stop.grace_ms, 1234);
	assert_int_equal(stop.signal, SIGTERM);
	assert_int_equal(jobs_stop_all(f->jobs, 0), 1);
	peer_expect(&peer, FRAME_STOP, &frame);
	assert_int_equal(frame_get_stop(&frame, &stop), 0);
	assert_int_equal(stop.grace_ms, 0);
	peer_close(&peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_with_jobs(a_stop_is_sent_and_its_own_answer_answers_it),
		unit_test_with_jobs(what_is_asked_without_a_holder_is_sent_when_there_is_one),
		unit_test_with_jobs(what_would_do_harm_twice_is_not_sent_again),
		unit_test_with_jobs(
			input_without_an_offset_that_was_sent_fails_and_the_one_behind_it_is_sent),
		unit_test_with_jobs(
			long_input_goes_in_pieces_each_at_its_offset_and_the_end_with_the_last),
		unit_test_with_jobs(a_full_stdin_holds_up_the_input_and_nothing_else),
		unit_test_with_jobs(
			a_verdict_against_the_input_is_its_answer_with_what_had_been_taken),
		unit_test_with_jobs(an_end_of_input_alone_is_sent_and_answered),
		unit_test_with_jobs(
			one_that_was_given_up_is_not_answered_and_lets_the_next_one_through),
		unit_test_with_jobs(a_signal_is_answered_with_how_many_it_reached),
		unit_test_with_jobs(the_end_of_everything_answers_stops_and_fails_the_rest),
		unit_test_with_jobs(
			stopping_all_asks_each_that_lives_with_its_own_grace_or_the_one_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
