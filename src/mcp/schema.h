/* SPDX-License-Identifier: MIT */
/*
 * schema - a tool's arguments held against its input schema, refused in words for a model.
 *
 * Checked are: type (one word), enum of strings, minimum, maximum, minLength, maxLength (in
 * characters), items, minItems, maxItems, properties, required, additionalProperties. Other words
 * of JSON Schema are not looked at. 5.0 is a whole number; null counts as not given, because models
 * send it for what they leave out. Pure functions, thread-safe.
 */
#ifndef JOBWIRE_MCP_SCHEMA_H
#define JOBWIRE_MCP_SCHEMA_H

#include <cjson/cJSON.h>

#include "base/macros.h"

struct err;

/* Both trees are from tree_parse(), `args` is an object. 0, or ERR_INVALID_ARGUMENT with a
 * sentence that names the first argument at fault, its value (cut) and what is allowed. */
int schema_check(const cJSON *schema, const cJSON *args, struct err *err) MUST_CHECK;

#endif
