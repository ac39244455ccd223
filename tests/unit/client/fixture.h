/* SPDX-License-Identifier: MIT */
/*
 * fixture - a client, and at the other end of its socket the test itself: one thread, so that each
 * step is seen.
 *
 * unit_test_with_client(f): f's *state is the fixture; nobody listens yet.
 */
#ifndef JOBWIRE_TEST_CLIENT_FIXTURE_H
#define JOBWIRE_TEST_CLIENT_FIXTURE_H

#include "temp.h"

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/endpoint.h"
#include "client/client.h"
#include "wire/envelope.h"
#include "wire/message.h"

/* A call of the client and what became of it. */
struct made {
	struct client_request request; /* first: done() finds the rest */
	int done;
	struct err err;
	char version[32];
};

struct fixture {
	struct temp *temp;
	struct client *client;
	int listener;
	int peer; /* the engine's end, -1: none */
	struct buf in;
	struct arena arena; /* of requests that arrived */
	struct err err;
};

static inline void
fixture_client(struct fixture *f, bool autostart, const char *engine, bool keep)
{
	const struct client_options options = { .state_dir = f->temp->path,
						.engine_path = engine,
						.autostart = autostart,
						.session = keep ? "s1" : NULL,
						.keep = keep };

	client_free(f->client);
	assert_ok(client_new(&options, &f->client, &f->err), &f->err);
}

static inline int
fixture_setup(void **state)
{
	static struct fixture f;
	void *temp;

	memset(&f, 0, sizeof f);
	(void)temp_setup(&temp);
	f.temp = temp;
	f.listener = f.peer = -1;
	buf_init(&f.in, 2 * WIRE_SOCKET_MAX);
	arena_init(&f.arena, (size_t)64 << 20);
	fixture_client(&f, false, NULL, false);
	*state = &f;
	return 0;
}

static inline int
fixture_teardown(void **state)
{
	struct fixture *f = *state;
	void *temp = f->temp;

	client_free(f->client);
	fd_close(&f->peer);
	fd_close(&f->listener);
	buf_fini(&f->in);
	arena_fini(&f->arena);
	return temp_teardown(&temp);
}

static inline void
engine_listen(struct fixture *f)
{
	f->listener = fd_listen_at(f->temp->fd, ENDPOINT_REQUESTS, 4);
	assert_true(f->listener >= 0);
}

/* The client has connected: take it, and say what NNG says first. */
static inline void
engine_accept(struct fixture *f)
{
	fd_close(&f->peer);
	buf_clear(&f->in);
	f->peer = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(f->peer >= 0);
}

static inline void
engine_write(struct fixture *f, const void *bytes, size_t len)
{
	assert_int_equal(send(f->peer, bytes, len, MSG_NOSIGNAL), len);
}

static inline void
engine_greet(struct fixture *f)
{
	engine_write(f, "\0SP\0\0\x31\0\0", 8);
}

static inline size_t
engine_receive(struct fixture *f, size_t at_least)
{
	ssize_t n = 1;

	while (f->in.len < at_least && n > 0) {
		assert_int_equal(buf_reserve(&f->in, 65536), 0);
		n = recv(f->peer, buf_tail(&f->in), 65536, 0);
		if (n > 0)
			buf_commit(&f->in, (size_t)n);
	}
	return f->in.len;
}

static inline void
engine_take_greeting(struct fixture *f)
{
	assert_true(engine_receive(f, 8) >= 8);
	assert_memory_equal(buf_head(&f->in), "\0SP\0\0\x30\0\0", 8);
	buf_consume(&f->in, 8);
}

/* The next request: its SP id, and the envelope in the arena. */
static inline uint32_t
engine_next(struct fixture *f, struct envelope_request *ret)
{
	uint64_t len;
	uint32_t id;
	char *copy;

	assert_true(engine_receive(f, 13) >= 13);
	assert_int_equal(buf_head(&f->in)[0], 1);
	memcpy(&len, buf_head(&f->in) + 1, sizeof len);
	len = be64toh(len);
	assert_true(engine_receive(f, 9 + len) >= 9 + len);
	memcpy(&id, buf_head(&f->in) + 9, sizeof id);
	copy = arena_copy(&f->arena, buf_head(&f->in) + 13, len - 4);
	assert_non_null(copy);
	assert_ok(envelope_read_request(&f->arena, copy, len - 4, ret, &f->err), &f->err);
	buf_consume(&f->in, 9 + len);
	return be32toh(id);
}

static inline void
engine_send(struct fixture *f, uint32_t id, const void *body, size_t len)
{
	unsigned char head[13] = { 1 };
	uint64_t be_len = htobe64(4 + len);
	uint32_t be_id = htobe32(id);

	memcpy(head + 1, &be_len, sizeof be_len);
	memcpy(head + 9, &be_id, sizeof be_id);
	engine_write(f, head, sizeof head);
	engine_write(f, body, len);
}

/* An InfoResponse that can be told from others by its version. */
static inline void
engine_reply(struct fixture *f, uint32_t sp_id, uint64_t id, const char *version)
{
	Jobwire__V1__InfoResponse res = JOBWIRE__V1__INFO_RESPONSE__INIT;
	uint8_t out[256];
	size_t size;

	res.version = message_str(version);
	size = envelope_response_size(id, &res.base);
	assert_true(size <= sizeof out);
	envelope_write_response(out, id, &res.base);
	engine_send(f, sp_id, out, size);
}

static inline void
made_done(struct client_request *r, const ProtobufCMessage *reply, const struct err *err)
{
	struct made *m = (struct made *)r;

	m->done++;
	if (err)
		m->err = *err;
	else
		(void)snprintf(m->version, sizeof m->version, "%s",
			       ((const Jobwire__V1__InfoResponse *)reply)->version);
}

/* An Info, which may be repeated, or a Shutdown, which may not. */
static inline void
make(struct fixture *f, struct made *m, enum method_number method, uint32_t timeout_ms)
{
	Jobwire__V1__InfoRequest info = JOBWIRE__V1__INFO_REQUEST__INIT;
	Jobwire__V1__ShutdownRequest shutdown_req = JOBWIRE__V1__SHUTDOWN_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = timeout_ms };

	memset(m, 0, sizeof *m);
	m->request.done = made_done;
	client_send(f->client, &m->request, method,
		    method == METHOD_Engine_Info ? &info.base : &shutdown_req.base, &how);
}

static inline void
assert_failed(const struct made *m, int code, const char *words)
{
	assert_int_equal(m->done, 1);
	assert_int_equal(m->err.code, code);
	if (!strstr(m->err.msg, words))
		fail_msg("'%s' lacks '%s'", m->err.msg, words);
}

/* Until the client has nothing due; waits only for what it waits for. */
static inline void
wait_for(struct fixture *f, const struct made *m)
{
	struct client_wait w;
	struct pollfd p;

	while (!m->done) {
		w = client_poll(f->client);
		assert_true(w.fd >= 0 || w.timeout_ms >= 0);
		p = (struct pollfd){ .fd = w.fd, .events = w.events };
		assert_true(poll(&p, 1, w.timeout_ms < 0 ? 10000 : w.timeout_ms) >= 0);
		client_process(f->client);
	}
}

/* Connected and greeted, with one call answered. */
static inline void
connect_client(struct fixture *f)
{
	struct envelope_request req;
	struct made m;
	uint32_t id;

	if (f->listener < 0)
		engine_listen(f);
	make(f, &m, METHOD_Engine_Info, 0);
	client_process(f->client);
	engine_accept(f);
	client_process(f->client);
	engine_greet(f);
	engine_take_greeting(f);
	id = engine_next(f, &req);
	engine_reply(f, id, req.id, "first");
	client_process(f->client);
	assert_int_equal(m.done, 1);
	assert_string_equal(m.version, "first");
}

#define unit_test_with_client(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

#endif
