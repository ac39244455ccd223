/* SPDX-License-Identifier: MIT */
#include "cli/human.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

#define SAFE_IN_SHELL "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,~^"

char *
human_duration(int64_t ns, char out[HUMAN_TEXT_MAX])
{
	int64_t s = MAX(ns, 0) / NS_PER_S;

	if (s < 10)
		(void)snprintf(out, HUMAN_TEXT_MAX, "%" PRId64 ".%02" PRId64 "s", s,
			       MAX(ns, 0) % NS_PER_S / (10 * NS_PER_MS));
	else if (s < 60)
		(void)snprintf(out, HUMAN_TEXT_MAX, "%" PRId64 "s", s);
	else if (s < 3600)
		(void)snprintf(out, HUMAN_TEXT_MAX, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(out, HUMAN_TEXT_MAX, "%" PRId64 "h%02" PRId64 "m", s / 3600,
			       s % 3600 / 60);
	else
		(void)snprintf(out, HUMAN_TEXT_MAX, "%" PRId64 "d%02" PRId64 "h", s / 86400,
			       s % 86400 / 3600);
	return out;
}

char *
human_size(uint64_t bytes, char out[HUMAN_TEXT_MAX])
{
	static const char units[] = "KMGTPE";
	uint64_t scaled = bytes;
	int u = -1;

	/* In tenths, rounded down, so that "1024K" never stands for a mebibyte. */
	while (scaled >= 1024 && u < 5) {
		u++;
		if (scaled < (uint64_t)1024 * 1024 || u == 5)
			break;
		scaled /= 1024;
	}
	if (u < 0)
		(void)snprintf(out, HUMAN_TEXT_MAX, "%" PRIu64, bytes);
	else if (scaled < 10 * 1024)
		(void)snprintf(out, HUMAN_TEXT_MAX, "%" PRIu64 ".%" PRIu64 "%c", scaled / 1024,
			       scaled % 1024 * 10 / 1024, units[u]);
	else
		(void)snprintf(out, HUMAN_TEXT_MAX, "%" PRIu64 "%c", scaled / 1024, units[u]);
	return out;
}

static int
add_quoted(struct buf *out, const char *arg, size_t len)
{
	const char *quote, *end = arg + len;
	int rc;

	if (len && strspn(arg, SAFE_IN_SHELL) >= len)
		return buf_add(out, arg, len);
	rc = buf_add_str(out, "'");
	while (rc == 0 && (quote = memchr(arg, '\'', (size_t)(end - arg)))) {
		rc = buf_add(out, arg, (size_t)(quote - arg));
		if (rc == 0)
			rc = buf_add_str(out, "'\\''");
		arg = quote + 1;
	}
	if (rc == 0)
		rc = buf_add(out, arg, (size_t)(end - arg));
	return rc < 0 ? rc : buf_add_str(out, "'");
}

static int
add_argv(struct buf *out, const Jobwire__V1__Job *job)
{
	char *copy;
	size_t i;
	int rc = 0;

	for (i = 0; i < job->n_argv && rc == 0; i++) {
		copy = strndup((const char *)job->argv[i].data, job->argv[i].len);
		if (!copy)
			return -ENOMEM;
		if (i)
			rc = buf_add_str(out, " ");
		if (rc == 0)
			rc = add_quoted(out, copy, strlen(copy));
		free(copy);
	}
	return rc;
}

int
human_command(struct buf *out, const Jobwire__V1__Job *job)
{
	size_t start = out->len, i;
	struct buf raw;
	int rc;

	buf_init(&raw, out->max);
	if (job->n_argv)
		rc = add_argv(&raw, job);
	else
		rc = buf_add(&raw, job->command.data, job->command.len);
	if (rc == 0)
		rc = utf8_repair(out, buf_head(&raw), raw.len);
	buf_fini(&raw);
	for (i = start; rc == 0 && i < out->len; i++)
		if (buf_head(out)[i] < 0x20 || buf_head(out)[i] == 0x7f)
			buf_head(out)[i] = ' ';
	return rc;
}

int64_t
human_job_ns(const Jobwire__V1__Job *job, int64_t now_ns)
{
	if (!job->started_ns)
		return 0;
	return MAX((job->ended_ns ? job->ended_ns : now_ns) - job->started_ns, 0);
}
