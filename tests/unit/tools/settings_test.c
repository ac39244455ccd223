/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "tools/settings.h"

/* The table again, to be looked at row by row. */
static const struct option_spec rows[] = {
#define SETTING(type, member, name, env, initial, min, max, arg, help)                          \
	{ name, 0,   OPTION_##type, offsetof(struct tools_settings, member), env, initial, min, \
	  max,  arg, help },
#include "tools/settings.def"
#undef SETTING
};

static int
without_variables(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].env)
			(void)unsetenv(rows[i].env);
	return 0;
}

static int
read_with(struct tools_settings *s, const char *flag, struct err *err)
{
	char program[] = "jobwire-mcp", copy[256];
	char *argv[] = { program, copy, NULL };

	(void)snprintf(copy, sizeof copy, "%s", flag ? flag : "");
	return tools_settings_read(s, flag ? 2 : 1, argv, err);
}

static void
read_ok(struct tools_settings *s, const char *flag)
{
	struct err err = { 0 };

	assert_ok(read_with(s, flag, &err), &err);
}

/* The warnings as a string; the settings are done with. */
static const char *
warnings_of(struct tools_settings *s)
{
	static char text[4096];

	(void)snprintf(text, sizeof text, "%.*s", (int)s->warnings.len,
		       s->warnings.len ? (const char *)buf_head(&s->warnings) : "");
	tools_settings_fini(s);
	return text;
}

static void
the_predecessors_names_and_defaults_are_kept(void **state)
{
	struct tools_settings s;

	(void)state;
	read_ok(&s, NULL);
	assert_int_equal(s.max_jobs, 10);
	assert_int_equal(s.max_output_size, 10 << 20);
	assert_int_equal(s.job_timeout, 0);
	assert_int_equal(s.cleanup_interval, 300000);
	assert_null(s.allowed_commands);
	assert_null(s.working_dir);
	assert_null(s.group);
	assert_false(s.jobs_end_with_session);
	assert_string_equal(warnings_of(&s), "");
}

static void
every_variable_is_read_and_a_flag_counts_before_it(void **state)
{
	struct tools_settings s;

	(void)state;
	(void)setenv("MCP_BG_MAX_JOBS", " 7\n", 1);
	(void)setenv("MCP_BG_MAX_OUTPUT_SIZE", "20MB", 1);
	(void)setenv("MCP_BG_JOB_TIMEOUT", "90", 1);
	(void)setenv("MCP_BG_CLEANUP_INTERVAL", "60", 1);
	(void)setenv("MCP_BG_ALLOWED_COMMANDS", "^npm,^git ", 1);
	(void)setenv("MCP_BG_WORKING_DIR", "/srv/with blank", 1);
	read_ok(&s, NULL);
	assert_int_equal(s.max_jobs, 7);
	assert_int_equal(s.max_output_size, 20971520);
	assert_int_equal(s.job_timeout, 90000);
	assert_int_equal(s.cleanup_interval, 60000);
	assert_string_equal(s.allowed_commands, "^npm,^git");
	assert_string_equal(s.working_dir, "/srv/with blank");
	assert_string_equal(warnings_of(&s), "");
	read_ok(&s, "--max-jobs=3");
	assert_int_equal(s.max_jobs, 3);
	assert_string_equal(warnings_of(&s), "");
}

static void
a_variable_of_blanks_is_none(void **state)
{
	struct tools_settings s;

	(void)state;
	(void)setenv("MCP_BG_MAX_JOBS", " \t", 1);
	(void)setenv("MCP_BG_WORKING_DIR", "", 1);
	read_ok(&s, NULL);
	assert_int_equal(s.max_jobs, 10);
	assert_null(s.working_dir);
	assert_string_equal(warnings_of(&s), "");
}

static void
check_bad_variable(const struct option_spec *row, const char *value)
{
	struct tools_settings s;
	const char *warnings;
	int64_t initial;

	(void)unsetenv(row->env);
	read_ok(&s, NULL);
	initial = *(const int64_t *)(const void *)((const char *)&s + row->offset);
	tools_settings_fini(&s);
	(void)setenv(row->env, value, 1);
	read_ok(&s, NULL);
	assert_int_equal(*(const int64_t *)(const void *)((const char *)&s + row->offset), initial);
	warnings = warnings_of(&s);
	if (!strstr(warnings, row->env) || !strstr(warnings, value) ||
	    !strstr(warnings, "the default counts"))
		fail_msg("'%s' of %s=%s", warnings, row->env, value);
	(void)unsetenv(row->env);
}

static void
a_variable_that_is_wrong_costs_itself_and_a_warning_and_a_flag_is_refused(void **state)
{
	struct tools_settings s;
	struct err err;
	char text[100];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].env || rows[i].type == OPTION_STRING)
			continue;
		check_bad_variable(&rows[i], "many");
		check_bad_variable(&rows[i], "-1");
		check_bad_variable(&rows[i], "9223372036854775807");
		memset(&err, 0, sizeof err);
		(void)snprintf(text, sizeof text, "--%s=many", rows[i].name);
		assert_int_equal(read_with(&s, text, &err), ERR_INVALID_ARGUMENT);
		assert_non_null(strstr(err.msg, rows[i].name));
		tools_settings_fini(&s);
	}
}

static void
the_ends_of_each_range_are_allowed(void **state)
{
	struct tools_settings s;
	int64_t ends[2], value;
	char text[64];
	size_t i;
	int k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!rows[i].env || rows[i].type == OPTION_STRING)
			continue;
		ends[0] = rows[i].min;
		ends[1] = rows[i].max;
		for (k = 0; k < 2; k++) {
			(void)snprintf(text, sizeof text, "%lld%s", (long long)ends[k],
				       rows[i].type == OPTION_DURATION ? "ms" : "");
			(void)setenv(rows[i].env, text, 1);
			read_ok(&s, NULL);
			value = *(const int64_t *)(const void *)((const char *)&s + rows[i].offset);
			assert_int_equal(value, ends[k]);
			assert_string_equal(warnings_of(&s), "");
		}
		(void)unsetenv(rows[i].env);
	}
}

static void
a_group_has_a_name_of_bounded_length(void **state)
{
	struct tools_settings s;
	struct err err = { 0 };
	char flag[100] = "--group=";

	(void)state;
	assert_int_equal(read_with(&s, flag, &err), ERR_INVALID_ARGUMENT);
	tools_settings_fini(&s);
	memset(flag + 8, 'g', 64);
	flag[72] = '\0';
	read_ok(&s, flag);
	assert_string_equal(s.group, flag + 8);
	tools_settings_fini(&s);
	flag[72] = 'g';
	assert_int_equal(read_with(&s, flag, &err), ERR_INVALID_ARGUMENT);
	assert_non_null(strstr(err.msg, "1 to 64 bytes"));
	tools_settings_fini(&s);
}

static void
what_is_no_option_is_refused(void **state)
{
	struct tools_settings s;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(read_with(&s, "serve", &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "'serve' is no option");
	tools_settings_fini(&s);
	assert_int_equal(read_with(&s, "--serve", &err), ERR_INVALID_ARGUMENT);
	tools_settings_fini(&s);
}

#define unit_test_of_settings(f) cmocka_unit_test_setup(f, without_variables)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_settings(the_predecessors_names_and_defaults_are_kept),
		unit_test_of_settings(every_variable_is_read_and_a_flag_counts_before_it),
		unit_test_of_settings(a_variable_of_blanks_is_none),
		unit_test_of_settings(
			a_variable_that_is_wrong_costs_itself_and_a_warning_and_a_flag_is_refused),
		unit_test_of_settings(the_ends_of_each_range_are_allowed),
		unit_test_of_settings(a_group_has_a_name_of_bounded_length),
		unit_test_of_settings(what_is_no_option_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
