/* SPDX-License-Identifier: MIT */
/*
 * buf - bytes that grow at the end and are eaten from the front, with a hard bound.
 *
 * Caller's storage: buf_init() .. buf_fini(). The bytes lie at `data[start .. start+len)`; use
 * buf_head() and `len`. A failed add changes nothing. Threads: locking is the caller's.
 */
#ifndef JOBWIRE_BASE_BUF_H
#define JOBWIRE_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct buf {
	unsigned char *data;
	size_t start; /* bytes already consumed */
	size_t len;   /* bytes that are there */
	size_t cap;
	size_t max; /* len never exceeds this */
};

/* An empty buffer that holds at most `max` bytes; allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Free. The buffer is empty and usable again. Safe on zeroed memory. */
void buf_fini(struct buf *b);

static inline unsigned char *
buf_head(const struct buf *b)
{
	return b->data ? b->data + b->start : NULL;
}

/* Make room for `n` more bytes. 0, or -ENOMEM, or -EMSGSIZE beyond `max`. */
int buf_reserve(struct buf *b, size_t n) MUST_CHECK;
/* Where buf_reserve()d bytes may be written; buf_commit() makes them part of the buffer. */
unsigned char *buf_tail(struct buf *b);
void buf_commit(struct buf *b, size_t n);

int buf_add(struct buf *b, const void *bytes, size_t n) MUST_CHECK;
int buf_add_str(struct buf *b, const char *s) MUST_CHECK;
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF(2, 0) MUST_CHECK;

/* Eat `n` bytes (at most len) from the front; an emptied buffer starts over. */
void buf_consume(struct buf *b, size_t n);
void buf_clear(struct buf *b);

#endif
