/* SPDX-License-Identifier: MIT */
/*
 * descriptors - standard input and output, kept for the protocol alone.
 *
 * The real ones move to private, close-on-exec, nonblocking descriptors; 0 then reads as empty and
 * what is printed on 1 goes to 2, so no stray print can corrupt the protocol and no child inherits
 * it. Where the system lets us, the private descriptor is opened anew, so that O_NONBLOCK is not
 * seen by others who share the old one (a terminal, a pipe of several writers); elsewhere the flag
 * is set and taken back at the end. Regular files never block and need none.
 */
#ifndef JOBWIRE_MCP_STDIO_DESCRIPTORS_H
#define JOBWIRE_MCP_STDIO_DESCRIPTORS_H

#include "base/macros.h"

struct err;

struct descriptors {
	int in, out;
	int in_flags, out_flags; /* to set again at the end; -1: nothing to do */
};

/* The first thing that main() does. Closed standard descriptors become /dev/null. */
int descriptors_take(struct descriptors *d, struct err *err) MUST_CHECK;
/* Close them and take O_NONBLOCK back. */
void descriptors_release(struct descriptors *d);

#endif
