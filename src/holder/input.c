/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fd.h"
#include "holder/holder.h"

#define CTRL_D 4

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

/* The character that a terminal takes for the end of its input. */
static unsigned char
end_character(int terminal)
{
	struct termios t;

	if (tcgetattr(terminal, &t) < 0 || t.c_cc[VEOF] == _POSIX_VDISABLE)
		return CTRL_D;
	return t.c_cc[VEOF];
}

/* The end of a pipe is its closing. Of a terminal it is a character, which within a line only hands
 * that line over: there it takes a second one. */
static void
finish(struct holder *h)
{
	struct input *in = &h->input;
	unsigned char end;
	ssize_t n;

	if (h->spec.stdin_mode == SPEC_STDIN_PTY) {
		end = end_character(in->fd);
		for (; in->n_ends < (in->within_line ? 2 : 1); in->n_ends++) {
			n = TEMP_FAILURE_RETRY(write(in->fd, &end, 1));
			if (n < 0 && errno == EAGAIN)
				return;
			if (n < 0)
				break;
		}
	}
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
		if (n > 0)
			in->within_line = buf_head(&in->queue)[n - 1] != '\n';
		in->delivered += (uint64_t)n;
		buf_consume(&in->queue, (size_t)n);
	}
	if (in->fd >= 0 && in->queue.len == 0 && in->eof)
		finish(h);
	if (in->fd >= 0)
		watch_change(h, WATCH_INPUT, in->fd, in->queue.len || in->eof ? EPOLLOUT : 0);
}

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
	push(h); /* an end that came before the command ran */
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

/* What the last answer said was still on its way has gone it, or will not. */
static void
tell_progress(struct holder *h)
{
	struct input *in = &h->input;

	if (!in->owes_news || (!in->closed && (in->queue.len || in->eof)))
		return;
	in->owes_news = false;
	control_trouble(h);
}

/* The event may be older than the last write: that the queue is empty means nothing by itself. */
void
input_ready(struct holder *h, uint32_t events)
{
	struct input *in = &h->input;

	if (in->fd < 0)
		return;
	if (in->queue.len == 0 && (events & (EPOLLERR | EPOLLHUP))) {
		in->owes_news = true;
		input_close(h); /* the reader is gone */
	} else {
		push(h);
	}
	tell_progress(h);
	input_tell_room(h);
}

/* The piece that was accepted at this offset and is how these bytes begin, or NULL. */
static const struct input_seen *
find_seen(const struct input *in, uint64_t offset, const unsigned char *data, size_t len)
{
	unsigned i, n = MIN(in->n_seen, INPUT_MEMORY);
	const struct input_seen *s;

	for (i = 0; i < n; i++) {
		s = &in->seen[i];
		if (s->offset == offset && s->len && s->len <= len &&
		    s->crc == crc32c(0, data, s->len))
			return s;
	}
	return NULL;
}

/* How many bytes of a retry were accepted before: as many as fitted then, in one piece or several.
 * 0: these bytes are not known. */
static size_t
seen_before(const struct input *in, const struct frame_input *f)
{
	const struct input_seen *s;
	size_t n = 0;

	while (n < f->len && (s = find_seen(in, f->offset + n, f->data + n, f->len - n)))
		n += s->len;
	return n;
}

static void
remember(struct input *in, const unsigned char *data, size_t accepted)
{
	struct input_seen *s = &in->seen[in->n_seen++ % INPUT_MEMORY];

	s->offset = in->offset;
	s->len = accepted;
	s->crc = crc32c(0, data, accepted);
	if (in->n_seen == 2 * INPUT_MEMORY)
		in->n_seen = INPUT_MEMORY;
}

/* What to do with a piece of which `seen` bytes were accepted before. */
static enum input_verdict
judge(const struct holder *h, const struct frame_input *f, size_t seen)
{
	const struct input *in = &h->input;
	bool has_news = seen < f->len || (f->eof && !in->eof && !in->closed);

	if (h->spec.stdin_mode == SPEC_STDIN_NULL)
		return INPUT_NONE;
	if (f->offset != FRAME_APPEND) {
		if (f->offset + seen != in->offset && (seen < f->len || seen == 0))
			return INPUT_MISMATCH;
		if (f->offset + seen != in->offset || (!has_news && (seen || in->eof)))
			return INPUT_DUPLICATE;
	}
	return in->closed || in->eof ? INPUT_CLOSED : INPUT_TAKEN;
}

/* Take what fits behind the `seen` bytes that are here already. */
static void
take(struct holder *h, const struct frame_input *f, size_t seen, struct frame_input_done *ret)
{
	struct input *in = &h->input;
	size_t n = MIN(INPUT_QUEUE_MAX - in->queue.len, f->len - seen);

	if (n && buf_add(&in->queue, f->data + seen, n) < 0)
		n = 0;
	if (n)
		remember(in, f->data + seen, n);
	in->offset += n;
	ret->accepted = seen + n;
	in->refused = ret->accepted < f->len;
	in->eof = f->eof && !in->refused;
	push(h);
	if (in->closed && !in->eof && n == 0)
		ret->verdict = INPUT_CLOSED;
}

void
input_take(struct holder *h, const struct frame_input *f, struct frame_input_done *ret)
{
	struct input *in = &h->input;
	size_t seen = f->offset == FRAME_APPEND ? 0 : seen_before(in, f);

	ret->tag = f->tag;
	ret->accepted = 0;
	ret->verdict = judge(h, f, seen);
	if (ret->verdict == INPUT_DUPLICATE)
		ret->accepted = f->len;
	if (ret->verdict == INPUT_TAKEN)
		take(h, f, seen, ret);
	ret->next_offset = in->offset;
	ret->delivered = in->delivered;
	ret->closed = in->closed || in->eof;
	in->owes_news = !in->closed && in->queue.len > 0;
}
