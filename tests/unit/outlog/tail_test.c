/* SPDX-License-Identifier: MIT */
/*
 * The last lines of a log, against a plain search in all that it holds.
 */
#include "outlog/fixture.h"

#define TEXT_MAX ((size_t)1 << 18)

/* All bytes of a view without gaps. */
struct text {
	unsigned char *p;
	size_t len;
};

static struct text
text_of(const struct model *m, enum outlog_view view)
{
	struct text t = { malloc(TEXT_MAX), 0 };
	size_t i;

	assert_non_null(t.p);
	assert_true(m->sum <= TEXT_MAX);
	for (i = 0; i < m->n_runs; i++) {
		const struct run *r = &m->runs[i];

		if (view != OUTLOG_VIEW_COMBINED && view != (enum outlog_view)r->stream)
			continue;
		model_bytes(r->stream, r->from, t.p + t.len, (size_t)r->len);
		t.len += (size_t)r->len;
	}
	return t;
}

/* Where the last `lines` lines begin, not before `low`; *ret_lines: how many there are. */
static size_t
plain_tail(const struct text *t, size_t low, size_t lines, size_t *ret_lines)
{
	size_t at = t->len;

	*ret_lines = 0;
	while (at > low && (lines == 0 || *ret_lines < lines)) {
		for (at--; at > low && t->p[at - 1] != '\n'; at--)
			;
		++*ret_lines;
	}
	return at;
}

struct got {
	struct outlog_result res;
	size_t lines;
	bool cut;
	unsigned char *bytes;
	struct outlog_chunk *chunks;
};

static struct got
tail(struct outlog_reader *r, enum outlog_view view, size_t lines, size_t max, size_t max_chunks)
{
	struct got g = { .lines = 99999, .cut = true };

	g.bytes = malloc(max ? max : 1); /* exactly: asan sees a byte too many */
	g.chunks = max_chunks ? calloc(max_chunks, sizeof *g.chunks) : NULL;
	assert_int_equal(outlog_tail(r, view, lines, g.bytes, max, false, g.chunks, max_chunks,
				     &g.res, &g.lines, &g.cut),
			 0);
	assert_true(g.res.len <= max && g.res.n_chunks <= max_chunks);
	return g;
}

static void
got_free(struct got *g)
{
	free(g->bytes);
	free(g->chunks);
}

/* One tail of a log without gaps, with as many chunks as it takes. */
static void
check_tail(const struct fixture *f, struct outlog_reader *r, enum outlog_view view,
	   const struct text *t, size_t lines, size_t max)
{
	size_t low = t->len - MIN(t->len, max), want_lines, begin;
	struct got g = tail(r, view, lines, max, 5000);
	bool cut;

	begin = plain_tail(t, low, lines, &want_lines);
	/* Cut: lines are missing, or the first one is not whole. */
	cut = begin == low && low > 0 &&
	      (lines == 0 || want_lines < lines || t->p[low - 1] != '\n');
	if (g.res.len != t->len - begin || g.lines != want_lines || g.cut != cut)
		fail_msg("view %d, %zu lines, %zu bytes of %zu: %zu bytes, %zu lines, cut %d "
			 "instead of %zu, %zu, %d",
			 (int)view, lines, max, t->len, g.res.len, g.lines, g.cut, t->len - begin,
			 want_lines, cut);
	if (g.res.len) {
		assert_true(g.res.offset == begin);
		assert_memory_equal(g.bytes, t->p + begin, g.res.len);
	}
	model_check_chunks(&f->model, view, &g.res, g.chunks, 5000);
	got_free(&g);
}

static void
fill_log(struct fixture *f, uint32_t random, size_t bytes, uint32_t largest)
{
	while (f->model.sum < bytes) {
		f->now -= model_random(&random) % 2 ? MODEL_MERGE_NS : 0; /* some share an entry */
		put(f, (enum outlog_stream)(model_random(&random) % 3 == 0),
		    model_random(&random) % largest);
	}
}

static void
any_number_of_lines_in_any_number_of_bytes(void **state)
{
	static const size_t bytes[] = { 0, 1, 2, 100, 16384, 16385, 120000 };
	static const size_t lines[] = { 0, 1, 2, 3, 10, 100, 400, 999, 1000, 100000 };
	static const size_t maxes[] = { 0, 1, 7, 40, 1000, 16383, 16384, 16385, 65536, TEXT_MAX };
	struct outlog_reader *r;
	struct fixture f;
	struct text t;
	size_t i, k, n;
	int view;

	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	r = reader_of(&f);
	for (i = 0; i < ARRAY_SIZE(bytes); i++) {
		fill_log(&f, (uint32_t)i + 3, bytes[i], 3000);
		for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++) {
			t = text_of(&f.model, (enum outlog_view)view);
			for (k = 0; k < ARRAY_SIZE(lines); k++)
				for (n = 0; n < ARRAY_SIZE(maxes); n++)
					check_tail(&f, r, (enum outlog_view)view, &t, lines[k],
						   maxes[n]);
			free(t.p);
		}
	}
	outlog_reader_free(r);
	finish(&f);
}

static void
every_number_of_lines_and_every_number_of_bytes(void **state)
{
	struct outlog_reader *r;
	struct fixture f;
	struct text t;
	size_t n;

	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	fill_log(&f, 9, 40000, 500);
	r = reader_of(&f);
	t = text_of(&f.model, OUTLOG_VIEW_COMBINED);
	for (n = 0; n <= 1100; n++) {
		check_tail(&f, r, OUTLOG_VIEW_COMBINED, &t, n, TEXT_MAX);
		check_tail(&f, r, OUTLOG_VIEW_COMBINED, &t, 1 + n % 20, n);
	}
	/* Lines that fit exactly, and those that just do not. */
	for (n = 1; n < 200; n++) {
		size_t found, len = t.len - plain_tail(&t, 0, n, &found);

		check_tail(&f, r, OUTLOG_VIEW_COMBINED, &t, n, len - 1);
		check_tail(&f, r, OUTLOG_VIEW_COMBINED, &t, n, len);
		check_tail(&f, r, OUTLOG_VIEW_COMBINED, &t, n, len + 1);
	}
	/* Around where the first look ends. */
	for (n = 16300; n <= 16500; n++)
		check_tail(&f, r, OUTLOG_VIEW_COMBINED, &t, 400 + n % 20, n);
	free(t.p);
	outlog_reader_free(r);
	finish(&f);
}

/* A log of its own with that text, in pieces of `piece` bytes. */
static struct outlog_reader *
reader_of_text(struct temp *temp, const char *text, size_t len, size_t piece)
{
	struct outlog_reader *r;
	struct outlog *log;
	struct err err = { 0 };
	size_t at, taken;

	assert_ok(outlog_new(temp->fd, 0, OUTLOG_DROP_OLDEST, &log, &err), &err);
	for (at = 0; at < len; at += piece)
		assert_int_equal(outlog_append(log, OUTLOG_OUT, NS_PER_S, text + at,
					       MIN(piece, len - at), &taken),
				 0);
	outlog_free(log);
	assert_ok(outlog_reader_new(temp->fd, &r, &err), &err);
	return r;
}

static void
a_line_that_begins_before_the_first_look_is_whole(void **state)
{
	/* 16 KiB from the end lies the newline of a line that is longer than nothing. */
	const size_t first_look = 16384, len = first_look + 5;
	char *text = malloc(len);
	struct outlog_reader *r;
	struct got g;

	memset(text, 'x', len);
	memcpy(text, "a\nlong\n", 7);
	assert_int_equal(text[len - first_look + 1], '\n');
	text[len - first_look] = '\n'; /* "a\nlon\n\nxxx...": found at the very first byte */
	text[len - 1] = '\n';
	r = reader_of_text(*state, text, len, 1000);
	g = tail(r, OUTLOG_VIEW_OUT, 3, len, 0);
	assert_int_equal(g.lines, 3);
	assert_false(g.cut);
	assert_true(g.res.offset == 2);
	assert_memory_equal(g.bytes, "lon\n\nxx", 7);
	got_free(&g);
	outlog_reader_free(r);
	free(text);
}

static void
the_ends_of_small_texts(void **state)
{
	static const struct {
		const char *text;
		size_t lines;
		const char *want;
		size_t want_lines;
	} rows[] = {
		{ "a", 1, "a", 1 },         { "a\n", 1, "a\n", 1 },
		{ "\n", 1, "\n", 1 },       { "\n\n", 1, "\n", 1 },
		{ "\n\n", 2, "\n\n", 2 },   { "\n\n", 3, "\n\n", 2 },
		{ "a\nb", 1, "b", 1 },      { "a\nb\n", 1, "b\n", 1 },
		{ "a\nb", 2, "a\nb", 2 },   { "a\n\nb", 2, "\nb", 2 },
		{ "a\nb\n\n", 1, "\n", 1 }, { "a\nb\nc", 0, "a\nb\nc", 3 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outlog_reader *r =
			reader_of_text(*state, rows[i].text, strlen(rows[i].text), 1);
		struct got g = tail(r, OUTLOG_VIEW_OUT, rows[i].lines, 100, 5);

		assert_int_equal(g.res.len, strlen(rows[i].want));
		assert_memory_equal(g.bytes, rows[i].want, g.res.len);
		assert_int_equal(g.lines, rows[i].want_lines);
		assert_false(g.cut);
		got_free(&g);
		outlog_reader_free(r);
	}
}

static void
few_chunks_for_many_small_pieces_bring_what_fits_of_the_end(void **state)
{
	static const size_t max_chunks[] = { 1, 2, 3, 10, 100, 1999, 2000, 2001 };
	struct outlog_reader *r;
	struct fixture f;
	struct text t;
	struct got g;
	size_t i, want;
	int view;

	begin(&f, *state, 0, OUTLOG_DROP_OLDEST);
	for (i = 0; i < 1000; i++) {
		put(&f, OUTLOG_OUT, 1);
		put(&f, OUTLOG_ERR, 1);
	}
	r = reader_of(&f);
	for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++) {
		t = text_of(&f.model, (enum outlog_view)view);
		for (i = 0; i < ARRAY_SIZE(max_chunks); i++) {
			g = tail(r, (enum outlog_view)view, 0, 100000, max_chunks[i]);
			assert_true(g.res.len > 0);
			assert_true(g.res.offset + g.res.len == t.len);
			assert_memory_equal(g.bytes, t.p + g.res.offset, g.res.len);
			model_check_chunks(&f.model, (enum outlog_view)view, &g.res, g.chunks,
					   max_chunks[i]);
			assert_int_equal(g.cut, g.res.len < t.len);
			(void)plain_tail(&t, (size_t)g.res.offset, 0, &want);
			assert_int_equal(g.lines, want);
			got_free(&g);
		}
		free(t.p);
	}
	outlog_reader_free(r);
	finish(&f);
}

static void
what_lies_before_the_last_gap_is_left_out(void **state)
{
	struct outlog_reader *r;
	uint64_t at, len, gaps = 0, begin_at = 0;
	struct fixture f;
	struct got g;

	/* Stderr lies with its old bytes among new ones of stdout, and is dropped from there. */
	begin(&f, *state, 65536, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_OUT, 5000);
	while (gaps < 2) {
		put(&f, OUTLOG_OUT, 100);
		put(&f, OUTLOG_ERR, 200);
		gaps = 0;
		for (at = 0; (at = model_combined(&f.model, at, UINT64_MAX, &len)), len;
		     at += len) {
			begin_at = at;
			gaps++;
		}
	}
	r = reader_of(&f);
	g = tail(r, OUTLOG_VIEW_COMBINED, 0, 100000, 5000);
	assert_true(g.res.offset == begin_at);
	assert_true(g.res.offset + g.res.len == f.model.sum);
	assert_false(g.cut); /* nothing was left out for want of room */
	model_check_bytes(&f.model, OUTLOG_VIEW_COMBINED, g.res.offset, g.bytes, g.res.len);
	model_check_chunks(&f.model, OUTLOG_VIEW_COMBINED, &g.res, g.chunks, 5000);
	got_free(&g);
	outlog_reader_free(r);
	finish(&f);
}

static void
the_end_is_the_end_even_if_a_stream_is_gone(void **state)
{
	struct outlog_reader *r;
	struct fixture f;
	struct got g;

	begin(&f, *state, 65536, OUTLOG_DROP_OLDEST);
	put(&f, OUTLOG_OUT, 1000);
	while (f.model.start[OUTLOG_OUT] == 0)
		put(&f, OUTLOG_ERR, 3000);
	r = reader_of(&f);
	g = tail(r, OUTLOG_VIEW_COMBINED, 1, 100000, 10);
	assert_true(g.res.len > 0);
	assert_true(g.res.offset + g.res.len == f.model.sum);
	got_free(&g);
	g = tail(r, OUTLOG_VIEW_COMBINED, 0, 300, 10);
	assert_true(g.res.offset + g.res.len == f.model.sum && g.res.len == 300);
	got_free(&g);
	g = tail(r, OUTLOG_VIEW_OUT, 5, 300, 10);
	assert_true(g.res.len == 0 && g.lines == 0 && !g.cut);
	got_free(&g);
	outlog_reader_free(r);
	finish(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_in_temp(any_number_of_lines_in_any_number_of_bytes),
		unit_test_in_temp(every_number_of_lines_and_every_number_of_bytes),
		unit_test_in_temp(a_line_that_begins_before_the_first_look_is_whole),
		unit_test_in_temp(the_ends_of_small_texts),
		unit_test_in_temp(few_chunks_for_many_small_pieces_bring_what_fits_of_the_end),
		unit_test_in_temp(what_lies_before_the_last_gap_is_left_out),
		unit_test_in_temp(the_end_is_the_end_even_if_a_stream_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
