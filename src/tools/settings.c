/* SPDX-License-Identifier: MIT */
#include "tools/settings.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

#define GROUP_MAX    64 /* bytes, as the engine takes them */
#define WARNINGS_MAX ((size_t)16 * 1024)
#define BLANKS       " \t\r\n"

static const struct option_spec rows[] = {
#define SETTING(type, member, name, env, initial, min, max, arg, help)                          \
	{ name, 0,   OPTION_##type, offsetof(struct tools_settings, member), env, initial, min, \
	  max,  arg, help },
#include "tools/settings.def"
#undef SETTING
};

/* Without the blanks around it, NULL where nothing is left. */
static const char *
env_value(struct options *o, const char *name)
{
	const char *text = getenv(name);
	size_t len;

	if (!text)
		return NULL;
	text += strspn(text, BLANKS);
	for (len = strlen(text); len && strchr(BLANKS, text[len - 1]);)
		len--;
	return len ? arena_copy(&o->arena, text, len) : NULL;
}

static void
read_env(struct options *o, struct buf *warnings)
{
	const struct option_spec *row;
	const char *text;
	struct err err;
	size_t i;

	for (i = 0; i < o->n; i++) {
		row = &o->rows[i];
		text = row->env ? env_value(o, row->env) : NULL;
		if (!text)
			continue;
		err = (struct err){ 0 };
		if (options_set(o, row, row->env, text, &err) < 0)
			(void)!buf_addf(warnings,
					"warning: %s; it is ignored and the default counts: %s\n",
					err.msg, row->initial ? row->initial : "none");
	}
}

static int
check(const struct tools_settings *s, struct err *err)
{
	const char *group = s->group;

	if (group && (!*group || strlen(group) > GROUP_MAX))
		return err_set(err, ERR_INVALID_ARGUMENT, "--group: a name has 1 to %d bytes",
			       GROUP_MAX);
	return 0;
}

int
tools_settings_read_rows(struct tools_settings *s, const struct option_spec *table, size_t n,
			 void *values, int argc, char **argv, struct err *err)
{
	int next, rc;

	buf_init(&s->warnings, WARNINGS_MAX);
	options_init(&s->options, table, n, values);
	rc = options_defaults(&s->options, err);
	if (rc < 0)
		return rc;
	read_env(&s->options, &s->warnings);
	rc = options_from_args(&s->options, argc, argv, &next, err);
	if (rc == 0 && next < argc)
		rc = err_set(err, ERR_INVALID_ARGUMENT, "'%.100s' is no option", argv[next]);
	return rc < 0 ? rc : check(s, err);
}

int
tools_settings_read(struct tools_settings *s, int argc, char **argv, struct err *err)
{
	memset(s, 0, sizeof *s);
	return tools_settings_read_rows(s, rows, ARRAY_SIZE(rows), s, argc, argv, err);
}

void
tools_settings_fini(struct tools_settings *s)
{
	options_fini(&s->options);
	buf_fini(&s->warnings);
}

void
tools_settings_print_help(FILE *out, const char *program)
{
	(void)fprintf(
		out,
		"Usage: %s [OPTION...]\n\n"
		"Background jobs for MCP clients. Speaks MCP with the client that starts it; "
		"the jobs run under\njobwired, which is started when it is needed and outlives "
		"the client.\n\nOptions:\n",
		program);
	options_print_help(out, rows, ARRAY_SIZE(rows));
}
