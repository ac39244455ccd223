/* SPDX-License-Identifier: MIT */
#include "jobdir/record_fixture.h"
#include "temp.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/le.h"

#define HEADER_LEN 16
#define HEAD_LEN   16

/* A file in memory with these bytes. */
static int
memory_file(const void *bytes, size_t len)
{
	int fd = memfd_create("record", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, bytes, len), 0);
	return fd;
}

/* All bytes of a whole record file, and where its records end. */
static size_t
whole_file(int dirfd, unsigned char *bytes, size_t size, off_t ends[RECORD_TYPE_COUNT])
{
	int fd = make_full(dirfd, ends);
	ssize_t n = fd_pread_all(fd, bytes, size, 0);

	assert_int_equal(n, ends[LAST_TYPE]);
	fd_close(&fd);
	return (size_t)n;
}

/* How many records are whole in the first `len` bytes: 0, or the last one's type. */
static int
whole_types(const off_t ends[RECORD_TYPE_COUNT], size_t len)
{
	int type;

	for (type = 0; type + 1 < RECORD_TYPE_COUNT && ends[type + 1] <= (off_t)len; type++)
		;
	return type;
}

static void
every_record_is_read_as_it_was_written(void **state)
{
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	struct err err = { 0 };
	struct record r;
	struct stat st;
	struct arena a;
	int fd = make_full(t->fd, ends);

	assert_ok(read_record(fd, &a, &r, &err), &err);
	assert_full(&r, LAST_TYPE);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	fd_close(&fd);
	assert_int_equal(record_open(t->fd, &fd), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	arena_fini(&a);
	assert_ok(read_record(fd, &a, &r, &err), &err);
	assert_full(&r, LAST_TYPE);
	arena_fini(&a);
	fd_close(&fd);
}

static void
the_callers_environment_is_not_on_disk(void **state)
{
	static const char *secrets[] = { "SECRET=x" };
	struct temp *t = *state;
	struct spec spec = record_spec();
	unsigned char bytes[4096];
	struct err err = { 0 };
	ssize_t n;
	int fd;

	spec.base_env = (struct strings){ secrets, 1 };
	assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
	n = fd_pread_all(fd, bytes, sizeof bytes, 0);
	assert_true(n > HEADER_LEN);
	assert_null(memmem(bytes, (size_t)n, "SECRET", 6));
	fd_close(&fd);
}

static void
a_torn_tail_is_as_if_it_were_not_there(void **state)
{
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	unsigned char bytes[8192];
	size_t len = whole_file(t->fd, bytes, sizeof bytes, ends), cut;
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd, types;

	for (cut = 0; cut <= len; cut++) {
		/* A record is whole without the zeros that fill it up. */
		size_t fill = 7;

		fd = memory_file(bytes, cut);
		types = whole_types(ends, cut);
		if (types < LAST_TYPE && whole_types(ends, cut + fill) > types) {
			const unsigned char *head = bytes + (types ? ends[types] : HEADER_LEN);
			size_t start = (size_t)(head - bytes);

			types += cut >= start + HEAD_LEN + get_le32(head + 4);
		}
		if (types == 0) {
			assert_int_equal(read_record(fd, &a, &r, &err), ERR_DATA_LOSS);
		} else {
			assert_ok(read_record(fd, &a, &r, &err), &err);
			assert_full(&r, types);
		}
		arena_fini(&a);
		fd_close(&fd);
	}
}

static void
a_tail_of_zeros_or_rubbish_is_as_if_it_were_not_there(void **state)
{
	static const unsigned char fills[] = { 0, 0xff, 0x01 };
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	unsigned char bytes[8192 + 4096];
	size_t len = whole_file(t->fd, bytes, 8192, ends), i;
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd, type;

	for (i = 0; i < ARRAY_SIZE(fills); i++)
		for (type = RECORD_SPEC; type < RECORD_TYPE_COUNT; type++) {
			unsigned char copy[sizeof bytes];

			memcpy(copy, bytes, len);
			memset(copy + ends[type], fills[i], sizeof copy - (size_t)ends[type]);
			fd = memory_file(copy, sizeof copy);
			assert_ok(read_record(fd, &a, &r, &err), &err);
			assert_full(&r, type);
			arena_fini(&a);
			fd_close(&fd);
		}
}

static void
a_flipped_bit_is_noticed_and_all_behind_it_ignored(void **state)
{
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	unsigned char bytes[8192];
	size_t len = whole_file(t->fd, bytes, sizeof bytes, ends), at, start, used;
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd, types;

	for (at = HEADER_LEN; at < len; at++) {
		types = whole_types(ends, at);
		start = types ? (size_t)ends[types] : HEADER_LEN;
		used = HEAD_LEN + get_le32(bytes + start + 4);
		if (at - start >= used || (at - start >= 12 && at - start < HEAD_LEN))
			continue; /* says nothing: zeros that fill up */
		bytes[at] ^= (unsigned char)(1u << at % 8);
		fd = memory_file(bytes, len);
		if (types == 0) {
			assert_int_equal(read_record(fd, &a, &r, &err), ERR_DATA_LOSS);
		} else {
			assert_ok(read_record(fd, &a, &r, &err), &err);
			assert_full(&r, types);
		}
		bytes[at] ^= (unsigned char)(1u << at % 8);
		arena_fini(&a);
		fd_close(&fd);
	}
}

static void
a_record_of_a_newer_program_is_skipped(void **state)
{
	struct temp *t = *state;
	const struct spec spec = record_spec();
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd;

	assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
	assert_int_equal(record_append(fd, (enum record_type)77, "new", 3, false), 0);
	assert_int_equal(append_full(fd, RECORD_LAUNCH, false), 0);
	assert_ok(read_record(fd, &a, &r, &err), &err);
	assert_full(&r, RECORD_LAUNCH);
	arena_fini(&a);
	fd_close(&fd);
}

static void
a_newer_version_is_refused_with_a_sentence(void **state)
{
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	unsigned char bytes[8192];
	size_t len = whole_file(t->fd, bytes, sizeof bytes, ends);
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd;

	put_le32(bytes + 8, RECORD_VERSION + 1);
	fd = memory_file(bytes, len);
	assert_int_equal(read_record(fd, &a, &r, &err), ERR_FAILED_PRECONDITION);
	assert_string_equal(err.msg, "job record has version 2, this program reads up to 1");
	arena_fini(&a);
	fd_close(&fd);
}

static void
what_is_no_record_is_refused(void **state)
{
	static unsigned char huge[(8 << 20) + 1];
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	unsigned char bytes[8192];
	size_t len = whole_file(t->fd, bytes, sizeof bytes, ends);
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd;

	bytes[0] ^= 1;
	fd = memory_file(bytes, len);
	assert_int_equal(read_record(fd, &a, &r, &err), ERR_DATA_LOSS);
	fd_close(&fd);
	fd = memory_file(huge, sizeof huge);
	assert_int_equal(read_record(fd, &a, &r, &err), ERR_DATA_LOSS);
	fd_close(&fd);
	bytes[0] ^= 1;
	fd = memory_file(bytes, len);
	arena_init(&a, 8); /* too small for the spec */
	assert_int_equal(record_read(fd, &a, &r, &err), ERR_RESOURCE_EXHAUSTED);
	arena_fini(&a);
	fd_close(&fd);
}

static void
a_second_record_in_a_folder_is_refused_and_the_first_untouched(void **state)
{
	struct temp *t = *state;
	off_t ends[RECORD_TYPE_COUNT];
	const struct spec spec = record_spec();
	struct err err = { 0 };
	struct record r;
	struct arena a;
	int fd = make_full(t->fd, ends), second = -1;

	assert_int_equal(record_create(t->fd, &spec, &second, &err), ERR_ALREADY_EXISTS);
	assert_int_equal(second, -1);
	assert_ok(read_record(fd, &a, &r, &err), &err);
	assert_full(&r, LAST_TYPE);
	arena_fini(&a);
	fd_close(&fd);
}

static void
a_folder_without_a_record_says_so(void **state)
{
	struct temp *t = *state;
	int fd = -1;

	assert_int_equal(record_open(t->fd, &fd), -ENOENT);
	assert_int_equal(symlinkat("/dev/null", t->fd, RECORD_FILE), 0);
	assert_int_equal(record_open(t->fd, &fd), -ELOOP);
	assert_int_equal(fd, -1);
}

/* What another process gets that opens the record and tries to lock it. */
static int
try_lock_elsewhere(int dirfd)
{
	int status, fd, rc;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		rc = record_open(dirfd, &fd);
		if (rc == 0)
			rc = record_try_lock(fd);
		_exit(-rc);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void
the_lock_is_held_from_creation_until_the_file_is_closed(void **state)
{
	struct temp *t = *state;
	const struct spec spec = record_spec();
	struct err err = { 0 };
	int fd, other;

	assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
	assert_int_equal(try_lock_elsewhere(t->fd), -EWOULDBLOCK);
	assert_int_equal(record_open(t->fd, &other), 0);
	assert_int_equal(record_try_lock(other), -EWOULDBLOCK); /* the same process, even */
	fd_close(&fd);
	assert_int_equal(try_lock_elsewhere(t->fd), 0);
	assert_int_equal(record_try_lock(other), 0);
	assert_int_equal(record_try_lock(other), 0);
	assert_int_equal(try_lock_elsewhere(t->fd), -EWOULDBLOCK);
	fd_close(&other);
}

static void
the_lock_lives_as_long_as_the_process_that_inherited_it(void **state)
{
	struct temp *t = *state;
	const struct spec spec = record_spec();
	struct err err = { 0 };
	int fd, hold[2], status;
	pid_t holder;
	char c;

	assert_ok(record_create(t->fd, &spec, &fd, &err), &err);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	holder = fork();
	assert_true(holder >= 0);
	if (holder == 0) { /* holds the descriptor until the pipe is closed */
		(void)close(hold[1]);
		_exit(read(hold[0], &c, 1) != 0);
	}
	fd_close(&fd);
	assert_int_equal(try_lock_elsewhere(t->fd), -EWOULDBLOCK);
	fd_close(&hold[1]);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	assert_int_equal(status, 0);
	assert_int_equal(try_lock_elsewhere(t->fd), 0);
	fd_close(&hold[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(every_record_is_read_as_it_was_written),
		unit_test_in_temp(the_callers_environment_is_not_on_disk),
		unit_test_in_temp(a_torn_tail_is_as_if_it_were_not_there),
		unit_test_in_temp(a_tail_of_zeros_or_rubbish_is_as_if_it_were_not_there),
		unit_test_in_temp(a_flipped_bit_is_noticed_and_all_behind_it_ignored),
		unit_test_in_temp(a_record_of_a_newer_program_is_skipped),
		unit_test_in_temp(a_newer_version_is_refused_with_a_sentence),
		unit_test_in_temp(what_is_no_record_is_refused),
		unit_test_in_temp(a_second_record_in_a_folder_is_refused_and_the_first_untouched),
		unit_test_in_temp(a_folder_without_a_record_says_so),
		unit_test_in_temp(the_lock_is_held_from_creation_until_the_file_is_closed),
		unit_test_in_temp(the_lock_lives_as_long_as_the_process_that_inherited_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
