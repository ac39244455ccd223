/* SPDX-License-Identifier: MIT */
/*
 * gate - who may speak to us at all: the Host and Origin of a request, and its bearer token.
 *
 * A web page can make a browser send requests to any address, also to this machine's own (DNS
 * rebinding); the browser says in Host and Origin what the page believes. So both are held against
 * a list: the names of the loopback, those that were configured, and nothing else. Pure functions.
 */
#ifndef JOBWIRE_MCP_HTTP_GATE_H
#define JOBWIRE_MCP_HTTP_GATE_H

#include <stdbool.h>
#include <stddef.h>

struct head;

struct gate {
	const char *const *hosts; /* without a port, in lower case */
	size_t n_hosts;
	const char *const *origins; /* whole: scheme, host, port */
	size_t n_origins;
	const char *token; /* NULL: none is asked for */
};

/* An address or a name without its port, "localhost", "[::1]". */
bool gate_is_loopback(const char *host, size_t len);

bool gate_host_is_good(const struct gate *gate, const char *host);
/* NULL (none was sent) is good; "null" is not. */
bool gate_origin_is_good(const struct gate *gate, const char *origin);
/* May a page of this origin read our answers? Only if it is configured, letter by letter. */
bool gate_origin_may_read(const struct gate *gate, const char *origin);

enum gate_token {
	TOKEN_GOOD,
	TOKEN_MISSING,
	TOKEN_WRONG,
};

/* Of an Authorization field, or NULL. Takes as long for a wrong token as for a right one. */
enum gate_token gate_check_token(const struct gate *gate, const char *authorization);

#endif
