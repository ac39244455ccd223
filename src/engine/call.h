/* SPDX-License-Identifier: MIT */
/*
 * call - one request, from its arrival to its one reply.
 *
 * A handler checks, finds, acts and answers. What it cannot answer yet it parks: the call then
 * waits for a watch, a holder's answer or its deadline. What a call allocates comes from its arena
 * and goes with it. A call whose client is gone is cancelled: handlers undo in `cancelled`, nothing
 * is sent.
 */
#ifndef JOBWIRE_ENGINE_CALL_H
#define JOBWIRE_ENGINE_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/arena.h"
#include "wire/envelope.h"
#include "wire/methods.h"

struct client;
struct engine;
struct err;
struct event;
struct rpc_slot;

struct call {
	struct engine *eng;
	enum method_number method;
	const void *req; /* the unpacked message of that method */
	struct envelope_request env;
	struct arena arena;

	struct client *client;
	struct rpc_slot *slot;
	int64_t arrived_ms;
	bool in_handler, answered;

	/* While it is parked: */
	bool parked, polls;
	void *state;                        /* the handler's, in the arena */
	void (*expired)(struct call *call); /* the deadline: answer */
	void (*cancelled)(
		struct call *call); /* let go of everything; the call is freed behind it */
	struct event *timer;
	LIST_ENTRY(call) link;        /* of all calls */
	LIST_ENTRY(call) client_link; /* of the client's */
};

/* One connection, or several over time with one session name. */
struct client {
	char key[16];
	char session[WIRE_SESSION_MAX + 1];
	LIST_HEAD(, call) calls;
};

/* Answer; the call is gone afterwards (at the latest when its handler returns). */
void call_reply(struct call *call, const ProtobufCMessage *message);
void call_fail(struct call *call, const struct err *err);

/* Wait at most `wait_ms`, cut so that the client's own deadline is kept, for something that comes
 * soon: an answer of the holder, of the disk. */
int call_park(struct call *call, uint32_t wait_ms, void (*expired)(struct call *call),
	      void (*cancelled)(struct call *call), struct err *err) MUST_CHECK;
/* The same for a long poll: counted, and refused when as many wait already as may. */
int call_poll(struct call *call, uint32_t wait_ms, void (*expired)(struct call *call),
	      void (*cancelled)(struct call *call), struct err *err) MUST_CHECK;
/* How long a wait of `wait_ms` really is. */
/* Of a parked call whose time is over: let expired() come once more. */
void call_extend(struct call *call, uint32_t ms);
uint32_t call_clamp(const struct call *call, uint32_t wait_ms);

/* Answers to requests that arrive are found by dispatch.c. */
struct rpc_request;
void call_begin(struct engine *eng, const struct rpc_request *r);
/* The connection is gone: cancel what it waits for. */
void call_client_gone(struct engine *eng, uint32_t pipe);
/* At the end of the engine: whoever still waits is told so. */
void call_end_all(struct engine *eng);

/* dispatch.c: call the method's handler. Errors become the reply. */
void dispatch(struct call *call);

#endif
