/* SPDX-License-Identifier: MIT */
/*
 * terminal - the caller's terminal while we read from it, and as it was on every way out.
 *
 * TERMINAL_LINES leaves line editing as it is, but for Ctrl-Q, which ends a line, so that the
 * detach keys come through. TERMINAL_RAW hands every key on, for a job that has a terminal of its
 * own. There is one terminal; its state is this module's, because signal handlers must find it.
 */
#ifndef JOBWIRE_CLI_TERMINAL_H
#define JOBWIRE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

enum terminal_mode {
	TERMINAL_LINES,
	TERMINAL_RAW,
};

/* Change it, and see to it that it is changed back: by terminal_end(), at exit, and at signals that
 * end us. Nothing happens while we are in the background: call it again then. */
void terminal_begin(int fd, enum terminal_mode mode);
/* As it was. No error if nothing was changed. */
void terminal_end(void);

/* May we read from it, or is another process group in front? */
bool terminal_is_ours(int fd);

/* The size of whichever of stdin, stdout and stderr is a terminal; 0: none is. */
void terminal_size(uint32_t *ret_columns, uint32_t *ret_rows);

#endif
