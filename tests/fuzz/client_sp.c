/* SPDX-License-Identifier: MIT */
/*
 * fuzz: client - what an engine, or somebody else, sends to the client: handshake and frames. The
 * first byte says in pieces of what size they arrive; no piece may make a difference.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/crc.h"
#include "client/sp.h"
#include "wire/envelope.h"

#define INPUT_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t replies;
	uint32_t sum;
	int rc;
};

static void
take(struct sp *sp, struct seen *seen)
{
	const void *body;
	size_t len;
	uint32_t id;

	while (seen->rc == 0 && (seen->rc = sp_next(sp, &id, &body, &len)) > 0) {
		if (len > WIRE_SOCKET_MAX)
			abort();
		seen->replies++;
		seen->sum = crc32c(seen->sum, &id, sizeof id);
		seen->sum = crc32c(seen->sum, body, len);
		sp_drop(sp, len);
		seen->rc = 0;
	}
}

static struct seen
receive(const uint8_t *data, size_t size, size_t piece)
{
	struct seen seen = { 0 };
	int pair[2];
	struct sp sp;
	size_t n;

	sp_init(&sp);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		abort();
	sp.fd = pair[0];
	for (; size && seen.rc == 0; data += n, size -= n) {
		n = size < piece ? size : piece;
		if (send(pair[1], data, n, MSG_NOSIGNAL) != (ssize_t)n || sp_io(&sp) < 0)
			abort();
		take(&sp, &seen);
	}
	(void)close(pair[1]);
	if (seen.rc == 0 && sp_io(&sp) != -ECONNRESET)
		abort();
	sp_fini(&sp);
	return seen;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole, cut;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	whole = receive(data + 1, size - 1, INPUT_MAX);
	cut = receive(data + 1, size - 1, 1 + data[0]);
	if (whole.replies != cut.replies || whole.sum != cut.sum || whole.rc != cut.rc)
		abort();
	if (whole.rc != 0 && whole.rc != -EPROTO)
		abort();
	return 0;
}
