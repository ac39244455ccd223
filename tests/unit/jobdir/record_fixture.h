/* SPDX-License-Identifier: MIT */
/*
 * record_fixture - a record file with one record of each kind, and what it must read as.
 */
#ifndef JOBWIRE_TEST_RECORD_FIXTURE_H
#define JOBWIRE_TEST_RECORD_FIXTURE_H

#include "temp.h"

#include "base/arena.h"
#include "base/buf.h"
#include "jobdir/record.h"

#define ID "01234567-89ab-4cde-8f01-23456789abcd"

/* Tests write one record of each type, in the order of their numbers. */
#define LAST_TYPE (RECORD_TYPE_COUNT - 1)

static const char *const record_args[] = { "/bin/true" };

static inline struct spec
record_spec(void)
{
	return (struct spec){ .id = ID,
			      .argv = { (const char **)(uintptr_t)record_args, 1 },
			      .cwd = "/",
			      .stdin_mode = SPEC_STDIN_NULL,
			      .cap = SPEC_CAP_DROP };
}

/* As large as a record of its type can become. */
static const struct launch full_launch = { .holder_pid = INT32_MAX,
					   .holder_ticks = UINT64_MAX,
					   .boot_id = ID };
static const struct begin full_begin = { -1, UINT64_MAX, -1 };
static const struct extent full_extent = { UINT64_MAX, UINT64_MAX, UINT64_MAX };

/* With zeros in the padding, so that they can be compared as bytes. */
static inline void
full_failure(struct failure *f)
{
	memset(f, 0, sizeof *f);
	f->errnum = -1;
	f->failed_ns = -1;
	memset(f->step, 's', sizeof f->step - 1);
	memset(f->path, 'p', sizeof f->path - 1);
}

static inline void
full_end(struct end *e)
{
	memset(e, 0, sizeof *e);
	e->wait_status = e->last_signal = -1;
	e->cause = END_BY_OOM;
	e->exited_ns = e->ended_ns = -1;
	e->out = e->err = full_extent;
	e->user_us = e->system_us = e->max_rss_kib = UINT64_MAX;
	e->killed = e->survivors = UINT32_MAX;
	memset(e->names, 'n', sizeof e->names - 1);
}

static inline void
full_closing(struct closing *c)
{
	memset(c, 0, sizeof *c);
	c->closed_ns = -1;
	c->out = c->err = full_extent;
	c->killed = c->survivors = UINT32_MAX;
	memset(c->names, 'c', sizeof c->names - 1);
}

/* Append one record of that type, as large as it can become. */
static inline int
append_full(int fd, enum record_type type, bool sync)
{
	struct failure failure;
	struct closing closing;
	struct end end;
	struct buf b;
	int rc = 0;

	full_failure(&failure);
	full_closing(&closing);
	full_end(&end);
	if (type == RECORD_LAUNCH)
		return record_append_launch(fd, &full_launch, sync);
	buf_init(&b, 65536);
	if (type == RECORD_BEGIN)
		rc = begin_encode(&b, &full_begin);
	else if (type == RECORD_FAILURE)
		rc = failure_encode(&b, &failure);
	else if (type == RECORD_END)
		rc = end_encode(&b, &end);
	else if (type == RECORD_CLOSING)
		rc = closing_encode(&b, &closing);
	else
		assert_int_equal(type, RECORD_HELD); /* says all by being there */
	assert_int_equal(rc, 0);
	rc = record_append(fd, type, buf_head(&b), b.len, sync);
	buf_fini(&b);
	return rc;
}

/* A new record file with all types; ends[type] is how long the file was behind that record. */
static inline int
make_full(int dirfd, off_t ends[RECORD_TYPE_COUNT])
{
	const struct spec spec = record_spec();
	struct err err = { 0 };
	int fd, type;

	assert_ok(record_create(dirfd, &spec, &fd, &err), &err);
	for (type = RECORD_SPEC; type < RECORD_TYPE_COUNT; type++) {
		if (type != RECORD_SPEC)
			assert_int_equal(append_full(fd, (enum record_type)type, false), 0);
		ends[type] = lseek(fd, 0, SEEK_END);
	}
	return fd;
}

/* The first `types` types (spec = 1) were read as they were written, and no other. */
static inline void
assert_full(const struct record *r, int types)
{
	struct failure failure;
	struct closing closing;
	struct end end;
	int type;

	full_failure(&failure);
	full_closing(&closing);
	full_end(&end);
	for (type = RECORD_SPEC; type < RECORD_TYPE_COUNT; type++)
		assert_int_equal(r->has[type], type <= types);
	assert_string_equal(r->spec.id, ID);
	assert_int_equal(r->spec.argv.n, 1);
	if (r->has[RECORD_LAUNCH])
		assert_true(r->launch.holder_pid == full_launch.holder_pid &&
			    r->launch.holder_ticks == full_launch.holder_ticks &&
			    strcmp(r->launch.boot_id, full_launch.boot_id) == 0);
	if (r->has[RECORD_BEGIN])
		assert_true(r->begin.pid == full_begin.pid &&
			    r->begin.start_ticks == full_begin.start_ticks &&
			    r->begin.started_ns == full_begin.started_ns);
	if (r->has[RECORD_FAILURE])
		assert_memory_equal(&r->failure, &failure, sizeof failure);
	if (r->has[RECORD_END])
		assert_memory_equal(&r->end, &end, sizeof end);
	if (r->has[RECORD_CLOSING])
		assert_memory_equal(&r->closing, &closing, sizeof closing);
}

/* Read the descriptor; the arena is the caller's to free. */
static inline int
read_record(int fd, struct arena *a, struct record *ret, struct err *err)
{
	arena_init(a, (size_t)16 << 20);
	return record_read(fd, a, ret, err);
}

#endif
