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

#define SWEEP_MS    5000
#define PAUSE_MS    2
#define ENVIRON_MAX ((size_t)256 * 1024)

/* Does the environment that the process was executed with hold JOBWIRE_JOB_ID=<id>? */
static bool
has_cookie(pid_t pid, const char *job_id)
{
	char path[32], cookie[64];
	auto_free char *text = malloc(ENVIRON_MAX);
	size_t len;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 || !text ? -1 : fd_read_all(fd, text, ENVIRON_MAX);
	fd_close(&fd);
	if (n <= 0)
		return false;
	len = (size_t)snprintf(cookie, sizeof cookie, "JOBWIRE_JOB_ID=%s", job_id) + 1;
	return memmem(text, (size_t)n, cookie, len) != NULL; /* with its NUL */
}

static bool
belongs(const struct sweep *s, const struct process *f)
{
	if (!f->is_alive || f->pid == getpid())
		return false;
	/* A session keeps the pid of its leader busy: no other session can have that number while a
	 * process of it lives. Younger than the leader it must be. */
	if (s->main_pid && f->session == s->main_pid && f->ticks >= s->main_ticks)
		return true;
	return has_cookie(f->pid, s->job_id);
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

	while (dir && (entry = readdir(dir))) {
		pid = strtol(entry->d_name, NULL, 10);
		if (pid <= 1 || !process_look((pid_t)pid, &f) || !belongs(s, &f))
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
		empty = left ? 0 : empty + 1;
		/* One in the middle of its exec bears no name for a moment: one look is not enough.
		 */
		if (empty == 2 || clock_mono_ms() >= give_up)
			break;
		(void)poll(NULL, 0, PAUSE_MS); /* for the kernel to end them */
	}
	s->survivors = left;
	s->killed = MIN(s->killed, first); /* a process that dies slowly was signalled again */
}
