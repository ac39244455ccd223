/* SPDX-License-Identifier: MIT */
/*
 * fuzz: wire - bytes read as the envelope of a request and as that of a response: what is taken has
 * strings that are whole and bounded, and a payload that lies where it may.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/utf8.h"
#include "wire/envelope.h"

#define ARENA_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_text(const char *text, size_t max)
{
	if (!text || strlen(text) > max || !utf8_is_valid(text, strlen(text)))
		abort();
}

/* Every byte of it can be read: the sanitizer would say. */
static void
check_payload(const uint8_t *payload, size_t len)
{
	static volatile uint8_t sum;

	while (len--)
		sum = (uint8_t)(sum + payload[len]);
}

static void
check_failure(int rc, const struct err *err)
{
	if (rc >= 0 || err->code != rc || !err->msg[0])
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope_request req;
	struct envelope_response res;
	struct err err = { 0 };
	struct arena a;
	int rc;

	arena_init(&a, ARENA_MAX);
	rc = envelope_read_request(&a, data, size, &req, &err);
	if (rc == 0) {
		check_text(req.method, size);
		check_text(req.token, size);
		check_text(req.idempotency_key, WIRE_IDEMPOTENCY_MAX);
		check_text(req.session, WIRE_SESSION_MAX);
		check_payload(req.payload, req.payload_len);
	} else {
		check_failure(rc, &err);
	}
	err = (struct err){ 0 };
	rc = envelope_read_response(&a, data, size, &res, &err);
	if (rc == 0) {
		if (res.code > 0)
			abort();
		check_text(res.message, size);
		check_text(res.field, size);
		check_payload(res.payload, res.payload_len);
	} else {
		check_failure(rc, &err);
	}
	arena_fini(&a);
	return 0;
}
