/* SPDX-License-Identifier: MIT */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

bool
process_look(pid_t pid, struct process *ret_process)
{
	unsigned long long numbers[23] = { 0 };
	char path[32], text[1024], *p;
	ssize_t n;
	int fd, field;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text - 1);
	fd_close(&fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name before it may hold anything */
	if (!p || !p[1] || !p[2])
		return false;
	ret_process->is_alive = p[2] != 'Z' && p[2] != 'X';
	for (p += 3, field = 4; field <= 22; field++)
		numbers[field] = strtoull(p, &p, 10);
	ret_process->is_alive = ret_process->is_alive || numbers[20] > 1; /* threads */
	ret_process->pid = pid;
	ret_process->ppid = (pid_t)numbers[4];
	ret_process->session = (pid_t)numbers[6];
	ret_process->ticks = numbers[22];
	return ret_process->ticks != 0;
}

uint64_t
process_ticks(pid_t pid)
{
	struct process p;

	return process_look(pid, &p) ? p.ticks : 0;
}

int
process_signal(pid_t pid, uint64_t ticks, int sig)
{
	int fd, rc;

	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	/* The descriptor names one process for ever: is it still the one that was meant? */
	if (process_ticks(pid) != ticks)
		rc = -ESRCH;
	else
		rc = syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0 ? -errno : 0;
	(void)close(fd);
	return rc;
}

void
process_boot_id(char out[BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fd_read_all(fd, out, BOOT_ID_SIZE - 1) != BOOT_ID_SIZE - 1)
		out[0] = '\0';
	out[BOOT_ID_SIZE - 1] = '\0';
	fd_close(&fd);
}
