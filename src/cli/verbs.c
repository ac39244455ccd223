/* SPDX-License-Identifier: MIT */
#include "cli/verbs.h"

#include <string.h>

#define VERB_ENTRY(name) &verb_##name,
static const struct verb *const verbs[] = { VERBS(VERB_ENTRY) };

#define AT(member) offsetof(struct global_options, member)

const struct option_spec global_rows[] = {
	ROW_HELP,
	{ .name = "version",
	  .letter = 'V',
	  .type = OPTION_FLAG,
	  .offset = AT(version),
	  .help = "print the version" },
	{ .name = "state-dir",
	  .type = OPTION_STRING,
	  .offset = AT(state_dir),
	  .arg = "DIR",
	  .help = "where the engine lives (JOBWIRE_STATE_DIR; default ~/.local/state/jobwire)" },
	{ .name = "no-autostart",
	  .type = OPTION_FLAG,
	  .offset = AT(no_autostart),
	  .help = "never start an engine: fail if none answers" },
	{ .name = "color",
	  .type = OPTION_CHOICE,
	  .offset = AT(color),
	  .initial = "auto",
	  .arg = "auto|always|never",
	  .help = "colors on stdout; NO_COLOR, CLICOLOR and CLICOLOR_FORCE are honoured" },
};
const size_t n_global_rows = ARRAY_SIZE(global_rows);

static bool
is_alias(const struct verb *v, const char *name)
{
	const char *p = v->aliases;
	size_t len = strlen(name), n;

	while (p && *p) {
		n = strcspn(p, " ");
		if (n == len && strncmp(p, name, n) == 0)
			return true;
		p += n + strspn(p + n, " ");
	}
	return false;
}

const struct verb *
verbs_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i]->name, name) == 0 || is_alias(verbs[i], name))
			return verbs[i];
	return NULL;
}

size_t
verb_rows(const struct verb *v)
{
	size_t n = 0;

	while (v->rows[n].name)
		n++;
	return n;
}

void
verbs_print_help(FILE *out)
{
	size_t i;

	(void)fputs("Usage: jobwire [FLAGS] VERB [FLAGS] [JOB...] [-- COMMAND...]\n"
		    "Runs commands in the background, and loses nothing of them.\n\nVerbs:\n",
		    out);
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		(void)fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	(void)fputs("\nFlags in front of the verb:\n", out);
	options_print_help(out, global_rows, n_global_rows);
	(void)fputs(
		"\nA JOB is an id or its first four characters or more. Without a verb: ls.\n"
		"Exit status: 0; 1 refused or unknown; 2 wrong usage; 124 our own timeout; 125\n"
		"engine or protocol failure; of run and wait: the job's, 128+N for signal N.\n"
		"'jobwire help VERB' tells more of a verb.\n",
		out);
}

void
verb_print_help(FILE *out, const struct verb *v)
{
	(void)fprintf(out, "Usage: jobwire %s%s%s\n%s.\n", v->name, *v->usage ? " " : "", v->usage,
		      v->summary);
	if (v->aliases)
		(void)fprintf(out, "Also called: %s.\n", v->aliases);
	(void)fputs("\nFlags:\n", out);
	options_print_help(out, v->rows, verb_rows(v));
	if (v->more)
		(void)fprintf(out, "\n%s\n", v->more);
}
