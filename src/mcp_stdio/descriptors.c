/* SPDX-License-Identifier: MIT */
#include "mcp_stdio/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

/* Make 0, 1 and 2 exist, so that nothing else is opened under these numbers. */
static int
fill_standard(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", O_RDWR) < 0)
			return -errno;
	}
	return 0;
}

/* A description of our own for a pipe or a character device; -1 where there cannot be one. */
static int
open_anew(int fd, mode_t type, int mode)
{
	char path[32];

	if (!S_ISFIFO(type) && !S_ISCHR(type))
		return -1;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static int
take_one(int fd, int mode, int *ret_fd, int *ret_flags)
{
	struct stat st;
	int flags;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_flags = -1;
	*ret_fd = open_anew(fd, st.st_mode, mode);
	if (*ret_fd >= 0)
		return 0;
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	flags = fcntl(fd, F_GETFL);
	if (*ret_fd < 0 || flags < 0)
		return -errno;
	if (S_ISREG(st.st_mode) || flags & O_NONBLOCK)
		return 0;
	*ret_flags = flags;
	return fd_set_nonblock(*ret_fd, true);
}

/* What the rest of the program sees as its standard input and output. */
static int
replace_standard(void)
{
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0 ? -errno : 0;
}

int
descriptors_take(struct descriptors *d, struct err *err)
{
	int rc;

	*d = (struct descriptors){ -1, -1, -1, -1 };
	rc = fill_standard();
	if (rc == 0)
		rc = take_one(0, O_RDONLY, &d->in, &d->in_flags);
	if (rc == 0)
		rc = take_one(1, O_WRONLY, &d->out, &d->out_flags);
	if (rc == 0)
		rc = replace_standard();
	if (rc == 0)
		return 0;
	descriptors_release(d);
	return err_sys(err, -rc, "standard input and output");
}

void
descriptors_release(struct descriptors *d)
{
	if (d->in_flags >= 0)
		(void)fcntl(d->in, F_SETFL, d->in_flags);
	if (d->out_flags >= 0)
		(void)fcntl(d->out, F_SETFL, d->out_flags);
	d->in_flags = d->out_flags = -1;
	fd_close(&d->in);
	fd_close(&d->out);
}
