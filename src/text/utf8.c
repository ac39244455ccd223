/* SPDX-License-Identifier: MIT */
#include "text/utf8.h"

#include <string.h>

#include "base/buf.h"

/* The bytes that may follow a lead byte (Unicode table 3-7): how many, and the range of the first.
 */
struct lead {
	unsigned char more, low, high;
};

static struct lead
lead_of(unsigned char c)
{
	if (c < 0xc2 || c > 0xf4)
		return (struct lead){ 0, 0, 0 };
	if (c < 0xe0)
		return (struct lead){ 1, 0x80, 0xbf };
	if (c == 0xe0)
		return (struct lead){ 2, 0xa0, 0xbf }; /* no overlong form */
	if (c == 0xed)
		return (struct lead){ 2, 0x80, 0x9f }; /* no surrogate */
	if (c < 0xf0)
		return (struct lead){ 2, 0x80, 0xbf };
	if (c == 0xf0)
		return (struct lead){ 3, 0x90, 0xbf }; /* no overlong form */
	if (c == 0xf4)
		return (struct lead){ 3, 0x80, 0x8f }; /* nothing above U+10FFFF */
	return (struct lead){ 3, 0x80, 0xbf };
}

enum utf8_kind
utf8_next(const unsigned char *p, size_t len, size_t *ret_len)
{
	struct lead lead;
	size_t i;

	*ret_len = 1;
	if (p[0] < 0x80)
		return UTF8_CHAR;
	lead = lead_of(p[0]);
	if (!lead.more)
		return UTF8_INVALID;
	for (i = 1; i <= lead.more; i++) {
		if (i == len) {
			*ret_len = i;
			return UTF8_INCOMPLETE;
		}
		if (p[i] < (i == 1 ? lead.low : 0x80) || p[i] > (i == 1 ? lead.high : 0xbf)) {
			*ret_len = i;
			return UTF8_INVALID;
		}
	}
	*ret_len = i;
	return UTF8_CHAR;
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

/* Length of the valid run at the front; *ret_bad is the length of the bad piece behind it, or 0. */
static size_t
valid_run(const unsigned char *p, size_t len, size_t *ret_bad)
{
	size_t i = 0, n;

	*ret_bad = 0;
	for (;;) {
		i += ascii_run(p + i, len - i);
		if (i == len)
			return i;
		if (utf8_next(p + i, len - i, &n) != UTF8_CHAR) {
			*ret_bad = n;
			return i;
		}
		i += n;
	}
}

bool
utf8_is_valid(const void *bytes, size_t len)
{
	size_t bad;

	return valid_run(bytes, len, &bad) == len;
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
		good = valid_run(p, len, &bad);
		rc = buf_add(out, p, good);
		if (bad && rc == 0)
			rc = buf_add_str(out, UTF8_REPLACEMENT);
		p += good + bad;
		len -= good + bad;
	}
	return rc;
}
