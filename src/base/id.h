/* SPDX-License-Identifier: MIT */
/*
 * id - the names of jobs: UUIDv4 text (RFC 9562 section 5.4), lower case, 36 characters.
 */
#ifndef JOBWIRE_BASE_ID_H
#define JOBWIRE_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

#define ID_LEN        36
#define ID_SIZE       (ID_LEN + 1)
#define ID_PREFIX_MIN 4 /* the shortest prefix that is taken for an id */

/* A fresh random id from getrandom(2), which does not fail once the system is up. */
void id_new(char out[ID_SIZE]);

/* Is `s` a whole id in the form that id_new() writes? */
bool id_is_whole(const char *s);

/* Is `s` a prefix, of at least ID_PREFIX_MIN characters, of something that could be an id? */
bool id_is_prefix(const char *s);

#endif
