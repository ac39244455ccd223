/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/buf.h"
#include "jobdir/tlv.h"

static struct tlv
fields_of(const struct buf *b)
{
	return (struct tlv){ buf_head(b), b->len };
}

static void
every_number_survives(void **state)
{
	const uint64_t numbers[] = { 0,
				     1,
				     127,
				     128,
				     255,
				     256,
				     65535,
				     UINT32_MAX,
				     1ull << 32,
				     INT64_MAX,
				     1ull << 63,
				     UINT64_MAX,
				     0x0123456789abcdefull };
	struct tlv_field f;
	struct tlv t;
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_int_equal(tlv_put_u64(&b, (unsigned)i + 1, numbers[i]), 0);
	t = fields_of(&b);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		assert_int_equal(tlv_next(&t, &f), 1);
		assert_int_equal(f.tag, i + 1);
		assert_int_equal(f.len, 8);
		assert_true(tlv_u64(&f) == numbers[i]);
	}
	assert_int_equal(tlv_next(&t, &f), 0);
	buf_fini(&b);
}

static void
a_field_lies_as_the_header_says(void **state)
{
	const unsigned char bytes[] = { 0x34, 0x12, 3, 0, 0, 0, 'a', 'b', 'c', 2, 0, 8,
					0,    0,    0, 7, 0, 0, 0,   0,   0,   0, 0 };
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(tlv_put_str(&b, 0x1234, "abc"), 0);
	assert_int_equal(tlv_put_u64(&b, 2, 7), 0);
	assert_int_equal(b.len, sizeof bytes);
	assert_memory_equal(buf_head(&b), bytes, sizeof bytes);
	buf_fini(&b);
}

static void
zero_is_the_readers_default_and_is_not_written(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(tlv_put_nonzero(&b, 1, 0), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(tlv_put_nonzero(&b, 1, 1), 0);
	assert_int_equal(b.len, 14);
	buf_fini(&b);
}

static void
a_list_keeps_its_order_and_its_empty_members(void **state)
{
	const char *const list[] = { "one", "", "three", "", "" };
	struct tlv_field f;
	struct tlv t;
	struct buf b;
	size_t i;

	(void)state;
	buf_init(&b, 4096);
	for (i = 0; i < ARRAY_SIZE(list); i++)
		assert_int_equal(tlv_put_str(&b, 65535, list[i]), 0);
	t = fields_of(&b);
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		assert_int_equal(tlv_next(&t, &f), 1);
		assert_int_equal(f.tag, 65535);
		assert_int_equal(f.len, strlen(list[i]));
		assert_memory_equal(f.bytes, list[i], f.len);
	}
	assert_int_equal(tlv_next(&t, &f), 0);
	buf_fini(&b);
}

static void
bytes_cut_off_anywhere_but_between_fields_are_refused(void **state)
{
	const size_t between[] = { 0, 14, 23, 29 };
	struct tlv_field f;
	struct buf b;
	size_t cut, i;
	int rc;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(tlv_put_u64(&b, 1, 42), 0);
	assert_int_equal(tlv_put_str(&b, 2, "abc"), 0);
	assert_int_equal(tlv_put_str(&b, 3, ""), 0);
	assert_int_equal(b.len, between[3]);
	for (cut = 0; cut <= b.len; cut++) {
		unsigned char *copy =
			malloc(cut ? cut : 1); /* so that asan sees every byte too far */
		struct tlv t = { copy, cut };
		bool whole = false;

		memcpy(copy, buf_head(&b), cut);
		while ((rc = tlv_next(&t, &f)) > 0)
			;
		for (i = 0; i < ARRAY_SIZE(between); i++)
			whole |= cut == between[i];
		assert_int_equal(rc, whole ? 0 : -EBADMSG);
		free(copy);
	}
	buf_fini(&b);
}

static void
a_length_beyond_all_bytes_is_refused(void **state)
{
	unsigned char bytes[] = { 1, 0, 0xff, 0xff, 0xff, 0xff, 'x' };
	struct tlv t = { bytes, sizeof bytes };
	struct tlv_field f;

	(void)state;
	assert_int_equal(tlv_next(&t, &f), -EBADMSG);
}

static void
a_short_number_is_a_number_and_a_long_one_is_cut(void **state)
{
	const unsigned char bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
	uint64_t want = 0;
	size_t len;

	(void)state;
	for (len = 0; len <= sizeof bytes; len++) {
		struct tlv_field f = { 1, bytes, len };

		if (len > 0 && len <= 8)
			want |= (uint64_t)bytes[len - 1] << 8 * (len - 1);
		assert_true(tlv_u64(&f) == want);
	}
}

static void
a_field_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 20);
	assert_int_equal(tlv_put_u64(&b, 1, 1), 0);
	assert_int_equal(tlv_put_u64(&b, 2, 2), -EMSGSIZE);
	assert_int_equal(b.len, 14);
	assert_int_equal(tlv_put_bytes(&b, 2, "", 0), 0);
	assert_int_equal(b.len, 20);
	buf_fini(&b);
}

enum colour { RED, BLUE = 77 };

struct all_sizes {
	bool yes, no;
	uint16_t small;
	int32_t negative;
	enum colour colour;
	uint64_t big;
	int64_t past;
	uint32_t untold; /* has no row */
};

static const struct tlv_row rows[] = {
	TLV_ROW(1, struct all_sizes, yes),    TLV_ROW(2, struct all_sizes, no),
	TLV_ROW(3, struct all_sizes, small),  TLV_ROW(4, struct all_sizes, negative),
	TLV_ROW(5, struct all_sizes, colour), TLV_ROW(6, struct all_sizes, big),
	TLV_ROW(7, struct all_sizes, past),
};

static void
members_of_every_size_survive(void **state)
{
	const struct all_sizes in = { true, false, 65535, -2, BLUE, UINT64_MAX, INT64_MIN, 5 };
	struct all_sizes out = { .no = true, .untold = 9 };
	struct tlv_field f;
	struct tlv t;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(tlv_put_rows(&b, rows, ARRAY_SIZE(rows), &in), 0);
	t = fields_of(&b);
	while (tlv_next(&t, &f) > 0)
		tlv_get_row(rows, ARRAY_SIZE(rows), &out, &f);
	assert_true(out.yes);
	assert_true(out.no); /* false is not written: who reads begins with zeros */
	assert_int_equal(out.small, 65535);
	assert_int_equal(out.negative, -2);
	assert_int_equal(out.colour, BLUE);
	assert_true(out.big == UINT64_MAX);
	assert_true(out.past == INT64_MIN);
	assert_int_equal(out.untold, 9);
	buf_fini(&b);
}

static void
a_tag_without_a_row_changes_nothing_and_any_number_is_true(void **state)
{
	const unsigned char number[] = { 0, 1, 0, 0, 0, 0, 0, 0 }; /* 256: its first byte is 0 */
	struct all_sizes out = { 0 }, zeros = { 0 };
	struct tlv_field f = { 8, number, sizeof number };

	(void)state;
	tlv_get_row(rows, ARRAY_SIZE(rows), &out, &f);
	assert_memory_equal(&out, &zeros, sizeof out);
	f.tag = 1;
	tlv_get_row(rows, ARRAY_SIZE(rows), &out, &f);
	assert_true(out.yes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_survives),
		cmocka_unit_test(a_field_lies_as_the_header_says),
		cmocka_unit_test(zero_is_the_readers_default_and_is_not_written),
		cmocka_unit_test(a_list_keeps_its_order_and_its_empty_members),
		cmocka_unit_test(bytes_cut_off_anywhere_but_between_fields_are_refused),
		cmocka_unit_test(a_length_beyond_all_bytes_is_refused),
		cmocka_unit_test(a_short_number_is_a_number_and_a_long_one_is_cut),
		cmocka_unit_test(a_field_that_does_not_fit_leaves_the_buffer_as_it_was),
		cmocka_unit_test(members_of_every_size_survive),
		cmocka_unit_test(a_tag_without_a_row_changes_nothing_and_any_number_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
