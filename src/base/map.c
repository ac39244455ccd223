/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define MAP_MIN 16

static const char removed[] = "";

/* Keys may be chosen by others: which of them meet in one slot nobody can know. */
static uint64_t
new_seed(const struct map *m)
{
	uint64_t seed;

	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
		seed = (uint64_t)(uintptr_t)m;
	return seed;
}

/* FNV-1a, 64 bits, from a secret start; the low bits, which count, hear of the high ones. */
static uint64_t
hash(const struct map *m, const char *s)
{
	uint64_t h = m->seed;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return h ^ h >> 32;
}

static struct map_slot *
find(const struct map *m, const char *key)
{
	size_t i;

	if (!m->cap)
		return NULL;
	for (i = hash(m, key) & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		if (!m->slots[i].key)
			return NULL;
		if (m->slots[i].key != removed && strcmp(m->slots[i].key, key) == 0)
			return &m->slots[i];
	}
}

static void
place(struct map *m, const char *key, void *value)
{
	size_t i = hash(m, key) & (m->cap - 1);

	while (m->slots[i].key)
		i = (i + 1) & (m->cap - 1);
	m->slots[i].key = key;
	m->slots[i].value = value;
	m->len++;
	m->used++;
}

static int
grow(struct map *m)
{
	struct map bigger = { .seed = m->cap ? m->seed : new_seed(m) };
	size_t i;

	for (bigger.cap = MAP_MIN; bigger.cap < m->len * 4;)
		bigger.cap *= 2;
	bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
	if (!bigger.slots)
		return -ENOMEM;
	for (i = 0; i < m->cap; i++)
		if (m->slots[i].key && m->slots[i].key != removed)
			place(&bigger, m->slots[i].key, m->slots[i].value);
	free(m->slots);
	*m = bigger;
	return 0;
}

void
map_fini(struct map *m)
{
	free(m->slots);
	memset(m, 0, sizeof *m);
}

void *
map_get(const struct map *m, const char *key)
{
	struct map_slot *slot = find(m, key);

	return slot ? slot->value : NULL;
}

int
map_put(struct map *m, const char *key, void *value)
{
	if (find(m, key))
		return -EEXIST;
	if ((m->used + 1) * 2 > m->cap && grow(m) < 0)
		return -ENOMEM;
	place(m, key, value);
	return 0;
}

void *
map_remove(struct map *m, const char *key)
{
	struct map_slot *slot = find(m, key);

	if (!slot)
		return NULL;
	slot->key = removed;
	m->len--;
	return slot->value;
}

void *
map_next(const struct map *m, size_t *it)
{
	const struct map_slot *slot;

	while (*it < m->cap) {
		slot = &m->slots[(*it)++];
		if (slot->key && slot->key != removed)
			return slot->value;
	}
	return NULL;
}
