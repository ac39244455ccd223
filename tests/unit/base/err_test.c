/* SPDX-License-Identifier: MIT */
#include "test.h"

static void
a_sentence_reads_like_a_path(void **state)
{
	struct err err = { 0 };
	int rc;

	(void)state;
	rc = err_sys(&err, ENOENT, "open %s", "x");
	rc = err_wrap(&err, rc, "start");
	assert_int_equal(rc, ERR_NOT_FOUND);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.msg, "start: open x: No such file or directory");
}

static void
a_long_sentence_is_cut_and_not_overrun(void **state)
{
	char word[2000];
	struct err err = { 0 };
	int i;

	(void)state;
	memset(word, 'x', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	(void)err_set(&err, ERR_INTERNAL, "%s", word);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
	for (i = 0; i < 10; i++)
		(void)err_wrap(&err, ERR_INTERNAL, "%s", word);
	assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
}

static void
a_null_error_keeps_the_code(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_ABORTED, "x"), ERR_ABORTED);
	assert_int_equal(err_sys(NULL, ENOSPC, "x"), ERR_RESOURCE_EXHAUSTED);
	assert_int_equal(err_wrap(NULL, ERR_ABORTED, "x"), ERR_ABORTED);
}

static void
the_field_at_fault_is_named(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(err_field(&err, ERR_INVALID_ARGUMENT, "cwd", "no %s", "folder"),
			 ERR_INVALID_ARGUMENT);
	assert_string_equal(err.field, "cwd");
	(void)err_set(&err, ERR_INTERNAL, "other");
	assert_string_equal(err.field, "");
}

static void
every_code_has_its_row_and_comes_back_from_the_wire(void **state)
{
	unsigned wire;

	(void)state;
	for (wire = 1; wire <= 16; wire++) {
		int code = err_from_wire(wire);

		assert_int_equal(code, -(int)wire);
		assert_true(strlen(err_text(code)) > 0);
		assert_true(err_http_status(code) >= 400);
		assert_true(err_exit_status(code) > 0);
	}
	assert_string_equal(err_name(ERR_NOT_FOUND), "NOT_FOUND");
	assert_int_equal(err_from_wire(17), ERR_UNKNOWN);
	assert_int_equal(err_exit_status(ERR_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence_reads_like_a_path),
		cmocka_unit_test(a_long_sentence_is_cut_and_not_overrun),
		cmocka_unit_test(a_null_error_keeps_the_code),
		cmocka_unit_test(the_field_at_fault_is_named),
		cmocka_unit_test(every_code_has_its_row_and_comes_back_from_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
