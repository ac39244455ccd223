/* SPDX-License-Identifier: MIT */
/*
 * verbs - the table of verbs, and the help that comes from it.
 *
 * Each verb is one row, beside its function in cmd_<verb>.c.
 */
#ifndef JOBWIRE_CLI_VERBS_H
#define JOBWIRE_CLI_VERBS_H

#include <stdio.h>

#include "cli/cli.h"

/* In the order of the help. */
#define VERBS(row)                                                                              \
	row(run) row(start) row(ls) row(show) row(logs) row(wait) row(send) row(stop) row(kill) \
		row(rm) row(events) row(engine) row(version) row(help)

#define VERB_DECLARE(name) extern const struct verb verb_##name;
VERBS(VERB_DECLARE)
#undef VERB_DECLARE

/* The flags in front of the verb. */
struct global_options {
	bool help;
	bool version;
	bool no_autostart;
	const char *state_dir;
	int color;
};
enum color_choice { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
extern const struct option_spec global_rows[];
extern const size_t n_global_rows;

/* How many rows a verb has. */
size_t verb_rows(const struct verb *v);
/* By name or alias; NULL: there is none. */
const struct verb *verbs_find(const char *name);

void verbs_print_help(FILE *out);
void verb_print_help(FILE *out, const struct verb *v);

#endif
