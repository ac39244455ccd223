/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/macros.h"
#include "outlog/format.h"

static void
an_entry_survives(void **state)
{
	static const struct index_entry entries[] = {
		{ 0, { 1, 0 } },
		{ 0, { 0, 1 } },
		{ -1, { 1, 1 } },
		{ INT64_MAX, { 0x0123456789abcd, 0xfedcba98765432 } },
		{ INT64_MIN, { UINT64_C(1) << 61, UINT64_C(1) << 61 } },
	};
	unsigned char bytes[INDEX_ENTRY_LEN];
	struct index_entry e;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		index_encode(&entries[i], bytes);
		assert_true(index_decode(bytes, &e));
		assert_memory_equal(&e, &entries[i], sizeof e);
	}
}

static void
an_entry_lies_as_the_header_says(void **state)
{
	const struct index_entry e = { 0x0102030405060708, { 0x11, 0x22 } };
	const unsigned char head[] = { 8, 7, 6,    5, 4, 3, 2, 1, 0x11, 0, 0, 0, 0, 0,
				       0, 0, 0x22, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0 };
	unsigned char bytes[INDEX_ENTRY_LEN];

	(void)state;
	index_encode(&e, bytes);
	assert_memory_equal(bytes, head, sizeof head);
	assert_int_equal(sizeof head, 28);
}

static void
a_flipped_bit_is_noticed(void **state)
{
	const struct index_entry in = { 1700000000, { 12345, 67890 } };
	unsigned char bytes[INDEX_ENTRY_LEN];
	struct index_entry e;
	size_t bit;

	(void)state;
	index_encode(&in, bytes);
	for (bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		assert_false(index_decode(bytes, &e));
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}

static void
what_says_nothing_is_no_entry(void **state)
{
	/* No bytes at all, and offsets that no file has and whose sum would run over. */
	static const struct index_entry entries[] = { { 1, { 0, 0 } },
						      { 1, { UINT64_MAX, 1 } },
						      { 1, { 1, UINT64_MAX } },
						      { 1, { UINT64_C(1) << 63, 0 } } };
	unsigned char bytes[INDEX_ENTRY_LEN] = { 0 };
	struct index_entry e;
	size_t i;

	(void)state;
	assert_false(index_decode(bytes, &e)); /* a hole */
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		index_encode(&entries[i], bytes);
		assert_false(index_decode(bytes, &e));
	}
}

static void
a_segments_name_leads_back_to_it(void **state)
{
	static const uint64_t offsets[] = { 0, 1, 9, 10, 4096, OUTLOG_OFFSET_MAX };
	enum outlog_stream stream;
	char name[SEGMENT_NAME_MAX];
	uint64_t offset;
	size_t i;
	int s;

	(void)state;
	for (s = 0; s < OUTLOG_STREAMS; s++)
		for (i = 0; i < ARRAY_SIZE(offsets); i++) {
			(void)segment_name((enum outlog_stream)s, offsets[i], name);
			assert_true(segment_parse(name, &stream, &offset));
			assert_int_equal(stream, s);
			assert_true(offset == offsets[i]);
		}
	assert_string_equal(segment_name(OUTLOG_OUT, 0, name), "stdout.0");
	assert_string_equal(segment_name(OUTLOG_ERR, 512, name), "stderr.512");
}

static void
other_names_are_no_segments(void **state)
{
	static const char *const names[] = {
		"",
		".",
		"..",
		"index",
		"record",
		"stdout",
		"stdout.",
		"stdout.x",
		"stdout.1x",
		"stdout.01",
		"stdout.-1",
		"stdout.+1",
		"stdout. 1",
		"stdout.1 ",
		"stdout.0x1",
		"stdout.18446744073709551616",
		"stdout.4611686018427387904", /* one too many */
		"stdout.99999999999999999999999999999999",
		"STDOUT.1",
		"xstdout.1",
		"stderr.1.2",
	};
	enum outlog_stream stream;
	uint64_t offset;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		assert_false(segment_parse(names[i], &stream, &offset));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_survives),
		cmocka_unit_test(an_entry_lies_as_the_header_says),
		cmocka_unit_test(a_flipped_bit_is_noticed),
		cmocka_unit_test(what_says_nothing_is_no_entry),
		cmocka_unit_test(a_segments_name_leads_back_to_it),
		cmocka_unit_test(other_names_are_no_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
