/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fd.h"
#include "holder/holder.h"

#define CTRL_D "\004"

void
input_begin(struct holder *h, int fd)
{
	h->input.fd = fd;
	buf_init(&h->input.queue, INPUT_QUEUE_MAX);
	/* Nothing to write: 0 events. EPOLLERR, that nobody reads any more, is told all the same.
	 */
	watch_add(h, WATCH_INPUT, fd, 0);
	if (h->input.refused) /* asked for before the command ran */
		control_send(h, frame_put(&h->conn.out, FRAME_INPUT_ROOM, NULL, 0));
	h->input.refused = false;
}

void
input_close(struct holder *h)
{
	struct input *in = &h->input;

	in->closed = true;
	if (in->fd < 0)
		return;
	watch_remove(h, in->fd);
	fd_close(&in->fd);
	buf_fini(&in->queue);
}

/* The end of a pipe is its closing; of a terminal, a character that means it. */
static void
finish(struct holder *h)
{
	if (h->spec.stdin_mode == SPEC_STDIN_PTY)
		(void)!write(h->input.fd, CTRL_D, 1);
	input_close(h);
}

/* Hand over what the job takes now. */
static void
push(struct holder *h)
{
	struct input *in = &h->input;
	ssize_t n;

	while (in->fd >= 0 && in->queue.len) {
		n = TEMP_FAILURE_RETRY(write(in->fd, buf_head(&in->queue), in->queue.len));
		if (n < 0 && errno != EAGAIN) {
			input_close(h); /* EPIPE: the job closed its stdin */
			return;
		}
		if (n < 0)
			break;
		buf_consume(&in->queue, (size_t)n);
	}
	if (in->fd >= 0 && in->queue.len == 0 && in->eof)
		finish(h);
	if (in->fd >= 0)
		watch_change(h, WATCH_INPUT, in->fd, in->queue.len ? EPOLLOUT : 0);
}

void
input_tell_room(struct holder *h)
{
	struct input *in = &h->input;

	if (!in->refused || in->fd < 0 || in->queue.len > INPUT_QUEUE_MAX / 2)
		return;
	in->refused = false;
	control_send(h, frame_put(&h->conn.out, FRAME_INPUT_ROOM, NULL, 0));
}

/* The event may be older than the last write: that the queue is empty means nothing by itself. */
void
input_ready(struct holder *h, uint32_t events)
{
	struct input *in = &h->input;

	if (in->fd < 0)
		return;
	if (in->queue.len == 0 && (events & (EPOLLERR | EPOLLHUP))) {
		input_close(h); /* the reader is gone */
		return;
	}
	push(h);
	input_tell_room(h);
}

/* How many of these bytes were accepted before, at this offset: as many as fitted then, so the
 * retry may be longer. */
static size_t
seen_before(const struct input *in, const struct frame_input *f)
{
	unsigned i, n = MIN(in->n_seen, INPUT_MEMORY);
	const struct input_seen *s;

	for (i = 0; i < n; i++) {
		s = &in->seen[i];
		if (s->offset == f->offset && s->len <= f->len &&
		    s->crc == crc32c(0, f->data, s->len))
			return s->len;
	}
	return 0;
}

static void
remember(struct input *in, const struct frame_input *f, size_t accepted)
{
	struct input_seen *s = &in->seen[in->n_seen++ % INPUT_MEMORY];

	s->offset = in->offset;
	s->len = accepted;
	s->crc = crc32c(0, f->data, accepted);
	if (in->n_seen == 2 * INPUT_MEMORY)
		in->n_seen = INPUT_MEMORY;
}

static enum input_verdict
judge(const struct holder *h, const struct frame_input *f)
{
	const struct input *in = &h->input;

	if (h->spec.stdin_mode == SPEC_STDIN_NULL)
		return INPUT_NONE;
	if (f->offset != FRAME_APPEND && f->offset != in->offset)
		return f->offset < in->offset && seen_before(in, f) ? INPUT_DUPLICATE
								    : INPUT_MISMATCH;
	if (in->closed || in->eof)
		return INPUT_CLOSED;
	return INPUT_TAKEN;
}

void
input_take(struct holder *h, const struct frame_input *f, struct frame_input_done *ret)
{
	struct input *in = &h->input;
	size_t room;

	ret->tag = f->tag;
	ret->accepted = 0;
	ret->verdict = judge(h, f);
	if (ret->verdict == INPUT_DUPLICATE)
		ret->accepted = seen_before(in, f);
	if (ret->verdict == INPUT_TAKEN) {
		room = INPUT_QUEUE_MAX - in->queue.len;
		ret->accepted = MIN(room, f->len);
		if (buf_add(&in->queue, f->data, ret->accepted) < 0)
			ret->accepted = 0;
		if (ret->accepted)
			remember(in, f, ret->accepted);
		in->offset += ret->accepted;
		in->refused = ret->accepted < f->len;
		in->eof = f->eof && !in->refused;
		push(h);
		if (in->closed && !in->eof && ret->accepted == 0)
			ret->verdict = INPUT_CLOSED;
	}
	ret->next_offset = in->offset;
}
