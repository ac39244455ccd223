/* SPDX-License-Identifier: MIT */
/*
 * sys - the system calls that tests can make fail.
 *
 * Everything that writes to disk goes through here. In builds with JOBWIRE_FAULTS, sys_fail()
 * (unit tests) or JOBWIRE_FAULT="pwrite:3:ENOSPC" in the environment (whole programs) makes the
 * third and every later call of that kind fail until sys_heal(). Elsewhere these are the plain
 * calls. Each returns as the call it is named after does; EINTR is retried here. Thread-safe.
 */
#ifndef JOBWIRE_BASE_SYS_H
#define JOBWIRE_BASE_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum sys_call {
	SYS_WRITE,
	SYS_PWRITE,
	SYS_OPENAT,
	SYS_MKDIRAT,
	SYS_FALLOCATE,
	SYS_FDATASYNC,
	SYS_CALL_COUNT,
};

ssize_t sys_write(int fd, const void *bytes, size_t len);
ssize_t sys_pwrite(int fd, const void *bytes, size_t len, off_t offset);
int sys_openat(int dirfd, const char *path, int flags, mode_t mode); /* adds O_CLOEXEC */
int sys_mkdirat(int dirfd, const char *path, mode_t mode);
int sys_fallocate(int fd, int mode, off_t offset, off_t len);
int sys_fdatasync(int fd);

/* Let the nth (from 1) and every later call fail with `errnum`, until sys_heal(). */
void sys_fail(enum sys_call call, unsigned nth, int errnum);
void sys_heal(void);
/* Arm from JOBWIRE_FAULT; main() calls it once. A misspelt one ends the program with status 125: a
 * test must not go on without its fault. Does nothing in builds without JOBWIRE_FAULTS. */
void sys_faults_from_env(void);

/* Where builds with JOBWIRE_FAULTS can be halted from outside: if JOBWIRE_STOP_AT is `point`, the
 * process stops itself with SIGSTOP, once. Nothing elsewhere. */
#ifdef JOBWIRE_FAULTS
void sys_stop_point(const char *point);
#else
#define sys_stop_point(point) ((void)0)
#endif

#endif
