/* SPDX-License-Identifier: MIT */
/*
 * follow - a job's output from an offset on, piece by piece, up to the job's end.
 *
 * One long poll at a time. The owner asks for the next piece when it has room for it, which may be
 * before it has written the last one: that is the read-ahead. An engine that goes away and comes
 * back is the client's affair; the offset makes sure that nothing is lost or read twice.
 */
#ifndef JOBWIRE_CLI_FOLLOW_H
#define JOBWIRE_CLI_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "client/client.h"

struct follow {
	/* Set by the owner before the first follow_ask(). */
	struct client *client;
	const char *job_id;
	Jobwire__V1__Stream stream;
	uint64_t offset;  /* of the next piece */
	bool wait;        /* for the job's end; else up to what there is now */
	bool consume;     /* what was read need not be kept */
	bool with_chunks; /* with stream and time of each part */
	/* A piece is here: `gap_bytes` of it are gone, then comes `data`. */
	void (*take)(struct follow *f, const Jobwire__V1__ReadOutputResponse *piece);

	/* For the owner to read. */
	bool is_asked; /* a piece is on its way */
	bool is_over;  /* there is no other one: `err.code` says whether all was well */
	Jobwire__V1__State state;
	struct err err;

	struct client_request request;
};

/* Ask for the next piece; nothing happens if one is on its way, or there is none. */
void follow_ask(struct follow *f);
void follow_cancel(struct follow *f);

/* "123 bytes of the output are no longer stored (offsets 0 to 122)" */
#define FOLLOW_GAP_MAX 120
char *follow_gap(const Jobwire__V1__ReadOutputResponse *piece, char out[FOLLOW_GAP_MAX]);

#endif
