/* SPDX-License-Identifier: MIT */
#include "packed.h"

#include "base/arena.h"
#include "wire/message.h"
#include "wire/methods.h"

#define ARENA_MAX ((size_t)1024 * 1024)
#define CALL_MAX  ((size_t)32 * 1024 * 1024) /* what the engine gives a call */

static int
unpack(struct arena *a, const ProtobufCMessageDescriptor *type, const struct buf *b, void *ret,
       struct err *err)
{
	unsigned char *copy = exact_copy(buf_head(b), b->len);
	ProtobufCMessage *m = NULL;
	int rc = message_unpack(a, type, copy, b->len, &m, err);

	free(copy);
	*(ProtobufCMessage **)ret = m;
	return rc;
}

/* A field inside of messages inside of messages: the way to it, outermost first. */
static void
put_nested(struct buf *b, const ProtobufCFieldDescriptor *const *path, unsigned depth,
	   const void *bytes, size_t len)
{
	struct buf inner, outer;

	buf_init(&inner, 4096);
	buf_init(&outer, 4096);
	assert_int_equal(buf_add(&inner, bytes, len), 0);
	while (depth-- > 0) {
		buf_clear(&outer);
		put_bytes(&outer, path[depth]->id, buf_head(&inner), inner.len);
		buf_clear(&inner);
		assert_int_equal(buf_add(&inner, buf_head(&outer), outer.len), 0);
	}
	assert_int_equal(buf_add(b, buf_head(&inner), inner.len), 0);
	buf_fini(&inner);
	buf_fini(&outer);
}

static void
assert_string_is_checked(const ProtobufCMessageDescriptor *top,
			 const ProtobufCFieldDescriptor *const *path, unsigned depth)
{
	static const struct {
		const char *bytes;
		size_t len;
		int rc;
	} texts[] = {
		{ "good \xc3\xa4", 7, 0 },           { "", 0, 0 },
		{ "\0", 1, ERR_INVALID_ARGUMENT },   { "end\0", 4, ERR_INVALID_ARGUMENT },
		{ "\x80", 1, ERR_INVALID_ARGUMENT }, { "half \xc3", 6, ERR_INVALID_ARGUMENT },
	};
	struct err err = { 0 };
	struct arena a;
	struct buf b;
	size_t i;
	void *m;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		arena_init(&a, ARENA_MAX);
		buf_init(&b, 4096);
		err.field[0] = '\0';
		put_nested(&b, path, depth, texts[i].bytes, texts[i].len);
		assert_int_equal(unpack(&a, top, &b, &m, &err), texts[i].rc);
		assert_string_equal(err.field, texts[i].rc ? path[depth - 1]->name : "");
		buf_fini(&b);
		arena_fini(&a);
	}
}

static unsigned
check_strings_in(const ProtobufCMessageDescriptor *top, const ProtobufCMessageDescriptor *type,
		 const ProtobufCFieldDescriptor **path, unsigned depth)
{
	unsigned i, n = 0;

	for (i = 0; i < type->n_fields; i++) {
		path[depth] = &type->fields[i];
		if (path[depth]->type == PROTOBUF_C_TYPE_STRING) {
			assert_string_is_checked(top, path, depth + 1);
			n++;
		} else if (path[depth]->type == PROTOBUF_C_TYPE_MESSAGE) {
			n += check_strings_in(top, path[depth]->descriptor, path, depth + 1);
		}
	}
	return n;
}

static void
every_string_of_every_message_is_checked_and_named(void **state)
{
	const ProtobufCFieldDescriptor *path[8];
	unsigned n = 0;
	size_t i;

	(void)state;
	for (i = 0; i < METHOD_COUNT; i++) {
		n += check_strings_in(methods[i].request, methods[i].request, path, 0);
		n += check_strings_in(methods[i].response, methods[i].response, path, 0);
	}
	assert_true(n > 50);
}

static void
bytes_may_be_anything(void **state)
{
	Jobwire__V1__StartRequest *m;
	struct err err = { 0 };
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, ARENA_MAX);
	buf_init(&b, 4096);
	put_bytes(&b, 2, "\0\xff\xc3", 3);
	assert_ok(unpack(&a, &jobwire__v1__start_request__descriptor, &b, &m, &err), &err);
	assert_int_equal(m->command.len, 3);
	assert_memory_equal(m->command.data, "\0\xff\xc3", 3);
	buf_fini(&b);
	arena_fini(&a);
}

/* Two bytes each on the wire, and much more than that in memory. */
static void
a_small_message_that_becomes_a_large_tree_fails_alone(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *type;
		uint32_t number;
	} repeated[] = {
		{ &jobwire__v1__wait_request__descriptor, 1 },  /* strings */
		{ &jobwire__v1__start_request__descriptor, 1 }, /* bytes */
		{ &jobwire__v1__start_request__descriptor, 5 }, /* messages */
	};
	struct err err = { 0 };
	struct arena a;
	struct buf b;
	size_t i, n;
	void *m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(repeated); i++) {
		arena_init(&a, CALL_MAX);
		buf_init(&b, WIRE_SOCKET_MAX);
		for (n = 0; n < WIRE_SOCKET_MAX / 2; n++)
			put_bytes(&b, repeated[i].number, "", 0);
		assert_int_equal(unpack(&a, repeated[i].type, &b, &m, &err), ERR_INVALID_ARGUMENT);
		assert_true(a.used <= CALL_MAX);
		arena_fini(&a);
		/* the same memory takes an ordinary one */
		buf_clear(&b);
		put_bytes(&b, repeated[i].number, "", 0);
		assert_ok(unpack(&a, repeated[i].type, &b, &m, &err), &err);
		arena_fini(&a);
		buf_fini(&b);
	}
}

static void
fields_of_a_newer_client_do_no_harm(void **state)
{
	Jobwire__V1__GetRequest *m;
	struct err err = { 0 };
	struct arena a;
	struct buf b;

	(void)state;
	arena_init(&a, ARENA_MAX);
	buf_init(&b, 4096);
	put_number(&b, 100, UINT64_MAX);
	put_bytes(&b, 101, "\0\xff", 2); /* not a string of ours: not checked */
	put_key(&b, 102, 1);
	assert_int_equal(buf_add(&b, "12345678", 8), 0);
	put_text(&b, 1, "abcd");
	put_key(&b, 103, 5);
	assert_int_equal(buf_add(&b, "1234", 4), 0);
	put_number(&b, (1u << 29) - 1, 1); /* the largest number there is */
	assert_ok(unpack(&a, &jobwire__v1__get_request__descriptor, &b, &m, &err), &err);
	assert_string_equal(m->job_id, "abcd");
	buf_fini(&b);
	arena_fini(&a);
}

/* Known fields in a wire type that is not theirs, groups, and numbers that cannot be. */
static void
what_no_library_would_write_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{ "\x08\x01", 2 },                                          /* job_id as a number */
		{ "\x0d\x01\x01\x01\x01", 5 },                              /* as 4 bytes */
		{ "\x00\x01", 2 },                                          /* field 0 */
		{ "\x80\x00\x01", 3 },                                      /* written longer */
		{ "\x80\x80\x80\x80\x10\x01", 6 },                          /* field 2^29 */
		{ "\x0b\x0c", 2 },                                          /* a group */
		{ "\x0e", 1 },                                              /* wire type 6 */
		{ "\x0f", 1 },                                              /* 7 */
		{ "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },     /* length 2^64-1 */
		{ "\x0a\xff\xff\xff\xff\x0f", 6 },                          /* 2^32-1 */
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11 },     /* a key of 11 bytes */
		{ "\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12 }, /* a length of 11 */
	};
	struct err err = { 0 };
	struct arena a;
	struct buf b;
	size_t i;
	void *m;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		arena_init(&a, ARENA_MAX);
		buf_init(&b, 64);
		assert_int_equal(buf_add(&b, bad[i].bytes, bad[i].len), 0);
		if (unpack(&a, &jobwire__v1__get_request__descriptor, &b, &m, &err) !=
		    ERR_INVALID_ARGUMENT)
			fail_msg("row %zu was taken", i);
		buf_fini(&b);
		arena_fini(&a);
	}
}

/* None of ours contains itself; should one ever, its depth is bounded. */
static void
a_message_that_is_nested_too_deeply_is_refused(void **state)
{
	ProtobufCMessageDescriptor type = jobwire__v1__get_response__descriptor;
	ProtobufCFieldDescriptor field = *jobwire__v1__get_response__descriptor.fields;
	const ProtobufCFieldDescriptor *path[9];
	struct err err = { 0 };
	struct arena a;
	struct buf b;
	unsigned depth, i;
	void *m;
	int rc;

	(void)state;
	field.descriptor = &type;
	type.fields = &field;
	for (i = 0; i < ARRAY_SIZE(path); i++)
		path[i] = &field;
	for (depth = 0; depth <= ARRAY_SIZE(path); depth++) {
		arena_init(&a, ARENA_MAX);
		buf_init(&b, 4096);
		put_nested(&b, path, depth, "", 0);
		rc = unpack(&a, &type, &b, &m, &err);
		assert_int_equal(rc, depth <= 8 ? 0 : ERR_INVALID_ARGUMENT);
		buf_fini(&b);
		arena_fini(&a);
	}
}

static void
split_tells_the_last_field_only(void **state)
{
	const uint8_t *field = NULL;
	size_t before = 0, len = 0, i;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_false(message_split("", 0, 15, &before, &field, &len));
	put_number(&b, 1, 300);
	assert_false(message_split(buf_head(&b), b.len, 15, &before, &field, &len));
	put_bytes(&b, 15, "bytes", 5);
	assert_true(message_split(buf_head(&b), b.len, 15, &before, &field, &len));
	assert_int_equal(before, 3);
	assert_int_equal(len, 5);
	assert_ptr_equal(field, buf_head(&b) + b.len - 5);
	assert_false(message_split(buf_head(&b), b.len, 14, &before, &field, &len));
	for (i = 0; i < b.len; i++) /* a cut one is none */
		assert_false(message_split(buf_head(&b), i, 15, &before, &field, &len));
	put_text(&b, 2, "x");
	assert_false(message_split(buf_head(&b), b.len, 15, &before, &field, &len));
	buf_fini(&b);
}

static void
a_message_beyond_the_buffers_bound_is_not_packed(void **state)
{
	Jobwire__V1__GetRequest get = JOBWIRE__V1__GET_REQUEST__INIT;
	struct buf b;

	(void)state;
	get.job_id = message_str("abcdef");
	buf_init(&b, 8);
	assert_int_equal(message_pack(&b, &get.base), 0);
	assert_int_equal(b.len, 8);
	assert_int_equal(message_pack(&b, &get.base), -EMSGSIZE);
	assert_int_equal(b.len, 8);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_string_of_every_message_is_checked_and_named),
		cmocka_unit_test(bytes_may_be_anything),
		cmocka_unit_test(a_small_message_that_becomes_a_large_tree_fails_alone),
		cmocka_unit_test(fields_of_a_newer_client_do_no_harm),
		cmocka_unit_test(what_no_library_would_write_is_refused),
		cmocka_unit_test(a_message_that_is_nested_too_deeply_is_refused),
		cmocka_unit_test(split_tells_the_last_field_only),
		cmocka_unit_test(a_message_beyond_the_buffers_bound_is_not_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
