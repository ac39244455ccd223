/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/options.h"

struct demo {
	bool verbose;
	const char *dir;
	int64_t count;
	struct option_list env;
};

#define MEMBER(m) offsetof(struct demo, m)

static const struct option_spec rows[] = {
	{ "verbose", 'v', OPTION_FLAG, MEMBER(verbose), NULL, NULL, 0, 0, NULL, "" },
	{ "dir", 'd', OPTION_STRING, MEMBER(dir), NULL, "/default", 0, 0, "FOLDER", "" },
	{ "count", 'c', OPTION_INT, MEMBER(count), "DEMO_COUNT", "3", 0, 100, NULL, "" },
	{ "env", 'e', OPTION_LIST, MEMBER(env), NULL, NULL, 0, 0, "NAME=VALUE", "" },
};

static struct demo demo;
static struct options opts;
static char path[128];

static int
setup(void **state)
{
	(void)unsetenv("DEMO_COUNT");
	memset(&demo, 0, sizeof demo);
	options_init(&opts, rows, ARRAY_SIZE(rows), &demo);
	(void)test_dir_setup(state);
	(void)snprintf(path, sizeof path, "%s/demo.conf", (char *)*state);
	return 0;
}

static int
teardown(void **state)
{
	options_fini(&opts);
	return test_dir_teardown(state);
}

static int
from_file(const char *text, struct err *err)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return options_from_file(&opts, path, true, err);
}

/* The sentence has the path between `before` and `behind`. */
static void
assert_file_refused(const char *text, const char *before, const char *behind)
{
	struct err err = { 0 };
	char want[ERR_MSG_MAX];

	assert_int_equal(from_file(text, &err), ERR_INVALID_ARGUMENT);
	(void)snprintf(want, sizeof want, "%s%s%s", before, path, behind);
	assert_string_equal(err.msg, want);
}

static void
lines_of_name_and_value_are_read(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_ok(from_file("# a comment\n"
			    "; another\n"
			    "\n"
			    "verbose = yes\n"
			    "dir=/a folder/x\n"
			    "  \t \n"
			    "count   =   7   ; the rest of the line is a comment\n"
			    "env = A=1\n"
			    "env = B = 2\n",
			    &err),
		  &err);
	assert_true(demo.verbose);
	assert_string_equal(demo.dir, "/a folder/x");
	assert_int_equal(demo.count, 7);
	assert_int_equal(demo.env.len, 2);
	assert_string_equal(demo.env.values[0], "A=1");
	assert_string_equal(demo.env.values[1], "B = 2");
}

static void
the_last_line_needs_no_end_and_windows_ends_do_no_harm(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_ok(from_file("\xef\xbb\xbf"
			    "verbose = yes\r\ncount = 9\r\n\r\ndir = /x",
			    &err),
		  &err);
	assert_true(demo.verbose);
	assert_int_equal(demo.count, 9);
	assert_string_equal(demo.dir, "/x");
}

static void
an_empty_value_is_an_empty_text(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_ok(from_file("dir =\n", &err), &err);
	assert_string_equal(demo.dir, "");
	assert_file_refused("count =\n", "line 1: ", ": count: '' is not a whole number");
}

static void
a_missing_file_is_an_error_only_where_it_must_exist(void **state)
{
	struct err err = { 0 };
	char want[ERR_MSG_MAX];

	(void)state;
	assert_ok(options_from_file(&opts, path, false, &err), &err);
	assert_int_equal(options_from_file(&opts, path, true, &err), ERR_NOT_FOUND);
	(void)snprintf(want, sizeof want, "settings file %s: No such file or directory", path);
	assert_string_equal(err.msg, want);
	assert_ok(from_file("", &err), &err);
}

static void
a_file_that_cannot_be_opened_is_an_error_in_any_case(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(symlink("demo.conf", path), 0); /* to itself: also for root */
	assert_int_equal(options_from_file(&opts, path, false, &err), ERR_INVALID_ARGUMENT);
	assert_int_equal(err.sys, ELOOP);
}

static void
a_wrong_line_is_refused_with_its_number(void **state)
{
	(void)state;
	assert_file_refused("\ncount = many\n",
			    "line 2: ", ": count: 'many' is not a whole number");
	assert_file_refused("count = 101\n", "line 1: ", ": count: '101' is not between 0 and 100");
	assert_file_refused("verbose = yes\nspeed = 5\n", "line 2: ", ": speed: no such setting");
	assert_file_refused("Count = 5\n", "line 1: ", ": Count: no such setting");
	assert_file_refused("count = 5\n[other]\ndir = /x\n",
			    "line 3: ", ": no section [other] is known");
	assert_file_refused("count = 5\n\ndir\n", "", ": line 3 is not 'name = value'");
}

static void
the_file_wins_over_defaults_and_loses_to_the_environment_and_flags(void **state)
{
	static char name[] = "demo", flag[] = "--dir=/flag";
	char *argv[] = { name, flag, NULL };
	struct err err = { 0 };
	int next;

	(void)state;
	(void)setenv("DEMO_COUNT", "20", 1);
	assert_ok(options_defaults(&opts, &err), &err);
	assert_ok(from_file("dir = /file\ncount = 10\nverbose = on\n", &err), &err);
	assert_string_equal(demo.dir, "/file");
	assert_int_equal(demo.count, 10);
	assert_ok(options_from_env(&opts, &err), &err);
	assert_ok(options_from_args(&opts, 2, argv, &next, &err), &err);
	assert_string_equal(demo.dir, "/flag");
	assert_int_equal(demo.count, 20);
	assert_true(demo.verbose);
}

static void
the_first_wrong_line_is_the_one_that_is_named(void **state)
{
	(void)state;
	assert_file_refused("verbose = yes\nhello\n\nspeed = 5\n", "",
			    ": line 2 is not 'name = value'");
	assert_file_refused("speed = 5\nhello\n", "line 1: ", ": speed: no such setting");
}

static void
an_indented_line_is_a_line_of_its_own(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_ok(from_file("dir = /x\n  count = 5\n\tverbose = yes\n", &err), &err);
	assert_string_equal(demo.dir, "/x");
	assert_int_equal(demo.count, 5);
	assert_true(demo.verbose);
	assert_file_refused("dir = /x\n    and more\n", "", ": line 2 is not 'name = value'");
	assert_file_refused("dir = /x\n\n  speed = 5\n", "line 3: ", ": speed: no such setting");
}

static void
a_line_too_long_is_refused_and_not_cut(void **state)
{
	/* each would pass for something of its own, were the line cut before it */
	static const char *const tails[] = { "x", "; a comment", " a value", "count = 5", "\t" };
	char line[200] = "dir = ", text[400];
	struct err err = { 0 };
	size_t i;

	(void)state;
	memset(line + 6, 'x', 199 - 6);
	(void)snprintf(text, sizeof text, "%s\nverbose = yes\n", line);
	assert_ok(from_file(text, &err), &err);
	assert_int_equal(strlen(demo.dir), 199 - 6);
	assert_true(demo.verbose);
	assert_ok(from_file(line, &err), &err); /* also where the file ends with it */
	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		(void)snprintf(text, sizeof text, "%s%s\nverbose = no\n", line, tails[i]);
		assert_file_refused(text, "", ": line 1 is longer than 199 bytes");
		assert_true(demo.verbose);
	}
}

static void
a_nul_byte_is_refused(void **state)
{
	static const char text[] = "verbose = yes\ndir = /x\0/y\n";
	struct err err = { 0 };
	char want[ERR_MSG_MAX];
	FILE *file = fopen(path, "we");

	(void)state;
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, sizeof text - 1, file), sizeof text - 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(options_from_file(&opts, path, true, &err), ERR_INVALID_ARGUMENT);
	(void)snprintf(want, sizeof want, "%s: line 2 holds a NUL byte", path);
	assert_string_equal(err.msg, want);
	assert_null(demo.dir);
}

static void
a_folder_is_no_settings_file(void **state)
{
	struct err err = { 0 };
	char want[ERR_MSG_MAX];

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(options_from_file(&opts, path, false, &err), ERR_INVALID_ARGUMENT);
	(void)snprintf(want, sizeof want, "settings file %s: Is a directory", path);
	assert_string_equal(err.msg, want);
}

#define unit_test_of_file(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_file(lines_of_name_and_value_are_read),
		unit_test_of_file(the_last_line_needs_no_end_and_windows_ends_do_no_harm),
		unit_test_of_file(an_empty_value_is_an_empty_text),
		unit_test_of_file(a_missing_file_is_an_error_only_where_it_must_exist),
		unit_test_of_file(a_file_that_cannot_be_opened_is_an_error_in_any_case),
		unit_test_of_file(a_wrong_line_is_refused_with_its_number),
		unit_test_of_file(the_first_wrong_line_is_the_one_that_is_named),
		unit_test_of_file(an_indented_line_is_a_line_of_its_own),
		unit_test_of_file(a_line_too_long_is_refused_and_not_cut),
		unit_test_of_file(a_nul_byte_is_refused),
		unit_test_of_file(a_folder_is_no_settings_file),
		unit_test_of_file(
			the_file_wins_over_defaults_and_loses_to_the_environment_and_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
