/* SPDX-License-Identifier: MIT */
/*
 * What the record file does when the disk does not do its part.
 */
#include "jobdir/record_fixture.h"
#include "temp.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define RESERVED 4096 /* what must fit behind the spec on a full disk */

/* What the descriptor reads as: the spec and all types up to `types`. */
static void
assert_reads(int fd, int types)
{
	struct err err = { 0 };
	struct record r;
	struct arena a;

	assert_ok(read_record(fd, &a, &r, &err), &err);
	assert_full(&r, types);
	arena_fini(&a);
}

static void
all_that_can_follow_the_spec_fits_into_what_is_reserved(void **state)
{
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	int fd = make_full(t->fd, ends);

	assert_true(ends[RECORD_CLOSING] - ends[RECORD_SPEC] <= RESERVED);
	fd_close(&fd);
}

static void
what_the_disk_refuses_at_creation_is_said_and_can_be_tried_again(void **state)
{
	static const enum sys_call calls[] = { SYS_OPENAT, SYS_FALLOCATE, SYS_WRITE,
					       SYS_FDATASYNC };
	struct temp *t = *state;
	struct spec spec = record_spec();
	struct err err = { 0 };
	int fd = -1;
	size_t i;

	spec.power_safe = true;
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		sys_fail(calls[i], 1, ENOSPC);
		assert_int_equal(record_create(t->fd, &spec, &fd, &err), ERR_RESOURCE_EXHAUSTED);
		assert_non_null(strstr(err.msg, "No space left on device"));
		assert_int_equal(fd, -1);
		sys_heal();
		assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
		assert_reads(fd, RECORD_SPEC);
		assert_int_equal(unlinkat(t->fd, RECORD_FILE, 0), 0);
		fd_close(&fd);
	}
}

static void
a_filesystem_that_cannot_reserve_will_do(void **state)
{
	static const int errnums[] = { EOPNOTSUPP, ENOSYS };
	struct temp *t = *state;
	const struct spec spec = record_spec();
	struct err err = { 0 };
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(errnums); i++) {
		sys_fail(SYS_FALLOCATE, 1, errnums[i]);
		assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
		assert_int_equal(append_full(fd, RECORD_LAUNCH, false), 0);
		assert_reads(fd, RECORD_LAUNCH);
		assert_int_equal(unlinkat(t->fd, RECORD_FILE, 0), 0);
		fd_close(&fd);
	}
}

static void
only_who_asks_waits_for_the_disk(void **state)
{
	struct temp *t = *state;
	struct spec spec = record_spec();
	struct err err = { 0 };
	int fd;

	sys_fail(SYS_FDATASYNC, 1, EIO);
	assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
	assert_int_equal(append_full(fd, RECORD_LAUNCH, false), 0);
	assert_int_equal(append_full(fd, RECORD_BEGIN, true), -EIO);
	fd_close(&fd);
}

static void
an_append_that_fails_leaves_the_file_as_it_was(void **state)
{
	static const int errnums[] = { ENOSPC, EDQUOT, EIO };
	struct temp *t = *state;
	const struct spec spec = record_spec();
	struct err err = { 0 };
	struct stat before, after;
	size_t i;
	int fd;

	assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
	for (i = 0; i < ARRAY_SIZE(errnums); i++) {
		assert_int_equal(fstat(fd, &before), 0);
		sys_fail(SYS_PWRITE, 1, errnums[i]);
		assert_int_equal(append_full(fd, RECORD_LAUNCH, false), -errnums[i]);
		sys_heal();
		assert_int_equal(fstat(fd, &after), 0);
		assert_int_equal(after.st_size, before.st_size);
		assert_reads(fd, RECORD_SPEC);
	}
	assert_int_equal(append_full(fd, RECORD_LAUNCH, false), 0);
	assert_reads(fd, RECORD_LAUNCH);
	fd_close(&fd);
}

static void
an_append_that_is_cut_short_leaves_the_file_as_it_was(void **state)
{
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	const struct spec spec = record_spec();
	struct rlimit old, small;
	struct err err = { 0 };
	int fd = make_full(t->fd, ends);
	off_t room;

	fd_close(&fd);
	assert_int_equal(unlinkat(t->fd, RECORD_FILE, 0), 0);
	assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	for (room = 0; room < ends[RECORD_LAUNCH] - ends[RECORD_SPEC]; room++) {
		small = old;
		small.rlim_cur = (rlim_t)(ends[RECORD_SPEC] + room);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
		assert_int_equal(append_full(fd, RECORD_LAUNCH, false), -EFBIG);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_int_equal(lseek(fd, 0, SEEK_END), ends[RECORD_SPEC]);
		assert_reads(fd, RECORD_SPEC);
	}
	assert_int_equal(append_full(fd, RECORD_LAUNCH, false), 0);
	assert_reads(fd, RECORD_LAUNCH);
	fd_close(&fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(all_that_can_follow_the_spec_fits_into_what_is_reserved),
		unit_test_in_temp(what_the_disk_refuses_at_creation_is_said_and_can_be_tried_again),
		unit_test_in_temp(a_filesystem_that_cannot_reserve_will_do),
		unit_test_in_temp(only_who_asks_waits_for_the_disk),
		unit_test_in_temp(an_append_that_fails_leaves_the_file_as_it_was),
		unit_test_in_temp(an_append_that_is_cut_short_leaves_the_file_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
