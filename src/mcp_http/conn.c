/* SPDX-License-Identifier: MIT */
/* What a connection reads, and how it ends. */
#include "mcp_http/conn.h"

#include <event2/buffer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "mcp_http/conn_inside.h"

#define LINGER_MS   1000
#define VANISHED_MS 60000 /* how long sent bytes may stay without an answer from the kernel */

static void
conn_free(struct conn *c)
{
	struct conns *conns = c->conns;

	TAILQ_REMOVE(&conns->list, c, entry);
	conns->n--;
	parse_fini(&c->parse);
	if (c->bev)
		bufferevent_free(c->bev);
	if (c->timer)
		event_free(c->timer);
	free(c->fields);
	free(c);
	if (conns->is_draining && conns->n == 0 && conns->config.on_empty)
		conns->config.on_empty(conns->config.arg);
}

/* The client has gone, or we have had enough of it. */
static void
conn_end(struct conn *c)
{
	const struct conn_owner *owner = c->owner;

	if (c->is_dead)
		return;
	c->is_dead = true;
	c->owner = NULL;
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	if (owner)
		owner->gone(c->owner_arg);
}

static void
enter(struct conn *c)
{
	c->depth++;
}

static void
leave(struct conn *c)
{
	if (--c->depth == 0 && c->is_dead)
		conn_free(c);
}

void
conn_tick_in(struct conn *c, int64_t ms)
{
	struct timeval tv = clock_wait(ms);

	(void)evtimer_add(c->timer, &tv);
}

void
conn_wake(struct conn *c)
{
	event_active(c->timer, EV_READ, 0);
}

void
conn_abort(struct conn *c)
{
	c->is_aborting = true;
	conn_wake(c);
}

void
conn_set_state(struct conn *c, enum conn_state state)
{
	const struct conns_config *config = &c->conns->config;
	const int64_t limits[] = {
		[CONN_IDLE] = config->idle_ms,
		[CONN_HEAD] = config->head_ms,
		[CONN_BODY] = config->body_ms,
		[CONN_FLUSH] = 0,
		[CONN_LINGER] = LINGER_MS,
		[CONN_BUSY] = 0,
		[CONN_STREAM] = 0,
	};

	c->state = state;
	if (limits[state])
		conn_tick_in(c, limits[state]);
	else
		(void)evtimer_del(c->timer);
}

/* All is written: say so, and wait until the client has seen it. Closing at once could make the
 * kernel throw away what it has not taken yet. */
static void
linger(struct conn *c)
{
	(void)shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	if (c->has_ended)
		conn_end(c);
	else
		conn_set_state(c, CONN_LINGER);
}

static void
flush(struct conn *c)
{
	if (conn_unsent(c))
		conn_set_state(c, CONN_FLUSH);
	else
		linger(c);
}

void
conn_answered(struct conn *c)
{
	c->owner = NULL;
	if (c->state == CONN_BODY && c->parse.is_open) {
		c->is_answered = true; /* its end is still to be read */
		return;
	}
	if (!c->is_handling)
		parse_next(&c->parse);
	free(c->fields);
	c->fields = NULL;
	c->is_answered = false;
	if (!c->parse.is_open) {
		flush(c);
		return;
	}
	conn_set_state(c, CONN_IDLE);
	if (c->depth == 0)
		conn_wake(c);
}

void
conn_own(struct conn *c, const struct conn_owner *owner, void *arg)
{
	c->owner = owner;
	c->owner_arg = arg;
}

static void
on_head(struct conn *c)
{
	const struct head *head = &c->parse.request->head;
	const char *expect = head_get(head, "expect");

	conn_set_state(c, CONN_BODY);
	c->is_handling = true;
	c->conns->config.on_head(c->conns->config.arg, c, head);
	c->is_handling = false;
	if (c->state != CONN_BODY || c->is_answered || !head->has_body || !expect)
		return;
	if (strcasecmp(expect, "100-continue") == 0)
		(void)bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	else
		conn_refuse(c, 417);
}

static void
on_whole(struct conn *c)
{
	const struct request *request = c->parse.request;

	if (c->is_answered) {
		c->state = CONN_BUSY;
		conn_answered(c);
		return;
	}
	conn_set_state(c, CONN_BUSY);
	c->is_handling = true;
	c->conns->config.on_request(c->conns->config.arg, c, &request->head, &request->body);
	c->is_handling = false;
	parse_next(&c->parse); /* it was borrowed, whether it has been answered or not */
}

/* Read a piece of what has come; false where there is nothing to do. */
static bool
step(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len = evbuffer_get_contiguous_space(in);
	enum parse_event event;
	size_t n;

	/* Who asks and does not read the answers is not asked for more. */
	if (c->is_dead || c->state > CONN_BODY || !len || conn_unsent(c) > CONN_UNREAD_MAX)
		return false;
	if (c->state == CONN_IDLE)
		conn_set_state(c, CONN_HEAD);
	n = parse_feed(&c->parse, (const char *)evbuffer_pullup(in, (ssize_t)len), len, &event);
	(void)evbuffer_drain(in, n);
	if (event == PARSE_HEAD)
		on_head(c);
	else if (event == PARSE_WHOLE)
		on_whole(c);
	else if (event == PARSE_FAILED)
		conn_refuse(c, c->parse.status);
	return true;
}

static void
process(struct conn *c)
{
	enter(c);
	while (step(c))
		;
	if (c->state >= CONN_FLUSH)
		(void)evbuffer_drain(bufferevent_get_input(c->bev), SIZE_MAX);
	leave(c);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	process(arg);
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	enter(c);
	if (c->state == CONN_FLUSH && conn_unsent(c) == 0)
		linger(c);
	else
		process(c);
	leave(c);
}

static void
on_ended(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	enter(c);
	c->has_ended = true;
	/* Somebody who sent all and closed his half may still read what is on its way. */
	if (what & BEV_EVENT_EOF && (c->state == CONN_FLUSH || c->state == CONN_IDLE) &&
	    conn_unsent(c))
		conn_set_state(c, CONN_FLUSH);
	else
		conn_end(c);
	leave(c);
}

static void
on_deadline(struct conn *c)
{
	switch (c->state) {
	case CONN_HEAD:
	case CONN_BODY:
		if (c->is_answered)
			conn_end(c);
		else
			conn_refuse(c, 408);
		break;
	case CONN_BUSY:
	case CONN_STREAM:
		if (c->owner && c->owner->tick)
			c->owner->tick(c->owner_arg);
		break;
	case CONN_IDLE:
	case CONN_FLUSH:
	case CONN_LINGER:
		conn_end(c);
		break;
	}
}

/* Either a deadline, or conn_wake(). */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	enter(c);
	if (c->is_aborting)
		conn_end(c);
	else if (what & EV_TIMEOUT)
		on_deadline(c);
	if (what & EV_READ && !c->is_dead)
		process(c);
	leave(c);
}

/* The kernel tells of a peer that has vanished even where we have nothing to say to it. */
static void
watch_peer(int fd, int64_t vanished_ms)
{
	const int on = 1, idle = 30, pause = 10, tries = 3;
	const unsigned timeout = (unsigned)vanished_ms;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof pause);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

static void
refuse_socket(int fd)
{
	static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
				   "Retry-After: 1\r\nConnection: close\r\n\r\n";

	(void)!send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(fd);
}

void
conns_accept(struct conns *conns, int fd)
{
	struct timeval tv = clock_wait(conns->config.write_ms);
	struct conn *c;

	c = conns->n < conns->config.conns_max && !conns->is_draining ? calloc(1, sizeof *c) : NULL;
	if (!c) {
		refuse_socket(fd);
		return;
	}
	c->conns = conns;
	parse_init(&c->parse, conns->config.body_max, &conns->bodies);
	TAILQ_INSERT_TAIL(&conns->list, c, entry);
	conns->n++;
	c->timer = event_new(conns->config.base, -1, 0, on_timer, c);
	c->bev = bufferevent_socket_new(conns->config.base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->timer || !c->bev) {
		if (!c->bev)
			refuse_socket(fd);
		conn_free(c);
		return;
	}
	watch_peer(fd, VANISHED_MS);
	bufferevent_setcb(c->bev, on_readable, on_written, on_ended, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, CONN_AHEAD_MAX);
	(void)bufferevent_set_timeouts(c->bev, NULL, &tv);
	(void)bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	/* Who connects has something to say. */
	conn_set_state(c, CONN_HEAD);
	c->state = CONN_IDLE;
}

void
conns_drain(struct conns *conns)
{
	struct conn *c, *next;

	conns->is_draining = true;
	for (c = TAILQ_FIRST(&conns->list); c; c = next) {
		next = TAILQ_NEXT(c, entry);
		enter(c);
		c->parse.is_open = false;
		if (c->state == CONN_IDLE)
			flush(c);
		leave(c);
	}
	if (conns->n == 0 && conns->config.on_empty)
		conns->config.on_empty(conns->config.arg);
}

size_t
conns_count(const struct conns *conns)
{
	return conns->n;
}

int
conns_new(const struct conns_config *config, struct conns **ret_conns, struct err *err)
{
	struct conns *conns = calloc(1, sizeof *conns);

	if (!conns)
		return err_sys(err, ENOMEM, "connections");
	conns->config = *config;
	conns->bodies.most = config->bodies_max;
	TAILQ_INIT(&conns->list);
	*ret_conns = conns;
	return 0;
}

void
conns_free(struct conns *conns)
{
	struct conn *c;

	if (!conns)
		return;
	conns->is_draining = false;
	while ((c = TAILQ_FIRST(&conns->list))) {
		enter(c);
		conn_end(c);
		leave(c);
	}
	free(conns);
}
