/* SPDX-License-Identifier: MIT */
/*
 * temp - a folder of its own for each test, opened, and gone with the test.
 *
 * unit_test_in_temp(f): f's *state is the folder.
 */
#ifndef JOBWIRE_TEST_TEMP_H
#define JOBWIRE_TEST_TEMP_H

#include "test.h"

#include <fcntl.h>
#include <ftw.h>

#include "base/fd.h"
#include "base/sys.h"

struct temp {
	char path[64];
	int fd;
};

static inline int
temp_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline int
temp_setup(void **state)
{
	static struct temp temp;

	(void)test_dir(temp.path, sizeof temp.path);
	temp.fd = open(temp.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(temp.fd >= 0);
	*state = &temp;
	return 0;
}

static inline int
temp_teardown(void **state)
{
	struct temp *temp = *state;

	sys_heal();
	fd_close(&temp->fd);
	return nftw(temp->path, temp_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Tests that make system calls fail begin with this. */
static inline void
need_faults(void)
{
#ifndef JOBWIRE_FAULTS
	print_message("SKIPPED: this build has no fault points\n");
	skip();
#endif
}

#define unit_test_in_temp(f) cmocka_unit_test_setup_teardown(f, temp_setup, temp_teardown)

#endif
