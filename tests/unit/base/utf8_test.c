/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/buf.h"
#include "base/macros.h"
#include "base/utf8.h"

/* The bytes at which the rules of Unicode table 3-7 change, and their neighbours. */
static const unsigned char edges[] = {
	0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
	0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff,
};

/* The reference: whether `len` bytes are one character, by decoding them. */
static bool
is_char(const unsigned char *p, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t want = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4, i;
	uint32_t point;

	if (len != want || (p[0] >= 0x80 && p[0] < 0xc0) || p[0] >= 0xf8)
		return false;
	point = len == 1 ? p[0] : p[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
		point = point << 6 | (p[i] & 0x3f);
	}
	return point >= least[len] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

/* Whether some continuation makes a character of it, by trying those at the edges. */
static bool
can_become_char(const unsigned char *p, size_t len)
{
	static const unsigned char next[] = { 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf };
	unsigned char longer[4];
	size_t i;

	if (is_char(p, len))
		return true;
	if (len == 4 || p[0] < 0xc0 || (len > 1 && (p[len - 1] & 0xc0) != 0x80))
		return false;
	memcpy(longer, p, len);
	for (i = 0; i < ARRAY_SIZE(next); i++) {
		longer[len] = next[i];
		if (can_become_char(longer, len + 1))
			return true;
	}
	return false;
}

static enum utf8_kind
reference(const unsigned char *p, size_t len, size_t *ret_len)
{
	size_t n;

	for (n = 1; n <= 4 && n <= len; n++) {
		if (is_char(p, n)) {
			*ret_len = n;
			return UTF8_CHAR;
		}
	}
	for (n = 0; n < 3 && n < len && can_become_char(p, n + 1);)
		n++;
	*ret_len = n ? n : 1;
	return n == len ? UTF8_INCOMPLETE : UTF8_INVALID;
}

static void
assert_as_reference(const unsigned char *p, size_t len)
{
	size_t n, want;

	assert_int_equal(utf8_next(p, len, &n), reference(p, len, &want));
	assert_int_equal(n, want);
}

static size_t
encode(uint32_t point, unsigned char out[4])
{
	if (point < 0x80) {
		out[0] = (unsigned char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (unsigned char)(0xc0 | point >> 6);
		out[1] = 0x80 | (point & 0x3f);
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (unsigned char)(0xe0 | point >> 12);
		out[1] = 0x80 | (point >> 6 & 0x3f);
		out[2] = 0x80 | (point & 0x3f);
		return 3;
	}
	out[0] = (unsigned char)(0xf0 | point >> 18);
	out[1] = 0x80 | (point >> 12 & 0x3f);
	out[2] = 0x80 | (point >> 6 & 0x3f);
	out[3] = 0x80 | (point & 0x3f);
	return 4;
}

static void
every_code_point_but_the_surrogates_is_a_character(void **state)
{
	unsigned char bytes[4];
	uint32_t point;
	size_t len, n, i;
	bool is_surrogate;

	(void)state;
	for (point = 0; point <= 0x110000; point++) {
		len = encode(point, bytes);
		is_surrogate = point >= 0xd800 && point <= 0xdfff;
		if (is_surrogate || point > 0x10ffff) {
			assert_int_not_equal(utf8_next(bytes, len, &n), UTF8_CHAR);
			assert_false(utf8_is_valid(bytes, len));
			continue;
		}
		assert_int_equal(utf8_next(bytes, len, &n), UTF8_CHAR);
		assert_int_equal(n, len);
		assert_int_equal(utf8_prev(bytes, len, &n), UTF8_CHAR);
		assert_int_equal(n, len);
		assert_true(utf8_is_valid(bytes, len));
		for (i = 1; i < len; i++) {
			assert_int_equal(utf8_next(bytes, i, &n), UTF8_INCOMPLETE);
			assert_int_equal(n, i);
			assert_int_equal(utf8_unfinished(bytes, i), i);
		}
	}
}

static void
every_pair_of_bytes_is_read_as_the_reference_reads_it(void **state)
{
	unsigned char bytes[2];
	unsigned i;

	(void)state;
	for (i = 0; i < 0x10000; i++) {
		bytes[0] = (unsigned char)(i >> 8);
		bytes[1] = (unsigned char)i;
		assert_as_reference(bytes, 1);
		assert_as_reference(bytes, 2);
	}
}

/* All strings of four bytes from the edges. */
static void
for_all_fours(void (*check)(const unsigned char *p))
{
	unsigned char bytes[4];
	size_t i, n = ARRAY_SIZE(edges);

	for (i = 0; i < n * n * n * n; i++) {
		bytes[0] = edges[i % n];
		bytes[1] = edges[i / n % n];
		bytes[2] = edges[i / n / n % n];
		bytes[3] = edges[i / n / n / n];
		check(bytes);
	}
}

static void
check_next(const unsigned char *p)
{
	assert_as_reference(p, 3);
	assert_as_reference(p, 4);
}

static void
all_edges_in_threes_and_fours_are_read_as_the_reference_reads_them(void **state)
{
	(void)state;
	for_all_fours(check_next);
}

static void
check_prev(const unsigned char *p)
{
	size_t borders[5], count = 0, at, n;

	for (at = 0; at < 4; at += n) {
		borders[count++] = at;
		(void)utf8_next(p + at, 4 - at, &n);
	}
	for (at = 4; at > 0; at -= n) {
		(void)utf8_prev(p, at, &n);
		assert_true(count > 0 && n <= at);
		assert_int_equal(at - n, borders[--count]);
	}
	assert_int_equal(count, 0);
}

static void
steps_back_stop_where_steps_forward_do(void **state)
{
	(void)state;
	for_all_fours(check_prev);
}

static void
assert_repaired(const char *bytes, const char *want)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(utf8_repair(&out, bytes, strlen(bytes)), 0);
	assert_int_equal(out.len, strlen(want));
	assert_memory_equal(buf_head(&out), want, out.len);
	buf_fini(&out);
}

#define R UTF8_REPLACEMENT

/* Tables 3-8 to 3-11 of section 3.9; browsers and Python give the same. */
static void
the_examples_of_the_standard_are_repaired_as_it_says(void **state)
{
	(void)state;
	assert_repaired("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", R R R R R R R R "A");
	assert_repaired("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", R R R R R R R R "A");
	assert_repaired("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", R R R R R "A" R R "B");
	assert_repaired("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", R R R R "A");
	assert_repaired("a\xe2\x82", "a" R);
	assert_repaired("gr\xc3\xb6\xc3\x9f"
			"e \xe2\x82\xac \xf0\x9f\x98\x80",
			"gr\xc3\xb6\xc3\x9f"
			"e \xe2\x82\xac "
			"\xf0\x9f\x98\x80");
	assert_repaired("", "");
}

static void
check_repair(const unsigned char *p)
{
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(utf8_repair(&out, p, 4), 0);
	assert_true(utf8_is_valid(buf_head(&out), out.len));
	if (utf8_is_valid(p, 4))
		assert_memory_equal(buf_head(&out), p, 4);
	buf_fini(&out);
}

static void
a_repair_is_valid_and_leaves_what_is_valid_alone(void **state)
{
	(void)state;
	for_all_fours(check_repair);
}

/* Valid and broken pieces, so long that the runs of eight bytes begin anywhere. */
static const char mixture[] =
	"plain text \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 and\xff more\xe2\x82 \x80\x80"
	"\xf0\x9f\x98 \xed\xa0\x80 end \xf0\x9f";

static void
chunks_with_a_carried_end_are_repaired_as_the_whole(void **state)
{
	struct buf whole, out;
	size_t cut, carried, len = strlen(mixture);

	(void)state;
	buf_init(&whole, 1000);
	buf_init(&out, 1000);
	assert_int_equal(utf8_repair(&whole, mixture, len), 0);
	for (cut = 0; cut <= len; cut++) {
		carried = utf8_unfinished((const unsigned char *)mixture, cut);
		assert_true(carried <= 3);
		buf_clear(&out);
		assert_int_equal(utf8_repair(&out, mixture, cut - carried), 0);
		assert_int_equal(utf8_repair(&out, mixture + cut - carried, len - cut + carried),
				 0);
		assert_int_equal(out.len, whole.len);
		assert_memory_equal(buf_head(&out), buf_head(&whole), whole.len);
	}
	buf_fini(&whole);
	buf_fini(&out);
}

static void
a_run_ends_at_the_first_bad_piece_wherever_it_is(void **state)
{
	unsigned char bytes[40];
	size_t at, bad;

	(void)state;
	for (at = 0; at < sizeof bytes; at++) {
		memset(bytes, 'a', sizeof bytes);
		bytes[at] = 0xe2;
		assert_int_equal(utf8_run(bytes, sizeof bytes, &bad), at);
		assert_int_equal(bad, 1);
		assert_false(utf8_is_valid(bytes, sizeof bytes));
		assert_true(utf8_is_valid(bytes, at));
	}
	assert_int_equal(utf8_run(bytes, 0, &bad), 0);
	assert_int_equal(bad, 0);
}

static void
a_repair_beyond_the_bound_fails(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4);
	assert_int_equal(utf8_repair(&out, "abcde", 5), -EMSGSIZE);
	assert_int_equal(utf8_repair(&out, "\xff\xff", 2), -EMSGSIZE);
	buf_fini(&out);
}

static void
nothing_is_valid_and_may_lie_nowhere(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	assert_true(utf8_is_valid(NULL, 0));
	assert_int_equal(utf8_unfinished(NULL, 0), 0);
	assert_int_equal(utf8_repair(&out, NULL, 0), 0);
	assert_int_equal(out.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point_but_the_surrogates_is_a_character),
		cmocka_unit_test(every_pair_of_bytes_is_read_as_the_reference_reads_it),
		cmocka_unit_test(
			all_edges_in_threes_and_fours_are_read_as_the_reference_reads_them),
		cmocka_unit_test(steps_back_stop_where_steps_forward_do),
		cmocka_unit_test(the_examples_of_the_standard_are_repaired_as_it_says),
		cmocka_unit_test(a_repair_is_valid_and_leaves_what_is_valid_alone),
		cmocka_unit_test(chunks_with_a_carried_end_are_repaired_as_the_whole),
		cmocka_unit_test(a_run_ends_at_the_first_bad_piece_wherever_it_is),
		cmocka_unit_test(a_repair_beyond_the_bound_fails),
		cmocka_unit_test(nothing_is_valid_and_may_lie_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
