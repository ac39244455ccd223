/* SPDX-License-Identifier: MIT */
#include "base/options.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#include "base/err.h"

struct reader {
	struct options *o;
	const char *path;
	FILE *file;
	int line; /* the number of the one read last, from 1 */
	int rc;   /* of the first failure, which ends the reading */
	struct err *err;
};

/* One line for inih, which by itself would take the rest of a long line for the next one, and an
 * indented line for a second value of the one above. */
static char *
read_line(char *out, int size, void *stream)
{
	struct reader *r = stream;
	int c = EOF, n = 0;

	if (r->rc < 0)
		return NULL;
	r->line++;
	while ((c = getc(r->file)) != EOF && c != '\n') {
		if (n == 0 && (c == ' ' || c == '\t'))
			continue;
		if (c == '\0')
			r->rc = err_set(r->err, ERR_INVALID_ARGUMENT,
					"%.300s: line %d holds a NUL byte", r->path, r->line);
		else if (n == size - 1)
			r->rc = err_set(r->err, ERR_INVALID_ARGUMENT,
					"%.300s: line %d is longer than %d bytes", r->path, r->line,
					size - 1);
		if (r->rc < 0)
			return NULL;
		out[n++] = (char)c;
	}
	if (ferror(r->file))
		r->rc = err_sys(r->err, errno, "settings file %.300s", r->path);
	out[n] = '\0';
	return r->rc < 0 || (c == EOF && n == 0) ? NULL : out;
}

static int
set_one(struct reader *r, const char *section, const char *name, const char *value)
{
	char source[200];
	const char *copy;
	size_t i;

	(void)snprintf(source, sizeof source, "%.120s: %.60s", r->path, name);
	if (*section)
		return err_set(r->err, ERR_INVALID_ARGUMENT, "%.200s: no section [%.60s] is known",
			       r->path, section);
	for (i = 0; i < r->o->n && strcmp(r->o->rows[i].name, name) != 0;)
		i++;
	if (i == r->o->n)
		return err_set(r->err, ERR_INVALID_ARGUMENT, "%s: no such setting", source);
	copy = arena_strdup(&r->o->arena, value);
	if (!copy)
		return err_sys(r->err, ENOMEM, "%s", source);
	return options_set(r->o, &r->o->rows[i], source, copy, r->err);
}

/* inih calls this for each "name = value"; 0 tells it that the line is bad. */
static int
on_line(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;

	r->rc = set_one(r, section, name, value);
	if (r->rc < 0)
		(void)err_wrap(r->err, r->rc, "line %d", r->line);
	return r->rc == 0;
}

int
options_from_file(struct options *o, const char *path, bool must_exist, struct err *err)
{
	struct reader r = { .o = o, .path = path, .err = err };
	int bad;

	r.file = fopen(path, "re");
	if (!r.file) {
		if (errno == ENOENT && !must_exist)
			return 0;
		return err_sys(err, errno, "settings file %.300s", path);
	}
	bad = ini_parse_stream(read_line, &r, on_line, &r);
	(void)fclose(r.file);
	/* inih goes on behind a line that it cannot read: the first fault is the one to tell */
	if (bad && (r.rc == 0 || bad < r.line))
		return err_set(err, ERR_INVALID_ARGUMENT, "%.300s: line %d is not 'name = value'",
			       path, bad);
	return r.rc;
}
