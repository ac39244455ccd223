/* SPDX-License-Identifier: MIT */
#include "wire/envelope.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "jobwire/v1/envelope.pb-c.h"
#include "wire/message.h"

#define PAYLOAD_FIELD 15u
#define PAYLOAD_TAG   ((PAYLOAD_FIELD << 3) | 2u) /* length-delimited: one byte */

int
envelope_read_request(struct arena *a, const void *bytes, size_t len, struct envelope_request *ret,
		      struct err *err)
{
	const uint8_t *payload = NULL;
	const Jobwire__V1__Request *r;
	size_t payload_len = 0;
	ProtobufCMessage *m;
	bool has_payload;
	int rc;

	has_payload = message_split(bytes, len, PAYLOAD_FIELD, &len, &payload, &payload_len);
	rc = message_unpack(a, &jobwire__v1__request__descriptor, bytes, len, &m, err);
	if (rc < 0)
		return err_wrap(err, rc, "envelope");
	r = (const Jobwire__V1__Request *)m;
	*ret = (struct envelope_request){
		.id = r->id,
		.method = r->method,
		.timeout_ms = r->timeout_ms,
		.token = r->token,
		.idempotency_key = r->idempotency_key,
		.session = r->session,
		.payload = has_payload ? payload : r->payload.data,
		.payload_len = has_payload ? payload_len : r->payload.len,
	};
	if (strlen(r->idempotency_key) > WIRE_IDEMPOTENCY_MAX)
		return err_field(err, ERR_INVALID_ARGUMENT, "idempotency_key",
				 "idempotency_key has %zu bytes; at most %d",
				 strlen(r->idempotency_key), WIRE_IDEMPOTENCY_MAX);
	if (strlen(r->session) > WIRE_SESSION_MAX)
		return err_field(err, ERR_INVALID_ARGUMENT, "session",
				 "session has %zu bytes; at most %d", strlen(r->session),
				 WIRE_SESSION_MAX);
	return 0;
}

int
envelope_read_response(struct arena *a, const void *bytes, size_t len,
		       struct envelope_response *ret, struct err *err)
{
	const uint8_t *payload = NULL;
	const Jobwire__V1__Response *r;
	size_t payload_len = 0;
	ProtobufCMessage *m;
	bool has_payload;
	int rc;

	has_payload = message_split(bytes, len, PAYLOAD_FIELD, &len, &payload, &payload_len);
	rc = message_unpack(a, &jobwire__v1__response__descriptor, bytes, len, &m, err);
	if (rc < 0)
		return err_wrap(err, rc, "reply");
	r = (const Jobwire__V1__Response *)m;
	*ret = (struct envelope_response){
		.id = r->id,
		.code = r->code ? err_from_wire(r->code) : 0,
		.message = r->message,
		.field = r->n_details ? r->details[0]->field : "",
		.payload = has_payload ? payload : r->payload.data,
		.payload_len = has_payload ? payload_len : r->payload.len,
	};
	return 0;
}

/* What stands before the payload: its tag, and its length as a varint. */
static size_t
payload_head(size_t len, unsigned char out[11])
{
	size_t n = 0;

	out[n++] = PAYLOAD_TAG;
	for (; len >= 0x80; len >>= 7)
		out[n++] = (unsigned char)(len | 0x80);
	out[n++] = (unsigned char)len;
	return n;
}

int
envelope_put_request(struct buf *out, const struct envelope_request *r,
		     const ProtobufCMessage *message)
{
	Jobwire__V1__Request e = JOBWIRE__V1__REQUEST__INIT;
	unsigned char head[11];
	int rc;

	e.id = r->id;
	e.method = message_str(r->method);
	e.timeout_ms = r->timeout_ms;
	e.token = message_str(r->token);
	e.idempotency_key = message_str(r->idempotency_key);
	e.session = message_str(r->session);
	rc = message_pack(out, &e.base);
	if (rc == 0)
		rc = buf_add(out, head,
			     payload_head(protobuf_c_message_get_packed_size(message), head));
	return rc < 0 ? rc : message_pack(out, message);
}

size_t
envelope_response_size(uint64_t id, const ProtobufCMessage *message)
{
	Jobwire__V1__Response e = JOBWIRE__V1__RESPONSE__INIT;
	size_t len = protobuf_c_message_get_packed_size(message);
	unsigned char head[11];

	e.id = id;
	return jobwire__v1__response__get_packed_size(&e) + payload_head(len, head) + len;
}

void
envelope_write_response(uint8_t *out, uint64_t id, const ProtobufCMessage *message)
{
	Jobwire__V1__Response e = JOBWIRE__V1__RESPONSE__INIT;

	e.id = id;
	out += jobwire__v1__response__pack(&e, out);
	out += payload_head(protobuf_c_message_get_packed_size(message), out);
	(void)protobuf_c_message_pack(message, out);
}

int
envelope_put_error(struct buf *out, uint64_t id, const struct err *err)
{
	Jobwire__V1__Response e = JOBWIRE__V1__RESPONSE__INIT;
	Jobwire__V1__ErrorDetail detail = JOBWIRE__V1__ERROR_DETAIL__INIT, *details = &detail;

	e.id = id;
	e.code = (uint32_t)-err->code;
	e.message = message_str(err->msg);
	if (err->field[0]) {
		detail.field = message_str(err->field);
		e.details = &details;
		e.n_details = 1;
	}
	return message_pack(out, &e.base);
}
