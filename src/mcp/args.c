/* SPDX-License-Identifier: MIT */
#include "mcp/args.h"

#include <stddef.h>

#include "mcp/tree.h"

const cJSON *
arg_get(const cJSON *args, const char *name)
{
	const cJSON *value = tree_get(args, name);

	return cJSON_IsNull(value) ? NULL : value;
}

const char *
arg_str(const cJSON *args, const char *name, const char *fallback)
{
	const char *value = tree_str(args, name);

	return value ? value : fallback;
}

int64_t
arg_int(const cJSON *args, const char *name, int64_t fallback)
{
	int64_t value;

	return tree_int(tree_get(args, name), &value) ? value : fallback;
}

double
arg_number(const cJSON *args, const char *name, double fallback)
{
	const cJSON *value = tree_get(args, name);

	return cJSON_IsNumber(value) ? value->valuedouble : fallback;
}

bool
arg_bool(const cJSON *args, const char *name, bool fallback)
{
	const cJSON *value = tree_get(args, name);

	return cJSON_IsBool(value) ? cJSON_IsTrue(value) != 0 : fallback;
}
