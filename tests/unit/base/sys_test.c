/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/macros.h"
#include "base/sys.h"

/* What the calls work on: a folder with "file" in it, and a file in memory, which takes all calls
 * wherever the test runs. */
struct place {
	int dirfd, file;
};

static long
do_write(const struct place *p)
{
	return sys_write(p->file, "x", 1);
}

static long
do_pwrite(const struct place *p)
{
	return sys_pwrite(p->file, "x", 1, 100);
}

static long
do_openat(const struct place *p)
{
	int fd = sys_openat(p->dirfd, "file", O_RDONLY, 0);

	if (fd < 0)
		return -1;
	(void)close(fd);
	return 1;
}

static long
do_mkdirat(const struct place *p)
{
	if (sys_mkdirat(p->dirfd, "sub", 0700) < 0)
		return -1;
	(void)unlinkat(p->dirfd, "sub", AT_REMOVEDIR);
	return 1;
}

static long
do_fallocate(const struct place *p)
{
	return sys_fallocate(p->file, 0, 0, 1) < 0 ? -1 : 1;
}

static long
do_fdatasync(const struct place *p)
{
	return sys_fdatasync(p->file) < 0 ? -1 : 1;
}

static const struct {
	const char *name;
	long (*call)(const struct place *p);
} calls[] = {
	[SYS_WRITE] = { "write", do_write },
	[SYS_PWRITE] = { "pwrite", do_pwrite },
	[SYS_OPENAT] = { "openat", do_openat },
	[SYS_MKDIRAT] = { "mkdirat", do_mkdirat },
	[SYS_FALLOCATE] = { "fallocate", do_fallocate },
	[SYS_FDATASYNC] = { "fdatasync", do_fdatasync },
};

static struct place
place_open(const char *dir)
{
	struct place p;

	assert_int_equal(ARRAY_SIZE(calls), SYS_CALL_COUNT);
	sys_heal();
	p.dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p.file = memfd_create("file", MFD_CLOEXEC);
	assert_true(p.dirfd >= 0 && p.file >= 0);
	(void)close(openat(p.dirfd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	return p;
}

static void
place_close(const struct place *p)
{
	sys_heal();
	(void)close(p->file);
	(void)close(p->dirfd);
}

static void
calls_do_what_their_names_say(void **state)
{
	struct place p = place_open(*state);
	struct stat st;
	char got[8];
	size_t i;
	int fd;

	for (i = 0; i < SYS_CALL_COUNT; i++)
		assert_int_equal(calls[i].call(&p), 1);
	assert_int_equal(ftruncate(p.file, 0), 0);
	assert_int_equal(lseek(p.file, 0, SEEK_SET), 0);
	assert_int_equal(sys_write(p.file, "abc", 3), 3);
	assert_int_equal(sys_pwrite(p.file, "XY", 2, 1), 2);
	assert_int_equal(pread(p.file, got, sizeof got, 0), 3);
	assert_memory_equal(got, "aXY", 3);

	assert_int_equal(sys_mkdirat(p.dirfd, "folder", 0700), 0);
	assert_int_equal(fstatat(p.dirfd, "folder", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(sys_mkdirat(p.dirfd, "folder", 0700), -1);
	assert_int_equal(errno, EEXIST);

	fd = sys_openat(p.dirfd, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
	assert_int_equal(sys_openat(p.dirfd, "missing", O_RDONLY, 0), -1);
	assert_int_equal(errno, ENOENT);
	place_close(&p);
}

#ifdef JOBWIRE_FAULTS

static void
the_nth_and_every_later_call_fails_until_healed(void **state)
{
	struct place p = place_open(*state);
	unsigned nth, n;
	size_t i;

	for (i = 0; i < SYS_CALL_COUNT; i++) {
		for (nth = 1; nth <= 3; nth++) {
			sys_fail((enum sys_call)i, nth, EXDEV);
			for (n = 1; n <= 5; n++) {
				errno = 0;
				assert_int_equal(calls[i].call(&p), n < nth ? 1 : -1);
				if (n >= nth)
					assert_int_equal(errno, EXDEV);
			}
			sys_heal();
			assert_int_equal(calls[i].call(&p), 1);
		}
	}
	place_close(&p);
}

static void
a_fault_of_one_call_leaves_the_others_alone(void **state)
{
	struct place p = place_open(*state);
	size_t i, j;

	for (i = 0; i < SYS_CALL_COUNT; i++) {
		sys_fail((enum sys_call)i, 1, EXDEV);
		for (j = 0; j < SYS_CALL_COUNT; j++)
			assert_int_equal(calls[j].call(&p), i == j ? -1 : 1);
		sys_heal();
	}
	place_close(&p);
}

static void
arming_again_counts_from_the_start(void **state)
{
	struct place p = place_open(*state);

	sys_fail(SYS_WRITE, 2, EIO);
	assert_int_equal(do_write(&p), 1);
	sys_fail(SYS_WRITE, 2, ENOSPC);
	assert_int_equal(do_write(&p), 1);
	assert_int_equal(do_write(&p), -1);
	assert_int_equal(errno, ENOSPC);
	sys_fail(SYS_WRITE, 0, EIO); /* 0: never */
	assert_int_equal(do_write(&p), 1);
	place_close(&p);
}

static void
a_failed_write_has_written_nothing(void **state)
{
	struct place p = place_open(*state);
	struct stat st;

	sys_fail(SYS_WRITE, 1, ENOSPC);
	sys_fail(SYS_PWRITE, 1, ENOSPC);
	sys_fail(SYS_OPENAT, 1, EMFILE);
	assert_int_equal(sys_write(p.file, "x", 1), -1);
	assert_int_equal(sys_pwrite(p.file, "x", 1, 5), -1);
	assert_int_equal(sys_openat(p.dirfd, "new", O_WRONLY | O_CREAT, 0600), -1);
	assert_int_equal(fstat(p.file, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(fstatat(p.dirfd, "new", &st, 0), -1);
	place_close(&p);
}

static void
the_environment_arms_every_call_with_every_error(void **state)
{
	static const struct {
		const char *name;
		int errnum;
	} errors[] = { { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EIO", EIO },
		       { "EMFILE", EMFILE }, { "EROFS", EROFS },   { "EACCES", EACCES } };
	struct place p = place_open(*state);
	char spec[64];
	size_t i, e;

	for (i = 0; i < SYS_CALL_COUNT; i++) {
		for (e = 0; e < ARRAY_SIZE(errors); e++) {
			(void)snprintf(spec, sizeof spec, "%s:2:%s", calls[i].name, errors[e].name);
			assert_int_equal(setenv("JOBWIRE_FAULT", spec, 1), 0);
			sys_heal();
			sys_faults_from_env();
			assert_int_equal(calls[i].call(&p), 1);
			assert_int_equal(calls[i].call(&p), -1);
			assert_int_equal(errno, errors[e].errnum);
		}
	}
	assert_int_equal(unsetenv("JOBWIRE_FAULT"), 0);
	place_close(&p);
}

static void
a_fault_named_pwrite_is_not_one_of_write(void **state)
{
	struct place p = place_open(*state);

	assert_int_equal(setenv("JOBWIRE_FAULT", "pwrite:1:EIO", 1), 0);
	sys_faults_from_env();
	assert_int_equal(unsetenv("JOBWIRE_FAULT"), 0);
	assert_int_equal(do_write(&p), 1);
	assert_int_equal(do_pwrite(&p), -1);
	place_close(&p);
}

static void
without_the_variable_nothing_is_armed(void **state)
{
	struct place p = place_open(*state);
	size_t i;

	assert_int_equal(unsetenv("JOBWIRE_FAULT"), 0);
	sys_faults_from_env();
	for (i = 0; i < SYS_CALL_COUNT; i++)
		assert_int_equal(calls[i].call(&p), 1);
	assert_int_equal(setenv("JOBWIRE_FAULT", "", 1), 0);
	sys_faults_from_env();
	assert_int_equal(unsetenv("JOBWIRE_FAULT"), 0);
	for (i = 0; i < SYS_CALL_COUNT; i++)
		assert_int_equal(calls[i].call(&p), 1);
	place_close(&p);
}

static void
a_misspelt_fault_ends_the_program_and_says_so(void **state)
{
	static const char *const specs[] = {

		"write",         "write:",        "write:1",
		"write:1:",      "write::EIO",    "write:x:EIO",
		"write:1:EWHAT", "write:1:EIO ",  "write:1x:EIO",
		"wrote:1:EIO",   "WRITE:1:EIO",   "write:-1:EIO",
		"write:1:eio",   "write:1:EIO:2", "write: 1:EIO",
		"write:0:EIO",   "read:1:EIO",    "write:4294967296:EIO",
	};
	char got[256], want[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(specs); i++) {
		int pair[2], status;
		ssize_t n;
		pid_t pid;

		assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			(void)dup2(pair[1], STDERR_FILENO);
			(void)setenv("JOBWIRE_FAULT", specs[i], 1);
			sys_faults_from_env();
			_exit(0);
		}
		(void)close(pair[1]);
		n = read(pair[0], got, sizeof got - 1);
		(void)close(pair[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 125 || n < 0)
			fail_msg("'%s': status %#x", specs[i], (unsigned)status);
		got[n] = '\0';
		(void)snprintf(want, sizeof want,
			       "JOBWIRE_FAULT: '%s' is not CALL:NTH:ERRNO, such as "
			       "pwrite:3:ENOSPC\n",
			       specs[i]);
		assert_string_equal(got, want);
	}
}

#define THREADS 4
#define CALLS   500

static void *
write_many(void *arg)
{
	struct place *p = arg;
	uintptr_t written = 0;
	int i;

	for (i = 0; i < CALLS; i++)
		written += do_write(p) == 1;
	return (void *)written;
}

static void
calls_are_counted_whichever_thread_makes_them(void **state)
{
	struct place p = place_open(*state);
	pthread_t threads[THREADS];
	uintptr_t written = 0;
	void *ret;
	int i;

	sys_fail(SYS_WRITE, THREADS * CALLS / 2, EIO);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &p), 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &ret), 0);
		written += (uintptr_t)ret;
	}
	assert_int_equal(written, THREADS * CALLS / 2 - 1);
	place_close(&p);
}

/* In a child: passes "other", then "here" twice, then exits with 7. */
static pid_t
start_passing_points(const char *stop_at)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (stop_at)
		(void)setenv("JOBWIRE_STOP_AT", stop_at, 1);
	else
		(void)unsetenv("JOBWIRE_STOP_AT");
	sys_stop_point("other");
	sys_stop_point("here");
	sys_stop_point("here");
	_exit(7);
}

static void
a_process_halts_once_at_the_point_that_was_named(void **state)
{
	pid_t pid = start_passing_points("here");
	int status;

	(void)state;
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(WSTOPSIG(status), SIGSTOP);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void
a_process_does_not_halt_where_no_point_or_another_is_named(void **state)
{
	static const char *const names[] = { NULL, "", "her", "here2", "HERE" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		pid_t pid = start_passing_points(names[i]);
		int status;

		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 7);
	}
}

#else

static void
builds_without_faults_cannot_be_made_to_fail(void **state)
{
	struct place p = place_open(*state);
	size_t i;

	for (i = 0; i < SYS_CALL_COUNT; i++) {
		sys_fail((enum sys_call)i, 1, EXDEV);
		assert_int_equal(calls[i].call(&p), 1);
	}
	assert_int_equal(setenv("JOBWIRE_FAULT", "write:1:EIO", 1), 0);
	assert_int_equal(setenv("JOBWIRE_STOP_AT", "here", 1), 0);
	sys_faults_from_env();
	sys_stop_point("here");
	assert_int_equal(do_write(&p), 1);
	place_close(&p);
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_dir(calls_do_what_their_names_say),
#ifdef JOBWIRE_FAULTS
		unit_test_in_dir(the_nth_and_every_later_call_fails_until_healed),
		unit_test_in_dir(a_fault_of_one_call_leaves_the_others_alone),
		unit_test_in_dir(arming_again_counts_from_the_start),
		unit_test_in_dir(a_failed_write_has_written_nothing),
		unit_test_in_dir(the_environment_arms_every_call_with_every_error),
		unit_test_in_dir(a_fault_named_pwrite_is_not_one_of_write),
		unit_test_in_dir(without_the_variable_nothing_is_armed),
		cmocka_unit_test(a_misspelt_fault_ends_the_program_and_says_so),
		unit_test_in_dir(calls_are_counted_whichever_thread_makes_them),
		cmocka_unit_test(a_process_halts_once_at_the_point_that_was_named),
		cmocka_unit_test(a_process_does_not_halt_where_no_point_or_another_is_named),
#else
		unit_test_in_dir(builds_without_faults_cannot_be_made_to_fail),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
