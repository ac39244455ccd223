/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "holder/holder.h"

static void
add(struct tree *t, pid_t pid)
{
	struct process f;
	struct victim *v;

	if (!process_look(pid, &f) || !f.is_alive)
		return;
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		v = realloc(t->v, t->cap * sizeof *v);
		if (!v) {
			t->cap = t->n;
			return; /* the next look finds the rest, when these are gone */
		}
		t->v = v;
	}
	t->v[t->n++] = (struct victim){ pid, f.ticks };
}

/* The children of one thread, from /proc/PID/task/TID/children: "12 13 ". False where the kernel
 * does not have that file. */
static bool
add_children_of_task(struct tree *t, int taskfd, const char *tid)
{
	char path[64], text[4096], *p, *end;
	size_t have = 0;
	ssize_t n;
	int fd;
	long pid;

	(void)snprintf(path, sizeof path, "%s/children", tid);
	fd = openat(taskfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while ((n = read(fd, text + have, sizeof text - 1 - have)) > 0) {
		have += (size_t)n;
		text[have] = '\0';
		for (p = text; (pid = strtol(p, &end, 10)) > 0 && *end == ' '; p = end)
			add(t, (pid_t)pid);
		have = strlen(p);
		memmove(text, p, have); /* a number that is cut off */
	}
	(void)close(fd);
	return true;
}

static bool
add_children(struct tree *t, pid_t pid)
{
	struct dirent *entry;
	char path[32];
	bool known = true;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return true; /* gone */
	while (known && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			known = add_children_of_task(t, dirfd(dir), entry->d_name) ||
				errno == ENOENT || errno == ESRCH;
	(void)closedir(dir);
	return known;
}

/* Does the chain of parents lead to us? */
static bool
is_below_us(pid_t pid)
{
	struct process f;
	int depth;

	for (depth = 0; pid > 1 && depth < 4096; depth++) {
		if (!process_look(pid, &f))
			return false;
		if (f.ppid == getpid())
			return true;
		pid = f.ppid;
	}
	return false;
}

/* Without the children files: every process of the machine. */
static void
list_by_walk(struct tree *t)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	long pid;

	while (dir && (entry = readdir(dir))) {
		pid = strtol(entry->d_name, NULL, 10);
		if (pid > 1 && is_below_us((pid_t)pid))
			add(t, (pid_t)pid);
	}
	if (dir)
		(void)closedir(dir);
}

void
tree_list(struct tree *ret_tree)
{
	static int has_children_files = -1;
	size_t i;

	memset(ret_tree, 0, sizeof *ret_tree);
	if (has_children_files < 0)
		has_children_files = access("/proc/thread-self/children", R_OK) == 0;
	if (!has_children_files) {
		list_by_walk(ret_tree);
		return;
	}
	(void)add_children(ret_tree, getpid());
	for (i = 0; i < ret_tree->n; i++)
		(void)add_children(ret_tree, ret_tree->v[i].pid);
}

void
tree_free(struct tree *t)
{
	free(t->v);
	memset(t, 0, sizeof *t);
}

bool
tree_is_empty(void)
{
	siginfo_t info;

	/* Orphans come to the subreaper: who has no child has no descendant. */
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

uint32_t
tree_count(void)
{
	struct tree t;
	uint32_t n;

	tree_list(&t);
	n = (uint32_t)t.n;
	tree_free(&t);
	return n;
}

void
tree_names(const struct tree *t, char out[END_NAMES_MAX])
{
	char path[32], name[32];
	size_t i, len = 0;
	ssize_t n;
	int fd;

	out[0] = '\0';
	for (i = 0; i < t->n && len < END_NAMES_MAX - 1; i++) {
		(void)snprintf(path, sizeof path, "/proc/%d/comm", (int)t->v[i].pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : fd_read_all(fd, name, sizeof name - 1);
		fd_close(&fd);
		name[MAX(n, 1) - 1] = '\0'; /* its newline */
		len += (size_t)snprintf(out + len, END_NAMES_MAX - len, "%s%s(%d)", i ? ", " : "",
					n > 0 ? name : "?", (int)t->v[i].pid);
	}
}
