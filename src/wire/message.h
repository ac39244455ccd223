/* SPDX-License-Identifier: MIT */
/*
 * message - protobuf messages in and out of bytes, with the checks that protobuf-c leaves out.
 *
 * Unpacking goes into an arena, so a small message that becomes a large tree fails alone, and all
 * of it is freed at once. Before that, every `string` of the packed form is checked: valid UTF-8,
 * no NUL (protobuf-c would cut it there without a word). Threads: none of its own.
 */
#ifndef JOBWIRE_WIRE_MESSAGE_H
#define JOBWIRE_WIRE_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/macros.h"

struct arena;
struct buf;
struct err;

/* The message, or an error that names the field. It lives in the arena: never free it. */
int message_unpack(struct arena *a, const ProtobufCMessageDescriptor *type, const void *bytes,
		   size_t len, ProtobufCMessage **ret_message, struct err *err) MUST_CHECK;

/* If the last field of the packed message is the bytes field `number`: true, how much stands before
 * it, and its bytes, where they lie. Says nothing about whether the message is well formed. */
bool message_split(const void *bytes, size_t len, uint32_t number, size_t *ret_before,
		   const uint8_t **ret_field, size_t *ret_field_len);

/* Append the packed form. 0 or as buf_add(). */
int message_pack(struct buf *out, const ProtobufCMessage *message) MUST_CHECK;

/* protobuf-c's strings are char *; it never writes to those of a message that is packed. */
static inline char *
message_str(const char *s)
{
	return s ? (char *)(uintptr_t)s : (char *)(uintptr_t)protobuf_c_empty_string;
}

static inline ProtobufCBinaryData
message_bytes(const void *bytes, size_t len)
{
	return (ProtobufCBinaryData){ len, (uint8_t *)(uintptr_t)bytes };
}

#endif
