/* SPDX-License-Identifier: MIT */
#include <poll.h>

#include "base/err.h"
#include "client/client.h"

struct waiting_call {
	struct client_request request;
	struct err *err;
	const ProtobufCMessage *reply;
	int rc;
	bool is_done;
};

static void
on_done(struct client_request *request, const ProtobufCMessage *reply, const struct err *err)
{
	struct waiting_call *w = container_of(request, struct waiting_call, request);

	w->is_done = true;
	w->reply = reply;
	w->rc = err ? err->code : 0;
	if (err && w->err)
		*w->err = *err;
}

static void
wait_and_process(struct client *c)
{
	struct client_wait w = client_poll(c);
	struct pollfd p = { .fd = w.fd, .events = w.events };

	(void)poll(&p, 1, w.timeout_ms);
	client_process(c);
}

int
client_call(struct client *c, enum method_number method, const ProtobufCMessage *message,
	    const struct client_how *how, struct arena *a, const ProtobufCMessage **ret_reply,
	    struct err *err)
{
	struct waiting_call w = { .request = { .done = on_done, .arena = a }, .err = err };

	client_send(c, &w.request, method, message, how);
	while (!w.is_done)
		wait_and_process(c);
	if (w.rc == 0)
		*ret_reply = w.reply;
	return w.rc;
}
