/* SPDX-License-Identifier: MIT */
#include "engine/stream.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "bus/bus.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "job/jobs.h"
#include "jobwire/v1/engine.pb-c.h"
#include "wire/message.h"

#define GATHER_MS    5
#define INLINE_MAX   ((size_t)32 * 1024)
#define BUDGET_PER_S ((int64_t)16 * 1024 * 1024)
#define BUDGET_BURST ((int64_t)4 * 1024 * 1024)

/* What has been published of one job. */
struct channel {
	char id[ID_SIZE];
	struct stream *stream;
	uint64_t told[OUTLOG_STREAMS]; /* published up to here */
	uint64_t topic_seq;
	struct event *timer; /* pending: it gathers */
};

struct stream {
	struct engine *eng;
	bool on;
	struct map channels;
	int64_t budget; /* bytes */
	int64_t budget_ms;
	unsigned char bytes[INLINE_MAX];
};

int
stream_new(struct engine *eng, struct stream **ret_stream, struct err *err)
{
	struct stream *s = calloc(1, sizeof *s);

	if (!s)
		return err_sys(err, ENOMEM, "output stream");
	s->eng = eng;
	s->budget = BUDGET_BURST;
	*ret_stream = s;
	return 0;
}

static void
channel_free(struct channel *c)
{
	(void)map_remove(&c->stream->channels, c->id);
	event_free(c->timer);
	free(c);
}

static void
free_channels(struct stream *s)
{
	struct channel *c;
	size_t it;

	map_for_each (&s->channels, it, c)
		channel_free(c);
}

void
stream_free(struct stream *s)
{
	if (!s)
		return;
	free_channels(s);
	map_fini(&s->channels);
	free(s);
}

static bool
take_budget(struct stream *s, size_t n)
{
	int64_t now = clock_mono_ms();

	s->budget = MIN(s->budget + (now - s->budget_ms) * BUDGET_PER_S / 1000, BUDGET_BURST);
	s->budget_ms = now;
	if (s->budget < (int64_t)n)
		return false;
	s->budget -= (int64_t)n;
	return true;
}

static void
publish(struct channel *c, enum outlog_stream stream, const unsigned char *bytes, size_t len,
	uint64_t end, int64_t time_ns)
{
	Jobwire__V1__OutputEvent e = JOBWIRE__V1__OUTPUT_EVENT__INIT;
	char topic[64];
	struct buf out;

	e.epoch = (uint64_t)c->stream->eng->epoch;
	e.job_id = c->id;
	e.topic_seq = ++c->topic_seq;
	e.stream = convert_stream((enum outlog_view)stream);
	e.offset = c->told[stream];
	e.end = end;
	e.time_ns = time_ns;
	e.data = message_bytes(bytes, len);
	(void)snprintf(topic, sizeof topic, "job/%s/output", c->id);
	buf_init(&out, INLINE_MAX + 1024);
	if (message_pack(&out, &e.base) == 0)
		bus_publish(c->stream->eng->bus, topic, buf_head(&out), out.len);
	buf_fini(&out);
}

/* What one stream has that was not told yet. */
static void
tell(struct channel *c, struct outlog_reader *reader, enum outlog_stream stream, uint64_t end)
{
	struct stream *s = c->stream;
	struct outlog_result r;
	struct outlog_chunk chunk;
	size_t want;

	while (c->told[stream] < end) {
		want = (size_t)MIN(end - c->told[stream], INLINE_MAX);
		if (!reader || !take_budget(s, want) ||
		    outlog_read(reader, (enum outlog_view)stream, c->told[stream], s->bytes, want,
				true, &chunk, 1, &r) < 0 ||
		    r.len == 0) {
			publish(c, stream, NULL, 0, end, clock_wall_ns());
			c->told[stream] = end;
			return;
		}
		c->told[stream] = r.offset;
		publish(c, stream, s->bytes, r.len, end, chunk.wall_ns);
		c->told[stream] += r.len;
	}
}

/* True: there was something. */
static bool
tell_all(struct channel *c, const struct job_view *view)
{
	const uint64_t ends[OUTLOG_STREAMS] = { (uint64_t)view->row.out_stored,
						(uint64_t)view->row.err_stored };
	struct outlog_reader *reader = NULL;
	int i;

	if (c->told[OUTLOG_OUT] >= ends[OUTLOG_OUT] && c->told[OUTLOG_ERR] >= ends[OUTLOG_ERR])
		return false;
	if (job_reader(c->stream->eng->jobs, view, &reader, NULL) < 0)
		reader = NULL;
	for (i = 0; i < OUTLOG_STREAMS; i++)
		tell(c, reader, (enum outlog_stream)i, ends[i]);
	return true;
}

static bool
tell_now(struct channel *c)
{
	struct job_view view;
	struct arena a;
	bool more = false;

	arena_init(&a, 16 * 1024 * 1024);
	if (jobs_view(c->stream->eng->jobs, &a, c->id, &view, NULL) == 0)
		more = tell_all(c, &view);
	arena_fini(&a);
	return more;
}

/* Tell what there is; then gather, or let the holder speak again. */
static void
serve(struct channel *c)
{
	const struct timeval gather = { 0, GATHER_MS * 1000 };
	struct job *job = jobs_live(c->stream->eng->jobs, c->id);

	if (tell_now(c))
		(void)event_add(c->timer, &gather);
	else if (job)
		job_want_output(job);
}

void
stream_closed(struct stream *s, const char *job_id)
{
	struct channel *c = map_get(&s->channels, job_id);

	if (!c)
		return;
	(void)tell_now(c);
	channel_free(c);
}

static void
on_gathered(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	serve(arg);
}

/* A subscriber hears what is written from now on: what was there before is read by offset. */
static struct channel *
channel_of(struct stream *s, struct job *job)
{
	struct channel *c = map_get(&s->channels, job_id(job));

	if (c)
		return c;
	c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	(void)snprintf(c->id, sizeof c->id, "%s", job_id(job));
	c->stream = s;
	c->timer = evtimer_new(s->eng->base, on_gathered, c);
	if (!c->timer || map_put(&s->channels, c->id, c) < 0) {
		if (c->timer)
			event_free(c->timer);
		free(c);
		return NULL;
	}
	return c;
}

void
stream_output(struct stream *s, struct job *job)
{
	struct channel *c = s->on ? channel_of(s, job) : NULL;

	if (c && !event_pending(c->timer, EV_TIMEOUT, NULL))
		serve(c);
}

void
stream_listen(struct stream *s, unsigned subscribers)
{
	struct job_view view;
	struct channel *c;
	struct arena a;
	struct job *job;
	size_t it = 0;

	if (s->on == (subscribers > 0))
		return;
	s->on = subscribers > 0;
	jobs_listen(s->eng->jobs, s->on);
	if (!s->on) {
		free_channels(s);
		return;
	}
	arena_init(&a, (size_t)64 * 1024 * 1024);
	while ((job = jobs_next_live(s->eng->jobs, &it))) {
		c = channel_of(s, job);
		if (!c || jobs_view(s->eng->jobs, &a, c->id, &view, NULL) < 0)
			continue;
		c->told[OUTLOG_OUT] = (uint64_t)view.row.out_stored;
		c->told[OUTLOG_ERR] = (uint64_t)view.row.err_stored;
	}
	arena_fini(&a);
}
