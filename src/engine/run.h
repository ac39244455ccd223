/* SPDX-License-Identifier: MIT */
/*
 * run - the engine's parts, put together in the right order, and its loop.
 */
#ifndef JOBWIRE_ENGINE_RUN_H
#define JOBWIRE_ENGINE_RUN_H

#include "base/macros.h"

struct engine;
struct err;

/* Settings, state folder and lock are there. Open everything and find the jobs again. */
int engine_open(struct engine *eng, struct err *err) MUST_CHECK;
/* Until a signal or a Shutdown. */
void engine_run(struct engine *eng);
/* Close what is open; safe on a half-opened engine. Jobs go on. */
void engine_close(struct engine *eng);

#endif
