/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "holder/holder.h"
#include "jobdir/folder.h"

#define OUT_MAX         ((size_t)1024 * 1024)
#define READ_STEP       4096
#define LISTEN_RETRY_MS 500 /* no descriptor, no space: the socket will be made when there is */

/* Where the next engine finds us. Most holders never lose theirs and need no socket in the folder.
 */
static void
listen_for_engines(struct holder *h)
{
	if (h->listenfd >= 0 || h->done)
		return;
	h->listenfd = fd_listen_at(h->dirfd, FOLDER_CONTROL, 4);
	if (h->listenfd >= 0)
		watch_add(h, WATCH_LISTEN, h->listenfd, EPOLLIN);
	else
		timer_set(h, TIMER_LISTEN, LISTEN_RETRY_MS);
}

void
control_retry_listen(struct holder *h)
{
	listen_for_engines(h);
}

static void
hang_up(struct holder *h)
{
	struct conn *c = &h->conn;

	if (c->fd < 0)
		return;
	watch_remove(h, c->fd);
	fd_close(&c->fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	c->armed = c->wants_room = false;
	h->stop.n_tags = 0; /* nobody is left to answer */
	if (h->log)
		listen_for_engines(h);
	else
		h->done = true; /* it went away before it said what to do: nothing ever ran */
}

static void
greet(struct holder *h, int fd)
{
	struct frame_hello hello = { .version = FRAME_VERSION };

	h->conn.fd = fd;
	buf_init(&h->conn.in, FRAME_HEAD_LEN + FRAME_MAX);
	buf_init(&h->conn.out, OUT_MAX);
	watch_add(h, WATCH_CONTROL, fd, EPOLLIN);
	(void)snprintf(hello.id, sizeof hello.id, "%s", h->spec.id);
	control_send(h, frame_put_hello(&h->conn.out, &hello));
}

void
control_begin(struct holder *h, int fd)
{
	if (fd_set_nonblock(fd, true) < 0)
		BUG("control socket: errno %d", errno);
	greet(h, fd);
}

/* A new engine. An old one that still seems to be there is dead or about to be: the newer counts.
 */
void
control_accept(struct holder *h)
{
	uid_t uid;
	int fd;

	fd = accept4(h->listenfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (fd_peer_uid(fd, &uid) < 0 || (uid != geteuid() && uid != 0)) {
		(void)close(fd);
		return;
	}
	hang_up(h);
	greet(h, fd);
}

void
control_send(struct holder *h, int put)
{
	if (h->conn.fd >= 0 && put < 0)
		hang_up(h); /* no memory, or an engine that does not read: it may come back */
	else if (h->conn.fd < 0)
		buf_fini(&h->conn.out); /* nobody is there; the next greeting begins anew */
}

void
control_flush(struct holder *h)
{
	struct conn *c = &h->conn;
	ssize_t n;

	while (c->fd >= 0 && c->out.len) {
		n = send(c->fd, buf_head(&c->out), c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			hang_up(h);
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (c->fd >= 0 && c->wants_room != (c->out.len > 0)) {
		c->wants_room = c->out.len > 0;
		watch_change(h, WATCH_CONTROL, c->fd, EPOLLIN | (c->wants_room ? EPOLLOUT : 0u));
	}
}

struct frame_status
control_status(const struct holder *h)
{
	struct frame_status s = {
		.begin = h->begin,
		.input_offset = h->input.offset,
		.input_delivered = h->input.delivered,
		.input_closed = h->input.closed || h->input.eof,
		.stopping = h->stop.active,
		.exited = h->exited,
		.ended = h->ended,
		.disk_full = h->disk_full,
		.blocked = h->blocked,
		.lingering = h->exited ? tree_count() : 0,
		.pipe_bytes = h->pipe_bytes,
		.cause = h->cause,
	};

	output_extents(h, &s.out, &s.err);
	return s;
}

void
control_trouble(struct holder *h)
{
	struct frame_status s;

	if (h->conn.fd < 0 || !h->log)
		return;
	s = control_status(h);
	control_send(h, frame_put_status(&h->conn.out, FRAME_TROUBLE, &s));
}

void
control_output(struct holder *h)
{
	struct conn *c = &h->conn;
	struct frame_output f;

	if (c->fd < 0 || !c->armed || !h->log)
		return;
	output_extents(h, &f.out, &f.err);
	if (f.out.end <= c->arm.out && f.err.end <= c->arm.err)
		return;
	c->armed = false;
	control_send(h, frame_put_output(&c->out, &f));
}

/* What was needed to start the command is not needed to hold it. (A queued job waits with it.) */
static void
forget_strings(struct holder *h)
{
	struct spec *s = &h->spec;

	s->argv = s->env = s->base_env = (struct strings){ NULL, 0 };
	s->command = s->shell = s->cwd = NULL;
	arena_fini(&h->arena);
}

/* The command is not running: say why, here and in the record, and go. */
static void
failed(struct holder *h, const struct failure *f)
{
	struct buf fields;
	int rc;

	buf_init(&fields, FRAME_SMALL_MAX);
	rc = failure_encode(&fields, f);
	if (rc == 0)
		rc = record_append(h->recordfd, RECORD_FAILURE, buf_head(&fields), fields.len,
				   h->spec.power_safe);
	if (rc == 0)
		rc = frame_put(&h->conn.out, FRAME_FAILURE, buf_head(&fields), fields.len);
	control_send(h, rc);
	control_flush(h);
	buf_fini(&fields);
	(void)unlinkat(h->dirfd, FOLDER_CONTROL, 0);
	h->done = true;
}

static void
running(struct holder *h)
{
	struct buf fields;
	int rc;

	buf_init(&fields, FRAME_SMALL_MAX);
	rc = begin_encode(&fields, &h->begin);
	sys_stop_point("holder.running");
	/* Without this record the job still ends well: only the pid is not known after a crash. */
	if (rc == 0)
		(void)!record_append(h->recordfd, RECORD_BEGIN, buf_head(&fields), fields.len,
				     h->spec.power_safe);
	if (rc == 0)
		rc = frame_put(&h->conn.out, FRAME_BEGIN, buf_head(&fields), fields.len);
	control_send(h, rc);
	buf_fini(&fields);
	if (h->spec.timeout_ms)
		timer_set(h, TIMER_WALL, (int64_t)h->spec.timeout_ms);
}

static void
on_launch(struct holder *h, const struct frame *f)
{
	struct failure why = { .step = "launch", .errnum = EBADMSG };
	struct err err = { 0 };

	if (h->log)
		return; /* once is enough */
	if (spec_decode(&h->arena, f->fields, f->len, &h->spec) < 0) {
		failed(h, &why);
		return;
	}
	if (outlog_new(h->dirfd, h->spec.cap_bytes, OUTLOG_DROP_OLDEST, &h->log, &err) < 0) {
		why.errnum = ENOMEM;
		failed(h, &why);
		return;
	}
	output_set_policy(h, h->spec.cap);
	why.errnum = -record_append(h->recordfd, RECORD_HELD, NULL, 0, h->spec.power_safe);
	if (why.errnum)
		failed(h, &why);
}

static void
on_go(struct holder *h, const struct frame *f)
{
	struct failure why;

	(void)f;
	if (h->begin.pid || h->done)
		return; /* once is enough */
	if (launch(h, &why) < 0)
		failed(h, &why);
	else
		running(h);
	forget_strings(h);
}

static void
on_query(struct holder *h, const struct frame *f)
{
	struct frame_status s = control_status(h);

	(void)f;
	control_send(h, frame_put_status(&h->conn.out, FRAME_STATUS, &s));
}

static void
on_arm(struct holder *h, const struct frame *f)
{
	h->conn.armed = frame_get_arm(f, &h->conn.arm) == 0;
}

static void
on_input(struct holder *h, const struct frame *f)
{
	struct frame_input_done done;
	struct frame_input input;

	if (frame_get_input(f, &input) < 0)
		return;
	input_take(h, &input, &done);
	control_send(h, frame_put_input_done(&h->conn.out, &done));
	input_tell_room(h); /* behind the answer that says how much was refused */
}

static void
on_stop(struct holder *h, const struct frame *f)
{
	const struct failure cancelled = { .step = "cancelled",
					   .errnum = ECANCELED,
					   .failed_ns = clock_wall_ns() };
	struct frame_stop stop;

	if (frame_get_stop(f, &stop) < 0 || h->done)
		return;
	if (h->begin.pid)
		stop_begin(h, &stop, true);
	else
		failed(h, &cancelled);
}

static void
on_signal(struct holder *h, const struct frame *f)
{
	struct frame_signalled done = { 0 };
	struct frame_signal s;

	if (frame_get_signal(f, &s) < 0)
		return;
	done.tag = s.tag;
	done.processes = stop_signal(h, &s, &done.errnum);
	control_send(h, frame_put_signalled(&h->conn.out, &done));
}

static void
on_consumed(struct holder *h, const struct frame *f)
{
	struct frame_arm a;

	if (frame_get_arm(f, &a) < 0)
		return;
	outlog_consumed(h->log, OUTLOG_OUT, a.out);
	outlog_consumed(h->log, OUTLOG_ERR, a.err);
	if (h->blocked)
		output_retry(h);
}

static void
on_policy(struct holder *h, const struct frame *f)
{
	uint64_t cap;

	if (frame_get_number(f, &cap) == 0)
		output_set_policy(h, (enum spec_cap)cap);
}

static void
on_pipe_grant(struct holder *h, const struct frame *f)
{
	uint64_t bytes;

	if (frame_get_number(f, &bytes) == 0)
		output_grow_pipe(h, bytes);
}

static const struct {
	enum frame_type type;
	bool needs_job;
	void (*handle)(struct holder *h, const struct frame *f);
} handlers[] = {
	{ FRAME_LAUNCH, false, on_launch }, { FRAME_GO, true, on_go },
	{ FRAME_QUERY, true, on_query },    { FRAME_ARM, true, on_arm },
	{ FRAME_INPUT, true, on_input },    { FRAME_STOP, true, on_stop },
	{ FRAME_SIGNAL, true, on_signal },  { FRAME_CONSUMED, true, on_consumed },
	{ FRAME_POLICY, true, on_policy },  { FRAME_PIPE_GRANT, true, on_pipe_grant },
};

static void
dispatch(struct holder *h, const struct frame *f)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(handlers); i++)
		if ((unsigned)handlers[i].type == f->type && (h->log || !handlers[i].needs_job))
			handlers[i].handle(h, f);
}

/* False when the other end is gone. */
static bool
receive(struct conn *c)
{
	ssize_t n;

	for (;;) {
		if (buf_reserve(&c->in, READ_STEP) < 0)
			return false;
		n = recv(c->fd, buf_tail(&c->in), READ_STEP, MSG_DONTWAIT);
		if (n > 0)
			buf_commit(&c->in, (size_t)n);
		else if (n < 0 && errno == EINTR)
			continue;
		else
			return n < 0 && errno == EAGAIN;
		if (n < READ_STEP)
			return true;
	}
}

void
control_ready(struct holder *h, uint32_t events)
{
	struct conn *c = &h->conn;
	struct frame f;
	bool alive;
	size_t used;
	int rc = 0, fd = c->fd;

	(void)events;
	if (c->fd < 0)
		return;
	alive = receive(c);
	while (c->fd == fd &&
	       (rc = frame_next(&c->in, h->log ? FRAME_SMALL_MAX : FRAME_MAX, &f, &used)) > 0) {
		dispatch(h, &f);
		if (c->fd == fd)
			buf_consume(&c->in, used);
	}
	if (c->in.len == 0)
		buf_fini(&c->in); /* a LAUNCH was large, and the next frame may be months away */
	if (c->fd == fd && (!alive || rc < 0))
		hang_up(h);
}
