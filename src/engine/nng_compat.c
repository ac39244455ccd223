/* SPDX-License-Identifier: MIT */
#include "engine/nng_compat.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void
nng_compat(void)
{
}

/*
 * A client that connects and leaves before the handshake makes sendmsg() fail with EPIPE. NNG 1.5.2
 * takes EPIPE for "the listener was closed" and never accepts again (nanomsg/nng#1518, mended in
 * 1.6.0). ECONNRESET, which says the same, it takes for what it is.
 */
ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t n = syscall(SYS_sendmsg, fd, msg, flags);

	if (n < 0 && errno == EPIPE)
		errno = ECONNRESET;
	return n;
}

/* NNG 1.5.2 accepts first and sets close-on-exec afterwards: a child that is started in between
 * inherits a client's connection. */
int
accept(int fd, struct sockaddr *restrict addr, socklen_t *restrict len)
{
	return accept4(fd, addr, len, SOCK_CLOEXEC);
}
