/* SPDX-License-Identifier: MIT */
/*
 * A disk that refuses: what was taken is exact, and nothing is lost, doubled or out of order once
 * it works again.
 */
#include "outlog/fixture.h"

#include <signal.h>
#include <sys/resource.h>

static const int errnums[] = { ENOSPC, EDQUOT, EIO, EMFILE };
static const enum sys_call calls[] = { SYS_PWRITE, SYS_OPENAT };

/* Everything that is stored, in all views, as a reader sees it that comes now. */
static void
check_all(const struct fixture *f)
{
	uint64_t at, len, end;
	int view;

	for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++) {
		end = view == OUTLOG_VIEW_COMBINED ? f->model.sum : f->model.stored[view];
		for (at = 0; at <= end; at += len + 1) {
			check_at(f, (enum outlog_view)view, at, 50000);
			at = model_expect(&f->model, (enum outlog_view)view, at, 50000, &len);
		}
	}
}

static void
check_streams(const struct fixture *f)
{
	struct outlog_reader *r = reader_of(f);

	model_check(&f->model, r, MODEL_FRESH, OUTLOG_VIEW_OUT, 0, 100000, 0);
	model_check(&f->model, r, MODEL_FRESH, OUTLOG_VIEW_ERR, 0, 100000, 0);
	outlog_reader_free(r);
}

/* The same pieces each time; some share an entry, some do not fit into one segment. */
static const struct piece {
	enum outlog_stream stream;
	int64_t later_ns;
	size_t len;
} pieces[] = {
	{ OUTLOG_OUT, 0, 10 },    { OUTLOG_OUT, NS_PER_MS, 20 },       { OUTLOG_ERR, 0, 5 },
	{ OUTLOG_OUT, 0, 9000 },  { OUTLOG_OUT, 20 * NS_PER_MS, 100 }, { OUTLOG_ERR, 0, 20000 },
	{ OUTLOG_ERR, 0, 1 },     { OUTLOG_OUT, NS_PER_S, 1 },         { OUTLOG_ERR, -NS_PER_S, 7 },
	{ OUTLOG_OUT, 0, 30000 },
};

/* One life in which the `nth` call fails and works again at the next try. How many appends failed.
 */
static int
live_with(struct temp *temp, enum sys_call call, unsigned nth, int errnum)
{
	size_t i, left, taken;
	struct fixture f;
	int failed = 0, rc;

	begin(&f, temp, 65536, OUTLOG_DROP_OLDEST);
	sys_fail(call, nth, errnum);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		f.now += pieces[i].later_ns;
		for (left = pieces[i].len; left; left -= taken) {
			rc = model_append(&f.model, f.log, pieces[i].stream, f.now, left, &taken);
			if (rc == 0)
				continue;
			assert_int_equal(rc, -errnum);
			failed++;
			sys_heal();
			check_streams(&f); /* an entry may be missing, but no byte */
		}
	}
	sys_heal();
	assert_int_equal(outlog_flush(f.log), 0);
	check_all(&f);
	finish(&f);
	return failed;
}

static void
whichever_call_fails_nothing_is_lost_or_doubled(void **state)
{
	size_t c, e;
	unsigned nth;
	void *temp;

	(void)state;
	need_faults();
	for (c = 0; c < ARRAY_SIZE(calls); c++)
		for (e = 0; e < ARRAY_SIZE(errnums); e++)
			for (nth = 1;; nth++) {
				int failed;

				assert_int_equal(temp_setup(&temp), 0);
				failed = live_with(temp, calls[c], nth, errnums[e]);
				assert_int_equal(temp_teardown(&temp), 0);
				if (!failed && nth > 3)
					break; /* beyond the last call of all */
				assert_true(nth < 100);
			}
}

static void
an_entry_that_is_refused_goes_before_the_next_bytes(void **state)
{
	struct fixture f;
	size_t taken;

	need_faults();
	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_OUT, 10);
	sys_fail(SYS_PWRITE, 2, ENOSPC);
	f.now += NS_PER_S;
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_ERR, f.now, 10, &taken), 0);
	assert_int_equal(outlog_flush(f.log), -ENOSPC);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_OUT, f.now, 10, &taken), -ENOSPC);
	assert_int_equal(taken, 0);
	sys_heal();
	assert_int_equal(outlog_flush(f.log), 0);
	assert_int_equal(outlog_flush(f.log), 0);
	check_all(&f);
	put(&f, OUTLOG_OUT, 10);
	check_all(&f);
	finish(&f);
}

static void
a_segment_whose_first_bytes_were_refused_is_not_dropped_twice(void **state)
{
	struct fixture f;
	size_t taken;

	need_faults();
	begin(&f, *state, 65536, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_ERR, 10);
	sys_fail(SYS_PWRITE, 1, ENOSPC);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_OUT, f.now, 100, &taken), -ENOSPC);
	sys_heal();
	put(&f, OUTLOG_ERR, 20000); /* so long that stdout's segment would be too old */
	put(&f, OUTLOG_OUT, 100);
	check_all(&f);
	while (f.model.start[OUTLOG_ERR] < 50000) {
		put(&f, OUTLOG_ERR, 1000);
		check_all(&f);
	}
	finish(&f);
}

static void
a_reader_that_met_an_empty_segment_sees_its_bytes_when_they_come(void **state)
{
	struct outlog_reader *r;
	struct fixture f;
	size_t taken;
	int i;

	need_faults();
	begin(&f, *state, 65536, OUTLOG_DROP_OLDEST);
	sys_fail(SYS_PWRITE, 2, ENOSPC); /* behind the header of the index */
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_OUT, f.now, 100, &taken), -ENOSPC);
	sys_heal();
	r = reader_of(&f);
	model_check(&f.model, r, MODEL_FRESH, OUTLOG_VIEW_OUT, 0, 100, 0);
	for (i = 0; i < 100; i++)
		put(&f, OUTLOG_ERR, 1000);
	assert_true(f.model.start[OUTLOG_ERR] > 0);
	put(&f, OUTLOG_OUT, 100);
	model_check(&f.model, r, MODEL_FRESH, OUTLOG_VIEW_OUT, 0, 100, 0);
	outlog_reader_free(r);
	finish(&f);
}

static void
a_log_of_which_nothing_was_taken_is_freed(void **state)
{
	struct fixture f;
	size_t taken;

	need_faults();
	begin(&f, *state, 65536, OUTLOG_DROP_OLDEST);
	sys_fail(SYS_PWRITE, 2, ENOSPC);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_OUT, f.now, 100, &taken), -ENOSPC);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_ERR, f.now, 100, &taken), -ENOSPC);
	sys_heal();
	check_all(&f);
	finish(&f);
}

/* No file may become larger than `limit`: writes are cut short there, in the middle of bytes and of
 * entries, and then refused. */
static void
live_up_to(struct temp *temp, rlim_t limit)
{
	size_t i, left, taken = 0;
	struct rlimit old, small;
	struct fixture f;
	int rc;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = limit;
	begin(&f, temp, 0, OUTLOG_DROP_OLDEST);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (i = 0; i < 12; i++) {
		f.now += NS_PER_S;
		for (left = 30; left; left -= taken) {
			rc = model_append(&f.model, f.log, (enum outlog_stream)(i % 3 == 1), f.now,
					  left, &taken);
			if (rc < 0)
				assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
			if (rc < 0 && rc != -EFBIG)
				assert_int_equal(rc, -ENOSPC);
		}
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(outlog_flush(f.log), 0);
	check_all(&f);
	finish(&f);
}

static void
a_write_that_is_cut_short_counts_as_far_as_it_went(void **state)
{
	rlim_t limit;
	void *temp;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	for (limit = 0; limit < 420; limit += 1 + limit / 64) {
		assert_int_equal(temp_setup(&temp), 0);
		live_up_to(temp, limit);
		assert_int_equal(temp_teardown(&temp), 0);
	}
}

/* A disk that fails at random and works again at random, under a cap. */
static void
a_fickle_disk_costs_nothing_but_tries(void **state)
{
	uint32_t random = 4711;
	struct fixture f;
	size_t taken, len;
	int i;

	need_faults();
	begin(&f, *state, 16384, OUTLOG_DROP_OLDEST);
	for (i = 0; i < 3000; i++) {
		if (model_random(&random) % 4 == 0)
			sys_fail(calls[model_random(&random) % 8 == 0],
				 1 + model_random(&random) % 4,
				 errnums[model_random(&random) % ARRAY_SIZE(errnums)]);
		else if (model_random(&random) % 4 == 0)
			sys_heal();
		f.now += model_random(&random) % 2 ? 0 : MODEL_MERGE_NS;
		len = model_random(&random) % (model_random(&random) % 16 ? 100 : 5000);
		(void)model_append(&f.model, f.log,
				   (enum outlog_stream)(model_random(&random) % 4 == 0), f.now, len,
				   &taken);
		if (i % 20 == 0) {
			sys_heal();
			assert_int_equal(outlog_flush(f.log), 0);
			check_all(&f);
		}
	}
	assert_true(f.model.start[OUTLOG_OUT] > 100000); /* much of it was taken, and dropped */
	finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whichever_call_fails_nothing_is_lost_or_doubled),
		unit_test_in_temp(an_entry_that_is_refused_goes_before_the_next_bytes),
		unit_test_in_temp(a_segment_whose_first_bytes_were_refused_is_not_dropped_twice),
		unit_test_in_temp(a_reader_that_met_an_empty_segment_sees_its_bytes_when_they_come),
		unit_test_in_temp(a_log_of_which_nothing_was_taken_is_freed),
		cmocka_unit_test(a_write_that_is_cut_short_counts_as_far_as_it_went),
		unit_test_in_temp(a_fickle_disk_costs_nothing_but_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
