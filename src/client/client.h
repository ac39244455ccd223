/* SPDX-License-Identifier: MIT */
/*
 * client - calls to the engine: asynchronous at heart, with a plain call on top.
 *
 * The client connects at its first call, starts the engine if none answers and it may, and connects
 * again after a loss. A call whose connection is lost, or that an ending engine answers with
 * UNAVAILABLE, is sent again if repeating it does no harm (wire/methods.def); otherwise it fails
 * and says that its outcome is not known.
 *
 * No threads and no globals; one client, one thread. From an event loop: poll client_poll()'s
 * descriptor for at most its timeout, then call client_process(). Or call client_call(), which does
 * that until its own answer is there, and serves the others meanwhile.
 */
#ifndef JOBWIRE_CLIENT_CLIENT_H
#define JOBWIRE_CLIENT_CLIENT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/macros.h"
#include "wire/methods.h"

struct arena;
struct client;
struct err;

struct client_options {
	const char *state_dir;   /* NULL: as base/endpoint.h finds it */
	const char *engine_path; /* jobwired; NULL: beside this program, else in PATH */
	bool autostart;
	const char *session; /* NULL or "": none */
	bool keep;           /* stay connected also between calls, for the session's sake */
};

/* Finds the state folder; connects to nothing yet. */
int client_new(const struct client_options *options, struct client **ret_client,
	       struct err *err) MUST_CHECK;
/* Calls under way end without a word. NULL is allowed. */
void client_free(struct client *c);

/* The state folder that it speaks to. */
const char *client_state_dir(const struct client *c);

/* One call. The storage is the caller's until done() is called or client_cancel(). */
struct client_request {
	/* `reply` is of the method's type and valid for the call only; NULL with an error. done()
	 * may start or cancel any call, but not free the client. */
	void (*done)(struct client_request *r, const ProtobufCMessage *reply,
		     const struct err *err);
	struct arena *arena; /* where replies go; NULL: into memory of the call of done() */
	/* client.c's: */
	enum method_number method;
	struct buf packed;   /* the envelope, ready to be sent again */
	uint64_t number;     /* of all calls, in the order of their beginning */
	uint32_t id;         /* on this connection; 0: not sent */
	int64_t deadline_ms; /* 0: none */
	int64_t again_ms;    /* refused as UNAVAILABLE: when it goes out again; 0: it was not */
	unsigned refusals;
	bool may_repeat;
	bool is_on;
	bool was_sent; /* for done(): an engine may have got it */
	TAILQ_ENTRY(client_request) link;
};

struct client_how {
	uint32_t timeout_ms;         /* 0: as long as it takes */
	const char *idempotency_key; /* NULL: none */
};

/* Begin. An error is told by done() as well, later, never from within this call. */
void client_send(struct client *c, struct client_request *r, enum method_number method,
		 const ProtobufCMessage *message, const struct client_how *how);
/* done() will not be called. No error if it is not on. */
void client_cancel(struct client *c, struct client_request *r);

/* What to wait for: a descriptor (-1: none), poll(2) events, and a timeout in ms (-1: none). It may
 * differ after every call of this module. */
struct client_wait {
	int fd;
	short events;
	int timeout_ms;
};
struct client_wait client_poll(const struct client *c);
/* Read, write, connect, time out: whatever is due. Calls done(). */
void client_process(struct client *c);

/* Call and wait. The reply lives in the arena. */
int client_call(struct client *c, enum method_number method, const ProtobufCMessage *message,
		const struct client_how *how, struct arena *a, const ProtobufCMessage **ret_reply,
		struct err *err) MUST_CHECK;

/* Is an engine there? Never starts one. */
bool client_is_up(struct client *c);
/* Start one if none is there, and wait for it. */
int client_start_engine(struct client *c, struct err *err) MUST_CHECK;

#endif
