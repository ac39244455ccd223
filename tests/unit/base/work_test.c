/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "base/work.h"

#define WORKS 300

struct step {
	struct work work;
	struct work_pool *pool;
	struct step *then; /* submitted by done() */
	pthread_t ran_on, done_on;
	unsigned order;   /* in which run() was called, from 1 */
	unsigned ran;     /* how often run() and done() were called */
	unsigned is_done; /* ... */
	unsigned dropped;
	sigset_t blocked;
	sem_t *started, *go; /* where set: run() tells, then waits */
};

static atomic_uint runs, dones;

static void
step_run(struct work *w)
{
	struct step *s = container_of(w, struct step, work);

	s->order = atomic_fetch_add(&runs, 1) + 1;
	s->ran_on = pthread_self();
	(void)pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
	if (s->started)
		(void)sem_post(s->started);
	while (s->go && sem_wait(s->go) < 0)
		;
	s->ran++;
}

static void
step_done(struct work *w)
{
	struct step *s = container_of(w, struct step, work);

	s->is_done++;
	s->done_on = pthread_self();
	atomic_fetch_add(&dones, 1);
	if (s->then)
		work_submit(s->pool, &s->then->work);
}

static void
step_drop(struct work *w)
{
	container_of(w, struct step, work)->dropped++;
}

static struct work_pool *
pool_new(unsigned threads)
{
	struct work_pool *pool = NULL;
	struct err err = { 0 };

	atomic_store(&runs, 0);
	atomic_store(&dones, 0);
	assert_ok(work_pool_new(threads, &pool, &err), &err);
	return pool;
}

static struct step *
steps_new(struct work_pool *pool, size_t n)
{
	struct step *steps = calloc(n, sizeof *steps);
	size_t i;

	assert_non_null(steps);
	for (i = 0; i < n; i++) {
		steps[i].work.run = step_run;
		steps[i].work.done = step_done;
		steps[i].work.drop = step_drop;
		steps[i].pool = pool;
	}
	return steps;
}

static void
collect_until(struct work_pool *pool, unsigned n)
{
	struct pollfd p = { .fd = work_pool_fd(pool), .events = POLLIN };

	while (atomic_load(&dones) < n) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		work_pool_collect(pool);
	}
}

static bool
is_readable(const struct work_pool *pool)
{
	struct pollfd p = { .fd = work_pool_fd(pool), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void
works_start_in_the_order_of_submission(void **state)
{
	struct work_pool *pool = pool_new(1);
	struct step *steps = steps_new(pool, WORKS);
	size_t i;

	(void)state;
	for (i = 0; i < WORKS; i++)
		work_submit(pool, &steps[i].work);
	collect_until(pool, WORKS);
	for (i = 0; i < WORKS; i++)
		assert_int_equal(steps[i].order, i + 1);
	work_pool_free(pool);
	free(steps);
}

static void
run_is_on_a_thread_of_the_pool_and_done_on_the_collecting_one(void **state)
{
	struct work_pool *pool = pool_new(4);
	struct step *steps = steps_new(pool, WORKS);
	size_t i;

	(void)state;
	for (i = 0; i < WORKS; i++)
		work_submit(pool, &steps[i].work);
	collect_until(pool, WORKS);
	for (i = 0; i < WORKS; i++) {
		assert_int_equal(steps[i].ran, 1);
		assert_int_equal(steps[i].is_done, 1);
		assert_false(pthread_equal(steps[i].ran_on, pthread_self()));
		assert_true(pthread_equal(steps[i].done_on, pthread_self()));
	}
	work_pool_free(pool);
	free(steps);
}

static void
several_threads_run_several_works_at_once(void **state)
{
	struct work_pool *pool = pool_new(2);
	struct step *steps = steps_new(pool, 2);
	sem_t started, go;

	(void)state;
	assert_int_equal(sem_init(&started, 0, 0), 0);
	assert_int_equal(sem_init(&go, 0, 0), 0);
	steps[0].started = steps[1].started = &started;
	steps[0].go = steps[1].go = &go;
	work_submit(pool, &steps[0].work);
	work_submit(pool, &steps[1].work);
	assert_int_equal(sem_wait(&started), 0); /* both run: neither was let go yet */
	assert_int_equal(sem_wait(&started), 0);
	assert_false(is_readable(pool));
	(void)sem_post(&go);
	(void)sem_post(&go);
	collect_until(pool, 2);
	work_pool_free(pool);
	(void)sem_destroy(&started);
	(void)sem_destroy(&go);
	free(steps);
}

static void
the_descriptor_is_readable_while_something_waits_to_be_collected(void **state)
{
	struct work_pool *pool = pool_new(1);
	struct step *steps = steps_new(pool, 1);
	struct pollfd p = { .fd = work_pool_fd(pool), .events = POLLIN };

	(void)state;
	assert_false(is_readable(pool));
	work_pool_collect(pool); /* nothing there: no wait, no harm */
	work_submit(pool, &steps[0].work);
	assert_int_equal(poll(&p, 1, 60000), 1);
	assert_int_equal(steps[0].is_done, 0);
	work_pool_collect(pool);
	assert_int_equal(steps[0].is_done, 1);
	assert_false(is_readable(pool));
	work_pool_free(pool);
	free(steps);
}

static void
done_may_submit_more(void **state)
{
	struct work_pool *pool = pool_new(2);
	struct step *steps = steps_new(pool, WORKS);
	size_t i;

	(void)state;
	for (i = 0; i + 1 < WORKS; i++)
		steps[i].then = &steps[i + 1];
	work_submit(pool, &steps[0].work);
	collect_until(pool, WORKS);
	for (i = 0; i < WORKS; i++)
		assert_int_equal(steps[i].order, i + 1);
	work_pool_free(pool);
	free(steps);
}

static void
all_signals_are_blocked_in_the_threads_and_none_here(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR2, SIGPIPE };
	struct work_pool *pool;
	struct step *steps;
	sigset_t before, none, after;
	size_t i;

	(void)state;
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, &before);
	pool = pool_new(1);
	(void)pthread_sigmask(SIG_SETMASK, &before, &after);
	steps = steps_new(pool, 1);
	work_submit(pool, &steps[0].work);
	collect_until(pool, 1);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		assert_true(sigismember(&steps[0].blocked, signals[i]));
		assert_false(sigismember(&after, signals[i]));
	}
	work_pool_free(pool);
	free(steps);
}

static void
freeing_drops_the_works_that_wait(void **state)
{
	struct work_pool *pool = pool_new(0); /* nobody there to start them */
	struct step *steps = steps_new(pool, 3);
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		work_submit(pool, &steps[i].work);
	work_pool_free(pool);
	for (i = 0; i < 3; i++) {
		assert_int_equal(steps[i].ran, 0);
		assert_int_equal(steps[i].is_done, 0);
		assert_int_equal(steps[i].dropped, 1);
	}
	free(steps);
}

static void
freeing_waits_for_the_works_that_run(void **state)
{
	struct work_pool *pool = pool_new(2);
	struct step *steps = steps_new(pool, WORKS);
	sem_t started, go;
	size_t i;

	(void)state;
	assert_int_equal(sem_init(&started, 0, 0), 0);
	assert_int_equal(sem_init(&go, 0, 0), 0);
	for (i = 0; i < 2; i++) {
		steps[i].started = &started;
		steps[i].go = &go;
	}
	for (i = 0; i < WORKS; i++)
		work_submit(pool, &steps[i].work);
	assert_int_equal(sem_wait(&started), 0);
	assert_int_equal(sem_wait(&started), 0);
	(void)sem_post(&go);
	(void)sem_post(&go);
	work_pool_free(pool);
	for (i = 0; i < WORKS; i++) {
		/* begun and finished, or never begun; and in no case done */
		assert_int_equal(steps[i].ran, steps[i].order ? 1 : 0);
		assert_int_equal(steps[i].is_done, 0);
	}
	assert_int_equal(steps[0].ran, 1);
	assert_int_equal(steps[1].ran, 1);
	(void)sem_destroy(&started);
	(void)sem_destroy(&go);
	free(steps);
}

static void
freeing_drops_what_was_not_collected(void **state)
{
	struct work_pool *pool = pool_new(1);
	struct step *steps = steps_new(pool, 2);
	struct pollfd p = { .fd = work_pool_fd(pool), .events = POLLIN };

	(void)state;
	work_submit(pool, &steps[0].work);
	collect_until(pool, 1);
	work_submit(pool, &steps[1].work);
	assert_int_equal(poll(&p, 1, 60000), 1);
	work_pool_free(pool);
	assert_int_equal(steps[0].dropped, 0);
	assert_int_equal(steps[1].ran, 1);
	assert_int_equal(steps[1].is_done, 0);
	assert_int_equal(steps[1].dropped, 1);
	free(steps);
}

static void
freeing_nothing_is_allowed(void **state)
{
	(void)state;
	work_pool_free(NULL);
	work_pool_free(pool_new(3));
}

static void
a_pool_that_gets_no_descriptor_says_so(void **state)
{
	struct rlimit was, none;
	struct work_pool *pool = NULL;
	struct err err = { 0 };
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = work_pool_new(1, &pool, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	assert_int_equal(rc, ERR_RESOURCE_EXHAUSTED);
	assert_string_equal(err.msg, "work pool: eventfd: Too many open files");
	assert_null(pool);
}

static void
a_pool_that_gets_no_thread_says_so(void **state)
{
	pthread_attr_t was, huge;
	struct work_pool *pool = NULL;
	struct err err = { 0 };
	int rc;

	(void)state;
	assert_int_equal(pthread_getattr_default_np(&was), 0);
	assert_int_equal(pthread_getattr_default_np(&huge), 0);
	assert_int_equal(pthread_attr_setstacksize(&huge, (size_t)1 << 60), 0);
	assert_int_equal(pthread_setattr_default_np(&huge), 0);
	rc = work_pool_new(2, &pool, &err);
	assert_int_equal(pthread_setattr_default_np(&was), 0);
	(void)pthread_attr_destroy(&huge);
	(void)pthread_attr_destroy(&was);
	assert_int_equal(rc, ERR_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(err.msg, "work pool: thread: "));
	assert_null(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(works_start_in_the_order_of_submission),
		cmocka_unit_test(run_is_on_a_thread_of_the_pool_and_done_on_the_collecting_one),
		cmocka_unit_test(several_threads_run_several_works_at_once),
		cmocka_unit_test(the_descriptor_is_readable_while_something_waits_to_be_collected),
		cmocka_unit_test(done_may_submit_more),
		cmocka_unit_test(all_signals_are_blocked_in_the_threads_and_none_here),
		cmocka_unit_test(freeing_drops_the_works_that_wait),
		cmocka_unit_test(freeing_waits_for_the_works_that_run),
		cmocka_unit_test(freeing_drops_what_was_not_collected),
		cmocka_unit_test(freeing_nothing_is_allowed),
		cmocka_unit_test(a_pool_that_gets_no_descriptor_says_so),
		cmocka_unit_test(a_pool_that_gets_no_thread_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
