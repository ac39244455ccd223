/* SPDX-License-Identifier: MIT */
#include "filled.h"
#include "test.h"

#include "base/buf.h"
#include "jobdir/end.h"
#include "jobdir/tlv.h"

/* One kind of struct: how it is encoded and decoded, and what fill() cannot know of it. */
struct kind {
	size_t size;
	int (*encode)(struct buf *b, const void *obj);
	int (*decode)(const void *bytes, size_t len, void *obj);
	void (*finish)(void *obj, enum fill how);
};

#define CODEC(type)                                                 \
	static int type##_put(struct buf *b, const void *obj)       \
	{                                                           \
		return type##_encode(b, obj);                       \
	}                                                           \
	static int type##_get(const void *p, size_t len, void *obj) \
	{                                                           \
		return type##_decode(p, len, obj);                  \
	}
#define KIND(type)                                                         \
	{                                                                  \
		sizeof(struct type), type##_put, type##_get, type##_finish \
	}

CODEC(begin)
CODEC(failure)
CODEC(end)
CODEC(closing)

static void
begin_finish(void *obj, enum fill how)
{
	(void)how;
	clear_padding((struct begin *)obj);
}

static void
failure_finish(void *obj, enum fill how)
{
	struct failure *f = obj;

	fill_text(f->step, sizeof f->step, how);
	fill_text(f->path, sizeof f->path, how);
	clear_padding(f);
}

static void
end_finish(void *obj, enum fill how)
{
	struct end *e = obj;

	fill_text(e->names, sizeof e->names, how);
	clear_padding(e);
}

static void
closing_finish(void *obj, enum fill how)
{
	struct closing *c = obj;

	fill_text(c->names, sizeof c->names, how);
	clear_padding(c);
}

static const struct kind kinds[] = { KIND(begin), KIND(failure), KIND(end), KIND(closing) };

union any {
	struct begin begin;
	struct failure failure;
	struct end end;
	struct closing closing;
};

static void
filled(const struct kind *k, enum fill how, union any *obj, struct buf *b)
{
	fill(obj, k->size, how);
	k->finish(obj, how);
	buf_init(b, 65536);
	assert_int_equal(k->encode(b, obj), 0);
}

static void
every_member_survives(void **state)
{
	union any in, out;
	struct buf b;
	size_t i;
	int how;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		for (how = 0; how < FILL_COUNT; how++) {
			filled(&kinds[i], (enum fill)how, &in, &b);
			memset(&out, 0x55, sizeof out);
			assert_int_equal(kinds[i].decode(buf_head(&b), b.len, &out), 0);
			assert_same_bytes(&in, &out, kinds[i].size);
			buf_fini(&b);
		}
}

static void
the_members_that_matter_most_come_back_by_name(void **state)
{
	const struct end in = { .wait_status = 0x0f00,
				.cause = END_BY_IDLE_TIMEOUT,
				.last_signal = 15,
				.out = { 1, 2, 3 },
				.err = { 4, 5, 6 },
				.survivors = 2,
				.names = "7 sleep" };
	struct end out;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(end_encode(&b, &in), 0);
	assert_int_equal(end_decode(buf_head(&b), b.len, &out), 0);
	assert_int_equal(out.wait_status, 0x0f00);
	assert_int_equal(out.cause, END_BY_IDLE_TIMEOUT);
	assert_int_equal(out.last_signal, 15);
	assert_memory_equal(&out.out, &in.out, sizeof in.out);
	assert_memory_equal(&out.err, &in.err, sizeof in.err);
	assert_int_equal(out.survivors, 2);
	assert_string_equal(out.names, "7 sleep");
	buf_fini(&b);
}

static void
no_bytes_are_a_struct_of_zeros(void **state)
{
	union any out, zeros;
	size_t i;

	(void)state;
	memset(&zeros, 0, sizeof zeros);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		memset(&out, 0x55, sizeof out);
		assert_int_equal(kinds[i].decode("", 0, &out), 0);
		assert_memory_equal(&out, &zeros, kinds[i].size);
	}
}

static void
fields_of_a_newer_program_are_skipped(void **state)
{
	union any in, out;
	struct buf b, longer;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		filled(&kinds[i], FILL_DISTINCT, &in, &b);
		buf_init(&longer, 65536);
		assert_int_equal(tlv_put_u64(&longer, 60000, 1), 0);
		assert_int_equal(buf_add(&longer, buf_head(&b), b.len), 0);
		assert_int_equal(tlv_put_str(&longer, 65535, "new"), 0);
		assert_int_equal(kinds[i].decode(buf_head(&longer), longer.len, &out), 0);
		assert_same_bytes(&in, &out, kinds[i].size);
		buf_fini(&longer);
		buf_fini(&b);
	}
}

static void
a_cut_is_refused_or_falls_between_two_fields(void **state)
{
	struct tlv_field f;
	union any in, out;
	struct buf b;
	size_t i, cut;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct tlv t;

		filled(&kinds[i], FILL_DISTINCT, &in, &b);
		t = (struct tlv){ buf_head(&b), b.len };
		for (cut = 0; cut < b.len; cut++) {
			bool between = buf_head(&b) + cut == t.p;

			assert_int_equal(kinds[i].decode(buf_head(&b), cut, &out),
					 between ? 0 : -EBADMSG);
			if (between)
				assert_int_equal(tlv_next(&t, &f), 1);
		}
		buf_fini(&b);
	}
}

static void
a_text_too_long_is_cut_and_ends(void **state)
{
	char text[3 * END_NAMES_MAX];
	struct failure out;
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof text);
	buf_init(&b, 65536);
	assert_int_equal(tlv_put_bytes(&b, 101, text, sizeof text), 0);
	assert_int_equal(tlv_put_bytes(&b, 102, "a\0b", 3), 0);
	assert_int_equal(failure_decode(buf_head(&b), b.len, &out), 0);
	assert_int_equal(strlen(out.step), STEP_MAX - 1);
	assert_string_equal(out.path, "a");
	buf_fini(&b);
}

/* A Chinese character has three bytes. */
static void
a_text_of_any_bytes_becomes_characters(void **state)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {
		{ "/x\xe4\xb8\xad", "/x\xe4\xb8\xad" }, /* whole */
		{ "/x\xe4\xb8", "/x" },                 /* cut */
		{ "/x\xe4\xb8y\xff", "/x??y?" },
		{ "\xff\xfe", "??" },
		{ "", "" },
	};
	struct failure out;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		buf_init(&b, 65536);
		assert_int_equal(tlv_put_str(&b, 102, rows[i].bytes), 0);
		assert_int_equal(failure_decode(buf_head(&b), b.len, &out), 0);
		assert_string_equal(out.path, rows[i].text);
		buf_fini(&b);
	}
}

static void
a_text_cut_here_is_cut_between_characters(void **state)
{
	char text[PATH_TEXT_MAX + 5] = "";
	struct failure out;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i + 3 < sizeof text; i += 3)
		memcpy(text + i, "\xe4\xb8\xad", 4);
	buf_init(&b, 65536);
	assert_int_equal(tlv_put_str(&b, 102, text), 0);
	assert_int_equal(failure_decode(buf_head(&b), b.len, &out), 0);
	assert_int_equal(strlen(out.path), 198); /* the last whole one before 199 */
	text[198] = '\0';
	assert_string_equal(out.path, text);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_survives),
		cmocka_unit_test(the_members_that_matter_most_come_back_by_name),
		cmocka_unit_test(no_bytes_are_a_struct_of_zeros),
		cmocka_unit_test(fields_of_a_newer_program_are_skipped),
		cmocka_unit_test(a_cut_is_refused_or_falls_between_two_fields),
		cmocka_unit_test(a_text_too_long_is_cut_and_ends),
		cmocka_unit_test(a_text_of_any_bytes_becomes_characters),
		cmocka_unit_test(a_text_cut_here_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
