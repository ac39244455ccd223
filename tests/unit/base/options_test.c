/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/options.h"

struct demo {
	bool verbose, quiet;
	const char *dir;
	int64_t count, size_bytes, wait_ms;
	int color;
	struct option_list env;
};

enum { VERBOSE, QUIET, DIR, COUNT, SIZE, WAIT, COLOR, ENV, ROWS };

#define MEMBER(m) offsetof(struct demo, m)
#define KIB       INT64_C(1024)

/* clang-format off */
static const struct option_spec rows[ROWS] = {
	[VERBOSE] = { "verbose", 'v', OPTION_FLAG, MEMBER(verbose), "DEMO_VERBOSE", NULL, 0, 0,
		      NULL, "Say more" },
	[QUIET] = { "quiet", 0, OPTION_FLAG, MEMBER(quiet), NULL, "yes", 0, 0, NULL, "Say less" },
	[DIR] = { "dir", 'd', OPTION_STRING, MEMBER(dir), "DEMO_DIR", NULL, 0, 0, "FOLDER",
		  "Where" },
	[COUNT] = { "count", 'c', OPTION_INT, MEMBER(count), "DEMO_COUNT", "3", -5, 100, NULL,
		    "How many" },
	[SIZE] = { "size", 's', OPTION_SIZE, MEMBER(size_bytes), NULL, "64K", KIB, KIB * KIB,
		   "BYTES", "How large" },
	[WAIT] = { "wait", 0, OPTION_DURATION, MEMBER(wait_ms), "DEMO_WAIT", "1.5s", 100, 600000,
		   "TIME", "How long" },
	[COLOR] = { "color", 0, OPTION_CHOICE, MEMBER(color), "DEMO_COLOR", "auto", 0, 0,
		    "never|auto|always", "When" },
	[ENV] = { "env", 'e', OPTION_LIST, MEMBER(env), "DEMO_ENV", NULL, 0, 0, "NAME=VALUE",
		  "Variables" },
};
/* clang-format on */

static const char *const variables[] = { "DEMO_VERBOSE", "DEMO_DIR",   "DEMO_COUNT",
					 "DEMO_WAIT",    "DEMO_COLOR", "DEMO_ENV" };

static struct demo demo;
static struct options opts;

static int
setup(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(variables); i++)
		(void)unsetenv(variables[i]);
	memset(&demo, 0, sizeof demo);
	options_init(&opts, rows, ROWS, &demo);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	options_fini(&opts);
	return 0;
}

#define ARGV_MAX 12

/* The command line `words` behind the program's name; ends with NULL. */
static int
from_args(const char *const *words, int *ret_next, struct err *err)
{
	static char name[] = "demo", copies[ARGV_MAX][600];
	char *argv[ARGV_MAX + 1] = { name };
	int argc = 1;

	for (; *words; words++, argc++) {
		assert_true(argc < ARGV_MAX);
		(void)snprintf(copies[argc], sizeof copies[argc], "%s", *words);
		argv[argc] = copies[argc];
	}
	return options_from_args(&opts, argc, argv, ret_next, err);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
assert_args_refused(const char *const *words, const char *sentence)
{
	struct err err = { 0 };
	int next = -7;

	assert_int_equal(from_args(words, &next, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, sentence);
	assert_int_equal(next, -7);
}

static void
defaults_fill_what_has_one_and_leave_the_rest_zero(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_ok(options_defaults(&opts, &err), &err);
	assert_false(demo.verbose);
	assert_true(demo.quiet);
	assert_null(demo.dir);
	assert_int_equal(demo.count, 3);
	assert_int_equal(demo.size_bytes, 65536);
	assert_int_equal(demo.wait_ms, 1500);
	assert_int_equal(demo.color, 1);
	assert_int_equal(demo.env.len, 0);
}

static void
every_type_is_read_from_text(void **state)
{
	static const char *const yes[] = { "yes", "true", "1", "on", "YES", "On" };
	static const char *const no[] = { "no", "false", "0", "off", "No", "FALSE" };
	struct err err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(yes); i++) {
		assert_ok(options_set(&opts, &rows[VERBOSE], "x", yes[i], &err), &err);
		assert_true(demo.verbose);
		assert_ok(options_set(&opts, &rows[VERBOSE], "x", no[i], &err), &err);
		assert_false(demo.verbose);
	}
	assert_ok(options_set(&opts, &rows[DIR], "x", "", &err), &err);
	assert_string_equal(demo.dir, "");
	assert_ok(options_set(&opts, &rows[DIR], "x", "/a b", &err), &err);
	assert_string_equal(demo.dir, "/a b");
	assert_ok(options_set(&opts, &rows[COLOR], "x", "never", &err), &err);
	assert_int_equal(demo.color, 0);
	assert_ok(options_set(&opts, &rows[COLOR], "x", "always", &err), &err);
	assert_int_equal(demo.color, 2);
	assert_ok(options_set(&opts, &rows[ENV], "x", "A=1", &err), &err);
	assert_ok(options_set(&opts, &rows[ENV], "x", "", &err), &err);
	assert_int_equal(demo.env.len, 2);
	assert_string_equal(demo.env.values[0], "A=1");
	assert_string_equal(demo.env.values[1], "");
}

static void
a_number_may_be_its_bounds_and_nothing_beyond(void **state)
{
	static const struct {
		int row;
		const char *text;
		bool ok;
	} cases[] = {
		{ COUNT, "-5", true },   { COUNT, "100", true },   { COUNT, "-6", false },
		{ COUNT, "101", false }, { SIZE, "1K", true },     { SIZE, "1MiB", true },
		{ SIZE, "1023", false }, { SIZE, "1025K", false }, { WAIT, "0.1", true },
		{ WAIT, "10m", true },   { WAIT, "99ms", false },  { WAIT, "600.001", false },
	};
	struct err err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		demo.count = demo.size_bytes = demo.wait_ms = 77;
		if (options_set(&opts, &rows[cases[i].row], "x", cases[i].text, &err) !=
		    (cases[i].ok ? 0 : ERR_INVALID_ARGUMENT))
			fail_msg("%s", cases[i].text);
		assert_int_equal(demo.count == 77 && demo.size_bytes == 77 && demo.wait_ms == 77,
				 !cases[i].ok);
	}
}

static void
every_refusal_names_source_value_and_what_is_allowed(void **state)
{
	static const struct {
		int row;
		const char *text, *sentence;
	} cases[] = {
		{ VERBOSE, "maybe", "src: 'maybe' is neither yes nor no" },
		{ VERBOSE, "", "src: '' is neither yes nor no" },
		{ COUNT, "many", "src: 'many' is not a whole number" },
		{ COUNT, "1.5", "src: '1.5' is not a whole number" },
		{ COUNT, "", "src: '' is not a whole number" },
		{ COUNT, "101", "src: '101' is not between -5 and 100" },
		{ COUNT, "99999999999999999999",
		  "src: '99999999999999999999' is not between -5 and 100" },
		{ SIZE, "big", "src: 'big' is not a size such as 64K or 20MB" },
		{ SIZE, "-1", "src: '-1' is not a size such as 64K or 20MB" },
		{ SIZE, "2M", "src: '2M' is not between 1K and 1M" },
		{ SIZE, "99999999T", "src: '99999999T' is not between 1K and 1M" },
		{ WAIT, "soon", "src: 'soon' is not a duration such as 90, 1.5s or 10m" },
		{ WAIT, "1h", "src: '1h' is not between 0.1s and 10m" },
		{ COLOR, "red", "src: 'red' is none of never|auto|always" },
		{ COLOR, "", "src: '' is none of never|auto|always" },
		{ COLOR, "aut", "src: 'aut' is none of never|auto|always" },
		{ COLOR, "autos", "src: 'autos' is none of never|auto|always" },
		{ COLOR, "never|auto", "src: 'never|auto' is none of never|auto|always" },
		{ COLOR, "Auto", "src: 'Auto' is none of never|auto|always" },
	};
	struct demo untouched = demo;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };

		assert_int_equal(
			options_set(&opts, &rows[cases[i].row], "src", cases[i].text, &err),
			ERR_INVALID_ARGUMENT);
		assert_string_equal(err.msg, cases[i].sentence);
		assert_memory_equal(&demo, &untouched, sizeof demo);
	}
}

static void
a_long_value_is_cut_in_the_sentence(void **state)
{
	char text[2000], want[200];
	struct err err = { 0 };

	(void)state;
	memset(text, '9', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	(void)snprintf(want, sizeof want, "src: '%.64s' is not between -5 and 100", text);
	assert_int_equal(options_set(&opts, &rows[COUNT], "src", text, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, want);
}

static void
a_wrong_default_is_refused_by_name(void **state)
{
	static const struct option_spec bad[] = {
		{ "limit", 0, OPTION_INT, MEMBER(count), NULL, "many", 0, 9, NULL, "" },
	};
	struct options o;
	struct err err = { 0 };

	(void)state;
	options_init(&o, bad, 1, &demo);
	assert_int_equal(options_defaults(&o, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "limit: 'many' is not a whole number");
	options_fini(&o);
}

static void
the_environment_is_read_by_the_names_in_the_rows(void **state)
{
	struct err err = { 0 };

	(void)state;
	(void)setenv("DEMO_VERBOSE", "on", 1);
	(void)setenv("DEMO_DIR", "/from/env", 1);
	(void)setenv("DEMO_COUNT", "", 1); /* empty: as if it were not there */
	(void)setenv("DEMO_WAIT", "2s", 1);
	(void)setenv("DEMO_ENV", "A=1", 1);
	demo.count = 7;
	assert_ok(options_from_env(&opts, &err), &err);
	assert_true(demo.verbose);
	assert_string_equal(demo.dir, "/from/env");
	assert_int_equal(demo.count, 7);
	assert_int_equal(demo.wait_ms, 2000);
	assert_int_equal(demo.size_bytes, 0); /* has no variable */
	assert_int_equal(demo.env.len, 1);
	assert_string_equal(demo.env.values[0], "A=1");

	(void)setenv("DEMO_WAIT", "long", 1);
	assert_int_equal(options_from_env(&opts, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "DEMO_WAIT: 'long' is not a duration such as 90, 1.5s or 10m");
}

static void
flags_come_short_long_joined_and_abbreviated(void **state)
{
	struct err err = { 0 };
	int next = 0;

	(void)state;
	assert_ok(from_args(ARGS("-v", "--dir", "/x", "-c", "7", "--size=2K"), &next, &err), &err);
	assert_true(demo.verbose);
	assert_string_equal(demo.dir, "/x");
	assert_int_equal(demo.count, 7);
	assert_int_equal(demo.size_bytes, 2048);
	assert_int_equal(next, 7);

	demo.verbose = false;
	assert_ok(from_args(ARGS("-vc-5", "-d/y", "--wa", "3", "--color=never"), &next, &err),
		  &err);
	assert_true(demo.verbose);
	assert_int_equal(demo.count, -5);
	assert_string_equal(demo.dir, "/y");
	assert_int_equal(demo.wait_ms, 3000);
	assert_int_equal(demo.color, 0);
}

static void
flags_end_at_the_first_other_word_or_two_dashes(void **state)
{
	struct err err = { 0 };
	int next = 0;

	(void)state;
	assert_ok(from_args(ARGS("-v", "run", "-c", "many"), &next, &err), &err);
	assert_int_equal(next, 2);
	assert_ok(from_args(ARGS("-v", "--", "-c", "many"), &next, &err), &err);
	assert_int_equal(next, 3);
	assert_ok(from_args(ARGS("-", "-c", "many"), &next, &err), &err);
	assert_int_equal(next, 1);
	assert_ok(from_args(ARGS("--dir", "--", "rest"), &next, &err), &err);
	assert_string_equal(demo.dir, "--");
	assert_int_equal(next, 3);
	assert_ok(from_args((const char *const[]){ NULL }, &next, &err), &err);
	assert_int_equal(next, 1);
}

static void
every_wrong_flag_is_refused_with_its_reason(void **state)
{
	(void)state;
	assert_args_refused(ARGS("--nothing"), "unknown or ambiguous option --nothing");
	assert_args_refused(ARGS("--nothing=5"), "unknown or ambiguous option --nothing=5");
	assert_args_refused(ARGS("--"
				 "e"
				 "nvy"),
			    "unknown or ambiguous option --envy");
	assert_args_refused(ARGS("-v", "-x"), "unknown option -x");
	assert_args_refused(ARGS("-vx"), "unknown option -x");
	assert_args_refused(ARGS("-:"), "unknown option -:");
	assert_args_refused(ARGS("-?"), "unknown option -?");
	assert_args_refused(ARGS("--dir"), "--dir needs a value: FOLDER");
	assert_args_refused(ARGS("-v", "-d"), "-d needs a value: FOLDER");
	assert_args_refused(ARGS("--count"), "--count needs a value: VALUE");
	assert_args_refused(ARGS("--verbose=yes"), "--verbose takes no value");
	assert_args_refused(ARGS("--count", "many"), "--count: 'many' is not a whole number");
	assert_args_refused(ARGS("-cmany"), "--count: 'many' is not a whole number");
	assert_args_refused(ARGS("--co", "5"), "unknown or ambiguous option --co");
}

static void
reading_again_starts_over(void **state)
{
	struct err err = { 0 };
	int next = 0;

	(void)state;
	/* getopt keeps state of its own: a refusal in a cluster must leave none */
	assert_args_refused(ARGS("-vxd", "/a"), "unknown option -x");
	assert_ok(from_args(ARGS("-d", "/b"), &next, &err), &err);
	assert_string_equal(demo.dir, "/b");
	assert_int_equal(next, 3);
}

static void
later_sources_win(void **state)
{
	struct err err = { 0 };
	int next;

	(void)state;
	(void)setenv("DEMO_COUNT", "20", 1);
	(void)setenv("DEMO_WAIT", "20", 1);
	assert_ok(options_defaults(&opts, &err), &err);
	assert_ok(options_from_env(&opts, &err), &err);
	assert_ok(from_args(ARGS("--wait", "30", "--wait", "31"), &next, &err), &err);
	assert_int_equal(demo.size_bytes, 65536);
	assert_int_equal(demo.count, 20);
	assert_int_equal(demo.wait_ms, 31000);
}

static void
a_list_gathers_in_order(void **state)
{
	struct err err = { 0 };
	int next;

	(void)state;
	assert_ok(from_args(ARGS("-e", "A=1", "--env=B=2", "-v", "-eC", "-e", "A=3"), &next, &err),
		  &err);
	assert_int_equal(demo.env.len, 4);
	assert_string_equal(demo.env.values[0], "A=1");
	assert_string_equal(demo.env.values[1], "B=2");
	assert_string_equal(demo.env.values[2], "C");
	assert_string_equal(demo.env.values[3], "A=3");
}

static void
a_list_may_be_long(void **state)
{
	struct err err = { 0 };
	char text[16];
	size_t i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		(void)snprintf(text, sizeof text, "%zu", i);
		assert_ok(
			options_set(&opts, &rows[ENV], "x", arena_strdup(&opts.arena, text), &err),
			&err);
	}
	assert_int_equal(demo.env.len, 20000);
	for (i = 0; i < 20000; i++) {
		(void)snprintf(text, sizeof text, "%zu", i);
		assert_string_equal(demo.env.values[i], text);
	}
}

static void
help_has_a_line_for_each_row_with_default_and_variable(void **state)
{
	static const char want[] =
		"  -v, --verbose                  Say more (DEMO_VERBOSE)\n"
		"      --quiet                    Say less\n"
		"  -d, --dir FOLDER               Where (DEMO_DIR)\n"
		"  -c, --count VALUE              How many (default 3; DEMO_COUNT)\n"
		"  -s, --size BYTES               How large (default 64K)\n"
		"      --wait TIME                How long (default 1.5s; DEMO_WAIT)\n"
		"      --color never|auto|always  When (default auto; DEMO_COLOR)\n"
		"  -e, --env NAME=VALUE           Variables (DEMO_ENV)\n";
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	options_print_help(out, rows, ROWS);
	(void)fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void
help_is_at_most_80_columns_wide(void **state)
{
	static const struct option_spec long_rows[] = {
		{ .name = "short", .help = "Forty-seven characters are what a line can hold" },
		{ .name = "short", .help = "Forty-eight characters are one more than it can." },
		{ .name = "a-name-that-leaves-no-room", .type = OPTION_STRING, .help = "Help" },
		{ .name = "note",
		  .type = OPTION_INT,
		  .initial = "123456",
		  .env = "DEMO_NAME",
		  .help = "The default is wrapped as well" },
	};
	static const char want[] =
		"      --short                    Forty-seven characters are what a line can "
		"hold\n"
		"      --short                    Forty-eight characters are one more than it\n"
		"                                 can.\n"
		"      --a-name-that-leaves-no-room VALUE\n"
		"                                 Help\n"
		"      --note VALUE               The default is wrapped as well (default 123456;\n"
		"                                 DEMO_NAME)\n";
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	options_print_help(out, long_rows, ARRAY_SIZE(long_rows));
	(void)fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void
help_has_whole_brackets_whatever_a_row_has(void **state)
{
	static const enum option_type types[] = { OPTION_FLAG, OPTION_STRING,   OPTION_INT,
						  OPTION_SIZE, OPTION_DURATION, OPTION_CHOICE,
						  OPTION_LIST };
	static const char *const wants[2][2] = { { "", " (ENV)" },
						 { " (default 1)", " (default 1; ENV)" } };
	char line[200], want[200];
	size_t i, d, e;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		bool told = types[i] != OPTION_FLAG && types[i] != OPTION_LIST;

		for (d = 0; d < 2; d++) {
			for (e = 0; e < 2; e++) {
				struct option_spec row = { .name = "n",
							   .type = types[i],
							   .initial = d ? "1" : NULL,
							   .env = e ? "ENV" : NULL,
							   .help = "H" };
				FILE *out = fmemopen(line, sizeof line, "w");

				options_print_help(out, &row, 1);
				(void)fclose(out);
				(void)snprintf(want, sizeof want, " H%s\n", wants[d && told][e]);
				assert_string_equal(strstr(line, " H"), want);
			}
		}
	}
}

#define unit_test_of_options(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_options(defaults_fill_what_has_one_and_leave_the_rest_zero),
		unit_test_of_options(every_type_is_read_from_text),
		unit_test_of_options(a_number_may_be_its_bounds_and_nothing_beyond),
		unit_test_of_options(every_refusal_names_source_value_and_what_is_allowed),
		unit_test_of_options(a_long_value_is_cut_in_the_sentence),
		unit_test_of_options(a_wrong_default_is_refused_by_name),
		unit_test_of_options(the_environment_is_read_by_the_names_in_the_rows),
		unit_test_of_options(flags_come_short_long_joined_and_abbreviated),
		unit_test_of_options(flags_end_at_the_first_other_word_or_two_dashes),
		unit_test_of_options(every_wrong_flag_is_refused_with_its_reason),
		unit_test_of_options(reading_again_starts_over),
		unit_test_of_options(later_sources_win),
		unit_test_of_options(a_list_gathers_in_order),
		unit_test_of_options(a_list_may_be_long),
		unit_test_of_options(help_has_a_line_for_each_row_with_default_and_variable),
		unit_test_of_options(help_is_at_most_80_columns_wide),
		unit_test_of_options(help_has_whole_brackets_whatever_a_row_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
