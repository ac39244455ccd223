/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <string.h>

#include "base/buf.h"

/* What may follow a lead byte (Unicode table 3-7): how many bytes, and the range of the first. */
static const struct lead {
	unsigned char more, low, high;
} leads[256] = {
	[0xc2 ... 0xdf] = { 1, 0x80, 0xbf },
	[0xe0] = { 2, 0xa0, 0xbf }, /* no overlong form */
	[0xe1 ... 0xec] = { 2, 0x80, 0xbf },
	[0xed] = { 2, 0x80, 0x9f }, /* no surrogate */
	[0xee ... 0xef] = { 2, 0x80, 0xbf },
	[0xf0] = { 3, 0x90, 0xbf }, /* no overlong form */
	[0xf1 ... 0xf3] = { 3, 0x80, 0xbf },
	[0xf4] = { 3, 0x80, 0x8f }, /* nothing above U+10FFFF */
};

enum utf8_kind
utf8_next(const unsigned char *p, size_t len, size_t *ret_len)
{
	const struct lead *lead = &leads[p[0]];
	size_t i;

	*ret_len = 1;
	if (p[0] < 0x80)
		return UTF8_CHAR;
	if (!lead->more)
		return UTF8_INVALID;
	if (len == 1)
		return UTF8_INCOMPLETE;
	if (p[1] < lead->low || p[1] > lead->high)
		return UTF8_INVALID;
	for (i = 2; i <= lead->more; i++) {
		*ret_len = i;
		if (i == len)
			return UTF8_INCOMPLETE;
		if ((p[i] & 0xc0) != 0x80)
			return UTF8_INVALID;
	}
	*ret_len = i;
	return UTF8_CHAR;
}

enum utf8_kind
utf8_prev(const unsigned char *p, size_t len, size_t *ret_len)
{
	enum utf8_kind kind;
	size_t back, n;

	for (back = 1; back <= 4 && back <= len; back++) {
		if ((p[len - back] & 0xc0) == 0x80)
			continue; /* a continuation byte: its lead is further to the front */
		kind = utf8_next(p + len - back, back, &n);
		if (n != back)
			break;
		*ret_len = n;
		return kind;
	}
	*ret_len = 1; /* a continuation byte that continues nothing */
	return UTF8_INVALID;
}

/* Length of the run of ASCII at the front, eight bytes at a time. */
static size_t
ascii_run(const unsigned char *p, size_t len)
{
	uint64_t word;
	size_t i = 0;

	for (; i + sizeof word <= len; i += sizeof word) {
		memcpy(&word, p + i, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < len && p[i] < 0x80)
		i++;
	return i;
}

size_t
utf8_run(const unsigned char *p, size_t len, size_t *ret_bad)
{
	size_t i = 0, n;

	*ret_bad = 0;
	while (i < len) {
		i += ascii_run(p + i, len - i);
		if (i == len)
			break;
		if (utf8_next(p + i, len - i, &n) != UTF8_CHAR) {
			*ret_bad = n;
			break;
		}
		i += n;
	}
	return i;
}

bool
utf8_is_valid(const void *bytes, size_t len)
{
	size_t bad;

	return utf8_run(bytes, len, &bad) == len;
}

size_t
utf8_unfinished(const unsigned char *p, size_t len)
{
	size_t back, n;

	for (back = 1; back <= 3 && back <= len; back++) {
		if ((p[len - back] & 0xc0) == 0x80)
			continue; /* a continuation byte: its lead is further to the front */
		return utf8_next(p + len - back, back, &n) == UTF8_INCOMPLETE ? back : 0;
	}
	return 0;
}

int
utf8_repair(struct buf *out, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t good, bad;
	int rc = 0;

	while (len && rc == 0) {
		good = utf8_run(p, len, &bad);
		rc = buf_add(out, p, good);
		if (bad && rc == 0)
			rc = buf_add_str(out, UTF8_REPLACEMENT);
		p += good + bad;
		len -= good + bad;
	}
	return rc;
}
