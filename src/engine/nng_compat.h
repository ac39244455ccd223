/* SPDX-License-Identifier: MIT */
/*
 * nng_compat - what NNG 1.5.2 needs its program to do, so that one aborted connection does not end
 * its listener for ever, and no accepted socket leaks into a child.
 */
#ifndef JOBWIRE_ENGINE_NNG_COMPAT_H
#define JOBWIRE_ENGINE_NNG_COMPAT_H

/* Refer to it from the program, so that the linker takes the file along: the functions in it
 * replace the C library's for libnng. */
void nng_compat(void);

#endif
