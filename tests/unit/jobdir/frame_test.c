/* SPDX-License-Identifier: MIT */
#include "filled.h"
#include "test.h"

#include "base/buf.h"
#include "base/le.h"
#include "jobdir/frame.h"
#include "jobdir/tlv.h"

/* One kind of frame: how it is put and got, and what fill() cannot know of its struct. */
struct kind {
	enum frame_type type;
	size_t size;
	int (*put)(struct buf *out, enum frame_type type, const void *obj);
	int (*get)(const struct frame *f, void *ret);
	void (*finish)(void *obj, enum fill how);
};

union any {
	struct frame_hello hello;
	struct frame_arm arm;
	struct frame_input input;
	struct frame_input_done input_done;
	struct frame_stop stop;
	struct frame_signal signal;
	struct frame_signalled signalled;
	struct frame_stopped stopped;
	struct frame_output output;
	struct frame_status status;
	uint64_t number;
};

#define GETTER(name)                                            \
	static int get_##name(const struct frame *f, void *ret) \
	{                                                       \
		return frame_get_##name(f, ret);                \
	}
#define CODEC(name)                                                                   \
	static int put_##name(struct buf *out, enum frame_type type, const void *obj) \
	{                                                                             \
		(void)type;                                                           \
		return frame_put_##name(out, obj);                                    \
	}                                                                             \
	GETTER(name)
/* Of several types. */
#define CODEC_TYPED(name)                                                             \
	static int put_##name(struct buf *out, enum frame_type type, const void *obj) \
	{                                                                             \
		return frame_put_##name(out, type, obj);                              \
	}                                                                             \
	GETTER(name)
#define FINISH(name, ...)                                   \
	static void finish_##name(void *obj, enum fill how) \
	{                                                   \
		struct frame_##name *f = obj;               \
		(void)how;                                  \
		__VA_ARGS__;                                \
		clear_padding(f);                           \
	}

static unsigned char input_data[FRAME_INPUT_MAX];

CODEC(hello)
CODEC(input)
CODEC(input_done)
CODEC(stop)
CODEC(signal)
CODEC(signalled)
CODEC(stopped)
CODEC(output)
CODEC_TYPED(arm)
CODEC_TYPED(status)

FINISH(hello, fill_text(f->id, sizeof f->id, how))
FINISH(arm, (void)0)
FINISH(input, f->eof = how != FILL_ZEROS; f->data = input_data; f->len = 1000)
FINISH(input_done, f->closed = how != FILL_ZEROS)
FINISH(stop, (void)0)
FINISH(signal, f->tree = how != FILL_ZEROS)
FINISH(signalled, (void)0)
FINISH(stopped, fill_text(f->names, sizeof f->names, how))
FINISH(output, (void)0)
FINISH(status, f->input_closed = f->stopping = f->exited = f->ended = how != FILL_ZEROS;
       f->disk_full = f->blocked = how != FILL_ZEROS; clear_padding(&f->begin))

static int
put_number(struct buf *out, enum frame_type type, const void *obj)
{
	uint64_t number;

	memcpy(&number, obj, sizeof number);
	return frame_put_number(out, type, number);
}

static int
get_number(const struct frame *f, void *ret)
{
	return frame_get_number(f, ret);
}

static void
finish_number(void *obj, enum fill how)
{
	(void)obj, (void)how;
}

#define KIND(type, name)                                                                    \
	{                                                                                   \
		type, sizeof(((union any *)0)->name), put_##name, get_##name, finish_##name \
	}

static const struct kind kinds[] = {
	KIND(FRAME_HELLO, hello),           KIND(FRAME_ARM, arm),
	KIND(FRAME_CONSUMED, arm),          KIND(FRAME_INPUT, input),
	KIND(FRAME_INPUT_DONE, input_done), KIND(FRAME_STOP, stop),
	KIND(FRAME_SIGNAL, signal),         KIND(FRAME_SIGNALLED, signalled),
	KIND(FRAME_STOPPED, stopped),       KIND(FRAME_OUTPUT, output),
	KIND(FRAME_STATUS, status),         KIND(FRAME_TROUBLE, status),
	KIND(FRAME_POLICY, number),         KIND(FRAME_PIPE_GRANT, number),
};

/* A frame of that kind in the buffer, and found again. */
static struct frame
make(const struct kind *k, enum fill how, union any *obj, struct buf *b)
{
	struct frame f;
	size_t used;

	fill(obj, k->size, how);
	k->finish(obj, how);
	buf_init(b, FRAME_MAX);
	assert_int_equal(k->put(b, k->type, obj), 0);
	assert_int_equal(frame_next(b, FRAME_SMALL_MAX, &f, &used), 1);
	assert_int_equal(f.type, k->type);
	assert_int_equal(used, b->len);
	assert_int_equal(f.len, used - FRAME_HEAD_LEN);
	return f;
}

static void
assert_same(const struct kind *k, const union any *in, union any *out)
{
	if (k->type == FRAME_INPUT) { /* the data lies in the buffer now */
		assert_int_equal(out->input.len, in->input.len);
		assert_memory_equal(out->input.data, in->input.data, in->input.len);
		out->input.data = in->input.data;
	}
	assert_same_bytes(in, out, k->size);
}

static void
every_member_survives(void **state)
{
	union any in, out;
	struct frame f;
	struct buf b;
	size_t i;
	int how;

	(void)state;
	fill(input_data, sizeof input_data, FILL_DISTINCT);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		for (how = 0; how < FILL_COUNT; how++) {
			f = make(&kinds[i], (enum fill)how, &in, &b);
			memset(&out, 0x55, sizeof out);
			assert_int_equal(kinds[i].get(&f, &out), 0);
			assert_same(&kinds[i], &in, &out);
			buf_fini(&b);
		}
}

static void
a_frame_without_fields_is_a_struct_of_zeros(void **state)
{
	const struct frame f = { .type = 1, .fields = (const unsigned char *)"" };
	union any out, zeros;
	size_t i;

	(void)state;
	memset(&zeros, 0, sizeof zeros);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		memset(&out, 0x55, sizeof out);
		assert_int_equal(kinds[i].get(&f, &out), 0);
		assert_memory_equal(&out, &zeros, kinds[i].size);
	}
}

static void
fields_of_a_newer_program_are_skipped(void **state)
{
	union any in, out;
	struct frame f;
	struct buf b, more;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		f = make(&kinds[i], FILL_DISTINCT, &in, &b);
		buf_init(&more, FRAME_MAX);
		assert_int_equal(tlv_put_str(&more, 60000, "new"), 0);
		assert_int_equal(buf_add(&more, f.fields, f.len), 0);
		assert_int_equal(tlv_put_u64(&more, 65535, 1), 0);
		f.fields = buf_head(&more);
		f.len = more.len;
		assert_int_equal(kinds[i].get(&f, &out), 0);
		assert_same(&kinds[i], &in, &out);
		buf_fini(&more);
		buf_fini(&b);
	}
}

static void
a_cut_is_refused_or_falls_between_two_fields(void **state)
{
	struct tlv_field field;
	struct frame f, part;
	union any in, out;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct tlv t;

		f = make(&kinds[i], FILL_DISTINCT, &in, &b);
		t = (struct tlv){ f.fields, f.len };
		for (part = f, part.len = 0; part.len < f.len; part.len++) {
			bool between = f.fields + part.len == t.p;

			assert_int_equal(kinds[i].get(&part, &out), between ? 0 : -EBADMSG);
			if (between)
				assert_int_equal(tlv_next(&t, &field), 1);
		}
		buf_fini(&b);
	}
}

static void
a_frame_is_taken_only_when_it_is_whole(void **state)
{
	const struct frame_stop stop = { .tag = 7, .signal = 15, .grace_ms = 5000 };
	struct frame_stop got;
	struct frame f;
	size_t used, cut;
	struct buf b;

	(void)state;
	buf_init(&b, FRAME_MAX);
	assert_int_equal(frame_put(&b, FRAME_QUERY, NULL, 0), 0);
	assert_int_equal(frame_put_stop(&b, &stop), 0);
	assert_int_equal(frame_next(&b, FRAME_SMALL_MAX, &f, &used), 1);
	assert_int_equal(f.type, FRAME_QUERY);
	assert_int_equal(f.len, 0);
	assert_int_equal(used, FRAME_HEAD_LEN);
	buf_consume(&b, used);
	for (cut = 0; cut < b.len; cut++) {
		struct buf part = { .data = b.data, .start = b.start, .len = cut };

		assert_int_equal(frame_next(&part, FRAME_SMALL_MAX, &f, &used), 0);
	}
	assert_int_equal(frame_next(&b, FRAME_SMALL_MAX, &f, &used), 1);
	assert_int_equal(f.type, FRAME_STOP);
	assert_int_equal(frame_get_stop(&f, &got), 0);
	assert_int_equal(got.tag, 7);
	buf_consume(&b, used);
	assert_int_equal(b.len, 0);
	assert_int_equal(frame_next(&b, FRAME_SMALL_MAX, &f, &used), 0);
	buf_fini(&b);
}

static void
a_frame_lies_as_the_header_says(void **state)
{
	const unsigned char bytes[] = { 14, 0, 0, 0, 34, 0, 0, 0, 1, 0, 8,
					0,  0, 0, 9, 0,  0, 0, 0, 0, 0, 0 };
	struct buf b;

	(void)state;
	buf_init(&b, FRAME_MAX);
	assert_int_equal(frame_put_number(&b, FRAME_FAILURE, 9), 0);
	assert_int_equal(b.len, sizeof bytes);
	assert_memory_equal(buf_head(&b), bytes, sizeof bytes);
	buf_fini(&b);
}

static void
a_frame_that_is_too_long_is_known_by_its_head(void **state)
{
	unsigned char head[FRAME_HEAD_LEN] = { 0 };
	struct frame f;
	size_t used;
	struct buf b;

	(void)state;
	buf_init(&b, FRAME_MAX + FRAME_HEAD_LEN);
	put_le32(head, FRAME_SMALL_MAX + 1);
	assert_int_equal(buf_add(&b, head, sizeof head), 0);
	assert_int_equal(frame_next(&b, FRAME_SMALL_MAX, &f, &used), -EMSGSIZE);
	assert_int_equal(frame_next(&b, FRAME_SMALL_MAX + 1, &f, &used), 0);
	put_le32(buf_head(&b), UINT32_MAX);
	assert_int_equal(frame_next(&b, FRAME_MAX, &f, &used), -EMSGSIZE);
	buf_fini(&b);
}

static void
input_of_the_largest_size_fits_and_more_is_refused(void **state)
{
	static unsigned char huge[FRAME_SMALL_MAX + 1];
	struct frame_input in = { .tag = 1,
				  .offset = FRAME_APPEND,
				  .eof = true,
				  .data = input_data,
				  .len = FRAME_INPUT_MAX };
	struct frame_input out;
	struct frame f;
	size_t used;
	struct buf b;

	(void)state;
	buf_init(&b, FRAME_MAX);
	assert_int_equal(frame_put_input(&b, &in), 0);
	assert_int_equal(frame_next(&b, FRAME_SMALL_MAX, &f, &used), 1);
	assert_int_equal(frame_get_input(&f, &out), 0);
	assert_true(out.offset == FRAME_APPEND);
	assert_true(out.eof);
	assert_int_equal(out.len, FRAME_INPUT_MAX);
	assert_memory_equal(out.data, input_data, FRAME_INPUT_MAX);
	used = b.len;
	in.data = huge;
	in.len = sizeof huge;
	assert_int_equal(frame_put_input(&b, &in), -EMSGSIZE);
	assert_int_equal(b.len, used);
	buf_fini(&b);
}

static void
an_end_of_input_without_data_survives(void **state)
{
	const struct frame_input in = { .tag = 3, .eof = true };
	struct frame_input out;
	struct frame f;
	size_t used;
	struct buf b;

	(void)state;
	buf_init(&b, FRAME_MAX);
	assert_int_equal(frame_put_input(&b, &in), 0);
	assert_int_equal(frame_next(&b, FRAME_SMALL_MAX, &f, &used), 1);
	assert_int_equal(frame_get_input(&f, &out), 0);
	assert_true(out.eof);
	assert_int_equal(out.len, 0);
	buf_fini(&b);
}

static void
a_frame_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	union any in;
	struct buf b, small;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		(void)make(&kinds[i], FILL_DISTINCT, &in, &b);
		buf_init(&small, b.len + 2);
		assert_int_equal(buf_add(&small, "abc", 3), 0);
		assert_int_equal(kinds[i].put(&small, kinds[i].type, &in), -EMSGSIZE);
		assert_int_equal(small.len, 3);
		assert_memory_equal(buf_head(&small), "abc", 3);
		buf_fini(&small);
		buf_fini(&b);
	}
}

static void
a_text_too_long_is_cut_and_ends(void **state)
{
	struct frame_hello hello;
	struct frame f = { .type = FRAME_HELLO };
	char text[300];
	struct buf b;

	(void)state;
	memset(text, 'x', sizeof text);
	buf_init(&b, FRAME_MAX);
	assert_int_equal(tlv_put_bytes(&b, 100, text, sizeof text), 0);
	f.fields = buf_head(&b);
	f.len = b.len;
	assert_int_equal(frame_get_hello(&f, &hello), 0);
	assert_int_equal(strlen(hello.id), sizeof hello.id - 1);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_survives),
		cmocka_unit_test(a_frame_without_fields_is_a_struct_of_zeros),
		cmocka_unit_test(fields_of_a_newer_program_are_skipped),
		cmocka_unit_test(a_cut_is_refused_or_falls_between_two_fields),
		cmocka_unit_test(a_frame_is_taken_only_when_it_is_whole),
		cmocka_unit_test(a_frame_lies_as_the_header_says),
		cmocka_unit_test(a_frame_that_is_too_long_is_known_by_its_head),
		cmocka_unit_test(input_of_the_largest_size_fits_and_more_is_refused),
		cmocka_unit_test(an_end_of_input_without_data_survives),
		cmocka_unit_test(a_frame_that_does_not_fit_leaves_the_buffer_as_it_was),
		cmocka_unit_test(a_text_too_long_is_cut_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
