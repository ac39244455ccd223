/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/le.h"

static void
the_lowest_byte_comes_first_at_any_address(void **state)
{
	static const unsigned char want32[] = { 0x04, 0x03, 0x02, 0x81 };
	static const unsigned char want64[] = { 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x81 };
	unsigned char bytes[24];
	size_t at;

	(void)state;
	for (at = 1; at <= 8; at++) {
		memset(bytes, 0xee, sizeof bytes);
		put_le32(bytes + at, 0x81020304);
		assert_memory_equal(bytes + at, want32, 4);
		assert_int_equal(bytes[at - 1], 0xee);
		assert_int_equal(bytes[at + 4], 0xee);
		assert_true(get_le32(bytes + at) == 0x81020304);

		put_le64(bytes + at, UINT64_C(0x8102030405060708));
		assert_memory_equal(bytes + at, want64, 8);
		assert_int_equal(bytes[at - 1], 0xee);
		assert_int_equal(bytes[at + 8], 0xee);
		assert_true(get_le64(bytes + at) == UINT64_C(0x8102030405060708));
	}
}

static void
the_largest_numbers_come_back(void **state)
{
	unsigned char bytes[8];

	(void)state;
	put_le32(bytes, UINT32_MAX);
	assert_true(get_le32(bytes) == UINT32_MAX);
	put_le64(bytes, UINT64_MAX);
	assert_true(get_le64(bytes) == UINT64_MAX);
	put_le64(bytes, 0);
	assert_true(get_le64(bytes) == 0);
	assert_true(get_le32(bytes) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_byte_comes_first_at_any_address),
		cmocka_unit_test(the_largest_numbers_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
