/* SPDX-License-Identifier: MIT */
#include "engine/nng_compat.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

void
nng_compat(void)
{
}

/*
 * How a peer's end must look to libnng 1.5.2:
 *
 * A pipe that is closed while a message is half read (its length is there, its body not yet) waits
 * for ever for the rest, and with it the one thread that clears away pipes: from then on no
 * connection is forgotten, and nng_close() hangs (nanomsg/nng#1543). A client that leaves while
 * replies to it are on their way does this, because the failed send closes the pipe. So sends never
 * fail and no hang-up is reported: the end of a peer is what a read finds, and nothing is half read
 * then.
 *
 * A failed handshake must look like a reset. For EPIPE the listener never accepts again
 * (nanomsg/nng#1518, mended in 1.6.0); for an end of file it stops for 100 ms.
 */
ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t n = syscall(SYS_sendmsg, fd, msg, flags);
	size_t i;

	if (n >= 0 || (errno != EPIPE && errno != ECONNRESET))
		return n;
	for (n = 0, i = 0; i < msg->msg_iovlen; i++)
		n += (ssize_t)msg->msg_iov[i].iov_len;
	return n;
}

ssize_t
readv(int fd, const struct iovec *iov, int count)
{
	ssize_t n = syscall(SYS_readv, fd, iov, count);

	if (n != 0)
		return n;
	errno = ECONNRESET;
	return -1;
}

/* libevent takes a hang-up for the same as this. */
int
epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	int n = (int)syscall(SYS_epoll_pwait, epfd, events, max, timeout_ms, NULL, _NSIG / 8);
	int i;

	for (i = 0; i < n; i++)
		if (events[i].events & (EPOLLHUP | EPOLLERR))
			events[i].events = EPOLLIN | EPOLLOUT;
	return n;
}

/* NNG 1.5.2 accepts first and sets close-on-exec afterwards: a child that is started in between
 * inherits a client's connection. */
int
accept(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
	return accept4(fd, addr, len, SOCK_CLOEXEC);
}

static _Thread_local int peer_fd = -1;

int
getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict len)
{
	if (level == SOL_SOCKET && name == SO_PEERCRED)
		peer_fd = fd;
	return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

int
nng_compat_peer_fd(void)
{
	return peer_fd;
}
