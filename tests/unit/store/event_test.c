/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static void
add(struct fixture *f, int64_t epoch, int64_t seq)
{
	unsigned char bytes[2] = { 0, (unsigned char)seq };
	struct store_event e = { .epoch = epoch,
				 .seq = seq,
				 .time_ns = epoch * 1000 + seq,
				 .kind = seq % 4,
				 .job_id = seq % 2 ? ID_A : "",
				 .grp = seq % 3 ? "g" : "",
				 .data = { bytes, sizeof bytes } };

	assert_ok(store_event_add(f->store, &e, &f->err), &f->err);
}

struct got {
	struct store_event *events;
	size_t n;
	bool gap;
};

static struct got
after(struct fixture *f, int64_t epoch, int64_t seq, size_t limit)
{
	struct store_event_filter filter = { epoch, seq, limit };
	struct got got;

	assert_ok(store_events_after(f->store, &f->arena, &filter, &got.events, &got.n, &got.gap,
				     &f->err),
		  &f->err);
	return got;
}

static void
an_event_comes_back_whole(void **state)
{
	struct fixture *f = *state;
	const struct store_event *e;
	struct got got;

	add(f, 1, 5);
	add(f, 1, 6);
	got = after(f, 1, 4, 10);
	assert_int_equal(got.n, 2);
	e = &got.events[0];
	assert_int_equal(e->epoch, 1);
	assert_int_equal(e->seq, 5);
	assert_int_equal(e->time_ns, 1005);
	assert_int_equal(e->kind, 1);
	assert_string_equal(e->job_id, ID_A);
	assert_string_equal(e->grp, "g");
	assert_int_equal(e->data.len, 2);
	assert_memory_equal(e->data.bytes, "\0\5", 2);
	assert_string_equal(got.events[1].job_id, "");
	assert_string_equal(got.events[1].grp, "");
}

static void
an_event_may_carry_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_event e = { .epoch = 1, .seq = 1, .job_id = "", .grp = "" };
	struct got got;

	assert_ok(store_event_add(f->store, &e, &f->err), &f->err);
	got = after(f, 0, 0, 10);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.events[0].data.len, 0);
}

static void
events_are_replayed_in_their_order_from_behind_the_point(void **state)
{
	static const int64_t order[][2] = { { 1, 1 }, { 1, 2 }, { 1, 10 }, { 2, 1 }, { 10, 1 } };
	struct fixture *f = *state;
	struct got got;
	size_t from, i;

	for (i = ARRAY_SIZE(order); i-- > 0;)
		add(f, order[i][0], order[i][1]);
	for (from = 0; from < ARRAY_SIZE(order); from++) {
		got = after(f, order[from][0], order[from][1], 100);
		assert_int_equal(got.n, ARRAY_SIZE(order) - from - 1);
		for (i = 0; i < got.n; i++) {
			assert_int_equal(got.events[i].epoch, order[from + 1 + i][0]);
			assert_int_equal(got.events[i].seq, order[from + 1 + i][1]);
		}
	}
	got = after(f, 1, 1, 2);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.events[1].seq, 10);
	/* What was cut off by a limit is no fault of the next call. */
	got = after(f, 1, 10, 2);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.events[0].epoch, 2);
}

static void
an_event_is_written_once(void **state)
{
	struct fixture *f = *state;
	struct store_event e = {
		.epoch = 1, .seq = 1, .job_id = "", .grp = "", .data = { "x", 1 }
	};

	add(f, 1, 1);
	assert_true(store_event_add(f->store, &e, &f->err) < 0);
	add(f, 1, 2);
}

static void
pruning_keeps_the_newest(void **state)
{
	struct fixture *f = *state;
	int64_t i;
	struct got got;

	for (i = 1; i <= 5; i++)
		add(f, 1, i);
	for (i = 1; i <= 5; i++)
		add(f, 2, i);
	assert_ok(store_events_prune(f->store, 10, &f->err), &f->err);
	assert_int_equal(after(f, 0, 0, 100).n, 10);
	assert_ok(store_events_prune(f->store, 7, &f->err), &f->err);
	got = after(f, 0, 0, 100);
	assert_int_equal(got.n, 7);
	assert_int_equal(got.events[0].epoch, 1);
	assert_int_equal(got.events[0].seq, 4);
	assert_ok(store_events_prune(f->store, 3, &f->err), &f->err);
	got = after(f, 0, 0, 100);
	assert_int_equal(got.n, 3);
	assert_int_equal(got.events[0].epoch, 2);
	assert_int_equal(got.events[0].seq, 3);
	assert_ok(store_events_prune(f->store, 0, &f->err), &f->err);
	assert_int_equal(after(f, 0, 0, 100).n, 0);
	/* Nothing to prune is no error. */
	assert_ok(store_events_prune(f->store, 0, &f->err), &f->err);
}

static void
a_point_before_what_was_pruned_is_a_gap_and_one_behind_it_is_none(void **state)
{
	static const struct {
		int64_t epoch, seq;
		bool gap;
	} rows[] = {
		{ 0, 0, true },  { 1, 0, true },  { 1, 2, true },  { 1, 3, false },
		{ 1, 4, false }, { 1, 6, false }, { 2, 0, false }, { 2, 3, false },
	};
	struct fixture *f = *state;
	int64_t i;
	size_t k;

	for (i = 1; i <= 6; i++)
		add(f, 1, i);
	for (i = 1; i <= 3; i++)
		add(f, 2, i);
	assert_false(after(f, 0, 0, 100).gap);
	assert_ok(store_events_prune(f->store, 6, &f->err), &f->err);
	for (k = 0; k < ARRAY_SIZE(rows); k++)
		if (after(f, rows[k].epoch, rows[k].seq, 100).gap != rows[k].gap)
			fail_msg("(%d, %d)", (int)rows[k].epoch, (int)rows[k].seq);
}

/* The whole of an epoch may be gone: who stood in its middle has missed the rest of it. */
static void
a_point_in_an_epoch_that_is_gone_is_a_gap(void **state)
{
	struct fixture *f = *state;
	int64_t i;

	for (i = 1; i <= 6; i++)
		add(f, 1, i);
	for (i = 1; i <= 3; i++)
		add(f, 2, i);
	assert_ok(store_events_prune(f->store, 3, &f->err), &f->err);
	assert_true(after(f, 1, 2, 100).gap);
	assert_true(after(f, 0, 0, 100).gap);
	assert_false(after(f, 2, 0, 100).gap);
	assert_ok(store_events_prune(f->store, 1, &f->err), &f->err);
	assert_true(after(f, 1, 2, 100).gap);
	assert_true(after(f, 2, 1, 100).gap);
	assert_false(after(f, 2, 2, 100).gap);
}

/* Also where the next epoch is there from its first event on, and where nothing is left at all. */
static void
a_point_in_an_epoch_that_is_gone_is_a_gap_whatever_is_left(void **state)
{
	struct fixture *f = *state;
	int64_t i;

	for (i = 1; i <= 6; i++)
		add(f, 1, i);
	add(f, 2, 1);
	assert_ok(store_events_prune(f->store, 1, &f->err), &f->err);
	assert_true(after(f, 1, 0, 100).gap);
	assert_true(after(f, 1, 5, 100).gap);
	assert_false(after(f, 1, 6, 100).gap);
	assert_false(after(f, 2, 0, 100).gap);
	assert_ok(store_events_prune(f->store, 0, &f->err), &f->err);
	assert_true(after(f, 2, 0, 100).gap);
	assert_false(after(f, 2, 1, 100).gap);
}

static void
events_that_were_lost_are_a_gap_for_those_before_them(void **state)
{
	struct fixture *f = *state;

	add(f, 2, 1);
	assert_ok(store_events_lose(f->store, 2, 3, &f->err), &f->err);
	add(f, 2, 4);
	/* The point never goes back. */
	assert_ok(store_events_lose(f->store, 2, 2, &f->err), &f->err);
	assert_ok(store_events_lose(f->store, 1, 9, &f->err), &f->err);
	assert_true(after(f, 2, 2, 100).gap);
	assert_true(after(f, 1, 100, 100).gap);
	assert_false(after(f, 2, 3, 100).gap);
	assert_int_equal(after(f, 2, 1, 100).n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_store(an_event_comes_back_whole),
		unit_test_in_store(an_event_may_carry_nothing),
		unit_test_in_store(events_are_replayed_in_their_order_from_behind_the_point),
		unit_test_in_store(an_event_is_written_once),
		unit_test_in_store(pruning_keeps_the_newest),
		unit_test_in_store(
			a_point_before_what_was_pruned_is_a_gap_and_one_behind_it_is_none),
		unit_test_in_store(a_point_in_an_epoch_that_is_gone_is_a_gap),
		unit_test_in_store(a_point_in_an_epoch_that_is_gone_is_a_gap_whatever_is_left),
		unit_test_in_store(events_that_were_lost_are_a_gap_for_those_before_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
