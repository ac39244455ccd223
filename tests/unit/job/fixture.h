/* SPDX-License-Identifier: MIT */
/*
 * fixture - the table of jobs without an engine: no store, no holders, and the test itself at the
 * other end of each job's control socket.
 *
 * unit_test_with_jobs(f): f's *state is the fixture.
 */
#ifndef JOBWIRE_TEST_JOB_FIXTURE_H
#define JOBWIRE_TEST_JOB_FIXTURE_H

#include "test.h"

#include <event2/event.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fd.h"
#include "job/impl.h"

#define HEARD_MAX 64

struct heard {
	int64_t number;
	enum jobs_event kind;
	int64_t state;
	char detail[200];
};

struct fixture {
	struct event_base *base;
	struct jobs *jobs;
	struct heard heard[HEARD_MAX];
	size_t n_heard;
	struct arena arena;
	struct err err;
};

/* The holder's end of a job's control socket. */
struct peer {
	int fd;
	struct buf in;
};

static inline void
fixture_event(void *arg, const struct store_job *row, enum jobs_event kind, const char *detail,
	      uint64_t count)
{
	struct fixture *f = arg;
	struct heard *h = &f->heard[f->n_heard++];

	assert_true(f->n_heard < HEARD_MAX);
	assert_true(count > 0);
	h->number = row->number;
	h->kind = kind;
	h->state = row->state;
	(void)snprintf(h->detail, sizeof h->detail, "%s", detail);
}

static inline int
fixture_setup(void **state)
{
	static struct fixture f;
	struct jobs_config config = { .statefd = -1, .max_running = 3, .max_queued = 100 };

	memset(&f, 0, sizeof f);
	f.base = event_base_new();
	assert_non_null(f.base);
	arena_init(&f.arena, 1 << 20);
	config.base = f.base;
	config.hooks.event = fixture_event;
	config.hooks.arg = &f;
	assert_ok(jobs_new(&config, &f.jobs, &f.err), &f.err);
	*state = &f;
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	jobs_free(f->jobs);
	event_base_free(f->base);
	arena_fini(&f->arena);
	return 0;
}

/* What is due now, and nothing else. */
static inline void
turn(struct fixture *f)
{
	assert_true(event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
}

static inline struct job *
add_job_of(struct fixture *f, int64_t number, enum job_state state, const char *group,
	   uint32_t group_limit, struct spec *spec)
{
	struct store_job row = { .number = number,
				 .state = state,
				 .detail = "",
				 .name = "",
				 .grp = group,
				 .session = "",
				 .cap = spec->cap,
				 .grace_ms = (int64_t)spec->grace_ms,
				 .group_limit = group_limit };
	struct job *job;

	row.id = arena_printf(&f->arena, "00000000-0000-4000-8000-%012d", (int)number);
	(void)snprintf(spec->id, sizeof spec->id, "%s", row.id);
	assert_ok(job_new(f->jobs, &row, &job, &f->err), &f->err);
	return job;
}

static inline struct spec
plain_spec(void)
{
	return (struct spec){ .command = "true",
			      .shell = "/bin/sh",
			      .cwd = "/",
			      .stdin_mode = SPEC_STDIN_PIPE,
			      .grace_ms = 1234,
			      .cap = SPEC_CAP_DROP };
}

static inline struct job *
add_job(struct fixture *f, int64_t number, enum job_state state, const char *group,
	uint32_t group_limit)
{
	struct spec spec = plain_spec();

	return add_job_of(f, number, state, group, group_limit, &spec);
}

/* The test's own end does not block: what is not there is an error of the test. */
static inline void
connect_job(struct fixture *f, struct job *job, struct peer *peer)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
			 0);
	assert_ok(job_connect(job, pair[0], &f->err), &f->err);
	peer->fd = pair[1];
	buf_init(&peer->in, 2 * FRAME_MAX);
}

static inline void
peer_close(struct peer *peer)
{
	fd_close(&peer->fd);
	buf_fini(&peer->in);
}

/* The next frame that the engine sent; false: none. Good until the next call. */
static inline bool
peer_next(struct peer *peer, struct frame *ret)
{
	static unsigned char copy[FRAME_SMALL_MAX];
	size_t used;
	ssize_t n;

	do {
		assert_int_equal(buf_reserve(&peer->in, 65536), 0);
		n = recv(peer->fd, buf_tail(&peer->in), 65536, 0);
		if (n > 0)
			buf_commit(&peer->in, (size_t)n);
	} while (n > 0);
	if (frame_next(&peer->in, FRAME_SMALL_MAX, ret, &used) != 1)
		return false;
	memcpy(copy, ret->fields, ret->len);
	ret->fields = copy;
	buf_consume(&peer->in, used);
	return true;
}

static inline void
peer_expect(struct peer *peer, enum frame_type type, struct frame *ret)
{
	assert_true(peer_next(peer, ret));
	assert_int_equal(ret->type, type);
}

static inline void
peer_expect_none(struct peer *peer)
{
	struct frame frame;

	assert_false(peer_next(peer, &frame));
}

/* What the holder says arrives. */
static inline void
peer_send(struct fixture *f, struct peer *peer, struct buf *frames)
{
	assert_int_equal(send(peer->fd, buf_head(frames), frames->len, MSG_NOSIGNAL), frames->len);
	buf_fini(frames);
	turn(f);
}

#define PEER_SAY(f, peer, put, ...)                           \
	do {                                                  \
		struct buf say_;                              \
		buf_init(&say_, FRAME_SMALL_MAX);             \
		assert_int_equal(put(&say_, __VA_ARGS__), 0); \
		peer_send(f, peer, &say_);                    \
	} while (0)

#define unit_test_with_jobs(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
