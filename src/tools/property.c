/* SPDX-License-Identifier: MIT */
#include "tools/property.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "text/json.h"

#define SCHEMA_MAX ((size_t)64 * 1024)

static void write_object(struct json *j, const char *key, const struct property *const *tables,
			 enum property_use use);

static void
write_words(struct json *j, const char *words)
{
	const char *end;

	json_array_begin(j, "enum");
	for (;; words = end + 1) {
		end = strchrnul(words, '|');
		json_bytes(j, NULL, words, (size_t)(end - words));
		if (!*end)
			break;
	}
	json_array_end(j);
}

static void
write_property(struct json *j, const struct property *p)
{
	const struct property *const items[] = { p->items, NULL };

	json_object_begin(j, p->name);
	json_str(j, "type", p->type);
	if (p->words)
		write_words(j, p->words);
	if (p->least)
		json_raw(j, "minimum", p->least, strlen(p->least));
	if (p->most)
		json_raw(j, "maximum", p->most, strlen(p->most));
	if (p->about)
		json_str(j, "description", p->about);
	if (p->has_strings) {
		json_object_begin(j, "additionalProperties");
		json_str(j, "type", "string");
		json_object_end(j);
	}
	if (p->items)
		write_object(j, "items", items, PROPERTY_RESULT);
	json_object_end(j);
}

static void
write_required(struct json *j, const struct property *const *tables)
{
	const struct property *p;
	bool has_some = false;

	for (; *tables; tables++) {
		for (p = *tables; p->name; p++) {
			if (!p->is_required)
				continue;
			if (!has_some)
				json_array_begin(j, "required");
			has_some = true;
			json_str(j, NULL, p->name);
		}
	}
	if (has_some)
		json_array_end(j);
}

static void
write_object(struct json *j, const char *key, const struct property *const *tables,
	     enum property_use use)
{
	const struct property *const *table, *p;

	json_object_begin(j, key);
	json_str(j, "type", "object");
	if (tables[0]->name)
		json_object_begin(j, "properties");
	for (table = tables; *table; table++)
		for (p = *table; p->name; p++)
			if (!p->is_hidden || use == PROPERTY_ACCEPTED)
				write_property(j, p);
	if (tables[0]->name)
		json_object_end(j);
	write_required(j, tables);
	if (use != PROPERTY_RESULT)
		json_bool(j, "additionalProperties", false);
	json_object_end(j);
}

const char *
property_schema(const struct property *const *tables, enum property_use use, struct arena *a)
{
	const char *text = NULL;
	struct buf out;
	struct json j;

	buf_init(&out, SCHEMA_MAX);
	json_begin(&j, &out);
	write_object(&j, NULL, tables, use);
	if (json_end(&j) == 0)
		text = arena_copy(a, buf_head(&out), out.len);
	buf_fini(&out);
	return text;
}
