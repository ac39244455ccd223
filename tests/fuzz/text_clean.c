/* SPDX-License-Identifier: MIT */
/*
 * fuzz: text - any output: what is cleaned holds no control but \n and \t, is not longer than what
 * came, stays UTF-8 where it was, and is the same for any cut into chunks.
 *
 * Input: the size of the chunks, then the output.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "text/clean.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "text_clean: %s\n", what);
	abort();
}

static void
clean_in_chunks(const uint8_t *bytes, size_t size, size_t chunk, struct buf *out)
{
	struct clean c;
	size_t n;

	buf_init(out, SIZE_MAX / 4);
	clean_init(&c);
	for (; size; bytes += n, size -= n) {
		n = chunk < size ? chunk : size;
		must(clean_feed(&c, bytes, n, out) == 0, "memory");
		must(c.line.len <= CLEAN_LINE_MAX && c.at <= c.line.len, "a bounded line");
	}
	must(clean_end(&c, out) == 0, "memory");
	clean_fini(&c);
}

static bool
is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || memcmp(buf_head(a), buf_head(b), a->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;
	const uint8_t *p;
	size_t i;

	if (!size)
		return 0;
	clean_in_chunks(data + 1, size - 1, size, &whole);
	clean_in_chunks(data + 1, size - 1, 1 + data[0] % 64, &cut);
	must(is_same(&whole, &cut), "the same for any chunks");
	buf_fini(&cut);
	clean_in_chunks(data + 1, size - 1, 1, &cut);
	must(is_same(&whole, &cut), "the same byte by byte");
	buf_fini(&cut);

	p = buf_head(&whole);
	for (i = 0; i < whole.len; i++)
		must((p[i] >= 0x20 && p[i] != 0x7f) || p[i] == '\n' || p[i] == '\t', "no controls");
	must(whole.len <= size - 1, "nothing added");
	if (utf8_is_valid(data + 1, size - 1))
		must(utf8_is_valid(p, whole.len), "valid as it was");
	clean_in_chunks(p ? p : data, whole.len, size, &cut);
	must(is_same(&whole, &cut) || !utf8_is_valid(data + 1, size - 1), "clean when cleaned");
	buf_fini(&whole);
	buf_fini(&cut);
	return 0;
}
