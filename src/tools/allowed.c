/* SPDX-License-Identifier: MIT */
#include "tools/allowed.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "text/pattern.h"

#define LIST_MAX     ((size_t)1024 * 1024)
#define BLANKS       " \t\r\n"
#define WHOLE_TEXT   "(?-m)" /* ^ and $ are not those of lines */
#define PATTERN_ROOM (PATTERN_TEXT_MAX - sizeof WHOLE_TEXT)

struct allowed {
	struct arena arena;
	const char **patterns; /* those that can be read */
	size_t n;
	bool is_list; /* there is a list, though perhaps nothing in it can be read */
};

/* A pattern is one stream: made anew for each command. */
static int
compile(const char *text, struct pattern **ret_pattern, struct err *err)
{
	char whole[PATTERN_TEXT_MAX + 1];
	int n = snprintf(whole, sizeof whole, WHOLE_TEXT "%s", text);

	if (n < 0 || (size_t)n > PATTERN_ROOM)
		return err_set(err, ERR_INVALID_ARGUMENT, "longer than %zu bytes", PATTERN_ROOM);
	return pattern_new(whole, (size_t)n, PATTERN_CASELESS, ret_pattern, err);
}

static int
add(struct allowed *a, const char *p, size_t len, struct buf *warnings)
{
	struct pattern *pattern;
	struct err err = { 0 };
	char *text;

	while (len && strchr(BLANKS, *p))
		p++, len--;
	while (len && strchr(BLANKS, p[len - 1]))
		len--;
	if (!len)
		return 0;
	a->is_list = true;
	text = arena_copy(&a->arena, p, len);
	if (!text)
		return -ENOMEM;
	if (compile(text, &pattern, &err) < 0) {
		(void)!buf_addf(warnings,
				"warning: MCP_BG_ALLOWED_COMMANDS: '%.100s' is no pattern: %s; it "
				"allows nothing\n",
				text, err.msg);
		return 0;
	}
	pattern_free(pattern);
	a->patterns[a->n++] = text;
	return 0;
}

int
allowed_new(const char *list, struct buf *warnings, struct allowed **ret_allowed, struct err *err)
{
	struct allowed *a = calloc(1, sizeof *a);
	const char *end;
	int rc = 0;

	if (!a)
		return err_sys(err, ENOMEM, "allowed commands");
	arena_init(&a->arena, 8 * LIST_MAX);
	if (!list)
		list = "";
	if (strlen(list) > LIST_MAX)
		rc = -E2BIG;
	if (rc == 0)
		a->patterns = arena_alloc(&a->arena, (strlen(list) / 2 + 1) * sizeof *a->patterns);
	if (rc == 0 && !a->patterns)
		rc = -ENOMEM;
	for (; rc == 0; list = end + 1) {
		end = strchrnul(list, ',');
		rc = add(a, list, (size_t)(end - list), warnings);
		if (!*end)
			break;
	}
	if (rc < 0) {
		allowed_free(a);
		return err_sys(err, -rc, "allowed commands");
	}
	*ret_allowed = a;
	return 0;
}

void
allowed_free(struct allowed *a)
{
	if (!a)
		return;
	arena_fini(&a->arena);
	free(a);
}

/* 1: it occurs. */
static int
occurs(const char *text, const char *command, struct err *err)
{
	struct pattern_match match = { .found = false };
	struct pattern *pattern;
	int rc;

	rc = compile(text, &pattern, err);
	if (rc < 0)
		return rc;
	rc = pattern_feed(pattern, command, strlen(command), &match, err);
	if (rc == 0 && !match.found)
		rc = pattern_finish(pattern, &match, err);
	pattern_free(pattern);
	return rc < 0 ? rc : match.found;
}

int
allowed_check(const struct allowed *a, const char *command, struct err *err)
{
	size_t i;
	int rc;

	if (!a->is_list)
		return 0;
	for (i = 0; i < a->n; i++) {
		rc = occurs(a->patterns[i], command, err);
		if (rc != 0)
			return rc < 0 ? rc : 0;
	}
	return err_set(err, ERR_PERMISSION_DENIED, "Command not in allowed patterns: %.200s%s",
		       command, strlen(command) > 200 ? "..." : "");
}
