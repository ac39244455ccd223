/* SPDX-License-Identifier: MIT */
/*
 * fuzz: wire - the first byte says which method's request (or, with its top bit, response) the
 * others are read as. What is taken can be packed, and comes back from that the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/message.h"
#include "wire/methods.h"

#define ARENA_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_round_trip(struct arena *a, const ProtobufCMessage *message)
{
	ProtobufCMessage *again;
	struct buf first, second;
	struct err err;

	buf_init(&first, ARENA_MAX);
	buf_init(&second, ARENA_MAX);
	if (message_pack(&first, message) < 0 ||
	    message_unpack(a, message->descriptor, buf_head(&first), first.len, &again, &err) < 0 ||
	    message_pack(&second, again) < 0 || first.len != second.len ||
	    (first.len && memcmp(buf_head(&first), buf_head(&second), first.len) != 0))
		abort();
	buf_fini(&first);
	buf_fini(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct method *method;
	ProtobufCMessage *message;
	struct err err = { 0 };
	struct arena a;
	int rc;

	if (size == 0)
		return 0;
	method = &methods[(data[0] & 0x7f) % METHOD_COUNT];
	arena_init(&a, 4 * ARENA_MAX);
	rc = message_unpack(&a, data[0] & 0x80 ? method->response : method->request, data + 1,
			    size - 1, &message, &err);
	if (rc == 0)
		check_round_trip(&a, message);
	else if (err.code != rc || !err.msg[0])
		abort();
	arena_fini(&a);
	return 0;
}
