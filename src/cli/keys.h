/* SPDX-License-Identifier: MIT */
/*
 * keys - finds the detach keys (Ctrl-P Ctrl-Q) in what is typed on a terminal.
 *
 * A Ctrl-P is held back until the next key says what it was; the owner lets it go (keys_let_go)
 * when none has come for a moment. Pure; caller's storage, zeroed.
 */
#ifndef JOBWIRE_CLI_KEYS_H
#define JOBWIRE_CLI_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#define KEYS_FIRST  0x10 /* Ctrl-P */
#define KEYS_SECOND 0x11 /* Ctrl-Q */

/* How long a Ctrl-P may be held. */
#define KEYS_HOLD_MS 500

struct keys {
	bool is_held;
};

/* Filter `len` bytes into `out`, which has room for len + 1. True: the keys were typed, and what
 * stands behind them is ignored. */
bool keys_filter(struct keys *k, const unsigned char *bytes, size_t len, unsigned char *out,
		 size_t *ret_len);

/* Is a byte held? Then it is `KEYS_FIRST`, and no longer held. */
bool keys_let_go(struct keys *k);

#endif
