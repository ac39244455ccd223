/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/clock.h"
#include "cli/human.h"
#include "wire/message.h"

#define S INT64_C(1000000000)

static void
a_duration_is_short_and_never_says_more_than_has_passed(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0.00s" },
		{ -5 * S, "0.00s" },
		{ INT64_MIN, "0.00s" },
		{ 9999999, "0.00s" },
		{ 10000000, "0.01s" },
		{ 250000000, "0.25s" },
		{ 999999999, "0.99s" },
		{ S, "1.00s" },
		{ 10 * S - 1, "9.99s" },
		{ 10 * S, "10s" },
		{ 60 * S - 1, "59s" },
		{ 60 * S, "1m00s" },
		{ 185 * S, "3m05s" },
		{ 3600 * S - 1, "59m59s" },
		{ 3600 * S, "1h00m" },
		{ 7500 * S, "2h05m" },
		{ 86400 * S - 1, "23h59m" },
		{ 86400 * S, "1d00h" },
		{ 273600 * S, "3d04h" },
		{ INT64_MAX, "106751d23h" },
	};
	char out[HUMAN_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(human_duration(rows[i].ns, out), rows[i].text);
}

static void
a_size_is_short_and_rounded_down(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 1, "1" },
		{ 1023, "1023" },
		{ 1024, "1.0K" },
		{ 1535, "1.4K" },
		{ 1536, "1.5K" },
		{ 10239, "9.9K" },
		{ 10240, "10K" },
		{ 1048575, "1023K" },
		{ 1048576, "1.0M" },
		{ 20971520, "20M" },
		{ 1073741823, "1023M" },
		{ 1073741824, "1.0G" },
		{ UINT64_C(1) << 40, "1.0T" },
		{ UINT64_C(1) << 50, "1.0P" },
		{ UINT64_C(1) << 60, "1.0E" },
		{ UINT64_MAX, "15E" },
	};
	char out[HUMAN_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(human_size(rows[i].bytes, out), rows[i].text);
}

static void
assert_command(const Jobwire__V1__Job *job, const char *want)
{
	char text[200];
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(human_command(&out, job), 0);
	(void)snprintf(text, sizeof text, "%.*s", (int)out.len,
		       out.len ? (const char *)buf_head(&out) : "");
	assert_string_equal(text, want);
	buf_fini(&out);
}

static void
a_command_is_one_line_of_valid_text(void **state)
{
	static const char *const rows[][2] = {
		{ "ls -l", "ls -l" },
		{ "a\nb\tc", "a b c" },
		{ "x\x1b[31m\x7f", "x [31m " },
		{ "\xff\xc3\xa4", "\xef\xbf\xbd\xc3\xa4" },
		{ "", "" },
	};
	Jobwire__V1__Job job = JOBWIRE__V1__JOB__INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		job.command = message_bytes(rows[i][0], strlen(rows[i][0]));
		assert_command(&job, rows[i][1]);
	}
}

/* What is shown can be given to a shell again. */
static void
arguments_are_quoted_where_a_shell_would_need_it(void **state)
{
	static const char *const rows[][2] = {
		{ "-x", "echo -x" },
		{ "a b", "echo 'a b'" },
		{ "", "echo ''" },
		{ "it's", "echo 'it'\\''s'" },
		{ "'", "echo ''\\'''" },
		{ "$HOME", "echo '$HOME'" },
		{ "a=b", "echo a=b" },
		{ "*", "echo '*'" },
		{ "/usr/bin", "echo /usr/bin" },
		{ "\xc3\xa4", "echo '\xc3\xa4'" },
	};
	Jobwire__V1__Job job = JOBWIRE__V1__JOB__INIT;
	ProtobufCBinaryData argv[2] = { message_bytes("echo", 4) };
	size_t i;

	(void)state;
	job.argv = argv;
	job.n_argv = 2;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		argv[1] = message_bytes(rows[i][0], strlen(rows[i][0]));
		assert_command(&job, rows[i][1]);
	}
}

static void
a_job_has_run_since_its_start_until_its_end_or_now(void **state)
{
	Jobwire__V1__Job job = JOBWIRE__V1__JOB__INIT;

	(void)state;
	assert_int_equal(human_job_ns(&job, 100), 0);
	job.started_ns = 40;
	assert_int_equal(human_job_ns(&job, 100), 60);
	assert_int_equal(human_job_ns(&job, 10), 0); /* the clock was set back */
	job.ended_ns = 50;
	assert_int_equal(human_job_ns(&job, 100), 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duration_is_short_and_never_says_more_than_has_passed),
		cmocka_unit_test(a_size_is_short_and_rounded_down),
		cmocka_unit_test(a_command_is_one_line_of_valid_text),
		cmocka_unit_test(arguments_are_quoted_where_a_shell_would_need_it),
		cmocka_unit_test(a_job_has_run_since_its_start_until_its_end_or_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
