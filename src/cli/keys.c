/* SPDX-License-Identifier: MIT */
#include "cli/keys.h"

bool
keys_filter(struct keys *k, const unsigned char *bytes, size_t len, unsigned char *out,
	    size_t *ret_len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (k->is_held && bytes[i] == KEYS_SECOND) {
			k->is_held = false;
			*ret_len = n;
			return true;
		}
		if (k->is_held)
			out[n++] = KEYS_FIRST;
		k->is_held = bytes[i] == KEYS_FIRST;
		if (!k->is_held)
			out[n++] = bytes[i];
	}
	*ret_len = n;
	return false;
}

bool
keys_let_go(struct keys *k)
{
	bool was_held = k->is_held;

	k->is_held = false;
	return was_held;
}
