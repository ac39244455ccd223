/* SPDX-License-Identifier: MIT */
#include "text/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

#define BLOCK      ((size_t)1024)
#define ESCAPE_MAX 6 /* \u0001 */

void
json_begin(struct json *j, struct buf *out)
{
	j->out = out;
	j->need_comma = false;
	j->failed = 0;
}

int
json_end(struct json *j)
{
	return j->failed;
}

static void
put(struct json *j, const void *bytes, size_t len)
{
	if (!j->failed)
		j->failed = buf_add(j->out, bytes, len);
}

static void
put_str(struct json *j, const char *s)
{
	put(j, s, strlen(s));
}

/* The letter behind the backslash, for the characters that have one. */
static const char escape_letter[128] = {
	['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',  ['\f'] = 'f',
	['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\',
};

unsigned
json_ascii_len(unsigned char c)
{
	if (c < 0x80 && escape_letter[c])
		return 2;
	return c < 0x20 || c == 0x7f ? 6 : 1;
}

#define EACH(byte)     (UINT64_C(0x0101010101010101) * (byte)) /* the byte, eight times */
#define ANY_ZERO(word) (((word)-EACH(0x01)) & ~(word))         /* bit 7 of a byte that is 0 */

/* Do eight bytes at once stand for themselves? */
static bool
is_plain_word(const unsigned char *p)
{
	uint64_t word, bad;

	memcpy(&word, p, sizeof word);
	bad = word;               /* not ASCII */
	bad |= word - EACH(0x20); /* a control: the subtraction borrows */
	bad |= ANY_ZERO(word ^ EACH('"'));
	bad |= ANY_ZERO(word ^ EACH('\\'));
	bad |= ANY_ZERO(word ^ EACH(0x7f));
	return !(bad & EACH(0x80));
}

/* Escape the first piece of the bytes to `out`. Returns its length there, and here in *ret_len. */
static size_t
escape_piece(const unsigned char *p, size_t len, unsigned char *out, size_t *ret_len)
{
	static const char digits[] = "0123456789abcdef";
	size_t n;

	*ret_len = 1;
	if (*p >= 0x80) {
		if (utf8_next(p, len, ret_len) != UTF8_CHAR) {
			memcpy(out, UTF8_REPLACEMENT, strlen(UTF8_REPLACEMENT));
			return strlen(UTF8_REPLACEMENT);
		}
		for (n = 0; n < *ret_len; n++)
			out[n] = p[n];
		return n;
	}
	n = json_ascii_len(*p);
	out[0] = n == 1 ? *p : '\\';
	if (n == 2)
		out[1] = (unsigned char)escape_letter[*p];
	if (n == 6) {
		memcpy(out + 1, "u00", 3);
		out[4] = (unsigned char)digits[*p >> 4];
		out[5] = (unsigned char)digits[*p & 15];
	}
	return n;
}

/* Escape to `out`, which has room for all, or only count where it is NULL. Returns the length. */
static size_t
escape(const unsigned char *p, size_t len, unsigned char *out)
{
	unsigned char unused[ESCAPE_MAX];
	size_t i = 0, total = 0, stop, n;

	while (i < len) {
		if (len - i >= 8 && is_plain_word(p + i)) {
			if (out)
				memcpy(out + total, p + i, 8);
			total += 8;
			i += 8;
			continue;
		}
		for (stop = MIN(i + 8, len); i < stop; i += n)
			total += escape_piece(p + i, len - i, out ? out + total : unused, &n);
	}
	return total;
}

/* Block by block, so that one reservation serves many escapes and wastes little. */
static void
put_escaped(struct json *j, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	size_t n;

	for (; len && !j->failed; p += n, len -= n) {
		n = MIN(len, BLOCK);
		if (n < len)
			n -= utf8_unfinished(p, n);
		j->failed = buf_reserve(j->out, n * ESCAPE_MAX);
		if (j->failed == -EMSGSIZE) /* it may be less */
			j->failed = buf_reserve(j->out, escape(p, n, NULL));
		if (!j->failed)
			buf_commit(j->out, escape(p, n, buf_tail(j->out)));
	}
}

static void
put_quoted(struct json *j, const void *bytes, size_t len)
{
	put(j, "\"", 1);
	put_escaped(j, bytes, len);
	put(j, "\"", 1);
}

/* What stands before each value: a comma if one came before, and the key. */
static void
put_key(struct json *j, const char *key)
{
	if (j->need_comma)
		put(j, ",", 1);
	j->need_comma = true;
	if (!key)
		return;
	put_quoted(j, key, strlen(key));
	put(j, ":", 1);
}

static void
put_open(struct json *j, const char *key, const char *bracket)
{
	put_key(j, key);
	put_str(j, bracket);
	j->need_comma = false;
}

static void
put_close(struct json *j, const char *bracket)
{
	put_str(j, bracket);
	j->need_comma = true;
}

void
json_object_begin(struct json *j, const char *key)
{
	put_open(j, key, "{");
}

void
json_object_end(struct json *j)
{
	put_close(j, "}");
}

void
json_array_begin(struct json *j, const char *key)
{
	put_open(j, key, "[");
}

void
json_array_end(struct json *j)
{
	put_close(j, "]");
}

void
json_str(struct json *j, const char *key, const char *value)
{
	json_bytes(j, key, value, strlen(value));
}

void
json_bytes(struct json *j, const char *key, const void *bytes, size_t len)
{
	put_key(j, key);
	put_quoted(j, bytes, len);
}

static void PRINTF(3, 4) put_number(struct json *j, const char *key, const char *fmt, ...)
{
	char text[40];
	va_list ap;

	put_key(j, key);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put_str(j, text);
}

void
json_int(struct json *j, const char *key, int64_t value)
{
	put_number(j, key, "%" PRId64, value);
}

void
json_uint(struct json *j, const char *key, uint64_t value)
{
	put_number(j, key, "%" PRIu64, value);
}

void
json_seconds(struct json *j, const char *key, int64_t ms)
{
	uint64_t size = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	unsigned milli = (unsigned)(size % 1000);
	int digits = 3;

	while (digits && milli % 10 == 0) {
		milli /= 10;
		digits--;
	}
	put_number(j, key, "%s%" PRIu64 "%s%.*u", ms < 0 ? "-" : "", size / 1000, digits ? "." : "",
		   digits, milli);
}

void
json_bool(struct json *j, const char *key, bool value)
{
	put_key(j, key);
	put_str(j, value ? "true" : "false");
}

void
json_null(struct json *j, const char *key)
{
	put_key(j, key);
	put_str(j, "null");
}

void
json_raw(struct json *j, const char *key, const char *text, size_t len)
{
	put_key(j, key);
	put(j, text, len);
}

void
json_string_begin(struct json *j, const char *key)
{
	put_key(j, key);
	put(j, "\"", 1);
}

void
json_string_part(struct json *j, const void *bytes, size_t len)
{
	put_escaped(j, bytes, len);
}

void
json_string_end(struct json *j)
{
	put(j, "\"", 1);
}
