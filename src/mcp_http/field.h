/* SPDX-License-Identifier: MIT */
/*
 * field - values of header fields held against types, strings and arguments. Pure functions.
 */
#ifndef JOBWIRE_MCP_HTTP_FIELD_H
#define JOBWIRE_MCP_HTTP_FIELD_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct head;

/* Is it this media type, with or without parameters? */
bool field_type_is(const char *value, const char *type);
/* Does a list as in Accept have the type, or a range that covers it? A weight of 0 is a refusal. */
bool field_list_has_type(const char *list, const char *type);

/* Does the field say this text: as it is, or as =?base64?...?= of it? */
bool field_equals(const char *value, const char *text);

/* Does every Mcp-Param-* field say what its argument says? The argument's schema names the field in
 * "x-mcp-header". False names the first one that does not in *ret_field. */
bool field_params_match(const struct head *head, const cJSON *schema, const cJSON *arguments,
			const char **ret_field);

#endif
