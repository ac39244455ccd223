/* SPDX-License-Identifier: MIT */
#include "mcp/schema.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "mcp/tree.h"

#define PATH_MAX_  128
#define WORDS_MAX  320
#define STRING_CUT 40

/* Text that is cut at its end instead of overrun. */
struct words {
	char text[WORDS_MAX];
	size_t len;
};

static void PRINTF(2, 3) words_add(struct words *w, const char *fmt, ...)
{
	size_t room = sizeof w->text - w->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->text + w->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->len += MIN((size_t)n, room - 1);
}

/* "a, b, c" from an array of strings or from the names of an object's members. */
static void
words_add_list(struct words *w, const cJSON *list)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list) words_add(w, "%s%s", item == list->child ? "" : ", ",
						 cJSON_IsString(item) ? item->valuestring
						 : item->string       ? item->string
								      : "?");
}

/* A number of the schema, as it is written there. */
static void
words_add_number(struct words *w, const cJSON *number)
{
	int64_t whole;

	if (tree_int(number, &whole))
		words_add(w, "%" PRId64, whole);
	else
		words_add(w, "%.15g", number->valuedouble);
}

/* " from 1 to 10", " of at least 1", " of at most 10", or nothing. */
static void
words_add_range(struct words *w, const cJSON *schema, const char *low, const char *high,
		const char *unit)
{
	const cJSON *min = tree_get(schema, low), *max = tree_get(schema, high);

	if (!min && !max)
		return;
	if (min && max) {
		words_add(w, *unit ? " of " : " from ");
		words_add_number(w, min);
		words_add(w, " to ");
	} else {
		words_add(w, min ? " of at least " : " of at most ");
	}
	words_add_number(w, max ? max : min);
	if (*unit)
		words_add(w, "%s%s", unit, (max ? max : min)->valuedouble == 1 ? "" : "s");
}

static bool
is_whole(const cJSON *value)
{
	int64_t ignored;

	return tree_int(value, &ignored);
}

static bool
is_number(const cJSON *value)
{
	return cJSON_IsNumber(value) && isfinite(value->valuedouble);
}

static bool
is_string(const cJSON *value)
{
	return cJSON_IsString(value);
}

static bool
is_bool(const cJSON *value)
{
	return cJSON_IsBool(value);
}

static bool
is_array(const cJSON *value)
{
	return cJSON_IsArray(value);
}

static bool
is_object(const cJSON *value)
{
	return cJSON_IsObject(value);
}

/* One row for each type: its test, its words, its bounds and what they count. */
static const struct type {
	const char *name;
	bool (*is)(const cJSON *value);
	const char *words, *low, *high, *unit;
} types[] = {
	{ "string", is_string, "a string", "minLength", "maxLength", " character" },
	{ "integer", is_whole, "a whole number", "minimum", "maximum", "" },
	{ "number", is_number, "a number", "minimum", "maximum", "" },
	{ "boolean", is_bool, "true or false", NULL, NULL, NULL },
	{ "array", is_array, "an array", "minItems", "maxItems", " element" },
	{ "object", is_object, "an object", NULL, NULL, NULL },
};

/* NULL: any type will do. */
static const struct type *
type_of(const cJSON *schema)
{
	const char *name = tree_str(schema, "type");
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	}
	return NULL;
}

/* What the schema allows: "a whole number from 1 to 1000", "one of stdout, stderr". */
static void
words_add_allowed(struct words *w, const cJSON *schema)
{
	const struct type *type = type_of(schema);
	const cJSON *list = tree_get(schema, "enum");

	if (list) {
		words_add(w, "one of ");
		words_add_list(w, list);
	} else if (type) {
		words_add(w, "%s", type->words);
		if (type->low)
			words_add_range(w, schema, type->low, type->high, type->unit);
	} else {
		words_add(w, "given");
	}
}

/* How many bytes of `s` are at most `max`, not ending inside of a character. */
static size_t
cut_at(const char *s, size_t max)
{
	size_t len = strlen(s);

	if (len <= max)
		return len;
	while (max && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static void
words_add_value(struct words *w, const cJSON *value)
{
	size_t n;

	if (cJSON_IsString(value)) {
		n = cut_at(value->valuestring, STRING_CUT);
		words_add(w, "\"%.*s%s\"", (int)n, value->valuestring,
			  value->valuestring[n] ? "..." : "");
	} else if (cJSON_IsNumber(value)) {
		if (value->valuestring)
			words_add(w, "%s", value->valuestring);
		else
			words_add(w, "%.15g", value->valuedouble);
	} else if (cJSON_IsBool(value)) {
		words_add(w, cJSON_IsTrue(value) ? "true" : "false");
	} else if (cJSON_IsNull(value)) {
		words_add(w, "null");
	} else {
		words_add(w, "an %s of %d", cJSON_IsArray(value) ? "array" : "object",
			  cJSON_GetArraySize(value));
	}
}

/* Where in the arguments the check is: "env.PATH", "commands[2]". */
struct place {
	const char *path;
	struct err *err;
};

static int check_value(const struct place *at, const cJSON *schema, const cJSON *value);

static int
refuse(const struct place *at, const cJSON *schema, const cJSON *value)
{
	struct words value_words = { "", 0 }, allowed = { "", 0 };

	words_add_allowed(&allowed, schema);
	if (!value)
		return err_field(at->err, ERR_INVALID_ARGUMENT, at->path,
				 "argument '%s' is missing: it must be %s.", at->path,
				 allowed.text);
	words_add_value(&value_words, value);
	return err_field(at->err, ERR_INVALID_ARGUMENT, at->path,
			 "argument '%s' is %s, but must be %s.", at->path, value_words.text,
			 allowed.text);
}

static size_t
count_characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* -1, 0 or 1 as the value lies below, on or above the bound; whole numbers exactly. */
static int
compare(const cJSON *value, const cJSON *bound)
{
	int64_t a, b;

	if (tree_int(value, &a) && tree_int(bound, &b))
		return (a > b) - (a < b);
	return (value->valuedouble > bound->valuedouble) -
	       (value->valuedouble < bound->valuedouble);
}

static bool
is_in_range(const struct type *type, const cJSON *schema, const cJSON *value)
{
	const cJSON *low, *high;
	cJSON size = { .type = cJSON_Number };

	if (!type || !type->low)
		return true;
	low = tree_get(schema, type->low);
	high = tree_get(schema, type->high);
	if (cJSON_IsString(value))
		size.valuedouble = (double)count_characters(value->valuestring);
	if (cJSON_IsArray(value))
		size.valuedouble = (double)cJSON_GetArraySize(value);
	if (!cJSON_IsNumber(value))
		value = &size;
	return (!low || compare(value, low) >= 0) && (!high || compare(value, high) <= 0);
}

static bool
is_listed(const cJSON *list, const cJSON *value)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
	{
		if (cJSON_IsString(value) && cJSON_IsString(item) &&
		    strcmp(item->valuestring, value->valuestring) == 0)
			return true;
	}
	return !list;
}

static int
check_elements(const struct place *at, const cJSON *schema, const cJSON *array)
{
	const cJSON *items = tree_get(schema, "items"), *value;
	char path[PATH_MAX_];
	struct place inner = { path, at->err };
	size_t i = 0;
	int rc;

	cJSON_ArrayForEach(value, array)
	{
		(void)snprintf(path, sizeof path, "%s[%zu]", at->path, i++);
		rc = check_value(&inner, items, value);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
refuse_unknown(const struct place *at, const cJSON *properties, const char *path)
{
	struct words names = { "", 0 };

	words_add_list(&names, properties);
	if (!names.len)
		return err_field(at->err, ERR_INVALID_ARGUMENT, path,
				 "there is no argument '%.64s': no argument is allowed here.",
				 path);
	return err_field(at->err, ERR_INVALID_ARGUMENT, path,
			 "there is no argument '%.64s': allowed are %s.", path, names.text);
}

static int
check_required(const struct place *at, const cJSON *schema, const cJSON *object)
{
	const cJSON *properties = tree_get(schema, "properties"), *name, *value;
	char path[PATH_MAX_];
	struct place inner = { path, at->err };

	cJSON_ArrayForEach(name, tree_get(schema, "required"))
	{
		value = tree_get(object, name->valuestring);
		if (value && !cJSON_IsNull(value))
			continue;
		(void)snprintf(path, sizeof path, "%s%s%s", at->path, *at->path ? "." : "",
			       name->valuestring);
		return refuse(&inner, tree_get(properties, name->valuestring), value);
	}
	return 0;
}

static int
refuse_name(const struct place *at)
{
	return err_field(
		at->err, ERR_INVALID_ARGUMENT, at->path,
		"a name in '%s' holds a NUL character (\\u0000), which cannot be passed on; "
		"leave it out.",
		*at->path ? at->path : "arguments");
}

static int
check_members(const struct place *at, const cJSON *schema, const cJSON *object)
{
	const cJSON *properties = tree_get(schema, "properties"), *value, *inner_schema;
	const cJSON *others = tree_get(schema, "additionalProperties");
	char path[PATH_MAX_];
	struct place inner = { path, at->err };
	int rc;

	cJSON_ArrayForEach(value, object)
	{
		if (tree_has_nul(value->string))
			return refuse_name(at);
		(void)snprintf(path, sizeof path, "%s%s%s", at->path, *at->path ? "." : "",
			       value->string);
		inner_schema = tree_get(properties, value->string);
		if (!inner_schema && cJSON_IsFalse(others))
			return refuse_unknown(at, properties, path);
		if (cJSON_IsNull(value) && inner_schema)
			continue; /* not given */
		rc = check_value(&inner, inner_schema ? inner_schema : others, value);
		if (rc < 0)
			return rc;
	}
	return check_required(at, schema, object);
}

static int
check_value(const struct place *at, const cJSON *schema, const cJSON *value)
{
	const struct type *type = type_of(schema);
	struct err inner = { 0 };
	int rc;

	if (cJSON_IsString(value) && tree_has_nul(value->valuestring))
		return err_field(at->err, ERR_INVALID_ARGUMENT, at->path,
				 "argument '%s' holds a NUL character (\\u0000), which cannot be "
				 "passed on; leave it out.",
				 at->path);
	if ((type && !type->is(value)) || !is_in_range(type, schema, value) ||
	    !is_listed(tree_get(schema, "enum"), value))
		return refuse(at, schema, value);
	if (cJSON_IsArray(value))
		return check_elements(at, schema, value);
	if (!cJSON_IsObject(value))
		return 0;
	rc = tree_check_members(value, &inner);
	if (rc < 0)
		return err_field(at->err, rc, at->path, "argument '%s' is not clear: %s.", at->path,
				 inner.msg);
	return check_members(at, schema, value);
}

int
schema_check(const cJSON *schema, const cJSON *args, struct err *err)
{
	struct place top = { "", err };
	struct err inner = { 0 };
	int rc = tree_check_members(args, &inner);

	if (rc < 0)
		return err_set(err, rc, "the arguments are not clear: %s.", inner.msg);
	return check_members(&top, schema, args);
}
