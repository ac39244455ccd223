/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_LINE_MAX 2048

static atomic_int current = LOG_INFO;

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

struct line {
	char text[LOG_LINE_MAX];
	size_t len;
};

void
log_set_level(enum log_level level)
{
	atomic_store(&current, (int)level);
}

enum log_level
log_get_level(void)
{
	return (enum log_level)atomic_load(&current);
}

/* Room is kept for the newline. */
static void
add(struct line *l, const char *s, size_t n)
{
	n = MIN(n, sizeof l->text - 1 - l->len);
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

static bool
is_plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || *s == 0x7f)
			return false;
	return true;
}

static void
add_quoted(struct line *l, const char *s)
{
	char esc[8];

	add(l, "\"", 1);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\') {
			esc[0] = '\\';
			esc[1] = *s;
			add(l, esc, 2);
		} else if ((unsigned char)*s < ' ' || *s == 0x7f) {
			add(l, esc,
			    (size_t)snprintf(esc, sizeof esc, "\\x%02x", (unsigned char)*s));
		} else {
			add(l, s, 1);
		}
	}
	add(l, "\"", 1);
}

void
log_emit(enum log_level level, const char *phrase, const struct log_field *fields, size_t n)
{
	char when[CLOCK_TEXT_MAX], number[24];
	struct line l = { .len = 0 };
	size_t i;

	if ((int)level > atomic_load(&current))
		return;
	(void)clock_format(clock_wall_ns(), 3, when);
	add(&l, when, strlen(when));
	add(&l, " ", 1);
	add(&l, level_names[level], strlen(level_names[level]));
	add(&l, " ", 1);
	add(&l, phrase, strlen(phrase));
	for (i = 0; i < n; i++) {
		if (!fields[i].key)
			continue;
		add(&l, " ", 1);
		add(&l, fields[i].key, strlen(fields[i].key));
		add(&l, "=", 1);
		if (!fields[i].text)
			add(&l, number,
			    (size_t)snprintf(number, sizeof number, "%" PRId64, fields[i].number));
		else if (is_plain(fields[i].text))
			add(&l, fields[i].text, strlen(fields[i].text));
		else
			add_quoted(&l, fields[i].text);
	}
	l.text[l.len++] = '\n';
	if (TEMP_FAILURE_RETRY(write(STDERR_FILENO, l.text, l.len)) < 0)
		return; /* there is nowhere left to say it */
}
