/* SPDX-License-Identifier: MIT */
#include "fixture.h"

static void
a_call_goes_out_behind_a_greeting_and_its_reply_comes_back(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct made m;
	uint32_t id;

	engine_listen(f);
	make(f, &m, METHOD_Engine_Info, 5000);
	assert_int_equal(m.done, 0);
	assert_int_equal(client_poll(f->client).timeout_ms, 0);
	client_process(f->client);
	engine_accept(f);
	client_process(f->client);
	engine_take_greeting(f);
	id = engine_next(f, &req);
	assert_true(id & 0x80000000);
	assert_string_equal(req.method, "/jobwire.v1.Engine/Info");
	assert_int_equal(req.timeout_ms, 5000);
	assert_string_equal(req.session, "");
	engine_greet(f);
	engine_reply(f, id, req.id, "1.2.3");
	assert_true(client_poll(f->client).fd >= 0);
	client_process(f->client);
	assert_int_equal(m.done, 1);
	assert_int_equal(m.err.code, 0);
	assert_string_equal(m.version, "1.2.3");
	assert_int_equal(client_poll(f->client).timeout_ms, -1);
}

static void
replies_find_their_calls_in_any_order(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct made m[3];
	uint32_t ids[3];
	char name[8];
	int i;

	connect_client(f);
	for (i = 0; i < 3; i++)
		make(f, &m[i], METHOD_Engine_Info, 0);
	client_process(f->client);
	for (i = 0; i < 3; i++)
		ids[i] = engine_next(f, &req);
	for (i = 2; i >= 0; i--) {
		(void)snprintf(name, sizeof name, "r%d", i);
		engine_reply(f, ids[i], 0, name);
	}
	client_process(f->client);
	for (i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof name, "r%d", i);
		assert_string_equal(m[i].version, name);
	}
}

static void
an_error_of_the_engine_comes_with_its_code_and_field(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct err sent = { 0 };
	struct made m;
	struct buf out;
	uint32_t id;

	connect_client(f);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	id = engine_next(f, &req);
	(void)err_field(&sent, ERR_INVALID_ARGUMENT, "cwd", "no such folder");
	buf_init(&out, 4096);
	assert_int_equal(envelope_put_error(&out, req.id, &sent), 0);
	engine_send(f, id, buf_head(&out), out.len);
	buf_fini(&out);
	client_process(f->client);
	assert_failed(&m, ERR_INVALID_ARGUMENT, "no such folder");
	assert_string_equal(m.err.field, "cwd");
}

static void
a_reply_in_single_bytes_is_a_reply(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__InfoResponse res = JOBWIRE__V1__INFO_RESPONSE__INIT;
	unsigned char bytes[100] = { 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct envelope_request req;
	size_t size, i;
	struct made m;
	uint32_t id;

	connect_client(f);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	id = htobe32(engine_next(f, &req));
	res.version = message_str("slow");
	size = envelope_response_size(req.id, &res.base);
	assert_true(size < 80);
	bytes[8] = (unsigned char)(size + 4);
	memcpy(bytes + 9, &id, 4);
	envelope_write_response(bytes + 13, req.id, &res.base);
	for (i = 0; i < 13 + size; i++) {
		assert_int_equal(m.done, 0);
		engine_write(f, bytes + i, 1);
		client_process(f->client);
	}
	assert_string_equal(m.version, "slow");
}

static void
a_late_reply_and_one_to_nobody_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct made given_up, m;
	uint32_t id;

	connect_client(f);
	make(f, &given_up, METHOD_Engine_Info, 0);
	client_process(f->client);
	id = engine_next(f, &req);
	client_cancel(f->client, &given_up.request);
	client_cancel(f->client, &given_up.request);
	engine_reply(f, id, req.id, "late");
	engine_reply(f, 0x80000000 | 4242, 9, "nobody's");
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	id = engine_next(f, &req);
	engine_reply(f, id, req.id, "mine");
	client_process(f->client);
	assert_int_equal(given_up.done, 0);
	assert_string_equal(m.version, "mine");
}

static void
a_call_that_is_not_answered_ends_at_its_deadline_and_the_others_go_on(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct made soon, later;
	uint32_t id;

	connect_client(f);
	make(f, &later, METHOD_Engine_Info, 0);
	make(f, &soon, METHOD_Engine_Info, 1);
	wait_for(f, &soon);
	assert_failed(&soon, ERR_DEADLINE_EXCEEDED, "did not answer in time");
	assert_int_equal(later.done, 0);
	id = engine_next(f, &req);
	engine_reply(f, id, req.id, "later");
	client_process(f->client);
	assert_string_equal(later.version, "later");
}

static void
a_reply_that_is_no_reply_fails_its_call_alone(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct made broken, m;
	uint32_t id;

	connect_client(f);
	make(f, &broken, METHOD_Engine_Info, 0);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	id = engine_next(f, &req);
	engine_send(f, id, "\377\377\377", 3);
	id = engine_next(f, &req);
	engine_reply(f, id, req.id, "fine");
	client_process(f->client);
	assert_int_equal(broken.done, 1);
	assert_true(broken.err.code < 0);
	assert_string_equal(m.version, "fine");
}

static void
a_request_that_is_too_large_is_refused_here_and_later_than_its_call(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__SendInputRequest req = JOBWIRE__V1__SEND_INPUT_REQUEST__INIT;
	const struct client_how how = { 0 };
	struct made m = { .request.done = made_done };

	req.data.len = WIRE_SOCKET_MAX;
	req.data.data = calloc(1, req.data.len);
	assert_non_null(req.data.data);
	client_send(f->client, &m.request, METHOD_Jobs_SendInput, &req.base, &how);
	free(req.data.data);
	assert_int_equal(m.done, 0);
	assert_int_equal(client_poll(f->client).timeout_ms, 0);
	client_process(f->client);
	assert_failed(&m, ERR_INVALID_ARGUMENT, "too large");
}

struct chain {
	struct made made;
	struct fixture *f;
	struct made *victim;
	struct made next;
};

static void
chain_done(struct client_request *r, const ProtobufCMessage *reply, const struct err *err)
{
	struct chain *c = (struct chain *)r;

	made_done(r, reply, err);
	client_cancel(c->f->client, &c->victim->request);
	make(c->f, &c->next, METHOD_Engine_Info, 0);
}

static void
done_of_one_may_cancel_another_and_begin_new_ones(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct made victim;
	struct chain c = { .f = f, .victim = &victim };
	uint32_t ids[2];

	connect_client(f);
	make(f, &c.made, METHOD_Engine_Info, 0);
	c.made.request.done = chain_done;
	make(f, &victim, METHOD_Engine_Info, 0);
	client_process(f->client);
	ids[0] = engine_next(f, &req);
	ids[1] = engine_next(f, &req);
	engine_reply(f, ids[0], 0, "one");
	engine_reply(f, ids[1], 0, "victim");
	client_process(f->client);
	assert_int_equal(c.made.done, 1);
	assert_int_equal(victim.done, 0);
	client_process(f->client);
	engine_reply(f, engine_next(f, &req), 0, "next");
	client_process(f->client);
	assert_string_equal(c.next.version, "next");
}

static void
a_session_is_in_every_envelope(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct made m;

	fixture_client(f, false, NULL, true);
	engine_listen(f);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	engine_accept(f);
	client_process(f->client);
	engine_take_greeting(f);
	(void)engine_next(f, &req);
	assert_string_equal(req.session, "s1");
	client_cancel(f->client, &m.request);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_with_client(a_call_goes_out_behind_a_greeting_and_its_reply_comes_back),
		unit_test_with_client(replies_find_their_calls_in_any_order),
		unit_test_with_client(an_error_of_the_engine_comes_with_its_code_and_field),
		unit_test_with_client(a_reply_in_single_bytes_is_a_reply),
		unit_test_with_client(a_late_reply_and_one_to_nobody_are_dropped),
		unit_test_with_client(
			a_call_that_is_not_answered_ends_at_its_deadline_and_the_others_go_on),
		unit_test_with_client(a_reply_that_is_no_reply_fails_its_call_alone),
		unit_test_with_client(
			a_request_that_is_too_large_is_refused_here_and_later_than_its_call),
		unit_test_with_client(done_of_one_may_cancel_another_and_begin_new_ones),
		unit_test_with_client(a_session_is_in_every_envelope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
