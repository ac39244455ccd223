/* SPDX-License-Identifier: MIT */
#include "base/work.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"

TAILQ_HEAD(work_list, work);

struct work_pool {
	pthread_mutex_t lock; /* of all that follows but `fd` and the threads */
	pthread_cond_t more;
	struct work_list waiting, patient;
	struct work_list finished;
	bool stop;
	int fd;
	unsigned started;
	pthread_t threads[];
};

static void
wake(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof one) < 0 && errno != EAGAIN)
		BUG("eventfd: errno %d", errno);
}

/* Under the lock. */
static struct work *
next_work(struct work_pool *pool)
{
	struct work_list *from = TAILQ_EMPTY(&pool->waiting) ? &pool->patient : &pool->waiting;
	struct work *w = TAILQ_FIRST(from);

	if (w)
		TAILQ_REMOVE(from, w, link);
	return w;
}

static void *
worker(void *arg)
{
	struct work_pool *pool = arg;
	struct work *w;

	(void)pthread_mutex_lock(&pool->lock);
	while (!pool->stop) {
		w = next_work(pool);
		if (!w) {
			(void)pthread_cond_wait(&pool->more, &pool->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&pool->lock);
		w->run(w);
		(void)pthread_mutex_lock(&pool->lock);
		TAILQ_INSERT_TAIL(&pool->finished, w, link);
		wake(pool->fd);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static int
start_threads(struct work_pool *pool, unsigned threads)
{
	sigset_t all, old;
	int rc = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; pool->started < threads && rc == 0; pool->started += rc == 0)
		rc = pthread_create(&pool->threads[pool->started], NULL, worker, pool);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int
work_pool_new(unsigned threads, struct work_pool **ret_pool, struct err *err)
{
	struct work_pool *pool;
	int rc;

	pool = calloc(1, sizeof *pool + threads * sizeof pool->threads[0]);
	if (!pool)
		return err_sys(err, ENOMEM, "work pool");
	TAILQ_INIT(&pool->waiting);
	TAILQ_INIT(&pool->patient);
	TAILQ_INIT(&pool->finished);
	(void)pthread_mutex_init(&pool->lock, NULL);
	(void)pthread_cond_init(&pool->more, NULL);
	pool->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pool->fd < 0) {
		rc = err_sys(err, errno, "work pool: eventfd");
		goto fail;
	}
	rc = start_threads(pool, threads);
	if (rc) {
		rc = err_sys(err, rc, "work pool: thread");
		goto fail;
	}
	*ret_pool = pool;
	return 0;
fail:
	work_pool_free(pool);
	return rc;
}

static void
drop_all(struct work_list *works)
{
	struct work *w;

	while ((w = TAILQ_FIRST(works))) {
		TAILQ_REMOVE(works, w, link);
		if (w->drop)
			w->drop(w);
	}
}

void
work_pool_free(struct work_pool *pool)
{
	unsigned i;

	if (!pool)
		return;
	(void)pthread_mutex_lock(&pool->lock);
	pool->stop = true;
	(void)pthread_cond_broadcast(&pool->more);
	(void)pthread_mutex_unlock(&pool->lock);
	for (i = 0; i < pool->started; i++)
		(void)pthread_join(pool->threads[i], NULL);
	drop_all(&pool->waiting);
	drop_all(&pool->patient);
	drop_all(&pool->finished);
	fd_close(&pool->fd);
	(void)pthread_cond_destroy(&pool->more);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
}

int
work_pool_fd(const struct work_pool *pool)
{
	return pool->fd;
}

void
work_pool_collect(struct work_pool *pool)
{
	struct work_list finished = TAILQ_HEAD_INITIALIZER(finished);
	struct work *w;
	uint64_t count;

	if (read(pool->fd, &count, sizeof count) < 0 && errno != EAGAIN)
		BUG("eventfd: errno %d", errno);
	(void)pthread_mutex_lock(&pool->lock);
	TAILQ_CONCAT(&finished, &pool->finished, link);
	(void)pthread_mutex_unlock(&pool->lock);
	while ((w = TAILQ_FIRST(&finished))) {
		TAILQ_REMOVE(&finished, w, link);
		w->done(w);
	}
}

void
work_submit(struct work_pool *pool, struct work *w)
{
	(void)pthread_mutex_lock(&pool->lock);
	TAILQ_INSERT_TAIL(w->is_patient ? &pool->patient : &pool->waiting, w, link);
	(void)pthread_cond_signal(&pool->more);
	(void)pthread_mutex_unlock(&pool->lock);
}
