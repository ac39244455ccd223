/* SPDX-License-Identifier: MIT */
/*
 * packed - protobuf fields written by hand, also such as no library would write.
 */
#ifndef JOBWIRE_TEST_PACKED_H
#define JOBWIRE_TEST_PACKED_H

#include "test.h"

#include "base/buf.h"

static inline void
put_varint(struct buf *b, uint64_t v)
{
	unsigned char byte;

	for (;; v >>= 7) {
		byte = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		assert_int_equal(buf_add(b, &byte, 1), 0);
		if (v <= 0x7f)
			break;
	}
}

static inline void
put_key(struct buf *b, uint32_t number, unsigned wire_type)
{
	put_varint(b, (uint64_t)number << 3 | wire_type);
}

static inline void
put_number(struct buf *b, uint32_t number, uint64_t value)
{
	put_key(b, number, 0);
	put_varint(b, value);
}

static inline void
put_bytes(struct buf *b, uint32_t number, const void *bytes, size_t len)
{
	put_key(b, number, 2);
	put_varint(b, len);
	assert_int_equal(buf_add(b, bytes, len), 0);
}

static inline void
put_text(struct buf *b, uint32_t number, const char *text)
{
	put_bytes(b, number, text, strlen(text));
}

/* The bytes in memory that ends where they end, so that a sanitizer sees who reads on. */
static inline unsigned char *
exact_copy(const void *bytes, size_t len)
{
	unsigned char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

#endif
