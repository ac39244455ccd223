/* SPDX-License-Identifier: MIT */
#include "wire/message.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

#define DEPTH_MAX  8                   /* our deepest message has 3 levels */
#define NUMBER_MAX (UINT64_C(1) << 29) /* of a field, less one: the encoding's own bound */

/* Wire types (protobuf encoding specification, "Message Structure"). */
enum { WIRE_VARINT = 0, WIRE_I64 = 1, WIRE_LEN = 2, WIRE_I32 = 5 };

struct cursor {
	const uint8_t *p, *end;
};

static int
take_varint(struct cursor *c, uint64_t *ret)
{
	unsigned shift;
	uint64_t v = 0;

	for (shift = 0; shift < 64 && c->p < c->end; shift += 7) {
		v |= (uint64_t)(*c->p & 0x7f) << shift;
		if (!(*c->p++ & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -1;
}

static int
skip(struct cursor *c, uint64_t n)
{
	if (n > (uint64_t)(c->end - c->p))
		return -1;
	c->p += n;
	return 0;
}

bool
message_split(const void *bytes, size_t len, uint32_t number, size_t *ret_before,
	      const uint8_t **ret_field, size_t *ret_field_len)
{
	struct cursor c = { bytes, (const uint8_t *)bytes + len };
	const uint8_t *begin;
	uint64_t key, n;

	while (c.p < c.end) {
		begin = c.p;
		if (take_varint(&c, &key) < 0)
			return false;
		if ((key & 7) == WIRE_LEN) {
			if (take_varint(&c, &n) < 0 || skip(&c, n) < 0)
				return false;
			if (c.p == c.end && key >> 3 == number) {
				*ret_before = (size_t)(begin - (const uint8_t *)bytes);
				*ret_field = c.p - n;
				*ret_field_len = (size_t)n;
				return true;
			}
		} else if ((key & 7) == WIRE_VARINT) {
			if (take_varint(&c, &n) < 0)
				return false;
		} else if (skip(&c, (key & 7) == WIRE_I64 ? 8 : 4) < 0) {
			return false;
		}
	}
	return false;
}

static int check(const ProtobufCMessageDescriptor *type, struct cursor c, int depth,
		 struct err *err);

/* One length-delimited field. */
static int
check_bytes(const ProtobufCMessageDescriptor *type, uint32_t number, const uint8_t *p, size_t len,
	    int depth, struct err *err)
{
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(type, number);

	if (f && f->type == PROTOBUF_C_TYPE_MESSAGE)
		return check(f->descriptor, (struct cursor){ p, p + len }, depth + 1, err);
	if (!f || f->type != PROTOBUF_C_TYPE_STRING)
		return 0;
	if (memchr(p, '\0', len))
		return err_field(err, ERR_INVALID_ARGUMENT, f->name, "%s contains a NUL character",
				 f->name);
	if (!utf8_is_valid(p, len))
		return err_field(err, ERR_INVALID_ARGUMENT, f->name, "%s is not valid UTF-8",
				 f->name);
	return 0;
}

static int
check_field(const ProtobufCMessageDescriptor *type, struct cursor *c, int depth, struct err *err)
{
	uint64_t key, n;
	const uint8_t *p;

	if (take_varint(c, &key) < 0 || key >> 3 == 0 || key >> 3 >= NUMBER_MAX)
		goto bad;
	switch (key & 7) {
	case WIRE_VARINT:
		if (take_varint(c, &n) < 0)
			goto bad;
		return 0;
	case WIRE_I64:
	case WIRE_I32:
		if (skip(c, (key & 7) == WIRE_I64 ? 8 : 4) < 0)
			goto bad;
		return 0;
	case WIRE_LEN:
		if (take_varint(c, &n) < 0)
			goto bad;
		p = c->p;
		if (skip(c, n) < 0)
			goto bad;
		return check_bytes(type, (uint32_t)(key >> 3), p, (size_t)n, depth, err);
	default:
		break; /* groups went with proto2 */
	}
bad:
	return err_set(err, ERR_INVALID_ARGUMENT, "%s: not a protobuf message", type->name);
}

static int
check(const ProtobufCMessageDescriptor *type, struct cursor c, int depth, struct err *err)
{
	int rc = 0;

	if (depth > DEPTH_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT, "%s: nested too deeply", type->name);
	while (rc == 0 && c.p < c.end)
		rc = check_field(type, &c, depth, err);
	return rc;
}

static void *
from_arena(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void
to_arena(void *arena, void *p)
{
	(void)arena, (void)p; /* all at once, later */
}

int
message_unpack(struct arena *a, const ProtobufCMessageDescriptor *type, const void *bytes,
	       size_t len, ProtobufCMessage **ret_message, struct err *err)
{
	ProtobufCAllocator allocator = { from_arena, to_arena, a };
	ProtobufCMessage *message;
	int rc;

	rc = check(type, (struct cursor){ bytes, (const uint8_t *)bytes + len }, 0, err);
	if (rc < 0)
		return rc;
	message = protobuf_c_message_unpack(type, &allocator, len, bytes);
	if (!message)
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "%s: not a protobuf message of that type, or too large", type->name);
	*ret_message = message;
	return 0;
}

int
message_pack(struct buf *out, const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	int rc = buf_reserve(out, len);

	if (rc < 0)
		return rc;
	buf_commit(out, protobuf_c_message_pack(message, buf_tail(out)));
	return 0;
}
