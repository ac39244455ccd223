/* SPDX-License-Identifier: MIT */
/*
 * An index that is not what it was: flipped, cut, overwritten, or made up with checksums that hold.
 * No reader crashes, loops or reads wrong bytes of a single stream; the order is what suffers.
 */
#include "outlog/fixture.h"

#include "base/crc.h"
#include "base/le.h"

#define ENTRIES 300

struct broken {
	struct fixture f;
	int indexfd;
	unsigned char index[INDEX_HEADER_LEN + ENTRIES * INDEX_ENTRY_LEN];
};

static void
make_log(struct broken *b, void *temp)
{
	uint32_t random = 31;
	int i;

	begin(&b->f, temp, 0, OUTLOG_DROP_OLDEST);
	for (i = 0; i < ENTRIES; i++)
		put(&b->f, (enum outlog_stream)(model_random(&random) % 2),
		    1 + model_random(&random) % 30);
	b->indexfd = openat(b->f.temp->fd, INDEX_FILE, O_RDWR | O_CLOEXEC);
	assert_int_equal(fd_pread_all(b->indexfd, b->index, sizeof b->index, 0), sizeof b->index);
}

static void
set_index(const struct broken *b, const void *bytes, size_t len)
{
	assert_int_equal(ftruncate(b->indexfd, 0), 0);
	assert_int_equal(pwrite(b->indexfd, bytes, len, 0), len);
}

/* Follow a view to its end; each step must bring something, and there are not many. */
static void
follow(struct outlog_reader *r, enum outlog_view view)
{
	static unsigned char bytes[8192];
	struct outlog_chunk chunks[64];
	struct outlog_result res;
	uint64_t at = 0;
	size_t steps, i, sum;

	for (steps = 0; steps < 3 * ENTRIES; steps++) {
		assert_int_equal(outlog_read(r, view, at, bytes, sizeof bytes, false, chunks,
					     ARRAY_SIZE(chunks), &res),
				 0);
		assert_true(res.len <= sizeof bytes && res.n_chunks <= ARRAY_SIZE(chunks));
		for (i = sum = 0; i < res.n_chunks; i++)
			sum += chunks[i].len;
		assert_true(sum == res.len && res.offset >= at);
		if (res.len == 0)
			return;
		at = res.offset + res.len;
	}
	fail_msg("view %d has no end", (int)view);
}

static void
read_everything(const struct broken *b, bool final)
{
	struct outlog_reader *r = reader_of(&b->f);
	static unsigned char bytes[8192];
	uint64_t offsets[OUTLOG_STREAMS];
	struct outlog_chunk chunks[10];
	struct outlog_extents e;
	struct outlog_result res;
	size_t lines;
	bool cut;
	int view;

	if (final)
		outlog_reader_final(r);
	for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++) {
		follow(r, (enum outlog_view)view);
		assert_int_equal(outlog_tail(r, (enum outlog_view)view, 5, bytes, sizeof bytes,
					     false, chunks, ARRAY_SIZE(chunks), &res, &lines, &cut),
				 0);
	}
	/* Single streams need no index. */
	model_check(&b->f.model, r, MODEL_FRESH, OUTLOG_VIEW_OUT, 100, 5000, 0);
	model_check(&b->f.model, r, MODEL_FRESH, OUTLOG_VIEW_ERR, 0, 5000, 0);
	assert_int_equal(outlog_split(r, 1000, offsets), 0);
	assert_int_equal(outlog_reader_extents(r, &e), 0);
	outlog_reader_free(r);
}

static void
read_in_every_way(const struct broken *b)
{
	read_everything(b, false);
	read_everything(b, true);
}

static void
flipped_bits_harm_nobody(void **state)
{
	struct broken b;
	uint32_t random = 8;
	int i, flips;

	make_log(&b, *state);
	for (i = 0; i < 80; i++) {
		unsigned char bytes[sizeof b.index];

		memcpy(bytes, b.index, sizeof bytes);
		for (flips = 1 + i / 2; flips; flips--)
			bytes[model_random(&random) % sizeof bytes] ^=
				(unsigned char)(1u << model_random(&random) % 8);
		set_index(&b, bytes, sizeof bytes);
		read_in_every_way(&b);
	}
	fd_close(&b.indexfd);
	finish(&b.f);
}

static void
a_cut_index_harms_nobody(void **state)
{
	struct broken b;
	size_t len;

	make_log(&b, *state);
	for (len = 0; len < sizeof b.index; len += 121) {
		set_index(&b, b.index, len);
		read_in_every_way(&b);
	}
	fd_close(&b.indexfd);
	finish(&b.f);
}

static void
pages_of_zeros_harm_nobody(void **state)
{
	struct broken b;
	size_t from, to;

	make_log(&b, *state);
	for (from = 0; from < sizeof b.index; from += 1024)
		for (to = from + 1024; to <= sizeof b.index; to += 4096) {
			unsigned char bytes[sizeof b.index];

			memcpy(bytes, b.index, sizeof bytes);
			memset(bytes + from, 0, to - from);
			set_index(&b, bytes, sizeof bytes);
			read_in_every_way(&b);
		}
	set_index(&b, b.index, sizeof b.index);
	assert_int_equal(ftruncate(b.indexfd, 200000), 0); /* zeros behind it */
	read_in_every_way(&b);
	fd_close(&b.indexfd);
	finish(&b.f);
}

/* A number as a liar would choose it. */
static uint64_t
some_end(uint32_t *random, uint64_t near)
{
	static const uint64_t ends[] = {
		0, 1, INT64_MAX, UINT64_MAX, UINT64_MAX / 4, UINT64_MAX / 4 - 1, UINT64_C(1) << 32
	};

	switch (model_random(random) % 4) {
	case 0:
		return ends[model_random(random) % ARRAY_SIZE(ends)];
	case 1:
		return near - MIN(near, model_random(random) % 1000);
	default:
		return near + model_random(random) % 1000;
	}
}

static void
lies_with_good_checksums_harm_nobody(void **state)
{
	struct broken b;
	uint32_t random = 21;
	int i, lies;

	make_log(&b, *state);
	for (i = 0; i < 120; i++) {
		unsigned char bytes[sizeof b.index];

		memcpy(bytes, b.index, sizeof bytes);
		for (lies = 1 + i; lies; lies--) {
			unsigned char *e = bytes + INDEX_HEADER_LEN +
					   model_random(&random) % ENTRIES * INDEX_ENTRY_LEN;

			put_le64(e, some_end(&random, get_le64(e)));
			put_le64(e + 8, some_end(&random, get_le64(e + 8)));
			put_le64(e + 16, some_end(&random, get_le64(e + 16)));
			put_le32(e + 28, crc32c(0, e, 28));
		}
		set_index(&b, bytes, sizeof bytes);
		read_in_every_way(&b);
	}
	fd_close(&b.indexfd);
	finish(&b.f);
}

static void
a_folder_in_the_place_of_a_segment_is_an_error(void **state)
{
	struct outlog_result res;
	struct outlog_reader *r;
	struct fixture f;
	char bytes[10];

	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_OUT, 10);
	assert_int_equal(mkdirat(f.temp->fd, "stdout.10", 0700), 0);
	r = reader_of(&f);
	assert_int_equal(outlog_read(r, OUTLOG_VIEW_OUT, 10, bytes, 10, false, NULL, 0, &res),
			 -EISDIR);
	outlog_reader_free(r);
	finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(flipped_bits_harm_nobody),
		unit_test_in_temp(a_cut_index_harms_nobody),
		unit_test_in_temp(pages_of_zeros_harm_nobody),
		unit_test_in_temp(lies_with_good_checksums_harm_nobody),
		unit_test_in_temp(a_folder_in_the_place_of_a_segment_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
