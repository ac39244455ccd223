/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <sys/syscall.h>
#include <unistd.h>

/* Each column with a value of its own: one that nobody binds or reads is noticed. `by`: another
 * set of values. */
static struct store_job
full_job(struct fixture *f, const char *id, int by)
{
	struct store_job job = { 0 };
	int64_t n = 1000 * by;

#define set_INT(name)      job.name = ++n;
#define set_TEXT(name)     job.name = arena_printf(&f->arena, "%s %d \xc3\xa4", #name, by);
#define COLUMN(type, name) set_##type(name)
#include "store/columns.def"
#undef COLUMN
	job.id = id;
	return job;
}

static void
assert_same_job(const struct store_job *got, const struct store_job *want)
{
	assert_int_equal(got->number, want->number);
#define same_INT(name)     assert_int_equal(got->name, want->name);
#define same_TEXT(name)    assert_string_equal(got->name, want->name);
#define COLUMN(type, name) same_##type(name)
#include "store/columns.def"
#undef COLUMN
}

static void
assert_stored(struct fixture *f, const struct store_job *want)
{
	struct store_job got;
	int rc = store_job_get(f->store, &f->arena, want->id, &got, &f->err);

	assert_int_equal(rc, 1);
	assert_same_job(&got, want);
}

static bool
exists(struct fixture *f, const char *id)
{
	struct store_job job;
	bool yes;
	int rc;

	assert_ok(store_job_exists(f->store, id, &yes, &f->err), &f->err);
	rc = store_job_get(f->store, &f->arena, id, &job, &f->err);
	assert_int_equal(rc, yes);
	return yes;
}

static void
every_column_comes_back_as_it_was_inserted(void **state)
{
	struct fixture *f = *state;
	struct store_job job = full_job(f, ID_A, 1), plain = plain_job(ID_B);

	assert_ok(store_job_insert(f->store, &job, PARTS(NULL, 0, NULL, 0), &f->err), &f->err);
	assert_true(job.number > 0);
	assert_ok(store_job_insert(f->store, &plain, PARTS(NULL, 0, NULL, 0), &f->err), &f->err);
	assert_true(plain.number > job.number);
	assert_stored(f, &job);
	assert_stored(f, &plain);
	assert_false(exists(f, ID_C));
}

static void
an_update_changes_every_column_of_its_own_row_and_of_no_other(void **state)
{
	struct fixture *f = *state;
	struct store_job job = full_job(f, ID_A, 1), other = full_job(f, ID_B, 2), changed;

	assert_ok(store_job_insert(f->store, &job, PARTS(NULL, 0, NULL, 0), &f->err), &f->err);
	assert_ok(store_job_insert(f->store, &other, PARTS(NULL, 0, NULL, 0), &f->err), &f->err);
	changed = full_job(f, ID_A, 3);
	changed.number = job.number;
	assert_ok(store_job_update(f->store, &changed, &f->err), &f->err);
	assert_stored(f, &changed);
	assert_stored(f, &other);
}

static void
the_extremes_of_a_number_come_back(void **state)
{
	static const int64_t values[] = { 0, -1, INT64_MAX, INT64_MIN, 1LL << 53 };
	struct fixture *f = *state;
	struct store_job job = put_job(f, ID_A);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		job.out_end = values[i];
		assert_ok(store_job_update(f->store, &job, &f->err), &f->err);
		assert_stored(f, &job);
	}
}

static void
an_id_is_taken_once_and_a_refused_insert_leaves_nothing(void **state)
{
	static const struct store_key key = { "p", "m", "k", 1 };
	static const struct store_label labels[] = { { "a", "1" } };
	struct fixture *f = *state;
	struct store_job job = plain_job(ID_A);
	struct err err = { 0 };
	char id[ID_SIZE];
	uint64_t hash;

	(void)put_job(f, ID_A);
	assert_int_equal(store_job_insert(f->store, &job, PARTS(labels, 1, &key, 0), &err),
			 ERR_INTERNAL);
	assert_int_equal(job.number, 0);
	assert_non_null(strstr(err.msg, "new job"));
	assert_int_equal(store_key_get(f->store, &key, id, &hash, &err), 0);
	assert_int_equal(number_of(f, "SELECT count(*) FROM labels"), 0);
	/* The transaction is over: the next one can begin. */
	(void)put_job(f, ID_B);
}

static void
a_key_that_is_taken_undoes_the_whole_insert(void **state)
{
	static const struct store_key key = { "p", "m", "k", 1 };
	static const struct store_label labels[] = { { "a", "1" } };
	struct fixture *f = *state;
	struct store_job job = plain_job(ID_A), second = plain_job(ID_B);
	struct err err = { 0 };

	assert_ok(store_job_insert(f->store, &job, PARTS(NULL, 0, &key, 0), &err), &err);
	assert_true(store_job_insert(f->store, &second, PARTS(labels, 1, &key, 0), &err) < 0);
	assert_int_equal(second.number, 0);
	assert_false(exists(f, ID_B));
	assert_int_equal(number_of(f, "SELECT count(*) FROM labels"), 0);
}

static void
a_number_is_never_given_twice(void **state)
{
	struct fixture *f = *state;
	int64_t number = put_job(f, ID_A).number;

	assert_ok(store_job_delete(f->store, number, &f->err), &f->err);
	fixture_reopen(f);
	assert_int_equal(put_job(f, ID_B).number, number + 1);
}

static void
labels_belong_to_their_job_in_the_order_of_their_keys_and_go_with_it(void **state)
{
	static const struct store_label labels[] = { { "zone", "north" },
						     { "", "" },
						     { "app", "w\xc3\xa4rme" } };
	static const struct store_label others[] = { { "zone", "south" } };
	struct fixture *f = *state;
	struct store_job job = plain_job(ID_A), other = plain_job(ID_B);
	struct store_label *got;
	size_t n;

	assert_ok(store_job_insert(f->store, &job, PARTS(labels, 3, NULL, 0), &f->err), &f->err);
	assert_ok(store_job_insert(f->store, &other, PARTS(others, 1, NULL, 0), &f->err), &f->err);
	assert_ok(store_labels_get(f->store, &f->arena, job.number, &got, &n, &f->err), &f->err);
	assert_int_equal(n, 3);
	assert_string_equal(got[0].key, "");
	assert_string_equal(got[0].value, "");
	assert_string_equal(got[1].key, "app");
	assert_string_equal(got[1].value, "w\xc3\xa4rme");
	assert_string_equal(got[2].key, "zone");
	assert_string_equal(got[2].value, "north");

	assert_ok(store_job_delete(f->store, job.number, &f->err), &f->err);
	assert_false(exists(f, ID_A));
	assert_ok(store_labels_get(f->store, &f->arena, job.number, &got, &n, &f->err), &f->err);
	assert_int_equal(n, 0);
	assert_int_equal(number_of(f, "SELECT count(*) FROM labels"), 1);
}

static void
more_labels_than_the_first_array_holds_come_back_whole(void **state)
{
	struct fixture *f = *state;
	struct store_label labels[40], *got;
	struct store_job job = plain_job(ID_A);
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(labels); i++) {
		labels[i].key = arena_printf(&f->arena, "key%02zu", i);
		labels[i].value = arena_printf(&f->arena, "value%zu", i);
	}
	assert_ok(store_job_insert(f->store, &job, PARTS(labels, ARRAY_SIZE(labels), NULL, 0),
				   &f->err),
		  &f->err);
	assert_ok(store_labels_get(f->store, &f->arena, job.number, &got, &n, &f->err), &f->err);
	assert_int_equal(n, ARRAY_SIZE(labels));
	for (i = 0; i < n; i++) {
		assert_string_equal(got[i].key, labels[i].key);
		assert_string_equal(got[i].value, labels[i].value);
	}
}

static void
an_id_is_found_by_its_beginning_and_two_are_said_to_be_two(void **state)
{
	static const struct {
		const char *prefix, *id;
		int count;
	} rows[] = {
		{ ID_A, ID_A, 1 },    { "aaaaaaaa", ID_A, 1 }, { "aaaaaaab-", ID_B, 1 },
		{ "bbbb", ID_C, 1 },  { "aaaaaaa", NULL, 2 },  { "", NULL, 2 },
		{ "cccc", NULL, 0 },  { "AAAAAAAA", NULL, 0 }, { "aaaa%", NULL, 0 },
		{ "aaaa_", NULL, 0 }, { ID_A "0", NULL, 0 },
	};
	struct fixture *f = *state;
	char id[ID_SIZE];
	int count;
	size_t i;

	(void)put_job(f, ID_A);
	(void)put_job(f, ID_B);
	(void)put_job(f, ID_C);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ok(store_id_by_prefix(f->store, rows[i].prefix, id, &count, &f->err),
			  &f->err);
		if (count != rows[i].count)
			fail_msg("'%s': %d", rows[i].prefix, count);
		if (rows[i].id)
			assert_string_equal(id, rows[i].id);
	}
}

static void
an_undone_job_is_as_if_it_had_never_been(void **state)
{
	static const struct store_key key = { "p", "m", "k", 7 }, other = { "p", "m", "o", 8 };
	static const struct store_label labels[] = { { "a", "1" } };
	struct fixture *f = *state;
	struct store_job job = plain_job(ID_A), stays = plain_job(ID_B);
	char id[ID_SIZE];
	uint64_t hash;

	assert_ok(store_job_insert(f->store, &job, PARTS(labels, 1, &key, 0), &f->err), &f->err);
	assert_ok(store_job_insert(f->store, &stays, PARTS(labels, 1, &other, 0), &f->err),
		  &f->err);
	assert_ok(store_job_undo(f->store, &job, &f->err), &f->err);
	assert_false(exists(f, ID_A));
	assert_int_equal(store_key_get(f->store, &key, id, &hash, &f->err), 0);
	assert_true(exists(f, ID_B));
	assert_int_equal(store_key_get(f->store, &other, id, &hash, &f->err), 1);
	assert_int_equal(number_of(f, "SELECT count(*) FROM labels"), 1);
	/* And may be asked for again. */
	job.number = 0;
	assert_ok(store_job_insert(f->store, &job, PARTS(labels, 1, &key, 0), &f->err), &f->err);
}

static void
what_was_asked_for_is_kept_beside_the_row_and_goes_with_it(void **state)
{
	static const unsigned char bytes[] = { 0, 1, 0xff, 0, 'x' };
	struct store_job_parts parts = { .spec = { bytes, sizeof bytes } };
	struct fixture *f = *state;
	struct store_job job = plain_job(ID_A), other = put_job(f, ID_B);
	struct store_blob spec;

	assert_ok(store_job_insert(f->store, &job, &parts, &f->err), &f->err);
	assert_int_equal(job.spec_bytes, sizeof bytes);
	assert_stored(f, &job);
	assert_int_equal(store_spec_get(f->store, &f->arena, job.number, &spec, &f->err), 1);
	assert_int_equal(spec.len, sizeof bytes);
	assert_memory_equal(spec.bytes, bytes, sizeof bytes);
	assert_int_equal(store_spec_get(f->store, &f->arena, other.number, &spec, &f->err), 1);
	assert_int_equal(spec.len, 0);
	assert_ok(store_job_delete(f->store, job.number, &f->err), &f->err);
	assert_int_equal(store_spec_get(f->store, &f->arena, job.number, &spec, &f->err), 0);
	assert_int_equal(number_of(f, "SELECT count(*) FROM specs"), 1);
}

static unsigned syncs;

/* SQLite's calls come here. */
int fdatasync(int fd);
int
fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static void
only_a_job_that_is_to_be_power_safe_waits_for_the_disk(void **state)
{
	struct store_job_parts parts = { .power_safe = true };
	struct fixture *f = *state;
	struct store_job job = plain_job(ID_B);

	(void)put_job(f, ID_A); /* a new log begins with a sync */
	syncs = 0;
	assert_ok(store_job_insert(f->store, &job, &parts, &f->err), &f->err);
	assert_int_not_equal(syncs, 0);
	syncs = 0;
	(void)put_job(f, ID_C);
	assert_int_equal(syncs, 0);
}

static void
too_small_an_arena_is_an_error_and_harms_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_job job = full_job(f, ID_A, 1), got, *list;
	struct arena small;
	struct err err = { 0 };
	size_t n;

	job.closed_ns = 0;
	assert_ok(store_job_insert(f->store, &job, PARTS(NULL, 0, NULL, 0), &err), &err);
	arena_init(&small, 40);
	assert_int_equal(store_job_get(f->store, &small, ID_A, &got, &err), ERR_RESOURCE_EXHAUSTED);
	assert_int_equal(store_jobs_open(f->store, &small, 0, 10, &list, &n, &err),
			 ERR_RESOURCE_EXHAUSTED);
	arena_fini(&small);
	assert_stored(f, &job);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_store(every_column_comes_back_as_it_was_inserted),
		unit_test_in_store(an_update_changes_every_column_of_its_own_row_and_of_no_other),
		unit_test_in_store(the_extremes_of_a_number_come_back),
		unit_test_in_store(an_id_is_taken_once_and_a_refused_insert_leaves_nothing),
		unit_test_in_store(a_key_that_is_taken_undoes_the_whole_insert),
		unit_test_in_store(a_number_is_never_given_twice),
		unit_test_in_store(
			labels_belong_to_their_job_in_the_order_of_their_keys_and_go_with_it),
		unit_test_in_store(more_labels_than_the_first_array_holds_come_back_whole),
		unit_test_in_store(an_id_is_found_by_its_beginning_and_two_are_said_to_be_two),
		unit_test_in_store(an_undone_job_is_as_if_it_had_never_been),
		unit_test_in_store(what_was_asked_for_is_kept_beside_the_row_and_goes_with_it),
		unit_test_in_store(only_a_job_that_is_to_be_power_safe_waits_for_the_disk),
		unit_test_in_store(too_small_an_arena_is_an_error_and_harms_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
