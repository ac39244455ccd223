/* SPDX-License-Identifier: MIT */
#include "engine/scan.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/work.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "jobdir/folder.h"
#include "text/pattern.h"

/* One block, and the time of a run; then it is somebody else's turn on the worker. */
#define READ_SIZE   ((size_t)16 * 1024)
#define RUN_NS      (50 * NS_PER_MS)
#define MATCH_BYTES 4096

struct scan {
	struct work work;
	struct engine *eng;
	char id[ID_SIZE];
	void (*done)(void *arg);
	void *arg;
	bool is_running;
	atomic_bool cancelled;
	uint64_t open; /* as open_at() was when the worker got it */

	/* The worker's, while it runs: */
	char *text; /* of the pattern, for another one behind a gap */
	size_t text_len;
	unsigned flags;
	struct pattern *pattern;
	enum scan_how how;
	enum outlog_view view;
	uint64_t base; /* offset of the first byte that `pattern` was fed */
	uint64_t next, until;
	bool finished, found, more;
	uint64_t begin, end;
	unsigned char match[MATCH_BYTES];
	size_t match_len;
	int rc;
	struct err err;
};

static void
scan_free(struct scan *s)
{
	if (!s)
		return;
	pattern_free(s->pattern);
	free(s->text);
	free(s);
}

/* ---- on the worker ---- */

static int
start_anew(struct scan *s, uint64_t offset)
{
	pattern_free(s->pattern);
	s->pattern = NULL;
	s->base = s->next = offset;
	return pattern_new(s->text, s->text_len, s->flags, &s->pattern, &s->err);
}

static void
take_match(struct scan *s, const struct pattern_match *m, struct outlog_reader *reader)
{
	struct outlog_result r;

	s->found = true;
	s->begin = s->base + m->begin;
	s->end = s->base + m->end;
	s->next = s->end;
	if (outlog_read(reader, s->view, s->begin, s->match,
			(size_t)MIN(s->end - s->begin, MATCH_BYTES), false, NULL, 0, &r) == 0 &&
	    r.offset == s->begin)
		s->match_len = r.len;
}

/* One block of the log. 1: go on. */
static int
feed_block(struct scan *s, struct outlog_reader *reader, unsigned char *block)
{
	struct pattern_match m;
	struct outlog_result r;
	int rc;

	rc = outlog_read(reader, s->view, s->next, block,
			 (size_t)MIN(s->until - s->next, READ_SIZE), false, NULL, 0, &r);
	if (rc < 0)
		return err_sys(&s->err, -rc, "look for the pattern in job %.8s", s->id);
	if (r.offset != s->next) { /* a gap: nothing can match across it */
		rc = start_anew(s, r.offset);
		if (rc < 0)
			return rc;
	}
	if (r.len == 0)
		return 0;
	rc = pattern_feed(s->pattern, block, r.len, &m, &s->err);
	if (rc < 0)
		return rc;
	s->next = r.offset + r.len;
	if (m.found)
		take_match(s, &m, reader);
	return m.found ? 0 : 1;
}

static int
last_look(struct scan *s, struct outlog_reader *reader)
{
	struct pattern_match m = { .found = false };
	int rc = 0;

	if (s->how == SCAN_PEEK) {
		rc = pattern_peek(s->pattern, &m, &s->err);
	} else if (s->how == SCAN_FINISH) {
		rc = pattern_finish(s->pattern, &m, &s->err);
		s->finished = true;
	}
	if (rc == 0 && m.found)
		take_match(s, &m, reader);
	return rc;
}

static int
look_through(struct scan *s, struct outlog_reader *reader)
{
	auto_free unsigned char *block = malloc(READ_SIZE);
	const int64_t until_ns = clock_mono_ns() + RUN_NS;
	int rc = 1;

	if (!block)
		return err_sys(&s->err, ENOMEM, "pattern");
	while (rc > 0 && s->next < s->until && clock_mono_ns() < until_ns && !s->cancelled)
		rc = feed_block(s, reader, block);
	s->more = rc > 0 && s->next < s->until;
	return rc < 0 || s->found || s->more ? MIN(rc, 0) : last_look(s, reader);
}

static void
on_run(struct work *w)
{
	struct scan *s = container_of(w, struct scan, work);
	struct outlog_reader *reader;
	int dirfd;

	s->rc = folder_open(s->eng->endpoint.dirfd, s->id, &dirfd);
	if (s->rc < 0) {
		s->rc = err_sys(&s->err, -s->rc, "the output of job %.8s", s->id);
		return;
	}
	s->rc = outlog_reader_new(dirfd, &reader, &s->err);
	(void)close(dirfd);
	if (s->rc < 0)
		return;
	s->rc = look_through(s, reader);
	outlog_reader_free(reader);
}

/* ---- on the loop ---- */

static uint64_t
open_at(const struct scan *s)
{
	if (s->found)
		return s->end;
	return s->base + (s->pattern ? pattern_open_at(s->pattern) : 0);
}

static void
on_done(struct work *w)
{
	struct scan *s = container_of(w, struct scan, work);

	s->is_running = false;
	if (s->cancelled) {
		scan_free(s);
	} else if (s->more) {
		scan_run(s, s->until, s->how);
	} else {
		s->done(s->arg);
	}
}

static void
on_drop(struct work *w)
{
	scan_free(container_of(w, struct scan, work));
}

int
scan_new(struct engine *eng, const char *job_id, const Jobwire__V1__Pattern *pattern,
	 void (*done)(void *arg), void *arg, struct scan **ret_scan, struct err *err)
{
	struct scan *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_sys(err, ENOMEM, "pattern");
	s->eng = eng;
	s->done = done;
	s->arg = arg;
	s->flags = (pattern->ignore_case ? PATTERN_CASELESS : 0u) |
		   (pattern->literal ? PATTERN_LITERAL : 0u);
	(void)snprintf(s->id, sizeof s->id, "%s", job_id);
	s->text = strdup(pattern->regex);
	s->text_len = strlen(pattern->regex);
	rc = s->text ? convert_view(pattern->stream, &s->view, err)
		     : err_sys(err, ENOMEM, "pattern");
	if (rc == 0)
		rc = start_anew(s, pattern->offset);
	if (rc < 0) {
		if (err && s->err.code)
			rc = err_field(err, s->err.code, "pattern", "%s", s->err.msg);
		scan_free(s);
		return rc;
	}
	*ret_scan = s;
	return 0;
}

void
scan_run(struct scan *s, uint64_t until, enum scan_how how)
{
	s->until = until;
	s->how = how;
	s->open = open_at(s);
	s->is_running = true;
	s->work.run = on_run;
	s->work.done = on_done;
	s->work.drop = on_drop;
	s->work.is_patient = true;
	work_submit(s->eng->work, &s->work);
}

void
scan_cancel(struct scan *s)
{
	if (!s)
		return;
	if (s->is_running)
		s->cancelled = true;
	else
		scan_free(s);
}

struct scan_result
scan_result(const struct scan *s)
{
	struct scan_result r = { .view = s->view, .is_running = s->is_running };

	if (s->is_running) {
		r.next = r.open = s->open; /* the worker has the rest */
		return r;
	}
	r.is_finished = s->finished;
	r.rc = s->rc;
	r.found = s->found;
	r.begin = s->begin;
	r.end = s->end;
	r.bytes = s->match;
	r.len = s->match_len;
	r.next = s->next;
	r.open = open_at(s);
	return r;
}

const struct err *
scan_error(const struct scan *s)
{
	return &s->err;
}
