/* SPDX-License-Identifier: MIT */
#include "engine/rpc.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/transport/ipc/ipc.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/map.h"
#include "engine/nng_compat.h"
#include "wire/envelope.h"

/* So long the loop is held up by requests before it looks at everything else. */
#define COLLECT_NS (5 * NS_PER_MS)

#define FREE_MIN        16    /* contexts that are always free to receive */
#define CONTEXTS_MAX    16384 /* 0.8 KB each */
#define SEND_TIMEOUT_MS 10000
/* On their way to one connection, beyond what its socket holds. */
#define SENDING_MAX       1024 /* replies */
#define SENDING_BYTES_MAX ((size_t)32 * 1024 * 1024)

enum slot_state {
	SLOT_RECEIVING, /* NNG has it */
	SLOT_ARRIVED,   /* in the inbox */
	SLOT_BUSY,      /* the loop has it */
	SLOT_SENDING,   /* NNG has it */
};

struct rpc_slot {
	struct rpc *rpc;
	nng_ctx ctx;
	nng_aio *aio;
	enum slot_state state;
	nng_msg *msg;   /* the request, then the reply */
	size_t sending; /* bytes of the reply on its way */
	uint32_t pipe;
	bool is_allowed;
	STAILQ_ENTRY(rpc_slot) inbox_link;
	SLIST_ENTRY(rpc_slot) link;
};

struct rpc_pipe {
	char key[16]; /* its id, for the map */
	uint32_t id;
	int fd; /* NNG's; open as long as the pipe is in the map */
	bool is_allowed;
	unsigned sending; /* replies on their way, */
	size_t sending_bytes;
	uint64_t gone_behind; /* so many requests */
	STAILQ_ENTRY(rpc_pipe) gone_link;
};

struct rpc {
	nng_socket socket;
	struct rpc_handlers handlers;
	int wake; /* eventfd */
	SLIST_HEAD(, rpc_slot) slots;

	pthread_mutex_t lock; /* of all that follows */
	STAILQ_HEAD(, rpc_slot) inbox;
	STAILQ_HEAD(, rpc_pipe) gone;
	struct map pipes;
	uint64_t n_arrived, n_taken; /* requests */
	unsigned contexts, receiving;
	bool closing;
};

static void
wake(struct rpc *r)
{
	const uint64_t one = 1;

	(void)!write(r->wake, &one, sizeof one);
}

static struct rpc_pipe *
find_pipe(const struct rpc *r, uint32_t id)
{
	char key[16];

	(void)snprintf(key, sizeof key, "%x", id);
	return map_get(&r->pipes, key);
}

static void
receive(struct rpc_slot *slot)
{
	struct rpc *r = slot->rpc;

	(void)pthread_mutex_lock(&r->lock);
	slot->state = SLOT_RECEIVING;
	r->receiving++;
	(void)pthread_mutex_unlock(&r->lock);
	nng_aio_set_timeout(slot->aio, NNG_DURATION_INFINITE);
	nng_ctx_recv(slot->ctx, slot->aio);
}

/* A message has come, or the socket is closing. True: begin again. */
static bool
received(struct rpc_slot *slot)
{
	struct rpc *r = slot->rpc;
	struct rpc_pipe *pipe;
	bool again;

	slot->msg = NULL;
	if (nng_aio_result(slot->aio) == 0)
		slot->msg = nng_aio_get_msg(slot->aio);
	(void)pthread_mutex_lock(&r->lock);
	r->receiving--;
	pipe = slot->msg ? find_pipe(r, (uint32_t)nng_pipe_id(nng_msg_get_pipe(slot->msg))) : NULL;
	again = !pipe && !r->closing;
	if (pipe) {
		slot->pipe = pipe->id;
		slot->is_allowed = pipe->is_allowed;
		slot->state = SLOT_ARRIVED;
		STAILQ_INSERT_TAIL(&r->inbox, slot, inbox_link);
		r->n_arrived++;
	} else if (slot->msg) {
		nng_msg_free(slot->msg); /* its connection is gone already */
		slot->msg = NULL;
	}
	(void)pthread_mutex_unlock(&r->lock);
	if (pipe)
		wake(r);
	return again;
}

/* A client that has lost a reply must not wait for it: it loses its connection too. Not by
 * nng_pipe_close(): see nng_compat.c. */
static void
hang_up(struct rpc *r, uint32_t id)
{
	struct rpc_pipe *pipe;

	(void)pthread_mutex_lock(&r->lock);
	pipe = find_pipe(r, id);
	if (pipe)
		(void)shutdown(pipe->fd, SHUT_RDWR);
	(void)pthread_mutex_unlock(&r->lock);
}

/* The reply is out, or will never be. */
static void
sent(struct rpc_slot *slot)
{
	struct rpc *r = slot->rpc;
	struct rpc_pipe *pipe;

	if (nng_aio_result(slot->aio) != 0)
		nng_msg_free(nng_aio_get_msg(slot->aio)); /* it stayed ours */
	(void)pthread_mutex_lock(&r->lock);
	slot->msg = NULL;
	pipe = find_pipe(r, slot->pipe);
	if (pipe) {
		pipe->sending--;
		pipe->sending_bytes -= slot->sending;
	}
	(void)pthread_mutex_unlock(&r->lock);
	if (nng_aio_result(slot->aio) == NNG_ETIMEDOUT)
		hang_up(slot->rpc, slot->pipe);
}

/* On a thread of NNG's. */
static void
on_aio(void *arg)
{
	struct rpc_slot *slot = arg;
	enum slot_state state;

	(void)pthread_mutex_lock(&slot->rpc->lock);
	state = slot->state;
	(void)pthread_mutex_unlock(&slot->rpc->lock);
	if (state == SLOT_RECEIVING) {
		if (received(slot))
			receive(slot);
		return;
	}
	sent(slot);
	if (nng_aio_result(slot->aio) != NNG_ECLOSED)
		receive(slot);
}

/* On a thread of NNG's. */
static void
on_pipe(nng_pipe id, nng_pipe_ev what, void *arg)
{
	struct rpc *r = arg;
	struct rpc_pipe *p;
	uint64_t uid;

	(void)pthread_mutex_lock(&r->lock);
	p = find_pipe(r, (uint32_t)nng_pipe_id(id));
	if (what == NNG_PIPE_EV_ADD_PRE && !p) {
		p = calloc(1, sizeof *p);
		if (p) {
			p->id = (uint32_t)nng_pipe_id(id);
			(void)snprintf(p->key, sizeof p->key, "%x", p->id);
			p->is_allowed = nng_pipe_get_uint64(id, NNG_OPT_IPC_PEER_UID, &uid) == 0 &&
					(uid == geteuid() || uid == 0);
			p->fd = nng_compat_peer_fd();
			if (map_put(&r->pipes, p->key, p) < 0) {
				free(p);
				p = NULL;
			}
		}
		if (!p)
			(void)nng_pipe_close(id);
	} else if (what == NNG_PIPE_EV_REM_POST && p) {
		(void)map_remove(&r->pipes, p->key);
		p->gone_behind = r->n_arrived;
		STAILQ_INSERT_TAIL(&r->gone, p, gone_link);
		wake(r);
	}
	(void)pthread_mutex_unlock(&r->lock);
}

static int
failed(struct err *err, const char *what, int rv)
{
	return err_set(err, ERR_UNAVAILABLE, "request socket: %s: %s", what, nng_strerror(rv));
}

/* One more context, receiving. */
static int
add_slot(struct rpc *r)
{
	struct rpc_slot *slot = calloc(1, sizeof *slot);
	int rv;

	if (!slot)
		return NNG_ENOMEM;
	slot->rpc = r;
	rv = nng_ctx_open(&slot->ctx, r->socket);
	if (rv) {
		free(slot);
		return rv;
	}
	rv = nng_aio_alloc(&slot->aio, on_aio, slot);
	if (rv) {
		(void)nng_ctx_close(slot->ctx);
		free(slot);
		return rv;
	}
	SLIST_INSERT_HEAD(&r->slots, slot, link);
	(void)pthread_mutex_lock(&r->lock);
	r->contexts++;
	(void)pthread_mutex_unlock(&r->lock);
	receive(slot);
	return 0;
}

static int
keep_some_free(struct rpc *r)
{
	struct rpc_counts c = rpc_counts(r);
	int rv = 0;

	for (; rv == 0 && c.receiving < FREE_MIN && c.contexts < CONTEXTS_MAX; c.contexts++) {
		rv = add_slot(r);
		c.receiving++;
	}
	return rv;
}

static int
listen_on(struct rpc *r, int dirfd, struct err *err)
{
	char url[64], path[48];
	nng_listener listener;
	int rv;

	if (fd_proc_path(dirfd, ENDPOINT_REQUESTS, path, sizeof path) < 0)
		return err_set(err, ERR_INTERNAL, "request socket: path");
	(void)snprintf(url, sizeof url, "ipc://%s", path);
	rv = nng_listener_create(&listener, r->socket, url);
	if (rv == 0)
		rv = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
	if (rv == 0)
		rv = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, WIRE_SOCKET_MAX);
	if (rv == 0)
		rv = nng_listener_start(listener, 0);
	return rv ? failed(err, url, rv) : 0;
}

int
rpc_new(int dirfd, const struct rpc_handlers *handlers, struct rpc **ret_rpc, struct err *err)
{
	struct rpc *r = calloc(1, sizeof *r);
	int rc, rv;

	nng_compat();
	if (!r)
		return err_sys(err, ENOMEM, "request socket");
	r->handlers = *handlers;
	STAILQ_INIT(&r->inbox);
	STAILQ_INIT(&r->gone);
	(void)pthread_mutex_init(&r->lock, NULL);
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rv = r->wake < 0 ? NNG_ENOMEM : nng_rep0_open(&r->socket);
	if (rv) {
		fd_close(&r->wake);
		free(r);
		return failed(err, "open", rv);
	}
	rv = nng_pipe_notify(r->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, r);
	if (rv == 0)
		rv = nng_pipe_notify(r->socket, NNG_PIPE_EV_REM_POST, on_pipe, r);
	if (rv == 0)
		rv = keep_some_free(r);
	rc = rv ? failed(err, "set up", rv) : listen_on(r, dirfd, err);
	if (rc < 0) {
		rpc_free(r);
		return rc;
	}
	*ret_rpc = r;
	return 0;
}

static void
free_pipes(struct rpc *r)
{
	struct rpc_pipe *p;
	size_t it;

	while ((p = STAILQ_FIRST(&r->gone))) {
		STAILQ_REMOVE_HEAD(&r->gone, gone_link);
		free(p);
	}
	map_for_each (&r->pipes, it, p)
		free(p);
	map_fini(&r->pipes);
}

void
rpc_free(struct rpc *r)
{
	struct rpc_slot *slot;

	if (!r)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->closing = true;
	(void)pthread_mutex_unlock(&r->lock);
	(void)nng_close(r->socket);
	while ((slot = SLIST_FIRST(&r->slots))) {
		SLIST_REMOVE_HEAD(&r->slots, link);
		nng_aio_stop(slot->aio); /* waits for its callback */
		if (slot->state == SLOT_ARRIVED || slot->state == SLOT_BUSY)
			nng_msg_free(slot->msg);
		nng_aio_free(slot->aio);
		free(slot);
	}
	free_pipes(r);
	fd_close(&r->wake);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

int
rpc_fd(const struct rpc *r)
{
	return r->wake;
}

struct rpc_counts
rpc_counts(struct rpc *r)
{
	struct rpc_counts c;

	(void)pthread_mutex_lock(&r->lock);
	c = (struct rpc_counts){ r->contexts, r->receiving, (unsigned)r->pipes.len };
	(void)pthread_mutex_unlock(&r->lock);
	return c;
}

static bool
next_arrived(struct rpc *r, struct rpc_request *ret)
{
	struct rpc_slot *slot;

	(void)pthread_mutex_lock(&r->lock);
	slot = STAILQ_FIRST(&r->inbox);
	if (slot) {
		STAILQ_REMOVE_HEAD(&r->inbox, inbox_link);
		r->n_taken++;
		slot->state = SLOT_BUSY;
		*ret = (struct rpc_request){ slot, nng_msg_body(slot->msg), nng_msg_len(slot->msg),
					     slot->pipe, slot->is_allowed };
	}
	(void)pthread_mutex_unlock(&r->lock);
	return slot != NULL;
}

/* Behind all that came by it: a request that is looked at later would make its client anew. */
static struct rpc_pipe *
next_gone(struct rpc *r)
{
	struct rpc_pipe *p;

	(void)pthread_mutex_lock(&r->lock);
	p = STAILQ_FIRST(&r->gone);
	if (p && p->gone_behind > r->n_taken)
		p = NULL;
	if (p)
		STAILQ_REMOVE_HEAD(&r->gone, gone_link);
	(void)pthread_mutex_unlock(&r->lock);
	return p;
}

static bool
has_more(struct rpc *r)
{
	bool more;

	(void)pthread_mutex_lock(&r->lock);
	more = !STAILQ_EMPTY(&r->inbox) || !STAILQ_EMPTY(&r->gone);
	(void)pthread_mutex_unlock(&r->lock);
	return more;
}

void
rpc_collect(struct rpc *r)
{
	const int64_t until = clock_mono_ns() + COLLECT_NS;
	struct rpc_request request;
	struct rpc_pipe *pipe;
	uint64_t count;

	(void)!read(r->wake, &count, sizeof count);
	while (clock_mono_ns() < until && next_arrived(r, &request))
		r->handlers.request(r->handlers.arg, &request);
	while ((pipe = next_gone(r))) {
		r->handlers.gone(r->handlers.arg, pipe->id);
		free(pipe);
	}
	(void)keep_some_free(r); /* without memory those that are there must do */
	if (has_more(r))
		wake(r);
}

void *
rpc_reply(struct rpc_slot *slot, size_t len)
{
	nng_msg *reply;

	if (nng_msg_alloc(&reply, len) != 0)
		return NULL;
	nng_msg_free(slot->msg);
	slot->msg = reply;
	return nng_msg_body(reply);
}

/* Count the reply, where there is room on the way to its connection. */
static bool
may_send(struct rpc_slot *slot)
{
	struct rpc *r = slot->rpc;
	struct rpc_pipe *pipe;
	bool ok;

	(void)pthread_mutex_lock(&r->lock);
	pipe = find_pipe(r, slot->pipe);
	ok = pipe && pipe->sending < SENDING_MAX && pipe->sending_bytes < SENDING_BYTES_MAX;
	slot->sending = nng_msg_len(slot->msg);
	if (ok) {
		pipe->sending++;
		pipe->sending_bytes += slot->sending;
		slot->state = SLOT_SENDING;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return ok;
}

void
rpc_send(struct rpc_slot *slot)
{
	if (!may_send(slot)) {
		hang_up(slot->rpc, slot->pipe);
		rpc_drop(slot);
		return;
	}
	nng_aio_set_msg(slot->aio, slot->msg);
	nng_aio_set_timeout(slot->aio, SEND_TIMEOUT_MS);
	nng_ctx_send(slot->ctx, slot->aio);
}

/* Receiving again without a reply is what tells NNG to forget the request. */
void
rpc_drop(struct rpc_slot *slot)
{
	nng_msg_free(slot->msg);
	slot->msg = NULL;
	receive(slot);
}
