/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/crc.h"
#include "base/macros.h"

static void
it_is_the_checksum_of_rfc_3720(void **state)
{
	unsigned char zeros[32] = { 0 }, ones[32], up[32], down[32];
	size_t i;

	(void)state;
	for (i = 0; i < 32; i++) {
		ones[i] = 0xff;
		up[i] = (unsigned char)i;
		down[i] = (unsigned char)(31 - i);
	}
	/* appendix B.4, and the check value of the catalogues */
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, down, 32), 0x113fdb5c);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void
it_goes_on_over_pieces_wherever_they_are_cut(void **state)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog";
	size_t len = sizeof text - 1, cut;
	uint32_t whole = crc32c(0, text, len);

	(void)state;
	for (cut = 0; cut <= len; cut++)
		assert_int_equal(crc32c(crc32c(0, text, cut), text + cut, len - cut), whole);
}

static void
every_flipped_bit_is_seen(void **state)
{
	unsigned char bytes[64];
	uint32_t whole;
	size_t bit;

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	whole = crc32c(0, bytes, sizeof bytes);
	for (bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_int_not_equal(crc32c(0, bytes, sizeof bytes), whole);
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_checksum_of_rfc_3720),
		cmocka_unit_test(it_goes_on_over_pieces_wherever_they_are_cut),
		cmocka_unit_test(every_flipped_bit_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
