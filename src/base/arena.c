/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ARENA_ALIGN      _Alignof(max_align_t)
#define ARENA_BLOCK_SIZE 4096u

struct arena_block {
	struct arena_block *next;
	size_t size; /* of `bytes` */
	size_t used;
	_Alignas(max_align_t) unsigned char bytes[];
};

void
arena_init(struct arena *a, size_t budget)
{
	memset(a, 0, sizeof *a);
	a->budget = budget;
}

void
arena_fini(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	arena_init(a, a->budget);
}

static struct arena_block *
block_new(size_t size)
{
	struct arena_block *b;

	size = MAX(size, ARENA_BLOCK_SIZE - sizeof *b);
	b = malloc(sizeof *b + size);
	if (!b)
		return NULL;
	b->size = size;
	b->used = 0;
	return b;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b = a->blocks;
	void *p;

	if (size > MIN(a->budget, PTRDIFF_MAX))
		return NULL; /* before the rounding, which must not wrap */
	size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	if (size == 0)
		size = ARENA_ALIGN;
	if (size > a->budget - a->used)
		return NULL;
	if (!b || b->size - b->used < size) {
		b = block_new(size);
		if (!b)
			return NULL;
		/* A large piece gets a block of its own behind the one that still has room. */
		if (a->blocks && b->size == size) {
			b->next = a->blocks->next;
			a->blocks->next = b;
		} else {
			b->next = a->blocks;
			a->blocks = b;
		}
	}
	p = b->bytes + b->used;
	b->used += size;
	a->used += size;
	return p;
}

void *
arena_zalloc(struct arena *a, size_t size)
{
	void *p = arena_alloc(a, size);

	if (p)
		memset(p, 0, size);
	return p;
}

char *
arena_copy(struct arena *a, const void *bytes, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	if (!p)
		return NULL;
	if (len)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_copy(a, s, strlen(s));
}

void *
arena_grow(struct arena *a, void *array, size_t len, size_t size)
{
	void *bigger;

	if (len & (len - 1))
		return array;
	if (len > SIZE_MAX / 2 / size)
		return NULL;
	bigger = arena_alloc(a, MAX(1, 2 * len) * size);
	if (bigger && len)
		memcpy(bigger, array, len * size);
	return bigger;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	(void)vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
