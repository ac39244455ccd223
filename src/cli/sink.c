/* SPDX-License-Identifier: MIT */
#include "cli/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define BYTES_MAX ((size_t)64 * 1024 * 1024)

static void
open_end(struct sink_end *e, int fd)
{
	char path[40];
	struct stat st;
	int own, flags = fcntl(fd, F_GETFL);

	e->fd = fd;
	e->is_ours = false;
	e->kind = SINK_PLAIN;
	/* One that is not for writing (main.c puts it where a closed one was) must say so. */
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(fd, &st) < 0 ||
	    S_ISREG(st.st_mode))
		return;
	if (S_ISSOCK(st.st_mode)) {
		e->kind = SINK_SOCKET;
		return;
	}
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0) {
		e->kind = SINK_SMALL;
		return;
	}
	e->fd = own;
	e->is_ours = true;
}

void
sink_open(struct sink *s)
{
	open_end(&s->ends[0], STDOUT_FILENO);
	open_end(&s->ends[1], STDERR_FILENO);
	buf_init(&s->bytes, BYTES_MAX);
}

void
sink_close(struct sink *s)
{
	int i;

	for (i = 0; i < 2; i++)
		if (s->ends[i].is_ours)
			fd_close(&s->ends[i].fd);
	buf_fini(&s->bytes);
	free(s->runs);
	s->runs = NULL;
	s->first = s->n_runs = s->cap_runs = 0;
}

static int
add_run(struct sink *s, unsigned end, size_t len)
{
	struct sink_run *bigger;
	size_t i;

	if (s->n_runs && s->runs[s->n_runs - 1].end == end) {
		s->runs[s->n_runs - 1].len += len;
		return 0;
	}
	if (s->n_runs == s->cap_runs && s->first) {
		for (i = s->first; i < s->n_runs; i++)
			s->runs[i - s->first] = s->runs[i];
		s->n_runs -= s->first;
		s->first = 0;
	}
	if (s->n_runs == s->cap_runs) {
		bigger = realloc(s->runs, (2 * s->cap_runs + 64) * sizeof *bigger);
		if (!bigger)
			return -ENOMEM;
		s->runs = bigger;
		s->cap_runs = 2 * s->cap_runs + 64;
	}
	s->runs[s->n_runs++] = (struct sink_run){ (unsigned char)end, len };
	return 0;
}

int
sink_add(struct sink *s, unsigned end, const void *bytes, size_t len)
{
	int rc;

	if (!len)
		return 0;
	rc = buf_reserve(&s->bytes, len);
	if (rc == 0)
		rc = add_run(s, end, len);
	return rc < 0 ? rc : buf_add(&s->bytes, bytes, len);
}

/* The count, 0 where it would wait, or -errno. */
static ssize_t
write_some(const struct sink_end *e, const void *bytes, size_t len)
{
	struct pollfd p = { .fd = e->fd, .events = POLLOUT };
	ssize_t n;

	if (e->kind == SINK_SMALL) {
		if (poll(&p, 1, 0) <= 0)
			return 0;
		len = MIN(len, (size_t)PIPE_BUF);
	}
	if (e->kind == SINK_SOCKET)
		n = send(e->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(e->fd, bytes, len);
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int
sink_flush(struct sink *s)
{
	struct sink_run *run;
	ssize_t n;

	while (s->first < s->n_runs) {
		run = &s->runs[s->first];
		n = write_some(&s->ends[run->end], buf_head(&s->bytes), run->len);
		if (n < 0)
			s->failed_end = run->end;
		if (n <= 0)
			return (int)n;
		buf_consume(&s->bytes, (size_t)n);
		run->len -= (size_t)n;
		if (run->len == 0)
			s->first++;
	}
	s->first = s->n_runs = 0;
	return 0;
}

struct pollfd
sink_wait(const struct sink *s)
{
	struct pollfd p = { .fd = -1, .events = POLLOUT };

	if (s->first < s->n_runs)
		p.fd = s->ends[s->runs[s->first].end].fd;
	return p;
}
