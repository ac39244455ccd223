/* SPDX-License-Identifier: MIT */
/*
 * base_options - values as flags, environment and settings file carry them. fuzz: base
 *
 * The first byte picks the row, the rest is the text. What is taken lies within the row's bounds,
 * and reads as the same value again once it is written; what is refused says why and changes
 * nothing.
 */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/options.h"
#include "base/quantity.h"

#define TEXT_MAX 4096

struct demo {
	bool flag;
	const char *string;
	int64_t number, size_bytes, wait_ms;
	int choice;
	struct option_list list;
};

#define MEMBER(m) offsetof(struct demo, m)

static const struct option_spec rows[] = {
	{ "flag", 'f', OPTION_FLAG, MEMBER(flag), NULL, NULL, 0, 0, NULL, "" },
	{ "string", 's', OPTION_STRING, MEMBER(string), NULL, NULL, 0, 0, NULL, "" },
	{ "number", 'n', OPTION_INT, MEMBER(number), NULL, NULL, INT64_MIN, INT64_MAX, NULL, "" },
	{ "small", 0, OPTION_INT, MEMBER(number), NULL, NULL, -5, 100, NULL, "" },
	{ "size", 0, OPTION_SIZE, MEMBER(size_bytes), NULL, NULL, 0, INT64_MAX, NULL, "" },
	{ "page", 0, OPTION_SIZE, MEMBER(size_bytes), NULL, NULL, 4096, 65536, NULL, "" },
	{ "wait", 'w', OPTION_DURATION, MEMBER(wait_ms), NULL, NULL, 0, INT64_MAX, NULL, "" },
	{ "grace", 0, OPTION_DURATION, MEMBER(wait_ms), NULL, NULL, 1, 600000, NULL, "" },
	{ "choice", 0, OPTION_CHOICE, MEMBER(choice), NULL, NULL, 0, 0, "never|auto|always", "" },
	{ "list", 'l', OPTION_LIST, MEMBER(list), NULL, NULL, 0, 0, NULL, "" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds, const struct option_spec *row, const char *text)
{
	if (!holds)
		BUG("%s: '%s'", row->name, text);
}

static void
check_number(const struct option_spec *row, const char *text, int64_t value)
{
	char out[QUANTITY_TEXT_MAX];
	int64_t back = -1;

	check(value >= row->min && value <= row->max, row, text);
	if (row->type == OPTION_SIZE)
		check(quantity_size(quantity_format_size(value, out), &back) == 0, row, text);
	else if (row->type == OPTION_DURATION)
		check(quantity_duration_ms(quantity_format_duration(value, out), &back) == 0, row,
		      text);
	else
		back = value;
	check(back == value, row, text);
}

static void
check_taken(const struct option_spec *row, const char *text, const struct demo *demo)
{
	switch (row->type) {
	case OPTION_FLAG:
		break;
	case OPTION_STRING:
		check(demo->string == text, row, text);
		break;
	case OPTION_INT:
		check_number(row, text, demo->number);
		break;
	case OPTION_SIZE:
		check_number(row, text, demo->size_bytes);
		break;
	case OPTION_DURATION:
		check_number(row, text, demo->wait_ms);
		break;
	case OPTION_CHOICE:
		check(demo->choice >= 0 && demo->choice <= 2, row, text);
		check(strstr(row->arg, text) != NULL, row, text);
		break;
	case OPTION_LIST:
		check(demo->list.len == 1 && demo->list.values[0] == text, row, text);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct demo untouched;
	struct demo demo = { 0 };
	const struct option_spec *row;
	struct err err = { 0 };
	struct options opts;
	char text[TEXT_MAX];
	int rc;

	if (size < 1 || size > TEXT_MAX)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	row = &rows[data[0] % ARRAY_SIZE(rows)];

	options_init(&opts, rows, ARRAY_SIZE(rows), &demo);
	rc = options_set(&opts, row, "source", text, &err);
	if (rc == 0) {
		check(err.code == 0, row, text);
		check_taken(row, text, &demo);
	} else {
		check(rc == ERR_INVALID_ARGUMENT && err.code == rc, row, text);
		check(strncmp(err.msg, "source: '", 9) == 0, row, text);
		check(memcmp(&demo, &untouched, sizeof demo) == 0, row, text);
	}
	options_fini(&opts);
	return 0;
}
