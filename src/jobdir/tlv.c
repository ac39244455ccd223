/* SPDX-License-Identifier: MIT */
#include "jobdir/tlv.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/le.h"

#define HEAD_LEN 6

int
tlv_put_bytes(struct buf *b, unsigned tag, const void *bytes, size_t len)
{
	unsigned char head[HEAD_LEN];
	int rc;

	if (len > UINT32_MAX)
		return -EMSGSIZE;
	rc = buf_reserve(b, sizeof head + len);
	if (rc < 0)
		return rc;
	head[0] = (unsigned char)tag;
	head[1] = (unsigned char)(tag >> 8);
	put_le32(head + 2, (uint32_t)len);
	rc = buf_add(b, head, sizeof head);
	return rc < 0 ? rc : buf_add(b, bytes, len);
}

int
tlv_put_str(struct buf *b, unsigned tag, const char *s)
{
	return tlv_put_bytes(b, tag, s, strlen(s));
}

int
tlv_put_u64(struct buf *b, unsigned tag, uint64_t value)
{
	unsigned char bytes[8];

	put_le64(bytes, value);
	return tlv_put_bytes(b, tag, bytes, sizeof bytes);
}

int
tlv_put_nonzero(struct buf *b, unsigned tag, uint64_t value)
{
	return value ? tlv_put_u64(b, tag, value) : 0;
}

int
tlv_next(struct tlv *t, struct tlv_field *ret_field)
{
	size_t len;

	if (t->len == 0)
		return 0;
	if (t->len < HEAD_LEN)
		return -EBADMSG;
	len = get_le32(t->p + 2);
	if (len > t->len - HEAD_LEN)
		return -EBADMSG;
	ret_field->tag = t->p[0] | (unsigned)t->p[1] << 8;
	ret_field->bytes = t->p + HEAD_LEN;
	ret_field->len = len;
	t->p += HEAD_LEN + len;
	t->len -= HEAD_LEN + len;
	return 1;
}

uint64_t
tlv_u64(const struct tlv_field *f)
{
	unsigned char bytes[8] = { 0 };

	memcpy(bytes, f->bytes, MIN(f->len, sizeof bytes));
	return get_le64(bytes);
}

static uint64_t
load(const unsigned char *member, size_t size)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (size) {
	case 1:
		return *member;
	case 2:
		memcpy(&v16, member, sizeof v16);
		return v16;
	case 4:
		memcpy(&v32, member, sizeof v32);
		return v32;
	default:
		memcpy(&v64, member, sizeof v64);
		return v64;
	}
}

static void
save(unsigned char *member, size_t size, uint64_t v)
{
	uint32_t v32 = (uint32_t)v;
	uint16_t v16 = (uint16_t)v;

	switch (size) {
	case 1:
		*member = v != 0; /* a bool */
		break;
	case 2:
		memcpy(member, &v16, sizeof v16);
		break;
	case 4:
		memcpy(member, &v32, sizeof v32);
		break;
	default:
		memcpy(member, &v, sizeof v);
		break;
	}
}

int
tlv_put_rows(struct buf *b, const struct tlv_row *rows, size_t n, const void *obj)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++)
		rc = tlv_put_nonzero(
			b, rows[i].tag,
			load((const unsigned char *)obj + rows[i].offset, rows[i].size));
	return rc;
}

void
tlv_get_row(const struct tlv_row *rows, size_t n, void *obj, const struct tlv_field *f)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (rows[i].tag == f->tag)
			save((unsigned char *)obj + rows[i].offset, rows[i].size, tlv_u64(f));
}
