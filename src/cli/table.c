/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>

#include "base/err.h"

struct table {
	struct libscols_table *scols;
	struct libscols_line *last;
};

int
table_new(const struct table_column *columns, size_t n, bool color, bool may_cut,
	  struct table **ret_table, struct err *err)
{
	struct table *t = calloc(1, sizeof *t);
	size_t i;
	int flags;

	if (t)
		t->scols = scols_new_table();
	if (!t || !t->scols) {
		table_free(t);
		return err_sys(err, ENOMEM, "table");
	}
	(void)scols_table_enable_colors(t->scols, color);
	for (i = 0; i < n; i++) {
		flags = (columns[i].is_right ? SCOLS_FL_RIGHT : 0) |
			(columns[i].may_cut && may_cut ? SCOLS_FL_TRUNC : 0);
		if (!scols_table_new_column(t->scols, columns[i].name, 0, flags)) {
			table_free(t);
			return err_sys(err, ENOMEM, "table");
		}
	}
	*ret_table = t;
	return 0;
}

void
table_free(struct table *t)
{
	if (!t)
		return;
	if (t->scols)
		scols_unref_table(t->scols);
	free(t);
}

int
table_row(struct table *t, const char *const *cells, size_t n, struct err *err)
{
	size_t i;

	t->last = scols_table_new_line(t->scols, NULL);
	if (!t->last)
		return err_sys(err, ENOMEM, "table");
	for (i = 0; i < n; i++)
		if (scols_line_set_data(t->last, i, cells[i]) < 0)
			return err_sys(err, ENOMEM, "table");
	return 0;
}

void
table_color(struct table *t, size_t column, const char *color)
{
	struct libscols_cell *cell = scols_line_get_cell(t->last, column);

	if (cell && color)
		(void)scols_cell_set_color(cell, color);
}

int
table_print(struct table *t, struct err *err)
{
	int rc = scols_print_table(t->scols);

	return rc < 0 ? err_sys(err, -rc, "table") : 0;
}
