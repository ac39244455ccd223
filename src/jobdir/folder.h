/* SPDX-License-Identifier: MIT */
/*
 * folder - where a job's files lie: <state folder>/jobs/ab/<job id>/, ab = the id's first two
 * digits.
 *
 * Functions return 0 or -errno, -EINVAL where `id` is no whole id. Descriptors are the callers' to
 * close.
 */
#ifndef JOBWIRE_JOBDIR_FOLDER_H
#define JOBWIRE_JOBDIR_FOLDER_H

#include <stddef.h>

#include "base/id.h"
#include "base/macros.h"

#define FOLDER_CONTROL "control" /* the holder's socket */
#define FOLDER_SCRIPT  "script"  /* a command string too long for one argument */

#define FOLDER_PATH_MAX (sizeof "jobs/ab/" + ID_LEN)

/* "jobs/ab/<id>", relative to the state folder. */
char *folder_path(const char *id, char out[FOLDER_PATH_MAX]);

/* Make the folder (0700) and open it; -EEXIST where it is there. */
int folder_create(int statefd, const char *id, int *ret_dirfd) MUST_CHECK;
int folder_open(int statefd, const char *id, int *ret_dirfd) MUST_CHECK;

/* Remove it with all its files; what is missing is no error. May take long: 7 µs to 700 µs a file
 * on ext4, so from a worker. */
int folder_remove(int statefd, const char *id) MUST_CHECK;

/* Call `each` with the id of every folder that is there. Stops when it returns non-zero. */
int folder_walk(int statefd, int (*each)(const char *id, void *arg), void *arg) MUST_CHECK;

#endif
