/* SPDX-License-Identifier: MIT */
/*
 * A reader at work while the writer writes and drops in another thread: never an error, never a
 * wrong byte, and gaps only forwards.
 */
#include "outlog/model.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define BYTES_MAX ((size_t)32768)
#define CHUNKS    200

/* What the writer is going to write: known to both before it begins. */
struct play {
	struct temp *temp;
	struct model script;
	uint64_t cap;
	atomic_bool done;
	int rc; /* of the writer, once it is done */
};

static void
write_script(struct play *p, uint32_t random, size_t pieces, uint32_t largest)
{
	int64_t now = NS_PER_S;
	size_t i;

	for (i = 0; i < pieces; i++) {
		now += model_random(&random) % 3 ? NS_PER_MS : 20 * NS_PER_MS;
		model_note(&p->script, (enum outlog_stream)(model_random(&random) % 3 == 0), now,
			   1 + model_random(&random) % largest);
	}
}

/* In a thread: it must not assert. */
static void *
writer(void *arg)
{
	struct play *p = arg;
	unsigned char *bytes = malloc(BYTES_MAX);
	struct outlog *log = NULL;
	size_t i, taken;

	p->rc = outlog_new(p->temp->fd, p->cap, OUTLOG_DROP_OLDEST, &log, NULL);
	for (i = 0; i < p->script.n_runs && p->rc == 0; i++) {
		const struct run *r = &p->script.runs[i];

		model_bytes(r->stream, r->from, bytes, (size_t)r->len);
		p->rc = outlog_append(log, r->stream, r->wall_ns, bytes, (size_t)r->len, &taken);
	}
	outlog_free(log);
	free(bytes);
	atomic_store(&p->done, true);
	return NULL;
}

/* One who reads on from where he was. */
struct follower {
	struct outlog_reader *r;
	enum outlog_view view;
	uint64_t at, got, gaps;
};

static void
check_chunks(const struct play *p, enum outlog_view view, const struct outlog_result *res,
	     const struct outlog_chunk *chunks)
{
	size_t i, sum = 0;

	if (view == OUTLOG_VIEW_COMBINED) {
		model_check_chunks(&p->script, view, res, chunks, CHUNKS);
		return;
	}
	for (i = 0; i < res->n_chunks; i++) {
		assert_int_equal(chunks[i].stream, view);
		assert_true(chunks[i].len > 0);
		sum += chunks[i].len;
	}
	assert_true(sum == res->len);
}

static struct outlog_result
read_at(const struct play *p, struct outlog_reader *r, enum outlog_view view, uint64_t offset,
	size_t max)
{
	static unsigned char bytes[BYTES_MAX];
	static struct outlog_chunk chunks[CHUNKS];
	struct outlog_result res;

	assert_int_equal(outlog_read(r, view, offset, bytes, max, false, chunks, CHUNKS, &res), 0);
	assert_true(res.offset >= offset && res.len <= max);
	model_check_bytes(&p->script, view, res.offset, bytes, res.len);
	check_chunks(p, view, &res, chunks);
	return res;
}

/* What a follower left out is not stored any more. */
static void
check_gap(const struct play *p, const struct follower *f, uint64_t to)
{
	struct outlog_extents e;
	uint64_t at = f->at;
	size_t i;

	assert_int_equal(outlog_reader_extents(f->r, &e), 0);
	if (f->view != OUTLOG_VIEW_COMBINED) {
		assert_true(e.stream[f->view].start >= to);
		return;
	}
	for (i = model_run_at(&p->script, at); at < to; i++) {
		const struct run *r = &p->script.runs[i];
		uint64_t end = MIN(to, r->sum + r->len);

		assert_true(e.stream[r->stream].start >= r->from + (end - r->sum));
		at = end;
	}
}

/* False: nothing new. */
static bool
follow(const struct play *p, struct follower *f, uint32_t *random)
{
	uint64_t ends[OUTLOG_STREAMS], end;
	struct outlog_result res;

	assert_int_equal(outlog_split(f->r, UINT64_MAX, ends), 0);
	end = f->view == OUTLOG_VIEW_COMBINED ? ends[OUTLOG_OUT] + ends[OUTLOG_ERR] : ends[f->view];
	res = read_at(p, f->r, f->view, f->at, 1 + model_random(random) % BYTES_MAX);
	if (res.len == 0) { /* then all is gone that was there */
		if (end > f->at)
			check_gap(p, f, end);
		return false;
	}
	if (res.offset > f->at)
		check_gap(p, f, res.offset);
	f->gaps += res.offset > f->at;
	f->at = res.offset + res.len;
	f->got += res.len;
	return true;
}

/* One who looks here and there. */
static void
look_around(const struct play *p, struct outlog_reader *r, uint32_t *random)
{
	static unsigned char bytes[BYTES_MAX];
	static struct outlog_chunk chunks[CHUNKS];
	enum outlog_view view = (enum outlog_view)(model_random(random) % 3);
	uint64_t split[OUTLOG_STREAMS], near;
	struct outlog_extents e;
	struct outlog_result res;
	size_t lines;
	bool cut;

	assert_int_equal(outlog_reader_extents(r, &e), 0);
	assert_true(e.stream[OUTLOG_OUT].start <= e.stream[OUTLOG_OUT].stored);
	assert_true(e.stream[OUTLOG_ERR].start <= e.stream[OUTLOG_ERR].stored);
	near = view == OUTLOG_VIEW_COMBINED
		       ? e.stream[OUTLOG_OUT].start + e.stream[OUTLOG_ERR].start
		       : e.stream[view].start;
	near += model_random(random) % 65536;
	(void)read_at(p, r, view, near - MIN(near, 20000), 1 + model_random(random) % 5000);
	assert_int_equal(outlog_split(r, near, split), 0);
	assert_int_equal(outlog_tail(r, view, model_random(random) % 20, bytes, sizeof bytes, false,
				     chunks, CHUNKS, &res, &lines, &cut),
			 0);
	model_check_bytes(&p->script, view, res.offset, bytes, res.len);
	check_chunks(p, view, &res, chunks);
}

static void
play(struct temp *temp, uint64_t cap, size_t pieces, uint32_t largest)
{
	struct play p = { .temp = temp, .cap = cap };
	struct follower all = { .view = OUTLOG_VIEW_COMBINED }, out = { .view = OUTLOG_VIEW_OUT };
	struct outlog_reader *other;
	struct err err = { 0 };
	uint32_t random = 99;
	pthread_t thread;
	bool done;

	write_script(&p, 17, pieces, largest);
	assert_ok(outlog_reader_new(temp->fd, &all.r, &err), &err);
	assert_ok(outlog_reader_new(temp->fd, &out.r, &err), &err);
	assert_ok(outlog_reader_new(temp->fd, &other, &err), &err);
	assert_int_equal(pthread_create(&thread, NULL, writer, &p), 0);
	do {
		done = atomic_load(&p.done);
		if (!follow(&p, &all, &random) && !follow(&p, &out, &random))
			(void)sched_yield();
		(void)follow(&p, &out, &random);
		look_around(&p, other, &random);
	} while (!done);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(p.rc, 0);
	/* What there is now is read to its end; nothing that was not dropped was left out. */
	while (follow(&p, &all, &random) || follow(&p, &out, &random))
		;
	assert_true(all.at == p.script.sum && out.at == p.script.stored[OUTLOG_OUT]);
	if (!cap) {
		assert_true(all.got == p.script.sum && out.got == p.script.stored[OUTLOG_OUT]);
		assert_true(all.gaps == 0 && out.gaps == 0);
	}
	outlog_reader_free(all.r);
	outlog_reader_free(out.r);
	outlog_reader_free(other);
	model_fini(&p.script);
}

static void
a_reader_keeps_up_with_a_log_that_drops_nothing(void **state)
{
	play(*state, 0, 50000, 100);
}

static void
a_reader_of_a_tiny_log_meets_gaps_and_nothing_worse(void **state)
{
	play(*state, 4096, 100000, 50);
}

static void
a_reader_of_a_small_log_meets_gaps_and_nothing_worse(void **state)
{
	play(*state, 65536, 50000, 300);
}

static void
a_reader_of_a_larger_log_meets_gaps_and_nothing_worse(void **state)
{
	play(*state, 1 << 20, 8000, BYTES_MAX / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(a_reader_keeps_up_with_a_log_that_drops_nothing),
		unit_test_in_temp(a_reader_of_a_tiny_log_meets_gaps_and_nothing_worse),
		unit_test_in_temp(a_reader_of_a_small_log_meets_gaps_and_nothing_worse),
		unit_test_in_temp(a_reader_of_a_larger_log_meets_gaps_and_nothing_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
