/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/buf.h"

/* Sanitizers abort on an allocation beyond all memory unless they are told to fail it. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *
__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* What every function leaves behind. */
static void
assert_sane(const struct buf *b)
{
	assert_true(b->len <= b->max);
	assert_true(b->start <= b->cap);
	assert_true(b->len <= b->cap - b->start);
	assert_true((b->data == NULL) == (b->cap == 0));
}

static void
assert_holds(const struct buf *b, const char *text)
{
	assert_sane(b);
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(buf_head(b), text, b->len);
}

static void
an_empty_buffer_has_allocated_nothing(void **state)
{
	struct buf b, zeroed = { 0 };

	(void)state;
	buf_init(&b, 100);
	assert_null(buf_head(&b));
	assert_int_equal(b.len, 0);
	assert_sane(&b);
	buf_fini(&b);
	buf_fini(&zeroed);
	assert_sane(&zeroed);
}

static void
what_goes_in_comes_out_in_order_however_it_is_cut(void **state)
{
	unsigned char in = 0, out = 0, piece[61];
	struct buf b;
	size_t i, round;

	(void)state;
	buf_init(&b, 4096);
	for (round = 0; round < 2000; round++) {
		size_t n = round * 7 % sizeof piece, eat = round * 11 % 67;

		for (i = 0; i < n; i++)
			piece[i] = in++;
		assert_int_equal(buf_add(&b, piece, n), 0);
		eat = MIN(eat, b.len);
		for (i = 0; i < eat; i++)
			assert_int_equal(buf_head(&b)[i], out++);
		buf_consume(&b, eat);
		assert_sane(&b);
		assert_int_equal((unsigned char)(in - out), b.len & 0xff);
	}
	buf_fini(&b);
}

static void
room_that_was_eaten_is_used_again_before_it_grows(void **state)
{
	struct buf b;
	size_t cap;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(buf_add_str(&b, "0123456789"), 0);
	cap = b.cap;
	assert_int_equal(buf_reserve(&b, cap - 10), 0);
	assert_int_equal(b.cap, cap);
	buf_consume(&b, 4);
	assert_int_equal(buf_reserve(&b, cap - 6), 0);
	assert_int_equal(b.cap, cap);
	assert_holds(&b, "456789");
	buf_fini(&b);
}

static void
an_emptied_buffer_starts_over(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_add_str(&b, "abc"), 0);
	buf_consume(&b, 2);
	assert_holds(&b, "c");
	buf_consume(&b, 50);
	assert_holds(&b, "");
	assert_int_equal(b.start, 0);
	assert_int_equal(buf_add_str(&b, "def"), 0);
	buf_clear(&b);
	assert_holds(&b, "");
	buf_fini(&b);
	assert_int_equal(b.max, 100);
	assert_int_equal(buf_add_str(&b, "again"), 0);
	assert_holds(&b, "again");
	buf_fini(&b);
}

static void
what_is_beyond_the_bound_is_refused_and_changes_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(buf_add_str(&b, "abcdef"), 0);
	assert_int_equal(buf_add_str(&b, "ghijk"), -EMSGSIZE);
	assert_int_equal(buf_addf(&b, "%s", "ghijk"), -EMSGSIZE);
	assert_int_equal(buf_reserve(&b, 5), -EMSGSIZE);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -EMSGSIZE);
	assert_holds(&b, "abcdef");
	assert_int_equal(buf_add_str(&b, "ghij"), 0);
	assert_holds(&b, "abcdefghij");
	assert_int_equal(buf_add(&b, "", 0), 0);
	assert_int_equal(buf_add_str(&b, "k"), -EMSGSIZE);
	buf_consume(&b, 1);
	assert_int_equal(buf_add_str(&b, "k"), 0);
	assert_holds(&b, "bcdefghijk");
	buf_fini(&b);
}

static void
a_buffer_of_nothing_takes_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_int_equal(buf_add_str(&b, "x"), -EMSGSIZE);
	assert_holds(&b, "");
	buf_fini(&b);
}

static void
no_memory_is_reported_and_changes_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX / 2);
	assert_int_equal(buf_add_str(&b, "abc"), 0);
	assert_int_equal(buf_reserve(&b, SIZE_MAX / 4), -ENOMEM);
	assert_holds(&b, "abc");
	buf_fini(&b);
}

static void
reserved_bytes_count_once_they_are_committed(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(buf_add_str(&b, "ab"), 0);
	assert_int_equal(buf_reserve(&b, 600), 0);
	assert_holds(&b, "ab");
	memcpy(buf_tail(&b), "cdXX", 4);
	buf_commit(&b, 2);
	assert_holds(&b, "abcd");
	buf_fini(&b);
}

static void
formatted_text_is_added_without_its_nul(void **state)
{
	char long_word[700];
	struct buf b;

	(void)state;
	memset(long_word, 'w', sizeof long_word - 1);
	long_word[sizeof long_word - 1] = '\0';
	buf_init(&b, 1000);
	assert_int_equal(buf_addf(&b, "%d-%s,", 7, "x"), 0);
	assert_int_equal(buf_addf(&b, "%s", ""), 0);
	assert_int_equal(buf_addf(&b, "%c", 'y'), 0);
	assert_holds(&b, "7-x,y");
	buf_clear(&b);
	assert_int_equal(buf_addf(&b, "%s", long_word), 0);
	assert_holds(&b, long_word);
	buf_fini(&b);
}

static void
formatted_text_may_fill_it_to_the_last_byte(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_int_equal(buf_addf(&b, "%s", "hello"), 0);
	assert_holds(&b, "hello");
	assert_int_equal(buf_addf(&b, "%s", ""), 0);
	assert_int_equal(buf_addf(&b, "%s", "!"), -EMSGSIZE);
	assert_holds(&b, "hello");
	buf_fini(&b);
}

static void
a_demand_that_no_doubling_reaches_is_no_memory(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	assert_int_equal(buf_add_str(&b, "abc"), 0);
	assert_int_equal(buf_reserve(&b, SIZE_MAX - 10), -ENOMEM);
	assert_int_equal(buf_reserve(&b, SIZE_MAX / 2 + 1), -ENOMEM);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), -EMSGSIZE);
	assert_holds(&b, "abc");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_has_allocated_nothing),
		cmocka_unit_test(what_goes_in_comes_out_in_order_however_it_is_cut),
		cmocka_unit_test(room_that_was_eaten_is_used_again_before_it_grows),
		cmocka_unit_test(an_emptied_buffer_starts_over),
		cmocka_unit_test(what_is_beyond_the_bound_is_refused_and_changes_nothing),
		cmocka_unit_test(a_buffer_of_nothing_takes_nothing),
		cmocka_unit_test(no_memory_is_reported_and_changes_nothing),
		cmocka_unit_test(reserved_bytes_count_once_they_are_committed),
		cmocka_unit_test(formatted_text_is_added_without_its_nul),
		cmocka_unit_test(formatted_text_may_fill_it_to_the_last_byte),
		cmocka_unit_test(a_demand_that_no_doubling_reaches_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
