/* SPDX-License-Identifier: MIT */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/sys.h"

int
fd_write_all(int fd, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	ssize_t n;

	while (len) {
		n = sys_write(fd, p, len);
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t
fd_read_all(int fd, void *bytes, size_t len)
{
	unsigned char *p = bytes;
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = TEMP_FAILURE_RETRY(read(fd, p + got, len - got));
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

ssize_t
fd_pread_all(int fd, void *bytes, size_t len, off_t offset)
{
	unsigned char *p = bytes;
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = TEMP_FAILURE_RETRY(pread(fd, p + got, len - got, offset + (off_t)got));
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int
set_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return -errno;
	flags = on ? flags | flag : flags & ~flag;
	return fcntl(fd, set, flags) < 0 ? -errno : 0;
}

int
fd_set_nonblock(int fd, bool on)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int
fd_set_cloexec(int fd, bool on)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

void
fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int
fd_proc_path(int dirfd, const char *name, char *out, size_t size)
{
	int n = snprintf(out, size, "/proc/self/fd/%d/%s", dirfd, name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int
address_at(int dirfd, const char *name, struct sockaddr_un *ret_addr)
{
	memset(ret_addr, 0, sizeof *ret_addr);
	ret_addr->sun_family = AF_UNIX;
	return fd_proc_path(dirfd, name, ret_addr->sun_path, sizeof ret_addr->sun_path);
}

int
fd_listen_at(int dirfd, const char *name, int backlog)
{
	struct sockaddr_un addr;
	struct stat st;
	int fd, rc;

	rc = address_at(dirfd, name, &addr);
	if (rc < 0)
		return rc;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return -EEXIST;
		if (unlinkat(dirfd, name, 0) < 0)
			return -errno;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Mode first, then listen: nobody can connect in between. */
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
	    fchmodat(dirfd, name, 0600, 0) < 0 || listen(fd, backlog) < 0) {
		rc = -errno;
		(void)close(fd);
		return rc;
	}
	return fd;
}

int
fd_connect_at(int dirfd, const char *name)
{
	struct sockaddr_un addr;
	int fd, rc;

	rc = address_at(dirfd, name, &addr);
	if (rc < 0)
		return rc;
	/* A blocking one waits for ever where the listener is stopped and its queue full. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (TEMP_FAILURE_RETRY(connect(fd, (struct sockaddr *)&addr, sizeof addr)) < 0) {
		rc = -errno;
		(void)close(fd);
		return rc;
	}
	return fd;
}

int
fd_peer_uid(int fd, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret_uid = cred.uid;
	return 0;
}
