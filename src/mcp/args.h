/* SPDX-License-Identifier: MIT */
/*
 * args - how a tool's handler reads its arguments, after the input schema has passed them.
 *
 * An argument that is absent or null gives the fallback; one of another type does too, but the
 * schema lets none through. Strings are borrowed and live until the handler returns.
 */
#ifndef JOBWIRE_MCP_ARGS_H
#define JOBWIRE_MCP_ARGS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

/* NULL where it is absent or null. For arrays and objects. */
const cJSON *arg_get(const cJSON *args, const char *name);
const char *arg_str(const cJSON *args, const char *name, const char *fallback);
/* Exact to 64 bits. */
int64_t arg_int(const cJSON *args, const char *name, int64_t fallback);
double arg_number(const cJSON *args, const char *name, double fallback);
bool arg_bool(const cJSON *args, const char *name, bool fallback);

#endif
