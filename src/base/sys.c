/* SPDX-License-Identifier: MIT */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/macros.h"

#ifdef JOBWIRE_FAULTS
static struct {
	unsigned calls;
	unsigned nth; /* 0 = never fails */
	int errnum;
} faults[SYS_CALL_COUNT];

static bool
fails(enum sys_call call)
{
	if (!faults[call].nth || ++faults[call].calls < faults[call].nth)
		return false;
	errno = faults[call].errnum;
	return true;
}

void
sys_fail(enum sys_call call, unsigned nth, int errnum)
{
	faults[call].calls = 0;
	faults[call].nth = nth;
	faults[call].errnum = errnum;
}

void
sys_heal(void)
{
	memset(faults, 0, sizeof faults);
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

void
sys_faults_from_env(void)
{
	const char *s = getenv("JOBWIRE_FAULT"), *colon;
	char *end;
	unsigned long nth;
	size_t i, j;

	for (i = 0; s && i < SYS_CALL_COUNT; i++) {
		colon = s + strlen(call_names[i]);
		if (strncmp(s, call_names[i], strlen(call_names[i])) != 0 || *colon != ':')
			continue;
		nth = strtoul(colon + 1, &end, 10);
		for (j = 0; j < ARRAY_SIZE(errnums); j++)
			if (*end == ':' && strcmp(end + 1, errnums[j].name) == 0)
				sys_fail((enum sys_call)i, (unsigned)nth, errnums[j].errnum);
	}
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
