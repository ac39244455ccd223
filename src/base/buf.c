/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BUF_MIN 256

void
buf_init(struct buf *b, size_t max)
{
	memset(b, 0, sizeof *b);
	b->max = max;
}

void
buf_fini(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

/* Memory for `n` more bytes, whatever `max` says. */
static int
make_room(struct buf *b, size_t n)
{
	unsigned char *data;
	size_t cap;

	if (b->cap - b->start >= b->len + n && b->data)
		return 0;
	if (b->start && b->cap >= b->len + n) {
		memmove(b->data, b->data + b->start, b->len);
		b->start = 0;
		return 0;
	}
	if (b->len + n > PTRDIFF_MAX)
		return -ENOMEM; /* no object is that large, and no doubling would reach it */
	for (cap = MAX(b->cap, BUF_MIN); cap < b->len + n;)
		cap *= 2;
	data = malloc(cap);
	if (!data)
		return -ENOMEM;
	if (b->len)
		memcpy(data, b->data + b->start, b->len);
	free(b->data);
	b->data = data;
	b->cap = cap;
	b->start = 0;
	return 0;
}

int
buf_reserve(struct buf *b, size_t n)
{
	return n > b->max - b->len ? -EMSGSIZE : make_room(b, n);
}

unsigned char *
buf_tail(struct buf *b)
{
	return b->data + b->start + b->len;
}

void
buf_commit(struct buf *b, size_t n)
{
	b->len += n;
}

int
buf_add(struct buf *b, const void *bytes, size_t n)
{
	int rc = buf_reserve(b, n);

	if (rc < 0)
		return rc;
	if (n)
		memcpy(buf_tail(b), bytes, n);
	b->len += n;
	return 0;
}

int
buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n, rc;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return -EINVAL;
	if ((size_t)n > b->max - b->len)
		return -EMSGSIZE;
	rc = make_room(b, (size_t)n + 1); /* vsnprintf() ends with a NUL, which is not kept */
	if (rc < 0)
		return rc;
	(void)vsnprintf((char *)buf_tail(b), (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = buf_vaddf(b, fmt, ap);
	va_end(ap);
	return rc;
}

void
buf_consume(struct buf *b, size_t n)
{
	n = MIN(n, b->len);
	b->start += n;
	b->len -= n;
	if (b->len == 0)
		b->start = 0;
}

void
buf_clear(struct buf *b)
{
	b->start = 0;
	b->len = 0;
}
