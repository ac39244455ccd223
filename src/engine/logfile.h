/* SPDX-License-Identifier: MIT */
/*
 * logfile - engine.log in the state folder: of an engine without a terminal, and of all holders.
 */
#ifndef JOBWIRE_ENGINE_LOGFILE_H
#define JOBWIRE_ENGINE_LOGFILE_H

#include "base/macros.h"

struct endpoint;
struct err;

/* Open it for appending; a descriptor, or an error. */
int logfile_open(const struct endpoint *ep, struct err *err) MUST_CHECK;
/* If stderr's file has grown beyond 8 MiB, keep it as engine.log.1 and go on in a new one. */
void logfile_turn_over(const struct endpoint *ep);

#endif
