/* SPDX-License-Identifier: MIT */
/*
 * reading - a job's output fetched for an answer: which bytes, in how many calls, and what became
 * of them as members of the answer.
 *
 * Way of the data: offsets of the job's streams -> ReadOutput or Tail -> show -> JSON. What cannot
 * be shown is not fetched: of a long stream only its first HEAD_BYTES and its last BLOCK_BYTES.
 * A step of an op (op.h): reading_run() comes last.
 */
#ifndef JOBWIRE_TOOLS_READING_H
#define JOBWIRE_TOOLS_READING_H

#include <cjson/cJSON.h>

#include "base/id.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "tools/op.h"
#include "tools/property.h"
#include "tools/show.h"

struct reading_stream {
	Jobwire__V1__Stream stream;
	struct show_stream show; /* the range, and what is shown of it */
	uint64_t total;          /* bytes that the job has written to it */
	uint64_t stored;         /* how far it can be read */
	size_t tail_want;        /* bytes of a second block, before the end; 0: none */
	bool is_cut;             /* fewer lines than were asked for, because they are long */
};

struct reading {
	struct op *op;
	char id[ID_SIZE];
	enum show_mode mode;
	bool raw;
	size_t budget;            /* characters */
	uint32_t lines;           /* SHOW_TAIL: of each stream */
	bool is_final;            /* the job has ended: nothing follows */
	Jobwire__V1__Stream only; /* one stream, or UNSPECIFIED: stdout and stderr */
	struct reading_stream streams[2];
	size_t n;
	void (*done)(struct op *op);

	size_t at;            /* of `streams`, the one that is being read, */
	bool is_tail;         /* and which block of it */
	uint64_t offset;      /* of the block's first byte */
	unsigned char *bytes; /* in the op's arena */
	size_t got, want;     /* bytes */
};

/* The arguments that reading_options() reads, as rows, because defaults differ, */
#define READING_MAX_CHARS(text)                                                         \
	{                                                                               \
		.name = "max_chars", .type = "integer", .least = "200", .about = (text) \
	}
#define READING_RAW                                                                  \
	{                                                                            \
		.name = "raw", .type = "boolean", .about = "Keep ANSI codes and \\r" \
	}
#define READING_STREAM(text)                                                           \
	{                                                                              \
		.name = "stream", .type = "string", .words = "stdout|stderr|combined", \
		.about = (text)                                                        \
	}
/* and as tables: for the usual defaults, and where one stream alone can be shown. */
extern const struct property reading_arguments[];
extern const struct property reading_stream_argument[];
/* What reading_put() writes, as far as a program wants it; and with one stream alone. */
extern const struct property reading_result[];
extern const struct property reading_stream_result[];

/* max_chars, raw, stream. */
void reading_options(struct reading *r, const cJSON *args);
Jobwire__V1__Stream reading_stream_arg(const cJSON *args, Jobwire__V1__Stream fallback);

/* What is to be read: all that the job has written, of one stream or of both, from these offsets on
 * (not SHOW_TAIL). Comes before reading_run(). */
void reading_plan(struct reading *r, const Jobwire__V1__Job *job, const uint64_t from[2]);
/* How far the stream reaches, by what the job says. */
uint64_t reading_stored(const Jobwire__V1__Job *job, Jobwire__V1__Stream stream);

/* Fetch what was planned (SHOW_TAIL: the last lines), then call done(). An error ends the op. */
void reading_run(struct reading *r, struct op *op, const char *id, void (*done)(struct op *op));

/* Make the texts of what was read, for answers of another form; show_fini() frees them. */
int reading_show(struct reading *r) MUST_CHECK;
/* What was read, as members: texts, totals, cursors, what was left out. 0 or -ENOMEM. */
int reading_put(struct reading *r, struct json *j) MUST_CHECK;

#endif
