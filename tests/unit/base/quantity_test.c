/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/macros.h"
#include "base/quantity.h"

#define KIB INT64_C(1024)

struct reading {
	const char *text;
	int rc;
	int64_t value;
};

static void
assert_readings(int (*read_one)(const char *, int64_t *), const struct reading *rows, size_t n)
{
	int64_t value;
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		value = -77;
		rc = read_one(rows[i].text, &value);
		if (rc != rows[i].rc || value != (rc < 0 ? -77 : rows[i].value))
			fail_msg("'%s': %d, %lld", rows[i].text, rc, (long long)value);
	}
}

static void
whole_numbers_are_decimal_with_nothing_around_them(void **state)
{
	static const struct reading rows[] = {
		{ "0", 0, 0 },
		{ "42", 0, 42 },
		{ "-1", 0, -1 },
		{ "007", 0, 7 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "-9223372036854775809", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "--1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "- 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
		{ "1.0", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "ten", -EINVAL, 0 },
		{ "99999999999999999999x", -EINVAL, 0 },
	};

	(void)state;
	assert_readings(quantity_int, rows, ARRAY_SIZE(rows));
}

static void
sizes_count_in_1024_whatever_the_unit_is_called(void **state)
{
	static const struct reading rows[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "4096B", 0, 4096 },
		{ "64K", 0, 64 * KIB },
		{ "64k", 0, 64 * KIB },
		{ "64KB", 0, 64 * KIB },
		{ "64KiB", 0, 64 * KIB },
		{ "64 KiB", 0, 64 * KIB },
		{ "20M", 0, 20971520 },
		{ "20MB", 0, 20971520 },
		{ "20mib", 0, 20971520 },
		{ "3G", 0, 3 * KIB * KIB * KIB },
		{ "3GB", 0, 3 * KIB * KIB * KIB },
		{ "3GiB", 0, 3 * KIB * KIB * KIB },
		{ "2T", 0, 2 * KIB * KIB * KIB * KIB },
		{ "2TB", 0, 2 * KIB * KIB * KIB * KIB },
		{ "2TiB", 0, 2 * KIB * KIB * KIB * KIB },
		{ "1.5GiB", 0, 1610612736 },
		{ "0.25K", 0, 256 },
		{ "1.0001K", 0, 1024 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999.5GiB", -ERANGE, 0 },
		{ "99999999999999999999x", -EINVAL, 0 },
		{ "8388607T", 0, 8388607 * KIB * KIB * KIB * KIB },
		{ "8388608T", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ ".5K", -EINVAL, 0 },
		{ "1.K", -EINVAL, 0 },
		{ "1.", -EINVAL, 0 },
		{ "1.5.5", -EINVAL, 0 },
		{ "1,5K", -EINVAL, 0 },
		{ "1KK", -EINVAL, 0 },
		{ "1K ", -EINVAL, 0 },
		{ "1P", -EINVAL, 0 },
		{ "1s", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
	};

	(void)state;
	assert_readings(quantity_size, rows, ARRAY_SIZE(rows));
}

static void
durations_are_seconds_unless_a_unit_says_more(void **state)
{
	static const struct reading rows[] = {
		{ "0", 0, 0 },
		{ "90", 0, 90000 },
		{ "1.5", 0, 1500 },
		{ "1.5s", 0, 1500 },
		{ "0.001", 0, 1 },
		{ "0.25s", 0, 250 },
		{ "500ms", 0, 500 },
		{ "500 ms", 0, 500 },
		{ "500MS", 0, 500 },
		{ "10m", 0, 600000 },
		{ "10min", 0, 600000 },
		{ "1.5h", 0, 5400000 },
		{ "2d", 0, 172800000 },
		{ "9223372036854775807ms", 0, INT64_MAX },
		{ "9223372036854775.807", 0, INT64_MAX },
		{ "9223372036854775.808", -ERANGE, 0 },
		{ "9223372036854775808ms", -ERANGE, 0 },
		{ "106751991168d", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1us", -EINVAL, 0 },
		{ "1w", -EINVAL, 0 },
		{ "1h30m", -EINVAL, 0 },
		{ "1:30", -EINVAL, 0 },
		{ "1K", -EINVAL, 0 },
		{ "infinity", -EINVAL, 0 },
	};

	(void)state;
	assert_readings(quantity_duration_ms, rows, ARRAY_SIZE(rows));
}

static void
a_size_is_written_in_the_largest_unit_that_is_exact(void **state)
{
	static const struct reading rows[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "1023", 0, 1023 },
		{ "1K", 0, KIB },
		{ "1025", 0, KIB + 1 },
		{ "64M", 0, 64 * KIB * KIB },
		{ "1536K", 0, 1536 * KIB },
		{ "5G", 0, 5 * KIB * KIB * KIB },
		{ "2048T", 0, 2048 * KIB * KIB * KIB * KIB },
		{ "-1", 0, -1 },
		{ "9223372036854775807", 0, INT64_MAX },
	};
	char out[QUANTITY_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(quantity_format_size(rows[i].value, out), rows[i].text);
}

static void
a_duration_is_written_in_the_largest_unit_that_is_exact(void **state)
{
	static const struct reading rows[] = {
		{ "0s", 0, 0 },
		{ "0.001s", 0, 1 },
		{ "0.05s", 0, 50 },
		{ "0.5s", 0, 500 },
		{ "1s", 0, 1000 },
		{ "1.5s", 0, 1500 },
		{ "1.234s", 0, 1234 },
		{ "10.01s", 0, 10010 },
		{ "1m", 0, 60000 },
		{ "90s", 0, 90000 },
		{ "10m", 0, 600000 },
		{ "60.001s", 0, 60001 },
		{ "5h", 0, 18000000 },
		{ "90m", 0, 5400000 },
		{ "30d", 0, INT64_C(2592000000) },
		{ "9223372036854775.807s", 0, INT64_MAX },
		{ "-0.5s", 0, -500 },
		{ "-1.5s", 0, -1500 },
		{ "-1m", 0, -60000 },
		{ "-9223372036854775.808s", 0, INT64_MIN },
	};
	char out[QUANTITY_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(quantity_format_duration(rows[i].value, out), rows[i].text);
}

static void
what_is_written_reads_as_the_same_value(void **state)
{
	char out[QUANTITY_TEXT_MAX];
	uint64_t random = 1;
	int64_t value, back;
	int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		value = (int64_t)(random >> (1 + i % 63));
		if (i % 2)
			value -= value % 1000;
		assert_int_equal(quantity_size(quantity_format_size(value, out), &back), 0);
		assert_true(back == value);
		assert_int_equal(quantity_duration_ms(quantity_format_duration(value, out), &back),
				 0);
		assert_true(back == value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers_are_decimal_with_nothing_around_them),
		cmocka_unit_test(sizes_count_in_1024_whatever_the_unit_is_called),
		cmocka_unit_test(durations_are_seconds_unless_a_unit_says_more),
		cmocka_unit_test(a_size_is_written_in_the_largest_unit_that_is_exact),
		cmocka_unit_test(a_duration_is_written_in_the_largest_unit_that_is_exact),
		cmocka_unit_test(what_is_written_reads_as_the_same_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
