/* SPDX-License-Identifier: MIT */
/*
 * log - one line per event on stderr: time, level, a fixed verb phrase, key=value.
 *
 *	2026-01-31T12:00:00.123Z info job started job=6f1c pid=42
 *
 * Strings are quoted and escaped where they need it. Never a secret, never a command's environment.
 * Code below engine/ and the adapters' mains returns errors and does not log them.
 * Thread-safe: a line is one write(2).
 */
#ifndef JOBWIRE_BASE_LOG_H
#define JOBWIRE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"

enum log_level {
	LOG_ERROR, /* a person must act */
	LOG_WARN,  /* we coped */
	LOG_INFO,  /* state changes */
	LOG_DEBUG, /* anything */
};

struct log_field {
	const char *key;  /* NULL: skipped */
	const char *text; /* NULL: the number */
	int64_t number;
};

static inline struct log_field
log_str(const char *key, const char *text)
{
	return (struct log_field){ key, text ? text : "", 0 };
}

/* Left out where there is nothing to say. */
static inline struct log_field
log_if(const char *key, const char *text)
{
	return (struct log_field){ text && *text ? key : NULL, text, 0 };
}

static inline struct log_field
log_num(const char *key, int64_t number)
{
	return (struct log_field){ key, NULL, number };
}

/* Least important level that is written; LOG_INFO at the start. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

void log_emit(enum log_level level, const char *phrase, const struct log_field *fields, size_t n);

#define LOG_FIELDS(...) ((const struct log_field[]){ { NULL, NULL, 0 }, ##__VA_ARGS__ })
#define log_at(level, phrase, ...) \
	log_emit((level), (phrase), LOG_FIELDS(__VA_ARGS__), ARRAY_SIZE(LOG_FIELDS(__VA_ARGS__)))
#define log_error(phrase, ...) log_at(LOG_ERROR, phrase, ##__VA_ARGS__)
#define log_warn(phrase, ...)  log_at(LOG_WARN, phrase, ##__VA_ARGS__)
#define log_info(phrase, ...)  log_at(LOG_INFO, phrase, ##__VA_ARGS__)
#define log_debug(phrase, ...) log_at(LOG_DEBUG, phrase, ##__VA_ARGS__)

#endif
