/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static const struct store_key key = { "uid:1", "/Start", "k1", 0xfedcba9876543210 };

static int64_t
put_with_key(struct fixture *f, const char *id, const struct store_key *k, int64_t now_ns)
{
	struct store_job job = plain_job(id);

	assert_ok(store_job_insert(f->store, &job, PARTS(NULL, 0, k, now_ns), &f->err), &f->err);
	return job.number;
}

static bool
is_known(struct fixture *f, const struct store_key *k)
{
	char id[ID_SIZE];
	uint64_t hash;
	int rc = store_key_get(f->store, k, id, &hash, &f->err);

	assert_true(rc == 0 || rc == 1);
	return rc;
}

static void
a_key_leads_to_its_job_and_to_the_hash_of_its_request(void **state)
{
	struct fixture *f = *state;
	char id[ID_SIZE];
	uint64_t hash = 0;

	assert_false(is_known(f, &key));
	(void)put_with_key(f, ID_A, &key, 1);
	fixture_reopen(f);
	assert_int_equal(store_key_get(f->store, &key, id, &hash, &f->err), 1);
	assert_string_equal(id, ID_A);
	assert_true(hash == key.hash);
}

static void
the_same_key_of_another_caller_or_method_is_another_key(void **state)
{
	static const struct store_key others[] = {
		{ "uid:2", "/Start", "k1", 1 },
		{ "uid:1", "/Stop", "k1", 2 },
		{ "uid:1", "/Start", "K1", 3 },
		{ "uid:1", "/Start", "k1 ", 4 },
	};
	struct fixture *f = *state;
	size_t i;

	(void)put_with_key(f, ID_A, &key, 1);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(is_known(f, &others[i]));
	(void)put_with_key(f, ID_B, &others[0], 1);
	assert_true(is_known(f, &others[0]));
	assert_true(is_known(f, &key));
}

static void
a_key_outlives_its_job(void **state)
{
	struct fixture *f = *state;
	int64_t number = put_with_key(f, ID_A, &key, 1);
	char id[ID_SIZE];
	uint64_t hash;

	assert_ok(store_job_delete(f->store, number, &f->err), &f->err);
	fixture_reopen(f);
	assert_int_equal(store_key_get(f->store, &key, id, &hash, &f->err), 1);
	assert_string_equal(id, ID_A);
}

static void
only_old_keys_of_jobs_that_are_gone_are_forgotten(void **state)
{
	static const struct store_key old_gone = { "p", "m", "old gone", 1 };
	static const struct store_key old_alive = { "p", "m", "old alive", 1 };
	static const struct store_key new_gone = { "p", "m", "new gone", 1 };
	struct fixture *f = *state;
	int64_t a = put_with_key(f, ID_A, &old_gone, 99);
	int64_t c;

	(void)put_with_key(f, ID_B, &old_alive, 1);
	c = put_with_key(f, ID_C, &new_gone, 100);
	assert_ok(store_job_delete(f->store, a, &f->err), &f->err);
	assert_ok(store_job_delete(f->store, c, &f->err), &f->err);

	assert_ok(store_keys_prune(f->store, 99, &f->err), &f->err);
	assert_true(is_known(f, &old_gone));
	assert_ok(store_keys_prune(f->store, 100, &f->err), &f->err);
	assert_false(is_known(f, &old_gone));
	assert_true(is_known(f, &old_alive));
	assert_true(is_known(f, &new_gone));
	assert_ok(store_keys_prune(f->store, 101, &f->err), &f->err);
	assert_true(is_known(f, &old_alive));
	assert_false(is_known(f, &new_gone));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_store(a_key_leads_to_its_job_and_to_the_hash_of_its_request),
		unit_test_in_store(the_same_key_of_another_caller_or_method_is_another_key),
		unit_test_in_store(a_key_outlives_its_job),
		unit_test_in_store(only_old_keys_of_jobs_that_are_gone_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
