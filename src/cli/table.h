/* SPDX-License-Identifier: MIT */
/*
 * table - columns on stdout, by libsmartcols. Cut to the terminal's width only on a terminal.
 */
#ifndef JOBWIRE_CLI_TABLE_H
#define JOBWIRE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

struct err;
struct table;

struct table_column {
	const char *name;
	bool is_right; /* aligned */
	bool may_cut;  /* where the terminal is too narrow */
};

int table_new(const struct table_column *columns, size_t n, bool color, bool may_cut,
	      struct table **ret_table, struct err *err) MUST_CHECK;
void table_free(struct table *t);

/* A new row; its cells are copied. */
int table_row(struct table *t, const char *const *cells, size_t n, struct err *err) MUST_CHECK;
/* Color of one cell of the last row, as libsmartcols names it ("red"); NULL: none. */
void table_color(struct table *t, size_t column, const char *color);
int table_print(struct table *t, struct err *err) MUST_CHECK;

#endif
