/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "holder/holder.h"

/* Does the chain of parents lead to us? */
static bool
is_below_us(pid_t pid)
{
	struct process p;
	int depth;

	for (depth = 0; pid > 1 && depth < 4096; depth++) {
		if (!process_look(pid, &p))
			return false;
		if (p.ppid == getpid())
			return true;
		pid = p.ppid;
	}
	return false;
}

/* Without the children files: every process of the machine. */
static void
list_by_walk(struct process_list *tree)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");
	long pid;

	while (dir && (entry = readdir(dir))) {
		pid = strtol(entry->d_name, NULL, 10);
		if (pid > 1 && is_below_us((pid_t)pid) && !process_add(tree, (pid_t)pid))
			break; /* the next look finds the rest, when these are gone */
	}
	if (dir)
		(void)closedir(dir);
}

void
tree_list(struct process_list *ret_tree)
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
	(void)process_add_children(ret_tree, getpid());
	for (i = 0; i < ret_tree->n; i++)
		(void)process_add_children(ret_tree, ret_tree->v[i].pid);
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
	struct process_list tree;
	uint32_t n;

	tree_list(&tree);
	n = (uint32_t)tree.n;
	process_list_fini(&tree);
	return n;
}

void
tree_names(const struct process_list *tree, char out[END_NAMES_MAX])
{
	char path[32], name[32];
	size_t i, len = 0;
	ssize_t n;
	int fd;

	out[0] = '\0';
	for (i = 0; i < tree->n && len < END_NAMES_MAX - 1; i++) {
		(void)snprintf(path, sizeof path, "/proc/%d/comm", (int)tree->v[i].pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : fd_read_all(fd, name, sizeof name - 1);
		fd_close(&fd);
		name[MAX(n, 1) - 1] = '\0'; /* its newline */
		len += (size_t)snprintf(out + len, END_NAMES_MAX - len, "%s%s(%d)", i ? ", " : "",
					n > 0 ? name : "?", (int)tree->v[i].pid);
	}
}
