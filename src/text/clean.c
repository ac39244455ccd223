/* SPDX-License-Identifier: MIT */
#include "text/clean.h"

#include <string.h>

#include "base/utf8.h"

#define CLEAN_NONE  ((size_t)-1)
#define CLEAN_OTHER 9999u /* no number that means anything here */

#define BEL 0x07
#define CAN 0x18
#define SUB 0x1a
#define ESC 0x1b
#define CSI 0x9b
#define ST  0x9c

void
clean_init(struct clean *c)
{
	memset(c, 0, sizeof *c);
	buf_init(&c->line, CLEAN_LINE_MAX);
	c->string_at = CLEAN_NONE;
}

void
clean_fini(struct clean *c)
{
	buf_fini(&c->line);
	clean_init(c);
}

/* The line is over, or has been cut in two: nothing of it can be taken back. */
static int
put_line(struct clean *c, struct buf *out)
{
	int rc = buf_add(out, buf_head(&c->line), c->line.len);

	buf_clear(&c->line);
	c->at = 0;
	c->string_at = CLEAN_NONE;
	return rc;
}

static int
put_newline(struct clean *c, struct buf *out)
{
	int rc = put_line(c, out);

	c->is_home = false;
	c->has_front = false;
	return rc < 0 ? rc : buf_add(out, "\n", 1);
}

static void
cut_line(struct clean *c, size_t len)
{
	c->line.len = len;
	c->at = len;
	c->string_at = CLEAN_NONE;
}

/* Characters, whole ones, written where the cursor stands. */
static int
put_text(struct clean *c, const unsigned char *p, size_t len, struct buf *out)
{
	size_t n;
	int rc = 0;

	if (c->is_home && c->has_front)
		rc = put_newline(c, out);
	else if (c->at < c->line.len)
		cut_line(c, c->at);
	c->is_home = false;
	while (len && rc == 0) {
		n = MIN(len, CLEAN_LINE_MAX - c->line.len);
		rc = buf_add(&c->line, p, n);
		if (rc == 0 && c->line.len == CLEAN_LINE_MAX) {
			rc = put_line(c, out);
			c->has_front = true;
		}
		p += n;
		len -= n;
	}
	c->at = c->line.len;
	return rc;
}

static void
go_home(struct clean *c)
{
	c->at = 0;
	c->is_home = true;
	c->string_at = CLEAN_NONE;
}

static void
go_back(struct clean *c)
{
	size_t n;

	if (c->at) {
		(void)utf8_prev(buf_head(&c->line), c->at, &n);
		c->at -= n;
	}
	c->string_at = CLEAN_NONE;
}

/* BEL or ST: the end of an 8-bit string, if one began in this line. */
static void
end_string(struct clean *c)
{
	if (c->string_at != CLEAN_NONE)
		cut_line(c, c->string_at);
}

/* What a terminal does at the end of a CSI sequence, as far as it matters within one line. */
static void
obey(struct clean *c, unsigned char final)
{
	if (final == 'G' && c->param <= 1)
		go_home(c);
	else if (final == 'K' && c->param == 0 && !(c->is_home && c->has_front))
		cut_line(c, c->at);
	else if (final == 'K' && c->param == 2 && !c->has_front)
		cut_line(c, 0);
}

static void
begin_csi(struct clean *c)
{
	c->state = CLEAN_CSI;
	c->param = 0;
}

/* The next byte of a sequence, one function for each state. False: it is no part of the sequence,
 * which is dropped as it stands; the byte is read again in the state that is set then. */

static bool
step_escape(struct clean *c, unsigned char b)
{
	c->state = CLEAN_TEXT;
	if (b == '[') {
		begin_csi(c);
	} else if (b && strchr("]PX^_", b)) { /* OSC, DCS, SOS, PM, APC */
		c->state = CLEAN_STRING;
		c->swallowed = 0;
	} else if (b == '\\') { /* ST */
		end_string(c);
	} else if (b >= 0x20 && b <= 0x2f) {
		c->state = CLEAN_ESCAPE_MORE;
	} else {
		return b >= 0x30 && b <= 0x7e;
	}
	return true;
}

static bool
step_escape_more(struct clean *c, unsigned char b)
{
	if (b >= 0x20 && b <= 0x2f)
		return true;
	c->state = CLEAN_TEXT;
	return b >= 0x30 && b <= 0x7e;
}

static bool
step_csi(struct clean *c, unsigned char b)
{
	if (b >= '0' && b <= '9') {
		if (c->param < CLEAN_OTHER)
			c->param = MIN(c->param * 10 + (b - '0'), CLEAN_OTHER);
		return true;
	}
	if (b >= 0x20 && b <= 0x3f) {
		c->param = CLEAN_OTHER;
		return true;
	}
	c->state = CLEAN_TEXT;
	if (b < 0x40 || b > 0x7e)
		return false;
	obey(c, b);
	return true;
}

static bool
step_string(struct clean *c, unsigned char b)
{
	if (b == ESC) {
		c->state = CLEAN_STRING_ESCAPE;
		return true;
	}
	if (b == BEL || b == CAN || b == SUB || ++c->swallowed == CLEAN_STRING_MAX)
		c->state = CLEAN_TEXT;
	if (b != '\n')
		return true;
	c->state = CLEAN_TEXT;
	return false;
}

static bool
step_string_escape(struct clean *c, unsigned char b)
{
	c->state = b == '\\' ? CLEAN_TEXT : CLEAN_ESCAPE; /* ST, or another sequence: no end came */
	return b == '\\';
}

static bool (*const steps[CLEAN_STATE_COUNT])(struct clean *c, unsigned char b) = {
	[CLEAN_ESCAPE] = step_escape,
	[CLEAN_ESCAPE_MORE] = step_escape_more,
	[CLEAN_CSI] = step_csi,
	[CLEAN_STRING] = step_string,
	[CLEAN_STRING_ESCAPE] = step_string_escape,
};

static bool
is_text(unsigned char b, bool or_newline)
{
	return (b >= 0x20 && b != 0x7f) || b == '\t' || (b == '\n' && or_newline);
}

/* Length of the run of whole characters at the front. */
static size_t
text_run(const unsigned char *p, size_t len, bool or_newline)
{
	size_t i = 0, n;

	while (i < len) {
		while (i < len && p[i] < 0x80 && is_text(p[i], or_newline))
			i++;
		if (i == len || p[i] < 0x80 || utf8_next(p + i, len - i, &n) != UTF8_CHAR)
			break;
		i += n;
	}
	return i;
}

/* A byte below 0x80 that is no text. */
static int
take_control(struct clean *c, unsigned char b, struct buf *out)
{
	switch (b) {
	case '\n':
		return put_newline(c, out);
	case '\r':
		go_home(c);
		return 0;
	case '\b':
		go_back(c);
		return 0;
	case BEL:
		end_string(c);
		return 0;
	case ESC:
		c->state = CLEAN_ESCAPE;
		return 0;
	default:
		return 0;
	}
}

/* A piece that is no UTF-8. */
static int
take_invalid(struct clean *c, const unsigned char *p, size_t len, struct buf *out)
{
	int rc;

	if (*p == CSI) {
		begin_csi(c);
		return 0;
	}
	if (*p == ST && c->string_at != CLEAN_NONE) {
		end_string(c);
		return 0;
	}
	rc = put_text(c, p, len, out);
	if (memchr("\x90\x98\x9d\x9e\x9f", *p, 5) && c->line.len) /* DCS, SOS, OSC, PM, APC */
		c->string_at = c->line.len - 1;
	return rc;
}

/* Take from the front of the bytes in CLEAN_TEXT. *ret_taken is how many, at least one. */
static int
take_text(struct clean *c, const unsigned char *p, size_t len, struct buf *out, size_t *ret_taken)
{
	bool is_empty = c->line.len == 0 && !c->is_home && !c->has_front;
	size_t run = text_run(p, len, is_empty);
	const unsigned char *newline;

	newline = is_empty && run ? memrchr(p, '\n', run) : NULL;
	if (newline) { /* whole lines, nothing to hold back */
		*ret_taken = (size_t)(newline - p) + 1;
		return buf_add(out, p, *ret_taken);
	}
	*ret_taken = run;
	if (run)
		return put_text(c, p, run, out);
	*ret_taken = 1;
	if (*p < 0x80)
		return take_control(c, *p, out);
	if (utf8_next(p, len, ret_taken) == UTF8_INCOMPLETE) {
		memcpy(c->part, p, *ret_taken);
		c->part_len = *ret_taken;
		return 0;
	}
	return take_invalid(c, p, *ret_taken, out);
}

/* Go on with the character that the last chunk's end has split. */
static int
take_part(struct clean *c, const unsigned char *p, struct buf *out, size_t *ret_taken)
{
	enum utf8_kind kind;
	size_t n;
	int rc;

	*ret_taken = 1;
	c->part[c->part_len++] = *p;
	kind = utf8_next(c->part, c->part_len, &n);
	if (kind == UTF8_INCOMPLETE)
		return 0;
	if (kind == UTF8_INVALID)
		*ret_taken = 0; /* it begins something else */
	rc = put_text(c, c->part, n, out);
	c->part_len = 0;
	return rc;
}

int
clean_feed(struct clean *c, const void *bytes, size_t len, struct buf *out)
{
	const unsigned char *p = bytes;
	size_t n;
	int rc = 0;

	for (; len && rc == 0; p += n, len -= n) {
		if (c->part_len)
			rc = take_part(c, p, out, &n);
		else if (c->state == CLEAN_TEXT)
			rc = take_text(c, p, len, out, &n);
		else
			n = steps[c->state](c, *p) ? 1 : 0;
	}
	return rc;
}

int
clean_end(struct clean *c, struct buf *out)
{
	int rc = 0;

	if (c->part_len)
		rc = put_text(c, c->part, c->part_len, out);
	if (rc == 0)
		rc = put_line(c, out);
	c->is_home = false;
	c->has_front = false;
	c->state = CLEAN_TEXT;
	c->part_len = 0;
	return rc;
}
