/* SPDX-License-Identifier: MIT */
#include "proc/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

/* Numbers that are ours for the engine's life. */
enum slot {
	SLOT_FIRST = 10,
	SLOT_RECORD = SLOT_FIRST,
	SLOT_CONTROL,
	SLOT_FOLDER,
	SLOT_LOG,
	SLOT_PROGRAM,
	SLOT_END,
};

/* What the holder finds: holder/holder.h. */
enum {
	HOLDER_RECORD = 3,
	HOLDER_CONTROL = 4,
	HOLDER_FOLDER = 5,
};

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1u << 1)
#endif

#define CHILD_STACK ((size_t)64 * 1024)

struct spawner {
	bool can_share; /* close_range(2) is there: Linux 5.9 */
	void *stack;
	const char *argv[3];
	volatile int failed_errno; /* written by the child, which shares our memory */
};

static int
reserve(enum slot slot, int fd)
{
	if (fcntl((int)slot, F_GETFD) >= 0)
		return -EBUSY;
	return dup3(fd, (int)slot, O_CLOEXEC) < 0 ? -errno : 0;
}

static int
reserve_all(const char *holder_path, int logfd, struct err *err)
{
	auto_close int program = open(holder_path, O_RDONLY | O_CLOEXEC);
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int slot, rc = 0;

	if (program < 0)
		return err_sys(err, errno, "holder program %.200s", holder_path);
	if (null < 0)
		return err_sys(err, errno, "/dev/null");
	for (slot = SLOT_FIRST; slot < SLOT_END && rc == 0; slot++)
		rc = reserve((enum slot)slot, slot == SLOT_PROGRAM ? program
					      : slot == SLOT_LOG   ? logfd
								   : null);
	return rc < 0 ? err_sys(err, -rc, "descriptor %d for the holders", slot - 1) : 0;
}

int
spawner_new(const char *holder_path, int logfd, struct spawner **ret_spawner, struct err *err)
{
	struct spawner *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_sys(err, ENOMEM, "spawner");
	s->stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (s->stack == MAP_FAILED) {
		free(s);
		return err_sys(err, ENOMEM, "spawner");
	}
	rc = reserve_all(holder_path, logfd, err);
	if (rc < 0) {
		spawner_free(s);
		return rc;
	}
	/* Flags that do not exist: EINVAL from a kernel that knows the call, ENOSYS from others. */
	s->can_share = syscall(SYS_close_range, ~0u, ~0u, ~0u) < 0 && errno == EINVAL;
	s->argv[0] = "jobwire-holder";
	*ret_spawner = s;
	return 0;
}

void
spawner_free(struct spawner *s)
{
	if (!s)
		return;
	(void)munmap(s->stack, CHILD_STACK);
	free(s);
}

/* In the child, on our memory: raw system calls only. */
static int
child_main(void *arg)
{
	static char *const no_env[] = { NULL };
	struct spawner *s = arg;

	/* From here on the table is the child's own, and nothing above the slots is in it. */
	if (s->can_share &&
	    syscall(SYS_close_range, (unsigned)SLOT_END, ~0u, CLOSE_RANGE_UNSHARE) < 0)
		goto fail;
	if (dup2(SLOT_RECORD, HOLDER_RECORD) < 0 || dup2(SLOT_CONTROL, HOLDER_CONTROL) < 0 ||
	    dup2(SLOT_FOLDER, HOLDER_FOLDER) < 0 || dup2(SLOT_LOG, STDERR_FILENO) < 0)
		goto fail;
	(void)syscall(SYS_close_range, HOLDER_FOLDER + 1u, SLOT_PROGRAM - 1u, 0u);
	(void)close(STDIN_FILENO);
	(void)open("/dev/null", O_RDWR); /* the lowest number: 0 */
	if (dup2(STDIN_FILENO, STDOUT_FILENO) < 0)
		goto fail;
	(void)syscall(SYS_execveat, SLOT_PROGRAM, "", s->argv, no_env, AT_EMPTY_PATH);
fail:
	s->failed_errno = errno;
	_exit(127);
}

static pid_t
clone_child(struct spawner *s)
{
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD | (s->can_share ? CLONE_FILES : 0);
	sigset_t all, old;
	pid_t pid;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	s->failed_errno = 0;
	pid = clone(child_main, (char *)s->stack + CHILD_STACK, flags, s);
	rc = errno;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	errno = rc;
	return pid;
}

/* The slots hold nothing that could keep a socket or a lock alive. */
static void
clear_slots(void)
{
	int slot;

	for (slot = SLOT_RECORD; slot <= SLOT_FOLDER; slot++)
		(void)dup3(STDERR_FILENO, slot, O_CLOEXEC);
}

int
spawner_start(struct spawner *s, const char *id, int recordfd, int dirfd, pid_t *ret_pid,
	      int *ret_control, struct err *err)
{
	int pair[2], rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, errno, "control socket");
	s->argv[1] = id;
	if (dup3(recordfd, SLOT_RECORD, O_CLOEXEC) < 0 ||
	    dup3(pair[1], SLOT_CONTROL, O_CLOEXEC) < 0 || dup3(dirfd, SLOT_FOLDER, O_CLOEXEC) < 0)
		pid = -1;
	else
		pid = clone_child(s);
	if (pid < 0 || s->failed_errno) {
		rc = err_sys(err, pid < 0 ? errno : s->failed_errno, "start the job's holder");
		clear_slots();
		(void)close(pair[0]);
		(void)close(pair[1]);
		return rc;
	}
	clear_slots();
	(void)close(pair[1]);
	if (fd_set_nonblock(pair[0], true) < 0)
		BUG("control socket: errno %d", errno);
	*ret_pid = pid;
	*ret_control = pair[0];
	return 0;
}
