/* SPDX-License-Identifier: MIT */
/*
 * map - from a string to a pointer: open addressing, grows by doubling.
 *
 * The map keeps the key pointers: a key lives inside the value that it finds, and must not change
 * while it is in the map. Threads: locking is the caller's.
 */
#ifndef JOBWIRE_BASE_MAP_H
#define JOBWIRE_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct map_slot {
	const char *key; /* NULL: empty; a marker of its own: removed */
	void *value;
};

struct map {
	struct map_slot *slots;
	size_t cap;  /* 0 or a power of two */
	size_t len;  /* values */
	size_t used; /* values and removed markers */
	uint64_t seed;
};

/* Zeroed memory is an empty map. */
void map_fini(struct map *m);
void *map_get(const struct map *m, const char *key);
/* 0, or -ENOMEM (nothing changed), or -EEXIST. */
int map_put(struct map *m, const char *key, void *value) MUST_CHECK;
/* The value that was there, or NULL. */
void *map_remove(struct map *m, const char *key);

/* Walk in no particular order: `it` starts at 0; NULL at the end. The value just returned may be
 * removed; nothing may be added on the way. */
void *map_next(const struct map *m, size_t *it);
#define map_for_each(m, it, v) for ((it) = 0; ((v) = map_next((m), &(it))) != NULL;)

#endif
