/* SPDX-License-Identifier: MIT */
#include "engine/settings.h"

#include <limits.h>
#include <string.h>

#include "base/endpoint.h"
#include "base/err.h"

static const struct option_spec rows[] = {
#define SETTING(type, member, name, letter, env, initial, min, max, arg, help)               \
	{ name, letter, OPTION_##type, offsetof(struct settings, member), env, initial, min, \
	  max,  arg,    help },
#include "engine/settings.def"
#undef SETTING
};

static int
over_defaults(struct settings *s, const char *path, bool must_exist, int argc, char **argv,
	      struct err *err)
{
	int next, rc;

	memset(s, 0, sizeof *s);
	options_init(&s->options, rows, ARRAY_SIZE(rows), s);
	rc = options_defaults(&s->options, err);
	if (rc == 0 && path)
		rc = options_from_file(&s->options, path, must_exist, err);
	if (rc == 0)
		rc = options_from_env(&s->options, err);
	if (rc == 0)
		rc = options_from_args(&s->options, argc, argv, &next, err);
	if (rc == 0 && next < argc)
		rc = err_set(err, ERR_INVALID_ARGUMENT, "'%.100s' is no option", argv[next]);
	return rc;
}

int
settings_read(struct settings *s, int argc, char **argv, struct err *err)
{
	return over_defaults(s, NULL, false, argc, argv, err);
}

int
settings_read_file(struct settings *s, const struct endpoint *ep, int argc, char **argv,
		   struct err *err)
{
	bool given = s->config != NULL;
	char path[PATH_MAX + sizeof ENDPOINT_CONFIG + 1];

	(void)snprintf(path, sizeof path, "%s%s%s", given ? s->config : ep->path, given ? "" : "/",
		       given ? "" : ENDPOINT_CONFIG);
	settings_fini(s);
	return over_defaults(s, path, given, argc, argv, err);
}

void
settings_fini(struct settings *s)
{
	options_fini(&s->options);
}

void
settings_print_help(FILE *out)
{
	(void)fputs("Usage: jobwired [OPTION...]\n\n"
		    "The engine of jobwire: holds all state, runs jobs through their holders. "
		    "Clients start "
		    "it by themselves when none answers.\n\nOptions:\n",
		    out);
	options_print_help(out, rows, ARRAY_SIZE(rows));
}
