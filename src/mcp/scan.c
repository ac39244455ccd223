/* SPDX-License-Identifier: MIT */
#include "mcp/scan.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"

struct scan {
	const char *start, *p, *end;
	unsigned depth;
	size_t values;
	struct scan_report *report;
};

static int check_value(struct scan *s);

static int
fail(struct scan *s, int rc, const char *why)
{
	s->report->why = why;
	s->report->at = (size_t)(s->p - s->start);
	return rc;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* Step over the next character that is no white space, if it is `c`. */
static bool
take(struct scan *s, char c)
{
	s->p = skip_space(s->p, s->end);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* The four hexadecimal digits at `p`, or -1. */
static int
hex4(const char *p, const char *end)
{
	int value = 0, i;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		char c = p[i];

		if (is_digit(c))
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return value;
}

enum escape {
	ESCAPE_BAD,
	ESCAPE_CHAR,
	ESCAPE_NUL,
	ESCAPE_LONE, /* half of a surrogate pair */
};

/* What the escape at `p`, which points at the backslash, stands for; *ret_len is its length. */
static enum escape
look_at_escape(const char *p, const char *end, size_t *ret_len)
{
	int code, low;

	*ret_len = 2;
	if (end - p < 2)
		return ESCAPE_BAD;
	if (p[1] != 'u')
		return p[1] && strchr("\"\\/bfnrt", p[1]) ? ESCAPE_CHAR : ESCAPE_BAD;
	*ret_len = 6;
	code = hex4(p + 2, end);
	if (code < 0)
		return ESCAPE_BAD;
	if (code == 0)
		return ESCAPE_NUL;
	if (code < 0xd800 || code > 0xdfff)
		return ESCAPE_CHAR;
	if (code > 0xdbff || end - p < 8 || p[6] != '\\' || p[7] != 'u')
		return ESCAPE_LONE;
	low = hex4(p + 8, end);
	if (low < 0xdc00 || low > 0xdfff)
		return ESCAPE_LONE;
	*ret_len = 12;
	return ESCAPE_CHAR;
}

static int
check_string(struct scan *s)
{
	enum escape kind;
	size_t n;

	for (s->p++; s->p < s->end && *s->p != '"'; s->p += n) {
		n = 1;
		if ((unsigned char)*s->p < 0x20)
			return fail(s, -EBADMSG, "control character in a string");
		if (*s->p != '\\')
			continue;
		kind = look_at_escape(s->p, s->end, &n);
		if (kind == ESCAPE_BAD)
			return fail(s, -EBADMSG, "bad escape in a string");
		if (kind != ESCAPE_CHAR)
			s->report->needs_rewrite = true;
	}
	if (s->p == s->end)
		return fail(s, -EBADMSG, "a string does not end");
	s->p++;
	return 0;
}

static bool
take_digits(struct scan *s)
{
	const char *start = s->p;

	while (s->p < s->end && is_digit(*s->p))
		s->p++;
	return s->p > start;
}

static int
check_number(struct scan *s)
{
	const char *start = s->p;
	size_t len;

	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!take_digits(s))
		return fail(s, -EBADMSG, "bad number");
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!take_digits(s))
			return fail(s, -EBADMSG, "bad number");
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (!take_digits(s))
			return fail(s, -EBADMSG, "bad number");
	}
	len = (size_t)(s->p - start);
	if (len > SCAN_NUMBER_MAX)
		return fail(s, -E2BIG, "a number is too long");
	if (len > SCAN_NUMBER_SHORT)
		s->report->has_long_number = true;
	return 0;
}

static int
check_literal(struct scan *s)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		len = strlen(words[i]);
		if ((size_t)(s->end - s->p) >= len && memcmp(s->p, words[i], len) == 0) {
			s->p += len;
			return 0;
		}
	}
	return fail(s, -EBADMSG, "unexpected character");
}

static int
check_array(struct scan *s)
{
	int rc;

	s->p++;
	if (take(s, ']'))
		return 0;
	do {
		rc = check_value(s);
		if (rc < 0)
			return rc;
	} while (take(s, ','));
	return take(s, ']') ? 0 : fail(s, -EBADMSG, "',' or ']' expected");
}

static int
check_object(struct scan *s)
{
	int rc;

	s->p++;
	if (take(s, '}'))
		return 0;
	do {
		s->p = skip_space(s->p, s->end);
		if (s->p == s->end || *s->p != '"')
			return fail(s, -EBADMSG, "a member's name expected");
		rc = check_string(s);
		if (rc < 0)
			return rc;
		if (!take(s, ':'))
			return fail(s, -EBADMSG, "':' expected");
		rc = check_value(s);
		if (rc < 0)
			return rc;
	} while (take(s, ','));
	return take(s, '}') ? 0 : fail(s, -EBADMSG, "',' or '}' expected");
}

static int
check_value(struct scan *s)
{
	int rc;

	s->p = skip_space(s->p, s->end);
	if (s->p == s->end)
		return fail(s, -EBADMSG, "unexpected end");
	if (++s->values > SCAN_VALUES_MAX)
		return fail(s, -E2BIG, "too many values");
	if (*s->p == '"')
		return check_string(s);
	if (*s->p == '-' || is_digit(*s->p))
		return check_number(s);
	if (*s->p != '{' && *s->p != '[')
		return check_literal(s);
	if (++s->depth > SCAN_DEPTH_MAX)
		return fail(s, -E2BIG, "nested too deep");
	rc = *s->p == '{' ? check_object(s) : check_array(s);
	s->depth--;
	return rc;
}

int
scan_check(const char *text, size_t len, struct scan_report *ret_report)
{
	struct scan s = { text, text, text + len, 0, 0, ret_report };
	int rc;

	memset(ret_report, 0, sizeof *ret_report);
	rc = check_value(&s);
	if (rc < 0)
		return rc;
	s.p = skip_space(s.p, s.end);
	return s.p == s.end ? 0 : fail(&s, -EBADMSG, "text behind the end");
}

size_t
scan_rewrite(const char *text, size_t len, char *out)
{
	const char *p = text, *end = text + len, *next;
	char *to = out;
	size_t n;

	while (p < end) {
		next = memchr(p, '\\', (size_t)(end - p));
		n = (size_t)((next ? next : end) - p);
		memcpy(to, p, n);
		to += n;
		p += n;
		if (p == end)
			break;
		switch (look_at_escape(p, end, &n)) {
		case ESCAPE_NUL:
			memcpy(to, SCAN_NUL, strlen(SCAN_NUL));
			to += strlen(SCAN_NUL);
			break;
		case ESCAPE_LONE:
			memcpy(to, UTF8_REPLACEMENT, strlen(UTF8_REPLACEMENT));
			to += strlen(UTF8_REPLACEMENT);
			break;
		default:
			memcpy(to, p, n);
			to += n;
		}
		p += n;
	}
	return (size_t)(to - out);
}

/* From here on the text is known to be good. */

static const char *
skip_string(const char *p)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
	}
	return p + 1;
}

static const char *
skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	if (*p == '"')
		return skip_string(p);
	if (*p != '{' && *p != '[') {
		while (p < end && !is_space(*p) && !strchr(",]}", *p))
			p++;
		return p;
	}
	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	} while (depth);
	return p;
}

/* Is the string, quotes included, this word of plain ASCII? */
static bool
string_is(struct scan_span string, const char *word)
{
	const char *p = string.p + 1, *end = string.p + string.len - 1;
	size_t n;
	int c;

	for (; p < end && *word; p += n, word++) {
		n = 1;
		c = (unsigned char)*p;
		if (c == '\\') {
			n = p[1] == 'u' ? 6 : 2;
			c = p[1] == 'u' ? hex4(p + 2, end) : p[1];
			if (p[1] != 'u' && !strchr("\"\\/", c))
				return false; /* \n and the like: in no word that is asked for */
		}
		if (c != (unsigned char)*word)
			return false;
	}
	return p == end && !*word;
}

bool
scan_member(struct scan_span object, const char *name, struct scan_span *ret_value)
{
	const char *p = object.p + 1, *end = object.p + object.len;
	struct scan_span key, value;

	for (;;) {
		p = skip_space(p, end);
		if (p == end || *p != '"')
			return false;
		key.p = p;
		p = skip_string(p);
		key.len = (size_t)(p - key.p);
		p = skip_space(p, end) + 1; /* the colon */
		value.p = skip_space(p, end);
		p = skip_value(value.p, end);
		value.len = (size_t)(p - value.p);
		if (string_is(key, name)) {
			*ret_value = value;
			return true;
		}
		p = skip_space(p, end);
		if (p == end || *p != ',')
			return false;
		p++;
	}
}

bool
scan_element(struct scan_span array, struct scan_span *it)
{
	const char *end = array.p + array.len;
	const char *p = skip_space(it->p ? it->p + it->len : array.p + 1, end);

	if (it->p && p < end && *p == ',')
		p = skip_space(p + 1, end);
	if (p == end || *p == ']')
		return false;
	it->p = p;
	it->len = (size_t)(skip_value(p, end) - p);
	return true;
}

bool
scan_number(const char **at, const char *end, struct scan_span *ret_number)
{
	const char *p = *at;

	while (p < end && *p != '-' && !is_digit(*p))
		p = *p == '"' ? skip_string(p) : p + 1;
	if (p >= end)
		return false;
	ret_number->p = p;
	ret_number->len = (size_t)(skip_value(p, end) - p);
	*at = p + ret_number->len;
	return true;
}

bool
scan_has_lone_surrogate(struct scan_span string)
{
	const char *p = string.p, *end = string.p + string.len;
	size_t n;

	for (; p < end; p += n) {
		n = 1;
		if (*p == '\\' && look_at_escape(p, end, &n) == ESCAPE_LONE)
			return true;
	}
	return false;
}
