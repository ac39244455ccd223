/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_row {
	int code;
	const char *name;
	const char *text;
	int http;
	int exit;
};

static const struct err_row rows[] = {
	{ ERR_OK, "OK", "ok", 200, 0 },
#define ERR(name, wire, text, http, exit) { ERR_##name, #name, text, http, exit },
#include "base/err.def"
#undef ERR
};

static const struct err_row *
row_of(int code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return row_of(ERR_UNKNOWN);
}

const char *
err_name(int code)
{
	return row_of(code)->name;
}

const char *
err_text(int code)
{
	return row_of(code)->text;
}

int
err_http_status(int code)
{
	return row_of(code)->http;
}

int
err_exit_status(int code)
{
	return row_of(code)->exit;
}

int
err_from_wire(unsigned num)
{
	return num > 16 ? ERR_UNKNOWN : row_of(-(int)num)->code;
}

const char *
err_errno_text(int errnum)
{
#ifdef __GLIBC__
	const char *text = strerrordesc_np(errnum);

	return text ? text : "unknown errno";
#else
	return (strerror)(errnum); /* musl's has constant texts, for any thread */
#endif
}

static void PRINTF(4, 0) fill(struct err *err, int code, int sys, const char *fmt, va_list ap)
{
	err->code = code;
	err->sys = sys;
	err->field[0] = '\0';
	(void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
}

int
err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		fill(err, code, 0, fmt, ap);
		va_end(ap);
	}
	return code;
}

int
err_field(struct err *err, int code, const char *field, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		fill(err, code, 0, fmt, ap);
		va_end(ap);
		(void)snprintf(err->field, sizeof err->field, "%s", field);
	}
	return code;
}

int
err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	int code = err_code_from_errno(errnum);
	size_t len;
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		fill(err, code, errnum, fmt, ap);
		va_end(ap);
		len = strlen(err->msg);
		(void)snprintf(err->msg + len, sizeof err->msg - len, ": %s",
			       err_errno_text(errnum));
	}
	return code;
}

int
err_wrap(struct err *err, int code, const char *fmt, ...)
{
	char old[ERR_MSG_MAX];
	size_t len;
	va_list ap;

	if (!err)
		return code;
	memcpy(old, err->msg, sizeof old);
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	(void)snprintf(err->msg + len, sizeof err->msg - len, ": %.*s", (int)(sizeof old - 1), old);
	return code;
}

int
err_code_from_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ESRCH:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION_DENIED;
	case EEXIST:
		return ERR_ALREADY_EXISTS;
	case ENOMEM:
	case ENOSPC:
	case EDQUOT:
	case EMFILE:
	case ENFILE:
	case EAGAIN:
		return ERR_RESOURCE_EXHAUSTED;
	case ENOTDIR:
	case EISDIR:
	case EINVAL:
	case ENAMETOOLONG:
	case E2BIG:
	case ELOOP:
		return ERR_INVALID_ARGUMENT;
	case ECONNREFUSED:
	case ECONNRESET:
	case EPIPE:
		return ERR_UNAVAILABLE;
	case ETIMEDOUT:
		return ERR_DEADLINE_EXCEEDED;
	default:
		return ERR_INTERNAL;
	}
}

void
err_bug(const char *file, int line, const char *fmt, ...)
{
	char msg[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	(void)dprintf(STDERR_FILENO, "BUG at %s:%d: %s\n", file, line, msg);
	abort();
}
