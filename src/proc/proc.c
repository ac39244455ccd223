/* SPDX-License-Identifier: MIT */
#include "proc/proc.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

#define READ_STEP 16384

struct proc {
	int fd;
	struct event *readable, *writable;
	struct buf in, out;
	const struct proc_events *events;
	void *arg;
	bool failed; /* a frame could not be queued */
	bool *freed; /* set where a callback frees the proc under its caller */
};

void
proc_free(struct proc *p)
{
	if (!p)
		return;
	if (p->freed)
		*p->freed = true;
	if (p->readable)
		event_free(p->readable);
	if (p->writable)
		event_free(p->writable);
	if (p->fd >= 0)
		(void)close(p->fd);
	buf_fini(&p->in);
	buf_fini(&p->out);
	free(p);
}

static void
flush(struct proc *p)
{
	ssize_t n;

	while (p->out.len && !p->failed) {
		n = send(p->fd, buf_head(&p->out), p->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			buf_consume(&p->out, (size_t)n);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			p->failed = true; /* the reader hears of it as the end of the socket */
	}
	if (p->out.len && !p->failed)
		(void)event_add(p->writable, NULL);
	else if (p->out.len == 0)
		buf_fini(&p->out);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	flush(arg);
}

/* A frame was queued, or could not be: then the connection is of no use. */
static void
sent(struct proc *p, int put)
{
	if (put < 0)
		p->failed = true;
	if (p->failed)
		(void)shutdown(p->fd, SHUT_RDWR);
	else
		flush(p);
}

/* Decode into a struct of the right type and call the member that takes it. */
#define CASE(type, member, decl, get)                  \
	case type: {                                   \
		decl;                                  \
		if ((get) == 0 && p->events->member)   \
			p->events->member(p->arg, &f); \
		break;                                 \
	}

static void
dispatch(struct proc *p, const struct frame *frame)
{
	switch (frame->type) {
		CASE(FRAME_HELLO, hello, struct frame_hello f, frame_get_hello(frame, &f))
		CASE(FRAME_BEGIN, begin, struct begin f,
		     begin_decode(frame->fields, frame->len, &f))
		CASE(FRAME_FAILURE, failure, struct failure f,
		     failure_decode(frame->fields, frame->len, &f))
		CASE(FRAME_STATUS, status, struct frame_status f, frame_get_status(frame, &f))
		CASE(FRAME_TROUBLE, trouble, struct frame_status f, frame_get_status(frame, &f))
		CASE(FRAME_OUTPUT, output, struct frame_output f, frame_get_output(frame, &f))
		CASE(FRAME_INPUT_DONE, input_done, struct frame_input_done f,
		     frame_get_input_done(frame, &f))
		CASE(FRAME_SIGNALLED, signalled, struct frame_signalled f,
		     frame_get_signalled(frame, &f))
		CASE(FRAME_END, end, struct end f, end_decode(frame->fields, frame->len, &f))
		CASE(FRAME_STOPPED, stopped, struct frame_stopped f, frame_get_stopped(frame, &f))
		CASE(FRAME_CLOSING, closing, struct closing f,
		     closing_decode(frame->fields, frame->len, &f))
	case FRAME_INPUT_ROOM:
		if (p->events->input_room)
			p->events->input_room(p->arg);
		break;
	case FRAME_PIPE_WANT:
		if (p->events->pipe_want)
			p->events->pipe_want(p->arg);
		break;
	default:
		break; /* of a newer holder */
	}
}

/* One piece, behind which whole frames leave the buffer: it always has room for the next. False at
 * the end of the socket. */
static bool
receive(struct proc *p)
{
	ssize_t n;

	if (buf_reserve(&p->in, READ_STEP) < 0)
		return false;
	n = TEMP_FAILURE_RETRY(recv(p->fd, buf_tail(&p->in), READ_STEP, MSG_DONTWAIT));
	if (n > 0)
		buf_commit(&p->in, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct proc *p = arg;
	struct frame f;
	bool alive, freed = false;
	size_t used;
	int rc;

	(void)fd, (void)what;
	alive = receive(p);
	p->freed = &freed;
	while ((rc = frame_next(&p->in, FRAME_SMALL_MAX, &f, &used)) > 0) {
		dispatch(p, &f);
		if (freed)
			return;
		buf_consume(&p->in, used);
	}
	if (p->in.len == 0)
		buf_fini(&p->in);
	if (!alive || rc < 0) {
		(void)event_del(p->readable);
		p->events->gone(p->arg);
		if (freed)
			return;
	}
	p->freed = NULL;
}

int
proc_new(struct event_base *base, int control, const struct proc_events *events, void *arg,
	 struct proc **ret_proc, struct err *err)
{
	struct frame_hello hello = { .version = FRAME_VERSION };
	struct proc *p = calloc(1, sizeof *p);

	if (!p) {
		(void)close(control);
		return err_sys(err, ENOMEM, "holder connection");
	}
	p->fd = control;
	p->events = events;
	p->arg = arg;
	buf_init(&p->in, FRAME_HEAD_LEN + FRAME_SMALL_MAX + READ_STEP);
	buf_init(&p->out, 2 * FRAME_MAX);
	p->readable = event_new(base, control, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(base, control, EV_WRITE, on_writable, p);
	if (!p->readable || !p->writable || event_add(p->readable, NULL) < 0) {
		proc_free(p);
		return err_sys(err, ENOMEM, "holder connection");
	}
	sent(p, frame_put_hello(&p->out, &hello));
	*ret_proc = p;
	return 0;
}

void
proc_launch(struct proc *p, const struct spec *spec)
{
	struct buf fields;
	int rc;

	buf_init(&fields, FRAME_MAX);
	rc = spec_encode(&fields, spec, true);
	if (rc == 0)
		rc = frame_put(&p->out, FRAME_LAUNCH, buf_head(&fields), fields.len);
	buf_fini(&fields);
	sent(p, rc);
}

void
proc_go(struct proc *p)
{
	sent(p, frame_put(&p->out, FRAME_GO, NULL, 0));
}

void
proc_query(struct proc *p)
{
	sent(p, frame_put(&p->out, FRAME_QUERY, NULL, 0));
}

void
proc_arm(struct proc *p, uint64_t out_end, uint64_t err_end)
{
	const struct frame_arm f = { out_end, err_end };

	sent(p, frame_put_arm(&p->out, FRAME_ARM, &f));
}

void
proc_input(struct proc *p, const struct frame_input *f)
{
	sent(p, frame_put_input(&p->out, f));
}

void
proc_stop(struct proc *p, const struct frame_stop *f)
{
	sent(p, frame_put_stop(&p->out, f));
}

void
proc_signal(struct proc *p, const struct frame_signal *f)
{
	sent(p, frame_put_signal(&p->out, f));
}

void
proc_consumed(struct proc *p, uint64_t out_offset, uint64_t err_offset)
{
	const struct frame_arm f = { out_offset, err_offset };

	sent(p, frame_put_arm(&p->out, FRAME_CONSUMED, &f));
}

void
proc_policy(struct proc *p, enum spec_cap cap)
{
	sent(p, frame_put_number(&p->out, FRAME_POLICY, cap));
}

void
proc_pipe_grant(struct proc *p, uint64_t bytes)
{
	sent(p, frame_put_number(&p->out, FRAME_PIPE_GRANT, bytes));
}
