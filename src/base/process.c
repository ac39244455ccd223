/* SPDX-License-Identifier: MIT */
#include "base/process.h"

#include <dirent.h>
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
	n = fd < 0 ? -errno : fd_read_all(fd, text, sizeof text - 1);
	fd_close(&fd);
	errno = n == 0 || n == -ENOENT ? ESRCH : (int)-n;
	if (n <= 0)
		return false;
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name before it may hold anything */
	errno = ESRCH;
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

bool
process_keep(struct process_list *list, const struct process *p)
{
	struct process *bigger;

	if (list->n == list->cap) {
		bigger = realloc(list->v, (list->cap * 2 + 16) * sizeof *bigger);
		if (!bigger)
			return false;
		list->v = bigger;
		list->cap = list->cap * 2 + 16;
	}
	list->v[list->n++] = *p;
	return true;
}

bool
process_add(struct process_list *list, pid_t pid)
{
	struct process p;

	return !process_look(pid, &p) || !p.is_alive || process_keep(list, &p);
}

void
process_list_fini(struct process_list *list)
{
	free(list->v);
	memset(list, 0, sizeof *list);
}

/* The children of one thread: "12 13 ". */
static bool
add_children_of_task(struct process_list *list, int taskfd, const char *tid)
{
	char path[64], text[4096], *p, *end;
	size_t have = 0;
	bool ok = true;
	ssize_t n;
	int fd;
	long pid;

	(void)snprintf(path, sizeof path, "%s/children", tid);
	fd = openat(taskfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno != ENOENT ||
		       faccessat(taskfd, tid, F_OK, 0) < 0; /* gone, or no such file */
	while (ok && (n = TEMP_FAILURE_RETRY(read(fd, text + have, sizeof text - 1 - have))) > 0) {
		have += (size_t)n;
		text[have] = '\0';
		for (p = text; ok && (pid = strtol(p, &end, 10)) > 0 && *end == ' '; p = end)
			ok = process_add(list, (pid_t)pid);
		have = strlen(p); /* a number that is cut off */
		memmove(text, p, have);
	}
	(void)close(fd);
	return ok;
}

bool
process_add_children(struct process_list *list, pid_t pid)
{
	struct dirent *entry;
	char path[32];
	bool ok = true;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return true; /* gone */
	while (ok && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ok = add_children_of_task(list, dirfd(dir), entry->d_name);
	(void)closedir(dir);
	return ok;
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
