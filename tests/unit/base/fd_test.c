/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fd.h"

#define WORD50 "a-folder-whose-name-is-made-of-fifty-characters---"

static int
open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* A folder whose path alone is longer than sun_path. */
static int
open_deep_dir(const char *top)
{
	int dirfd = open_dir(top), next, i;

	for (i = 0; i < 4; i++) {
		assert_int_equal(mkdirat(dirfd, WORD50, 0700), 0);
		next = openat(dirfd, WORD50, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		(void)close(dirfd);
		dirfd = next;
	}
	return dirfd;
}

static bool
is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static bool
is_nonblock(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static void
whatever_read_gives_at_once_the_whole_is_read(void **state)
{
	char got[16] = "";
	int pair[2];

	(void)state;
	/* in packet mode one read gives at most what one write gave */
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_DIRECT), 0);
	assert_int_equal(fd_write_all(pair[1], "ab", 2), 0);
	assert_int_equal(fd_write_all(pair[1], "c", 1), 0);
	assert_int_equal(fd_write_all(pair[1], "defg", 4), 0);
	assert_int_equal(fd_read_all(pair[0], got, 3), 3);
	assert_string_equal(got, "abc");
	(void)close(pair[1]);
	assert_int_equal(fd_read_all(pair[0], got, sizeof got), 4); /* less: the end */
	assert_memory_equal(got, "defg", 4);
	assert_int_equal(fd_read_all(pair[0], got, sizeof got), 0);
	(void)close(pair[0]);
}

static void
a_write_that_fails_in_the_middle_says_so(void **state)
{
	int dirfd = open_dir(*state);
	int fd = openat(dirfd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct rlimit was, small;
	char got[32];
	int rc;

	/* beyond the limit write(2) first takes a part, then fails */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	rc = fd_write_all(fd, "0123456789abcdef", 16);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(rc, -EFBIG);
	assert_int_equal(pread(fd, got, sizeof got, 0), 10);
	assert_memory_equal(got, "0123456789", 10);

	assert_int_equal(fd_write_all(fd, "", 0), 0);
	assert_int_equal(fd_write_all(fd, "abcdef", 6), 0);
	assert_int_equal(fd_pread_all(fd, got, 16, 0), 16);
	assert_memory_equal(got, "0123456789abcdef", 16);
	assert_int_equal(fd_pread_all(fd, got, 16, 12), 4);
	assert_memory_equal(got, "cdef", 4);
	assert_int_equal(fd_pread_all(fd, got, 16, 100), 0);
	(void)close(fd);
	(void)close(dirfd);
}

#define LARGE ((size_t)200 * 1024) /* more than a pipe holds */

struct drain {
	int fd;
	pthread_t writer;
	unsigned char got[LARGE];
	ssize_t n;
};

static void
on_signal(int sig)
{
	(void)sig;
}

/* Once the writer has filled the pipe, interrupt it there; then read all. */
static void *
drain_interrupting(void *arg)
{
	struct drain *d = arg;
	int size = fcntl(d->fd, F_GETPIPE_SZ), held = 0;

	while (ioctl(d->fd, FIONREAD, &held) == 0 && held < size)
		(void)sched_yield();
	(void)pthread_kill(d->writer, SIGUSR1);
	d->n = fd_read_all(d->fd, d->got, LARGE);
	return NULL;
}

static void
an_interrupted_write_goes_on_where_it_was(void **state)
{
	struct sigaction act = { .sa_handler = on_signal }, was; /* no SA_RESTART */
	struct drain *d = calloc(1, sizeof *d);
	unsigned char *bytes = malloc(LARGE);
	pthread_t reader;
	int pair[2], rc;
	size_t i;

	(void)state;
	assert_true(d && bytes);
	for (i = 0; i < LARGE; i++)
		bytes[i] = (unsigned char)(i % 251);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	d->fd = pair[0];
	d->writer = pthread_self();
	(void)sigaction(SIGUSR1, &act, &was);
	assert_int_equal(pthread_create(&reader, NULL, drain_interrupting, d), 0);
	rc = fd_write_all(pair[1], bytes, LARGE);
	(void)close(pair[1]);
	assert_int_equal(pthread_join(reader, NULL), 0);
	(void)sigaction(SIGUSR1, &was, NULL);
	assert_int_equal(rc, 0);
	assert_int_equal(d->n, LARGE);
	assert_memory_equal(d->got, bytes, LARGE);
	(void)close(pair[0]);
	free(bytes);
	free(d);
}

static void
a_failure_is_the_negative_errno(void **state)
{
	int dirfd = open_dir(*state), pair[2];
	uid_t uid = 77;
	char c;

	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(fd_read_all(pair[0], &c, 1), -EAGAIN);
	assert_int_equal(fd_read_all(pair[1], &c, 1), -EBADF);
	assert_int_equal(fd_write_all(pair[0], "x", 1), -EBADF);
	assert_int_equal(fd_pread_all(pair[0], &c, 1, 0), -ESPIPE);
	assert_int_equal(fd_set_nonblock(-1, true), -EBADF);
	assert_int_equal(fd_set_cloexec(-1, true), -EBADF);
	assert_int_equal(fd_peer_uid(pair[0], &uid), -ENOTSOCK);
	assert_int_equal(uid, 77);
	assert_int_equal(fd_connect_at(dirfd, "missing"), -ENOENT);
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)close(dirfd);
}

static void
flags_go_on_and_off_and_leave_the_others(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(pipe2(pair, 0), 0);
	assert_int_equal(fd_set_cloexec(pair[0], true), 0);
	assert_true(is_cloexec(pair[0]));
	assert_false(is_nonblock(pair[0]));
	assert_int_equal(fd_set_cloexec(pair[0], false), 0);
	assert_false(is_cloexec(pair[0]));

	assert_int_equal(fcntl(pair[1], F_SETFL, O_APPEND), 0);
	assert_int_equal(fd_set_nonblock(pair[1], true), 0);
	assert_true(is_nonblock(pair[1]));
	assert_false(is_cloexec(pair[1]));
	assert_int_equal(fd_set_nonblock(pair[1], false), 0);
	assert_false(is_nonblock(pair[1]));
	assert_true(fcntl(pair[1], F_GETFL) & O_APPEND);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void
a_closed_descriptor_is_forgotten(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), number = fd;

	(void)state;
	assert_true(fd >= 0);
	fd_close(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(number, F_GETFD), -1);
	fd_close(&fd);
	assert_int_equal(fd, -1);
}

static void
sockets_work_in_folders_deeper_than_sun_path(void **state)
{
	int dirfd = open_deep_dir(*state), listener, client, server;
	uid_t uid = (uid_t)-1;
	char got[4];

	listener = fd_listen_at(dirfd, "engine.sock", 4);
	assert_true(listener >= 0);
	client = fd_connect_at(dirfd, "engine.sock");
	assert_true(client >= 0);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(server >= 0);
	assert_int_equal(fd_write_all(client, "ping", 4), 0);
	assert_int_equal(fd_read_all(server, got, 4), 4);
	assert_memory_equal(got, "ping", 4);
	assert_int_equal(fd_peer_uid(server, &uid), 0);
	assert_int_equal(uid, getuid());
	uid = (uid_t)-1;
	assert_int_equal(fd_peer_uid(client, &uid), 0);
	assert_int_equal(uid, getuid());
	(void)close(server);
	(void)close(client);
	(void)close(listener);
	(void)close(dirfd);
}

static void
a_listener_is_ours_alone_nonblocking_and_close_on_exec(void **state)
{
	int dirfd = open_dir(*state), listener, client;
	mode_t mask = umask(0);
	struct stat st;

	listener = fd_listen_at(dirfd, "s", 4);
	(void)umask(mask);
	assert_true(listener >= 0);
	assert_true(is_nonblock(listener));
	assert_true(is_cloexec(listener));
	assert_int_equal(fstatat(dirfd, "s", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(accept(listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);

	client = fd_connect_at(dirfd, "s");
	assert_true(client >= 0);
	assert_true(is_nonblock(client));
	assert_true(is_cloexec(client));
	(void)close(client);
	(void)close(listener);
	(void)close(dirfd);
}

/* Who listens may be stopped: nobody must wait for it in connect(2). */
static void
a_full_queue_is_said_and_not_waited_for(void **state)
{
	int dirfd = open_dir(*state), listener = fd_listen_at(dirfd, "s", 0), clients[8], n = 0;

	assert_true(listener >= 0);
	while (n < 8 && (clients[n] = fd_connect_at(dirfd, "s")) >= 0)
		n++;
	assert_in_range(n, 1, 7);
	assert_int_equal(clients[n], -EAGAIN);
	while (n-- > 0)
		(void)close(clients[n]);
	(void)close(listener);
	(void)close(dirfd);
}

static void
a_stale_socket_is_replaced(void **state)
{
	int dirfd = open_dir(*state), listener, client;

	listener = fd_listen_at(dirfd, "s", 4);
	assert_true(listener >= 0);
	(void)close(listener);
	assert_int_equal(fd_connect_at(dirfd, "s"), -ECONNREFUSED);

	listener = fd_listen_at(dirfd, "s", 4);
	assert_true(listener >= 0);
	client = fd_connect_at(dirfd, "s");
	assert_true(client >= 0);
	(void)close(client);
	(void)close(listener);
	(void)close(dirfd);
}

static void
what_is_no_socket_is_left_alone(void **state)
{
	int dirfd = open_dir(*state), fd, listener;
	struct stat st;
	char got[8];

	fd = openat(dirfd, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fd_write_all(fd, "dear", 4), 0);
	(void)close(fd);
	assert_int_equal(mkdirat(dirfd, "folder", 0700), 0);
	listener = fd_listen_at(dirfd, "socket", 4);
	assert_true(listener >= 0);
	assert_int_equal(symlinkat("socket", dirfd, "link"), 0);

	assert_int_equal(fd_listen_at(dirfd, "file", 4), -EEXIST);
	assert_int_equal(fd_listen_at(dirfd, "folder", 4), -EEXIST);
	assert_int_equal(fd_listen_at(dirfd, "link", 4), -EEXIST);

	fd = openat(dirfd, "file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_read_all(fd, got, sizeof got), 4);
	assert_memory_equal(got, "dear", 4);
	(void)close(fd);
	assert_int_equal(fstatat(dirfd, "folder", &st, 0), 0);
	assert_int_equal(fstatat(dirfd, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	(void)close(listener);
	(void)close(dirfd);
}

static void
a_name_that_does_not_fit_is_refused_and_not_cut(void **state)
{
	int dirfd = open_dir(*state), listener;
	char name[109], out[128];
	struct stat st;
	size_t fits;

	assert_int_equal(fd_proc_path(dirfd, "", out, sizeof out), 0);
	fits = 107 - strlen(out); /* what is left of sun_path */
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(fd_listen_at(dirfd, name, 4), -ENAMETOOLONG);
	name[fits + 1] = '\0';
	assert_int_equal(fd_listen_at(dirfd, name, 4), -ENAMETOOLONG);
	assert_int_equal(fd_connect_at(dirfd, name), -ENAMETOOLONG);
	name[fits] = '\0';
	assert_int_equal(fstatat(dirfd, name, &st, 0), -1);
	listener = fd_listen_at(dirfd, name, 4);
	assert_true(listener >= 0);
	assert_int_equal(fstatat(dirfd, name, &st, 0), 0);
	(void)close(listener);
	(void)close(dirfd);
}

static void
a_path_below_a_descriptor_has_its_number(void **state)
{
	static const char want[] = "/proc/self/fd/7/x";
	char out[64];

	(void)state;
	assert_int_equal(fd_proc_path(7, "x", out, sizeof out), 0);
	assert_string_equal(out, want);
	assert_int_equal(fd_proc_path(7, "x", out, sizeof want), 0);
	assert_int_equal(fd_proc_path(7, "x", out, sizeof want - 1), -ENAMETOOLONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_read_gives_at_once_the_whole_is_read),
		cmocka_unit_test(an_interrupted_write_goes_on_where_it_was),
		unit_test_in_dir(a_write_that_fails_in_the_middle_says_so),
		unit_test_in_dir(a_failure_is_the_negative_errno),
		cmocka_unit_test(flags_go_on_and_off_and_leave_the_others),
		cmocka_unit_test(a_closed_descriptor_is_forgotten),
		unit_test_in_dir(sockets_work_in_folders_deeper_than_sun_path),
		unit_test_in_dir(a_listener_is_ours_alone_nonblocking_and_close_on_exec),
		unit_test_in_dir(a_full_queue_is_said_and_not_waited_for),
		unit_test_in_dir(a_stale_socket_is_replaced),
		unit_test_in_dir(what_is_no_socket_is_left_alone),
		unit_test_in_dir(a_name_that_does_not_fit_is_refused_and_not_cut),
		cmocka_unit_test(a_path_below_a_descriptor_has_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
