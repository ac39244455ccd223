/* SPDX-License-Identifier: MIT */
/*
 * heads - request heads made from pairs of strings, for unit tests.
 */
#ifndef JOBWIRE_TESTS_HEADS_H
#define JOBWIRE_TESTS_HEADS_H

#include "test.h"

#include "mcp_http/head.h"

static inline void
head_begin(struct head *h, enum head_verb verb, const char *target)
{
	head_init(h);
	h->verb = verb;
	assert_int_equal(head_add(h, HEAD_TARGET, target, strlen(target)), 0);
}

/* Without a value there is no such field. */
static inline void
head_field(struct head *h, const char *name, const char *value)
{
	if (!value)
		return;
	assert_int_equal(head_add(h, HEAD_NAME, name, strlen(name)), 0);
	assert_int_equal(head_add(h, HEAD_VALUE, value, strlen(value)), 0);
}

#endif
