/* SPDX-License-Identifier: MIT */
#include "bus/bus.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/transport/ipc/ipc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "base/fd.h"

/* Memory for one subscriber that does not read: 64 messages of at most 33 KiB. */
#define QUEUE_MESSAGES  64
#define SUBSCRIBERS_MAX 256
#define RECEIVE_MAX     1024 /* subscribers have nothing to say */

struct bus {
	nng_socket socket;
	pthread_mutex_t lock; /* of the two that follow */
	int pipes[SUBSCRIBERS_MAX];
	unsigned subscribers;
	int changed; /* eventfd */
};

static int
failed(struct err *err, const char *what, int rv)
{
	return err_set(err, ERR_UNAVAILABLE, "event socket: %s: %s", what, nng_strerror(rv));
}

static bool
is_welcome(nng_pipe pipe)
{
	uint64_t uid;

	return nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0 &&
	       (uid == geteuid() || uid == 0);
}

static unsigned
find_pipe(const struct bus *b, int id)
{
	unsigned i;

	for (i = 0; i < b->subscribers && b->pipes[i] != id;)
		i++;
	return i;
}

/* On a thread of NNG's. A pipe that is refused here is reported as removed all the same, so those
 * that count are known by their ids. */
static void
on_pipe(nng_pipe pipe, nng_pipe_ev what, void *arg)
{
	const uint64_t one = 1;
	struct bus *b = arg;
	unsigned i;

	(void)pthread_mutex_lock(&b->lock);
	i = find_pipe(b, nng_pipe_id(pipe));
	if (what == NNG_PIPE_EV_ADD_PRE) {
		if (is_welcome(pipe) && b->subscribers < SUBSCRIBERS_MAX)
			b->pipes[b->subscribers++] = nng_pipe_id(pipe);
		else
			(void)nng_pipe_close(pipe);
	} else if (what == NNG_PIPE_EV_REM_POST && i < b->subscribers) {
		b->pipes[i] = b->pipes[--b->subscribers];
	}
	(void)pthread_mutex_unlock(&b->lock);
	(void)!write(b->changed, &one, sizeof one);
}

static int
listen_on(struct bus *b, int dirfd, struct err *err)
{
	char url[64], path[48];
	nng_listener listener;
	int rv;

	if (fd_proc_path(dirfd, ENDPOINT_EVENTS, path, sizeof path) < 0)
		return err_set(err, ERR_INTERNAL, "event socket: path");
	(void)snprintf(url, sizeof url, "ipc://%s", path);
	rv = nng_listener_create(&listener, b->socket, url);
	if (rv == 0)
		rv = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
	if (rv == 0)
		rv = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, RECEIVE_MAX);
	if (rv == 0)
		rv = nng_listener_start(listener, 0);
	return rv ? failed(err, url, rv) : 0;
}

int
bus_new(int dirfd, struct bus **ret_bus, struct err *err)
{
	struct bus *b = calloc(1, sizeof *b);
	int rc, rv;

	if (!b)
		return err_sys(err, ENOMEM, "event socket");
	(void)pthread_mutex_init(&b->lock, NULL);
	b->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rv = b->changed < 0 ? NNG_ENOMEM : nng_pub0_open(&b->socket);
	if (rv) {
		fd_close(&b->changed);
		free(b);
		return failed(err, "open", rv);
	}
	rv = nng_socket_set_int(b->socket, NNG_OPT_SENDBUF, QUEUE_MESSAGES);
	if (rv == 0)
		rv = nng_pipe_notify(b->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, b);
	if (rv == 0)
		rv = nng_pipe_notify(b->socket, NNG_PIPE_EV_REM_POST, on_pipe, b);
	rc = rv ? failed(err, "set up", rv) : listen_on(b, dirfd, err);
	if (rc < 0) {
		bus_free(b);
		return rc;
	}
	*ret_bus = b;
	return 0;
}

void
bus_free(struct bus *b)
{
	if (!b)
		return;
	(void)nng_close(b->socket); /* returns when no callback runs any more */
	fd_close(&b->changed);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}

int
bus_fd(const struct bus *b)
{
	return b->changed;
}

unsigned
bus_subscribers(struct bus *b)
{
	uint64_t count;
	unsigned n;

	(void)!read(b->changed, &count, sizeof count);
	(void)pthread_mutex_lock(&b->lock);
	n = b->subscribers;
	(void)pthread_mutex_unlock(&b->lock);
	return n;
}

void
bus_publish(struct bus *b, const char *topic, const void *bytes, size_t n)
{
	size_t len = strlen(topic) + 1;
	unsigned char *body;
	nng_msg *msg;

	if (nng_msg_alloc(&msg, len + n) != 0)
		return;
	body = nng_msg_body(msg);
	memcpy(body, topic, len);
	memcpy(body + len, bytes, n);
	if (nng_sendmsg(b->socket, msg, NNG_FLAG_NONBLOCK) != 0)
		nng_msg_free(msg);
}
