/* SPDX-License-Identifier: MIT */
/*
 * filled - structs with a value of its own in every member, to prove that each one of them survives
 * a round trip.
 *
 * A test fills the struct, sets what must hold a certain form (bools, texts, pointers), clears the
 * padding, sends it through and compares all bytes: a member that nobody encodes is noticed.
 */
#ifndef JOBWIRE_TEST_FILLED_H
#define JOBWIRE_TEST_FILLED_H

#include "test.h"

enum fill { FILL_DISTINCT, FILL_ONES, FILL_ZEROS, FILL_COUNT };

static inline void
fill(void *obj, size_t size, enum fill how)
{
	unsigned char *p = obj;
	size_t i;

	for (i = 0; i < size; i++)
		p[i] = how == FILL_DISTINCT ? (unsigned char)(1 + i % 251)
		       : how == FILL_ONES   ? 0xff
					    : 0;
}

/* A text that fills its array, but for FILL_ZEROS: an empty one. */
static inline void
fill_text(char *text, size_t size, enum fill how)
{
	size_t i;

	memset(text, 0, size);
	for (i = 0; i < size - 1 && how != FILL_ZEROS; i++)
		text[i] = (char)('a' + i % 26);
}

/* Without the builtin (clang) the padding differs, and only tests with it can compare all bytes. */
#if __has_builtin(__builtin_clear_padding)
#define clear_padding(obj)            __builtin_clear_padding(obj)
#define assert_same_bytes(a, b, size) assert_memory_equal(a, b, size)
#else
#define clear_padding(obj)            ((void)(obj))
#define assert_same_bytes(a, b, size) ((void)(a), (void)(b), (void)(size))
#endif

#endif
