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
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static inline int
test_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int
test_dir_remove(const char *dir)
{
	return nftw(dir, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The same as setup and teardown: *state is the folder's path; a failed test leaves nothing. */
static inline int
test_dir_setup(void **state)
{
	static char dir[64];

	*state = test_dir(dir, sizeof dir);
	return 0;
}

static inline int
test_dir_teardown(void **state)
{
	return test_dir_remove(*state);
}

#define unit_test_in_dir(f) cmocka_unit_test_setup_teardown(f, test_dir_setup, test_dir_teardown)

#endif
