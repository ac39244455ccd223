/* SPDX-License-Identifier: MIT */
#include "client/sp.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "wire/envelope.h"

#define GREETING_LEN 8
#define HEAD_LEN     9 /* 01, length */
#define ID_LEN       4
#define READ_STEP    ((size_t)64 * 1024)

static const unsigned char our_greeting[GREETING_LEN] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0 };
static const unsigned char their_greeting[GREETING_LEN] = { 0, 'S', 'P', 0, 0, 0x31, 0, 0 };

void
sp_init(struct sp *sp)
{
	sp->fd = -1;
	sp->greeted = false;
	buf_init(&sp->in, 2 * WIRE_SOCKET_MAX);
	buf_init(&sp->out, 16 * WIRE_SOCKET_MAX);
}

void
sp_fini(struct sp *sp)
{
	fd_close(&sp->fd);
	buf_fini(&sp->in);
	buf_fini(&sp->out);
	sp->greeted = false;
}

int
sp_connect(struct sp *sp, int dirfd, const char *name)
{
	int fd, rc;

	sp_fini(sp);
	fd = fd_connect_at(dirfd, name);
	if (fd < 0)
		return fd;
	rc = buf_add(&sp->out, our_greeting, sizeof our_greeting);
	if (rc < 0) {
		fd_close(&fd);
		return rc;
	}
	sp->fd = fd;
	return 0;
}

int
sp_send(struct sp *sp, uint32_t id, const void *body, size_t len)
{
	unsigned char head[HEAD_LEN + ID_LEN] = { 1 };
	uint64_t be_len = htobe64(ID_LEN + len);
	uint32_t be_id = htobe32(id);
	int rc;

	rc = buf_reserve(&sp->out, sizeof head + len);
	if (rc < 0)
		return rc;
	memcpy(head + 1, &be_len, sizeof be_len);
	memcpy(head + HEAD_LEN, &be_id, sizeof be_id);
	rc = buf_add(&sp->out, head, sizeof head);
	return rc < 0 ? rc : buf_add(&sp->out, body, len);
}

short
sp_events(const struct sp *sp)
{
	return (short)(POLLIN | (sp->out.len ? POLLOUT : 0));
}

static int
flush(struct sp *sp)
{
	ssize_t n;

	while (sp->out.len) {
		n = send(sp->fd, buf_head(&sp->out), sp->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			buf_consume(&sp->out, (size_t)n);
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int
fill(struct sp *sp)
{
	ssize_t n;
	int rc;

	do {
		rc = buf_reserve(&sp->in, READ_STEP);
		if (rc == -EMSGSIZE)
			return 0; /* full: what is there is taken first */
		if (rc < 0)
			return rc;
		n = recv(sp->fd, buf_tail(&sp->in), READ_STEP, MSG_DONTWAIT);
		if (n > 0)
			buf_commit(&sp->in, (size_t)n);
	} while (n == (ssize_t)READ_STEP || (n < 0 && errno == EINTR));
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n == 0 ? -ECONNRESET : 0;
}

int
sp_io(struct sp *sp)
{
	int rc = flush(sp);

	return rc < 0 ? rc : fill(sp);
}

int
sp_next(struct sp *sp, uint32_t *ret_id, const void **ret_body, size_t *ret_len)
{
	const unsigned char *p = buf_head(&sp->in);
	uint64_t len;
	uint32_t id;

	if (!sp->greeted) {
		if (sp->in.len < GREETING_LEN)
			return 0;
		if (memcmp(p, their_greeting, GREETING_LEN) != 0)
			return -EPROTO;
		buf_consume(&sp->in, GREETING_LEN);
		sp->greeted = true;
		p = buf_head(&sp->in);
	}
	if (sp->in.len < HEAD_LEN)
		return 0;
	memcpy(&len, p + 1, sizeof len);
	len = be64toh(len);
	if (p[0] != 1 || len < ID_LEN || len > WIRE_SOCKET_MAX)
		return -EPROTO;
	if (sp->in.len - HEAD_LEN < len)
		return 0;
	memcpy(&id, p + HEAD_LEN, sizeof id);
	*ret_id = be32toh(id);
	*ret_body = p + HEAD_LEN + ID_LEN;
	*ret_len = (size_t)len - ID_LEN;
	return 1;
}

void
sp_drop(struct sp *sp, size_t body_len)
{
	buf_consume(&sp->in, HEAD_LEN + ID_LEN + body_len);
}
