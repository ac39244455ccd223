/* SPDX-License-Identifier: MIT */
#include "mcp_http/field.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/macros.h"
#include "mcp/tree.h"
#include "mcp_http/head.h"

#define PREFIX    "=?base64?"
#define SUFFIX    "?="
#define PARAM_MAX 100

bool
field_type_is(const char *value, const char *type)
{
	size_t len = strlen(type);

	if (strncasecmp(value, type, len) != 0)
		return false;
	value += len + strspn(value + len, " \t");
	return !*value || *value == ';';
}

/* One element of the list: a type or a range, up to `len`. */
static bool
covers(const char *item, size_t len, const char *type)
{
	const char *slash = strchr(type, '/');

	if (len == strlen(type) && strncasecmp(item, type, len) == 0)
		return true;
	if (len == 3 && memcmp(item, "*/*", 3) == 0)
		return true;
	return len == (size_t)(slash - type) + 2 && item[len - 1] == '*' &&
	       strncasecmp(item, type, len - 1) == 0;
}

/* ";q=0", "; q=0.000" */
static bool
is_refusal(const char *parameters, size_t len)
{
	const char *q = memmem(parameters, len, "q=", 2);
	size_t n;

	if (!q)
		return false;
	n = strspn(q + 2, "0.");
	return n > 0 && (q + 2 + n == parameters + len || strchr("; \t,", q[2 + n]));
}

bool
field_list_has_type(const char *list, const char *type)
{
	size_t len, name;

	for (;; list += len + 1) {
		list += strspn(list, " \t");
		len = strcspn(list, ",");
		name = strcspn(list, ",; \t");
		if (covers(list, name, type) && !is_refusal(list + name, len - name))
			return true;
		if (!list[len])
			return false;
	}
}

static int
digit64(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Is `len` characters of base64, whole and in the one right form, this text? */
static bool
base64_equals(const char *p, size_t len, const char *text)
{
	size_t left = strlen(text), i, pad;
	unsigned bits;
	int d;

	if (len % 4)
		return false;
	for (; len; p += 4, len -= 4) {
		pad = len > 4 ? 0 : p[2] == '=' ? 2 : p[3] == '=';
		for (i = 0, bits = 0; i < 4; i++) {
			d = i < 4 - pad ? digit64(p[i]) : p[i] == '=' ? 0 : -1;
			if (d < 0)
				return false;
			bits = bits << 6 | (unsigned)d;
		}
		for (i = 0; i < 3 - pad; i++, text++, left--) {
			if (!left || (unsigned char)*text != (bits >> (16 - 8 * i) & 0xff))
				return false;
		}
		if (bits & ((1u << (8 * pad)) - 1))
			return false;
	}
	return left == 0;
}

/* The text inside of =?base64? and ?=, or NULL where the value is meant as it is. */
static const char *
encoded(const char *value, size_t *ret_len)
{
	size_t len = strlen(value), around = strlen(PREFIX) + strlen(SUFFIX);

	if (len < around || strncmp(value, PREFIX, strlen(PREFIX)) != 0 ||
	    strcmp(value + len - strlen(SUFFIX), SUFFIX) != 0)
		return NULL;
	*ret_len = len - around;
	return value + strlen(PREFIX);
}

static bool
is_ascii(const char *value)
{
	while (*value && (unsigned char)*value < 0x80)
		value++;
	return !*value;
}

bool
field_equals(const char *value, const char *text)
{
	size_t len;
	const char *inner = encoded(value, &len);

	if (inner)
		return base64_equals(inner, len, text);
	return is_ascii(value) && strcmp(value, text) == 0;
}

static bool
number_equals(const char *value, double number)
{
	char *end;
	double given;

	if (!*value || value[strspn(value, "+-.0123456789eE")])
		return false;
	given = strtod(value, &end);
	return !*end && isfinite(given) && !(given < number) && !(given > number);
}

static bool
argument_equals(const char *value, const cJSON *argument)
{
	if (cJSON_IsBool(argument))
		return field_equals(value, cJSON_IsTrue(argument) ? "true" : "false");
	if (cJSON_IsNumber(argument))
		return number_equals(value, argument->valuedouble);
	return cJSON_IsString(argument) && field_equals(value, argument->valuestring);
}

bool
field_params_match(const struct head *head, const cJSON *schema, const cJSON *arguments,
		   const char **ret_field)
{
	const cJSON *property = tree_get(schema, "properties"), *argument;
	char name[PARAM_MAX];
	const char *value;

	for (property = property ? property->child : NULL; property; property = property->next) {
		*ret_field = tree_str(property, "x-mcp-header");
		if (!*ret_field ||
		    snprintf(name, sizeof name, "mcp-param-%s", *ret_field) >= PARAM_MAX)
			continue;
		value = head_get(head, name);
		argument = tree_get(arguments, property->string);
		if (!argument || cJSON_IsNull(argument)
			    ? value != NULL
			    : !value || !argument_equals(value, argument))
			return false;
	}
	return true;
}
