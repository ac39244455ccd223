/* SPDX-License-Identifier: MIT */
#include "tools/reading.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "mcp/args.h"
#include "tools/facts.h"
#include "tools/property.h"
#include "wire/envelope.h"
#include "wire/message.h"

/* Colours and progress bars make output many times longer than what is shown of it: that is why
 * more is fetched than a budget's worth. */
#define BLOCK_BYTES ((size_t)WIRE_READ_MAX)
#define HEAD_BYTES  ((size_t)64 * 1024)

static const char *const names[] = {
	[JOBWIRE__V1__STREAM__STREAM_STDOUT] = "stdout",
	[JOBWIRE__V1__STREAM__STREAM_STDERR] = "stderr",
	[JOBWIRE__V1__STREAM__STREAM_COMBINED] = "output",
};

const struct property reading_arguments[] = {
	READING_MAX_CHARS("Default 10000, at most 40000"),
	READING_RAW,
	{ .name = NULL },
};

const struct property reading_stream_argument[] = {
	READING_STREAM("Default both"),
	{ .name = NULL },
};

/* Of gaps: stream, offset, bytes. Their names say it, and four tools would list them. */
static const struct property omitted[] = { { .name = NULL } };

const struct property reading_result[] = {
	{ .name = "stdout", .type = "string" },
	{ .name = "stderr", .type = "string" },
	{ .name = "next_offsets", .type = "object" },
	{ .name = "truncated", .type = "boolean", .is_required = true },
	{ .name = "omitted", .type = "array", .items = omitted },
	{ .name = "lost_bytes", .type = "integer" },
	{ .name = NULL },
};

const struct property reading_stream_result[] = {
	{ .name = "output", .type = "string" },
	{ .name = "next_offset", .type = "integer" },
	{ .name = NULL },
};

Jobwire__V1__Stream
reading_stream_arg(const cJSON *args, Jobwire__V1__Stream fallback)
{
	const char *word = arg_str(args, "stream", NULL);

	if (!word)
		return fallback;
	if (strcmp(word, "stdout") == 0)
		return JOBWIRE__V1__STREAM__STREAM_STDOUT;
	return strcmp(word, "stderr") == 0 ? JOBWIRE__V1__STREAM__STREAM_STDERR
					   : JOBWIRE__V1__STREAM__STREAM_COMBINED;
}

void
reading_options(struct reading *r, const cJSON *args)
{
	int64_t chars = arg_int(args, "max_chars", SHOW_CHARS_DEFAULT);

	r->budget = (size_t)MAX(MIN(chars, SHOW_CHARS_MAX), SHOW_CHARS_MIN);
	r->raw = arg_bool(args, "raw", false);
	r->only = reading_stream_arg(args, JOBWIRE__V1__STREAM__STREAM_UNSPECIFIED);
}

/* ---- what is to be read ---- */

static void
add_stream(struct reading *r, Jobwire__V1__Stream stream)
{
	struct reading_stream *s = &r->streams[r->n++];

	memset(s, 0, sizeof *s);
	s->stream = stream;
	s->show.name = names[stream];
}

static void
choose_streams(struct reading *r)
{
	r->n = 0;
	if (r->only) {
		add_stream(r, r->only);
	} else {
		add_stream(r, JOBWIRE__V1__STREAM__STREAM_STDOUT);
		add_stream(r, JOBWIRE__V1__STREAM__STREAM_STDERR);
	}
}

/* Sums over those of the two streams that belong to `stream`. */
#define SUM_OF(job, stream, member)                                            \
	(((stream) != JOBWIRE__V1__STREAM__STREAM_STDERR && (job)->stdout_info \
		  ? (job)->stdout_info->member                                 \
		  : 0) +                                                       \
	 ((stream) != JOBWIRE__V1__STREAM__STREAM_STDOUT && (job)->stderr_info \
		  ? (job)->stderr_info->member                                 \
		  : 0))

uint64_t
reading_stored(const Jobwire__V1__Job *job, Jobwire__V1__Stream stream)
{
	return SUM_OF(job, stream, stored);
}

static void
plan_stream(struct reading *r, struct reading_stream *s, const Jobwire__V1__Job *job, uint64_t from)
{
	uint64_t start = SUM_OF(job, s->stream, start), len;

	s->total = SUM_OF(job, s->stream, end);
	s->stored = s->show.end = SUM_OF(job, s->stream, stored);
	s->show.from = MIN(MAX(from, start), s->show.end);
	s->show.lost = s->show.from - MIN(from, s->show.from);
	s->show.is_open = !r->is_final;
	len = s->show.end - s->show.from;
	if (len <= BLOCK_BYTES)
		return;
	if (r->mode == SHOW_PAGE) {
		s->show.end = s->show.from + BLOCK_BYTES;
		s->show.is_open = true;
	} else {
		s->tail_want = BLOCK_BYTES;
	}
}

void
reading_plan(struct reading *r, const Jobwire__V1__Job *job, const uint64_t from[2])
{
	size_t i;

	r->is_final = facts_is_final(job);
	choose_streams(r);
	for (i = 0; i < r->n; i++)
		plan_stream(r, &r->streams[i], job, from[i]);
}

/* ---- reading ---- */

static void next_block(struct reading *r);

/* The op is the reading's, the reading is the op's: whoever runs it keeps it there. */
static struct reading *
of(struct op *op)
{
	return op->reading;
}

static void
take_block(struct reading *r)
{
	struct show_stream *show = &r->streams[r->at].show;

	if (r->is_tail) {
		show->tail = r->bytes;
		show->tail_len = r->got;
		show->end = r->offset + r->got;
		return;
	}
	show->head = r->bytes;
	show->head_len = r->got;
	show->from = r->offset;
	if (!r->streams[r->at].tail_want)
		show->end = r->offset + r->got;
}

static void
end_block(struct reading *r)
{
	take_block(r);
	r->is_tail = !r->is_tail && r->streams[r->at].tail_want;
	if (!r->is_tail)
		r->at++;
	next_block(r);
}

static void ask_for_more(struct reading *r);

static void
on_bytes(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__ReadOutputResponse *res = (const void *)reply;
	struct reading *r = of(op);
	uint64_t at = r->offset + r->got;
	size_t n, gap;

	if (res->offset > at) { /* dropped meanwhile: what was read before the gap counts as lost */
		gap = (size_t)MIN(res->offset - at, (uint64_t)(r->want - r->got));
		if (!r->is_tail)
			r->streams[r->at].show.lost += res->offset - r->offset;
		r->want -= r->got + gap;
		r->got = 0;
		r->offset = res->offset;
	}
	n = MIN(res->data.len, r->want - r->got);
	if (n)
		memcpy(r->bytes + r->got, res->data.data, n);
	r->got += n;
	if (n == 0 || r->got == r->want)
		end_block(r);
	else
		ask_for_more(r);
}

static void
ask_for_more(struct reading *r)
{
	Jobwire__V1__ReadOutputRequest req = JOBWIRE__V1__READ_OUTPUT_REQUEST__INIT;

	req.job_id = r->id;
	req.stream = r->streams[r->at].stream;
	req.offset = r->offset + r->got;
	req.max_bytes = (uint32_t)(r->want - r->got);
	op_call(r->op, METHOD_Jobs_ReadOutput, &req.base, 0, on_bytes);
}

static void
on_tail(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__TailResponse *res = (const void *)reply;
	struct reading *r = of(op);
	struct reading_stream *s = &r->streams[r->at++];

	s->show.head = (const void *)arena_copy(&op->arena, res->data.data, res->data.len);
	s->show.head_len = s->show.head ? res->data.len : 0;
	if (res->offset > s->show.from) /* the lines are all there */
		s->show.lost = 0;
	s->show.from = res->offset;
	s->show.end = res->offset + s->show.head_len;
	s->show.is_open = !r->is_final;
	s->is_cut = res->truncated;
	next_block(r);
}

static void
ask_for_lines(struct reading *r)
{
	Jobwire__V1__TailRequest req = JOBWIRE__V1__TAIL_REQUEST__INIT;

	req.job_id = r->id;
	req.stream = r->streams[r->at].stream;
	req.lines = r->lines;
	op_call(r->op, METHOD_Jobs_Tail, &req.base, 0, on_tail);
}

static void
ask_for_block(struct reading *r)
{
	struct reading_stream *s = &r->streams[r->at];
	uint64_t len = s->show.end - s->show.from;

	if (r->is_tail)
		r->want = s->tail_want;
	else
		r->want = s->tail_want ? HEAD_BYTES : (size_t)len;
	r->offset = r->is_tail ? s->show.end - r->want : s->show.from;
	r->got = 0;
	r->bytes = arena_alloc(&r->op->arena, MAX(r->want, 1u));
	if (!r->bytes)
		op_fail(r->op, "%s: out of memory", r->op->what);
	else if (r->want == 0)
		end_block(r);
	else
		ask_for_more(r);
}

static void
next_block(struct reading *r)
{
	if (r->at == r->n)
		r->done(r->op);
	else if (r->mode == SHOW_TAIL)
		ask_for_lines(r);
	else
		ask_for_block(r);
}

void
reading_run(struct reading *r, struct op *op, const char *id, void (*done)(struct op *op))
{
	r->op = op;
	op->reading = r;
	(void)snprintf(r->id, sizeof r->id, "%s", id);
	r->done = done;
	r->at = 0;
	r->is_tail = false;
	next_block(r);
}

/* ---- what was read, in the answer ---- */

static void
put_offsets(struct reading *r, struct json *j)
{
	size_t i;

	if (r->n == 1) {
		json_uint(j, "next_offset", r->streams[0].show.next);
		return;
	}
	json_object_begin(j, "next_offsets");
	for (i = 0; i < r->n; i++)
		json_uint(j, r->streams[i].show.name, r->streams[i].show.next);
	json_object_end(j);
}

static void
put_one_omitted(const struct reading_stream *s, struct json *j)
{
	json_object_begin(j, NULL);
	json_str(j, "stream",
		 s->stream == JOBWIRE__V1__STREAM__STREAM_COMBINED ? "combined" : s->show.name);
	json_uint(j, "offset", s->show.omitted_at);
	json_uint(j, "bytes", s->show.omitted);
	json_object_end(j);
}

/* Where lines were asked for and not even fetched, nobody knows where the gap begins. */
static bool
has_known_gap(const struct reading_stream *s)
{
	return s->show.omitted && !s->is_cut;
}

static void
put_omitted(struct reading *r, struct json *j)
{
	bool is_truncated = false, has_gap = false;
	const struct reading_stream *s;
	uint64_t lost = 0;

	for (s = r->streams; s < r->streams + r->n; s++) {
		has_gap = has_gap || has_known_gap(s);
		is_truncated = is_truncated || s->show.omitted || s->is_cut;
		lost += s->show.lost;
	}
	json_bool(j, "truncated", is_truncated || lost);
	if (has_gap)
		json_array_begin(j, "omitted");
	for (s = r->streams; s < r->streams + r->n; s++)
		if (has_known_gap(s))
			put_one_omitted(s, j);
	if (has_gap)
		json_array_end(j);
	if (lost)
		json_uint(j, "lost_bytes", lost);
}

/* The text of one stream, and how much there is of it. */
static void
put_stream(struct reading_stream *s, struct json *j)
{
	char key[32];

	json_bytes(j, s->show.name, buf_head(&s->show.text), s->show.text.len);
	(void)snprintf(key, sizeof key, "%s_bytes", s->show.name);
	json_uint(j, key, s->total);
	buf_fini(&s->show.text);
}

int
reading_show(struct reading *r)
{
	struct show_stream shown[2];
	uint64_t planned[2] = { 0, 0 };
	size_t i;
	int rc;

	for (i = 0; i < r->n; i++) {
		shown[i] = r->streams[i].show;
		planned[i] = shown[i].end;
	}
	rc = show(shown, r->n, r->mode, r->raw, r->budget);
	for (i = 0; i < r->n; i++) {
		r->streams[i].show = shown[i];
		/* A page of a longer stream: what is behind the page is left out too. */
		if (r->mode == SHOW_PAGE && planned[i] < r->streams[i].stored)
			r->streams[i].show.omitted = r->streams[i].stored - shown[i].next;
	}
	return rc;
}

int
reading_put(struct reading *r, struct json *j)
{
	int rc = reading_show(r);
	size_t i;

	for (i = 0; i < r->n; i++)
		put_stream(&r->streams[i], j);
	put_offsets(r, j);
	put_omitted(r, j);
	return rc;
}
