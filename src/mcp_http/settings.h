/* SPDX-License-Identifier: MIT */
/*
 * settings - how jobwire-mcp-http is to work: its own rows and those of every adapter, as a struct.
 */
#ifndef JOBWIRE_MCP_HTTP_SETTINGS_H
#define JOBWIRE_MCP_HTTP_SETTINGS_H

#include "tools/settings.h"

#define HTTP_TOKEN_ENV "JOBWIRE_MCP_TOKEN"
#define HTTP_TOKEN_MIN 16
#define HTTP_TOKEN_MAX 512

struct http_settings {
	struct tools_settings tools;
#define SETTING(type, member, name, env, initial, min, max, arg, help) SETTING_##type member;
#include "mcp_http/settings.def"
#undef SETTING
	char *token; /* NULL: none is asked for */
};

/* Environment over defaults, flags over both; the token is read, too. http_settings_fini() also
 * after a failure. */
int http_settings_read(struct http_settings *s, int argc, char **argv, struct err *err) MUST_CHECK;
void http_settings_fini(struct http_settings *s);
void http_settings_print_help(FILE *out, const char *program);

#endif
