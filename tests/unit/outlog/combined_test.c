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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(an_empty_folder_is_an_empty_log),
		unit_test_in_temp(an_offset_beyond_all_files_is_just_the_end),
		unit_test_in_temp(a_small_log_is_split_at_every_offset),
		unit_test_in_temp(bytes_whose_entry_was_lost_with_the_writer_come_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
