/* SPDX-License-Identifier: MIT */
/*
 * fuzz: text - any output and budget: head and tail fit, are all of it where that fits, and split
 * no character.
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t budget, total, n;

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
	return 0;
}
