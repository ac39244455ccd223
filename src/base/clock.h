/* SPDX-License-Identifier: MIT */
/*
 * clock - what time it is, in int64 nanoseconds.
 *
 * Wall time is for people and records and may jump; monotonic time is for waits and timeouts.
 * Thread-safe.
 */
#ifndef JOBWIRE_BASE_CLOCK_H
#define JOBWIRE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

int64_t clock_wall_ns(void); /* since 1970-01-01T00:00:00Z */
int64_t clock_mono_ns(void); /* CLOCK_MONOTONIC */
int64_t clock_mono_ms(void);

/* For event_add(): at least that long. libevent counts from the last tick of the coarse clock, so a
 * tick is added; 0 stays 0. */
struct timeval clock_wait(int64_t ms);

/* RFC 3339 UTC with `digits` (0, 3 or 6) of a second: "2026-01-31T12:00:00.123Z". */
#define CLOCK_TEXT_MAX 40
char *clock_format(int64_t wall_ns, int digits, char out[CLOCK_TEXT_MAX]);

#endif
