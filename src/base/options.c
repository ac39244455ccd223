/* SPDX-License-Identifier: MIT */
#include "base/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/quantity.h"

#define OPTIONS_ARENA_MAX ((size_t)16 * 1024 * 1024)
#define OPTIONS_ROWS_MAX  64
#define HELP_COLUMN       32 /* of the words */
#define HELP_WIDTH        80
#define NOTE_MAX          120

void
options_init(struct options *o, const struct option_spec *rows, size_t n, void *values)
{
	o->rows = rows;
	o->n = n;
	o->values = values;
	arena_init(&o->arena, OPTIONS_ARENA_MAX);
}

void
options_fini(struct options *o)
{
	arena_fini(&o->arena);
}

static void *
member(const struct options *o, const struct option_spec *row)
{
	return (char *)o->values + row->offset;
}

static int
set_flag(bool *dst, const char *source, const char *text, struct err *err)
{
	static const char *const words[] = { "no", "yes", "false", "true", "0", "1", "off", "on" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*dst = i % 2;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID_ARGUMENT, "%s: '%.64s' is neither yes nor no", source,
		       text);
}

/* What range a row allows, in the row's own unit. */
static char *
bound(const struct option_spec *row, int64_t value, char out[QUANTITY_TEXT_MAX])
{
	if (row->type == OPTION_SIZE)
		return quantity_format_size(value, out);
	if (row->type == OPTION_DURATION)
		return quantity_format_duration(value, out);
	(void)snprintf(out, QUANTITY_TEXT_MAX, "%" PRId64, value);
	return out;
}

static int
set_number(const struct option_spec *row, int64_t *dst, const char *source, const char *text,
	   struct err *err)
{
	static const char *const kinds[] = {
		[OPTION_INT] = "a whole number",
		[OPTION_SIZE] = "a size such as 64K or 20MB",
		[OPTION_DURATION] = "a duration such as 90, 1.5s or 10m",
	};
	char low[QUANTITY_TEXT_MAX], high[QUANTITY_TEXT_MAX];
	int64_t value = 0;
	int rc;

	if (row->type == OPTION_INT)
		rc = quantity_int(text, &value);
	else if (row->type == OPTION_SIZE)
		rc = quantity_size(text, &value);
	else
		rc = quantity_duration_ms(text, &value);
	if (rc == 0 && (value < row->min || value > row->max))
		rc = -ERANGE;
	if (rc == -ERANGE)
		return err_set(err, ERR_INVALID_ARGUMENT, "%s: '%.64s' is not between %s and %s",
			       source, text, bound(row, row->min, low), bound(row, row->max, high));
	if (rc < 0)
		return err_set(err, ERR_INVALID_ARGUMENT, "%s: '%.64s' is not %s", source, text,
			       kinds[row->type]);
	*dst = value;
	return 0;
}

static int
set_choice(const struct option_spec *row, int *dst, const char *source, const char *text,
	   struct err *err)
{
	const char *p = row->arg, *end;
	int i;

	for (i = 0;; i++) {
		end = strchrnul(p, '|');
		if (strlen(text) == (size_t)(end - p) && strncmp(p, text, (size_t)(end - p)) == 0) {
			*dst = i;
			return 0;
		}
		if (!*end)
			break;
		p = end + 1;
	}
	return err_set(err, ERR_INVALID_ARGUMENT, "%s: '%.64s' is none of %s", source, text,
		       row->arg);
}

static int
add_to_list(struct options *o, struct option_list *list, const char *text, struct err *err)
{
	const char **values = arena_grow(&o->arena, list->values, list->len, sizeof *values);

	if (!values)
		return err_sys(err, ENOMEM, "options");
	list->values = values;
	list->values[list->len++] = text;
	return 0;
}

int
options_set(struct options *o, const struct option_spec *row, const char *source, const char *text,
	    struct err *err)
{
	void *dst = member(o, row);

	switch (row->type) {
	case OPTION_FLAG:
		return set_flag(dst, source, text, err);
	case OPTION_STRING:
		*(const char **)dst = text;
		return 0;
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_DURATION:
		return set_number(row, dst, source, text, err);
	case OPTION_CHOICE:
		return set_choice(row, dst, source, text, err);
	case OPTION_LIST:
		return add_to_list(o, dst, text, err);
	}
	BUG("option %s has type %d", row->name, (int)row->type);
}

int
options_defaults(struct options *o, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < o->n; i++) {
		if (!o->rows[i].initial)
			continue;
		rc = options_set(o, &o->rows[i], o->rows[i].name, o->rows[i].initial, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int
options_from_env(struct options *o, struct err *err)
{
	const char *text;
	size_t i;
	int rc;

	for (i = 0; i < o->n; i++) {
		if (!o->rows[i].env)
			continue;
		text = getenv(o->rows[i].env);
		if (!text || !*text)
			continue;
		rc = options_set(o, &o->rows[i], o->rows[i].env, text, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What getopt_long() needs, made from our rows: the value of a long flag is its row + LONG_BASE. */
#define LONG_BASE 256

struct getopt_tables {
	struct option longs[OPTIONS_ROWS_MAX + 1];
	char letters[2 * OPTIONS_ROWS_MAX + 3];
};

static void
make_tables(const struct options *o, struct getopt_tables *t)
{
	const struct option_spec *row;
	size_t i, l = 0;

	if (o->n > OPTIONS_ROWS_MAX)
		BUG("%zu options", o->n);
	memset(t, 0, sizeof *t);
	t->letters[l++] = '+'; /* stop at the first argument that is no option */
	t->letters[l++] = ':'; /* tell a missing value from an unknown option */
	for (i = 0; i < o->n; i++) {
		row = &o->rows[i];
		t->longs[i].name = row->name;
		t->longs[i].has_arg = row->type == OPTION_FLAG ? no_argument : required_argument;
		t->longs[i].val = LONG_BASE + (int)i;
		if (!row->letter)
			continue;
		t->letters[l++] = row->letter;
		if (row->type != OPTION_FLAG)
			t->letters[l++] = ':';
	}
}

static const struct option_spec *
row_of(const struct options *o, int value)
{
	size_t i;

	if (value >= LONG_BASE)
		return &o->rows[value - LONG_BASE];
	for (i = 0; i < o->n; i++)
		if (o->rows[i].letter && o->rows[i].letter == value)
			return &o->rows[i];
	return NULL;
}

static int
refused(const struct options *o, int why, const char *word, struct err *err)
{
	const struct option_spec *row = optopt ? row_of(o, optopt) : NULL;

	if (why == ':' && row)
		return err_set(err, ERR_INVALID_ARGUMENT, "%.100s needs a value: %s", word,
			       row->arg ? row->arg : "VALUE");
	if (row)
		return err_set(err, ERR_INVALID_ARGUMENT, "--%s takes no value", row->name);
	if (optopt)
		return err_set(err, ERR_INVALID_ARGUMENT, "unknown option -%c", optopt);
	return err_set(err, ERR_INVALID_ARGUMENT, "unknown or ambiguous option %.100s", word);
}

int
options_from_args(struct options *o, int argc, char **argv, int *ret_next, struct err *err)
{
	const struct option_spec *row;
	struct getopt_tables t;
	char source[80];
	int c, rc;

	make_tables(o, &t);
	optind = 0; /* start over, with glibc's own state cleared */
	opterr = 0;
	while ((c = getopt_long(argc, argv, t.letters, t.longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return refused(o, c, argv[optind - 1], err);
		row = row_of(o, c);
		if (!row)
			BUG("getopt_long returned %d", c);
		(void)snprintf(source, sizeof source, "--%s", row->name);
		rc = options_set(o, row, source, row->type == OPTION_FLAG ? "yes" : optarg, err);
		if (rc < 0)
			return rc;
	}
	*ret_next = optind;
	return 0;
}

/* "default 3; NAME", or "" */
static void
format_default(const struct option_spec *row, char out[NOTE_MAX])
{
	bool told = row->initial && row->type != OPTION_FLAG && row->type != OPTION_LIST;

	(void)snprintf(out, NOTE_MAX, "%s%s%s%s%s%s", told || row->env ? " (" : "",
		       told ? "default " : "", told ? row->initial : "",
		       told && row->env ? "; " : "", row->env ? row->env : "",
		       told || row->env ? ")" : "");
}

/* Words from `*column` on, each behind a blank; a line that is full goes on below HELP_COLUMN. */
static void
print_words(FILE *out, const char *text, int *column)
{
	int n;

	for (text += strspn(text, " "); *text; text += n, text += strspn(text, " ")) {
		n = (int)strcspn(text, " ");
		if (*column + 1 + n > HELP_WIDTH)
			*column = fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
		*column += fprintf(out, " %.*s", n, text);
	}
}

static void
print_row(FILE *out, const struct option_spec *row)
{
	const char *arg = row->type == OPTION_FLAG ? "" : row->arg ? row->arg : "VALUE";
	char note[NOTE_MAX];
	int column;

	column = fprintf(out, "  %c%c%c --%s%s%s", row->letter ? '-' : ' ',
			 row->letter ? row->letter : ' ', row->letter ? ',' : ' ', row->name,
			 *arg ? " " : "", arg);
	if (column > HELP_COLUMN)
		column = fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
	else
		column += fprintf(out, "%*s", HELP_COLUMN - column, "");
	print_words(out, row->help, &column);
	format_default(row, note);
	print_words(out, note, &column);
	(void)fputc('\n', out);
}

void
options_print_help(FILE *out, const struct option_spec *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		print_row(out, &rows[i]);
}
