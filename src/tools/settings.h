/* SPDX-License-Identifier: MIT */
/*
 * settings - how an MCP adapter is to work: settings.def as a struct.
 *
 * A flag counts before the environment. A bad flag is refused, because somebody is there to read
 * that. A bad variable of the environment only costs itself, as with the predecessor: a warning,
 * and its default counts. A working folder that is not there and a pattern that cannot be read must
 * not make more possible than was meant: those are kept, and launch.h and allowed.h refuse with
 * them.
 */
#ifndef JOBWIRE_TOOLS_SETTINGS_H
#define JOBWIRE_TOOLS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/options.h"

struct err;

struct tools_settings {
#define SETTING(type, member, name, env, initial, min, max, arg, help) SETTING_##type member;
#include "tools/settings.def"
#undef SETTING
	struct options options; /* owns the strings */
	struct buf warnings;    /* lines for standard error; empty: none */
};

/* Environment over defaults, flags over both. tools_settings_fini() also after a failure. */
int tools_settings_read(struct tools_settings *s, int argc, char **argv,
			struct err *err) MUST_CHECK;
void tools_settings_fini(struct tools_settings *s);

/* The same for an adapter whose table holds these rows and some of its own: `values` is its struct,
 * zeroed, and `s` lies in it. */
int tools_settings_read_rows(struct tools_settings *s, const struct option_spec *table, size_t n,
			     void *values, int argc, char **argv, struct err *err) MUST_CHECK;
void tools_settings_print_help(FILE *out, const char *program);

#endif
