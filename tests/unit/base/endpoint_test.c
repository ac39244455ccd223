/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/endpoint.h"
#include "base/fd.h"
#include "base/sys.h"

/* The passwd entry that endpoint sees; this definition takes the place of the C library's. */
static struct passwd entry, *found;

struct passwd *
getpwuid(uid_t uid)
{
	entry.pw_uid = uid;
	return found;
}

static struct arena scratch; /* of the paths and sentences of one test */

#define text(...) arena_printf(&scratch, __VA_ARGS__)

static int
setup(void **state)
{
	found = NULL;
	sys_heal();
	(void)umask(022);
	(void)unsetenv("JOBWIRE_STATE_DIR");
	(void)unsetenv("HOME");
	arena_init(&scratch, 1 << 20);
	return test_dir_setup(state);
}

static int
teardown(void **state)
{
	arena_fini(&scratch);
	return test_dir_teardown(state);
}

#define unit_test_of_endpoint(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void
assert_opens_at(const char *given, const char *path)
{
	struct endpoint ep = { .dirfd = -1 };
	struct stat by_path, by_fd;
	struct err err = { 0 };

	assert_ok(endpoint_open(given, &ep, &err), &err);
	assert_string_equal(ep.path, path);
	assert_int_equal(stat(path, &by_path), 0);
	assert_int_equal(fstat(ep.dirfd, &by_fd), 0);
	assert_int_equal(by_fd.st_ino, by_path.st_ino);
	assert_int_equal(by_fd.st_dev, by_path.st_dev);
	assert_true(fcntl(ep.dirfd, F_GETFD) & FD_CLOEXEC);
	endpoint_close(&ep);
	assert_int_equal(ep.dirfd, -1);
}

static int
lowest_free_fd(void)
{
	int fd = dup(STDIN_FILENO);

	(void)close(fd);
	return fd;
}

/* Refused with this sentence, and nothing is left open. */
static void
assert_refused(const char *given, int code, const char *sentence)
{
	struct endpoint ep = { .dirfd = -1 };
	int before = lowest_free_fd();
	struct err err = { 0 };

	assert_int_equal(endpoint_open(given, &ep, &err), code);
	assert_string_equal(err.msg, sentence);
	assert_int_equal(ep.dirfd, -1);
	assert_int_equal(lowest_free_fd(), before);
}

static void
the_path_given_comes_first_then_the_variable_then_home(void **state)
{
	const char *dir = *state;

	(void)setenv("HOME", text("%s/home", dir), 1);
	assert_opens_at(NULL, text("%s/home/.local/state/jobwire", dir));
	assert_opens_at("", text("%s/home/.local/state/jobwire", dir));
	(void)setenv("JOBWIRE_STATE_DIR", "", 1);
	assert_opens_at(NULL, text("%s/home/.local/state/jobwire", dir));
	(void)setenv("JOBWIRE_STATE_DIR", text("%s/variable", dir), 1);
	assert_opens_at(NULL, text("%s/variable", dir));
	assert_opens_at("", text("%s/variable", dir));
	assert_opens_at(text("%s/given", dir), text("%s/given", dir));
}

static void
variables_of_the_desktop_are_not_read(void **state)
{
	const char *dir = *state;

	(void)setenv("HOME", dir, 1);
	(void)setenv("XDG_STATE_HOME", text("%s/xdg", dir), 1);
	(void)setenv("XDG_RUNTIME_DIR", text("%s/xdg", dir), 1);
	assert_opens_at(NULL, text("%s/.local/state/jobwire", dir));
	assert_int_equal(access(text("%s/xdg", dir), F_OK), -1);
	(void)unsetenv("XDG_STATE_HOME");
	(void)unsetenv("XDG_RUNTIME_DIR");
}

static void
without_home_the_passwd_entry_says_where(void **state)
{
	const char *dir = *state;

	entry.pw_dir = text("%s/passwd", dir);
	found = &entry;
	assert_opens_at(NULL, text("%s/passwd/.local/state/jobwire", dir));
	assert_int_equal(entry.pw_uid, getuid());
	(void)setenv("HOME", "", 1);
	assert_opens_at(NULL, text("%s/passwd/.local/state/jobwire", dir));
	(void)setenv("HOME", text("%s/home", dir), 1);
	assert_opens_at(NULL, text("%s/home/.local/state/jobwire", dir));
}

static void
without_home_and_entry_it_says_what_to_set(void **state)
{
	(void)state;
	assert_refused(NULL, ERR_FAILED_PRECONDITION,
		       text("no state folder: HOME is not set and user %u has no passwd entry; "
			    "set JOBWIRE_STATE_DIR to a folder of yours",
			    (unsigned)getuid()));
}

static void
a_relative_path_is_refused_whoever_names_it(void **state)
{
	(void)state;
	assert_refused("here", ERR_INVALID_ARGUMENT, "state folder here: must be an absolute path");
	(void)setenv("JOBWIRE_STATE_DIR", "./there", 1);
	assert_refused(NULL, ERR_INVALID_ARGUMENT,
		       "state folder ./there: must be an absolute path");
	(void)unsetenv("JOBWIRE_STATE_DIR");
	(void)setenv("HOME", "home", 1);
	assert_refused(NULL, ERR_INVALID_ARGUMENT, "state folder home: must be an absolute path");
}

static void
a_path_beyond_the_kernels_bound_is_refused(void **state)
{
	char path[PATH_MAX + 1];
	char *want;

	(void)state;
	memset(path, 'x', sizeof path - 1);
	path[0] = '/';
	path[PATH_MAX] = '\0';
	want = text("state folder %.100s...: longer than %d bytes", path, PATH_MAX - 1);
	assert_refused(path, ERR_INVALID_ARGUMENT, want);
	path[PATH_MAX - 5] = '\0'; /* fits, but not with what is added to HOME */
	(void)setenv("HOME", path, 1);
	assert_refused(NULL, ERR_INVALID_ARGUMENT, want);
}

static void
a_home_of_150_characters_works_sockets_included(void **state)
{
	struct endpoint ep = { .dirfd = -1 };
	struct err err = { 0 };
	int listener, client;
	char home[151];

	memset(home, 'h', sizeof home - 1);
	memcpy(home, *state, strlen(*state));
	home[strlen(*state)] = '/';
	home[150] = '\0';
	(void)setenv("HOME", home, 1);
	assert_ok(endpoint_open(NULL, &ep, &err), &err);
	assert_true(strlen(ep.path) > 150);
	listener = fd_listen_at(ep.dirfd, ENDPOINT_REQUESTS, 4);
	assert_true(listener >= 0);
	client = fd_connect_at(ep.dirfd, ENDPOINT_REQUESTS);
	assert_true(client >= 0);
	fd_close(&client);
	fd_close(&listener);
	endpoint_close(&ep);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
missing_parents_are_made_for_us_alone(void **state)
{
	const char *dir = *state;

	(void)umask(0);
	assert_int_equal(mkdir(text("%s/there", dir), 0755), 0);
	assert_opens_at(text("%s/there/a/b/c", dir), text("%s/there/a/b/c", dir));
	assert_int_equal(mode_of(text("%s/there/a", dir)), 0700);
	assert_int_equal(mode_of(text("%s/there/a/b", dir)), 0700);
	assert_int_equal(mode_of(text("%s/there/a/b/c", dir)), 0700);
	assert_int_equal(mode_of(text("%s/there", dir)), 0755); /* was there: left as it was */
	assert_opens_at(text("%s/there/a/b/c", dir), text("%s/there/a/b/c", dir));
}

static void
slashes_too_many_do_no_harm(void **state)
{
	const char *dir = *state;

	assert_opens_at(text("%s/a//b///", dir), text("%s/a//b///", dir));
	assert_opens_at(text("%s/a/b", dir), text("%s/a/b", dir));
	assert_opens_at(text("/%s/c/", dir), text("/%s/c/", dir));
	assert_opens_at(text("%s/c", dir), text("%s/c", dir));
}

static void
a_folder_that_others_may_write_to_is_refused(void **state)
{
	static const mode_t modes[] = { 0770, 0720, 0702, 0777, 01777 };
	const char *path = text("%s/state", (char *)*state);
	size_t i;

	assert_int_equal(mkdir(path, 0700), 0);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_refused(path, ERR_PERMISSION_DENIED,
			       text("state folder %s: others may write to it (mode %04o); run: "
				    "chmod 700 %s",
				    path, (unsigned)modes[i], path));
		assert_int_equal(mode_of(path), modes[i]); /* nor is it mended unasked */
	}
	assert_int_equal(chmod(path, 0755), 0); /* others may look */
	assert_opens_at(path, path);
}

static void
a_folder_that_is_not_ours_is_refused(void **state)
{
	const char *path = "/"; /* root's, where we are not root */
	unsigned owner = 0;

	if (geteuid() == 0) {
		owner = 65534;
		path = text("%s/theirs", (char *)*state);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(chown(path, owner, owner), 0);
	}
	assert_refused(path, ERR_PERMISSION_DENIED,
		       text("state folder %s belongs to user %u, not to you (%u); set "
			    "JOBWIRE_STATE_DIR to a folder of yours",
			    path, owner, (unsigned)geteuid()));
}

static void
what_is_no_folder_is_refused(void **state)
{
	const char *path = text("%s/file", (char *)*state);

	(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_refused(path, ERR_INVALID_ARGUMENT, text("state folder %s: Not a directory", path));
	assert_refused(text("%s/state", path), ERR_INVALID_ARGUMENT,
		       text("state folder %s/state: Not a directory", path));
}

static void
a_link_to_a_folder_of_ours_is_followed(void **state)
{
	const char *dir = *state;

	assert_int_equal(mkdir(text("%s/real", dir), 0700), 0);
	assert_int_equal(symlink("real", text("%s/link", dir)), 0);
	assert_opens_at(text("%s/link", dir), text("%s/link", dir));
}

#ifdef JOBWIRE_FAULTS

static void
a_failure_at_any_step_is_reported(void **state)
{
	const char *path = text("%s/a/b/c/d", (char *)*state);
	unsigned nth;

	/* the two folders above are there: their steps count, and tell EEXIST */
	for (nth = 3; nth <= 6; nth++) {
		sys_fail(SYS_MKDIRAT, nth, ENOSPC);
		assert_refused(path, ERR_RESOURCE_EXHAUSTED,
			       text("create state folder %s: No space left on device", path));
	}
	sys_fail(SYS_MKDIRAT, 6, EROFS);
	assert_refused(path, ERR_PERMISSION_DENIED,
		       text("create state folder %s: Read-only file system", path));
	sys_heal();
	for (nth = 1; nth <= 2; nth++) {
		sys_fail(SYS_OPENAT, nth, EMFILE);
		assert_refused(path, ERR_RESOURCE_EXHAUSTED,
			       text("state folder %s: Too many open files", path));
		(void)rmdir(path);
	}
	sys_heal();
	assert_opens_at(path, path);
}

#endif

static void
where_no_folder_may_be_made_the_reason_is_told(void **state)
{
	const char *dir = *state, *path = text("%s/a/b/c", dir);
	struct endpoint ep = { .dirfd = -1 };
	uid_t me = geteuid();
	struct err err = { 0 };
	int rc;

	/* a folder that somebody without rights looks at */
	assert_int_equal(chmod(dir, me ? 0500 : 0755), 0);
	assert_int_equal(seteuid(me ? me : 65534), 0);
	rc = endpoint_open(path, &ep, &err);
	assert_int_equal(seteuid(me), 0);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(rc, ERR_PERMISSION_DENIED);
	assert_string_equal(err.msg, text("create state folder %s: Permission denied", path));
}

static void
a_failed_endpoint_may_be_closed(void **state)
{
	struct endpoint ep;
	struct err err = { 0 };
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	(void)state;
	assert_true(fd >= 0);
	ep.dirfd = fd; /* whatever the memory held */
	assert_int_equal(endpoint_open("relative", &ep, &err), ERR_INVALID_ARGUMENT);
	endpoint_close(&ep);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_endpoint(the_path_given_comes_first_then_the_variable_then_home),
		unit_test_of_endpoint(variables_of_the_desktop_are_not_read),
		unit_test_of_endpoint(without_home_the_passwd_entry_says_where),
		unit_test_of_endpoint(without_home_and_entry_it_says_what_to_set),
		unit_test_of_endpoint(a_relative_path_is_refused_whoever_names_it),
		unit_test_of_endpoint(a_path_beyond_the_kernels_bound_is_refused),
		unit_test_of_endpoint(a_home_of_150_characters_works_sockets_included),
		unit_test_of_endpoint(missing_parents_are_made_for_us_alone),
		unit_test_of_endpoint(slashes_too_many_do_no_harm),
		unit_test_of_endpoint(a_folder_that_others_may_write_to_is_refused),
		unit_test_of_endpoint(a_folder_that_is_not_ours_is_refused),
		unit_test_of_endpoint(what_is_no_folder_is_refused),
		unit_test_of_endpoint(where_no_folder_may_be_made_the_reason_is_told),
		unit_test_of_endpoint(a_failed_endpoint_may_be_closed),
		unit_test_of_endpoint(a_link_to_a_folder_of_ours_is_followed),
#ifdef JOBWIRE_FAULTS
		unit_test_of_endpoint(a_failure_at_any_step_is_reported),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
