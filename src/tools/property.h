/* SPDX-License-Identifier: MIT */
/*
 * property - what a tool takes and gives, as rows; JSON Schema is made of them once, at the start.
 *
 * The text holds no blank that means nothing: a model pays for each character of it, again and
 * again. Arguments are all that is allowed; results may have more members than are listed, for the
 * same reason.
 */
#ifndef JOBWIRE_TOOLS_PROPERTY_H
#define JOBWIRE_TOOLS_PROPERTY_H

#include <stdbool.h>

#include "base/macros.h"

struct arena;

/* One row; a row without a name ends the table. */
struct property {
	const char *name;
	const char *type;
	const char *about;
	bool is_required;
	bool is_hidden;               /* an old name: accepted, but not listed */
	const char *least, *most;     /* numbers, as text */
	const char *words;            /* a choice: "stdout|stderr" */
	bool has_strings;             /* an object: its members are strings */
	const struct property *items; /* an array: of objects with these */
};

enum property_use {
	PROPERTY_ARGUMENTS, /* as they are listed */
	PROPERTY_ACCEPTED,  /* as they are checked: the hidden ones too */
	PROPERTY_RESULT,
};

/* The schema of an object with all properties of the tables; the list of tables ends with NULL. The
 * text lives in the arena; NULL: no memory. */
const char *property_schema(const struct property *const *tables, enum property_use use,
			    struct arena *a) MUST_CHECK;

#endif
