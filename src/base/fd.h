/* SPDX-License-Identifier: MIT */
/*
 * fd - whole reads and writes, and unix sockets at paths of any length.
 *
 * Functions return 0 or a count, else -errno. Descriptors are close-on-exec from birth. Sockets are
 * bound and connected through /proc/self/fd/<dirfd>/<name>, because sun_path holds 107 bytes and a
 * home folder may be longer.
 */
#ifndef JOBWIRE_BASE_FD_H
#define JOBWIRE_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"

/* Write all of it; for blocking descriptors. */
int fd_write_all(int fd, const void *bytes, size_t len) MUST_CHECK;
/* Read until `len` bytes or the end: the count, less than `len` only at the end. */
ssize_t fd_read_all(int fd, void *bytes, size_t len) MUST_CHECK;
/* The same at an offset. */
ssize_t fd_pread_all(int fd, void *bytes, size_t len, off_t offset) MUST_CHECK;

int fd_set_nonblock(int fd, bool on) MUST_CHECK;
int fd_set_cloexec(int fd, bool on) MUST_CHECK;
/* Close if open and set to -1. */
void fd_close(int *fd);

/* A listening stream socket `name` (mode 0600) in the folder; a stale socket of that name is
 * replaced, anything else is left alone (-EEXIST). Nonblocking. */
int fd_listen_at(int dirfd, const char *name, int backlog) MUST_CHECK;
/* A connected stream socket, nonblocking. -EAGAIN: as many wait there as may; try again. */
int fd_connect_at(int dirfd, const char *name) MUST_CHECK;
/* "/proc/self/fd/<dirfd>/<name>" */
int fd_proc_path(int dirfd, const char *name, char *out, size_t size) MUST_CHECK;
/* The user at the other end of a unix socket. */
int fd_peer_uid(int fd, uid_t *ret_uid) MUST_CHECK;

#endif
