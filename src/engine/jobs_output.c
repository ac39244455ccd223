/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/work.h"
#include "engine/call.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "engine/handlers.h"
#include "jobdir/folder.h"
#include "wire/message.h"

#define CHUNKS_MAX 4096

/* What is to be read, and what was. Tail and ReadOutput share it. */
struct query {
	enum outlog_view view;
	bool is_tail;
	uint64_t offset; /* ReadOutput */
	size_t lines;    /* Tail */
	size_t max;
	unsigned char *bytes;
	struct outlog_chunk *chunks; /* NULL: not asked for */

	struct outlog_result result;
	size_t n_lines;
	bool cut;
	int rc; /* 0 or -errno */
};

struct reading {
	struct call *call;
	struct job_watch watch;
	char id[ID_SIZE];
	struct query q;
	uint32_t wait_ms;
	struct cold_read *cold; /* under way on a worker, or NULL */
};

/* A read that has to wait for the disk happens on a worker, in memory of its own: the call may be
 * cancelled meanwhile. */
struct cold_read {
	struct work work;
	struct reading *reading; /* NULL: cancelled */
	struct engine *eng;
	char id[ID_SIZE];
	bool final;
	struct query q;
};

static void
run_query(struct outlog_reader *r, struct query *q, bool nowait)
{
	if (q->is_tail)
		q->rc = outlog_tail(r, q->view, q->lines, q->bytes, q->max, nowait, q->chunks,
				    CHUNKS_MAX, &q->result, &q->n_lines, &q->cut);
	else
		q->rc = outlog_read(r, q->view, q->offset, q->bytes, q->max, nowait, q->chunks,
				    CHUNKS_MAX, &q->result);
}

static int
put_chunks(struct call *call, const struct query *q, Jobwire__V1__Chunk ***ret, size_t *ret_n)
{
	Jobwire__V1__Chunk *c;
	size_t i, n = q->chunks ? q->result.n_chunks : 0;

	if (n == 0)
		return 0;
	c = arena_alloc(&call->arena, n * sizeof *c);
	*ret = arena_alloc(&call->arena, n * sizeof(Jobwire__V1__Chunk *));
	if (!c || !*ret)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		jobwire__v1__chunk__init(&c[i]);
		c[i].stream = convert_stream((enum outlog_view)q->chunks[i].stream);
		c[i].time_ns = q->chunks[i].wall_ns;
		c[i].length = (uint32_t)q->chunks[i].len;
		(*ret)[i] = &c[i];
	}
	*ret_n = n;
	return 0;
}

static int
reply_tail(struct reading *r, const struct query *q, const struct job_view *view, struct err *err)
{
	Jobwire__V1__TailResponse res = JOBWIRE__V1__TAIL_RESPONSE__INIT;

	if (put_chunks(r->call, q, &res.chunks, &res.n_chunks) < 0)
		return err_sys(err, ENOMEM, "tail");
	res.offset = q->result.offset;
	res.next_offset = q->result.offset + q->result.len;
	res.lines = (uint32_t)q->n_lines;
	res.truncated = q->cut;
	res.state = (Jobwire__V1__State)view->row.state;
	res.data = message_bytes(q->bytes, q->result.len);
	call_reply(r->call, &res.base);
	return 0;
}

static int
reply_read(struct reading *r, const struct query *q, const struct job_view *view, struct err *err)
{
	Jobwire__V1__ReadOutputResponse res = JOBWIRE__V1__READ_OUTPUT_RESPONSE__INIT;
	struct reach reach = convert_reach(view, q->view);

	if (put_chunks(r->call, q, &res.chunks, &res.n_chunks) < 0)
		return err_sys(err, ENOMEM, "read output");
	res.offset = q->result.offset;
	/* What was there has all been dropped. */
	if (q->result.len == 0 && reach.start == reach.stored)
		res.offset = MAX(res.offset, reach.start);
	/* Behind the last stored byte comes what was never stored, if the log is done. */
	if (q->result.len == 0 && q->result.offset >= reach.stored && reach.end > reach.stored &&
	    reach.ended)
		res.offset = MAX(res.offset, reach.end);
	res.gap_bytes = res.offset - q->offset;
	res.next_offset = res.offset + q->result.len;
	res.end_offset = reach.end;
	res.state = (Jobwire__V1__State)view->row.state;
	res.ended = reach.ended;
	res.drained_offset = reach.drained;
	res.eof = reach.closed && res.next_offset >= reach.end;
	res.data = message_bytes(q->bytes, q->result.len);
	call_reply(r->call, &res.base);
	return 0;
}

/* The bytes are there, or an error. */
static int
finish(struct reading *r, const struct query *q, struct err *err)
{
	struct job_view view;
	int rc;

	if (q->rc < 0)
		return err_sys(err, -q->rc, "read the output of job %.8s", r->id);
	rc = jobs_view(r->call->eng->jobs, &r->call->arena, r->id, &view, err);
	if (rc < 0)
		return rc;
	return q->is_tail ? reply_tail(r, q, &view, err) : reply_read(r, q, &view, err);
}

/* ---- on a worker ---- */

static void
cold_run(struct work *w)
{
	struct cold_read *c = container_of(w, struct cold_read, work);
	struct outlog_reader *reader;
	int dirfd;

	c->q.rc = folder_open(c->eng->endpoint.dirfd, c->id, &dirfd);
	if (c->q.rc < 0)
		return;
	c->q.rc = outlog_reader_new(dirfd, &reader, NULL) < 0 ? -ENOMEM : 0;
	(void)close(dirfd);
	if (c->q.rc < 0)
		return;
	if (c->final)
		outlog_reader_final(reader);
	run_query(reader, &c->q, false);
	outlog_reader_free(reader);
}

static void
cold_free(struct cold_read *c)
{
	free(c->q.bytes);
	free(c->q.chunks);
	free(c);
}

static void
cold_dropped(struct work *w)
{
	cold_free(container_of(w, struct cold_read, work));
}

static void
cold_done(struct work *w)
{
	struct cold_read *c = container_of(w, struct cold_read, work);
	struct reading *r = c->reading;
	struct err err = { 0 };

	if (r) {
		r->cold = NULL;
		if (finish(r, &c->q, &err) < 0)
			call_fail(r->call, &err);
	}
	cold_free(c);
}

static void
reading_cancelled(struct call *call)
{
	struct reading *r = call->state;

	job_watch_remove(&r->watch);
	if (r->cold)
		r->cold->reading = NULL;
}

static void
cold_expired(struct call *call)
{
	struct err err = { 0 };

	reading_cancelled(call);
	(void)err_set(&err, ERR_DEADLINE_EXCEEDED, "the disk took too long to give the output");
	call_fail(call, &err);
}

static int
read_cold(struct reading *r, const struct job_view *view, struct err *err)
{
	struct cold_read *c = calloc(1, sizeof *c);
	int rc = 0;

	if (!c)
		return err_sys(err, ENOMEM, "read output");
	c->work.run = cold_run;
	c->work.done = cold_done;
	c->work.drop = cold_dropped;
	c->eng = r->call->eng;
	c->final = view->live == NULL;
	(void)snprintf(c->id, sizeof c->id, "%s", r->id);
	c->q = r->q;
	c->q.bytes = malloc(r->q.max ? r->q.max : 1);
	c->q.chunks = r->q.chunks ? malloc(CHUNKS_MAX * sizeof *c->q.chunks) : NULL;
	if (!c->q.bytes || (r->q.chunks && !c->q.chunks))
		rc = err_sys(err, ENOMEM, "read output");
	if (rc == 0 && !r->call->parked)
		rc = call_park(r->call, WIRE_WAIT_MAX_MS, cold_expired, reading_cancelled, err);
	if (rc < 0) {
		cold_free(c);
		return rc;
	}
	r->call->state = r;
	r->call->expired = cold_expired;
	r->cold = c;
	c->reading = r;
	work_submit(c->eng->work, &c->work);
	return 0;
}

/* ---- on the loop ---- */

/* Memory for what there is to read, and no more. */
static int
make_room(struct reading *r, uint64_t available, struct err *err)
{
	struct query *q = &r->q;

	q->max = (size_t)MIN((uint64_t)q->max, available);
	q->bytes = arena_alloc(&r->call->arena, q->max ? q->max : 1);
	return q->bytes ? 0 : err_sys(err, ENOMEM, "read output");
}

static int
read_now(struct reading *r, const struct job_view *view, uint64_t available, struct err *err)
{
	struct outlog_reader *reader;
	int rc;

	rc = make_room(r, available, err);
	if (rc == 0)
		rc = job_reader(r->call->eng->jobs, view, &reader, err);
	if (rc < 0)
		return rc;
	run_query(reader, &r->q, true);
	if (r->q.rc == -EAGAIN)
		return read_cold(r, view, err);
	return finish(r, &r->q, err);
}

static int
reply_nothing(struct reading *r, const struct job_view *view, struct err *err)
{
	r->q.result = (struct outlog_result){ .offset = r->q.offset };
	return reply_read(r, &r->q, view, err);
}

/* 1: nothing to say yet. */
static int
try_read(struct reading *r, struct err *err)
{
	const Jobwire__V1__ReadOutputRequest *req = r->call->req;
	struct job_view view;
	struct reach reach;
	int rc;

	rc = jobs_view(r->call->eng->jobs, &r->call->arena, r->id, &view, err);
	if (rc < 0)
		return rc;
	reach = convert_reach(&view, r->q.view);
	if (r->q.offset > reach.end)
		return err_field(err, ERR_OUT_OF_RANGE, "offset",
				 "offset %" PRIu64 " is beyond the end of the stream, %" PRIu64,
				 r->q.offset, reach.end);
	if (r->q.offset < reach.stored)
		return read_now(r, &view, reach.stored - MAX(r->q.offset, reach.start), err);
	if (reach.closed || (reach.ended && !req->past_end))
		return reply_nothing(r, &view, err);
	return 1;
}

static void
read_expired(struct call *call)
{
	struct reading *r = call->state;
	struct job_view view;
	struct err err = { 0 };

	job_watch_remove(&r->watch);
	if (jobs_view(call->eng->jobs, &call->arena, r->id, &view, &err) < 0 ||
	    reply_nothing(r, &view, &err) < 0)
		call_fail(call, &err);
}

static void
on_change(struct job_watch *w)
{
	struct reading *r = container_of(w, struct reading, watch);
	struct job *job = jobs_live(r->call->eng->jobs, r->id);
	struct err err = { 0 };
	int rc;

	job_watch_remove(w);
	rc = try_read(r, &err);
	if (rc < 0) {
		call_fail(r->call, &err);
	} else if (rc > 0 && job) {
		job_watch_add(job, w);
		job_want_output(job);
	}
}

static int
wait_for_more(struct reading *r, struct err *err)
{
	struct job *job = jobs_live(r->call->eng->jobs, r->id);
	int rc;

	if (!job)
		BUG("job %s is open and not live", r->id);
	rc = call_poll(r->call, r->wait_ms, read_expired, reading_cancelled, err);
	if (rc < 0)
		return rc;
	r->call->state = r;
	r->watch.changed = on_change;
	job_watch_add(job, &r->watch);
	job_want_output(job);
	return 0;
}

static int
reading_new(struct call *call, const char *job_id, Jobwire__V1__Stream stream, uint32_t max_bytes,
	    bool with_chunks, struct reading **ret, struct job_view *ret_view, struct err *err)
{
	struct reading *r = arena_zalloc(&call->arena, sizeof *r);
	int rc;

	if (!r)
		return err_sys(err, ENOMEM, "read output");
	rc = convert_view(stream, &r->q.view, err);
	if (rc == 0)
		rc = jobs_view(call->eng->jobs, &call->arena, job_id, ret_view, err);
	if (rc < 0)
		return rc;
	r->call = call;
	(void)snprintf(r->id, sizeof r->id, "%s", ret_view->row.id);
	r->q.max = max_bytes ? MIN(max_bytes, WIRE_READ_MAX) : WIRE_READ_MAX;
	if (with_chunks) {
		r->q.chunks = arena_alloc(&call->arena, CHUNKS_MAX * sizeof *r->q.chunks);
		if (!r->q.chunks)
			return err_sys(err, ENOMEM, "read output");
	}
	*ret = r;
	return 0;
}

int
handle_jobs_read_output(struct call *call, struct err *err)
{
	const Jobwire__V1__ReadOutputRequest *req = call->req;
	struct job_view view;
	struct reading *r;
	int rc;

	rc = reading_new(call, req->job_id, req->stream, req->max_bytes, req->with_chunks, &r,
			 &view, err);
	if (rc < 0)
		return rc;
	r->q.offset = req->offset;
	r->wait_ms = req->wait_ms;
	if (req->consume && view.live)
		job_consume(view.live, r->q.view, req->offset);
	rc = try_read(r, err);
	if (rc <= 0)
		return rc;
	if (req->wait_ms == 0) {
		rc = jobs_view(call->eng->jobs, &call->arena, r->id, &view, err);
		return rc < 0 ? rc : reply_nothing(r, &view, err);
	}
	return wait_for_more(r, err);
}

int
handle_jobs_tail(struct call *call, struct err *err)
{
	const Jobwire__V1__TailRequest *req = call->req;
	struct job_view view;
	struct reading *r;
	int rc;

	rc = reading_new(call, req->job_id, req->stream, req->max_bytes, req->with_chunks, &r,
			 &view, err);
	if (rc < 0)
		return rc;
	r->q.is_tail = true;
	r->q.lines = req->lines;
	return read_now(r, &view, r->q.max, err);
}
