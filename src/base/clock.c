/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t
now(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t
clock_wall_ns(void)
{
	return now(CLOCK_REALTIME);
}

int64_t
clock_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_ns() / NS_PER_MS;
}

struct timeval
clock_wait(int64_t ms)
{
	struct timespec tick = { 0, 0 };
	struct timeval tv = { 0, 0 };
	int64_t us = ms * 1000;

	if (ms <= 0)
		return tv;
	(void)clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	us += tick.tv_nsec / 1000 + 1;
	tv.tv_sec = us / 1000000;
	tv.tv_usec = us % 1000000;
	return tv;
}

char *
clock_format(int64_t wall_ns, int digits, char out[CLOCK_TEXT_MAX])
{
	int64_t ns = wall_ns % NS_PER_S;
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;
	size_t n;

	if (ns < 0) {
		ns += NS_PER_S;
		s--;
	}
	if (!gmtime_r(&s, &tm)) {
		(void)snprintf(out, CLOCK_TEXT_MAX, "%lld", (long long)s);
		return out;
	}
	n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	if (digits == 6)
		n += (size_t)snprintf(out + n, CLOCK_TEXT_MAX - n, ".%06d", (int)(ns / 1000));
	else if (digits == 3)
		n += (size_t)snprintf(out + n, CLOCK_TEXT_MAX - n, ".%03d", (int)(ns / NS_PER_MS));
	(void)snprintf(out + n, CLOCK_TEXT_MAX - n, "Z");
	return out;
}
