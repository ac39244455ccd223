/* SPDX-License-Identifier: MIT */
#include "text/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "text/utf8.h"

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

/* The escape of one ASCII character, or NULL where it stands for itself. */
static const char *
escape_of(unsigned char c, char out[8])
{
	static const char letters[] = "btn\0fr"; /* U+0008 to U+000D, no \v */

	if (c >= 0x08 && c <= 0x0d && letters[c - 0x08])
		(void)snprintf(out, 8, "\\%c", letters[c - 0x08]);
	else if (c == '"' || c == '\\')
		(void)snprintf(out, 8, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		(void)snprintf(out, 8, "\\u%04x", c);
	else
		return NULL;
	return out;
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Length of the run at the front that goes out as it is. */
static size_t
plain_run(const unsigned char *p, size_t len)
{
	enum utf8_kind kind;
	size_t i = 0, n;

	while (i < len) {
		if (is_plain(p[i])) {
			i++;
			continue;
		}
		if (p[i] < 0x80)
			break;
		kind = utf8_next(p + i, len - i, &n);
		if (kind != UTF8_CHAR)
			break;
		i += n;
	}
	return i;
}

/* Hand each piece of the escaped string to `emit`. */
static void
escape(const unsigned char *p, size_t len, void (*emit)(void *arg, const void *piece, size_t n),
       void *arg)
{
	const char *esc;
	char room[8];
	size_t n;

	while (len) {
		n = plain_run(p, len);
		if (n) {
			emit(arg, p, n);
		} else {
			esc = escape_of(*p, room);
			n = 1;
			if (!esc) {
				(void)utf8_next(p, len, &n);
				esc = UTF8_REPLACEMENT;
			}
			emit(arg, esc, strlen(esc));
		}
		p += n;
		len -= n;
	}
}

static void
emit_put(void *arg, const void *piece, size_t n)
{
	put(arg, piece, n);
}

static void
emit_count(void *arg, const void *piece, size_t n)
{
	(void)piece;
	*(size_t *)arg += n;
}

size_t
json_escaped_len(const void *bytes, size_t len)
{
	size_t total = 0;

	escape(bytes, len, emit_count, &total);
	return total;
}

static void
put_quoted(struct json *j, const void *bytes, size_t len)
{
	put(j, "\"", 1);
	escape(bytes, len, emit_put, j);
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
	if (ms % 1000 == 0)
		put_number(j, key, "%" PRId64, ms / 1000);
	else
		put_number(j, key, "%s%" PRId64 ".%03d", ms < 0 && ms > -1000 ? "-" : "", ms / 1000,
			   (int)(ms < 0 ? -(ms % 1000) : ms % 1000));
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
	escape(bytes, len, emit_put, j);
}

void
json_string_end(struct json *j)
{
	put(j, "\"", 1);
}
