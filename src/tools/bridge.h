/* SPDX-License-Identifier: MIT */
/*
 * bridge - the client inside of an event loop: calls to the engine that nothing waits for.
 *
 * Way of the data: op -> bridge -> client -> engine, and the answer back in done(). The client is
 * made by the first call, so that an adapter that is only asked for its tools touches no folder and
 * starts no engine. Thread: the loop's.
 */
#ifndef JOBWIRE_TOOLS_BRIDGE_H
#define JOBWIRE_TOOLS_BRIDGE_H

#include "base/macros.h"
#include "client/client.h"

struct bridge;
struct err;
struct event_base;

/* `base`, and what `options` points at, are kept until bridge_free(). The caller owns *ret_bridge.
 */
int bridge_new(struct event_base *base, const struct client_options *options,
	       struct bridge **ret_bridge, struct err *err) MUST_CHECK;
/* Calls under way end without a word. NULL is allowed. */
void bridge_free(struct bridge *b);

/* client_send(). An error is that of the first call alone: the state folder cannot be used; done()
 * is not called then, and the next call tries again. */
int bridge_send(struct bridge *b, struct client_request *r, enum method_number method,
		const ProtobufCMessage *message, const struct client_how *how,
		struct err *err) MUST_CHECK;
/* client_cancel(). */
void bridge_cancel(struct bridge *b, struct client_request *r);

#endif
