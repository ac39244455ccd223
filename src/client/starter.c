/* SPDX-License-Identifier: MIT */
#include "client/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "base/fd.h"

#define ENGINE    "jobwired"
#define WORDS_MAX 4096
#define LOCK_FD   3 /* in the engine */

/* Exit statuses of jobwired. */
#define EXIT_OTHER  3 /* another engine serves the state folder */
#define EXIT_KILLED 4 /* it was killed before it was ready */

void
starter_init(struct starter *s)
{
	s->fd = -1;
	s->pid = 0;
	buf_init(&s->words, WORDS_MAX);
}

void
starter_fini(struct starter *s)
{
	fd_close(&s->fd);
	buf_fini(&s->words);
}

/* 0 and the locked descriptor, -EWOULDBLOCK, or -errno. */
static int
take_lock(const struct endpoint *ep, int *ret_fd)
{
	int fd = openat(ep->dirfd, ENDPOINT_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = -errno;
		(void)close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

/* Beside this program, where an installation puts it; else as PATH finds it. */
static const char *
find_engine(const char *given, char room[PATH_MAX])
{
	ssize_t n;
	char *slash;

	if (given)
		return given;
	n = readlink("/proc/self/exe", room, PATH_MAX - sizeof ENGINE);
	if (n > 0) {
		room[n] = '\0';
		slash = strrchr(room, '/');
		memcpy(slash + 1, ENGINE, sizeof ENGINE);
		if (access(room, X_OK) == 0)
			return room;
	}
	return ENGINE;
}

static int
spawn(const char *engine, const char *state_dir, int lockfd, int wordsfd, pid_t *ret_pid)
{
	const char *argv[] = {
		ENGINE, "--background", "--lock-fd=3", "--state-dir", state_dir, NULL
	};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, deflt;
	int rc;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attr);
	(void)sigemptyset(&none);
	(void)sigfillset(&deflt);
	rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, 0, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, wordsfd, 2);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, lockfd, LOCK_FD);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(&attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attr, &deflt);
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
							     POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnp(ret_pid, engine, &actions, &attr, (char *const *)(uintptr_t)argv,
				  environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* dup2() of a descriptor onto itself leaves it close-on-exec: keep away from the low numbers. */
static int
move_up(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	(void)close(fd);
	return high;
}

int
starter_begin(struct starter *s, const struct endpoint *ep, const char *engine_path,
	      struct err *err)
{
	char room[PATH_MAX];
	int words[2], lockfd, rc;

	rc = take_lock(ep, &lockfd);
	if (rc == -EWOULDBLOCK)
		return 0;
	if (rc < 0)
		return err_sys(err, -rc, "%.300s/" ENDPOINT_LOCK, ep->path);
	lockfd = move_up(lockfd);
	if (lockfd < 0 || pipe2(words, O_CLOEXEC) < 0) {
		rc = errno;
		fd_close(&lockfd);
		return err_sys(err, rc, "start the engine");
	}
	words[1] = move_up(words[1]);
	engine_path = find_engine(engine_path, room);
	rc = words[1] < 0 ? EMFILE : spawn(engine_path, ep->path, lockfd, words[1], &s->pid);
	(void)close(lockfd); /* the engine has it */
	fd_close(&words[1]);
	if (rc || fd_set_nonblock(words[0], true) < 0) {
		(void)close(words[0]);
		return err_sys(err, rc ? rc : EIO, "start the engine: %.200s", engine_path);
	}
	s->fd = words[0];
	buf_clear(&s->words);
	return 1;
}

/* The process that we started ends as soon as the engine behind it is ready, or has failed. */
static int
ended(struct starter *s, struct err *err)
{
	int status = 0, code, n = (int)MIN(s->words.len, 300);

	fd_close(&s->fd);
	if (TEMP_FAILURE_RETRY(waitpid(s->pid, &status, 0)) < 0)
		status = 0; /* somebody else's SIGCHLD handler took it: the socket will tell */
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_OTHER))
		return 1;
	while (n > 0 && buf_head(&s->words)[n - 1] == '\n')
		n--;
	code = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_KILLED ? ERR_ABORTED
								       : ERR_UNAVAILABLE;
	if (n == 0)
		return err_set(err, code, "the engine could not be started: it said nothing");
	return err_set(err, code, "the engine could not be started: %.*s", n,
		       (const char *)buf_head(&s->words));
}

int
starter_read(struct starter *s, struct err *err)
{
	char text[512];
	ssize_t n;

	for (;;) {
		n = read(s->fd, text, sizeof text);
		if (n > 0)
			(void)!buf_add(&s->words, text, (size_t)n); /* the first words are enough */
		else if (n == 0)
			return ended(s, err);
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return err_sys(err, errno, "start the engine");
	}
}
