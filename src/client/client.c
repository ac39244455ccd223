/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "client/sp.h"
#include "client/starter.h"
#include "wire/envelope.h"
#include "wire/message.h"

#define REPLY_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define START_WAIT_MS   10000 /* for an engine that somebody starts */
#define RETRY_FIRST_MS  2
#define RETRY_MAX_MS    100
#define RETRY_IDLE_MS   1000 /* while no call waits */
#define LOST_TRIES_MAX  5    /* connections in a row that ended before they answered anything */
#define REFUSED_MS      100  /* until what an engine refused as it ends is sent again */
#define REFUSALS_MAX    20

enum state {
	IDLE,      /* not connected */
	CONNECTED, /* the socket is open */
	STARTING,  /* the engine is being started by us */
	RETRYING,  /* it is being started by others, or its queue is full */
};

TAILQ_HEAD(requests, client_request);

struct client {
	struct client_options options;
	char session[WIRE_SESSION_MAX + 1];
	char *engine_path;
	struct endpoint endpoint;
	enum state state;
	struct sp sp;
	struct starter starter;
	int64_t retry_ms;   /* RETRYING: when, monotonic */
	int64_t give_up_ms; /* RETRYING: not later */
	int delay_ms;
	int lost_tries;
	uint32_t next_id;
	uint64_t next_number;
	struct requests requests;    /* all that wait for an answer */
	struct requests failed;      /* they only wait for their done() */
	struct client_request hello; /* keeps the session, and starts no engine */
	struct err failure;
};

int
client_new(const struct client_options *options, struct client **ret_client, struct err *err)
{
	struct client *c = calloc(1, sizeof *c);
	int rc;

	if (!c)
		return err_sys(err, ENOMEM, "client");
	c->options = *options;
	c->endpoint.dirfd = -1;
	c->next_id = 1;
	TAILQ_INIT(&c->requests);
	TAILQ_INIT(&c->failed);
	sp_init(&c->sp);
	starter_init(&c->starter);
	(void)snprintf(c->session, sizeof c->session, "%s",
		       options->session ? options->session : "");
	if (options->engine_path) {
		c->engine_path = strdup(options->engine_path);
		if (!c->engine_path) {
			client_free(c);
			return err_sys(err, ENOMEM, "client");
		}
	}
	rc = endpoint_open(options->state_dir, &c->endpoint, err);
	if (rc < 0) {
		client_free(c);
		return rc;
	}
	*ret_client = c;
	return 0;
}

static void
forget(struct requests *list, struct client_request *r)
{
	TAILQ_REMOVE(list, r, link);
	r->is_on = false;
	buf_fini(&r->packed);
}

void
client_free(struct client *c)
{
	struct client_request *r;

	if (!c)
		return;
	while ((r = TAILQ_FIRST(&c->requests)))
		forget(&c->requests, r);
	while ((r = TAILQ_FIRST(&c->failed)))
		forget(&c->failed, r);
	sp_fini(&c->sp);
	starter_fini(&c->starter);
	endpoint_close(&c->endpoint);
	free(c->engine_path);
	free(c);
}

const char *
client_state_dir(const struct client *c)
{
	return c->endpoint.path;
}

/* ---- answers ---- */

static void
finish(struct client *c, struct client_request *r, const ProtobufCMessage *reply,
       const struct err *err)
{
	forget(&c->requests, r);
	r->done(r, reply, err);
}

/* No engine can be had: everybody hears the same. */
static void
fail_all(struct client *c, const struct err *err)
{
	struct client_request *r;
	struct err copy = *err;
	uint64_t last = c->next_number;

	c->state = IDLE;
	sp_fini(&c->sp);
	/* Those that done() begins are behind the last one, and have their own try. */
	while ((r = TAILQ_FIRST(&c->requests)) && r->number <= last)
		finish(c, r, NULL, &copy);
}

/* The engine ends: the next one will answer. It goes out again as soon as the connection is lost,
 * or after a moment, if it is not. */
static bool
put_off(struct client_request *r)
{
	if (!r->may_repeat || r->refusals >= REFUSALS_MAX)
		return false;
	r->refusals++;
	r->id = 0;
	r->again_ms = clock_mono_ms() + REFUSED_MS;
	return true;
}

static void
take_reply(struct client *c, struct client_request *r, const void *body, size_t len)
{
	struct envelope_response res;
	ProtobufCMessage *reply = NULL;
	struct err err = { 0 };
	struct arena a;
	int rc;

	arena_init(&a, REPLY_ARENA_MAX);
	rc = envelope_read_response(&a, body, len, &res, &err);
	if (rc == 0 && res.code && *res.field)
		rc = err_field(&err, res.code, res.field, "%s", res.message);
	else if (rc == 0 && res.code)
		rc = err_set(&err, res.code, "%s", res.message);
	if (rc == 0)
		rc = message_unpack(r->arena ? r->arena : &a, methods[r->method].response,
				    res.payload, res.payload_len, &reply, &err);
	c->lost_tries = 0;
	if (rc != ERR_UNAVAILABLE || !put_off(r))
		finish(c, r, reply, rc < 0 ? &err : NULL);
	arena_fini(&a);
}

static struct client_request *
find(const struct client *c, uint32_t id)
{
	struct client_request *r;

	TAILQ_FOREACH (r, &c->requests, link)
		if (r->id == id)
			return r;
	return NULL;
}

/* ---- connection ---- */

static void begin(struct client *c);

/* Does anybody wait for an engine? */
static bool
has_calls(const struct client *c)
{
	const struct client_request *first = TAILQ_FIRST(&c->requests);

	return first && (first != &c->hello || TAILQ_NEXT(first, link));
}

static void
on_hello(struct client_request *r, const ProtobufCMessage *reply, const struct err *err)
{
	(void)r, (void)reply, (void)err;
}

/* A connection has no name until a call brings the session's. */
static void
say_hello(struct client *c)
{
	Jobwire__V1__InfoRequest req = JOBWIRE__V1__INFO_REQUEST__INIT;
	const struct client_how how = { 0 };

	c->hello.done = on_hello;
	if (!c->hello.is_on)
		client_send(c, &c->hello, METHOD_Engine_Info, &req.base, &how);
}

static int
send_one(struct client *c, struct client_request *r)
{
	r->id = SP_ID_BIT | (c->next_id++ & ~SP_ID_BIT);
	r->was_sent = true;
	return sp_send(&c->sp, r->id, buf_head(&r->packed), r->packed.len);
}

/* Calls that must not be repeated end here; the others go out again. */
static void
lost(struct client *c)
{
	struct client_request *r, *next;
	struct err err = { 0 };

	sp_fini(&c->sp);
	c->state = IDLE;
	(void)err_set(
		&err, ERR_UNAVAILABLE,
		"the engine went away in the middle of the call; whether it was carried out is "
		"not known: look before you try again");
	for (r = TAILQ_FIRST(&c->requests); r; r = next) {
		next = TAILQ_NEXT(r, link);
		if (r->id && !r->may_repeat) {
			TAILQ_REMOVE(&c->requests, r, link);
			TAILQ_INSERT_TAIL(&c->failed, r, link);
			c->failure = err;
		}
		r->id = 0;
		r->again_ms = 0;
	}
	if (++c->lost_tries > LOST_TRIES_MAX) {
		(void)err_set(&err, ERR_UNAVAILABLE,
			      "the engine closes every connection before it answers; see "
			      "%.300s/" ENDPOINT_LOG,
			      c->endpoint.path);
		c->lost_tries = 0;
		fail_all(c, &err);
		return;
	}
	if (c->options.keep)
		say_hello(c);
	if (!TAILQ_EMPTY(&c->requests))
		begin(c);
}

static void
send_waiting(struct client *c)
{
	struct client_request *r;

	int64_t now = clock_mono_ms();

	TAILQ_FOREACH (r, &c->requests, link) {
		if (r->id || r->again_ms > now)
			continue;
		r->again_ms = 0;
		if (send_one(c, r) == 0)
			continue;
		lost(c);
		return;
	}
}

static void
retry_later(struct client *c, int64_t give_up_ms)
{
	int64_t now = clock_mono_ms();

	if (c->state != RETRYING) {
		c->delay_ms = RETRY_FIRST_MS;
		c->give_up_ms = now + give_up_ms;
	}
	c->state = RETRYING;
	c->retry_ms = now + c->delay_ms;
	c->delay_ms = MIN(c->delay_ms * 2, has_calls(c) ? RETRY_MAX_MS : RETRY_IDLE_MS);
}

static void
start_engine(struct client *c)
{
	struct err err = { 0 };
	int rc;

	rc = starter_begin(&c->starter, &c->endpoint, c->engine_path, &err);
	if (rc > 0)
		c->state = STARTING;
	else if (rc == 0)
		retry_later(c, START_WAIT_MS); /* somebody else is at it */
	else
		fail_all(c, &err);
}

/* Nobody listens. */
static void
no_engine(struct client *c, int errnum)
{
	struct err err = { 0 };

	if (errnum == EAGAIN || !has_calls(c)) {
		retry_later(c, START_WAIT_MS);
	} else if (errnum != ENOENT && errnum != ECONNREFUSED) {
		(void)err_sys(&err, errnum, "connect to %.300s/" ENDPOINT_REQUESTS,
			      c->endpoint.path);
		err.code = ERR_UNAVAILABLE;
		fail_all(c, &err);
	} else if (c->options.autostart) {
		start_engine(c);
	} else {
		(void)err_set(&err, ERR_UNAVAILABLE,
			      "no engine serves %.300s; start one with: jobwire engine start",
			      c->endpoint.path);
		fail_all(c, &err);
	}
}

/* Try the socket once; go on from what it says. */
static void
try_connect(struct client *c)
{
	struct err err = { 0 };
	int rc;

	rc = sp_connect(&c->sp, c->endpoint.dirfd, ENDPOINT_REQUESTS);
	if (rc == 0) {
		c->state = CONNECTED;
		send_waiting(c);
	} else if (c->state == RETRYING && clock_mono_ms() >= c->give_up_ms && has_calls(c)) {
		(void)err_set(&err, ERR_UNAVAILABLE,
			      "somebody holds the lock of %.300s but no engine answers there; see "
			      "its " ENDPOINT_LOG,
			      c->endpoint.path);
		fail_all(c, &err);
	} else {
		no_engine(c, -rc);
	}
}

static void
begin(struct client *c)
{
	if (c->state == IDLE)
		try_connect(c);
}

/* ---- the caller's side ---- */

static int
pack(struct client *c, struct client_request *r, const ProtobufCMessage *message,
     const struct client_how *how)
{
	const struct method *m = &methods[r->method];
	struct envelope_request e = {
		.id = r->number,
		.method = m->path,
		.timeout_ms = how->timeout_ms,
		.idempotency_key = how->idempotency_key,
		.session = c->session,
	};

	buf_init(&r->packed, WIRE_SOCKET_MAX - 64);
	return envelope_put_request(&r->packed, &e, message);
}

void
client_send(struct client *c, struct client_request *r, enum method_number method,
	    const ProtobufCMessage *message, const struct client_how *how)
{
	bool has_key = how->idempotency_key && *how->idempotency_key;

	r->method = method;
	r->number = ++c->next_number;
	r->id = 0;
	r->again_ms = 0;
	r->refusals = 0;
	r->is_on = true;
	r->was_sent = false;
	r->deadline_ms = how->timeout_ms ? clock_mono_ms() + how->timeout_ms : 0;
	r->may_repeat = methods[method].repeat == REPEAT ||
			(methods[method].repeat == REPEAT_WITH_KEY && has_key);
	if (pack(c, r, message, how) < 0) {
		(void)err_field(&c->failure, ERR_INVALID_ARGUMENT, "payload",
				"the request is too large: at most %zu bytes", methods[method].max);
		TAILQ_INSERT_TAIL(&c->failed, r, link);
		return;
	}
	if (c->state == RETRYING && !has_calls(c))
		c->state = IDLE; /* at once, and with an engine of our own if need be */
	TAILQ_INSERT_TAIL(&c->requests, r, link);
	if (c->state == CONNECTED)
		send_waiting(c);
}

void
client_cancel(struct client *c, struct client_request *r)
{
	struct client_request *other;

	if (!r->is_on)
		return;
	TAILQ_FOREACH (other, &c->failed, link)
		if (other == r)
			break;
	forget(other ? &c->failed : &c->requests, r);
}

static int64_t
first_deadline(const struct client *c)
{
	const struct client_request *r;
	int64_t first = INT64_MAX;

	TAILQ_FOREACH (r, &c->requests, link) {
		if (r->deadline_ms)
			first = MIN(first, r->deadline_ms);
		if (r->again_ms && c->state == CONNECTED)
			first = MIN(first, r->again_ms);
	}
	return c->state == RETRYING ? MIN(first, c->retry_ms) : first;
}

struct client_wait
client_poll(const struct client *c)
{
	struct client_wait w = { -1, 0, -1 };
	int64_t first = first_deadline(c), now;

	if (!TAILQ_EMPTY(&c->failed) || (c->state == IDLE && !TAILQ_EMPTY(&c->requests))) {
		w.timeout_ms = 0;
		return w;
	}
	if (c->state == CONNECTED) {
		w.fd = c->sp.fd;
		w.events = sp_events(&c->sp);
	} else if (c->state == STARTING) {
		w.fd = c->starter.fd;
		w.events = POLLIN;
	}
	if (first != INT64_MAX) {
		now = clock_mono_ms();
		w.timeout_ms = first <= now ? 0 : (int)MIN(first - now, INT32_MAX);
	}
	return w;
}

static void
expire(struct client *c)
{
	struct client_request *r, *next;
	int64_t now = clock_mono_ms();
	struct err err = { 0 };

	(void)err_set(&err, ERR_DEADLINE_EXCEEDED, "the engine did not answer in time");
	for (r = TAILQ_FIRST(&c->requests); r; r = next) {
		next = TAILQ_NEXT(r, link);
		if (!r->deadline_ms || r->deadline_ms > now)
			continue;
		finish(c, r, NULL, &err);
		next = TAILQ_FIRST(&c->requests); /* done() may have changed the list */
	}
}

static void
read_replies(struct client *c)
{
	struct client_request *r;
	const void *body;
	uint32_t id;
	size_t len;
	int rc = 0, io;

	io = sp_io(&c->sp);
	while (c->state == CONNECTED && (rc = sp_next(&c->sp, &id, &body, &len)) > 0) {
		r = find(c, id);
		if (r)
			take_reply(c, r, body, len); /* a late one is nobody's */
		sp_drop(&c->sp, len);
	}
	if (c->state == CONNECTED && (io < 0 || rc < 0))
		lost(c);
}

void
client_process(struct client *c)
{
	struct client_request *r;
	struct err err = { 0 };
	uint64_t last;
	int rc;

	switch (c->state) {
	case IDLE:
		if (!TAILQ_EMPTY(&c->requests))
			begin(c);
		break;
	case CONNECTED:
		read_replies(c);
		if (c->state == CONNECTED)
			send_waiting(c); /* what was put off */
		break;
	case STARTING:
		rc = starter_read(&c->starter, &err);
		if (rc == ERR_ABORTED && ++c->lost_tries <= LOST_TRIES_MAX) {
			c->state = IDLE;
			begin(c);
		} else if (rc < 0) {
			err.code = ERR_UNAVAILABLE;
			fail_all(c, &err);
		} else if (rc > 0) {
			c->state = IDLE;
			retry_later(c, START_WAIT_MS);
			try_connect(c);
		}
		break;
	case RETRYING:
		if (clock_mono_ms() >= c->retry_ms)
			try_connect(c);
		break;
	}
	last = c->next_number;
	while ((r = TAILQ_FIRST(&c->failed)) && r->number <= last) {
		err = c->failure;
		forget(&c->failed, r);
		r->done(r, NULL, &err);
	}
	expire(c);
}

bool
client_is_up(struct client *c)
{
	if (c->state == IDLE && sp_connect(&c->sp, c->endpoint.dirfd, ENDPOINT_REQUESTS) == 0)
		c->state = CONNECTED;
	return c->state == CONNECTED;
}

int
client_start_engine(struct client *c, struct err *err)
{
	Jobwire__V1__InfoRequest req = JOBWIRE__V1__INFO_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = START_WAIT_MS };
	const ProtobufCMessage *reply;
	bool before = c->options.autostart;
	struct arena a;
	int rc;

	c->options.autostart = true;
	arena_init(&a, REPLY_ARENA_MAX);
	rc = client_call(c, METHOD_Engine_Info, &req.base, &how, &a, &reply, err);
	arena_fini(&a);
	c->options.autostart = before;
	return rc;
}
