/* SPDX-License-Identifier: MIT */
/*
 * test - cmocka with the headers that it needs before it, in the order that it needs them.
 */
#ifndef JOBWIRE_TEST_H
#define JOBWIRE_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

/* A call must succeed; say its own words where it does not. */
#define assert_ok(call, err)                                            \
	do {                                                            \
		int rc_ = (call);                                       \
		if (rc_ < 0)                                            \
			fail_msg("%s: %d: %s", #call, rc_, (err)->msg); \
	} while (0)

/* A private folder for one test, removed with all in it by test_dir_remove(). */
static inline char *
test_dir(char *out, size_t size)
{
	(void)snprintf(out, size, "/tmp/jobwire-unit-XXXXXX");
	assert_non_null(mkdtemp(out));
	return out;
}

#endif
