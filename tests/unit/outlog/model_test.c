/* SPDX-License-Identifier: MIT */
/*
 * Long random lives of output logs, held against the model at every step: what is read anywhere, in
 * any view, is exactly what was written, what is missing was dropped, and the cap holds.
 */
#include "outlog/model.h"

#define STEPS 200

struct life {
	uint64_t cap;
	enum outlog_full full;
	bool fickle; /* changes its policy now and then */
};

struct run_of_life {
	const struct life *life;
	struct temp *temp;
	struct outlog *log;
	struct outlog_reader *reader, *fresh; /* one that goes along, one that comes anew */
	struct model model;
	uint64_t consumed[OUTLOG_STREAMS];
	int64_t now;
	uint32_t random;
	enum outlog_full full;
};

static uint32_t
pick(struct run_of_life *l, uint32_t below)
{
	return model_random(&l->random) % below;
}

static uint64_t
piece_of(uint64_t cap)
{
	return cap ? MAX(cap / 8, 512) : 65536;
}

static size_t
some_size(struct run_of_life *l)
{
	uint32_t piece = (uint32_t)piece_of(l->life->cap);

	switch (pick(l, 8)) {
	case 0:
		return pick(l, 2);
	case 1:
	case 2:
		return pick(l, 100);
	case 3:
		return piece - 1 + pick(l, 3);
	case 4:
		return pick(l, 3 * piece);
	default:
		return pick(l, piece / 2);
	}
}

static void
pass_time(struct run_of_life *l)
{
	static const int64_t steps[] = { 0,
					 0,
					 NS_PER_MS,
					 3 * NS_PER_MS,
					 10 * NS_PER_MS - 1,
					 10 * NS_PER_MS,
					 NS_PER_S,
					 -5 * NS_PER_MS,
					 -3600 * NS_PER_S };

	l->now += steps[pick(l, ARRAY_SIZE(steps))];
}

/* The follower reads on, in one stream or both. */
static void
consume(struct run_of_life *l)
{
	enum outlog_stream s = (enum outlog_stream)pick(l, OUTLOG_STREAMS);
	uint64_t left = l->model.stored[s] - l->consumed[s];

	l->consumed[s] += pick(l, 3) ? left : pick(l, (uint32_t)left + 1);
	/* More than there is counts as all there is, less than before as nothing. */
	outlog_consumed(l->log, s, l->consumed[s] + (l->consumed[s] == l->model.stored[s]));
	outlog_consumed(l->log, s, l->consumed[s] / 2);
}

static void
write_some(struct run_of_life *l)
{
	enum outlog_stream s = (enum outlog_stream)(pick(l, 3) == 0);
	size_t left = some_size(l), taken;
	int tries, rc;

	for (tries = 0; tries < 8; tries++) {
		rc = model_append(&l->model, l->log, s, l->now, left, &taken);
		left -= taken;
		if (rc == 0)
			return;
		assert_int_equal(rc, l->full == OUTLOG_BLOCK ? -EAGAIN : -EXFULL);
		assert_true(l->full == OUTLOG_BLOCK || l->full == OUTLOG_REFUSE);
		if (l->full == OUTLOG_BLOCK)
			consume(l);
	}
}

static uint64_t
some_offset(struct run_of_life *l, enum outlog_view view)
{
	const struct model *m = &l->model;
	uint64_t end = view == OUTLOG_VIEW_COMBINED ? m->sum : m->stored[view];
	uint64_t start = view == OUTLOG_VIEW_COMBINED ? m->start[0] + m->start[1] : m->start[view];

	switch (pick(l, 6)) {
	case 0:
		return 0;
	case 1:
		return end - MIN(end, pick(l, 200));
	case 2:
		return end + pick(l, 3);
	case 3:
		return start - MIN(start, 100) + pick(l, 200);
	default:
		return start + pick(l, (uint32_t)(end - MIN(start, end)) + 1);
	}
}

static void
check_reads(struct run_of_life *l, struct outlog_reader *r, enum freshness freshness, int times)
{
	for (; times; times--) {
		enum outlog_view view = (enum outlog_view)pick(l, 3);
		size_t max = pick(l, 3) ? pick(l, 3000) : pick(l, 200000);
		size_t max_chunks = pick(l, 3) ? pick(l, 5) : MODEL_CHUNKS;

		model_check(&l->model, r, freshness, view, some_offset(l, view), max, max_chunks);
	}
}

static void
check_extents(struct run_of_life *l)
{
	struct outlog_extents e;
	int s;

	assert_int_equal(outlog_reader_extents(l->reader, &e), 0);
	for (s = 0; s < OUTLOG_STREAMS; s++) {
		assert_true(e.stream[s].start == l->model.start[s]);
		assert_true(e.stream[s].stored == l->model.stored[s]);
		if (l->full == OUTLOG_BLOCK && !l->life->fickle)
			assert_true(l->model.start[s] <= l->consumed[s]);
	}
}

/* Every offset where streams meet stands for the offsets that the streams had there. */
static void
check_split(struct run_of_life *l)
{
	uint64_t offset = some_offset(l, OUTLOG_VIEW_COMBINED), want[OUTLOG_STREAMS];
	uint64_t got[OUTLOG_STREAMS], len;

	offset = model_combined(&l->model, offset, 1, &len);
	if (len == 0)
		offset = l->model.sum;
	model_split(&l->model, offset, want);
	assert_int_equal(outlog_split(l->reader, offset, got), 0);
	assert_true(got[OUTLOG_OUT] == want[OUTLOG_OUT] && got[OUTLOG_ERR] == want[OUTLOG_ERR]);
}

/* Entries of the index from that of the oldest stored byte on. */
static uint64_t
live_entries(const struct run_of_life *l)
{
	unsigned char bytes[INDEX_ENTRY_LEN];
	struct index_entry e;
	uint64_t n, count = 0;
	struct stat st;
	int fd = openat(l->temp->fd, INDEX_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	assert_int_equal(fstat(fd, &st), 0);
	for (n = (uint64_t)st.st_size / INDEX_ENTRY_LEN - 1; n > 0; n--, count++) {
		assert_int_equal(pread(fd, bytes, sizeof bytes, (off_t)(n * INDEX_ENTRY_LEN)),
				 sizeof bytes);
		if (!index_decode(bytes, &e) || (e.end[OUTLOG_OUT] <= l->model.start[OUTLOG_OUT] &&
						 e.end[OUTLOG_ERR] <= l->model.start[OUTLOG_ERR]))
			break;
	}
	fd_close(&fd);
	return count;
}

/* The cap: segments and live entries never take more, but that an empty log takes one piece and its
 * entry however small the cap is. */
static void
check_cap(struct run_of_life *l)
{
	uint64_t cap = MAX(l->life->cap, 512 + INDEX_ENTRY_LEN), bytes = 0, offset;
	DIR *dir = fdopendir(openat(l->temp->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	enum outlog_stream stream;
	struct dirent *entry;
	struct stat st;
	int files = 0;

	if (!l->life->cap) {
		(void)closedir(dir);
		return;
	}
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (segment_parse(entry->d_name, &stream, &offset)) {
			assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
			bytes += (uint64_t)st.st_size;
			files++;
		}
	(void)closedir(dir);
	assert_true(bytes + live_entries(l) * INDEX_ENTRY_LEN <= cap);
	assert_true(files <= 24);
}

static void
change_mind(struct run_of_life *l)
{
	static const enum outlog_full policies[] = { OUTLOG_DROP_OLDEST, OUTLOG_REFUSE,
						     OUTLOG_BLOCK };

	l->full = policies[pick(l, ARRAY_SIZE(policies))];
	outlog_set_full(l->log, l->full);
}

static void
live(struct temp *temp, const struct life *life, uint32_t seed)
{
	struct run_of_life l = { .life = life,
				 .temp = temp,
				 .random = seed,
				 .full = life->full,
				 .now = NS_PER_S * 1000000 };
	struct err err = { 0 };
	int step;

	assert_ok(outlog_new(temp->fd, life->cap, life->full, &l.log, &err), &err);
	assert_ok(outlog_reader_new(temp->fd, &l.reader, &err), &err);
	for (step = 0; step < STEPS; step++) {
		if (life->fickle && step % 16 == 0)
			change_mind(&l);
		if (pick(&l, 16) == 0)
			consume(&l);
		pass_time(&l);
		write_some(&l);
		check_extents(&l);
		check_reads(&l, l.reader, MODEL_OPEN, 2);
		check_split(&l);
		assert_ok(outlog_reader_new(temp->fd, &l.fresh, &err), &err);
		check_reads(&l, l.fresh, MODEL_FRESH, 3);
		outlog_reader_free(l.fresh);
		if (step % 16 == 0)
			check_cap(&l);
	}
	outlog_free(l.log);
	check_extents(&l);
	outlog_reader_final(l.reader); /* nothing was lost: it changes nothing */
	check_extents(&l);
	check_reads(&l, l.reader, MODEL_OPEN, 10);
	outlog_reader_free(l.reader);
	model_fini(&l.model);
}

static void
every_life_reads_as_it_was_lived(void **state)
{
	static const uint64_t caps[] = { 0, 1, 4096, 65536, 1 << 20 };
	static const enum outlog_full policies[] = { OUTLOG_DROP_OLDEST, OUTLOG_DISCARD,
						     OUTLOG_REFUSE, OUTLOG_BLOCK };
	struct life life;
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(caps); i++)
		for (k = 0; k <= ARRAY_SIZE(policies); k++) {
			void *temp;

			life.cap = caps[i];
			life.fickle = k == ARRAY_SIZE(policies);
			life.full = life.fickle ? OUTLOG_DROP_OLDEST : policies[k];
			assert_int_equal(temp_setup(&temp), 0);
			live(temp, &life, (uint32_t)(1 + i * 100 + k));
			assert_int_equal(temp_teardown(&temp), 0);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_life_reads_as_it_was_lived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
