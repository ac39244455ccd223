/* SPDX-License-Identifier: MIT */
#include "mcp_stdio/stdio.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/err.h"
#include "mcp/session.h"
#include "mcp_stdio/lines.h"

/* The parent's death must be told from a SIGTERM that was meant for us: the signal also comes when
 * only the thread that started us has ended. */
#define PARENT_SIGNAL SIGUSR1

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, PARENT_SIGNAL };

struct stdio {
	struct event_base *base;
	const struct descriptors *fds;
	struct mcp_session *session; /* NULL from the end on */
	struct lines lines;
	struct evbuffer *queue; /* whole lines on their way out */
	struct event *on_in, *on_out, *tick;
	struct event *on_signal[ARRAY_SIZE(signals)];
	pid_t parent;
	bool is_reading;  /* requests are being handled: their answers go out together */
	bool is_paused;   /* the queue is too long */
	bool has_ended;   /* of input */
	bool has_written; /* since the last tick */
	int failed;       /* what writing said, -errno */
};

struct event_base *
stdio_base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_require_features(config, EV_FEATURE_FDS) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

static void
finish(struct stdio *s)
{
	(void)event_base_loopbreak(s->base);
}

/* After the last request and the last answer nothing keeps us. */
static void
finish_if_done(struct stdio *s)
{
	if (s->has_ended && !s->is_paused && evbuffer_get_length(s->queue) == 0 &&
	    (!s->session || mcp_session_pending(s->session) == 0))
		finish(s);
}

static void
start_tick(struct stdio *s)
{
	const struct timeval grace = { 0, STDIO_GRACE_MS * 1000 };

	(void)evtimer_add(s->tick, &grace);
}

/* Write what can be written now, and watch for more room if something is left. */
static void
flush(struct stdio *s)
{
	int n;

	while (evbuffer_get_length(s->queue)) {
		n = evbuffer_write(s->queue, s->fds->out);
		if (n > 0) {
			s->has_written = true;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			s->failed = -errno;
			finish(s);
			return;
		} else {
			(void)event_add(s->on_out, NULL);
			return;
		}
	}
	if (!s->is_paused) /* else the next word is on_writable()'s */
		(void)event_del(s->on_out);
}

static void
send_line(void *arg, const struct mcp_outgoing *out)
{
	struct stdio *s = arg;

	if (out->kind == MCP_OUT_PROGRESS && evbuffer_get_length(s->queue) > STDIO_QUEUE_HIGH)
		return;
	if (evbuffer_expand(s->queue, out->len + 1) < 0) {
		s->failed = -ENOMEM; /* an answer must not be lost in silence */
		finish(s);
		return;
	}
	(void)evbuffer_add(s->queue, out->bytes, out->len);
	(void)evbuffer_add(s->queue, "\n", 1);
	if (!s->is_reading) {
		flush(s);
		finish_if_done(s);
	}
}

static bool
is_blank(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	}
	return true;
}

static void
refuse_long(struct stdio *s, size_t len)
{
	char why[120];

	(void)snprintf(why, sizeof why,
		       "Invalid request: a line of %zu bytes was discarded; at most %u are taken",
		       len, STDIO_LINE_MAX);
	mcp_session_refuse(s->session, MCP_INVALID_REQUEST, why, NULL);
}

/* One line, whatever it is; false where none is there. */
static bool
handle_line(struct stdio *s)
{
	enum lines_kind kind;
	const char *line;
	size_t len;

	kind = lines_next(&s->lines, &line, &len);
	if (kind == LINES_TOO_LONG)
		refuse_long(s, len);
	else if (kind == LINES_LINE && !is_blank(line, len))
		mcp_session_receive(s->session, line, len, NULL);
	return kind != LINES_NONE;
}

/* Is the queue too long, even after writing what can be written? */
static bool
is_full(struct stdio *s)
{
	if (evbuffer_get_length(s->queue) > STDIO_QUEUE_HIGH)
		flush(s);
	return evbuffer_get_length(s->queue) > STDIO_QUEUE_HIGH;
}

/* Handle the lines that are there, until none is left or the queue is too long. In the second case
 * we are paused, and on_writable() goes on. */
static void
handle_lines(struct stdio *s)
{
	s->is_reading = true;
	s->is_paused = false;
	while (s->session && !s->is_paused) {
		s->is_paused = is_full(s);
		if (!s->is_paused && !handle_line(s))
			break;
	}
	s->is_reading = false;
	flush(s);
	if (s->is_paused)
		(void)event_add(s->on_out, NULL); /* even if all has just been written */
}

static void
end_input(struct stdio *s)
{
	s->has_ended = true;
	(void)event_del(s->on_in);
	lines_end(&s->lines);
	start_tick(s);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stdio *s = arg;
	unsigned char *room = lines_room(&s->lines);
	ssize_t n;

	(void)what;
	if (!room) {
		s->failed = -ENOMEM;
		finish(s);
		return;
	}
	n = read(fd, room, LINES_CHUNK);
	if (n > 0)
		lines_add(&s->lines, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end_input(s);
	handle_lines(s);
	if (s->is_paused) {
		(void)event_del(s->on_in);
		start_tick(s);
	}
	finish_if_done(s);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct stdio *s = arg;

	(void)fd;
	(void)what;
	flush(s);
	if (s->is_paused && evbuffer_get_length(s->queue) <= STDIO_QUEUE_HIGH / 2) {
		handle_lines(s);
		if (!s->is_paused && !s->has_ended)
			(void)event_add(s->on_in, NULL);
	}
	finish_if_done(s);
}

/* Nobody writes to our input any more, although we may not have read all of it. */
static bool
has_hung_up(const struct stdio *s)
{
	struct pollfd p = { .fd = s->fds->in, .events = POLLRDHUP };

	return s->has_ended || (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLRDHUP | POLLERR));
}

/* Runs while the queue is too long and after the end of input. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct stdio *s = arg;

	(void)fd;
	(void)what;
	if (s->has_ended && !s->is_paused) {
		mcp_session_free(s->session);
		s->session = NULL;
	}
	if (!s->has_written && has_hung_up(s)) {
		finish(s);
		return;
	}
	s->has_written = false;
	if (s->has_ended || s->is_paused)
		start_tick(s);
	finish_if_done(s);
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	struct stdio *s = arg;

	(void)what;
	if (number != PARENT_SIGNAL || getppid() != s->parent)
		finish(s);
}

static int
watch(struct stdio *s)
{
	size_t i;

	s->on_in = event_new(s->base, s->fds->in, EV_READ | EV_PERSIST, on_readable, s);
	s->on_out = event_new(s->base, s->fds->out, EV_WRITE | EV_PERSIST, on_writable, s);
	s->tick = evtimer_new(s->base, on_tick, s);
	if (!s->on_in || !s->on_out || !s->tick || event_add(s->on_in, NULL) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		s->on_signal[i] = evsignal_new(s->base, signals[i], on_signal, s);
		if (!s->on_signal[i] || evsignal_add(s->on_signal[i], NULL) < 0)
			return -1;
	}
	s->parent = getppid();
	return prctl(PR_SET_PDEATHSIG, PARENT_SIGNAL);
}

int
stdio_new(struct event_base *base, const struct descriptors *fds, const struct mcp_server *server,
	  void *tool_arg, struct stdio **ret_stdio, struct err *err)
{
	struct mcp_session_config config = { .send = send_line, .tool_arg = tool_arg };
	struct stdio *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return err_sys(err, ENOMEM, "MCP over stdio");
	(void)signal(SIGPIPE, SIG_IGN);
	s->base = base;
	s->fds = fds;
	config.send_arg = s;
	lines_init(&s->lines, STDIO_LINE_MAX);
	s->queue = evbuffer_new();
	rc = mcp_session_new(server, &config, &s->session, err);
	if (rc == 0 && (!s->queue || watch(s) < 0))
		rc = err_sys(err, errno ? errno : ENOMEM, "watch standard input and output");
	if (rc < 0) {
		stdio_free(s);
		return rc;
	}
	*ret_stdio = s;
	return 0;
}

int
stdio_run(struct stdio *s, struct err *err)
{
	if (getppid() != s->parent)
		return 0; /* it died before we could ask to be told */
	if (event_base_dispatch(s->base) < 0)
		return err_set(err, ERR_INTERNAL, "event loop failed");
	if (s->failed && s->failed != -EPIPE && s->failed != -ECONNRESET)
		return err_sys(err, -s->failed, "standard output");
	return 0;
}

void
stdio_free(struct stdio *s)
{
	size_t i;

	if (!s)
		return;
	mcp_session_free(s->session);
	lines_fini(&s->lines);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		if (s->on_signal[i])
			event_free(s->on_signal[i]);
	}
	if (s->on_in)
		event_free(s->on_in);
	if (s->on_out)
		event_free(s->on_out);
	if (s->tick)
		event_free(s->tick);
	if (s->queue)
		evbuffer_free(s->queue);
	free(s);
}
