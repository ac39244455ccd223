/* SPDX-License-Identifier: MIT */
/*
 * process - facts about processes, from /proc, and signals that never hit a reused pid.
 *
 * A pid alone is a name that the kernel gives away again; with the start time it is not. Functions
 * are thread-safe and call no library function that a static binary may not.
 */
#ifndef JOBWIRE_BASE_PROCESS_H
#define JOBWIRE_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"

/* From /proc/PID/stat (proc_pid_stat(5)). */
struct process {
	pid_t pid;
	pid_t ppid;     /* field 4 */
	pid_t session;  /* field 6 */
	uint64_t ticks; /* field 22: start time in clock ticks since boot */
	bool is_alive;  /* not a zombie; a zombie leader whose threads run is alive */
};

/* False: there is no such process (any more): errno is ESRCH. Another errno: it could not look. */
bool process_look(pid_t pid, struct process *ret_process);
/* Its start time, 0: there is no such process. */
uint64_t process_ticks(pid_t pid);
/* Signal `pid` if it is still the process that started at `ticks`. 0 or -errno; -ESRCH: gone. */
int process_signal(pid_t pid, uint64_t ticks, int sig);

/* Processes, grown with realloc(). Zeroed memory is an empty list. */
struct process_list {
	struct process *v;
	size_t n, cap;
};

/* Append the living children of `pid`, from /proc/PID/task/TID/children. What is born or dies while
 * it looks may be missing: look again. False: out of memory, or a kernel without those files. */
bool process_add_children(struct process_list *list, pid_t pid);
/* Append `pid` itself if it lives. False: out of memory. */
bool process_add(struct process_list *list, pid_t pid);
/* Append what is known of one, alive or not. False: out of memory. */
bool process_keep(struct process_list *list, const struct process *p);
void process_list_fini(struct process_list *list);

/* /proc/sys/kernel/random/boot_id, 36 characters, or "" where it cannot be read. */
#define BOOT_ID_SIZE 37
void process_boot_id(char out[BOOT_ID_SIZE]);

#endif
