/* SPDX-License-Identifier: MIT */
/*
 * err - a code for programs and a sentence for people.
 *
 * A function that can fail returns int: 0, or one of the negative ERR_* codes, and takes a
 * `struct err *` as its last parameter. The struct lies on the caller's stack: an error path never
 * allocates. Success leaves it untouched; NULL means that the caller wants the code alone.
 * Make an error where most is known (err_set, err_sys), add context on the way up (err_wrap): the
 * sentence reads like a path, "start: folder /x: No such file or directory".
 *
 * Threads: no shared state. Limits: a sentence is cut, never overrun, at ERR_MSG_MAX - 1 bytes.
 */
#ifndef JOBWIRE_BASE_ERR_H
#define JOBWIRE_BASE_ERR_H

#include "base/macros.h"

#define ERR_MSG_MAX   480
#define ERR_FIELD_MAX 48

/* The negative of the number on the wire, so that 0 is success. */
enum err_code {
	ERR_OK = 0,
#define ERR(name, wire, text, http, exit) ERR_##name = -(wire),
#include "base/err.def"
#undef ERR
};

struct err {
	int code;                  /* ERR_*, 0 while nothing happened */
	int sys;                   /* errno where a system call failed, else 0 */
	char field[ERR_FIELD_MAX]; /* the request's field at fault, else "" */
	char msg[ERR_MSG_MAX];
};

/* Set code and sentence. Returns `code`, so that `return err_set(...)` is one line. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF(3, 4);

/* The same, and name the field of the request that is at fault. */
int err_field(struct err *err, int code, const char *field, const char *fmt, ...) PRINTF(4, 5);

/* Set from a failed system call: "sentence: strerror(errnum)"; the code follows from errnum. */
int err_sys(struct err *err, int errnum, const char *fmt, ...) PRINTF(3, 4);

/* Put "context: " in front of the sentence. Returns `code` unchanged. */
int err_wrap(struct err *err, int code, const char *fmt, ...) PRINTF(3, 4);

/* Its words: "No such file or directory". Thread-safe, never NULL. */
const char *err_errno_text(int errnum);
/* The code that an errno belongs to. */
int err_code_from_errno(int errnum);

/* Lookups in err.def; an unknown code reads as UNKNOWN. `code` is negative or 0. */
const char *err_name(int code);  /* "NOT_FOUND" */
const char *err_text(int code);  /* "not found" */
int err_http_status(int code);   /* 404; 200 for 0 */
int err_exit_status(int code);   /* 1; 0 for 0 */
int err_from_wire(unsigned num); /* ERR_* of a number on the wire; ERR_UNKNOWN if it is none */

/* A broken invariant of our own: say where and abort. Never for a caller's mistake. */
#define BUG(...) err_bug(__FILE__, __LINE__, __VA_ARGS__)
void err_bug(const char *file, int line, const char *fmt, ...) PRINTF(3, 4) NO_RETURN;

#endif
