/* SPDX-License-Identifier: MIT */
/*
 * feed - bytes for a job's stdin: each in its place, and once.
 *
 * One SendInput at a time, at the offset that the job's input has reached. When an answer is lost
 * with the engine, the same bytes go out again at the same offset, and the holder knows them. When
 * somebody else has sent input meanwhile, ours goes behind it.
 */
#ifndef JOBWIRE_CLI_FEED_H
#define JOBWIRE_CLI_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/macros.h"
#include "client/client.h"

struct feed {
	struct client *client;
	const char *job_id;
	uint64_t offset; /* where `bytes` go */
	struct buf bytes;
	bool wants_eof; /* behind `bytes` */
	bool is_closed; /* the job takes no more: `err.code` is 0 if that was our wish */
	struct err err;

	bool is_asked;
	bool is_lost; /* the offset is not known */
	size_t asked; /* bytes on their way */
	bool asked_eof;
	unsigned failures; /* in a row */
	struct client_request request;
};

/* The job's input has reached `offset`. `job_id` is borrowed as long as the feed is used. */
void feed_begin(struct feed *f, struct client *client, const char *job_id, uint64_t offset);
void feed_end(struct feed *f);

/* Nothing is left to do: all is sent, or nothing more is taken. */
bool feed_is_idle(const struct feed *f);
/* 0 or -ENOMEM. What a closed feed is given is thrown away. */
int feed_add(struct feed *f, const void *bytes, size_t len) MUST_CHECK;
/* Send what is there, unless something is on its way. */
void feed_go(struct feed *f);

#endif
