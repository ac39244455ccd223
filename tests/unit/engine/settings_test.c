/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <limits.h>

#include "base/endpoint.h"
#include "engine/settings.h"

/* The table again, to be looked at row by row. */
static const struct option_spec rows[] = {
#define SETTING(type, member, name, letter, env, initial, min, max, arg, help)               \
	{ name, letter, OPTION_##type, offsetof(struct settings, member), env, initial, min, \
	  max,  arg,    help },
#include "engine/settings.def"
#undef SETTING
};

/* Where a value may come from, the weakest first. */
enum source { FROM_DEFAULT, FROM_FILE, FROM_ENV, FROM_FLAG, SOURCE_COUNT };

static bool
is_number(const struct option_spec *row)
{
	return row->type == OPTION_INT || row->type == OPTION_SIZE || row->type == OPTION_DURATION;
}

/* A value that this source alone gives, as text. */
static const char *
text_of(const struct option_spec *row, enum source from, char out[32])
{
	static const char *const words[SOURCE_COUNT] = { "", "warn", "debug", "error" };

	if (is_number(row))
		(void)snprintf(out, 32, "%lld%s", (long long)row->min + from,
			       row->type == OPTION_DURATION ? "ms" : "");
	else
		(void)snprintf(out, 32, "%s", words[from]);
	return out;
}

static void
assert_is(const struct settings *s, const struct option_spec *row, enum source from)
{
	static const int choices[SOURCE_COUNT] = { 2, 1, 3, 0 };
	const char *member = (const char *)s + row->offset;
	char text[32];

	if (is_number(row) && *(const int64_t *)member != row->min + from)
		fail_msg("%s: %lld", row->name, (long long)*(const int64_t *)member);
	if (row->type == OPTION_CHOICE && *(const int *)member != choices[from])
		fail_msg("%s: %d", row->name, *(const int *)member);
	if (row->type == OPTION_STRING)
		assert_string_equal(*(const char *const *)member, text_of(row, from, text));
}

static void
write_config(const struct endpoint *ep, const char *line)
{
	char path[PATH_MAX + 20];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/" ENDPOINT_CONFIG, ep->path);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(line, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int
read_all(struct settings *s, const struct endpoint *ep, int argc, char **argv, struct err *err)
{
	int rc = settings_read(s, argc, argv, err);

	if (rc == 0)
		rc = settings_read_file(s, ep, argc, argv, err);
	return rc;
}

/* One row, with the value given by every source up to `from`. */
static void
check_row(const struct endpoint *ep, const struct option_spec *row, enum source from)
{
	char line[128], flag[96], text[32], program[] = "jobwired";
	char *argv[] = { program, flag, NULL };
	struct settings s;
	struct err err = { 0 };

	(void)snprintf(line, sizeof line, "%s = %s\n", row->name, text_of(row, FROM_FILE, text));
	write_config(ep, line);
	if (from >= FROM_ENV)
		assert_int_equal(setenv(row->env, text_of(row, FROM_ENV, text), 1), 0);
	(void)snprintf(flag, sizeof flag, "--%s=%s", row->name, text_of(row, FROM_FLAG, text));
	assert_ok(read_all(&s, ep, from == FROM_FLAG ? 2 : 1, argv, &err), &err);
	assert_is(&s, row, from);
	settings_fini(&s);
	assert_int_equal(unsetenv(row->env), 0);
}

static void
a_flag_counts_before_the_environment_and_that_before_the_file(void **state)
{
	struct endpoint ep = { 0 };
	int from, checked = 0;
	size_t i;

	(void)snprintf(ep.path, sizeof ep.path, "%s", (const char *)*state);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		/* The file cannot say where itself lies. */
		if (!rows[i].env || strcmp(rows[i].name, "config") == 0)
			continue;
		for (from = FROM_FILE; from < SOURCE_COUNT; from++, checked++)
			check_row(&ep, &rows[i], (enum source)from);
	}
	assert_true(checked >= 3 * 8);
}

static void
without_anything_said_the_defaults_are_those_of_the_table(void **state)
{
	struct endpoint ep = { 0 };
	char program[] = "jobwired", *argv[] = { program, NULL };
	struct settings s;
	struct err err = { 0 };

	(void)snprintf(ep.path, sizeof ep.path, "%s", (const char *)*state);
	assert_ok(read_all(&s, &ep, 1, argv, &err), &err);
	assert_int_equal(s.max_running, 64);
	assert_int_equal(s.max_queued, 1000);
	assert_int_equal(s.max_output_size, 64 << 20);
	assert_int_equal(s.grace, 5000);
	assert_int_equal(s.session_grace, 10000);
	assert_int_equal(s.max_parked, 4096);
	assert_int_equal(s.events_kept, 100000);
	assert_int_equal(s.log_level, 2);
	assert_int_equal(s.lock_fd, -1);
	assert_null(s.state_dir);
	assert_null(s.config);
	assert_null(s.holder);
	assert_false(s.background || s.help || s.version);
	settings_fini(&s);
}

static void
refused(const struct endpoint *ep, const char *arg, const char *named)
{
	char program[] = "jobwired", copy[128];
	char *argv[] = { program, copy, NULL };
	struct settings s;
	struct err err = { 0 };

	(void)snprintf(copy, sizeof copy, "%s", arg ? arg : "");
	assert_int_equal(read_all(&s, ep, arg ? 2 : 1, argv, &err), ERR_INVALID_ARGUMENT);
	settings_fini(&s);
	if (!strstr(err.msg, named))
		fail_msg("'%s' does not name '%s'", err.msg, named);
	if (!strstr(err.msg, "is not between") && !strstr(err.msg, "is none of") &&
	    !strstr(err.msg, "is not a") && !strstr(err.msg, "is neither") &&
	    !strstr(err.msg, "no such setting") && !strstr(err.msg, "unknown option"))
		fail_msg("'%s' does not say what is allowed", err.msg);
}

/* From each source the value that lies just outside, and one that is no number at all. */
static void
check_refusals(const struct endpoint *ep, const struct option_spec *row, const char *value)
{
	char text[160];

	(void)snprintf(text, sizeof text, "--%s=%s", row->name, value);
	write_config(ep, "");
	refused(ep, text, row->name);
	if (row->env) {
		assert_int_equal(setenv(row->env, value, 1), 0);
		refused(ep, NULL, row->env);
		assert_int_equal(unsetenv(row->env), 0);
	}
	(void)snprintf(text, sizeof text, "%s = %s\n", row->name, value);
	write_config(ep, text);
	refused(ep, NULL, row->name);
	refused(ep, NULL, ENDPOINT_CONFIG);
}

static void
what_lies_outside_of_a_range_is_refused_with_its_name_and_what_is_allowed(void **state)
{
	struct endpoint ep = { 0 };
	char value[32];
	size_t i;

	(void)snprintf(ep.path, sizeof ep.path, "%s", (const char *)*state);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].type == OPTION_CHOICE)
			check_refusals(&ep, &rows[i], "loud");
		if (!is_number(&rows[i]))
			continue;
		check_refusals(&ep, &rows[i], "many");
		(void)snprintf(value, sizeof value, "%lld%s", (long long)rows[i].min - 1,
			       rows[i].type == OPTION_DURATION ? "ms" : "");
		check_refusals(&ep, &rows[i], value);
		if (rows[i].max == INT64_MAX)
			continue;
		(void)snprintf(value, sizeof value, "%lld%s", (long long)rows[i].max + 1,
			       rows[i].type == OPTION_DURATION ? "ms" : "");
		check_refusals(&ep, &rows[i], value);
	}
}

static void
what_is_no_setting_is_refused(void **state)
{
	struct endpoint ep = { 0 };

	(void)snprintf(ep.path, sizeof ep.path, "%s", (const char *)*state);
	write_config(&ep, "max-jobs = 3\n");
	refused(&ep, NULL, "max-jobs");
	write_config(&ep, "");
}

static void
a_word_that_is_no_option_is_refused(void **state)
{
	char program[] = "jobwired", word[] = "start", *argv[] = { program, word, NULL };
	struct settings s;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(settings_read(&s, 2, argv, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.msg, "'start' is no option");
	settings_fini(&s);
}

static void
a_file_that_was_named_must_be_there(void **state)
{
	char program[] = "jobwired", flag[] = "--config=/nowhere/jobwire.conf";
	char *argv[] = { program, flag, NULL };
	struct endpoint ep = { 0 };
	struct settings s;
	struct err err = { 0 };

	(void)snprintf(ep.path, sizeof ep.path, "%s", (const char *)*state);
	assert_int_equal(read_all(&s, &ep, 2, argv, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, "/nowhere/jobwire.conf"));
	settings_fini(&s);
}

static void
the_help_names_every_setting_its_variable_and_its_default(void **state)
{
	char *text = NULL;
	size_t len = 0, i;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	settings_print_help(f);
	assert_int_equal(fclose(f), 0);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!strstr(text, rows[i].name) || (rows[i].env && !strstr(text, rows[i].env)))
			fail_msg("%s", rows[i].name);
		if (rows[i].initial && rows[i].min >= 0 && !strstr(text, rows[i].initial))
			fail_msg("%s: %s", rows[i].name, rows[i].initial);
	}
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_dir(a_flag_counts_before_the_environment_and_that_before_the_file),
		unit_test_in_dir(without_anything_said_the_defaults_are_those_of_the_table),
		unit_test_in_dir(
			what_lies_outside_of_a_range_is_refused_with_its_name_and_what_is_allowed),
		unit_test_in_dir(what_is_no_setting_is_refused),
		cmocka_unit_test(a_word_that_is_no_option_is_refused),
		unit_test_in_dir(a_file_that_was_named_must_be_there),
		cmocka_unit_test(the_help_names_every_setting_its_variable_and_its_default),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].env)
			(void)unsetenv(rows[i].env);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
