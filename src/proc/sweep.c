/* SPDX-License-Identifier: MIT */
#include "proc/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"

#define SWEEP_MS 5000
#define PAUSE_MS 2

/* Is `what` among the file's bytes? -errno where they cannot be read. */
static int
file_has(int fd, const char *what, size_t len)
{
	char text[8192];
	size_t have = 0, kept;
	ssize_t n;

	while ((n = TEMP_FAILURE_RETRY(read(fd, text + have, sizeof text - have))) > 0) {
		have += (size_t)n;
		if (memmem(text, have, what, len))
			return 1;
		kept = MIN(have, len - 1); /* it may begin here and end in the next piece */
		memmove(text, text + have - kept, kept);
		have = kept;
	}
	return n < 0 ? -errno : 0;
}

/* Does the environment that the process was executed with hold JOBWIRE_JOB_ID=<id>? -errno where
 * that cannot be seen. */
static int
has_cookie(pid_t pid, const char *job_id)
{
	char path[32], cookie[64];
	size_t len;
	int fd, rc;

	(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = (size_t)snprintf(cookie, sizeof cookie, "JOBWIRE_JOB_ID=%s", job_id) + 1;
	rc = file_has(fd, cookie, len); /* with its NUL */
	(void)close(fd);
	return rc;
}

/* A session keeps the pid of its leader busy: no other session can have that number while a process
 * of it lives. So where that pid is another process by now, nobody of the session is left. */
static bool
is_in_session(const struct sweep *s, const struct process *f)
{
	struct process leader;

	if (!s->main_pid || f->session != s->main_pid || f->ticks < s->main_ticks)
		return false;
	return !process_look(s->main_pid, &leader) || leader.ticks == s->main_ticks;
}

/* Without descriptors or memory it cannot be seen whose a process is; what is gone, or another
 * user's, need not be seen. */
static bool
is_blinding(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM;
}

static bool
belongs(struct sweep *s, pid_t pid, struct process *f)
{
	int rc;

	if (!process_look(pid, f)) {
		s->is_blind |= is_blinding(errno);
		return false;
	}
	if (!f->is_alive || pid == getpid())
		return false;
	if (is_in_session(s, f))
		return true;
	rc = has_cookie(pid, s->job_id);
	s->is_blind |= rc < 0 && is_blinding(-rc);
	return rc > 0;
}

/* One walk over all processes. How many belong to the job and live. */
static uint32_t
pass(struct sweep *s)
{
	struct dirent *entry;
	struct process f;
	uint32_t left = 0;
	DIR *dir = opendir("/proc");
	long pid;

	s->is_blind = !dir;
	while (dir && (entry = readdir(dir))) {
		pid = strtol(entry->d_name, NULL, 10);
		if (pid <= 1 || !belongs(s, (pid_t)pid, &f))
			continue;
		left++;
		s->killed += process_signal(f.pid, f.ticks, SIGKILL) == 0;
	}
	if (dir)
		(void)closedir(dir);
	return left;
}

void
sweep_run(struct sweep *s)
{
	int64_t give_up = clock_mono_ms() + SWEEP_MS;
	uint32_t left, first = 0;
	int empty = 0;

	s->killed = 0;
	for (;;) {
		left = pass(s);
		first = MAX(first, left);
		/* One in the middle of its exec bears no name for a moment: one look is not enough.
		 */
		empty = left || s->is_blind ? 0 : empty + 1;
		if (empty == 2 || clock_mono_ms() >= give_up)
			break;
		(void)poll(NULL, 0, PAUSE_MS); /* for the kernel to end them */
	}
	s->survivors = left;
	s->killed = MIN(s->killed, first); /* a process that dies slowly was signalled again */
}
