/* SPDX-License-Identifier: MIT */
/*
 * show - a job's output as text for an answer: cleaned, within a budget, and honest about the rest.
 *
 * Way of the data: raw bytes that reading.h has fetched -> show -> a string of the answer. A budget
 * counts characters as the JSON text shows them (text/excerpt.h), of all streams together; a stream
 * that needs less than its half leaves the rest to the other one. Lines are cleaned one by one
 * (text/clean.h), so that what is left out is known in bytes of the stream. Cleaned text loses the
 * newline at its end, as with the predecessor. A cut splits neither a character nor an escape
 * sequence. Pure functions; memory is the caller's.
 */
#ifndef JOBWIRE_TOOLS_SHOW_H
#define JOBWIRE_TOOLS_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"

#define SHOW_CHARS_MIN     200
#define SHOW_CHARS_DEFAULT 10000
#define SHOW_CHARS_MAX     40000

enum show_mode {
	SHOW_ENDS, /* the first 20 % and the last 80 %, and between them a line that says so */
	SHOW_PAGE, /* from the front, as much as fits */
	SHOW_TAIL, /* from the end, as much as fits; SHOW_ENDS does so where little fits */
};

/* What is shown of one stream, [from, end). */
struct show_stream {
	const char *name; /* for the line about the gap */
	uint64_t from, end;
	const unsigned char *head; /* the bytes at `from` */
	size_t head_len;
	const unsigned char *tail; /* the bytes before `end`; NULL: the head is everything */
	size_t tail_len;
	uint64_t lost; /* bytes before `from` that belong to it and are not stored any more */
	bool is_open;  /* more may follow: a character that is not whole yet waits for its rest */

	/* The answer: */
	struct buf text;
	uint64_t next; /* behind what is shown: where to read on */
	uint64_t
		omitted_at; /* what is between the first and the last byte of [from, end) and not */
	uint64_t omitted;   /* shown */
};

/* Fill in the answers of the `n` (1 or 2) streams; show_fini() frees their text, also after a
 * failure. `raw`: not cleaned, only repaired where the JSON is written. -ENOMEM or 0. */
int show(struct show_stream *streams, size_t n, enum show_mode mode, bool raw,
	 size_t budget) MUST_CHECK;
void show_fini(struct show_stream *streams, size_t n);

#endif
