/* SPDX-License-Identifier: MIT */
#include "engine/call.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "engine/engine.h"
#include "engine/rpc.h"
#include "job/jobs.h"

/* A request of 3 MiB and its unpacked form, with room for the reply's strings. */
#define CALL_ARENA_MAX ((size_t)32 * 1024 * 1024)
/* With its place in SP's frame. */
#define REPLY_MAX (WIRE_SOCKET_MAX - 64)
/* The reply leaves before the client's own deadline does. */
#define DEADLINE_MARGIN_MS 50

static void
unpark(struct call *call)
{
	if (!call->parked)
		return;
	call->eng->n_polls -= call->polls;
	call->parked = call->polls = false;
	event_free(call->timer);
	call->timer = NULL;
}

static void
call_free(struct call *call)
{
	unpark(call);
	LIST_REMOVE(call, link);
	LIST_REMOVE(call, client_link);
	arena_fini(&call->arena);
	free(call);
}

static void
answered(struct call *call)
{
	call->answered = true;
	if (!call->in_handler)
		call_free(call);
}

void
call_reply(struct call *call, const ProtobufCMessage *message)
{
	size_t len = envelope_response_size(call->env.id, message);
	struct err err = { 0 };
	void *bytes;

	if (len > REPLY_MAX) {
		(void)err_set(&err, ERR_RESOURCE_EXHAUSTED,
			      "the reply would have %zu bytes, and a message at most %zu; ask for "
			      "less",
			      len, REPLY_MAX);
		call_fail(call, &err);
		return;
	}
	bytes = rpc_reply(call->slot, len);
	if (bytes) {
		envelope_write_response(bytes, call->env.id, message);
		rpc_send(call->slot);
	} else {
		rpc_drop(call->slot);
	}
	answered(call);
}

void
call_fail(struct call *call, const struct err *err)
{
	struct buf out;
	void *bytes = NULL;

	buf_init(&out, 64 * 1024);
	if (envelope_put_error(&out, call->env.id, err) == 0)
		bytes = rpc_reply(call->slot, out.len);
	if (bytes) {
		memcpy(bytes, buf_head(&out), out.len);
		rpc_send(call->slot);
	} else {
		rpc_drop(call->slot);
	}
	buf_fini(&out);
	answered(call);
}

uint32_t
call_clamp(const struct call *call, uint32_t wait_ms)
{
	uint32_t most = WIRE_WAIT_MAX_MS;

	if (call->env.timeout_ms)
		most = MIN(most, call->env.timeout_ms - MIN(call->env.timeout_ms / 2,
							    (uint32_t)DEADLINE_MARGIN_MS));
	return MIN(wait_ms, most);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct call *call = arg;

	(void)fd, (void)what;
	call->expired(call);
}

int
call_park(struct call *call, uint32_t wait_ms, void (*expired)(struct call *call),
	  void (*cancelled)(struct call *call), struct err *err)
{
	const struct timeval tv = clock_wait(call_clamp(call, wait_ms));

	call->timer = evtimer_new(call->eng->base, on_timer, call);
	if (!call->timer || event_add(call->timer, &tv) < 0) {
		if (call->timer)
			event_free(call->timer);
		call->timer = NULL;
		return err_sys(err, ENOMEM, "wait");
	}
	call->parked = true;
	call->expired = expired;
	call->cancelled = cancelled;
	return 0;
}

void
call_extend(struct call *call, uint32_t ms)
{
	const struct timeval tv = clock_wait(ms);

	(void)event_add(call->timer, &tv);
}

int
call_poll(struct call *call, uint32_t wait_ms, void (*expired)(struct call *call),
	  void (*cancelled)(struct call *call), struct err *err)
{
	struct engine *eng = call->eng;
	int rc;

	if (eng->n_polls >= (unsigned)eng->settings.max_parked)
		return err_set(err, ERR_RESOURCE_EXHAUSTED,
			       "%u calls wait already, as many as the engine allows "
			       "(JOBWIRE_MAX_PARKED); try again later, or do not wait",
			       eng->n_polls);
	rc = call_park(call, wait_ms, expired, cancelled, err);
	if (rc < 0)
		return rc;
	call->polls = true;
	eng->n_polls++;
	return 0;
}

static struct client *
client_of(struct engine *eng, uint32_t pipe)
{
	struct client *c;
	char key[16];

	(void)snprintf(key, sizeof key, "%x", pipe);
	c = map_get(&eng->clients, key);
	if (c)
		return c;
	c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	(void)snprintf(c->key, sizeof c->key, "%s", key);
	LIST_INIT(&c->calls);
	if (map_put(&eng->clients, c->key, c) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

/* The connection speaks for this session from now on. */
static void
join_session(struct engine *eng, struct client *c, const char *session)
{
	if (!*session || strcmp(c->session, session) == 0)
		return;
	if (*c->session)
		jobs_session_add(eng->jobs, c->session, -1);
	(void)snprintf(c->session, sizeof c->session, "%s", session);
	jobs_session_add(eng->jobs, c->session, 1);
}

static int
read_envelope(struct call *call, const struct rpc_request *r, struct err *err)
{
	int rc;

	rc = envelope_read_request(&call->arena, r->bytes, r->len, &call->env, err);
	if (rc < 0)
		return rc;
	if (!r->is_allowed)
		return err_set(err, ERR_PERMISSION_DENIED,
			       "this engine serves another user; start your own");
	join_session(call->eng, call->client, call->env.session);
	return 0;
}

void
call_begin(struct engine *eng, const struct rpc_request *r)
{
	struct client *client = client_of(eng, r->pipe);
	struct call *call = client ? calloc(1, sizeof *call) : NULL;
	struct err err = { 0 };

	if (!call) {
		rpc_drop(r->slot); /* without memory not even an error can be said */
		return;
	}
	call->eng = eng;
	call->slot = r->slot;
	call->client = client;
	call->arrived_ms = clock_mono_ms();
	call->in_handler = true;
	arena_init(&call->arena, CALL_ARENA_MAX);
	LIST_INSERT_HEAD(&eng->calls, call, link);
	LIST_INSERT_HEAD(&client->calls, call, client_link);
	if (read_envelope(call, r, &err) < 0)
		call_fail(call, &err);
	else
		dispatch(call);
	call->in_handler = false;
	if (call->answered)
		call_free(call);
}

/* Nobody will read the reply. */
static void
cancel(struct call *call)
{
	if (call->parked && call->cancelled)
		call->cancelled(call);
	rpc_drop(call->slot);
	call_free(call);
}

void
call_client_gone(struct engine *eng, uint32_t pipe)
{
	struct client *c;
	struct call *call;
	char key[16];

	(void)snprintf(key, sizeof key, "%x", pipe);
	c = map_remove(&eng->clients, key);
	if (!c)
		return;
	while ((call = LIST_FIRST(&c->calls)))
		cancel(call);
	if (*c->session)
		jobs_session_add(eng->jobs, c->session, -1);
	free(c);
}

void
call_end_all(struct engine *eng)
{
	struct client *c;
	struct call *call;
	struct err err = { 0 };
	size_t it;

	(void)err_set(&err, ERR_UNAVAILABLE,
		      "the engine ends, and this call ends before it was answered; the jobs go on");
	while ((call = LIST_FIRST(&eng->calls))) {
		if (call->parked && call->cancelled)
			call->cancelled(call);
		call_fail(call, &err);
	}
	map_for_each (&eng->clients, it, c)
		free(c);
	map_fini(&eng->clients);
}
