/* SPDX-License-Identifier: MIT */
/*
 * envelope - what goes around every call: Request and Response of proto/jobwire/v1/envelope.proto.
 *
 * Who packs fields in order puts the payload last: then it is neither copied on its way in (the
 * view points into the received bytes) nor packed twice on its way out. Elsewhere it is copied.
 */
#ifndef JOBWIRE_WIRE_ENVELOPE_H
#define JOBWIRE_WIRE_ENVELOPE_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct arena;
struct buf;
struct err;

#define WIRE_PROTOCOL        1
#define WIRE_SOCKET_MAX      ((size_t)4 * 1024 * 1024) /* a larger frame closes the connection */
#define WIRE_REQUEST_MAX     ((size_t)1024 * 1024)     /* payload, unless its method says more */
#define WIRE_READ_MAX        ((size_t)256 * 1024)      /* output or input in one message */
#define WIRE_WAIT_MAX_MS     60000u
#define WIRE_IDEMPOTENCY_MAX 128
#define WIRE_SESSION_MAX     64

struct envelope_request {
	uint64_t id;
	const char *method;
	uint32_t timeout_ms;
	const char *token;
	const char *idempotency_key;
	const char *session;
	const uint8_t *payload;
	size_t payload_len;
};

struct envelope_response {
	uint64_t id;
	int code; /* ERR_* */
	const char *message;
	const char *field; /* of the first detail, "" */
	const uint8_t *payload;
	size_t payload_len;
};

/* Strings are copied to the arena; the payload may stay where it is, in `bytes`. */
int envelope_read_request(struct arena *a, const void *bytes, size_t len,
			  struct envelope_request *ret, struct err *err) MUST_CHECK;
int envelope_read_response(struct arena *a, const void *bytes, size_t len,
			   struct envelope_response *ret, struct err *err) MUST_CHECK;

/* Append a whole envelope around `message`. 0 or as buf_add(). `r->payload` is not looked at. */
int envelope_put_request(struct buf *out, const struct envelope_request *r,
			 const ProtobufCMessage *message) MUST_CHECK;
/* The same into memory of the transport: exactly envelope_response_size() bytes. */
size_t envelope_response_size(uint64_t id, const ProtobufCMessage *message);
void envelope_write_response(uint8_t *out, uint64_t id, const ProtobufCMessage *message);
int envelope_put_error(struct buf *out, uint64_t id, const struct err *err) MUST_CHECK;

#endif
