/* SPDX-License-Identifier: MIT */
/*
 * What a log takes of the disk, and what each policy does where the cap leaves no room.
 */
#include "outlog/fixture.h"

#define PUNCH_SLACK ((uint64_t)64 * 1024 + 3 * 4096) /* dead index that may wait for its hole */

/* What lies in the folder now. */
struct usage {
	int files;       /* segments */
	uint64_t bytes;  /* of segments */
	uint64_t blocks; /* bytes that the index takes of the disk */
	uint64_t length; /* of the index, holes included */
};

static struct usage
usage_of(const struct temp *temp)
{
	DIR *dir = fdopendir(openat(temp->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct usage u = { 0 };
	enum outlog_stream stream;
	struct dirent *entry;
	struct stat st;
	uint64_t offset;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
		if (strcmp(entry->d_name, INDEX_FILE) == 0) {
			u.blocks = (uint64_t)st.st_blocks * 512;
			u.length = (uint64_t)st.st_size;
		} else if (segment_parse(entry->d_name, &stream, &offset)) {
			assert_int_equal(st.st_mode, S_IFREG | 0600);
			u.files++;
			u.bytes += (uint64_t)st.st_size;
		}
	}
	(void)closedir(dir);
	return u;
}

/* The bound that a capped log keeps on disk: its cap, and an index whose dead part is soon a hole.
 */
static void
assert_bounded(const struct temp *temp, uint64_t cap)
{
	struct usage u = usage_of(temp);

	assert_true(u.bytes <= cap);
	assert_true(u.blocks <= cap + PUNCH_SLACK);
	assert_true(u.files <= 24);
}

static uint64_t
entries_of(const struct temp *temp)
{
	return (usage_of(temp).length - INDEX_HEADER_LEN) / INDEX_ENTRY_LEN;
}

static void
append(struct fixture *f, enum outlog_stream stream, const void *bytes, size_t len)
{
	size_t taken;

	f->now += NS_PER_MS;
	assert_int_equal(outlog_append(f->log, stream, f->now, bytes, len, &taken), 0);
	assert_int_equal(taken, len);
}

static void
pieces_of_one_stream_within_ten_milliseconds_share_an_entry(void **state)
{
	static const struct {
		enum outlog_stream stream;
		int64_t later_ns;
		unsigned more;
	} rows[] = {
		{ OUTLOG_OUT, 0, 1 },
		{ OUTLOG_OUT, 0, 0 },
		{ OUTLOG_OUT, MODEL_MERGE_NS - 1, 0 },
		{ OUTLOG_OUT, 1, 1 },
		{ OUTLOG_OUT, MODEL_MERGE_NS, 1 },
		{ OUTLOG_ERR, 0, 1 },
		{ OUTLOG_ERR, 0, 0 },
		{ OUTLOG_OUT, 0, 1 },
		{ OUTLOG_OUT, -1, 1 },
		{ OUTLOG_OUT, 1, 0 },
	};
	uint64_t want = 0;
	struct fixture f;
	size_t i, taken;

	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		f.now += rows[i].later_ns;
		want += rows[i].more;
		assert_int_equal(model_append(&f.model, f.log, rows[i].stream, f.now, 5, &taken),
				 0);
		assert_true(entries_of(f.temp) == want);
	}
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 1000);
	finish(&f);
}

static void
an_empty_log_takes_one_piece_however_small_the_cap(void **state)
{
	static const uint64_t caps[] = { 1, 31, 100, 543 };
	struct outlog_extent e;
	struct fixture f;
	size_t i, taken;
	void *temp;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		assert_int_equal(temp_setup(&temp), 0);
		begin(&f, temp, caps[i], OUTLOG_DISCARD);
		assert_int_equal(model_append(&f.model, f.log, OUTLOG_OUT, 0, 5000, &taken), 0);
		e = outlog_extent(f.log, OUTLOG_OUT);
		assert_true(e.start == 0 && e.stored == 512 && e.end == 5000);
		check_at(&f, OUTLOG_VIEW_COMBINED, 0, 5000);
		finish(&f);
		assert_int_equal(temp_teardown(&temp), 0);
	}
}

static void
discarding_keeps_the_beginning_and_counts_the_rest(void **state)
{
	struct outlog_extent e;
	struct fixture f;
	size_t taken;

	begin(&f, *state, 4096, OUTLOG_DISCARD);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_OUT, 0, 10000, &taken), 0);
	e = outlog_extent(f.log, OUTLOG_OUT);
	assert_true(e.start == 0 && e.end == 10000);
	assert_true(e.stored >= 4096 - 512 - 8 * INDEX_ENTRY_LEN && e.stored < 4096);
	/* Not one more byte: the rest would have a hole that nobody sees. */
	put(&f, OUTLOG_OUT, 1);
	put(&f, OUTLOG_ERR, 1);
	outlog_set_full(f.log, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_OUT, 1);
	assert_true(outlog_extent(f.log, OUTLOG_OUT).stored == e.stored);
	assert_true(outlog_extent(f.log, OUTLOG_OUT).end == 10002);
	assert_true(outlog_extent(f.log, OUTLOG_ERR).stored == 0);
	assert_true(outlog_extent(f.log, OUTLOG_ERR).end == 1);
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 10000);
	finish(&f);
}

static void
a_log_of_no_use_discards_everything(void **state)
{
	struct fixture f;

	begin(&f, *state, 0, OUTLOG_REFUSE);
	put(&f, OUTLOG_OUT, 100);
	outlog_discard_all(f.log);
	put(&f, OUTLOG_OUT, 1000);
	put(&f, OUTLOG_ERR, 1000);
	assert_true(outlog_extent(f.log, OUTLOG_OUT).stored == 100);
	assert_true(outlog_extent(f.log, OUTLOG_OUT).end == 1100);
	assert_true(outlog_extent(f.log, OUTLOG_ERR).end == 1000);
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 10000);
	finish(&f);
}

static void
refusing_drops_nothing_and_takes_what_still_fits(void **state)
{
	struct outlog_extent e;
	struct fixture f;
	size_t taken;

	begin(&f, *state, 4096, OUTLOG_REFUSE);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_OUT, 0, 10000, &taken), -EXFULL);
	e = outlog_extent(f.log, OUTLOG_OUT);
	assert_true(taken > 0 && e.stored == taken && e.end == taken && e.start == 0);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_ERR, 0, 5000, &taken), -EXFULL);
	assert_int_equal(taken, 0);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_ERR, 0, 10, &taken), 0);
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 10000);
	outlog_set_full(f.log, OUTLOG_DROP_OLDEST);
	assert_int_equal(model_append(&f.model, f.log, OUTLOG_ERR, 0, 5000, &taken), 0);
	assert_true(outlog_extent(f.log, OUTLOG_OUT).start > 0);
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 10000);
	finish(&f);
}

static void
blocking_drops_only_what_was_consumed(void **state)
{
	uint64_t consumed[OUTLOG_STREAMS] = { 0, 0 }, written = 0;
	uint32_t random = 3;
	struct fixture f;
	size_t taken;
	int rc, i;

	begin(&f, *state, 4096, OUTLOG_BLOCK);
	for (i = 0; i < 2000; i++) {
		enum outlog_stream s = (enum outlog_stream)(model_random(&random) % 2);

		rc = model_append(&f.model, f.log, s, f.now += NS_PER_MS,
				  model_random(&random) % 700, &taken);
		written += taken;
		assert_true(f.model.start[0] <= consumed[0] && f.model.start[1] <= consumed[1]);
		if (rc == 0)
			continue;
		assert_int_equal(rc, -EAGAIN);
		consumed[0] = f.model.stored[0];
		consumed[1] = f.model.stored[1];
		outlog_consumed(f.log, OUTLOG_OUT, consumed[0]);
		outlog_consumed(f.log, OUTLOG_ERR, consumed[1]);
		/* Who has read everything is never kept waiting. */
		assert_int_equal(model_append(&f.model, f.log, s, f.now, 512, &taken), 0);
	}
	assert_true(written > 200000);
	check_at(&f, OUTLOG_VIEW_COMBINED, 0, 10000);
	finish(&f);
}

static void
one_byte_of_each_stream_in_turn_takes_bounded_space(void **state)
{
	const uint64_t cap = 65536;
	struct fixture f;
	int i;

	/* 12 MB on disk, most of it index. */
	begin(&f, *state, cap, OUTLOG_DROP_OLDEST);
	for (i = 0; i < 200000; i++) {
		append(&f, OUTLOG_OUT, "o", 1);
		append(&f, OUTLOG_ERR, "e", 1);
		if (i % 1000 == 0)
			assert_bounded(f.temp, cap);
	}
	assert_bounded(f.temp, cap);
	assert_true(entries_of(f.temp) == 400000);
	finish(&f);
}

static void
a_slow_stream_beside_a_flood_takes_bounded_space(void **state)
{
	static const size_t every[] = { 1, 7, 1000 };
	static char block[32768];
	const uint64_t cap = 1 << 20;
	struct fixture f;
	size_t i, k;
	void *temp;

	(void)state;
	memset(block, 'x', sizeof block);
	for (k = 0; k < ARRAY_SIZE(every); k++) {
		assert_int_equal(temp_setup(&temp), 0);
		begin(&f, temp, cap, OUTLOG_DROP_OLDEST);
		for (i = 0; i < 1100; i++) { /* 36 MB */
			append(&f, OUTLOG_OUT, block, sizeof block);
			if (i % every[k] == 0)
				append(&f, OUTLOG_ERR, "e", 1);
			if (i % 10 == 0)
				assert_bounded(temp, cap);
		}
		/* What stderr wrote lately is there, its old bytes are gone. */
		assert_true(outlog_extent(f.log, OUTLOG_ERR).start > 0);
		assert_true(outlog_extent(f.log, OUTLOG_ERR).stored == (1099 / every[k]) + 1);
		finish(&f);
		assert_int_equal(temp_teardown(&temp), 0);
	}
}

static void
small_lines_at_a_small_cap_take_bounded_space(void **state)
{
	static const char line[] = "a line of some forty bytes, as many are";
	const uint64_t cap = 4096;
	struct fixture f;
	int i;

	begin(&f, *state, cap, OUTLOG_DROP_OLDEST);
	for (i = 0; i < 30000; i++) {
		append(&f, (enum outlog_stream)(i % 5 == 0), line, sizeof line);
		if (i % 500 == 0)
			assert_bounded(f.temp, cap);
	}
	finish(&f);
}

static void
without_a_cap_all_is_kept_in_large_segments(void **state)
{
	const size_t block = 1 << 20, blocks = 66;
	unsigned char *bytes = calloc(1, block);
	struct outlog_result res;
	struct outlog_reader *r;
	struct fixture f;
	size_t i;

	begin(&f, *state, 0, OUTLOG_DISCARD);
	for (i = 0; i < blocks; i++) {
		memset(bytes, (int)('A' + i % 26), 16);
		append(&f, OUTLOG_OUT, bytes, block);
	}
	assert_int_equal(usage_of(f.temp).files, 2);
	assert_true(usage_of(f.temp).bytes == blocks * block);
	r = reader_of(&f);
	for (i = 60; i < blocks; i++) { /* one read over the border of both */
		assert_int_equal(outlog_read(r, OUTLOG_VIEW_COMBINED, i * block - 100, bytes, 200,
					     false, NULL, 0, &res),
				 0);
		assert_true(res.len == 200 && res.offset == i * block - 100);
		assert_true(bytes[99] == 0 && bytes[100] == 'A' + i % 26);
	}
	outlog_reader_free(r);
	free(bytes);
	finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(pieces_of_one_stream_within_ten_milliseconds_share_an_entry),
		cmocka_unit_test(an_empty_log_takes_one_piece_however_small_the_cap),
		unit_test_in_temp(discarding_keeps_the_beginning_and_counts_the_rest),
		unit_test_in_temp(a_log_of_no_use_discards_everything),
		unit_test_in_temp(refusing_drops_nothing_and_takes_what_still_fits),
		unit_test_in_temp(blocking_drops_only_what_was_consumed),
		unit_test_in_temp(one_byte_of_each_stream_in_turn_takes_bounded_space),
		cmocka_unit_test(a_slow_stream_beside_a_flood_takes_bounded_space),
		unit_test_in_temp(small_lines_at_a_small_cap_take_bounded_space),
		unit_test_in_temp(without_a_cap_all_is_kept_in_large_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
