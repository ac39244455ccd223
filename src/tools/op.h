/* SPDX-License-Identifier: MIT */
/*
 * op - one call of a tool under way: a chain of calls to the engine, then one answer.
 *
 * A tool's handler makes an op, keeps in it what it needs (the arguments die with the handler), and
 * begins the chain; each answer of the engine comes to the step that was named with the call. The
 * op ends with op_end() or op_fail(), or when the client cancels or goes away: then the engine's
 * answer is not waited for any more, and no job is harmed. One call to the engine at a time.
 *
 * After op_call(), op_end() and op_fail() the op may be gone: they come last in a handler or a
 * step.
 */
#ifndef JOBWIRE_TOOLS_OP_H
#define JOBWIRE_TOOLS_OP_H

#include <cjson/cJSON.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"
#include "client/client.h"
#include "text/json.h"

/* How long the engine may take to answer what needs no waiting, its start included. */
#define OP_CALL_MS 15000u

struct err;
struct event;
struct mcp_call;
struct op;
struct reading;
struct tools;
struct waiting;

/* `reply` is of the method's type and valid for the call only. */
typedef void op_step(struct op *op, const ProtobufCMessage *reply);

/* The first member of each tool's own struct. */
struct op {
	struct tools *tools;
	struct mcp_call *call;
	struct arena arena;
	const char *what;   /* in front of errors: "Failed to kill job" */
	const char *job_id; /* as the client gave it */

	struct client_request request;
	/* What to do when the engine falls silent, where the call must not just be repeated; and
	 * whether what the hint is about may have been done already. */
	const char *hint;
	bool is_begun;
	op_step *next;
	/* Instead of op_fail_err(), for calls whose errors mean something. */
	void (*on_error)(struct op *op, const struct err *err);
	struct event *timer;
	void (*on_timer)(struct op *op);

	const char *sentence, *intro; /* of op_fail_listing() */
	struct reading *reading;      /* under way, parts of the tool's own struct */
	struct waiting *waiting;

	struct buf out;
	struct json json;
};

/* `size` zeroed bytes that begin with an op, or NULL: then the call has been answered. */
void *op_new(struct tools *tools, struct mcp_call *call, size_t size, const char *what);

/* Keep the argument job_id. False where nothing can have such an id. */
bool op_take_job(struct op *op, const cJSON *args) MUST_CHECK;

/* Ask the engine; `next` gets its answer, or on_error its error. `wait_ms` is how long the call
 * itself may wait; the engine gets OP_CALL_MS beside that. */
void op_call(struct op *op, enum method_number method, const ProtobufCMessage *message,
	     uint32_t wait_ms, op_step *next);
/* The same, to be carried out once however often it is sent. */
void op_call_once(struct op *op, enum method_number method, const ProtobufCMessage *message,
		  uint32_t wait_ms, op_step *next);
/* The call under way is not waited for any more. */
void op_forget(struct op *op);

/* Something has been done that lasts: from now on errors begin with "Job <id> <what>", and end with
 * the hint. */
void op_begun(struct op *op, const char *job_id, const char *what, const char *hint);

/* Call `on_timer` after so long, once; again for another time. Negative: not at all. */
void op_timer(struct op *op, int64_t ms, void (*on_timer)(struct op *op));

/* A copy that lives as long as the op, or NULL (no memory). */
void *op_keep(struct op *op, const ProtobufCMessage *message);

/* Begin the answer, an object, and end the op with it. */
struct json *op_begin(struct op *op);
void op_end(struct op *op);

/* End the op: the model reads what happened and what to do next. */
void op_fail(struct op *op, const char *fmt, ...) PRINTF(2, 3);
/* The same from an error of the engine or of ours. A job that is not there: the jobs that are. */
void op_fail_err(struct op *op, const struct err *err);
/* The same, with a sentence and the jobs that the filter finds: "<sentence> <intro>: ..." */
void op_fail_listing(struct op *op, const Jobwire__V1__ListRequest *filter, const char *intro,
		     const char *fmt, ...) PRINTF(4, 5);
/* "Job X not found", and the jobs that are known. */
void op_fail_unknown(struct op *op);

#endif
