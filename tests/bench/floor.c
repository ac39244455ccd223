/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "client/sp.h"

/* ---- processes ---- */

struct child {
	pid_t pid;
	int pidfd;
	int pipes[3];
};

/* What every supervisor does at least: three pipes, a session of its own, a descriptor for the end.
 */
static void
spawn_child(struct child *c, const char *const argv[])
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int ends[3][2], i;

	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	for (i = 0; i < 3; i++) {
		if (pipe2(ends[i], O_CLOEXEC) < 0)
			bench_fail("pipe2: %m");
		(void)posix_spawn_file_actions_adddup2(&fa, ends[i][i != 0], i);
	}
	if (posix_spawnp(&c->pid, argv[0], &fa, &attr, (char *const *)(uintptr_t)argv, environ) !=
	    0)
		bench_fail("posix_spawn failed");
	for (i = 0; i < 3; i++) {
		(void)close(ends[i][i != 0]);
		c->pipes[i] = ends[i][i == 0];
	}
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)posix_spawnattr_destroy(&attr);
}

static void
reap_child(struct child *c)
{
	int i;

	(void)waitpid(c->pid, NULL, 0);
	for (i = 0; i < 3; i++)
		(void)close(c->pipes[i]);
	(void)close(c->pidfd);
}

double
floor_spawn_rate(const char *const argv[], int n, int window)
{
	struct child *children = calloc((size_t)window, sizeof *children);
	struct pollfd *fds = calloc((size_t)window, sizeof *fds);
	int started = 0, done = 0, i;
	double begin = now_s();

	if (!children || !fds)
		bench_fail("no memory");
	for (i = 0; i < window; i++)
		fds[i].fd = -1;
	while (done < n) {
		for (i = 0; i < window && started < n; i++) {
			if (fds[i].fd >= 0)
				continue;
			spawn_child(&children[i], argv);
			fds[i] = (struct pollfd){ .fd = children[i].pidfd, .events = POLLIN };
			started++;
		}
		(void)poll(fds, (nfds_t)window, -1);
		for (i = 0; i < window; i++) {
			if (fds[i].fd < 0 || !(fds[i].revents & POLLIN))
				continue;
			reap_child(&children[i]);
			fds[i].fd = -1;
			done++;
		}
	}
	free(children);
	free(fds);
	return n / (now_s() - begin);
}

double
floor_capture_rate(uint64_t bytes)
{
	char path[] = "/tmp/jobwire-floor-XXXXXX", count[32];
	const char *argv[] = { "head", "-c", count, "/dev/zero", NULL };
	static char block[64 * 1024];
	int out = mkstemp(path);
	struct child c;
	double begin;
	ssize_t n;

	if (out < 0)
		bench_fail("mkstemp: %m");
	(void)snprintf(count, sizeof count, "%llu", (unsigned long long)bytes);
	begin = now_s();
	spawn_child(&c, argv);
	while ((n = read(c.pipes[1], block, sizeof block)) > 0)
		if (write(out, block, (size_t)n) != n)
			bench_fail("write: %m");
	reap_child(&c);
	begin = now_s() - begin;
	(void)close(out);
	(void)unlink(path);
	return (double)bytes / 1e6 / begin;
}

/* ---- NNG ---- */

struct echo {
	nng_socket socket;
	nng_ctx ctx[16];
	nng_aio *aio[16];
	int sending[16];
	size_t reply_len;
	char dir[64], url[96];
};

struct echo_slot {
	struct echo *e;
	int i;
};

static struct echo_slot slots[16];

static void
on_echo(void *arg)
{
	struct echo_slot *s = arg;
	struct echo *e = s->e;
	nng_msg *msg;

	if (nng_aio_result(e->aio[s->i]) != 0)
		return;
	if (e->sending[s->i]) {
		e->sending[s->i] = 0;
		nng_ctx_recv(e->ctx[s->i], e->aio[s->i]);
		return;
	}
	nng_msg_free(nng_aio_get_msg(e->aio[s->i]));
	if (nng_msg_alloc(&msg, e->reply_len) != 0)
		return;
	memset(nng_msg_body(msg), 'x', e->reply_len);
	e->sending[s->i] = 1;
	nng_aio_set_msg(e->aio[s->i], msg);
	nng_ctx_send(e->ctx[s->i], e->aio[s->i]);
}

struct echo *
echo_new(const char *dir, size_t reply_len)
{
	struct echo *e = calloc(1, sizeof *e);
	int i;

	if (!e || nng_rep0_open(&e->socket) != 0)
		bench_fail("echo server");
	e->reply_len = reply_len;
	(void)snprintf(e->dir, sizeof e->dir, "%s", dir);
	(void)snprintf(e->url, sizeof e->url, "ipc://%s/echo.sock", dir);
	if (nng_listen(e->socket, e->url, NULL, 0) != 0)
		bench_fail("echo server: listen");
	for (i = 0; i < 16; i++) {
		slots[i] = (struct echo_slot){ e, i };
		if (nng_ctx_open(&e->ctx[i], e->socket) != 0 ||
		    nng_aio_alloc(&e->aio[i], on_echo, &slots[i]) != 0)
			bench_fail("echo server: context");
		nng_ctx_recv(e->ctx[i], e->aio[i]);
	}
	return e;
}

void
echo_free(struct echo *e)
{
	int i;

	(void)nng_close(e->socket);
	for (i = 0; i < 16; i++) {
		nng_aio_stop(e->aio[i]);
		nng_aio_free(e->aio[i]);
	}
	free(e);
}

static void
through_nng(struct echo *e, int n, double *seconds)
{
	nng_socket req;
	nng_msg *msg;
	double begin;
	int i;

	if (nng_req0_open(&req) != 0 || nng_dial(req, e->url, NULL, 0) != 0)
		bench_fail("echo client");
	for (i = 0; i < n; i++) {
		begin = now_s();
		if (nng_msg_alloc(&msg, 64) != 0 || nng_sendmsg(req, msg, 0) != 0 ||
		    nng_recvmsg(req, &msg, 0) != 0)
			bench_fail("echo client: round trip");
		nng_msg_free(msg);
		seconds[i] = now_s() - begin;
	}
	(void)nng_close(req);
}

static void
through_sp(struct echo *e, int n, double *seconds)
{
	static char body[64];
	const void *reply;
	struct pollfd p;
	struct sp sp;
	uint32_t id;
	double begin;
	size_t len;
	int dirfd = open(e->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), i;

	sp_init(&sp);
	if (sp_connect(&sp, dirfd, "echo.sock") < 0)
		bench_fail("echo client");
	for (i = 0; i < n; i++) {
		begin = now_s();
		if (sp_send(&sp, SP_ID_BIT | (uint32_t)(i + 1), body, sizeof body) < 0 ||
		    sp_io(&sp) < 0)
			bench_fail("echo client: send");
		while (sp_next(&sp, &id, &reply, &len) == 0) {
			p = (struct pollfd){ .fd = sp.fd, .events = sp_events(&sp) };
			(void)poll(&p, 1, -1);
			if (sp_io(&sp) < 0)
				bench_fail("echo client: receive");
		}
		sp_drop(&sp, len);
		seconds[i] = now_s() - begin;
	}
	sp_fini(&sp);
	(void)close(dirfd);
}

void
echo_round_trips(struct echo *e, int n, int with_nng_client, double *seconds)
{
	if (with_nng_client)
		through_nng(e, n, seconds);
	else
		through_sp(e, n, seconds);
}
