/* SPDX-License-Identifier: MIT */
/*
 * settings - how jobwired is to work: settings.def as a struct.
 *
 * A flag counts before the environment, the environment before the file, the file before defaults.
 */
#ifndef JOBWIRE_ENGINE_SETTINGS_H
#define JOBWIRE_ENGINE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/options.h"

struct endpoint;
struct err;

struct settings {
#define SETTING(type, member, name, letter, env, initial, min, max, arg, help) \
	SETTING_##type member;
#include "engine/settings.def"
#undef SETTING
	struct options options; /* owns the strings */
};

/* Everything but the file: flags and environment over defaults. */
int settings_read(struct settings *s, int argc, char **argv, struct err *err) MUST_CHECK;
/* Again with the file, whose place the state folder decides. */
int settings_read_file(struct settings *s, const struct endpoint *ep, int argc, char **argv,
		       struct err *err) MUST_CHECK;
void settings_fini(struct settings *s);
void settings_print_help(FILE *out);

#endif
