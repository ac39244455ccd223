/* SPDX-License-Identifier: MIT */
#include "text/pattern.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"

#define WINDOW_MAX    (2 * PATTERN_SPAN) /* the most that is looked at behind `from` */
#define NESTING_MAX   100
#define HEAP_MAX_KIB  16384
#define DEPTH_MAX     100000
#define JIT_STACK_MIN ((size_t)32 * 1024)
#define JIT_STACK_MAX ((size_t)1024 * 1024)
#define WORDS_MAX     256     /* holds PCRE2's longest message */
#define SUBSTITUTE    0x1a    /* stands for a byte that is no UTF-8: this is what it is for */
#define OVER_TIME     (-1000) /* ours, beside PCRE2's codes, which end far above */

/*
 * The window on the stream:
 *
 *   window            from                      valid     len       cap
 *     |<--- behind --->|<--- to be looked at ---->|<- ... ->|<- room ->|
 *
 * No match begins before `from`, but lookbehinds look there. Up to `valid` it is UTF-8: each byte
 * that is none has been replaced, so that offsets stay and PCRE2 need not check.
 * (PCRE2_MATCH_INVALID_UTF would let no match pass over such a byte, and its two engines do not
 * agree on all that follows.) Between `valid` and `len` are the first bytes of a character whose
 * rest has not come.
 */
struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /* NULL without JIT */

	unsigned char *window;
	size_t behind, from, valid, len, cap;
	uint64_t base;       /* where in the stream the window begins */
	bool is_looked_at;   /* nothing can be found before more bytes come */
	bool has_empty_here; /* an empty match at `from` has been reported */
	bool is_for_lines;   /* every match begins a line */
};

/* How far one call of pcre2_match() may go: so many places for a match to begin, and so much
 * backtracking at each. In between the time is looked at, since PCRE2 has no limit for the sum.
 * Ordinary patterns never leave the first row. */
static const struct pace {
	size_t starts;
	uint32_t match_limit;
} paces[] = {
	{ 256, 1000 },
	{ 1, 500000 },
};

/* Why a pattern has failed, where it is the pattern's own fault. */
static const struct fault {
	int code;
	const char *words;
} faults[] = {
	{ OVER_TIME, "takes too long" },
	{ PCRE2_ERROR_MATCHLIMIT, "backtracks too often" },
	{ PCRE2_ERROR_DEPTHLIMIT, "backtracks too deep" },
	{ PCRE2_ERROR_HEAPLIMIT, "needs too much memory" },
	{ PCRE2_ERROR_RECURSELOOP, "recurses without end" },
};

static char *
words_of(int code, char out[WORDS_MAX])
{
	if (pcre2_get_error_message(code, (PCRE2_UCHAR *)out, WORDS_MAX) < 0)
		(void)snprintf(out, WORDS_MAX, "PCRE2 error %d", code);
	return out;
}

/* The offset of a construct that is not for streams, or `len`. It errs on the side of refusing. */
static size_t
find_refused(const char *text, size_t len)
{
	const char *end_quote;
	size_t i = 0;

	while (i + 1 < len) {
		if (text[i] == '\\' && text[i + 1] == 'G')
			return i;
		if (text[i] == '(' && text[i + 1] == '*' && i + 2 < len && text[i + 2] >= 'A' &&
		    text[i + 2] <= 'Z')
			return i;
		if (text[i] == '\\' && text[i + 1] == 'Q') {
			end_quote = memmem(text + i + 2, len - i - 2, "\\E", 2);
			if (!end_quote)
				return len;
			i = (size_t)(end_quote - text) + 2;
		} else if (text[i] == '\\') {
			i += text[i + 1] == 'c' ? 3 : 2; /* \c takes one more, also a backslash */
		} else {
			i++;
		}
	}
	return len;
}

static int
check_text(const char *text, size_t len, unsigned flags, struct err *err)
{
	size_t at;

	if (len == 0)
		return err_set(err, ERR_INVALID_ARGUMENT, "pattern is empty");
	if (len > PATTERN_TEXT_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT, "pattern of %zu bytes is longer than %zu",
			       len, PATTERN_TEXT_MAX);
	if (flags & PATTERN_LITERAL)
		return 0;
	at = find_refused(text, len);
	if (at == len)
		return 0;
	return err_set(err, ERR_INVALID_ARGUMENT,
		       "pattern, at offset %zu: %s is not supported here", at,
		       text[at] == '\\' ? "\\G" : "a (*VERB)");
}

/* In front of every pattern: matches nothing, but names a newline. PCRE2 would else not let a match
 * begin at the \n of a \r\n, or only where it comes there in a hurry: "\sx" must find "\r\nx". The
 * option behind it keeps a quantifier at the front of the pattern the error that it is. */
#define PREFIX "(?:\\n){0}(?-x)"

static int
compile(struct pattern *p, const char *text, size_t len, unsigned flags, struct err *err)
{
	char whole[sizeof PREFIX + PATTERN_TEXT_MAX];
	uint32_t options = PCRE2_UTF | PCRE2_USE_OFFSET_LIMIT;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	size_t prefix = flags & PATTERN_LITERAL ? 0 : strlen(PREFIX);
	char words[WORDS_MAX];
	PCRE2_SIZE offset;
	int code;

	if (!context)
		return err_sys(err, ENOMEM, "pattern");
	if (flags & PATTERN_LITERAL)
		options |= PCRE2_LITERAL;
	else /* ALT_CIRCUMFLEX: else ^ fails behind a \n that is the last byte so far */
		options |= PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C;
	if (flags & PATTERN_CASELESS)
		options |= PCRE2_CASELESS;
	(void)pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
	(void)pcre2_set_parens_nest_limit(context, NESTING_MAX);
	memcpy(whole, PREFIX, prefix);
	memcpy(whole + prefix, text, len);
	p->code = pcre2_compile((PCRE2_SPTR)whole, prefix + len, options, &code, &offset, context);
	pcre2_compile_context_free(context);
	if (!p->code && code == PCRE2_ERROR_HEAP_FAILED)
		return err_sys(err, ENOMEM, "pattern");
	if (!p->code)
		return err_set(err, ERR_INVALID_ARGUMENT, "pattern, at offset %zu: %s",
			       offset - MIN(offset, prefix), words_of(code, words));
	return 0;
}

/* How many bytes lookbehinds may look at. PCRE2 knows the longest one alone, and they may be
 * nested, so each one counts (and other groups too: it errs on the side of more). Also finds what
 * kind it is. */
static int
inspect(struct pattern *p, const char *text, size_t len, struct err *err)
{
	uint32_t longest = 0, first = 0;
	size_t i, count = 1;

	(void)pcre2_pattern_info(p->code, PCRE2_INFO_MAXLOOKBEHIND, &longest);
	(void)pcre2_pattern_info(p->code, PCRE2_INFO_FIRSTCODETYPE, &first);
	p->is_for_lines = first == 2;
	for (i = 0; i + 1 < len; i++)
		if (text[i] == '(' && (text[i + 1] == '?' || text[i + 1] == '*'))
			count++;
	p->behind = 4 * (MAX(longest, 1) * count + 1); /* UTF-8; and \b and ^ look at one */
	if (p->behind > PATTERN_BEHIND_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT, "pattern looks back too far");
	return 0;
}

static int
allocate(struct pattern *p, struct err *err)
{
	p->cap = p->behind + 4 + 2 * WINDOW_MAX;
	p->window = malloc(p->cap);
	p->data = pcre2_match_data_create(1, NULL);
	p->context = pcre2_match_context_create(NULL);
	if (!p->window || !p->data || !p->context)
		return err_sys(err, ENOMEM, "pattern");
	(void)pcre2_set_heap_limit(p->context, HEAP_MAX_KIB);
	(void)pcre2_set_depth_limit(p->context, DEPTH_MAX);
	/* Where JIT is not to be had, the interpreter does the same more slowly. */
	if (pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD) < 0)
		return 0;
	p->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	if (p->stack)
		pcre2_jit_stack_assign(p->context, NULL, p->stack);
	return 0;
}

int
pattern_new(const char *text, size_t len, unsigned flags, struct pattern **ret_pattern,
	    struct err *err)
{
	struct pattern *p;
	int rc;

	rc = check_text(text, len, flags, err);
	if (rc < 0)
		return rc;
	p = calloc(1, sizeof *p);
	if (!p)
		return err_sys(err, ENOMEM, "pattern");
	rc = compile(p, text, len, flags, err);
	if (rc < 0)
		goto fail;
	rc = inspect(p, text, len, err);
	if (rc < 0)
		goto fail;
	rc = allocate(p, err);
	if (rc < 0)
		goto fail;
	*ret_pattern = p;
	return 0;
fail:
	pattern_free(p);
	return rc;
}

void
pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_match_data_free(p->data);
	pcre2_match_context_free(p->context);
	pcre2_jit_stack_free(p->stack);
	pcre2_code_free(p->code);
	free(p->window);
	free(p);
}

static int64_t
cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static bool
is_within_newline(const struct pattern *p, size_t at)
{
	return at && at < p->valid && p->window[at] == '\n' && p->window[at - 1] == '\r';
}

/* The first place at `at` or behind that is not within a character or a \r\n. */
static size_t
border(const struct pattern *p, size_t at)
{
	while (at < p->valid && ((p->window[at] & 0xc0) == 0x80 || is_within_newline(p, at)))
		at++;
	return at;
}

/* Look for a match that begins at `from` .. `last` in what lies before `end`. PCRE2's code, or
 * OVER_TIME. */
static int
look(struct pattern *p, size_t last, size_t end, uint32_t options)
{
	int64_t deadline_ns = cpu_ns() + PATTERN_CPU_MS * NS_PER_MS;
	const struct pace *pace = paces;
	size_t start = p->from, stop;
	int rc;

	options |= PCRE2_NO_UTF_CHECK;
	if (p->has_empty_here)
		options |= PCRE2_NOTEMPTY_ATSTART;
	for (;;) {
		stop = last - start < pace->starts ? last + 1 : border(p, start + pace->starts);
		(void)pcre2_set_match_limit(p->context, pace->match_limit);
		(void)pcre2_set_offset_limit(p->context, stop - 1);
		rc = pcre2_match(p->code, p->window, end, start, options, p->data, p->context);
		if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
			rc = pcre2_match(p->code, p->window, end, start, options | PCRE2_NO_JIT,
					 p->data, p->context);
		if (rc == PCRE2_ERROR_MATCHLIMIT && pace == paces) {
			pace++;
			continue;
		}
		if (rc != PCRE2_ERROR_NOMATCH || stop > last)
			return rc;
		if (cpu_ns() > deadline_ns)
			return OVER_TIME;
		options &= ~PCRE2_NOTEMPTY_ATSTART;
		start = stop;
	}
}

static void
go_to(struct pattern *p, size_t at)
{
	if (at > p->from)
		p->has_empty_here = false;
	p->from = at;
}

static int
failure(const struct pattern *p, int code, struct err *err)
{
	char words[WORDS_MAX];
	size_t i;

	if (code == PCRE2_ERROR_NOMEMORY)
		return err_sys(err, ENOMEM, "pattern");
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		if (faults[i].code == code)
			return err_set(err, ERR_RESOURCE_EXHAUSTED,
				       "pattern %s, behind byte %" PRIu64 " of the output",
				       faults[i].words, p->base + p->from);
	return err_set(err, ERR_INTERNAL, "pattern: %s", words_of(code, words));
}

/* A match of a pattern for lines, such as "^\n", that begins behind the \r of a \r\n. PCRE2's two
 * engines do not agree on whether it is one. */
static bool
is_false_start(const struct pattern *p, size_t at)
{
	return p->is_for_lines && is_within_newline(p, at);
}

/* The match that PCRE2 has just found. False where it is none: a false start, or one that has been
 * reported (\K in a recursion can make of an empty match what PCRE2 takes for another). */
static bool
get_match(const struct pattern *p, struct pattern_match *match)
{
	const PCRE2_SIZE *place = pcre2_get_ovector_pointer(p->data);

	if (is_false_start(p, pcre2_get_startchar(p->data)) ||
	    (p->has_empty_here && place[1] <= p->from))
		return false;
	match->found = true;
	match->begin = p->base + MIN(place[0], place[1]);
	match->end = p->base + place[1];
	return true;
}

/* A match is open that begins at `from`, and more is here than it may need: decide it, or go on
 * behind it. PCRE2's code as look(); PCRE2_ERROR_PARTIAL where what comes decides. */
static int
settle(struct pattern *p, size_t end)
{
	size_t last;
	int rc;

	if (is_false_start(p, p->from)) {
		go_to(p, p->from + 1);
		return PCRE2_ERROR_NOMATCH;
	}
	if (p->len - p->from < WINDOW_MAX)
		return PCRE2_ERROR_PARTIAL;
	last = border(p, p->from + PATTERN_SPAN) - 1;
	rc = look(p, last, end, PCRE2_NOTEOL);
	if (rc == PCRE2_ERROR_NOMATCH)
		go_to(p, last + 1);
	return rc;
}

/* Look at all that lies before `end`, and say whether something was found. */
static int
search(struct pattern *p, size_t end, bool is_final, struct pattern_match *match, struct err *err)
{
	int rc;

	/* Where nothing stands yet no match may begin: JIT would let ".*" be empty there. */
	while (is_final ? p->from <= end : p->from < end) {
		rc = is_final ? look(p, end, end, 0) : look(p, end - 1, end, PCRE2_PARTIAL_HARD);
		if (rc == PCRE2_ERROR_NOMATCH) {
			go_to(p, end);
			break;
		}
		if (rc == PCRE2_ERROR_PARTIAL) {
			go_to(p, pcre2_get_ovector_pointer(p->data)[0]);
			rc = settle(p, end);
			if (rc == PCRE2_ERROR_NOMATCH)
				continue;
			if (rc == PCRE2_ERROR_PARTIAL)
				break;
		}
		if (rc < 0)
			return failure(p, rc, err);
		if (get_match(p, match)) {
			go_to(p, match->end - p->base);
			p->has_empty_here = match->begin == match->end;
			return 0;
		}
		if (pcre2_get_startchar(p->data) == end)
			break;
		go_to(p, border(p, pcre2_get_startchar(p->data) + 1));
	}
	p->is_looked_at = true;
	return 0;
}

/* Where what can be looked at ends: before a \r\n that may not be whole yet. */
static size_t
certain_end(const struct pattern *p)
{
	return p->valid && p->window[p->valid - 1] == '\r' ? p->valid - 1 : p->valid;
}

/* Replace what is no UTF-8; an unfinished character at the end only if nothing will finish it. */
static void
validate(struct pattern *p, bool is_final)
{
	unsigned char *at;
	size_t bad, n;

	while (p->valid < p->len) {
		p->valid += utf8_run(p->window + p->valid, p->len - p->valid, &bad);
		at = p->window + p->valid;
		if (bad && !is_final && utf8_next(at, p->len - p->valid, &n) == UTF8_INCOMPLETE)
			break;
		memset(at, SUBSTITUTE, bad);
		p->valid += bad;
	}
}

/* Forget what no lookbehind needs any more, to make room. */
static void
drop(struct pattern *p)
{
	size_t n = p->from - MIN(p->from, p->behind);

	while (n && (p->window[n] & 0xc0) == 0x80)
		n--; /* only whole characters */
	memmove(p->window, p->window + n, p->len - n);
	p->base += n;
	p->from -= n;
	p->valid -= n;
	p->len -= n;
}

/* Move bytes into the window, as many as have room: at least one after a search without a match. */
static size_t
take(struct pattern *p, const unsigned char *bytes, size_t len)
{
	size_t n = MIN(len, WINDOW_MAX - (p->len - p->from));

	if (n > p->cap - p->len)
		drop(p);
	memcpy(p->window + p->len, bytes, n);
	p->len += n;
	validate(p, false);
	p->is_looked_at = false;
	return n;
}

int
pattern_feed(struct pattern *p, const void *bytes, size_t len, struct pattern_match *ret_match,
	     struct err *err)
{
	const unsigned char *from = bytes;
	struct pattern_match match = { 0 };
	int rc;

	for (;;) {
		if (!p->is_looked_at && p->len) {
			rc = search(p, certain_end(p), false, &match, err);
			if (rc < 0)
				return rc;
		}
		if (match.found || match.taken == len)
			break;
		match.taken += take(p, from + match.taken, len - match.taken);
	}
	*ret_match = match;
	return 0;
}

uint64_t
pattern_open_at(const struct pattern *p)
{
	return p->base + p->from;
}

int
pattern_finish(struct pattern *p, struct pattern_match *ret_match, struct err *err)
{
	struct pattern_match match = { 0 };
	int rc;

	validate(p, true);
	rc = search(p, p->len, true, &match, err);
	if (rc < 0)
		return rc;
	*ret_match = match;
	return 0;
}

int
pattern_peek(struct pattern *p, struct pattern_match *ret_match, struct err *err)
{
	struct pattern_match match = { 0 };
	int rc;

	rc = look(p, p->valid, p->valid, 0);
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		return failure(p, rc, err);
	if (rc >= 0)
		(void)get_match(p, &match);
	*ret_match = match;
	return 0;
}
