/* SPDX-License-Identifier: MIT */
#include "packed.h"

#include "base/arena.h"
#include "jobwire/v1/envelope.pb-c.h"
#include "wire/message.h"
#include "wire/methods.h"

#define ARENA_MAX ((size_t)1024 * 1024)

/* Field numbers of envelope.proto. */
enum { ID = 1, METHOD = 2, TIMEOUT = 3, TOKEN = 4, KEY = 5, SESSION = 6, PAYLOAD = 15 };

struct fixture {
	struct arena arena;
	struct buf bytes;
	struct err err;
	struct envelope_request req;
	struct envelope_response res;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	arena_init(&f->arena, ARENA_MAX);
	buf_init(&f->bytes, WIRE_SOCKET_MAX);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_fini(&f->arena);
	buf_fini(&f->bytes);
	free(f);
	return 0;
}

static int
read_request(struct fixture *f)
{
	memset(&f->err, 0, sizeof f->err);
	return envelope_read_request(&f->arena, buf_head(&f->bytes), f->bytes.len, &f->req,
				     &f->err);
}

static const struct envelope_request sample = {
	.id = UINT64_MAX,
	.method = "/jobwire.v1.Jobs/Get",
	.timeout_ms = UINT32_MAX,
	.token = "a token",
	.idempotency_key = "a key",
	.session = "a session",
};

static void
put_sample(struct fixture *f)
{
	Jobwire__V1__GetRequest get = JOBWIRE__V1__GET_REQUEST__INIT;

	get.job_id = message_str("abcd");
	assert_int_equal(envelope_put_request(&f->bytes, &sample, &get.base), 0);
}

static void
assert_sample(const struct fixture *f)
{
	assert_true(f->req.id == sample.id);
	assert_string_equal(f->req.method, sample.method);
	assert_int_equal(f->req.timeout_ms, sample.timeout_ms);
	assert_string_equal(f->req.token, sample.token);
	assert_string_equal(f->req.idempotency_key, sample.idempotency_key);
	assert_string_equal(f->req.session, sample.session);
}

static void
a_request_comes_back_and_its_payload_stays_where_it_was(void **state)
{
	struct fixture *f = *state;
	ProtobufCMessage *m;

	put_sample(f);
	assert_ok(read_request(f), &f->err);
	assert_sample(f);
	assert_ptr_equal(f->req.payload + f->req.payload_len, buf_head(&f->bytes) + f->bytes.len);
	assert_int_equal(f->req.payload_len, 6);
	assert_ok(message_unpack(&f->arena, &jobwire__v1__get_request__descriptor, f->req.payload,
				 f->req.payload_len, &m, &f->err),
		  &f->err);
	assert_string_equal(((Jobwire__V1__GetRequest *)m)->job_id, "abcd");
}

static void
an_empty_envelope_is_one_of_empty_fields(void **state)
{
	struct fixture *f = *state;

	assert_ok(envelope_read_request(&f->arena, "", 0, &f->req, &f->err), &f->err);
	assert_true(f->req.id == 0 && f->req.timeout_ms == 0 && f->req.payload_len == 0);
	assert_string_equal(f->req.method, "");
	assert_string_equal(f->req.token, "");
	assert_string_equal(f->req.idempotency_key, "");
	assert_string_equal(f->req.session, "");
	assert_ok(envelope_read_response(&f->arena, "", 0, &f->res, &f->err), &f->err);
	assert_true(f->res.id == 0 && f->res.code == 0 && f->res.payload_len == 0);
	assert_string_equal(f->res.message, "");
	assert_string_equal(f->res.field, "");
}

static void
the_order_of_the_fields_does_not_matter(void **state)
{
	struct fixture *f = *state;

	put_bytes(&f->bytes, PAYLOAD, "pay\0load", 8);
	put_text(&f->bytes, SESSION, sample.session);
	put_text(&f->bytes, KEY, sample.idempotency_key);
	put_text(&f->bytes, TOKEN, sample.token);
	put_number(&f->bytes, TIMEOUT, sample.timeout_ms);
	put_text(&f->bytes, METHOD, sample.method);
	put_number(&f->bytes, ID, sample.id);
	assert_ok(read_request(f), &f->err);
	assert_sample(f);
	assert_int_equal(f->req.payload_len, 8);
	assert_memory_equal(f->req.payload, "pay\0load", 8);
}

static void
of_several_payloads_the_last_one_counts(void **state)
{
	struct fixture *f = *state;

	put_bytes(&f->bytes, PAYLOAD, "first", 5);
	put_number(&f->bytes, ID, 7);
	put_bytes(&f->bytes, PAYLOAD, "second", 6);
	assert_ok(read_request(f), &f->err);
	assert_int_equal(f->req.payload_len, 6);
	assert_memory_equal(f->req.payload, "second", 6);
	put_number(&f->bytes, TIMEOUT, 9); /* and now it is not the last field */
	assert_ok(read_request(f), &f->err);
	assert_int_equal(f->req.id, 7);
	assert_int_equal(f->req.timeout_ms, 9);
	assert_int_equal(f->req.payload_len, 6);
	assert_memory_equal(f->req.payload, "second", 6);
	put_bytes(&f->bytes, PAYLOAD, "", 0);
	assert_ok(read_request(f), &f->err);
	assert_int_equal(f->req.payload_len, 0);
}

/* Between two fields the cut makes a shorter envelope; anywhere else none. */
static void
what_is_cut_inside_of_a_field_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t whole[16], n = 0, cut, i;
	unsigned char *copy;
	bool is_whole;
	int rc;

	whole[n++] = 0;
	put_number(&f->bytes, ID, sample.id);
	whole[n++] = f->bytes.len;
	put_text(&f->bytes, METHOD, sample.method);
	whole[n++] = f->bytes.len;
	put_key(&f->bytes, 2000, 1); /* fields of a newer client, of every wire type */
	assert_int_equal(buf_add(&f->bytes, "12345678", 8), 0);
	whole[n++] = f->bytes.len;
	put_key(&f->bytes, 2001, 5);
	assert_int_equal(buf_add(&f->bytes, "1234", 4), 0);
	whole[n++] = f->bytes.len;
	put_text(&f->bytes, KEY, sample.idempotency_key);
	whole[n++] = f->bytes.len;
	put_bytes(&f->bytes, PAYLOAD, sample.method, 20);
	whole[n++] = f->bytes.len;
	for (cut = 0; cut <= f->bytes.len; cut++) {
		copy = exact_copy(buf_head(&f->bytes), cut);
		rc = envelope_read_request(&f->arena, copy, cut, &f->req, &f->err);
		for (i = 0, is_whole = false; i < n; i++)
			is_whole = is_whole || whole[i] == cut;
		assert_int_equal(rc, is_whole ? 0 : ERR_INVALID_ARGUMENT);
		free(copy);
	}
}

static void
a_string_with_a_nul_or_broken_utf8_is_refused_by_its_name(void **state)
{
	static const struct {
		uint32_t number;
		const char *name;
	} strings[] = {
		{ METHOD, "method" },
		{ TOKEN, "token" },
		{ KEY, "idempotency_key" },
		{ SESSION, "session" },
	};
	static const char *const bad[] = { "\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80" };
	struct fixture *f = *state;
	size_t i, b;

	for (i = 0; i < ARRAY_SIZE(strings); i++) {
		buf_clear(&f->bytes);
		put_bytes(&f->bytes, strings[i].number, "a\0b", 3);
		put_bytes(&f->bytes, PAYLOAD, "x", 1);
		assert_int_equal(read_request(f), ERR_INVALID_ARGUMENT);
		assert_string_equal(f->err.field, strings[i].name);
		for (b = 0; b < ARRAY_SIZE(bad); b++) {
			buf_clear(&f->bytes);
			put_text(&f->bytes, strings[i].number, bad[b]);
			assert_int_equal(read_request(f), ERR_INVALID_ARGUMENT);
			assert_string_equal(f->err.field, strings[i].name);
		}
	}
}

static void
assert_length(struct fixture *f, uint32_t number, size_t len, const char *field)
{
	char text[256];

	memset(text, 'k', len);
	text[len] = '\0';
	buf_clear(&f->bytes);
	put_number(&f->bytes, ID, 42);
	put_text(&f->bytes, number, text);
	if (!field) {
		assert_ok(read_request(f), &f->err);
		return;
	}
	assert_int_equal(read_request(f), ERR_INVALID_ARGUMENT);
	assert_string_equal(f->err.field, field);
	assert_int_equal(f->req.id, 42); /* the refusal carries it back */
}

static void
a_key_or_session_that_is_too_long_is_refused_by_its_name(void **state)
{
	struct fixture *f = *state;

	assert_length(f, KEY, WIRE_IDEMPOTENCY_MAX, NULL);
	assert_length(f, KEY, WIRE_IDEMPOTENCY_MAX + 1, "idempotency_key");
	assert_length(f, SESSION, WIRE_SESSION_MAX, NULL);
	assert_length(f, SESSION, WIRE_SESSION_MAX + 1, "session");
}

/* The transport's memory is written to its last byte, and not beyond. */
static void
a_response_takes_exactly_the_size_that_was_told(void **state)
{
	static const size_t sizes[] = { 0, 1, 120, 127, 128, 16383, 16384, WIRE_READ_MAX };
	Jobwire__V1__ReadOutputResponse out = JOBWIRE__V1__READ_OUTPUT_RESPONSE__INIT;
	static unsigned char data[WIRE_READ_MAX];
	struct fixture *f = *state;
	unsigned char *bytes;
	ProtobufCMessage *m;
	size_t i, len;

	memset(data, 0xa5, sizeof data);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		out.data = message_bytes(data, sizes[i]);
		len = envelope_response_size(9, &out.base);
		bytes = malloc(len);
		assert_non_null(bytes);
		envelope_write_response(bytes, 9, &out.base);
		assert_ok(envelope_read_response(&f->arena, bytes, len, &f->res, &f->err), &f->err);
		assert_int_equal(f->res.id, 9);
		assert_int_equal(f->res.code, 0);
		assert_ptr_equal(f->res.payload + f->res.payload_len, bytes + len);
		assert_ok(message_unpack(&f->arena, out.base.descriptor, f->res.payload,
					 f->res.payload_len, &m, &f->err),
			  &f->err);
		assert_int_equal(((Jobwire__V1__ReadOutputResponse *)m)->data.len, sizes[i]);
		arena_fini(&f->arena);
		free(bytes);
	}
}

static void
an_error_comes_back_with_code_sentence_and_field(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };
	int code;

	for (code = -1; code >= -16; code--) {
		buf_clear(&f->bytes);
		if (code % 2)
			(void)err_field(&err, code, "cwd", "no such folder: %d", code);
		else
			(void)err_set(&err, code, "no such folder: %d", code);
		assert_int_equal(envelope_put_error(&f->bytes, 77, &err), 0);
		assert_ok(envelope_read_response(&f->arena, buf_head(&f->bytes), f->bytes.len,
						 &f->res, &f->err),
			  &f->err);
		assert_int_equal(f->res.id, 77);
		assert_int_equal(f->res.code, code);
		assert_string_equal(f->res.message, err.msg);
		assert_string_equal(f->res.field, code % 2 ? "cwd" : "");
		assert_int_equal(f->res.payload_len, 0);
	}
}

static void
a_code_of_a_newer_engine_is_unknown_but_an_error(void **state)
{
	static const uint64_t codes[] = { 17, 100, 255, 65536, UINT32_MAX };
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		buf_clear(&f->bytes);
		put_number(&f->bytes, 2, codes[i]);
		assert_ok(envelope_read_response(&f->arena, buf_head(&f->bytes), f->bytes.len,
						 &f->res, &f->err),
			  &f->err);
		assert_int_equal(f->res.code, ERR_UNKNOWN);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_back_and_its_payload_stays_where_it_was),
		cmocka_unit_test(an_empty_envelope_is_one_of_empty_fields),
		cmocka_unit_test(the_order_of_the_fields_does_not_matter),
		cmocka_unit_test(of_several_payloads_the_last_one_counts),
		cmocka_unit_test(what_is_cut_inside_of_a_field_is_refused),
		cmocka_unit_test(a_string_with_a_nul_or_broken_utf8_is_refused_by_its_name),
		cmocka_unit_test(a_key_or_session_that_is_too_long_is_refused_by_its_name),
		cmocka_unit_test(a_response_takes_exactly_the_size_that_was_told),
		cmocka_unit_test(an_error_comes_back_with_code_sentence_and_field),
		cmocka_unit_test(a_code_of_a_newer_engine_is_unknown_but_an_error),
	};
	struct CMUnitTest all[ARRAY_SIZE(tests)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		all[i] = tests[i];
		all[i].setup_func = setup;
		all[i].teardown_func = teardown;
	}
	return cmocka_run_group_tests(all, NULL, NULL);
}
