/* SPDX-License-Identifier: MIT */
#include "temp.h"

#include <locale.h>

#include "cli/table.h"

static const struct table_column columns[] = {
	{ "ID", false, false },
	{ "SIZE", true, false },
	{ "COMMAND", false, true },
};

/* What the table prints to stdout. */
static const char *
printed(struct temp *temp, struct table *t)
{
	static char text[1024];
	int fd = openat(temp->fd, "out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int was = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3), rc;
	struct err err = { 0 };
	ssize_t n;

	assert_true(fd >= 0 && was >= 0);
	(void)fflush(stdout);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	rc = table_print(t, &err);
	(void)fflush(stdout);
	assert_true(dup2(was, STDOUT_FILENO) >= 0);
	(void)close(was);
	assert_ok(rc, &err);
	n = pread(fd, text, sizeof text - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	(void)close(fd);
	return text;
}

static struct table *
filled(bool color)
{
	static const char *const rows[][3] = {
		{ "a1", "5", "ls" },
		{ "b", "1000", "a command that is rather long, and has an \xc3\xa4 in it" },
	};
	struct table *t;
	struct err err = { 0 };
	size_t i;

	assert_ok(table_new(columns, ARRAY_SIZE(columns), color, false, &t, &err), &err);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ok(table_row(t, rows[i], 3, &err), &err);
		table_color(t, 0, i ? "red" : NULL);
	}
	return t;
}

static void
columns_are_aligned_and_nothing_is_cut_away_from_a_terminal(void **state)
{
	struct table *t = filled(false);

	assert_string_equal(printed(*state, t),
			    "ID SIZE COMMAND\n"
			    "a1    5 ls\n"
			    "b  1000 a command that is rather long, and has an \xc3\xa4 in it\n");
	table_free(t);
}

static void
a_color_is_there_where_colors_are_wanted(void **state)
{
	struct table *t = filled(true);
	const char *text = printed(*state, t);

	assert_non_null(strstr(text, "\x1b[31mb"));
	assert_null(strstr(text, "\x1b[31ma1"));
	table_free(t);
}

static void
half_a_table_can_be_freed(void **state)
{
	(void)state;
	table_free(NULL);
	table_free(filled(false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(columns_are_aligned_and_nothing_is_cut_away_from_a_terminal),
		unit_test_in_temp(a_color_is_there_where_colors_are_wanted),
		cmocka_unit_test(half_a_table_can_be_freed),
	};

	(void)setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
