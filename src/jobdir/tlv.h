/* SPDX-License-Identifier: MIT */
/*
 * tlv - fields of records and frames: tag (16 bits), length (32 bits), bytes; little endian.
 *
 * The one encoding of everything that outlives a program: an unknown tag is skipped, a missing one
 * is zero or empty, so old and new programs understand each other. Numbers are 8 bytes long.
 * A tag may occur several times (a list). Pure functions.
 */
#ifndef JOBWIRE_JOBDIR_TLV_H
#define JOBWIRE_JOBDIR_TLV_H

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct buf;

/* Append a field. 0 or as buf_add(). */
int tlv_put_bytes(struct buf *b, unsigned tag, const void *bytes, size_t len) MUST_CHECK;
int tlv_put_str(struct buf *b, unsigned tag, const char *s) MUST_CHECK;
int tlv_put_u64(struct buf *b, unsigned tag, uint64_t value) MUST_CHECK;
/* The same, but nothing for 0: the reader's default. */
int tlv_put_nonzero(struct buf *b, unsigned tag, uint64_t value) MUST_CHECK;

struct tlv {
	const unsigned char *p;
	size_t len;
};

struct tlv_field {
	unsigned tag;
	const unsigned char *bytes; /* inside what is read */
	size_t len;
};

/* 1 and a field, 0 at the end, -EBADMSG where the bytes are cut off. */
int tlv_next(struct tlv *t, struct tlv_field *ret_field) MUST_CHECK;
/* The field as a number: its first 8 bytes, or fewer; longer fields are cut. */
uint64_t tlv_u64(const struct tlv_field *f);

/* Members of a struct that are one number each: bool, any integer, or an enum. The one table both
 * writes and reads them. 0 is not written. */
struct tlv_row {
	unsigned tag;
	size_t offset, size;
};

#define TLV_ROW(tag, type, member)                                         \
	{                                                                  \
		(tag), offsetof(type, member), sizeof(((type *)0)->member) \
	}

int tlv_put_rows(struct buf *b, const struct tlv_row *rows, size_t n, const void *obj) MUST_CHECK;
/* If the field is one of the rows, set the member. */
void tlv_get_row(const struct tlv_row *rows, size_t n, void *obj, const struct tlv_field *f);

#endif
