/* SPDX-License-Identifier: MIT */
#include "base/options.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#include "base/err.h"

struct reader {
	struct options *o;
	const char *path;
	struct err *err;
	int rc;
};

/* inih calls this for each "name = value"; 0 tells it that the line is bad. */
static int
on_line(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	char source[200];
	const char *copy;
	size_t i;

	if (r->rc < 0)
		return 0;
	(void)snprintf(source, sizeof source, "%.120s: %.60s", r->path, name);
	if (*section)
		r->rc = err_set(r->err, ERR_INVALID_ARGUMENT, "%.200s: no section [%.60s] is known",
				r->path, section);
	for (i = 0; r->rc == 0 && i < r->o->n; i++) {
		if (strcmp(r->o->rows[i].name, name) != 0)
			continue;
		copy = arena_strdup(&r->o->arena, value);
		r->rc = copy ? options_set(r->o, &r->o->rows[i], source, copy, r->err)
			     : err_sys(r->err, ENOMEM, "%s", source);
		return r->rc == 0;
	}
	if (r->rc == 0)
		r->rc = err_set(r->err, ERR_INVALID_ARGUMENT, "%s: no such setting", source);
	return 0;
}

int
options_from_file(struct options *o, const char *path, bool must_exist, struct err *err)
{
	struct reader r = { .o = o, .path = path, .err = err };
	FILE *file = fopen(path, "re");
	int line;

	if (!file) {
		if (errno == ENOENT && !must_exist)
			return 0;
		return err_sys(err, errno, "settings file %.300s", path);
	}
	line = ini_parse_file(file, on_line, &r);
	(void)fclose(file);
	if (r.rc < 0)
		return err_wrap(err, r.rc, "line %d", line);
	if (line)
		return err_set(err, ERR_INVALID_ARGUMENT, "%.300s: line %d is not 'name = value'",
			       path, line);
	return 0;
}
