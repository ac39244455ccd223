/* SPDX-License-Identifier: MIT */
#include "tools/show.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"
#include "text/clean.h"
#include "text/excerpt.h"

#define TEXT_MAX ((size_t)4 * 1024 * 1024)
#define ESC      0x1b
/* An escape sequence that is longer is not waited for. */
#define ESCAPE_MAX 256
/* The line about a gap, in characters: 64-bit numbers and the newlines around it, escaped. */
#define GAP_CHARS 110
/* The line about what is lost. */
#define LOST_CHARS 80
/* A budget below this many such lines is for output alone; members of the answer say the rest. */
#define LINES_MIN(chars) ((chars)*3 / 2)

/* One answer in the making. */
struct show {
	enum show_mode mode;
	bool raw;
	struct buf scratch; /* one line, cleaned */
	int rc;             /* the first failure */
};

static void
clean_into(struct show *s, const unsigned char *p, size_t len, struct buf *out)
{
	struct clean c;
	int rc;

	if (s->raw) {
		rc = buf_add(out, p, len);
	} else {
		clean_init(&c);
		rc = clean_feed(&c, p, len, out);
		if (rc == 0)
			rc = clean_end(&c, out);
		clean_fini(&c);
	}
	if (rc < 0 && s->rc == 0)
		s->rc = rc;
}

static size_t
chars_of(struct show *s, const unsigned char *p, size_t len)
{
	buf_clear(&s->scratch);
	clean_into(s, p, len, &s->scratch);
	return excerpt_chars(buf_head(&s->scratch), s->scratch.len);
}

/* Does an escape sequence begin shortly before the end and end behind it? Where. */
static size_t
before_escape(const unsigned char *p, size_t len)
{
	size_t near = MIN(len, (size_t)ESCAPE_MAX);
	const unsigned char *esc = near ? memrchr(p + len - near, ESC, near) : NULL;
	struct buf ignored;
	struct clean c;
	bool is_open;

	if (!esc)
		return len;
	buf_init(&ignored, 2 * ESCAPE_MAX);
	clean_init(&c);
	is_open = clean_feed(&c, esc, (size_t)(p + len - esc), &ignored) == 0 &&
		  c.state != CLEAN_TEXT;
	clean_fini(&c);
	buf_fini(&ignored);
	return is_open ? (size_t)(esc - p) : len;
}

/* How many bytes from the front fit into the budget, cleaned: whole lines, and a part of the next
 * one where those leave much of the budget. */
static size_t
cut_head(struct show *s, const unsigned char *p, size_t len, size_t budget)
{
	size_t at = 0, used = 0, line, chars, part;
	const unsigned char *newline;

	if (s->raw)
		return excerpt_head(p, len, budget);
	while (at < len) {
		newline = memchr(p + at, '\n', len - at);
		line = newline ? (size_t)(newline - p) + 1 - at : len - at;
		chars = chars_of(s, p + at, line);
		if (chars > budget - used)
			break;
		used += chars;
		at += line;
	}
	if (at == len || used > budget - budget / 4)
		return at;
	part = excerpt_head(p + at, line, budget - used);
	chars = before_escape(p + at, part);
	return at + (chars ? chars : part);
}

/* The same from the end: where what fits begins. */
static size_t
cut_tail(struct show *s, const unsigned char *p, size_t len, size_t budget)
{
	size_t at = len, used = 0, begin = 0, chars, cut;
	const unsigned char *newline;

	if (s->raw)
		return len - excerpt_tail(p, len, budget);
	while (at > 0) {
		newline = memrchr(p, '\n', at - 1);
		begin = newline ? (size_t)(newline - p) + 1 : 0;
		chars = chars_of(s, p + begin, at - begin);
		if (chars > budget - used)
			break;
		used += chars;
		at = begin;
	}
	if (at == 0 || used > budget - budget / 4)
		return at;
	cut = at - excerpt_tail(p + begin, at - begin, budget - used);
	while (cut < at && before_escape(p + begin, cut - begin) < cut - begin)
		cut++; /* not amid an escape sequence */
	return cut;
}

/* What is not whole at the end of a stream that goes on is left for the next answer. */
static void
hold_back(struct show *s, struct show_stream *st)
{
	const unsigned char *p = st->tail ? st->tail : st->head;
	size_t *len = st->tail ? &st->tail_len : &st->head_len;
	size_t whole;

	if (!st->is_open)
		return;
	whole = *len - utf8_unfinished(p, *len);
	if (!s->raw)
		whole = before_escape(p, whole);
	st->end -= *len - whole;
	*len = whole;
}

static bool
is_whole(const struct show_stream *st)
{
	return !st->tail;
}

/* How many characters it takes to show all of it. */
static size_t
measure(struct show *s, const struct show_stream *st)
{
	if (!is_whole(st))
		return SIZE_MAX;
	return chars_of(s, st->head, st->head_len) + (st->lost ? LOST_CHARS : 0);
}

static void
show_all(struct show *s, struct show_stream *st)
{
	clean_into(s, st->head, st->head_len, &st->text);
	st->next = st->omitted_at = st->from + st->head_len;
}

static void
show_page(struct show *s, struct show_stream *st, size_t budget)
{
	size_t n = cut_head(s, st->head, st->head_len, budget);

	clean_into(s, st->head, n, &st->text);
	st->next = st->omitted_at = st->from + n;
	st->omitted = st->end - st->next;
}

static void
show_tail(struct show *s, struct show_stream *st, size_t budget)
{
	const unsigned char *p = is_whole(st) ? st->head : st->tail;
	size_t len = is_whole(st) ? st->head_len : st->tail_len;
	size_t at = cut_tail(s, p, len, budget);

	clean_into(s, p + at, len - at, &st->text);
	st->next = st->end;
	st->omitted_at = st->from;
	st->omitted = st->end - (len - at) - st->from;
}

static void
say_gap(struct show *s, struct show_stream *st)
{
	const unsigned char *text = buf_head(&st->text);
	bool begins_line = st->text.len == 0 || text[st->text.len - 1] == '\n';

	if (st->omitted &&
	    buf_addf(&st->text,
		     "%s[... %" PRIu64 " bytes of %s omitted, from offset %" PRIu64 " on ...]\n",
		     begins_line ? "" : "\n", st->omitted, st->name, st->omitted_at) < 0)
		s->rc = -ENOMEM;
}

/* What will be overwritten behind the head is not worth showing: a progress bar. */
static bool
is_within_bar(const struct show *s, const struct show_stream *st)
{
	return !s->raw && !is_whole(st) && !memchr(st->head, '\n', st->head_len) &&
	       memchr(st->head, '\r', st->head_len);
}

static void
show_ends(struct show *s, struct show_stream *st, size_t budget)
{
	const unsigned char *p = st->tail;
	size_t len = st->tail_len, begin = st->text.len, n, at;

	if (budget < LINES_MIN(GAP_CHARS)) {
		show_tail(s, st, budget);
		return;
	}
	budget -= GAP_CHARS;
	n = is_within_bar(s, st) ? 0 : cut_head(s, st->head, st->head_len, budget / 5);
	if (is_whole(st)) {
		p = st->head + n;
		len = st->head_len - n;
	}
	clean_into(s, st->head, n, &st->text);
	budget -= MIN(budget, excerpt_chars((const unsigned char *)buf_head(&st->text) + begin,
					    st->text.len - begin));
	at = cut_tail(s, p, len, budget);
	st->next = st->end;
	st->omitted_at = st->from + n;
	st->omitted = st->end - (len - at) - st->omitted_at;
	say_gap(s, st);
	clean_into(s, p + at, len - at, &st->text);
}

/* How many characters that takes. */
static size_t
say_lost(struct show *s, struct show_stream *st, size_t budget)
{
	if (!st->lost || budget < LINES_MIN(LOST_CHARS))
		return 0;
	if (buf_addf(&st->text, "[... %" PRIu64 " bytes of %s are no longer stored ...]\n",
		     st->lost, st->name) < 0)
		s->rc = -ENOMEM;
	return excerpt_chars(buf_head(&st->text), st->text.len);
}

static void
show_one(struct show *s, struct show_stream *st, size_t needed, size_t budget)
{
	const unsigned char *text;
	bool is_all = needed <= budget;

	budget -= say_lost(s, st, budget);
	if (is_all)
		show_all(s, st);
	else if (s->mode == SHOW_PAGE)
		show_page(s, st, budget);
	else if (s->mode == SHOW_TAIL)
		show_tail(s, st, budget);
	else
		show_ends(s, st, budget);
	text = buf_head(&st->text);
	if (!s->raw && st->text.len && text[st->text.len - 1] == '\n')
		st->text.len--;
}

int
show(struct show_stream *streams, size_t n, enum show_mode mode, bool raw, size_t budget)
{
	struct show s = { .mode = mode, .raw = raw };
	size_t needed[2] = { 0, 0 }, share[2], half = n > 1 ? budget / 2 : budget, i;

	buf_init(&s.scratch, TEXT_MAX);
	for (i = 0; i < n; i++) {
		buf_init(&streams[i].text, TEXT_MAX);
		streams[i].omitted = 0;
		hold_back(&s, &streams[i]);
		needed[i] = measure(&s, &streams[i]);
	}
	for (i = 0; i < n; i++)
		share[i] = MAX(half, budget - MIN(needed[1 - MIN(i, 1u)], budget - half));
	for (i = 0; i < n; i++)
		show_one(&s, &streams[i], needed[i], share[i]);
	buf_fini(&s.scratch);
	return s.rc;
}

void
show_fini(struct show_stream *streams, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		buf_fini(&streams[i].text);
}
