/* SPDX-License-Identifier: MIT */
/*
 * quantity - numbers as people write them: whole numbers, sizes and durations.
 *
 * Each returns 0, -EINVAL (not of that form) or -ERANGE (too large to hold). Negative numbers are
 * taken by quantity_int() alone.
 */
#ifndef JOBWIRE_BASE_QUANTITY_H
#define JOBWIRE_BASE_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* "42", "-1": decimal, nothing around it. */
int quantity_int(const char *s, int64_t *ret_value) MUST_CHECK;

/* Bytes: "4096", "64K", "20MB", "1.5GiB". K, KB and KiB are 1024, M and G and T alike. */
int quantity_size(const char *s, int64_t *ret_bytes) MUST_CHECK;

/* Milliseconds: "90" and "1.5" are seconds; units ms, s, m (or min), h, d. */
int quantity_duration_ms(const char *s, int64_t *ret_ms) MUST_CHECK;

/* The reverse, for people: "64M", "1.5s"; exact values only get a unit. */
#define QUANTITY_TEXT_MAX 32
char *quantity_format_size(int64_t bytes, char out[QUANTITY_TEXT_MAX]);
char *quantity_format_duration(int64_t ms, char out[QUANTITY_TEXT_MAX]);

#endif
