/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <sys/file.h>

static void
without_an_engine_a_call_fails_and_the_way_out_is_said(void **state)
{
	struct fixture *f = *state;
	struct made m;

	make(f, &m, METHOD_Engine_Info, 0);
	assert_int_equal(m.done, 0); /* never from within the call */
	client_process(f->client);
	assert_failed(&m, ERR_UNAVAILABLE, "jobwire engine start");
	assert_non_null(strstr(m.err.msg, f->temp->path));
	assert_false(client_is_up(f->client));
}

static void
a_socket_that_nobody_listens_on_is_no_engine(void **state)
{
	struct fixture *f = *state;
	struct made m;

	engine_listen(f);
	fd_close(&f->listener);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	assert_failed(&m, ERR_UNAVAILABLE, "no engine serves");
}

static void
what_is_no_socket_is_said_as_the_kernel_says_it(void **state)
{
	struct fixture *f = *state;
	struct made m;
	int i;

	/* A loop of links: neither absent nor refused. */
	assert_int_equal(symlinkat(ENDPOINT_REQUESTS, f->temp->fd, ENDPOINT_REQUESTS), 0);
	make(f, &m, METHOD_Engine_Info, 0);
	for (i = 0; i < 3; i++)
		client_process(f->client);
	assert_failed(&m, ERR_UNAVAILABLE, "Too many levels of symbolic links");
}

/* Of the call below. */
static struct client *again;

static void
call_again(struct client_request *r, const ProtobufCMessage *reply, const struct err *err)
{
	Jobwire__V1__InfoRequest info = JOBWIRE__V1__INFO_REQUEST__INIT;
	const struct client_how how = { 0 };

	made_done(r, reply, err);
	client_send(again, r, METHOD_Engine_Info, &info.base, &how);
}

/* Each of them is told of its own try, and the loop gets its turn in between. */
static void
a_call_that_is_made_again_on_every_failure_does_not_hold_up_the_loop(void **state)
{
	struct fixture *f = *state;
	struct made m;
	int i;

	make(f, &m, METHOD_Engine_Info, 0);
	m.request.done = call_again;
	again = f->client;
	for (i = 1; i <= 3; i++) {
		client_process(f->client);
		assert_int_equal(m.done, i);
	}
	client_cancel(f->client, &m.request);
}

static void
one_that_speaks_another_protocol_is_given_up_after_a_few_tries(void **state)
{
	struct fixture *f = *state;
	struct made m;
	int tries;

	engine_listen(f);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	for (tries = 0; !m.done; tries++) {
		assert_true(tries < 20);
		engine_accept(f);
		engine_write(f, "HTTP/1.1 400 Bad Request\r\n", 26);
		client_process(f->client);
	}
	assert_failed(&m, ERR_UNAVAILABLE, "closes every connection before it answers");
}

static void
a_reply_larger_than_the_protocol_allows_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	unsigned char head[13] = { 1 };
	uint64_t len = htobe64(WIRE_SOCKET_MAX + 1);
	struct made m;

	connect_client(f);
	make(f, &m, METHOD_Engine_Shutdown, 0);
	client_process(f->client);
	memcpy(head + 1, &len, sizeof len);
	engine_write(f, head, sizeof head);
	client_process(f->client);
	assert_failed(&m, ERR_UNAVAILABLE, "whether it was carried out is not known");
}

static void
heads_that_are_none_end_the_connection(void **state)
{
	static const unsigned char heads[][9] = {
		{ 2, 0, 0, 0, 0, 0, 0, 0, 20 },
		{ 1, 0, 0, 0, 0, 0, 0, 0, 3 },
		{ 1, 0, 0, 0, 0, 0, 0, 0, 0 },
		{ 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};
	struct fixture *f = *state;
	struct made m;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		connect_client(f);
		make(f, &m, METHOD_Engine_Shutdown, 0);
		client_process(f->client);
		engine_write(f, heads[i], 9);
		client_process(f->client);
		assert_failed(&m, ERR_UNAVAILABLE, "went away");
	}
}

static void
what_may_be_repeated_is_sent_again_on_a_new_connection_and_the_rest_fails(void **state)
{
	struct fixture *f = *state;
	struct made info, stop;
	struct envelope_request req;
	uint32_t id;

	connect_client(f);
	make(f, &stop, METHOD_Engine_Shutdown, 0);
	make(f, &info, METHOD_Engine_Info, 0);
	client_process(f->client);
	(void)engine_next(f, &req);
	fd_close(&f->peer);
	client_process(f->client);
	assert_failed(&stop, ERR_UNAVAILABLE, "look before you try again");
	assert_int_equal(info.done, 0);
	engine_accept(f);
	client_process(f->client);
	engine_take_greeting(f);
	id = engine_next(f, &req);
	assert_string_equal(req.method, "/jobwire.v1.Engine/Info");
	engine_greet(f);
	engine_reply(f, id, req.id, "again");
	client_process(f->client);
	assert_string_equal(info.version, "again");
}

/* The last words of an engine that ends are heard. */
static void
a_reply_before_the_end_of_the_connection_counts(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;
	struct made m;
	uint32_t id;

	connect_client(f);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	id = engine_next(f, &req);
	engine_reply(f, id, req.id, "last");
	fd_close(&f->peer);
	client_process(f->client);
	assert_string_equal(m.version, "last");
	assert_false(client_is_up(f->client) && client_poll(f->client).timeout_ms == 0);
}

static void
an_engine_that_closes_every_connection_is_not_asked_for_ever(void **state)
{
	struct fixture *f = *state;
	struct made m;
	int tries;

	engine_listen(f);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	for (tries = 0; !m.done; tries++) {
		assert_true(tries < 20);
		engine_accept(f);
		fd_close(&f->peer);
		client_process(f->client);
	}
	assert_failed(&m, ERR_UNAVAILABLE, ENDPOINT_LOG);
}

static void
a_session_that_is_kept_connects_again_by_itself(void **state)
{
	struct fixture *f = *state;
	struct envelope_request req;

	fixture_client(f, false, NULL, true);
	connect_client(f);
	fd_close(&f->peer);
	client_process(f->client);
	engine_accept(f);
	client_process(f->client);
	engine_take_greeting(f);
	(void)engine_next(f, &req);
	assert_string_equal(req.session, "s1");
	assert_string_equal(req.method, "/jobwire.v1.Engine/Info");
}

/* The engine is gone for a while: the client looks for it now and then, and a call goes first. */
static void
a_kept_session_waits_for_an_engine_and_a_call_does_not(void **state)
{
	struct fixture *f = *state;
	struct made m;

	fixture_client(f, false, NULL, true);
	connect_client(f);
	fd_close(&f->peer);
	fd_close(&f->listener);
	client_process(f->client);
	assert_int_equal(client_poll(f->client).fd, -1);
	assert_true(client_poll(f->client).timeout_ms >= 0);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	assert_failed(&m, ERR_UNAVAILABLE, "no engine serves");
}

static void
script(struct fixture *f, char path[96], const char *text)
{
	int fd;

	(void)snprintf(path, 96, "%s/jobwired", f->temp->path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	fd_close(&fd);
}

static void
the_words_of_an_engine_that_cannot_start_reach_the_caller(void **state)
{
	struct fixture *f = *state;
	char path[96];
	struct made m;

	script(f, path, "#!/bin/sh\necho 'the disk is on fire' >&2\nexit 1\n");
	fixture_client(f, true, path, false);
	make(f, &m, METHOD_Engine_Info, 0);
	wait_for(f, &m);
	assert_failed(&m, ERR_UNAVAILABLE, "could not be started: the disk is on fire");

	script(f, path, "#!/bin/sh\nkill -9 $$\n");
	make(f, &m, METHOD_Engine_Info, 0);
	wait_for(f, &m);
	assert_failed(&m, ERR_UNAVAILABLE, "it said nothing");
}

static void
an_engine_that_is_not_there_is_named(void **state)
{
	struct fixture *f = *state;
	struct made m;

	fixture_client(f, true, "/nowhere/jobwired", false);
	make(f, &m, METHOD_Engine_Info, 0);
	wait_for(f, &m);
	assert_failed(&m, ERR_NOT_FOUND, "/nowhere/jobwired");
}

/* It gets the lock and the folder, and hears whether we are part of a job: it will not be. */
static void
the_engine_is_started_with_the_lock_and_our_environment(void **state)
{
	struct fixture *f = *state;
	char path[96], text[256];
	struct made m;
	int lock;

	(void)snprintf(text, sizeof text,
		       "#!/bin/sh\necho \"$*\" \"${JOBWIRE_JOB_ID-none}\" >&2\n"
		       "flock -n %s/" ENDPOINT_LOCK " true || echo held >&2\nexit 1\n",
		       f->temp->path);
	script(f, path, text);
	assert_int_equal(setenv("JOBWIRE_JOB_ID", "x", 1), 0);
	fixture_client(f, true, path, false);
	make(f, &m, METHOD_Engine_Info, 0);
	wait_for(f, &m);
	(void)unsetenv("JOBWIRE_JOB_ID");
	(void)snprintf(text, sizeof text, "--background --lock-fd=3 --state-dir %s x\nheld",
		       f->temp->path);
	assert_failed(&m, ERR_UNAVAILABLE, text);
	/* It has ended, and so has its lock. */
	lock = openat(f->temp->fd, ENDPOINT_LOCK, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	(void)close(lock);
}

static void
while_somebody_else_starts_it_the_client_waits_for_the_socket(void **state)
{
	struct fixture *f = *state;
	int lock = openat(f->temp->fd, ENDPOINT_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct envelope_request req;
	struct client_wait w;
	struct made m;
	uint32_t id;

	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	fixture_client(f, true, "/nowhere/jobwired", false);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	w = client_poll(f->client);
	assert_int_equal(w.fd, -1);
	assert_in_range(w.timeout_ms, 0, 100);
	engine_listen(f);
	while (!client_is_up(f->client)) {
		assert_int_equal(m.done, 0);
		w = client_poll(f->client);
		assert_true(w.timeout_ms >= 0);
		(void)poll(NULL, 0, w.timeout_ms);
		client_process(f->client);
	}
	engine_accept(f);
	client_process(f->client);
	engine_take_greeting(f);
	engine_greet(f);
	id = engine_next(f, &req);
	engine_reply(f, id, req.id, "there");
	client_process(f->client);
	assert_string_equal(m.version, "there");
	(void)close(lock);
}

static void
an_engine_that_takes_nobody_does_not_hold_a_call_beyond_its_deadline(void **state)
{
	struct fixture *f = *state;
	int others[8], n = 0;
	struct made m;

	f->listener = fd_listen_at(f->temp->fd, ENDPOINT_REQUESTS, 0);
	while (n < 8 && (others[n] = fd_connect_at(f->temp->fd, ENDPOINT_REQUESTS)) >= 0)
		n++;
	make(f, &m, METHOD_Engine_Info, 5);
	wait_for(f, &m);
	assert_failed(&m, ERR_DEADLINE_EXCEEDED, "in time");
	while (n-- > 0)
		(void)close(others[n]);
}

static void
a_folder_of_somebody_else_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct client_options options = { .state_dir = f->temp->path };
	struct client *c = NULL;
	struct err err = { 0 };

	assert_int_equal(chmod(f->temp->path, 0777), 0);
	assert_int_equal(client_new(&options, &c, &err), ERR_PERMISSION_DENIED);
	assert_null(c);
	assert_non_null(strstr(err.msg, "others may write"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_with_client(without_an_engine_a_call_fails_and_the_way_out_is_said),
		unit_test_with_client(a_socket_that_nobody_listens_on_is_no_engine),
		unit_test_with_client(what_is_no_socket_is_said_as_the_kernel_says_it),
		unit_test_with_client(
			a_call_that_is_made_again_on_every_failure_does_not_hold_up_the_loop),
		unit_test_with_client(
			one_that_speaks_another_protocol_is_given_up_after_a_few_tries),
		unit_test_with_client(a_reply_larger_than_the_protocol_allows_ends_the_connection),
		unit_test_with_client(heads_that_are_none_end_the_connection),
		unit_test_with_client(
			what_may_be_repeated_is_sent_again_on_a_new_connection_and_the_rest_fails),
		unit_test_with_client(a_reply_before_the_end_of_the_connection_counts),
		unit_test_with_client(an_engine_that_closes_every_connection_is_not_asked_for_ever),
		unit_test_with_client(a_session_that_is_kept_connects_again_by_itself),
		unit_test_with_client(a_kept_session_waits_for_an_engine_and_a_call_does_not),
		unit_test_with_client(the_words_of_an_engine_that_cannot_start_reach_the_caller),
		unit_test_with_client(an_engine_that_is_not_there_is_named),
		unit_test_with_client(the_engine_is_started_with_the_lock_and_our_environment),
		unit_test_with_client(
			while_somebody_else_starts_it_the_client_waits_for_the_socket),
		unit_test_with_client(
			an_engine_that_takes_nobody_does_not_hold_a_call_beyond_its_deadline),
		unit_test_with_client(a_folder_of_somebody_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
