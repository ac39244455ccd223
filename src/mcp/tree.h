/* SPDX-License-Identifier: MIT */
/*
 * tree - JSON from outside as a cJSON tree that can be trusted.
 *
 * tree_parse() takes RFC 8259 in valid UTF-8 and nothing else. In its trees a whole number beyond
 * 15 digits keeps its text in `valuestring`, so that tree_int() is exact to 64 bits, and a string
 * that held \u0000 holds SCAN_NUL there instead of ending early. Names are compared with their
 * case; cJSON_GetObjectItem() is not used anywhere. cJSON only reads here: text/json.h writes.
 */
#ifndef JOBWIRE_MCP_TREE_H
#define JOBWIRE_MCP_TREE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "mcp/scan.h"

#define TREE_MEMBERS_MAX 256

struct err;

/* The caller owns *ret_root and ends it with cJSON_Delete(); *ret_text is the same value in `text`.
 * ERR_INVALID_ARGUMENT where it is not JSON, ERR_RESOURCE_EXHAUSTED where a limit of scan.h is
 * passed or memory ran out. */
int tree_parse(const char *text, size_t len, cJSON **ret_root, struct scan_span *ret_text,
	       struct err *err) MUST_CHECK;

/* The object's member of that name; NULL where it has none or `object` is no object. */
const cJSON *tree_get(const cJSON *object, const char *name);
/* The member if it is a string, else NULL. Lives as long as the tree. */
const char *tree_str(const cJSON *object, const char *name);

/* The number as a 64-bit integer, 5.0 and 5e0 included; false where it is not one. */
bool tree_int(const cJSON *number, int64_t *ret_value);

bool tree_has_nul(const char *valuestring);

/* An object that names a member twice means one thing to us and another to somebody else, so it
 * is refused: ERR_INVALID_ARGUMENT; likewise one of more than TREE_MEMBERS_MAX members. */
int tree_check_members(const cJSON *object, struct err *err) MUST_CHECK;

#endif
