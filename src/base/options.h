/* SPDX-License-Identifier: MIT */
/*
 * options - one table per program or command: flags, environment, configuration file, ranges, help.
 *
 * A table is an array of `struct option_spec`; each row writes one member of the program's own
 * struct. Later sources win: options_defaults(), then options_from_file(), options_from_env(),
 * options_from_args(). Help, manual pages and the README's tables are made from the same rows.
 * Every refusal names the source, the value and what is allowed.
 *
 * Main thread only (getopt_long underneath). Values of strings are borrowed from argv and the
 * environment, or live in `struct options`' arena.
 */
#ifndef JOBWIRE_BASE_OPTIONS_H
#define JOBWIRE_BASE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/macros.h"

struct err;

enum option_type {
	OPTION_FLAG,     /* bool; no argument on the command line, yes/no elsewhere */
	OPTION_STRING,   /* const char *, NULL where it was not given */
	OPTION_INT,      /* int64_t in [min, max] */
	OPTION_SIZE,     /* int64_t bytes in [min, max]: 64K, 20MB */
	OPTION_DURATION, /* int64_t milliseconds in [min, max]: 1.5, 500ms, 10m */
	OPTION_CHOICE,   /* int: index into `arg`, split at '|' */
	OPTION_LIST,     /* struct option_list: each time, and each source, adds one */
};

struct option_list {
	const char **values; /* in the arena */
	size_t len;
};

/* The type of the member that a row of OPTION_<type> writes, for tables that make their struct. */
#define SETTING_FLAG     bool
#define SETTING_STRING   const char *
#define SETTING_INT      int64_t
#define SETTING_SIZE     int64_t
#define SETTING_DURATION int64_t
#define SETTING_CHOICE   int
#define SETTING_LIST     struct option_list

struct option_spec {
	const char *name; /* the flag without "--", and the key in the file */
	char letter;      /* short flag, or 0 */
	enum option_type type;
	size_t offset;       /* of the member in the program's struct */
	const char *env;     /* name of the environment variable, or NULL */
	const char *initial; /* default as text, or NULL: zero */
	int64_t min, max;    /* INT, SIZE, DURATION */
	const char *arg;     /* "FILE" in the help; "a|b|c" for a choice */
	const char *help;    /* one sentence, without the default */
};

struct options {
	const struct option_spec *rows;
	size_t n;
	void *values;       /* the program's struct */
	struct arena arena; /* of strings and lists that no argv holds */
};

void options_init(struct options *o, const struct option_spec *rows, size_t n, void *values);
void options_fini(struct options *o);

int options_defaults(struct options *o, struct err *err) MUST_CHECK;
/* Lines "name = value" (inih) of at most 199 bytes; '#' and ';' begin comments. A missing file is
 * no error unless `must_exist`. */
int options_from_file(struct options *o, const char *path, bool must_exist,
		      struct err *err) MUST_CHECK;
int options_from_env(struct options *o, struct err *err) MUST_CHECK;
/* Flags up to the first argument that is none, or "--". `*ret_next` is the index behind. */
int options_from_args(struct options *o, int argc, char **argv, int *ret_next,
		      struct err *err) MUST_CHECK;

/* One value by the row's rule; `source` names where it came from in errors ("--time"). */
int options_set(struct options *o, const struct option_spec *row, const char *source,
		const char *text, struct err *err) MUST_CHECK;

/* The rows as help text of 80 columns: flags, and what they mean, with defaults and environment
 * names. */
void options_print_help(FILE *out, const struct option_spec *rows, size_t n);

#endif
