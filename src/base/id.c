/* SPDX-License-Identifier: MIT */
#include "base/id.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"

void
id_new(char out[ID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[16];
	size_t i, o = 0;
	ssize_t n;

	do {
		n = getrandom(b, sizeof b, 0);
	} while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof b)
		BUG("getrandom returned %zd", n);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* variant 10 */
	for (i = 0; i < sizeof b; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[o++] = '-';
		out[o++] = hex[b[i] >> 4];
		out[o++] = hex[b[i] & 0x0f];
	}
	out[o] = '\0';
}

static bool
fits_at(size_t i, char c)
{
	if (i == 8 || i == 13 || i == 18 || i == 23)
		return c == '-';
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool
id_is_prefix(const char *s)
{
	size_t i;

	for (i = 0; s[i]; i++)
		if (i == ID_LEN || !fits_at(i, s[i]))
			return false;
	return i >= ID_PREFIX_MIN;
}

bool
id_is_whole(const char *s)
{
	return id_is_prefix(s) && strlen(s) == ID_LEN;
}
