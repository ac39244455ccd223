/* SPDX-License-Identifier: MIT */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/quantity.h"

#ifdef JOBWIRE_FAULTS
static struct {
	atomic_uint calls;
	atomic_uint nth; /* 0 = never fails */
	atomic_int errnum;
} faults[SYS_CALL_COUNT];

static bool
fails(enum sys_call call)
{
	unsigned nth = faults[call].nth;

	if (!nth || ++faults[call].calls < nth)
		return false;
	errno = faults[call].errnum;
	return true;
}

void
sys_fail(enum sys_call call, unsigned nth, int errnum)
{
	faults[call].nth = 0;
	faults[call].calls = 0;
	faults[call].errnum = errnum;
	faults[call].nth = nth;
}

void
sys_heal(void)
{
	size_t i;

	for (i = 0; i < SYS_CALL_COUNT; i++)
		sys_fail((enum sys_call)i, 0, 0);
}

static const char *const call_names[SYS_CALL_COUNT] = {
	[SYS_WRITE] = "write",     [SYS_PWRITE] = "pwrite",       [SYS_OPENAT] = "openat",
	[SYS_MKDIRAT] = "mkdirat", [SYS_FALLOCATE] = "fallocate", [SYS_FDATASYNC] = "fdatasync",
};

static const struct {
	const char *name;
	int errnum;
} errnums[] = { { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT }, { "EIO", EIO },
		{ "EMFILE", EMFILE }, { "EROFS", EROFS },   { "EACCES", EACCES } };

/* "pwrite:3:ENOSPC"; false if it is not of that form. */
static bool
arm(const char *spec)
{
	char call[32], *number, *error;
	int64_t nth;
	size_t i, e;

	(void)snprintf(call, sizeof call, "%s", spec);
	number = strchr(call, ':');
	error = number ? strchr(number + 1, ':') : NULL;
	if (!error)
		return false;
	*number++ = *error++ = '\0';
	if (quantity_int(number, &nth) < 0 || nth < 1 || nth > UINT_MAX)
		return false;
	for (i = 0; i < SYS_CALL_COUNT && strcmp(call, call_names[i]) != 0;)
		i++;
	for (e = 0; e < ARRAY_SIZE(errnums) && strcmp(error, errnums[e].name) != 0;)
		e++;
	if (i == SYS_CALL_COUNT || e == ARRAY_SIZE(errnums))
		return false;
	sys_fail((enum sys_call)i, (unsigned)nth, errnums[e].errnum);
	return true;
}

void
sys_faults_from_env(void)
{
	const char *spec = getenv("JOBWIRE_FAULT");

	if (!spec || !*spec || arm(spec))
		return;
	(void)dprintf(STDERR_FILENO,
		      "JOBWIRE_FAULT: '%s' is not CALL:NTH:ERRNO, such as pwrite:3:ENOSPC\n", spec);
	_exit(125);
}

void
sys_stop_point(const char *point)
{
	static bool stopped;
	const char *want = getenv("JOBWIRE_STOP_AT");

	if (!want || stopped || strcmp(want, point) != 0)
		return;
	stopped = true;
	(void)raise(SIGSTOP);
}
#else
#define fails(call) false

void
sys_fail(enum sys_call call, unsigned nth, int errnum)
{
	(void)call, (void)nth, (void)errnum;
}

void
sys_heal(void)
{
}

void
sys_faults_from_env(void)
{
}
#endif

ssize_t
sys_write(int fd, const void *bytes, size_t len)
{
	return fails(SYS_WRITE) ? -1 : TEMP_FAILURE_RETRY(write(fd, bytes, len));
}

ssize_t
sys_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	return fails(SYS_PWRITE) ? -1 : TEMP_FAILURE_RETRY(pwrite(fd, bytes, len, offset));
}

int
sys_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	return fails(SYS_OPENAT)
		       ? -1
		       : (int)TEMP_FAILURE_RETRY(openat(dirfd, path, flags | O_CLOEXEC, mode));
}

int
sys_mkdirat(int dirfd, const char *path, mode_t mode)
{
	return fails(SYS_MKDIRAT) ? -1 : mkdirat(dirfd, path, mode);
}

int
sys_fallocate(int fd, int mode, off_t offset, off_t len)
{
	return fails(SYS_FALLOCATE) ? -1
				    : (int)TEMP_FAILURE_RETRY(fallocate(fd, mode, offset, len));
}

int
sys_fdatasync(int fd)
{
	return fails(SYS_FDATASYNC) ? -1 : (int)TEMP_FAILURE_RETRY(fdatasync(fd));
}
