/* SPDX-License-Identifier: MIT */
/*
 * sp - the client's side of NNG's wire protocol: SP over a unix socket (nng.md, "SP wire bytes";
 * sp-ipc-mapping-01 and sp-request-reply-01 of the nanomsg RFCs).
 *
 *	both sides first send	00 'S' 'P' 00, own protocol (be16: 0x0030 REQ, 0x0031 REP), 00 00
 *	message			01, length (be64), payload
 *	payload of a request	id (be32, top bit set, unique per connection), body; a reply repeats
 *it
 *
 * Nonblocking, no threads, no libnng. The caller polls the descriptor.
 */
#ifndef JOBWIRE_CLIENT_SP_H
#define JOBWIRE_CLIENT_SP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/macros.h"

struct err;

#define SP_ID_BIT UINT32_C(0x80000000)

struct sp {
	int fd;       /* -1: not connected */
	bool greeted; /* the other side's first 8 bytes are here */
	struct buf in, out;
};

void sp_init(struct sp *sp);
void sp_fini(struct sp *sp);

/* Connect to a socket of the folder. 0, -EAGAIN (its queue is full: try again), or -errno. */
int sp_connect(struct sp *sp, int dirfd, const char *name) MUST_CHECK;

/* Queue a request. 0 or as buf_add(). */
int sp_send(struct sp *sp, uint32_t id, const void *body, size_t len) MUST_CHECK;

/* Which of POLLIN and POLLOUT it waits for. */
short sp_events(const struct sp *sp);
/* Read and write what can be. 0, or -errno: the connection is of no use any more. */
int sp_io(struct sp *sp) MUST_CHECK;

/* 1 and the next reply, which sp_drop() ends; 0: none yet; -EPROTO. */
int sp_next(struct sp *sp, uint32_t *ret_id, const void **ret_body, size_t *ret_len) MUST_CHECK;
void sp_drop(struct sp *sp, size_t body_len);

#endif
