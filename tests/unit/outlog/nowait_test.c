/* SPDX-License-Identifier: MIT */
/*
 * Reads that may not wait for the disk, and an index that no disk gives back.
 */
#include "outlog/fixture.h"

#include <sys/mman.h>

static void
make_log(struct fixture *f, void *temp)
{
	uint32_t random = 2;
	int i;

	begin(f, temp, 0, OUTLOG_DROP_OLDEST);
	for (i = 0; i < 5000; i++)
		put(f, (enum outlog_stream)(model_random(&random) % 2),
		    model_random(&random) % 100);
}

/* Out of memory with that file. False where the filesystem keeps it there. To ask by a read would
 * bring it back. */
static bool
cool(const struct fixture *f, const char *name)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = openat(f->temp->fd, name, O_RDONLY | O_CLOEXEC);
	unsigned char pages[256], block[4096];
	size_t i, n;
	struct stat st;
	void *map;

	assert_true(fd >= 0);
	while (read(fd, block, sizeof block) > 0)
		; /* what an earlier question is still reading could not be dropped */
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	assert_int_equal(fstat(fd, &st), 0);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	n = ((size_t)st.st_size + page - 1) / page;
	assert_true(n <= sizeof pages);
	assert_int_equal(mincore(map, (size_t)st.st_size, pages), 0);
	assert_int_equal(munmap(map, (size_t)st.st_size), 0);
	fd_close(&fd);
	for (i = 0; i < n; i++)
		if (pages[i] & 1) {
			print_message("SKIPPED: this filesystem keeps %s in memory\n", name);
			return false;
		}
	return true;
}

static int
read_without_waiting(struct outlog_reader *r, enum outlog_view view, uint64_t offset, bool chunks)
{
	struct outlog_chunk some[10];
	struct outlog_result res;
	char bytes[1000];

	return outlog_read(r, view, offset, bytes, sizeof bytes, true, chunks ? some : NULL,
			   chunks ? ARRAY_SIZE(some) : 0, &res);
}

static int
tail_without_waiting(struct outlog_reader *r, enum outlog_view view)
{
	struct outlog_result res;
	char bytes[1000];
	size_t lines;
	bool cut;

	return outlog_tail(r, view, 3, bytes, sizeof bytes, true, NULL, 0, &res, &lines, &cut);
}

static void
what_is_in_memory_is_read_at_once(void **state)
{
	struct outlog_reader *r;
	struct fixture f;
	int view;

	make_log(&f, *state);
	r = reader_of(&f);
	for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++) {
		assert_int_equal(read_without_waiting(r, (enum outlog_view)view, 0, true), 0);
		assert_int_equal(read_without_waiting(r, (enum outlog_view)view, 50000, true), 0);
		assert_int_equal(tail_without_waiting(r, (enum outlog_view)view), 0);
	}
	outlog_reader_free(r);
	finish(&f);
}

/* The same questions, asked by one who waits, warm it up. */
static void
warm_up(const struct fixture *f, struct outlog_reader *r)
{
	int view;

	for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++)
		model_check(&f->model, r, MODEL_FRESH, (enum outlog_view)view, 0, MODEL_READ_MAX,
			    0);
	for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++) {
		assert_int_equal(read_without_waiting(r, (enum outlog_view)view, 50000, true), 0);
		assert_int_equal(tail_without_waiting(r, (enum outlog_view)view), 0);
	}
}

static void
an_index_that_is_not_in_memory_is_not_waited_for(void **state)
{
	static const struct {
		enum outlog_view view;
		uint64_t offset;
		bool chunks;
		int rc;
	} rows[] = {
		{ OUTLOG_VIEW_COMBINED, 0, false, -EAGAIN },
		{ OUTLOG_VIEW_COMBINED, 50000, true, -EAGAIN },
		{ OUTLOG_VIEW_OUT, 50000, true, -EAGAIN },
		{ OUTLOG_VIEW_OUT, 50000, false, 0 }, /* needs no index */
	};
	struct outlog_reader *r;
	struct fixture f;
	bool cold = true;
	size_t i;

	make_log(&f, *state);
	r = reader_of(&f);
	for (i = 0; i < ARRAY_SIZE(rows) && (cold = cool(&f, INDEX_FILE)); i++)
		assert_int_equal(
			read_without_waiting(r, rows[i].view, rows[i].offset, rows[i].chunks),
			rows[i].rc);
	if (cold && (cold = cool(&f, INDEX_FILE)))
		assert_int_equal(tail_without_waiting(r, OUTLOG_VIEW_COMBINED), -EAGAIN);
	warm_up(&f, r);
	outlog_reader_free(r);
	finish(&f);
	if (!cold)
		skip();
}

static void
bytes_that_are_not_in_memory_are_not_waited_for(void **state)
{
	struct outlog_reader *r;
	struct fixture f;
	bool cold;

	make_log(&f, *state);
	r = reader_of(&f);
	cold = cool(&f, "stdout.0");
	if (cold)
		assert_int_equal(read_without_waiting(r, OUTLOG_VIEW_OUT, 50000, true), -EAGAIN);
	if (cold && (cold = cool(&f, "stdout.0"))) {
		assert_int_equal(read_without_waiting(r, OUTLOG_VIEW_ERR, 50000, true), 0);
		assert_int_equal(tail_without_waiting(r, OUTLOG_VIEW_OUT), -EAGAIN);
	}
	warm_up(&f, r);
	outlog_reader_free(r);
	finish(&f);
	if (!cold)
		skip();
}

static void
an_index_that_cannot_be_read_costs_order_and_times_but_no_bytes(void **state)
{
	struct outlog_chunk chunks[3];
	uint64_t offsets[OUTLOG_STREAMS];
	struct outlog_extents e;
	struct outlog_result res;
	struct outlog_reader *r;
	struct fixture f;
	char bytes[100];

	make_log(&f, *state);
	assert_int_equal(unlinkat(f.temp->fd, INDEX_FILE, 0), 0);
	assert_int_equal(mkdirat(f.temp->fd, INDEX_FILE, 0700), 0); /* reads as -EISDIR */
	r = reader_of(&f);
	model_check(&f.model, r, MODEL_FRESH, OUTLOG_VIEW_OUT, 100, 5000, 0);
	assert_int_equal(outlog_read(r, OUTLOG_VIEW_ERR, 0, bytes, 100, false, chunks, 3, &res), 0);
	assert_true(res.len == 100 && res.n_chunks == 1 && chunks[0].wall_ns == 0);
	assert_int_equal(outlog_reader_extents(r, &e), 0);
	assert_true(e.stream[OUTLOG_ERR].stored == f.model.stored[OUTLOG_ERR]);
	assert_int_equal(tail_without_waiting(r, OUTLOG_VIEW_OUT), 0);
	assert_int_equal(outlog_read(r, OUTLOG_VIEW_COMBINED, 0, bytes, 100, false, NULL, 0, &res),
			 -EISDIR);
	assert_int_equal(outlog_split(r, 0, offsets), -EISDIR);
	assert_int_equal(tail_without_waiting(r, OUTLOG_VIEW_COMBINED), -EISDIR);
	outlog_reader_free(r);
	finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(what_is_in_memory_is_read_at_once),
		unit_test_in_temp(an_index_that_is_not_in_memory_is_not_waited_for),
		unit_test_in_temp(bytes_that_are_not_in_memory_are_not_waited_for),
		unit_test_in_temp(an_index_that_cannot_be_read_costs_order_and_times_but_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
