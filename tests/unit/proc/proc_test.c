/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <event2/event.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fd.h"
#include "proc/proc.h"

/* What the other end said, as one letter each. */
struct fixture {
	struct event_base *base;
	struct proc *proc;
	int peer;
	char heard[4000];
	size_t n;
	uint64_t last; /* a number of the last one */
	char free_at;  /* the letter at which the proc is freed by its owner */
	struct buf received;
	struct err err;
};

static void
hear(struct fixture *f, char letter, uint64_t number)
{
	assert_true(f->n + 1 < sizeof f->heard);
	f->heard[f->n++] = letter;
	f->last = number;
	if (letter == f->free_at) {
		proc_free(f->proc);
		f->proc = NULL;
	}
}

#define HEAR(member, type, letter, number)                \
	static void on_##member(void *arg, const type *f) \
	{                                                 \
		hear(arg, letter, (uint64_t)(number));    \
	}
#define HEAR_NONE(member, letter)          \
	static void on_##member(void *arg) \
	{                                  \
		hear(arg, letter, 0);      \
	}

HEAR(hello, struct frame_hello, 'h', f->version)
HEAR(begin, struct begin, 'b', f->pid)
HEAR(failure, struct failure, 'f', f->errnum)
HEAR(status, struct frame_status, 's', f->lingering)
HEAR(trouble, struct frame_status, 't', f->disk_full)
HEAR(output, struct frame_output, 'o', f->out.end)
HEAR(input_done, struct frame_input_done, 'i', f->accepted)
HEAR_NONE(input_room, 'r')
HEAR(signalled, struct frame_signalled, 'g', f->processes)
HEAR(end, struct end, 'e', f->wait_status)
HEAR(stopped, struct frame_stopped, 'p', f->killed)
HEAR(closing, struct closing, 'c', f->closed_ns)
HEAR_NONE(pipe_want, 'w')
HEAR_NONE(gone, 'X')

static const struct proc_events events = {
	.hello = on_hello,
	.begin = on_begin,
	.failure = on_failure,
	.status = on_status,
	.trouble = on_trouble,
	.output = on_output,
	.input_done = on_input_done,
	.input_room = on_input_room,
	.signalled = on_signalled,
	.end = on_end,
	.stopped = on_stopped,
	.closing = on_closing,
	.pipe_want = on_pipe_want,
	.gone = on_gone,
};
static const struct proc_events deaf = { .gone = on_gone };

static void
connect_with(struct fixture *f, const struct proc_events *with)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	f->peer = pair[1];
	assert_ok(proc_new(f->base, pair[0], with, f, &f->proc, &f->err), &f->err);
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	f.base = event_base_new();
	assert_non_null(f.base);
	buf_init(&f.received, 4 * FRAME_MAX);
	connect_with(&f, &events);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	proc_free(f->proc);
	fd_close(&f->peer);
	buf_fini(&f->received);
	event_base_free(f->base);
	return 0;
}

static void
turn(struct fixture *f)
{
	assert_true(event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

/* The frames arrive, in one piece. */
static void
say(struct fixture *f, struct buf *frames)
{
	assert_int_equal(send(f->peer, buf_head(frames), frames->len, MSG_NOSIGNAL), frames->len);
	buf_fini(frames);
}

static void
receive(struct fixture *f)
{
	ssize_t n;

	do {
		assert_int_equal(buf_reserve(&f->received, 65536), 0);
		n = recv(f->peer, buf_tail(&f->received), 65536, 0);
		if (n > 0)
			buf_commit(&f->received, (size_t)n);
	} while (n > 0);
}

static void
expect(struct fixture *f, enum frame_type type, struct frame *ret)
{
	static size_t used;

	receive(f);
	assert_int_equal(frame_next(&f->received, FRAME_MAX, ret, &used), 1);
	assert_int_equal(ret->type, type);
	buf_consume(&f->received, used); /* the bytes stay until more arrive */
}

static void
every_frame_of_a_holder_comes_to_the_one_who_hears_it(void **state)
{
	struct fixture *f = *state;
	struct buf out, fields;

	buf_init(&out, FRAME_MAX);
	buf_init(&fields, FRAME_SMALL_MAX);
#define PUT_FIELDS(type, encode, ...)                                                      \
	do {                                                                               \
		assert_int_equal(encode(&fields, &__VA_ARGS__), 0);                        \
		assert_int_equal(frame_put(&out, type, buf_head(&fields), fields.len), 0); \
		buf_clear(&fields);                                                        \
	} while (0)
	assert_int_equal(frame_put_hello(&out, &(struct frame_hello){ .version = 1 }), 0);
	PUT_FIELDS(FRAME_BEGIN, begin_encode, (struct begin){ .pid = 7 });
	PUT_FIELDS(FRAME_FAILURE, failure_encode, (struct failure){ .errnum = 2 });
	assert_int_equal(frame_put_status(&out, FRAME_STATUS, &(struct frame_status){ 0 }), 0);
	assert_int_equal(frame_put_status(&out, FRAME_TROUBLE, &(struct frame_status){ 0 }), 0);
	assert_int_equal(frame_put_output(&out, &(struct frame_output){ 0 }), 0);
	assert_int_equal(frame_put_input_done(&out, &(struct frame_input_done){ 0 }), 0);
	assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, NULL, 0), 0);
	assert_int_equal(frame_put_signalled(&out, &(struct frame_signalled){ 0 }), 0);
	PUT_FIELDS(FRAME_END, end_encode, (struct end){ .wait_status = 9 });
	assert_int_equal(frame_put_stopped(&out, &(struct frame_stopped){ .killed = 3 }), 0);
	assert_int_equal(frame_put(&out, FRAME_PIPE_WANT, NULL, 0), 0);
	PUT_FIELDS(FRAME_CLOSING, closing_encode, (struct closing){ .closed_ns = 12345 });
#undef PUT_FIELDS
	say(f, &out);
	buf_fini(&fields);
	turn(f);
	assert_string_equal(f->heard, "hbfstoirgepwc");
	assert_int_equal(f->last, 12345);
}

static void
a_frame_that_nobody_knows_or_nobody_hears_is_skipped(void **state)
{
	struct fixture *f = *state;
	struct buf out;

	buf_init(&out, FRAME_MAX);
	assert_int_equal(frame_put(&out, (enum frame_type)999, "abc", 3), 0);
	assert_int_equal(frame_put(&out, FRAME_LAUNCH, "abc", 3), 0);
	assert_int_equal(frame_put(&out, FRAME_OUTPUT, "\377", 1), 0); /* fields that are none */
	assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, NULL, 0), 0);
	say(f, &out);
	turn(f);
	assert_string_equal(f->heard, "r");

	proc_free(f->proc);
	fd_close(&f->peer);
	connect_with(f, &deaf);
	buf_init(&out, FRAME_MAX);
	assert_int_equal(frame_put_hello(&out, &(struct frame_hello){ .version = 1 }), 0);
	assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, NULL, 0), 0);
	assert_int_equal(frame_put(&out, FRAME_PIPE_WANT, NULL, 0), 0);
	say(f, &out);
	turn(f);
	assert_string_equal(f->heard, "r");
}

static void
a_frame_may_come_in_any_pieces(void **state)
{
	struct fixture *f = *state;
	struct buf out;
	size_t i;

	buf_init(&out, FRAME_MAX);
	assert_int_equal(frame_put_stopped(&out, &(struct frame_stopped){ .killed = 3 }), 0);
	assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, NULL, 0), 0);
	for (i = 0; i < out.len; i++) {
		assert_int_equal(send(f->peer, buf_head(&out) + i, 1, MSG_NOSIGNAL), 1);
		turn(f);
	}
	buf_fini(&out);
	assert_string_equal(f->heard, "pr");
}

/* While the engine was stopped, say: all that the socket holds, far more than is read at a time. */
static void
many_frames_at_once_are_all_heard(void **state)
{
	struct frame_stopped stopped = { .killed = 3 };
	struct fixture *f = *state;
	struct buf out;
	size_t i;

	memset(stopped.names, 'n', sizeof stopped.names - 1);
	buf_init(&out, FRAME_MAX);
	for (i = 0; i < 900; i++)
		assert_int_equal(frame_put_stopped(&out, &stopped), 0);
	say(f, &out);
	for (i = 0; i < 100 && f->n < 900; i++)
		turn(f);
	assert_int_equal(f->n, 900);
	for (i = 0; i < 900; i++)
		assert_int_equal(f->heard[i], 'p');
}

static void
the_largest_frame_is_taken_and_a_larger_one_ends_the_connection(void **state)
{
	static unsigned char fields[FRAME_SMALL_MAX + 1];
	struct fixture *f = *state;
	struct buf out;
	int i;

	buf_init(&out, FRAME_MAX);
	assert_int_equal(frame_put(&out, (enum frame_type)999, fields, FRAME_SMALL_MAX), 0);
	assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, NULL, 0), 0);
	say(f, &out);
	for (i = 0; i < 20; i++)
		turn(f);
	assert_string_equal(f->heard, "r");
	buf_init(&out, FRAME_MAX);
	assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, fields, FRAME_SMALL_MAX + 1), 0);
	say(f, &out);
	for (i = 0; i < 20; i++)
		turn(f);
	assert_string_equal(f->heard, "rX");
}

static void
what_was_said_before_the_end_is_heard_and_the_end_once(void **state)
{
	struct fixture *f = *state;
	struct buf out;

	buf_init(&out, FRAME_MAX);
	assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, NULL, 0), 0);
	assert_int_equal(frame_put(&out, FRAME_PIPE_WANT, NULL, 0), 0);
	say(f, &out);
	fd_close(&f->peer);
	turn(f);
	turn(f);
	turn(f);
	assert_string_equal(f->heard, "rwX");
	proc_go(f->proc); /* into nothing */
	turn(f);
	assert_string_equal(f->heard, "rwX");
}

static void
whoever_hears_may_free_it_in_the_call(void **state)
{
	static const char letters[] = { 'r', 'X' };
	struct fixture *f = *state;
	struct buf out;
	size_t i;

	for (i = 0; i < sizeof letters; i++) {
		f->free_at = letters[i];
		buf_init(&out, FRAME_MAX);
		assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, NULL, 0), 0);
		assert_int_equal(frame_put(&out, FRAME_INPUT_ROOM, NULL, 0), 0);
		say(f, &out);
		fd_close(&f->peer);
		turn(f);
		turn(f);
		assert_null(f->proc);
		connect_with(f, &events);
	}
	assert_string_equal(f->heard, "rrrX");
}

static void
what_is_asked_goes_out_behind_a_hello(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	struct frame_hello hello;
	struct frame_arm arm;
	uint64_t number;

	proc_go(f->proc);
	proc_query(f->proc);
	proc_arm(f->proc, 1, 2);
	proc_consumed(f->proc, 3, 4);
	proc_policy(f->proc, SPEC_CAP_STOP);
	proc_pipe_grant(f->proc, 1 << 20);
	expect(f, FRAME_HELLO, &frame);
	assert_int_equal(frame_get_hello(&frame, &hello), 0);
	assert_int_equal(hello.version, FRAME_VERSION);
	assert_string_equal(hello.id, "");
	expect(f, FRAME_GO, &frame);
	expect(f, FRAME_QUERY, &frame);
	expect(f, FRAME_ARM, &frame);
	assert_int_equal(frame_get_arm(&frame, &arm), 0);
	assert_int_equal(arm.out, 1);
	assert_int_equal(arm.err, 2);
	expect(f, FRAME_CONSUMED, &frame);
	assert_int_equal(frame_get_arm(&frame, &arm), 0);
	assert_int_equal(arm.out, 3);
	assert_int_equal(arm.err, 4);
	expect(f, FRAME_POLICY, &frame);
	assert_int_equal(frame_get_number(&frame, &number), 0);
	assert_int_equal(number, SPEC_CAP_STOP);
	expect(f, FRAME_PIPE_GRANT, &frame);
	assert_int_equal(frame_get_number(&frame, &number), 0);
	assert_int_equal(number, 1 << 20);
	assert_int_equal(f->received.len, 0);
}

/* More than a socket holds: the rest follows as the holder reads. */
static void
a_large_launch_arrives_whole(void **state)
{
	enum { VARIABLES = 50, LENGTH = 60000 };
	static char text[LENGTH + 1];
	const char *env[VARIABLES + 1] = { NULL };
	struct fixture *f = *state;
	struct spec spec = { .id = "ab234567-89ab-4cde-8f01-23456789abcd",
			     .command = "true",
			     .shell = "/bin/sh",
			     .cwd = "/",
			     .stdin_mode = SPEC_STDIN_NULL,
			     .cap = SPEC_CAP_DROP,
			     .base_env = { env, VARIABLES } };
	struct arena arena;
	struct frame frame;
	struct spec got;
	size_t used;
	int i;

	memset(text, 'v', LENGTH);
	memcpy(text, "NAME=", 5);
	for (i = 0; i < VARIABLES; i++)
		env[i] = text;
	expect(f, FRAME_HELLO, &frame);
	proc_launch(f->proc, &spec);
	proc_go(f->proc);
	for (i = 0; i < 1000 && frame_next(&f->received, FRAME_MAX, &frame, &used) == 0; i++) {
		receive(f);
		turn(f);
	}
	expect(f, FRAME_LAUNCH, &frame);
	arena_init(&arena, 16 << 20);
	assert_int_equal(spec_decode(&arena, frame.fields, frame.len, &got), 0);
	assert_int_equal(got.base_env.n, VARIABLES);
	assert_string_equal(got.base_env.v[VARIABLES - 1], text);
	arena_fini(&arena);
	turn(f);
	expect(f, FRAME_GO, &frame);
}

/* A holder that never reads: the connection is given up, not memory. */
static void
a_holder_that_reads_nothing_loses_the_connection(void **state)
{
	static const unsigned char data[FRAME_INPUT_MAX];
	const struct frame_input input = { .data = data, .len = sizeof data };
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 300; i++)
		proc_input(f->proc, &input);
	turn(f);
	turn(f);
	assert_string_equal(f->heard, "X");
}

#define unit_test_of_proc(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_proc(every_frame_of_a_holder_comes_to_the_one_who_hears_it),
		unit_test_of_proc(a_frame_that_nobody_knows_or_nobody_hears_is_skipped),
		unit_test_of_proc(a_frame_may_come_in_any_pieces),
		unit_test_of_proc(many_frames_at_once_are_all_heard),
		unit_test_of_proc(the_largest_frame_is_taken_and_a_larger_one_ends_the_connection),
		unit_test_of_proc(what_was_said_before_the_end_is_heard_and_the_end_once),
		unit_test_of_proc(whoever_hears_may_free_it_in_the_call),
		unit_test_of_proc(what_is_asked_goes_out_behind_a_hello),
		unit_test_of_proc(a_large_launch_arrives_whole),
		unit_test_of_proc(a_holder_that_reads_nothing_loses_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
