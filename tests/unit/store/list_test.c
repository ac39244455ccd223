/* SPDX-License-Identifier: MIT */
#include "fixture.h"

/* Jobs 0..N-1; the last two digits of the id say which. */
#define N_JOBS 70

static const char *
id_of(struct fixture *f, size_t i)
{
	return arena_printf(&f->arena, "00000000-0000-4000-8000-0000000000%02zu", i);
}

/* Job i is in state i % 3, group "g<i % 2>" or none, named after its tens, labelled i % 5. */
static void
put_jobs(struct fixture *f)
{
	struct store_label label = { "mod", NULL };
	struct store_job job;
	size_t i;

	assert_ok(store_begin(f->store, &f->err), &f->err);
	assert_ok(store_commit(f->store, &f->err), &f->err);
	for (i = 0; i < N_JOBS; i++) {
		job = plain_job(id_of(f, i));
		job.state = (int64_t)(i % 3);
		job.grp = i % 4 == 3 ? "" : arena_printf(&f->arena, "g%zu", i % 2);
		job.name = arena_printf(&f->arena, "n%zu", i / 10);
		job.closed_ns = i % 7 ? 1 : 0;
		label.value = arena_printf(&f->arena, "%zu", i % 5);
		assert_ok(store_job_insert(f->store, &job, PARTS(&label, 1, NULL, 0), &f->err),
			  &f->err);
	}
}

static bool
is_wanted(const struct store_filter *filter, const struct store_job *job, size_t i)
{
	char mod[8];

	(void)snprintf(mod, sizeof mod, "%zu", i % 5);
	return (!filter->before || job->number < filter->before) &&
	       (!filter->states || filter->states >> job->state & 1) &&
	       (!filter->grp || !*filter->grp || strcmp(filter->grp, job->grp) == 0) &&
	       (!filter->name || !*filter->name || strcmp(filter->name, job->name) == 0) &&
	       (!filter->label_key || !*filter->label_key ||
		(strcmp(filter->label_key, "mod") == 0 && strcmp(filter->label_value, mod) == 0));
}

/* Against the simplest possible model: all of them, looked at one by one. */
static void
assert_lists_right(struct fixture *f, const struct store_job *all, struct store_filter filter,
		   size_t at_least)
{
	struct store_job *got;
	size_t n, i, want = 0;

	assert_ok(store_jobs_list(f->store, &f->arena, &filter, &got, &n, &f->err), &f->err);
	for (i = N_JOBS; i-- > 0 && want < filter.limit;)
		if (is_wanted(&filter, &all[i], i)) {
			assert_true(want < n);
			assert_string_equal(got[want].id, all[i].id);
			want++;
		}
	assert_int_equal(n, want);
	assert_true(want >= at_least);
}

static void
a_list_holds_what_its_filter_says_newest_first(void **state)
{
	struct fixture *f = *state;
	struct store_job all[N_JOBS];
	size_t i;

	put_jobs(f);
	for (i = 0; i < N_JOBS; i++)
		assert_int_equal(store_job_get(f->store, &f->arena, id_of(f, i), &all[i], &f->err),
				 1);
#define LIST(at_least, ...) \
	assert_lists_right(f, all, (struct store_filter){ __VA_ARGS__ }, at_least)
	LIST(N_JOBS, .limit = 1000);
	LIST(N_JOBS, .limit = N_JOBS);
	LIST(10, .limit = 10);
	LIST(0, .limit = 0);
	LIST(5, .limit = 5, .before = all[40].number);
	LIST(40, .limit = 1000, .before = all[40].number);
	LIST(0, .limit = 1000, .before = all[0].number);
	LIST(20, .limit = 1000, .states = 1 << 1);
	LIST(40, .limit = 1000, .states = 1 << 0 | 1 << 2);
	LIST(0, .limit = 1000, .states = 1ULL << 40);
	LIST(10, .limit = 1000, .grp = "g0");
	LIST(10, .limit = 1000, .grp = "g1", .name = "");
	LIST(10, .limit = 1000, .name = "n3");
	LIST(0, .limit = 1000, .name = "n");
	LIST(0, .limit = 1000, .grp = "G0");
	LIST(14, .limit = 1000, .label_key = "mod", .label_value = "4");
	LIST(0, .limit = 1000, .label_key = "mod", .label_value = "5");
	LIST(0, .limit = 1000, .label_key = "other", .label_value = "4");
	LIST(1, .limit = 1000, .label_key = "mod", .label_value = "1", .grp = "g1", .name = "n2",
	     .states = 1 << 0, .before = all[60].number);
#undef LIST
}

static void
what_must_be_looked_after_is_what_is_not_closed_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct store_job *got;
	size_t n, i;

	assert_ok(store_jobs_open(f->store, &f->arena, 0, 100, &got, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
	put_jobs(f);
	assert_ok(store_jobs_open(f->store, &f->arena, 0, 100, &got, &n, &f->err), &f->err);
	assert_int_equal(n, N_JOBS / 7);
	for (i = 0; i < n; i++)
		assert_string_equal(got[i].id, id_of(f, i * 7));
	/* A piece at a time. */
	assert_ok(store_jobs_open(f->store, &f->arena, got[1].number, 2, &got, &n, &f->err),
		  &f->err);
	assert_int_equal(n, 2);
	assert_string_equal(got[0].id, id_of(f, 2 * 7));
	assert_string_equal(got[1].id, id_of(f, 3 * 7));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_store(a_list_holds_what_its_filter_says_newest_first),
		unit_test_in_store(what_must_be_looked_after_is_what_is_not_closed_oldest_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
