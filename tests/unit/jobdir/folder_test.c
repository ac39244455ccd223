/* SPDX-License-Identifier: MIT */
#include "temp.h"

#include <sys/stat.h>

#include "jobdir/folder.h"

#define ID    "ab234567-89ab-4cde-8f01-23456789abcd"
#define OTHER "ab234567-89ab-4cde-8f01-23456789abce"
#define FAR   "00234567-89ab-4cde-8f01-23456789abcd"
#define PATH  "jobs/ab/" ID

static void
put_file(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	fd_close(&fd);
}

static bool
is_there(int dirfd, const char *path)
{
	return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
create(int statefd, const char *id)
{
	int fd;

	assert_int_equal(folder_create(statefd, id, &fd), 0);
	fd_close(&fd);
}

static void
the_path_is_made_of_the_id(void **state)
{
	char path[FOLDER_PATH_MAX];

	(void)state;
	assert_string_equal(folder_path(ID, path), PATH);
	assert_int_equal(strlen(path) + 1, FOLDER_PATH_MAX);
}

static void
a_folder_is_made_for_its_owner_alone_and_opened(void **state)
{
	static const char *const paths[] = { "jobs", "jobs/ab", PATH };
	struct temp *t = *state;
	struct stat made, found;
	size_t i;
	int fd;

	assert_int_equal(folder_create(t->fd, ID, &fd), 0);
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_int_equal(fstatat(t->fd, paths[i], &made, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(made.st_mode, S_IFDIR | 0700);
	}
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(found.st_ino, made.st_ino);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	fd_close(&fd);
	assert_int_equal(folder_open(t->fd, ID, &fd), 0);
	assert_int_equal(fstat(fd, &found), 0);
	assert_int_equal(found.st_ino, made.st_ino);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	fd_close(&fd);
}

static void
a_folder_that_is_there_is_not_made_again(void **state)
{
	struct temp *t = *state;
	int fd = -1;

	create(t->fd, ID);
	assert_int_equal(folder_create(t->fd, ID, &fd), -EEXIST);
	assert_int_equal(fd, -1);
	create(t->fd, OTHER);
	create(t->fd, FAR);
}

static void
a_folder_that_is_not_there_is_not_opened(void **state)
{
	struct temp *t = *state;
	int fd = -1;

	assert_int_equal(folder_open(t->fd, ID, &fd), -ENOENT);
	create(t->fd, OTHER);
	assert_int_equal(folder_open(t->fd, ID, &fd), -ENOENT);
	put_file(t->fd, PATH);
	assert_int_equal(folder_open(t->fd, ID, &fd), -ENOTDIR);
	assert_int_equal(fd, -1);
}

static void
what_the_disk_refuses_is_said_and_nothing_half_made_stays(void **state)
{
	static const enum sys_call calls[] = { SYS_MKDIRAT, SYS_MKDIRAT, SYS_MKDIRAT, SYS_MKDIRAT,
					       SYS_OPENAT };
	static const unsigned nth[] = { 1, 2, 3, 4, 1 };
	static const int errnums[] = { ENOSPC, EDQUOT, ENOSPC, EROFS, EMFILE };
	struct temp *t = *state;
	int fd = -1;
	size_t i;

	need_faults();
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		sys_fail(calls[i], nth[i], errnums[i]);
		assert_int_equal(folder_create(t->fd, ID, &fd), -errnums[i]);
		assert_int_equal(fd, -1);
		assert_false(is_there(t->fd, PATH));
		sys_heal();
		create(t->fd, ID);
		assert_int_equal(folder_remove(t->fd, ID), 0);
		(void)unlinkat(t->fd, "jobs/ab", AT_REMOVEDIR);
		(void)unlinkat(t->fd, "jobs", AT_REMOVEDIR);
	}
}

static void
a_folder_goes_with_all_its_files(void **state)
{
	struct temp *t = *state;
	char name[32];
	int fd, i;

	create(t->fd, OTHER);
	assert_int_equal(folder_create(t->fd, ID, &fd), 0);
	for (i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof name, "stdout.%d", i);
		put_file(fd, name);
	}
	put_file(fd, ".hidden");
	put_file(fd, "...");
	assert_int_equal(mkfifoat(fd, FOLDER_CONTROL, 0600), 0);
	fd_close(&fd);
	assert_int_equal(folder_remove(t->fd, ID), 0);
	assert_false(is_there(t->fd, PATH));
	assert_true(is_there(t->fd, "jobs/ab/" OTHER));
}

static void
removing_what_is_missing_is_no_error(void **state)
{
	struct temp *t = *state;

	assert_int_equal(folder_remove(t->fd, ID), 0);
	create(t->fd, OTHER);
	assert_int_equal(folder_remove(t->fd, ID), 0);
	assert_int_equal(folder_remove(t->fd, OTHER), 0);
	assert_int_equal(folder_remove(t->fd, OTHER), 0);
}

static void
what_cannot_be_removed_is_said(void **state)
{
	struct temp *t = *state;

	create(t->fd, ID);
	put_file(t->fd, PATH "/record");
	assert_int_equal(mkdirat(t->fd, PATH "/sub", 0700), 0);
	assert_int_equal(folder_remove(t->fd, ID), -EISDIR);
	assert_false(is_there(t->fd, PATH "/record"));
	assert_true(is_there(t->fd, PATH "/sub"));
	assert_int_equal(unlinkat(t->fd, PATH "/sub", AT_REMOVEDIR), 0);
	assert_int_equal(folder_remove(t->fd, ID), 0);
}

static void
a_symlink_is_never_followed(void **state)
{
	struct temp *t = *state;
	int fd = -1;

	create(t->fd, OTHER);
	assert_int_equal(mkdirat(t->fd, "precious", 0700), 0);
	put_file(t->fd, "precious/file");
	/* In the place of a folder. */
	assert_int_equal(symlinkat("../../precious", t->fd, PATH), 0);
	assert_int_equal(folder_open(t->fd, ID, &fd), -ENOTDIR);
	assert_int_equal(folder_create(t->fd, ID, &fd), -EEXIST);
	assert_true(folder_remove(t->fd, ID) < 0);
	assert_true(is_there(t->fd, "precious/file"));
	assert_int_equal(unlinkat(t->fd, PATH, 0), 0);
	/* Inside of one: the link goes, not what it points to. */
	create(t->fd, ID);
	assert_int_equal(symlinkat("../../../precious/file", t->fd, PATH "/link"), 0);
	assert_int_equal(symlinkat("../../../precious", t->fd, PATH "/folder"), 0);
	assert_int_equal(folder_remove(t->fd, ID), 0);
	assert_true(is_there(t->fd, "precious/file"));
	assert_int_equal(fd, -1);
}

static void
what_is_no_id_leads_nowhere(void **state)
{
	static const char *const names[] = { "",
					     "..",
					     "../../precious",
					     "ab",
					     ("ab/" ID),
					     (ID "0"),
					     "AB234567-89ab-4cde-8f01-23456789abcd" };
	struct temp *t = *state;
	int fd = -1;
	size_t i;

	create(t->fd, ID);
	put_file(t->fd, "precious");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(folder_create(t->fd, names[i], &fd), -EINVAL);
		assert_int_equal(folder_open(t->fd, names[i], &fd), -EINVAL);
		assert_int_equal(folder_remove(t->fd, names[i]), -EINVAL);
	}
	assert_int_equal(fd, -1);
	assert_true(is_there(t->fd, PATH));
	assert_true(is_there(t->fd, "precious"));
}

/* What a walk found. */
struct found {
	char ids[8][ID_SIZE];
	int n;
	int stop_at; /* returns 5 at that one, from 1 */
};

static int
note(const char *id, void *arg)
{
	struct found *f = arg;

	assert_true(f->n < (int)ARRAY_SIZE(f->ids));
	(void)snprintf(f->ids[f->n], sizeof f->ids[0], "%s", id);
	return ++f->n == f->stop_at ? 5 : 0;
}

static bool
has(const struct found *f, const char *id)
{
	int i;

	for (i = 0; i < f->n; i++)
		if (strcmp(f->ids[i], id) == 0)
			return true;
	return false;
}

static void
a_walk_finds_every_folder_once(void **state)
{
	struct temp *t = *state;
	struct found f = { 0 };

	assert_int_equal(folder_walk(t->fd, note, &f), 0);
	assert_int_equal(f.n, 0);
	create(t->fd, ID);
	create(t->fd, OTHER);
	create(t->fd, FAR);
	assert_int_equal(folder_walk(t->fd, note, &f), 0);
	assert_int_equal(f.n, 3);
	assert_true(has(&f, ID) && has(&f, OTHER) && has(&f, FAR));
}

static void
a_walk_stops_when_it_is_told_to(void **state)
{
	struct temp *t = *state;
	struct found f = { .stop_at = 2 };

	create(t->fd, ID);
	create(t->fd, OTHER);
	create(t->fd, FAR);
	assert_int_equal(folder_walk(t->fd, note, &f), 5);
	assert_int_equal(f.n, 2);
}

static void
a_walk_sees_nothing_but_folders_of_jobs(void **state)
{
	static const char *const folders[] = {
		"jobs/a",
		"jobs/abc",
		"jobs/xy",
		"jobs/00",
		("jobs/00/" ID), /* where nobody would look for it */
		"jobs/ab/AB234567-89ab-4cde-8f01-23456789abcd",
		"jobs/ab/ab234567-89ab-4cde-8f01-23456789abc",
		"jobs/ab/ab234567-89ab-4cde-8f01-23456789abcd0",
		"jobs/ab/tmp",
	};
	struct temp *t = *state;
	struct found f = { 0 };
	size_t i;

	create(t->fd, ID);
	put_file(t->fd, "jobs/README");
	put_file(t->fd, "jobs/12");
	put_file(t->fd, "jobs/ab/notes");
	for (i = 0; i < ARRAY_SIZE(folders); i++)
		assert_int_equal(mkdirat(t->fd, folders[i], 0700), 0);
	assert_int_equal(folder_walk(t->fd, note, &f), 0);
	assert_int_equal(f.n, 1);
	assert_true(has(&f, ID));
}

static void
a_walk_takes_no_file_and_no_symlink_for_a_folder(void **state)
{
	struct temp *t = *state;
	struct found f = { 0 };

	create(t->fd, FAR);
	assert_int_equal(mkdirat(t->fd, "jobs/ab", 0700), 0);
	put_file(t->fd, PATH);
	assert_int_equal(symlinkat("../00/" FAR, t->fd, "jobs/ab/" OTHER), 0);
	assert_int_equal(symlinkat("00", t->fd, "jobs/cd"), 0);
	assert_int_equal(folder_walk(t->fd, note, &f), 0);
	assert_int_equal(f.n, 1);
	assert_true(has(&f, FAR));
}

struct removal {
	int statefd;
	int n;
};

static int
remove_it(const char *id, void *arg)
{
	struct removal *r = arg;

	r->n++;
	return folder_remove(r->statefd, id);
}

static void
folders_may_be_removed_during_a_walk(void **state)
{
	struct temp *t = *state;
	struct removal r = { .statefd = t->fd };
	char id[ID_SIZE];
	int i;

	for (i = 0; i < 200; i++) {
		id_new(id);
		create(t->fd, id);
	}
	assert_int_equal(folder_walk(t->fd, remove_it, &r), 0);
	assert_int_equal(r.n, 200);
	assert_int_equal(folder_walk(t->fd, remove_it, &r), 0);
	assert_int_equal(r.n, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_is_made_of_the_id),
		unit_test_in_temp(a_folder_is_made_for_its_owner_alone_and_opened),
		unit_test_in_temp(a_folder_that_is_there_is_not_made_again),
		unit_test_in_temp(a_folder_that_is_not_there_is_not_opened),
		unit_test_in_temp(what_the_disk_refuses_is_said_and_nothing_half_made_stays),
		unit_test_in_temp(a_folder_goes_with_all_its_files),
		unit_test_in_temp(removing_what_is_missing_is_no_error),
		unit_test_in_temp(what_cannot_be_removed_is_said),
		unit_test_in_temp(a_symlink_is_never_followed),
		unit_test_in_temp(what_is_no_id_leads_nowhere),
		unit_test_in_temp(a_walk_finds_every_folder_once),
		unit_test_in_temp(a_walk_stops_when_it_is_told_to),
		unit_test_in_temp(a_walk_sees_nothing_but_folders_of_jobs),
		unit_test_in_temp(a_walk_takes_no_file_and_no_symlink_for_a_folder),
		unit_test_in_temp(folders_may_be_removed_during_a_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
