/* SPDX-License-Identifier: MIT */
/*
 * Both streams in the order in which they came: where one of them is gone, where the index has a
 * hole, and where the writer died.
 */
#include "outlog/fixture.h"

static void
an_empty_folder_is_an_empty_log(void **state)
{
	struct outlog_reader *r;
	struct outlog_extents e;
	struct fixture f;
	uint64_t offsets[OUTLOG_STREAMS] = { 9, 9 };

	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_OUT, 0);
	assert_int_equal(faccessat(f.temp->fd, INDEX_FILE, F_OK, 0), -1);
	assert_int_equal(faccessat(f.temp->fd, "stdout.0", F_OK, 0), -1);
	r = reader_of(&f);
	assert_int_equal(outlog_reader_extents(r, &e), 0);
	assert_true(e.stream[OUTLOG_OUT].stored == 0 && e.stream[OUTLOG_ERR].stored == 0);
	assert_int_equal(outlog_split(r, 0, offsets), 0);
	assert_true(offsets[OUTLOG_OUT] == 0 && offsets[OUTLOG_ERR] == 0);
	model_check(&f.model, r, MODEL_FRESH, OUTLOG_VIEW_COMBINED, 0, 100, 10);
	model_check(&f.model, r, MODEL_FRESH, OUTLOG_VIEW_ERR, 5, 100, 0);
	put(&f, OUTLOG_ERR, 10); /* and the reader that was there before sees it */
	model_check(&f.model, r, MODEL_FRESH, OUTLOG_VIEW_COMBINED, 0, 100, 10);
	outlog_reader_free(r);
	finish(&f);
}

static void
a_stream_of_which_all_is_gone_keeps_its_place(void **state)
{
	struct outlog_reader *r;
	struct outlog_extents e;
	struct fixture f;

	begin(&f, *state, 65536, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_OUT, 1000);
	while (f.model.start[OUTLOG_OUT] == 0)
		put(&f, OUTLOG_ERR, 3000);
	r = reader_of(&f);
	assert_int_equal(outlog_reader_extents(r, &e), 0);
	assert_true(e.stream[OUTLOG_OUT].start == 1000 && e.stream[OUTLOG_OUT].stored == 1000);
	assert_true(e.stream[OUTLOG_ERR].stored == f.model.stored[OUTLOG_ERR]);
	outlog_reader_free(r);
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 100000);
	check_at(&f, OUTLOG_VIEW_OUT, 0, 100);
	check_at(&f, OUTLOG_VIEW_OUT, 1000, 100);
	finish(&f);
}

static void
what_follows_the_hole_in_the_index_is_read_from_its_first_byte(void **state)
{
	struct fixture f;
	int i;

	begin(&f, *state, 65536, OUTLOG_DROP_OLDEST);
	/* Each segment of stderr begins where a page of the index does: 128 entries of 64 bytes. */
	for (i = 0; i < 127; i++)
		put(&f, OUTLOG_OUT, 1);
	for (i = 0; i < 3200; i++) {
		put(&f, OUTLOG_ERR, 64);
		check_at(&f, OUTLOG_VIEW_COMBINED, 0, 60);
	}
	finish(&f);
}

static void
a_long_gap_costs_few_looks_at_the_folder(void **state)
{
	struct fixture f;
	int i;

	need_faults();
	begin(&f, *state, 1 << 20, OUTLOG_DROP_OLDEST);
	for (i = 0; i < 30000; i++) {
		put(&f, OUTLOG_OUT, 1);
		put(&f, OUTLOG_ERR, 1);
	}
	assert_true(f.model.start[OUTLOG_OUT] > 0 && f.model.start[OUTLOG_ERR] > 0);
	sys_fail(SYS_OPENAT, 12, EMFILE); /* each look opens the folder */
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 1);
	sys_heal();
	/* Now one stream lies in a gap of the other. */
	while (f.model.start[OUTLOG_OUT] <= f.model.start[OUTLOG_ERR]) {
		put(&f, OUTLOG_OUT, 1);
		put(&f, OUTLOG_ERR, 1);
	}
	sys_fail(SYS_OPENAT, 12, EMFILE);
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 1);
	sys_heal();
	finish(&f);
}

static void
an_offset_beyond_all_files_is_just_the_end(void **state)
{
	static const uint64_t offsets[] = { 11, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX - 1,
					    UINT64_MAX };
	struct outlog_result res;
	struct outlog_reader *r;
	struct fixture f;
	char bytes[16];
	size_t i;
	int view;

	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_OUT, 10);
	r = reader_of(&f);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++) {
			assert_int_equal(outlog_read(r, (enum outlog_view)view, 0, bytes, 10, i & 1,
						     NULL, 0, &res),
					 0);
			assert_int_equal(outlog_read(r, (enum outlog_view)view, offsets[i], bytes,
						     sizeof bytes, i & 1, NULL, 0, &res),
					 0);
			assert_int_equal(res.len, 0);
		}
	outlog_reader_free(r);
	finish(&f);
}

static void
a_small_log_is_split_at_every_offset(void **state)
{
	uint64_t offset, want[OUTLOG_STREAMS], got[OUTLOG_STREAMS];
	struct outlog_reader *r;
	struct fixture f;
	uint32_t random = 5;
	int i;

	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	for (i = 0; i < 200; i++)
		put(&f, (enum outlog_stream)(model_random(&random) % 2),
		    model_random(&random) % 12);
	r = reader_of(&f);
	for (offset = 0; offset <= f.model.sum; offset++) {
		model_split(&f.model, offset, want);
		assert_int_equal(outlog_split(r, offset, got), 0);
		assert_true(got[OUTLOG_OUT] == want[OUTLOG_OUT]);
		assert_true(got[OUTLOG_ERR] == want[OUTLOG_ERR]);
		assert_true(got[OUTLOG_OUT] + got[OUTLOG_ERR] == offset);
	}
	assert_int_equal(outlog_split(r, UINT64_MAX, got), 0);
	assert_true(got[OUTLOG_OUT] == want[OUTLOG_OUT] && got[OUTLOG_ERR] == want[OUTLOG_ERR]);
	outlog_reader_free(r);
	finish(&f);
}

static void
bytes_without_an_entry_are_in_no_order_yet(void **state)
{
	uint64_t got[OUTLOG_STREAMS];
	struct outlog_reader *r;
	struct outlog_extents e;
	struct outlog_result res;
	struct fixture f;
	size_t taken, lines;
	char bytes[100];
	bool cut;

	need_faults();
	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_ERR, 20);
	put(&f, OUTLOG_OUT, 10);
	sys_fail(SYS_PWRITE, 2, ENOSPC); /* the bytes get through, their entry does not */
	f.now += MODEL_MERGE_NS;
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_ERR, f.now, 500, &taken), 0);
	sys_heal();
	r = reader_of(&f);
	assert_int_equal(outlog_reader_extents(r, &e), 0);
	assert_int_equal(e.stream[OUTLOG_ERR].stored, 520);
	model_check(&f.model, r, MODEL_FRESH, OUTLOG_VIEW_ERR, 0, 1000, 0);
	/* Who goes on from here in single streams must miss none of them. */
	assert_int_equal(outlog_split(r, 30, got), 0);
	assert_true(got[OUTLOG_OUT] == 10 && got[OUTLOG_ERR] == 20);
	assert_int_equal(outlog_tail(r, OUTLOG_VIEW_COMBINED, 0, bytes, sizeof bytes, false, NULL,
				     0, &res, &lines, &cut),
			 0);
	assert_true(res.offset == 0 && res.len == 30);
	assert_int_equal(outlog_flush(f.log), 0);
	model_check(&f.model, r, MODEL_FRESH, OUTLOG_VIEW_COMBINED, 0, 1000, 10);
	outlog_reader_free(r);
	finish(&f);
}

/* A finished log of 40 pieces; the model's runs beyond `entries` are put in order as a reader must
 * that does not know theirs: stdout first. */
static void
lose_order(struct model *m, size_t entries)
{
	uint64_t lost[OUTLOG_STREAMS] = { 0 };
	int64_t wall = entries ? m->runs[entries - 1].wall_ns : 0;
	size_t i;
	int s;

	for (i = entries; i < m->n_runs; i++) {
		lost[m->runs[i].stream] += m->runs[i].len;
		m->sum -= m->runs[i].len;
	}
	m->n_runs = entries;
	for (s = 0; s < OUTLOG_STREAMS; s++) {
		m->stored[s] -= lost[s];
	}
	for (s = 0; s < OUTLOG_STREAMS; s++)
		model_note(m, (enum outlog_stream)s, wall, lost[s]);
}

static void
make_40(struct fixture *f, void *temp)
{
	uint32_t random = 77;
	int i;

	begin(f, temp, 0, OUTLOG_DROP_OLDEST);
	for (i = 0; i < 40; i++)
		put(f, (enum outlog_stream)(model_random(&random) % 2),
		    1 + model_random(&random) % 30);
	outlog_free(f->log);
	f->log = NULL;
}

/* What a reader finds at every offset once the writer is known to be gone. */
static void
check_final(const struct fixture *f)
{
	struct outlog_reader *r = reader_of(f);
	uint64_t offset, want[OUTLOG_STREAMS], got[OUTLOG_STREAMS];

	outlog_reader_final(r);
	for (offset = 0; offset <= f->model.sum; offset += 3) {
		model_check(&f->model, r, MODEL_FRESH, OUTLOG_VIEW_COMBINED, offset, 5, 0);
		model_check(&f->model, r, MODEL_FRESH, OUTLOG_VIEW_COMBINED, offset, 5000,
			    offset % 2 ? 3 : MODEL_CHUNKS);
		model_split(&f->model, offset, want);
		assert_int_equal(outlog_split(r, offset, got), 0);
		assert_true(got[0] == want[0] && got[1] == want[1]);
	}
	assert_int_equal(outlog_split(r, UINT64_MAX, got), 0);
	assert_true(got[0] == f->model.stored[0] && got[1] == f->model.stored[1]);
	model_check(&f->model, r, MODEL_FRESH, OUTLOG_VIEW_OUT, 0, 5000, 0);
	model_check(&f->model, r, MODEL_FRESH, OUTLOG_VIEW_ERR, 0, 5000, 0);
	outlog_reader_free(r);
}

static void
bytes_whose_entry_was_lost_with_the_writer_come_last(void **state)
{
	struct fixture f;
	size_t len;
	int fd;

	make_40(&f, *state);
	fd = openat(f.temp->fd, INDEX_FILE, O_RDWR | O_CLOEXEC);
	for (len = INDEX_HEADER_LEN + 40 * INDEX_ENTRY_LEN; len + 1 > 0; len -= 7) {
		assert_int_equal(ftruncate(fd, (off_t)len), 0);
		lose_order(&f.model, len < INDEX_HEADER_LEN
					     ? 0
					     : MIN(f.model.n_runs,
						   (len - INDEX_HEADER_LEN) / INDEX_ENTRY_LEN));
		check_final(&f);
		if (len < 7)
			break;
	}
	assert_int_equal(unlinkat(f.temp->fd, INDEX_FILE, 0), 0);
	check_final(&f);
	fd_close(&fd);
	finish(&f);
}

static void
entries_that_a_crash_spoilt_are_as_if_they_were_not_there(void **state)
{
	static const unsigned char zeros[INDEX_ENTRY_LEN];
	const size_t left[] = { 39, 38, 30, 1, 0 };
	struct fixture f;
	size_t i, k;
	int fd;

	make_40(&f, *state);
	fd = openat(f.temp->fd, INDEX_FILE, O_RDWR | O_CLOEXEC);
	for (i = 0; i < ARRAY_SIZE(left); i++) {
		for (k = left[i]; k < 40; k++)
			assert_int_equal(pwrite(fd, zeros, sizeof zeros - k % 3,
						(off_t)(INDEX_HEADER_LEN + k * INDEX_ENTRY_LEN)),
					 sizeof zeros - k % 3);
		lose_order(&f.model, left[i]);
		check_final(&f);
	}
	fd_close(&fd);
	finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(an_empty_folder_is_an_empty_log),
		unit_test_in_temp(a_stream_of_which_all_is_gone_keeps_its_place),
		unit_test_in_temp(what_follows_the_hole_in_the_index_is_read_from_its_first_byte),
		unit_test_in_temp(a_long_gap_costs_few_looks_at_the_folder),
		unit_test_in_temp(an_offset_beyond_all_files_is_just_the_end),
		unit_test_in_temp(a_small_log_is_split_at_every_offset),
		unit_test_in_temp(bytes_without_an_entry_are_in_no_order_yet),
		unit_test_in_temp(bytes_whose_entry_was_lost_with_the_writer_come_last),
		unit_test_in_temp(entries_that_a_crash_spoilt_are_as_if_they_were_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
