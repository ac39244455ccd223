/* SPDX-License-Identifier: MIT */
#include "base/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	int64_t factor;
};

#define KIB INT64_C(1024)

static const struct unit sizes[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "K", KIB },
	{ "KB", KIB },
	{ "KiB", KIB },
	{ "M", KIB *KIB },
	{ "MB", KIB *KIB },
	{ "MiB", KIB *KIB },
	{ "G", KIB *KIB *KIB },
	{ "GB", KIB *KIB *KIB },
	{ "GiB", KIB *KIB *KIB },
	{ "T", KIB *KIB *KIB *KIB },
	{ "TB", KIB *KIB *KIB *KIB },
	{ "TiB", KIB *KIB *KIB *KIB },
};

static const struct unit durations[] = {
	{ "", 1000 },         { "s", 1000 },        { "ms", 1 },           { "m", 60 * 1000 },
	{ "min", 60 * 1000 }, { "h", 3600 * 1000 }, { "d", 86400 * 1000 },
};

int
quantity_int(const char *s, int64_t *ret_value)
{
	char *end;
	int64_t v;

	if (!(*s == '-' || (*s >= '0' && *s <= '9')))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || *end)
		return -EINVAL;
	if (errno == ERANGE)
		return -ERANGE;
	*ret_value = v;
	return 0;
}

/* "12.75<unit>" in units: whole and thousandths, so that nothing passes through a double. */
static int
scaled(const char *s, const struct unit *units, size_t n, int64_t *ret_value)
{
	int64_t whole = 0, milli = 0, place = 100, product, part;
	bool too_large = false;
	const char *p = s;
	size_t i;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		too_large |= __builtin_mul_overflow(whole, 10, &whole) ||
			     __builtin_add_overflow(whole, *p - '0', &whole);
	if (*p == '.') {
		if (p[1] < '0' || p[1] > '9')
			return -EINVAL;
		for (p++; *p >= '0' && *p <= '9'; p++, place /= 10)
			milli += (*p - '0') * place;
	}
	while (*p == ' ')
		p++;
	for (i = 0; i < n && strcasecmp(p, units[i].name) != 0;)
		i++;
	if (i == n)
		return -EINVAL;
	if (too_large || __builtin_mul_overflow(whole, units[i].factor, &product) ||
	    __builtin_mul_overflow(milli, units[i].factor, &part) ||
	    __builtin_add_overflow(product, part / 1000, &product))
		return -ERANGE;
	*ret_value = product;
	return 0;
}

int
quantity_size(const char *s, int64_t *ret_bytes)
{
	return scaled(s, sizes, ARRAY_SIZE(sizes), ret_bytes);
}

int
quantity_duration_ms(const char *s, int64_t *ret_ms)
{
	return scaled(s, durations, ARRAY_SIZE(durations), ret_ms);
}

char *
quantity_format_size(int64_t bytes, char out[QUANTITY_TEXT_MAX])
{
	static const char units[] = "KMGT";
	int u = -1;

	while (u < 3 && bytes >= KIB && bytes % KIB == 0) {
		bytes /= KIB;
		u++;
	}
	if (u < 0)
		(void)snprintf(out, QUANTITY_TEXT_MAX, "%" PRId64, bytes);
	else
		(void)snprintf(out, QUANTITY_TEXT_MAX, "%" PRId64 "%c", bytes, units[u]);
	return out;
}

char *
quantity_format_duration(int64_t ms, char out[QUANTITY_TEXT_MAX])
{
	static const struct unit units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 } };
	const char *sign = ms < 0 ? "-" : "";
	uint64_t left = ms < 0 ? -(uint64_t)ms : (uint64_t)ms, milli = left % 1000, factor;
	size_t i;
	int digits;

	for (i = 0; i < ARRAY_SIZE(units); i++) {
		factor = (uint64_t)units[i].factor;
		if (left >= factor && left % factor == 0) {
			(void)snprintf(out, QUANTITY_TEXT_MAX, "%s%" PRIu64 "%s", sign,
				       left / factor, units[i].name);
			return out;
		}
	}
	for (digits = 3; milli && milli % 10 == 0; digits--)
		milli /= 10;
	if (milli)
		(void)snprintf(out, QUANTITY_TEXT_MAX, "%s%" PRIu64 ".%0*" PRIu64 "s", sign,
			       left / 1000, digits, milli);
	else
		(void)snprintf(out, QUANTITY_TEXT_MAX, "%s%" PRIu64 "s", sign, left / 1000);
	return out;
}
