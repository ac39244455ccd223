/* SPDX-License-Identifier: MIT */
/*
 * fuzz: text - any bytes: their repair is valid UTF-8 and stable, steps back are steps forward, and
 * the JSON string made of them is one and reads back as the repair.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "text_utf8_json: %s\n", what);
	abort();
}

/* One character of a JSON string at `p`. Appends what it means, returns its length. */
static size_t
unescape(const unsigned char *p, size_t len, struct buf *out)
{
	static const char letters[] = "\"\\bfnrt", meant[] = "\"\\\b\f\n\r\t";
	const char *letter;
	unsigned code = 0;

	must(*p >= 0x20 && *p != '"', "controls and quotes escaped");
	if (*p != '\\') {
		must(buf_add(out, p, 1) == 0, "memory");
		return 1;
	}
	must(len >= 2, "an escape");
	letter = p[1] ? strchr(letters, p[1]) : NULL;
	if (letter) {
		must(buf_add(out, meant + (letter - letters), 1) == 0, "memory");
		return 2;
	}
	must(p[1] == 'u' && len >= 6 && sscanf((const char *)p + 2, "%4x", &code) == 1,
	     "an escape");
	must(buf_add(out, &(unsigned char){ (unsigned char)code }, 1) == 0, "memory");
	return 6;
}

static void
check_json(const uint8_t *data, size_t size, const struct buf *repaired)
{
	struct buf text, read;
	struct json j;
	size_t i;

	buf_init(&text, SIZE_MAX / 4);
	buf_init(&read, SIZE_MAX / 4);
	json_begin(&j, &text);
	json_bytes(&j, NULL, data, size);
	must(json_end(&j) == 0, "memory");
	must(text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"', "quotes");
	must(buf_add(&text, "", 1) == 0, "memory"); /* for sscanf() */
	for (i = 1; i < text.len - 2;)
		i += unescape(text.data + i, text.len - 2 - i, &read);
	must(i == text.len - 2, "whole escapes");
	must(read.len == repaired->len &&
		     (!read.len || !memcmp(read.data, repaired->data, read.len)),
	     "the repaired bytes");
	buf_fini(&text);
	buf_fini(&read);
}

static void
check_steps(const uint8_t *data, size_t size)
{
	unsigned char *is_border = calloc(1, size + 1);
	size_t i, n;

	must(is_border != NULL, "memory");
	for (i = 0; i < size; i += n) {
		is_border[i] = 1;
		(void)utf8_next(data + i, size - i, &n);
		must(n >= 1 && n <= size - i, "a step within the bytes");
	}
	for (i = size; i > 0;) {
		(void)utf8_prev(data, i, &n);
		must(n >= 1 && n <= i, "a step back within the bytes");
		for (; n > 1; n--)
			must(!is_border[--i], "no border within a step back");
		must(is_border[--i], "a border at its end");
	}
	free(is_border);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf repaired, again;

	buf_init(&repaired, SIZE_MAX / 4);
	buf_init(&again, SIZE_MAX / 4);
	must(utf8_repair(&repaired, data, size) == 0, "memory");
	must(utf8_is_valid(buf_head(&repaired), repaired.len), "a valid repair");
	must(utf8_repair(&again, buf_head(&repaired), repaired.len) == 0, "memory");
	must(again.len == repaired.len &&
		     (!again.len || !memcmp(again.data, repaired.data, again.len)),
	     "nothing left to repair");
	if (utf8_is_valid(data, size))
		must(repaired.len == size && (!size || !memcmp(repaired.data, data, size)),
		     "valid bytes left alone");
	check_json(data, size, &repaired);
	check_steps(data, size);
	buf_fini(&repaired);
	buf_fini(&again);
	return 0;
}
