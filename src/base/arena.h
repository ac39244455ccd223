/* SPDX-License-Identifier: MIT */
/*
 * arena - the memory of one request: bump allocation with a budget, freed all at once.
 *
 * One request has one arena: the unpacked message, the reply, strings. What must outlive it is
 * copied. Beyond the budget an allocation fails as if memory had run out, so a small message
 * that unpacks to a large tree (nng.md section 6) fails alone. Threads: one at a time.
 */
#ifndef JOBWIRE_BASE_ARENA_H
#define JOBWIRE_BASE_ARENA_H

#include <stddef.h>

#include "base/macros.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;                /* bytes handed out, rounded up */
	size_t budget;
};

/* An empty arena; allocates nothing. */
void arena_init(struct arena *a, size_t budget);
/* Free everything. The arena is empty and usable again. Safe on zeroed memory. */
void arena_fini(struct arena *a);

/* `size` bytes aligned for any type, or NULL (no memory, or beyond the budget). Not cleared. */
void *arena_alloc(struct arena *a, size_t size);
/* The same, cleared. */
void *arena_zalloc(struct arena *a, size_t size);
/* A copy of `len` bytes with a NUL behind it; NULL as above. */
char *arena_copy(struct arena *a, const void *bytes, size_t len);
char *arena_strdup(struct arena *a, const char *s);
/* Room for element `len` of an array that only this has made grow: it doubles, and may move, each
 * time that `len` is a power of two. What it leaves behind in the arena is smaller than the array.
 */
void *arena_grow(struct arena *a, void *array, size_t len, size_t size);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);

#endif
