/* SPDX-License-Identifier: MIT */
/*
 * json - JSON text (RFC 8259) written straight into a buffer, without a tree.
 *
 * For answers, above all those that carry what a job wrote: every string is escaped and its UTF-8
 * repaired on the way, so the result is always valid JSON. A key of NULL writes an array's element
 * or the document itself. The first failure (no memory, buffer's bound) is remembered and ends all
 * further writing; json_end() tells. cJSON reads requests; nothing of it is used to write.
 */
#ifndef JOBWIRE_TEXT_JSON_H
#define JOBWIRE_TEXT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct buf;

struct json {
	struct buf *out;
	bool need_comma;
	int failed; /* 0, or what buf_add() said */
};

void json_begin(struct json *j, struct buf *out);
/* 0, -ENOMEM or -EMSGSIZE: the text is whole only on 0. */
int json_end(struct json *j) MUST_CHECK;

void json_object_begin(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array_begin(struct json *j, const char *key);
void json_array_end(struct json *j);

void json_str(struct json *j, const char *key, const char *value);
void json_bytes(struct json *j, const char *key, const void *bytes, size_t len);
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value);
/* Seconds with up to three digits behind the point, from milliseconds: 1500 is 1.5. */
void json_seconds(struct json *j, const char *key, int64_t ms);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
/* Text that is JSON already, such as an id as it was received. */
void json_raw(struct json *j, const char *key, const char *text, size_t len);

/* A string in pieces, where it is made from several: begin, any number of parts, end. A character
 * must not be split between parts. */
void json_string_begin(struct json *j, const char *key);
void json_string_part(struct json *j, const void *bytes, size_t len);
void json_string_end(struct json *j);

/* How many characters an ASCII character becomes there: 1, or 2 ("\n"), or 6 ("\u0001"). Every
 * other character, and the U+FFFD of an invalid piece, goes out as it is: 1. */
unsigned json_ascii_len(unsigned char c);

#endif
