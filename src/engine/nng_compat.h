/* SPDX-License-Identifier: MIT */
/*
 * nng_compat - system calls of libnng 1.5.2, put right.
 *
 * The functions of nng_compat.c have the names of the C library's, so that libnng calls them. What
 * for is said there. The engine links this by calling nng_compat().
 */
#ifndef JOBWIRE_ENGINE_NNG_COMPAT_H
#define JOBWIRE_ENGINE_NNG_COMPAT_H

/* Does nothing; keeps the linker from leaving nng_compat.c out. */
void nng_compat(void);

/* The descriptor whose peer this thread has asked for last (NNG_OPT_IPC_PEER_UID); -1: none yet.
 * libnng does not tell which one a pipe has. */
int nng_compat_peer_fd(void);

#endif
