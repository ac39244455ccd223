/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "holder/holder.h"

#define READ_SIZE        ((size_t)64 * 1024)
#define READ_SIZE_GROWN  ((size_t)256 * 1024)
#define DISK_RETRY_MS    250
#define PTY_DRAIN_MS     200
#define FINISH_READS_MAX 64

/* A pipe that is found full so often in a row would be read faster if it were larger. */
#define FULL_READS 16

/* A job that writes line by line wakes us for each: many tiny reads within a window are followed by
 * a pause, in which the lines gather in the pipe (process.md A2: 19 times less CPU). */
#define TINY_READ      1024
#define TINY_READS     64
#define TINY_WINDOW_MS 16
#define PAUSE_MS       1

static enum watch
watch_of(enum outlog_stream stream)
{
	return stream == OUTLOG_OUT ? WATCH_OUT : WATCH_ERR;
}

static bool
is_held(const struct holder *h)
{
	return h->source[OUTLOG_OUT].held.len || h->source[OUTLOG_ERR].held.len;
}

/* Wait for a source exactly while its bytes could be stored. A descriptor that is not waited for is
 * not in the epoll set at all: a hang-up would wake us all the same. */
static void
update_watches(struct holder *h)
{
	struct source *s;
	bool want;
	int i;

	for (i = 0; i < OUTLOG_STREAMS; i++) {
		s = &h->source[i];
		want = s->fd >= 0 && !s->asleep && !is_held(h);
		if (want == s->watched)
			continue;
		if (want)
			watch_add(h, watch_of((enum outlog_stream)i), s->fd, EPOLLIN);
		else if (s->fd >= 0)
			watch_remove(h, s->fd);
		s->watched = want;
	}
}

static void
set_trouble(struct holder *h, bool disk_full, bool blocked)
{
	if (disk_full)
		timer_set(h, TIMER_DISK, DISK_RETRY_MS);
	if (h->disk_full == disk_full && h->blocked == blocked)
		return;
	h->disk_full = disk_full;
	h->blocked = blocked;
	control_trouble(h);
}

/* The cap is reached and the job is to be ended for it: what else it writes is counted, not kept.
 */
static void
over_limit(struct holder *h)
{
	const struct frame_stop stop = {
		.signal = SIGTERM,
		.grace_ms = h->spec.grace_ms,
		.cause = END_BY_LIMIT,
	};

	outlog_set_full(h->log, OUTLOG_DISCARD);
	outlog_discard_all(h->log);
	stop_begin(h, &stop, false);
}

/* Store what can be stored now; the number of bytes. */
static size_t
store(struct holder *h, enum outlog_stream stream, const unsigned char *bytes, size_t len)
{
	size_t taken, more = 0;
	int rc;

	rc = outlog_append(h->log, stream, clock_wall_ns(), bytes, len, &taken);
	if (rc == -EXFULL) {
		over_limit(h);
		rc = outlog_append(h->log, stream, clock_wall_ns(), bytes + taken, len - taken,
				   &more);
	}
	set_trouble(h, rc < 0 && rc != -EAGAIN, rc == -EAGAIN);
	return taken + more;
}

static void
close_source(struct holder *h, enum outlog_stream stream)
{
	struct source *s = &h->source[stream];

	if (s->watched)
		watch_remove(h, s->fd);
	s->watched = false;
	fd_close(&s->fd);
	s->drain_left = 0;
	if (h->spec.stdin_mode == SPEC_STDIN_PTY)
		timer_off(h, TIMER_DRAIN);
}

static void
note_size(struct holder *h, struct source *s, size_t n)
{
	int64_t now;

	s->full_reads = n == h->read_max ? s->full_reads + 1 : 0;
	if (s->full_reads >= FULL_READS && !h->pipe_asked) {
		h->pipe_asked = true;
		h->pipe_wanted = s == &h->source[OUTLOG_ERR] ? OUTLOG_ERR : OUTLOG_OUT;
		control_send(h, frame_put(&h->conn.out, FRAME_PIPE_WANT, NULL, 0));
	}
	if (n >= TINY_READ) {
		s->tiny_reads = 0;
		return;
	}
	now = clock_mono_ms();
	if (now - s->window_ms > TINY_WINDOW_MS) {
		s->window_ms = now;
		s->tiny_reads = 0;
	}
	if (++s->tiny_reads < TINY_READS)
		return;
	s->tiny_reads = TINY_READS; /* one more tiny read, one more pause */
	s->asleep = true;
	timer_set(h, TIMER_RESUME, PAUSE_MS);
}

static void
take(struct holder *h, enum outlog_stream stream, const unsigned char *bytes, size_t len)
{
	struct source *s = &h->source[stream];
	size_t stored;

	s->drain_left -= MIN(s->drain_left, (uint64_t)len);
	h->last_output_ms = clock_mono_ms();
	stored = store(h, stream, bytes, len);
	if (stored < len && buf_add(&s->held, bytes + stored, len - stored) < 0)
		BUG("no memory for %zu bytes of output", len - stored);
	note_size(h, s, len);
}

void
output_begin(struct holder *h, enum outlog_stream stream, int fd)
{
	struct source *s = &h->source[stream];

	if (!h->read_buf) {
		h->read_max = READ_SIZE;
		h->read_buf = malloc(h->read_max);
		if (!h->read_buf)
			BUG("no memory for the read buffer");
	}
	s->fd = fd;
	buf_init(&s->held, READ_SIZE_GROWN);
	h->last_output_ms = clock_mono_ms();
	if (h->spec.idle_timeout_ms)
		timer_set(h, TIMER_IDLE, (int64_t)h->spec.idle_timeout_ms);
	update_watches(h);
}

/* One read. False when there is nothing to read now. */
static bool
read_once(struct holder *h, enum outlog_stream stream, size_t max)
{
	struct source *s = &h->source[stream];
	ssize_t n;

	n = TEMP_FAILURE_RETRY(read(s->fd, h->read_buf, max));
	if (n > 0) {
		take(h, stream, h->read_buf, (size_t)n);
		return true;
	}
	if (n < 0 && errno == EAGAIN)
		return false;
	/* 0: the end. EIO: of a terminal, that nobody has it open any more. */
	close_source(h, stream);
	return false;
}

void
output_ready(struct holder *h, enum outlog_stream stream)
{
	if (h->source[stream].fd < 0 || is_held(h))
		return;
	(void)read_once(h, stream, h->read_max);
	update_watches(h);
}

void
output_resume(struct holder *h)
{
	int i;

	for (i = 0; i < OUTLOG_STREAMS; i++)
		h->source[i].asleep = false;
	update_watches(h);
}

/* What was in the pipes when the main process ended, and no byte more: somebody else may go on
 * writing for ever. */
static void
drain(struct holder *h)
{
	struct source *s;
	int i;

	for (i = 0; i < OUTLOG_STREAMS; i++) {
		s = &h->source[i];
		while (s->fd >= 0 && s->drain_left && !is_held(h))
			if (!read_once(h, (enum outlog_stream)i,
				       (size_t)MIN(s->drain_left, (uint64_t)h->read_max)))
				s->drain_left = 0;
	}
	update_watches(h);
}

/* What a job has left in its pipes when its processes are gone is little, and its end does not wait
 * for a follower who may never come. */
static void
keep_beyond_cap(struct holder *h)
{
	if (h->spec.cap != SPEC_CAP_BLOCK)
		return;
	outlog_set_full(h->log, OUTLOG_KEEP);
	if (h->blocked)
		output_retry(h);
}

/* What lies there, within a bound: somebody may go on writing. */
static void
read_rest(struct holder *h, enum outlog_stream stream)
{
	int reads;

	for (reads = 0; reads < FINISH_READS_MAX && h->source[stream].fd >= 0 && !is_held(h) &&
			read_once(h, stream, h->read_max);)
		reads++;
}

void
output_finish(struct holder *h)
{
	int i;

	keep_beyond_cap(h);
	for (i = 0; i < OUTLOG_STREAMS; i++)
		read_rest(h, (enum outlog_stream)i);
	output_set_policy(h, h->spec.cap);
	update_watches(h);
}

void
output_retry(struct holder *h)
{
	struct source *s;
	size_t stored;
	int i;

	for (i = 0; i < OUTLOG_STREAMS; i++) {
		s = &h->source[i];
		if (!s->held.len)
			continue;
		stored = store(h, (enum outlog_stream)i, buf_head(&s->held), s->held.len);
		buf_consume(&s->held, stored);
		if (s->held.len)
			break;
		buf_fini(&s->held);
		h->last_output_ms = clock_mono_ms(); /* it could not write before */
	}
	if (!is_held(h))
		set_trouble(h, false, false);
	if (h->exited && h->spec.stdin_mode != SPEC_STDIN_PTY)
		drain(h);
	else if (h->source[OUTLOG_OUT].drain_left && !is_held(h))
		timer_set(h, TIMER_DRAIN, PTY_DRAIN_MS);
	update_watches(h);
}

void
output_idle(struct holder *h)
{
	int64_t full = (int64_t)h->spec.idle_timeout_ms;
	/* A job whose output we hold back is not idle. */
	int64_t left = is_held(h) ? full : h->last_output_ms + full - clock_mono_ms();
	const struct frame_stop stop = {
		.signal = SIGTERM,
		.grace_ms = h->spec.grace_ms,
		.cause = END_BY_IDLE_TIMEOUT,
	};

	if (left > 0)
		timer_set(h, TIMER_IDLE, left);
	else
		stop_begin(h, &stop, false);
}

void
output_exited(struct holder *h)
{
	struct source *s;
	int i, n;

	timer_off(h, TIMER_WALL);
	timer_off(h, TIMER_IDLE);
	fd_close(&h->terminalfd);
	for (i = 0; i < OUTLOG_STREAMS; i++) {
		s = &h->source[i];
		n = 0;
		if (s->fd < 0)
			continue;
		if (h->spec.stdin_mode == SPEC_STDIN_PTY) {
			/* The kernel hangs a terminal up behind its last byte, but not at once. */
			s->drain_left = UINT64_MAX;
			timer_set(h, TIMER_DRAIN, PTY_DRAIN_MS);
		} else if (ioctl(s->fd, FIONREAD, &n) == 0) {
			s->drain_left = (uint64_t)MAX(n, 0);
		}
	}
	keep_beyond_cap(h);
	if (h->spec.stdin_mode != SPEC_STDIN_PTY)
		drain(h);
}

void
output_give_up_drain(struct holder *h)
{
	read_rest(h, OUTLOG_OUT);
	if (!is_held(h)) /* else output_retry() comes back to it */
		h->source[OUTLOG_OUT].drain_left = 0;
	update_watches(h);
}

bool
output_is_drained(struct holder *h)
{
	if (h->source[OUTLOG_OUT].drain_left || h->source[OUTLOG_ERR].drain_left || is_held(h))
		return false;
	if (outlog_flush(h->log) == 0)
		return true;
	timer_set(h, TIMER_DISK, DISK_RETRY_MS);
	return false;
}

bool
output_is_closed(const struct holder *h)
{
	return h->source[OUTLOG_OUT].fd < 0 && h->source[OUTLOG_ERR].fd < 0 && !is_held(h);
}

void
output_set_policy(struct holder *h, enum spec_cap cap)
{
	static const enum outlog_full full[] = {
		[SPEC_CAP_DROP] = OUTLOG_DROP_OLDEST,
		[SPEC_CAP_STOP] = OUTLOG_DISCARD,
		[SPEC_CAP_END] = OUTLOG_REFUSE,
		[SPEC_CAP_BLOCK] = OUTLOG_BLOCK,
	};

	if (cap < SPEC_CAP_DROP || cap > SPEC_CAP_BLOCK)
		return; /* of a newer engine */
	h->spec.cap = cap;
	outlog_set_full(h->log, full[cap]);
	if (h->blocked)
		output_retry(h);
}

void
output_grow_pipe(struct holder *h, uint64_t bytes)
{
	unsigned char *bigger;
	int fd = h->source[h->pipe_wanted].fd;

	if (fd < 0 || bytes > INT32_MAX || fcntl(fd, F_SETPIPE_SZ, (int)bytes) < 0)
		return;
	h->pipe_bytes = bytes;
	bigger = malloc(READ_SIZE_GROWN);
	if (!bigger)
		return;
	free(h->read_buf);
	h->read_buf = bigger;
	h->read_max = READ_SIZE_GROWN;
}

static struct extent
extent_of(const struct holder *h, enum outlog_stream stream)
{
	struct outlog_extent e = outlog_extent(h->log, stream);

	return (struct extent){ e.start, e.stored, e.end };
}

void
output_extents(const struct holder *h, struct extent *ret_out, struct extent *ret_err)
{
	*ret_out = extent_of(h, OUTLOG_OUT);
	*ret_err = extent_of(h, OUTLOG_ERR);
}
