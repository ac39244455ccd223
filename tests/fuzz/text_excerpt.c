/* SPDX-License-Identifier: MIT */
/*
 * fuzz: text - any output and budget: head and tail fit, split no character, leave out exactly the
 * rest, and the cheap plan agrees. Lines at the end are those counted.
 *
 * Input: two bytes of budget, then the output.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "text/excerpt.h"
#include "text/json.h"
#include "text/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "text_excerpt: %s\n", what);
	abort();
}

/* Characters of the JSON string that the bytes become. */
static size_t
chars_of(const uint8_t *bytes, size_t len)
{
	struct json j;
	struct buf out;
	size_t i, n = 0;

	buf_init(&out, SIZE_MAX / 4);
	json_begin(&j, &out);
	json_bytes(&j, NULL, bytes, len);
	must(json_end(&j) == 0, "memory");
	for (i = 0; i < out.len; i++)
		n += (buf_head(&out)[i] & 0xc0) != 0x80;
	buf_fini(&out);
	return n - 2;
}

static bool
is_border(const uint8_t *bytes, size_t len, size_t at)
{
	size_t i, n;

	for (i = 0; i < at; i += n)
		(void)utf8_next(bytes + i, len - i, &n);
	return i == at;
}

static void
check_lines(const uint8_t *bytes, size_t len, size_t n)
{
	size_t lines, start = lines_last(bytes, len, n, &lines);

	must(start <= len, "a start within the bytes");
	must(lines == lines_count(bytes + start, len - start), "as many lines as counted");
	must(start == 0 || bytes[start - 1] == '\n' || lines == 0, "a line's beginning");
	must(lines == n || start == 0, "all lines there are");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t budget, total, n;
	struct excerpt_plan plan;
	struct excerpt cut;

	if (size < 2)
		return 0;
	budget = data[0] | (size_t)data[1] << 8;
	data += 2;
	size -= 2;
	total = chars_of(data, size);
	must(excerpt_chars(data, size) == total, "as many characters as written");

	n = excerpt_head(data, size, budget);
	must(n <= size && chars_of(data, n) <= budget, "a head that fits");
	must(is_border(data, size, n), "no character split by the head");
	must(n == size || total > budget, "all of it where it fits");
	n = excerpt_tail(data, size, budget);
	must(n <= size && chars_of(data + size - n, n) <= budget, "a tail that fits");
	must(is_border(data, size, size - n), "no character split by the tail");
	must(n == size || total > budget, "all of it where it fits");

	plan = excerpt_plan(size, budget);
	must(plan.head + plan.tail == budget, "the whole budget");
	must(plan.fit != EXCERPT_WHOLE || total <= budget, "a plan that keeps its word");
	must(plan.fit != EXCERPT_CUT || total > budget, "a plan that cuts where it must");
	cut = excerpt_of(data, size, budget);
	must(cut.head + cut.omitted + cut.tail == size, "exactly the rest left out");
	must((cut.omitted == 0) == (total <= budget), "nothing left out where it fits");
	must(chars_of(data, cut.head) + chars_of(data + size - cut.tail, cut.tail) <= budget,
	     "both fit");
	check_lines(data, size, budget % 16);
	return 0;
}
