/* SPDX-License-Identifier: MIT */
#include "mcp/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

/* cJSON's form of the text, which may be the text itself: *ret_copy is then NULL, else the caller
 * frees it. */
static int
prepare(const char *text, size_t len, struct scan_report *report, struct scan_span *ret,
	char **ret_copy)
{
	*ret_copy = NULL;
	*ret = (struct scan_span){ text, len };
	if (!report->needs_rewrite)
		return 0;
	*ret_copy = malloc(len);
	if (!*ret_copy)
		return -ENOMEM;
	*ret = (struct scan_span){ *ret_copy, scan_rewrite(text, len, *ret_copy) };
	return 0;
}

/* Give the long numbers their text. Siblings and children come in the order of the text. */
static int
keep_long_numbers(cJSON *item, const char **at, const char *end)
{
	struct scan_span number;
	int rc = 0;

	for (; item && !rc; item = item->next) {
		if (item->child) {
			rc = keep_long_numbers(item->child, at, end);
		} else if (cJSON_IsNumber(item)) {
			if (!scan_number(at, end, &number))
				BUG("more numbers in the tree than in the text");
			if (number.len <= SCAN_NUMBER_SHORT)
				continue;
			item->valuestring =
				strndup(number.p, number.len); /* cJSON_Delete() frees */
			rc = item->valuestring ? 0 : -ENOMEM;
		}
	}
	return rc;
}

static int
build(const char *text, size_t len, struct scan_report *report, cJSON **ret_root)
{
	auto_free char *copy = NULL;
	struct scan_span span;
	const char *at;
	cJSON *root;

	if (prepare(text, len, report, &span, &copy) < 0)
		return -ENOMEM;
	root = cJSON_ParseWithLengthOpts(span.p, span.len, NULL, 0);
	at = span.p;
	if (root && report->has_long_number &&
	    keep_long_numbers(root, &at, span.p + span.len) < 0) {
		cJSON_Delete(root);
		root = NULL;
	}
	*ret_root = root;
	return root ? 0 : -ENOMEM; /* scan_check() left no other reason */
}

int
tree_parse(const char *text, size_t len, cJSON **ret_root, struct scan_span *ret_text,
	   struct err *err)
{
	struct scan_report report;
	int rc;

	if (!utf8_is_valid(text, len))
		return err_set(err, ERR_INVALID_ARGUMENT, "not valid UTF-8");
	rc = scan_check(text, len, &report);
	if (rc == -E2BIG)
		return err_set(err, ERR_RESOURCE_EXHAUSTED, "%s at byte %zu", report.why,
			       report.at);
	if (rc < 0)
		return err_set(err, ERR_INVALID_ARGUMENT, "%s at byte %zu", report.why, report.at);
	rc = build(text, len, &report, ret_root);
	if (rc < 0)
		return err_sys(err, -rc, "message");
	while (len && strchr(" \t\r\n", *text))
		text++, len--;
	*ret_text = (struct scan_span){ text, len };
	return 0;
}

const cJSON *
tree_get(const cJSON *object, const char *name)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *
tree_str(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(tree_get(object, name));
}

bool
tree_int(const cJSON *number, int64_t *ret_value)
{
	double value;

	if (!cJSON_IsNumber(number))
		return false;
	if (number->valuestring && !strpbrk(number->valuestring, ".eE")) {
		errno = 0;
		*ret_value = strtoll(number->valuestring, NULL, 10);
		return errno == 0;
	}
	value = number->valuedouble;
	/* The bounds are -2^63 and 2^63, both exact; anything else would overflow. */
	if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0))
		return false;
	*ret_value = (int64_t)value;
	return (double)*ret_value == value;
}

bool
tree_has_nul(const char *valuestring)
{
	return strstr(valuestring, SCAN_NUL) != NULL;
}

int
tree_check_members(const cJSON *object, struct err *err)
{
	const cJSON *a, *b;
	size_t n = 0;

	for (a = object->child; a; a = a->next) {
		if (++n > TREE_MEMBERS_MAX)
			return err_set(err, ERR_INVALID_ARGUMENT, "more than %d members",
				       TREE_MEMBERS_MAX);
		for (b = object->child; b != a; b = b->next) {
			if (strcmp(a->string, b->string) == 0)
				return err_set(err, ERR_INVALID_ARGUMENT, "'%.60s' is given twice",
					       a->string);
		}
	}
	return 0;
}
