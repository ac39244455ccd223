/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/map.h"

#define KEYS 300

struct item {
	char key[16];
	bool in;
	unsigned seen;
};

static struct item *
items_new(void)
{
	struct item *items = calloc(KEYS, sizeof *items);
	size_t i;

	assert_non_null(items);
	for (i = 0; i < KEYS; i++)
		(void)snprintf(items[i].key, sizeof items[i].key, "key-%zu", i);
	return items;
}

/* The map against the plain truth: every key, the count, and one walk. */
static void
assert_agrees(const struct map *m, struct item *items)
{
	size_t i, it, n = 0;
	struct item *v;

	for (i = 0; i < KEYS; i++) {
		assert_ptr_equal(map_get(m, items[i].key), items[i].in ? &items[i] : NULL);
		items[i].seen = 0;
		n += items[i].in;
	}
	assert_int_equal(m->len, n);
	map_for_each (m, it, v)
		v->seen++;
	for (i = 0; i < KEYS; i++)
		assert_int_equal(items[i].seen, items[i].in);
}

static void
an_empty_map_knows_nothing(void **state)
{
	struct map m = { 0 };
	size_t it = 0;

	(void)state;
	assert_null(map_get(&m, "x"));
	assert_null(map_remove(&m, "x"));
	assert_null(map_next(&m, &it));
	map_fini(&m);
}

static void
a_key_finds_its_value_until_it_is_removed(void **state)
{
	struct map m = { 0 };
	int one = 1, two = 2;

	(void)state;
	assert_int_equal(map_put(&m, "one", &one), 0);
	assert_int_equal(map_put(&m, "two", &two), 0);
	assert_ptr_equal(map_get(&m, "one"), &one);
	assert_ptr_equal(map_get(&m, "two"), &two);
	assert_ptr_equal(map_remove(&m, "one"), &one);
	assert_null(map_get(&m, "one"));
	assert_null(map_remove(&m, "one"));
	assert_ptr_equal(map_get(&m, "two"), &two);
	assert_int_equal(map_put(&m, "one", &two), 0);
	assert_ptr_equal(map_get(&m, "one"), &two);
	map_fini(&m);
	assert_null(map_get(&m, "two"));
}

static void
a_key_is_its_text_and_not_its_address(void **state)
{
	char key[] = "key", same[] = "key", empty[] = "";
	struct map m = { 0 };
	int value;

	(void)state;
	assert_int_equal(map_put(&m, key, &value), 0);
	assert_ptr_equal(map_get(&m, same), &value);
	assert_null(map_get(&m, empty));
	assert_int_equal(map_put(&m, empty, &value), 0);
	assert_ptr_equal(map_remove(&m, ""), &value);
	assert_null(map_get(&m, ""));
	map_fini(&m);
}

static void
a_second_value_for_a_key_is_refused(void **state)
{
	struct map m = { 0 };
	int one, two;

	(void)state;
	assert_int_equal(map_put(&m, "k", &one), 0);
	assert_int_equal(map_put(&m, "k", &two), -EEXIST);
	assert_ptr_equal(map_get(&m, "k"), &one);
	assert_int_equal(m.len, 1);
	map_fini(&m);
}

static void
it_agrees_with_the_truth_after_every_of_many_steps(void **state)
{
	struct item *items = items_new();
	uint32_t random = 1;
	struct map m = { 0 };
	int step;

	(void)state;
	for (step = 0; step < 3000; step++) {
		struct item *item;

		random = random * 1664525 + 1013904223;
		item = &items[(random >> 8) % KEYS];
		if (item->in)
			assert_ptr_equal(map_remove(&m, item->key), item);
		else
			assert_int_equal(map_put(&m, item->key, item), 0);
		item->in = !item->in;
		if (step % 10 == 0)
			assert_agrees(&m, items);
	}
	assert_agrees(&m, items);
	map_fini(&m);
	free(items);
}

static void
the_value_just_met_may_be_removed_on_the_walk(void **state)
{
	struct item *items = items_new(), *v;
	struct map m = { 0 };
	size_t i, it;

	(void)state;
	for (i = 0; i < KEYS; i++) {
		assert_int_equal(map_put(&m, items[i].key, &items[i]), 0);
		items[i].in = i % 3 != 0;
	}
	map_for_each (&m, it, v)
		if (!v->in)
			assert_ptr_equal(map_remove(&m, v->key), v);
	assert_agrees(&m, items);
	map_fini(&m);
	free(items);
}

static void
coming_and_going_does_not_make_it_grow(void **state)
{
	struct item *items = items_new();
	struct map m = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 100000; i++) {
		assert_int_equal(map_put(&m, items[i % KEYS].key, &items[i % KEYS]), 0);
		assert_ptr_equal(map_remove(&m, items[i % KEYS].key), &items[i % KEYS]);
	}
	assert_int_equal(m.len, 0);
	assert_true(m.cap <= 16);
	map_fini(&m);
	free(items);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_knows_nothing),
		cmocka_unit_test(a_key_finds_its_value_until_it_is_removed),
		cmocka_unit_test(a_key_is_its_text_and_not_its_address),
		cmocka_unit_test(a_second_value_for_a_key_is_refused),
		cmocka_unit_test(it_agrees_with_the_truth_after_every_of_many_steps),
		cmocka_unit_test(the_value_just_met_may_be_removed_on_the_walk),
		cmocka_unit_test(coming_and_going_does_not_make_it_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
