/* SPDX-License-Identifier: MIT */
#include "engine/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "base/sys.h"

#define LOG_MAX ((off_t)8 * 1024 * 1024)

int
logfile_open(const struct endpoint *ep, struct err *err)
{
	int fd = sys_openat(ep->dirfd, ENDPOINT_LOG, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW,
			    0600);

	return fd < 0 ? err_sys(err, errno, "%.300s/" ENDPOINT_LOG, ep->path) : fd;
}

void
logfile_turn_over(const struct endpoint *ep)
{
	struct stat st;
	int fd;

	if (fstat(STDERR_FILENO, &st) < 0 || st.st_size < LOG_MAX)
		return;
	(void)renameat(ep->dirfd, ENDPOINT_LOG, ep->dirfd, ENDPOINT_LOG ".1");
	fd = logfile_open(ep, NULL);
	if (fd < 0)
		return; /* the old one will do */
	(void)dup2(fd, STDERR_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	(void)close(fd);
}
