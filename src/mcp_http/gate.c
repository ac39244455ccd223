/* SPDX-License-Identifier: MIT */
#include "mcp_http/gate.h"

#include <string.h>
#include <strings.h>

#include "base/macros.h"

static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]" };

static bool
is_one_of(const char *const *names, size_t n, const char *host, size_t len)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strlen(names[i]) == len && strncasecmp(names[i], host, len) == 0)
			return true;
	}
	return false;
}

bool
gate_is_loopback(const char *host, size_t len)
{
	return is_one_of(loopback, ARRAY_SIZE(loopback), host, len);
}

/* Bytes of the host in "host", "host:port", "[address]:port"; 0 where it is none of these. */
static size_t
host_len(const char *s)
{
	size_t len = *s == '[' ? strcspn(s, "]") + 1 : strcspn(s, ":"), digits;

	if (*s == '[' && s[len - 1] != ']')
		return 0;
	if (!s[len])
		return len;
	digits = strspn(s + len + 1, "0123456789");
	return s[len] == ':' && digits && digits <= 5 && !s[len + 1 + digits] ? len : 0;
}

bool
gate_host_is_good(const struct gate *gate, const char *host)
{
	size_t len = host ? host_len(host) : 0;

	return len &&
	       (gate_is_loopback(host, len) || is_one_of(gate->hosts, gate->n_hosts, host, len));
}

bool
gate_origin_may_read(const struct gate *gate, const char *origin)
{
	return origin && is_one_of(gate->origins, gate->n_origins, origin, strlen(origin));
}

bool
gate_origin_is_good(const struct gate *gate, const char *origin)
{
	static const char *const schemes[] = { "http://", "https://" };
	size_t i;

	if (!origin || gate_origin_may_read(gate, origin))
		return true;
	for (i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (strncmp(origin, schemes[i], strlen(schemes[i])) == 0)
			return gate_host_is_good(gate, origin + strlen(schemes[i]));
	}
	return false;
}

/* Every byte is looked at, whatever the others are. */
static bool
is_equal(const char *a, const char *b)
{
	size_t len = strlen(a), given = strlen(b), i;
	volatile unsigned char differs = given != len;

	for (i = 0; i < given; i++)
		differs |= (unsigned char)(b[i] ^ a[len ? i % len : 0]);
	return !differs;
}

enum gate_token
gate_check_token(const struct gate *gate, const char *authorization)
{
	if (!gate->token)
		return TOKEN_GOOD;
	if (!authorization)
		return TOKEN_MISSING;
	if (strncasecmp(authorization, "Bearer ", 7) != 0)
		return TOKEN_WRONG;
	authorization += 7;
	authorization += strspn(authorization, " ");
	return is_equal(gate->token, authorization) ? TOKEN_GOOD : TOKEN_WRONG;
}
