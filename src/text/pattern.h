/* SPDX-License-Identifier: MIT */
/*
 * pattern - a caller's regular expression (PCRE2), looked for in a stream that comes in chunks.
 *
 * For "wait until this appears" and for search. The result does not depend on where the stream is
 * cut into chunks. Raw bytes are no error: each byte that is no UTF-8 is taken for the character
 * U+001A. Thread: one pattern is one stream on one thread at a time; no globals. It computes and
 * never blocks: for worker threads.
 *
 * Meaning: UTF-8, PCRE2_MULTILINE, and \n, \r and \r\n each end a line. So ^ matches behind every
 * line's end, also behind the last; $ matches before a line's end, and at the end of the
 * stream when pattern_finish() has told that this is the end, not where the stream merely pauses.
 * A match is reported when nothing that could follow would change it: "a+" not before something
 * else than "a" has come, "Password: *" not before what follows the blanks. Who waits for a prompt
 * asks pattern_peek() after a while of quiet. A \r, or the first bytes of a character, is looked at
 * when the next byte comes.
 * A pattern that can match the empty string does so, as in any search, at the first place where
 * nothing longer matches: mostly at offset 0 with the first bytes. An empty pattern is refused, as
 * are \G, \C and the (*VERB)s, which mean nothing in a stream or reach around the limits.
 *
 * Limits: the text of a pattern PATTERN_TEXT_MAX bytes; lookbehinds together PATTERN_BEHIND_MAX
 * bytes. A match that is decided within PATTERN_SPAN bytes from where it begins is always found.
 * One that is still open twice as far is decided there, as if no more came ($ does not match there;
 * \z, \b and lookaheads take it for the end), so at most 2 * PATTERN_SPAN bytes of a match are
 * reported. A look at a window of that size may cost PATTERN_CPU_MS of processor time, then the
 * pattern fails soon; so does one that backtracks too often or too deep. The caller bounds the sum.
 * Memory: some 100 KiB, with the machine code of a large pattern up to 1 MiB; and where a pattern
 * needs it a stack of up to 1 MiB (JIT) or a heap of up to 16 MiB (without).
 */
#ifndef JOBWIRE_TEXT_PATTERN_H
#define JOBWIRE_TEXT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define PATTERN_TEXT_MAX   ((size_t)4096)
#define PATTERN_SPAN       ((size_t)16 * 1024)
#define PATTERN_BEHIND_MAX ((size_t)32 * 1024)
#define PATTERN_CPU_MS     250

struct err;
struct pattern;

enum pattern_flags {
	PATTERN_CASELESS = 1,
	PATTERN_LITERAL = 2, /* the text stands for itself */
};

struct pattern_match {
	bool found;
	uint64_t begin, end; /* in bytes from the beginning of the stream */
	size_t taken;        /* bytes of this chunk that pattern_feed() has taken */
};

/* Compile. The caller owns *ret_pattern. ERR_INVALID_ARGUMENT with PCRE2's words and the offset in
 * the text; ERR_RESOURCE_EXHAUSTED without memory. `text` is not kept. */
int pattern_new(const char *text, size_t len, unsigned flags, struct pattern **ret_pattern,
		struct err *err) MUST_CHECK;
/* Free. NULL is allowed. */
void pattern_free(struct pattern *p);

/* Take the next bytes of the stream and look for the next match. Without one all bytes are taken;
 * with one, go on from `taken` for those that follow (matches do not overlap).
 * ERR_RESOURCE_EXHAUSTED when a limit is reached or memory is out: only pattern_free() may follow.
 */
int pattern_feed(struct pattern *p, const void *bytes, size_t len, struct pattern_match *ret_match,
		 struct err *err) MUST_CHECK;

/* The stream has ended: look for the next match in what is left. Again for those that follow, until
 * none is found. As pattern_feed(), which may not be called any more. */
int pattern_finish(struct pattern *p, struct pattern_match *ret_match, struct err *err) MUST_CHECK;

/* No match that can still be found begins before here, in bytes from the beginning of the stream:
 * behind the last match, or where the one begins that what comes will decide. */
uint64_t pattern_open_at(const struct pattern *p);

/* What pattern_finish() would find if the stream ended here. Changes nothing. */
int pattern_peek(struct pattern *p, struct pattern_match *ret_match, struct err *err) MUST_CHECK;

#endif
