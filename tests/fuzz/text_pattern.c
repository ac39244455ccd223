/* SPDX-License-Identifier: MIT */
/*
 * fuzz: text - a pattern and a stream from the input. The matches must be the same for any cut into
 * chunks, lie in order, and be found in bounded time.
 *
 * Input: flags, size of the chunks, length of the pattern, the pattern, the stream.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "text/pattern.h"

#define MATCHES_MAX 64
#define CPU_MAX_S   60 /* under a sanitizer, on a machine that does other things too */

struct run {
	struct pattern_match matches[MATCHES_MAX];
	size_t count;
	int rc;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "text_pattern: %s\n", what);
	abort();
}

static void
note(struct run *run, const struct pattern_match *match, uint64_t fed)
{
	const struct pattern_match *last = run->matches + run->count - 1;

	must(match->begin <= match->end && match->end <= fed, "a match within the stream");
	must(!run->count || match->end >= last->end, "matches in order");
	run->matches[run->count++] = *match;
}

/* All matches of the stream, fed in chunks of `chunk` bytes. */
static void
run_pattern(struct pattern *p, const uint8_t *bytes, size_t size, size_t chunk, struct run *run)
{
	struct pattern_match match;
	size_t fed = 0, n;
	struct err err;

	memset(run, 0, sizeof *run);
	while (fed < size && run->count < MATCHES_MAX) {
		n = chunk < size - fed ? chunk : size - fed;
		run->rc = pattern_feed(p, bytes + fed, n, &match, &err);
		if (run->rc < 0)
			return;
		fed += match.taken;
		if (match.found)
			note(run, &match, fed);
		else
			must(match.taken == n, "all bytes taken");
	}
	while (run->count < MATCHES_MAX) {
		run->rc = pattern_finish(p, &match, &err);
		if (run->rc < 0 || !match.found)
			return;
		note(run, &match, fed);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t chunk, len, i;
	struct pattern *p;
	struct run runs[2];
	struct timespec cpu;
	time_t begin;

	if (size < 3 || size < 3u + data[2])
		return 0;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	begin = cpu.tv_sec;
	len = data[2];
	chunk = 1 + data[1] % 64;
	for (i = 0; i < 2; i++) {
		if (pattern_new((const char *)data + 3, len, data[0] & 3, &p, NULL) < 0)
			return 0;
		run_pattern(p, data + 3 + len, size - 3 - len, i ? chunk : size, &runs[i]);
		pattern_free(p);
	}
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	must(cpu.tv_sec - begin < CPU_MAX_S, "an end in bounded time");
	if (runs[0].rc < 0 || runs[1].rc < 0)
		return 0; /* a limit depends on how often was looked */
	must(runs[0].count == runs[1].count, "as many matches for any chunks");
	for (i = 0; i < runs[0].count; i++)
		must(runs[0].matches[i].begin == runs[1].matches[i].begin &&
			     runs[0].matches[i].end == runs[1].matches[i].end,
		     "the same matches for any chunks");
	return 0;
}
