/* SPDX-License-Identifier: MIT */
/*
 * macros - the few words of C that every file of this house may use.
 */
#ifndef JOBWIRE_BASE_MACROS_H
#define JOBWIRE_BASE_MACROS_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define MUST_CHECK       __attribute__((warn_unused_result))
#define NO_RETURN        __attribute__((noreturn))
#define PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* glibc has it, other C libraries do not. */
#ifndef TEMP_FAILURE_RETRY
#define TEMP_FAILURE_RETRY(call)                           \
	({                                                 \
		__typeof__(call) result_;                  \
		do {                                       \
			result_ = (call);                  \
		} while (result_ == -1 && errno == EINTR); \
		result_;                                   \
	})
#endif

/* The struct of type `type` whose member `member` is at `ptr`. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Scratch of leaf functions: freed or closed when it goes out of scope. */
static inline void
auto_free_(void *p)
{
	free(*(void **)p);
}

static inline void
auto_close_(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define auto_free  __attribute__((cleanup(auto_free_)))
#define auto_close __attribute__((cleanup(auto_close_)))

#endif
