/* SPDX-License-Identifier: MIT */
/*
 * rpc - the request/reply socket: NNG's messages in and out of the loop.
 *
 * NNG's threads only put received messages into an inbox and wake the loop; replies are sent from
 * the loop. A pool of contexts grows so that some are always free to receive, however many calls
 * are parked. A client that does not read its replies loses its connection: each reply has a send
 * timeout, and so many and so much may be on the way to one connection.
 *
 * Every call to libnng's request side is in rpc.c. NNG 1.5.2 needs nng_compat.c beside it.
 */
#ifndef JOBWIRE_ENGINE_RPC_H
#define JOBWIRE_ENGINE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct err;
struct rpc;
struct rpc_slot; /* one request, from its arrival to its reply */

struct rpc_request {
	struct rpc_slot *slot;
	const void *bytes; /* valid until the reply */
	size_t len;
	uint32_t pipe;   /* the connection */
	bool is_allowed; /* the peer is this user, or root */
};

struct rpc_handlers {
	/* Answer now or later with rpc_reply_*(). */
	void (*request)(void *arg, const struct rpc_request *r);
	/* The connection is gone; replies to it go nowhere. */
	void (*gone)(void *arg, uint32_t pipe);
	void *arg;
};

/* Listen on engine.sock in the folder; a stale socket must have been removed. */
int rpc_new(int dirfd, const struct rpc_handlers *handlers, struct rpc **ret_rpc,
	    struct err *err) MUST_CHECK;
/* Closes the socket; requests without a reply stay without. */
void rpc_free(struct rpc *r);

/* Readable while something waits for rpc_collect(). */
int rpc_fd(const struct rpc *r);
/* Call the handlers for what has arrived, for some milliseconds; the descriptor stays readable
 * while there is more. */
void rpc_collect(struct rpc *r);

/* Memory for a reply of exactly `len` bytes, NULL: none; then rpc_send(), which ends the request.
 */
void *rpc_reply(struct rpc_slot *slot, size_t len);
void rpc_send(struct rpc_slot *slot);
/* End the request without a reply (there was no memory for one). */
void rpc_drop(struct rpc_slot *slot);

struct rpc_counts {
	unsigned contexts, receiving, connections;
};
struct rpc_counts rpc_counts(struct rpc *r);

#endif
