/* SPDX-License-Identifier: MIT */
/*
 * What the record file does when the disk does not do its part.
 */
#include "jobdir/record_fixture.h"
#include "temp.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

	assert_true(ends[LAST_TYPE] - ends[RECORD_SPEC] <= RESERVED);
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

	need_faults();
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

	need_faults();
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

	need_faults();
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

	need_faults();
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

/* A record whose command has that length; ERR_* where it is not taken. */
static int
create_with_command(int dirfd, size_t len, int *ret_fd)
{
	struct spec spec = record_spec();
	char *command = malloc(len + 1);
	struct err err = { 0 };
	int rc;

	assert_non_null(command);
	memset(command, 'x', len);
	command[len] = '\0';
	spec.argv = (struct strings){ 0 };
	spec.command = command;
	spec.shell = "/bin/sh";
	rc = record_create(dirfd, &spec, ret_fd, &err);
	free(command);
	return rc;
}

static void
the_largest_spec_that_is_taken_can_be_read_with_all_that_follows(void **state)
{
	struct temp *t = *state;
	size_t low = (8 << 20) - 16384, high = 8 << 20, len; /* taken, and not taken */
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd, type;

	assert_true(create_with_command(t->fd, high, &fd) < 0);
	while (high - low > 8) {
		len = low + (high - low) / 2;
		if (create_with_command(t->fd, len, &fd) < 0) {
			high = len;
			continue;
		}
		low = len;
		fd_close(&fd);
		assert_int_equal(unlinkat(t->fd, RECORD_FILE, 0), 0);
	}
	assert_int_equal(create_with_command(t->fd, low, &fd), 0);
	for (type = RECORD_LAUNCH; type < RECORD_TYPE_COUNT; type++)
		assert_int_equal(append_full(fd, (enum record_type)type, false), 0);
	assert_ok(read_record(fd, &a, &r, &err), &err);
	assert_int_equal(strlen(r.spec.command), low);
	assert_true(r.has[LAST_TYPE]);
	arena_fini(&a);
	fd_close(&fd);
}

static bool
write_proc(const char *path, const char *text)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Who may not mount may do so where only he sees it. */
static bool
mounts_of_our_own(void)
{
	char uids[32], gids[32];

	(void)snprintf(uids, sizeof uids, "0 %u 1", (unsigned)getuid());
	(void)snprintf(gids, sizeof gids, "0 %u 1", (unsigned)getgid());
	if (unshare(CLONE_NEWNS) < 0 &&
	    (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || !write_proc("/proc/self/uid_map", uids) ||
	     !write_proc("/proc/self/setgroups", "deny") ||
	     !write_proc("/proc/self/gid_map", gids)))
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* A filesystem of 128 KiB, seen by nobody else. False where this user may not have one. */
static bool
small_filesystem(const char *path)
{
	return mounts_of_our_own() && mount("none", path, "tmpfs", 0, "size=128k,mode=0700") == 0;
}

/* Until nothing more fits. */
static void
fill_up(int dirfd)
{
	static const char block[4096];
	int fd = openat(dirfd, "filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	fd_close(&fd);
}

/* With a spec of that length: the others lie in its last block, or begin a new one. */
static void
all_records_on_a_full_disk(int dirfd, size_t command_len)
{
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd, type;

	assert_int_equal(create_with_command(dirfd, command_len, &fd), 0);
	/* A failed append must not give the reserved space away. */
	sys_fail(SYS_PWRITE, 1, EIO);
	assert_int_equal(append_full(fd, RECORD_LAUNCH, false), -EIO);
	sys_heal();
	for (type = RECORD_LAUNCH; type < RECORD_TYPE_COUNT; type++) {
		fill_up(dirfd);
		assert_int_equal(append_full(fd, (enum record_type)type, true), 0);
	}
	assert_ok(read_record(fd, &a, &r, &err), &err);
	for (type = RECORD_SPEC; type < RECORD_TYPE_COUNT; type++)
		assert_true(r.has[type]);
	arena_fini(&a);
	fd_close(&fd);
	assert_int_equal(unlinkat(dirfd, "filler", 0), 0);
	assert_int_equal(unlinkat(dirfd, RECORD_FILE, 0), 0);
}

#define NO_MOUNT 77

static void
a_full_disk_still_takes_every_record(void **state)
{
	struct temp *t = *state;
	int status, dirfd;
	size_t len;
	pid_t pid;

	need_faults();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!small_filesystem(t->path))
			_exit(NO_MOUNT);
		dirfd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dirfd < 0)
			_exit(NO_MOUNT);
		for (len = 3000; len <= 4096; len += 64)
			all_records_on_a_full_disk(dirfd, len);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MOUNT) {
		print_message("SKIPPED: %s: this user may not mount a filesystem\n", __func__);
		skip();
	}
	assert_int_equal(status, 0);
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
		unit_test_in_temp(the_largest_spec_that_is_taken_can_be_read_with_all_that_follows),
		unit_test_in_temp(a_full_disk_still_takes_every_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
