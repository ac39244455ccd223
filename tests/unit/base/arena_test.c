/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/arena.h"

#define PIECES 500

static void
pieces_are_aligned_and_do_not_touch_each_other(void **state)
{
	unsigned char *pieces[PIECES];
	size_t sizes[PIECES], i, j;
	struct arena a;

	(void)state;
	arena_init(&a, (size_t)4 << 20);
	for (i = 0; i < PIECES; i++) {
		/* every 50th is larger than a block */
		sizes[i] = i % 50 == 49 ? 5000 + i : i * 37 % 300;
		pieces[i] = arena_alloc(&a, sizes[i]);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)i, sizes[i]);
	}
	for (i = 0; i < PIECES; i++)
		for (j = 0; j < sizes[i]; j++)
			assert_int_equal(pieces[i][j], i & 0xff);
	arena_fini(&a);
}

static void
a_large_piece_leaves_the_room_of_the_block_in_use(void **state)
{
	struct arena a;
	char *first, *second;

	(void)state;
	arena_init(&a, (size_t)1 << 20);
	first = arena_alloc(&a, 64);
	assert_non_null(arena_alloc(&a, 100000));
	second = arena_alloc(&a, 64);
	assert_ptr_equal(second, first + 64);
	arena_fini(&a);
}

static void
beyond_the_budget_there_is_no_memory(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1024);
	assert_null(arena_alloc(&a, 1025));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_non_null(arena_alloc(&a, 1000));
	assert_null(arena_alloc(&a, 17));
	assert_non_null(arena_alloc(&a, 16));
	assert_int_equal(a.used, 1024);
	assert_null(arena_alloc(&a, 1));
	assert_null(arena_alloc(&a, 0));
	assert_null(arena_zalloc(&a, 1));
	assert_null(arena_copy(&a, "x", 1));
	assert_null(arena_strdup(&a, "x"));
	assert_null(arena_printf(&a, "%d", 1));
	assert_int_equal(a.used, 1024);
	arena_fini(&a);
}

static void
the_budget_counts_the_pieces_of_all_blocks(void **state)
{
	struct arena a;
	size_t n = 0;

	(void)state;
	arena_init(&a, 100000);
	while (arena_alloc(&a, 1000))
		n++;
	assert_int_equal(n, 100000 / 1008);
	arena_fini(&a);
}

static void
pieces_of_no_size_are_distinct(void **state)
{
	struct arena a;
	char *first, *second;

	(void)state;
	arena_init(&a, 1000);
	first = arena_alloc(&a, 0);
	second = arena_alloc(&a, 0);
	assert_non_null(first);
	assert_non_null(second);
	assert_ptr_not_equal(first, second);
	arena_fini(&a);
}

static void
an_ended_arena_is_empty_and_has_its_budget_again(void **state)
{
	struct arena a, zeroed = { 0 };

	(void)state;
	arena_init(&a, 1600);
	assert_non_null(arena_alloc(&a, 1600));
	arena_fini(&a);
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 1600));
	arena_fini(&a);
	arena_fini(&zeroed);
	assert_null(arena_alloc(&zeroed, 1));
}

/* Leave memory behind that is anything but zero for the next arena. */
static void
leave_dirt(void)
{
	struct arena a;

	arena_init(&a, 10000);
	memset(arena_alloc(&a, 4000), 0xff, 4000);
	arena_fini(&a);
}

static void
cleared_memory_is_cleared_where_it_was_used_before(void **state)
{
	struct arena a;
	unsigned char *p;
	size_t i;

	(void)state;
	leave_dirt();
	arena_init(&a, 10000);
	p = arena_zalloc(&a, 3000);
	for (i = 0; i < 3000; i++)
		assert_int_equal(p[i], 0);
	arena_fini(&a);
}

static void
copies_are_whole_and_end_with_a_nul(void **state)
{
	char text[] = "text";
	struct arena a;
	char *p;

	(void)state;
	leave_dirt();
	arena_init(&a, 10000);
	assert_memory_equal(arena_copy(&a, "a\0b", 3), "a\0b", 4);
	assert_string_equal(arena_copy(&a, NULL, 0), "");
	p = arena_strdup(&a, text);
	text[0] = 'n';
	assert_string_equal(p, "text");
	assert_string_equal(arena_printf(&a, "%s-%d", text, 42), "next-42");
	assert_string_equal(arena_printf(&a, "%s", ""), "");
	arena_fini(&a);
}

static void
a_size_that_wraps_when_it_is_rounded_up_is_no_memory(void **state)
{
	struct arena a;
	size_t less;

	(void)state;
	arena_init(&a, SIZE_MAX);
	for (less = 0; less < 64; less++)
		assert_null(arena_alloc(&a, SIZE_MAX - less));
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 1));
	arena_fini(&a);
}

static void
an_array_grows_by_doubling_and_keeps_what_it_has(void **state)
{
	struct arena a;
	int *v = NULL, *before;
	int i, n_moves = 0;

	(void)state;
	arena_init(&a, 1 << 20);
	for (i = 0; i < 1000; i++) {
		before = v;
		v = arena_grow(&a, v, (size_t)i, sizeof *v);
		assert_non_null(v);
		n_moves += v != before;
		v[i] = i;
	}
	for (i = 0; i < 1000; i++)
		assert_int_equal(v[i], i);
	assert_int_equal(n_moves, 11); /* 1, 2, 4, ... 1024 */
	assert_null(arena_grow(&a, v, (size_t)1 << 62, sizeof *v));
	assert_null(arena_grow(&a, v, (size_t)1 << 20, sizeof *v)); /* the budget */
	arena_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_array_grows_by_doubling_and_keeps_what_it_has),
		cmocka_unit_test(pieces_are_aligned_and_do_not_touch_each_other),
		cmocka_unit_test(a_large_piece_leaves_the_room_of_the_block_in_use),
		cmocka_unit_test(beyond_the_budget_there_is_no_memory),
		cmocka_unit_test(the_budget_counts_the_pieces_of_all_blocks),
		cmocka_unit_test(pieces_of_no_size_are_distinct),
		cmocka_unit_test(an_ended_arena_is_empty_and_has_its_budget_again),
		cmocka_unit_test(cleared_memory_is_cleared_where_it_was_used_before),
		cmocka_unit_test(copies_are_whole_and_end_with_a_nul),
		cmocka_unit_test(a_size_that_wraps_when_it_is_rounded_up_is_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
