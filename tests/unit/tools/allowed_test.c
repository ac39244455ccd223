/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/buf.h"
#include "tools/allowed.h"

static struct buf warnings;

static int
setup(void **state)
{
	(void)state;
	buf_init(&warnings, 16384);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	buf_fini(&warnings);
	return 0;
}

static int
check(const char *list, const char *command, struct err *err)
{
	struct allowed *a;
	int rc;

	assert_ok(allowed_new(list, &warnings, &a, err), err);
	rc = allowed_check(a, command, err);
	allowed_free(a);
	return rc;
}

static void
a_command_passes_where_a_pattern_occurs_in_it(void **state)
{
	static const struct {
		const char *list, *command;
		bool passes;
	} rows[] = {
		{ NULL, "anything", true },
		{ "", "anything", true },
		{ " ,\t, ", "anything", true }, /* no pattern is no list */
		{ "^npm", "npm test", true },
		{ "^npm", "NPM test", true },
		{ "^npm", "cd x; npm test", false },
		{ "npm", "cd x; npm test", true },
		{ "^npm", "npm test; rm -rf x", true }, /* a guard rail, no wall */
		{ "^npm", "ls\nnpm test", false },      /* ^ is the beginning of the command */
		{ "test$", "npm test\nls", false },
		{ "test$", "npm test", true },
		{ "^git, ^npm ", "npm i", true },
		{ "^git, ^npm ", "git log", true },
		{ "^git, ^npm ", "yarn", false },
		{ "^(ls|cat)\\b", "cat x", true },
		{ "^(ls|cat)\\b", "catalog", false },
		{ "a|b", "xbx", true },
		{ "^python[0-9.]*$", "python3.11", true },
		{ "^python[0-9.]*$", "python3.11 -c x", false },
		{ ".", "", false },
	};
	struct err err;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&err, 0, sizeof err);
		rc = check(rows[i].list, rows[i].command, &err);
		if (rc != (rows[i].passes ? 0 : ERR_PERMISSION_DENIED))
			fail_msg("'%s' and '%s': %d %s", rows[i].list, rows[i].command, rc,
				 err.msg);
	}
	assert_int_equal(warnings.len, 0);
}

static void
a_refusal_says_the_predecessors_sentence_with_the_command_cut(void **state)
{
	char command[301];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(check("^ls", "rm x", &err), ERR_PERMISSION_DENIED);
	assert_string_equal(err.msg, "Command not in allowed patterns: rm x");
	memset(command, 'r', 300);
	command[300] = '\0';
	assert_int_equal(check("^ls", command, &err), ERR_PERMISSION_DENIED);
	assert_int_equal(strlen(err.msg), strlen("Command not in allowed patterns: ") + 203);
	assert_string_equal(err.msg + strlen(err.msg) - 4, "r...");
}

static void
a_pattern_that_cannot_be_read_allows_nothing_and_is_told(void **state)
{
	struct err err = { 0 };
	char text[512];

	(void)state;
	assert_int_equal(check("(", "(", &err), ERR_PERMISSION_DENIED);
	(void)snprintf(text, sizeof text, "%.*s", (int)warnings.len,
		       (const char *)buf_head(&warnings));
	assert_non_null(strstr(text, "MCP_BG_ALLOWED_COMMANDS: '(' is no pattern"));
	assert_int_equal(check("(,^ls", "ls x", &err), 0);
	assert_int_equal(check("(,^ls", "rm x", &err), ERR_PERMISSION_DENIED);
}

/* The predecessor splits at every comma, and so do we. */
static void
a_comma_always_ends_a_pattern(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(check("^x{1,2}$", "xx", &err), ERR_PERMISSION_DENIED);
	assert_int_equal(check("a,b,c,d,e", "e", &err), 0);
	assert_int_equal(check("a,", "b", &err), ERR_PERMISSION_DENIED);
	assert_int_equal(check(",,a,,", "a", &err), 0);
}

static void
a_pattern_that_takes_too_long_refuses_and_does_not_hang(void **state)
{
	static const char command[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
	struct err err = { 0 };
	int rc;

	(void)state;
	rc = check("^(a+)+$", command, &err);
	assert_true(rc < 0);
}

static void
a_list_that_is_too_long_is_refused(void **state)
{
	size_t len = 1024 * 1024 + 1;
	char *list = malloc(len + 1);
	struct allowed *a = NULL;
	struct err err = { 0 };

	(void)state;
	assert_non_null(list);
	memset(list, ',', len);
	list[len] = '\0';
	assert_true(allowed_new(list, &warnings, &a, &err) < 0);
	assert_null(a);
	list[len - 1] = '\0';
	assert_ok(allowed_new(list, &warnings, &a, &err), &err);
	allowed_free(a);
	free(list);
}

#define unit_test_of_allowed(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_allowed(a_command_passes_where_a_pattern_occurs_in_it),
		unit_test_of_allowed(a_refusal_says_the_predecessors_sentence_with_the_command_cut),
		unit_test_of_allowed(a_pattern_that_cannot_be_read_allows_nothing_and_is_told),
		unit_test_of_allowed(a_comma_always_ends_a_pattern),
		unit_test_of_allowed(a_pattern_that_takes_too_long_refuses_and_does_not_hang),
		unit_test_of_allowed(a_list_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
