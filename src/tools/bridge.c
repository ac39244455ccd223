/* SPDX-License-Identifier: MIT */
#include "tools/bridge.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>

#include "base/err.h"

struct bridge {
	struct event_base *base;
	struct client_options options;
	struct client *client; /* NULL until the first call */
	struct event *ready;   /* what the client waits for */
	int depth;             /* how often we are inside of the client */
};

static void on_ready(evutil_socket_t fd, short what, void *arg);

/* The client may close its descriptor and open another one under the same number: nothing is
 * watched while it runs. */
static void
enter(struct bridge *b)
{
	if (b->depth++ == 0)
		(void)event_del(b->ready);
}

static void
leave(struct bridge *b)
{
	struct client_wait w;
	struct timeval tv;
	short events;

	if (--b->depth > 0)
		return;
	w = client_poll(b->client);
	events = (short)((w.events & POLLIN ? EV_READ : 0) | (w.events & POLLOUT ? EV_WRITE : 0));
	tv = (struct timeval){ w.timeout_ms / 1000, w.timeout_ms % 1000 * 1000 };
	(void)event_assign(b->ready, b->base, w.fd, w.fd < 0 ? 0 : events, on_ready, b);
	if (w.fd >= 0 || w.timeout_ms >= 0)
		(void)event_add(b->ready, w.timeout_ms < 0 ? NULL : &tv);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct bridge *b = arg;

	(void)fd, (void)what;
	enter(b);
	client_process(b->client);
	leave(b);
}

int
bridge_new(struct event_base *base, const struct client_options *options,
	   struct bridge **ret_bridge, struct err *err)
{
	struct bridge *b = calloc(1, sizeof *b);

	if (!b)
		return err_sys(err, ENOMEM, "bridge");
	b->base = base;
	b->options = *options;
	b->ready = evtimer_new(base, on_ready, b);
	if (!b->ready) {
		bridge_free(b);
		return err_sys(err, ENOMEM, "bridge");
	}
	*ret_bridge = b;
	return 0;
}

void
bridge_free(struct bridge *b)
{
	if (!b)
		return;
	if (b->ready)
		event_free(b->ready);
	client_free(b->client);
	free(b);
}

int
bridge_send(struct bridge *b, struct client_request *r, enum method_number method,
	    const ProtobufCMessage *message, const struct client_how *how, struct err *err)
{
	int rc = b->client ? 0 : client_new(&b->options, &b->client, err);

	if (rc < 0)
		return rc;
	enter(b);
	client_send(b->client, r, method, message, how);
	leave(b);
	return 0;
}

void
bridge_cancel(struct bridge *b, struct client_request *r)
{
	if (!b->client)
		return;
	enter(b);
	client_cancel(b->client, r);
	leave(b);
}
