/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/process.h"
#include "engine/engine.h"
#include "jobdir/folder.h"

#define HOLDER    "jobwire-holder"
#define DEPTH_MAX 4096

/* Is it the holder of a job in our state folder? It shows the job's id as its argument. */
static bool
is_our_holder(const struct engine *eng, pid_t pid, char ret_id[ID_SIZE])
{
	char path[32], line[sizeof HOLDER + ID_SIZE];
	int fd, dirfd;
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = fd_read_all(fd, line, sizeof line - 1);
	(void)close(fd);
	if (n != (ssize_t)sizeof line - 1 || memcmp(line, HOLDER, sizeof HOLDER) != 0)
		return false;
	line[n] = '\0';
	(void)snprintf(ret_id, ID_SIZE, "%s", line + sizeof HOLDER);
	if (folder_open(eng->endpoint.dirfd, ret_id, &dirfd) < 0)
		return false;
	(void)close(dirfd);
	return true;
}

int
engine_refuse_inside_job(const struct engine *eng, struct err *err)
{
	struct process p;
	char id[ID_SIZE];
	int depth;

	/* Not even a daemon gets out of the tree: its holder adopts it. */
	for (depth = 0, p.ppid = getppid(); depth < DEPTH_MAX && p.ppid > 1; depth++) {
		if (is_our_holder(eng, p.ppid, id))
			return err_set(err, ERR_FAILED_PRECONDITION,
				       "this is inside of job %.8s, and an engine that is started "
				       "here would end with it; start it from outside of jobs",
				       id);
		if (!process_look(p.ppid, &p))
			break;
	}
	return 0;
}
