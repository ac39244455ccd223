/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/clock.h"
#include "base/macros.h"

static void
a_time_is_written_in_utc_with_the_digits_asked_for(void **state)
{
	static const struct {
		int64_t ns;
		int digits;
		const char *text;
	} rows[] = {
		{ 0, 0, "1970-01-01T00:00:00Z" },
		{ 0, 3, "1970-01-01T00:00:00.000Z" },
		{ 0, 6, "1970-01-01T00:00:00.000000Z" },
		{ 1, 6, "1970-01-01T00:00:00.000000Z" },
		{ 999999999, 0, "1970-01-01T00:00:00Z" },
		{ 999999999, 3, "1970-01-01T00:00:00.999Z" },
		{ 999999999, 6, "1970-01-01T00:00:00.999999Z" },
		{ NS_PER_S, 0, "1970-01-01T00:00:01Z" },
		{ 1769860800123456789, 3, "2026-01-31T12:00:00.123Z" },
		{ 1769860800123456789, 6, "2026-01-31T12:00:00.123456Z" },
		{ 1709164800 * NS_PER_S, 0, "2024-02-29T00:00:00Z" },
		/* before the epoch the fraction still counts upwards */
		{ -1, 0, "1969-12-31T23:59:59Z" },
		{ -1, 3, "1969-12-31T23:59:59.999Z" },
		{ -1, 6, "1969-12-31T23:59:59.999999Z" },
		{ -NS_PER_S, 3, "1969-12-31T23:59:59.000Z" },
		{ -NS_PER_S - 1, 3, "1969-12-31T23:59:58.999Z" },
		{ INT64_MAX, 6, "2262-04-11T23:47:16.854775Z" },
		{ INT64_MIN, 6, "1677-09-21T00:12:43.145224Z" },
	};
	char out[CLOCK_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(clock_format(rows[i].ns, rows[i].digits, out), rows[i].text);
}

static void
the_time_zone_of_the_process_does_not_matter(void **state)
{
	char out[CLOCK_TEXT_MAX];

	(void)state;
	assert_int_equal(setenv("TZ", "XXT-5:30", 1), 0);
	tzset();
	assert_string_equal(clock_format(0, 0, out), "1970-01-01T00:00:00Z");
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void
the_clocks_are_those_of_the_kernel(void **state)
{
	struct timespec before, after;
	int64_t mono, wall;

	(void)state;
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	mono = clock_mono_ns();
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(mono >= before.tv_sec * NS_PER_S + before.tv_nsec);
	assert_true(mono <= after.tv_sec * NS_PER_S + after.tv_nsec);
	assert_true(clock_mono_ms() >= mono / NS_PER_MS);
	assert_true(clock_mono_ms() - mono / NS_PER_MS < 60000);

	/* wall time may be set at any moment: only that it is wall time */
	wall = clock_wall_ns();
	(void)clock_gettime(CLOCK_REALTIME, &after);
	assert_true(llabs(after.tv_sec - wall / NS_PER_S) < 86400);
}

static void
a_wait_is_a_little_longer_than_asked_for_and_never_shorter(void **state)
{
	static const int64_t ms[] = { 1, 300, 999, 1000, 86400000 };
	struct timeval tv;
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		tv = clock_wait(ms[i]);
		us = tv.tv_sec * INT64_C(1000000) + tv.tv_usec;
		assert_true(tv.tv_usec < 1000000);
		assert_true(us > ms[i] * 1000 && us <= ms[i] * 1000 + 20000);
	}
	tv = clock_wait(0);
	assert_true(tv.tv_sec == 0 && tv.tv_usec == 0);
	tv = clock_wait(-1);
	assert_true(tv.tv_sec == 0 && tv.tv_usec == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_written_in_utc_with_the_digits_asked_for),
		cmocka_unit_test(a_wait_is_a_little_longer_than_asked_for_and_never_shorter),
		cmocka_unit_test(the_time_zone_of_the_process_does_not_matter),
		cmocka_unit_test(the_clocks_are_those_of_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
