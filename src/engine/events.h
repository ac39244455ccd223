/* SPDX-License-Identifier: MIT */
/*
 * events - what happened, numbered per epoch: kept for replay, published, and waited for.
 *
 * Something happens -> events_add() -> stored with the turn's transaction -> published on the bus
 * and handed to the WatchEvents calls that wait. While the database refuses them they wait, some
 * MiB of them; what is lost beyond that is a gap, which is said to whoever stands before it.
 */
#ifndef JOBWIRE_ENGINE_EVENTS_H
#define JOBWIRE_ENGINE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "jobwire/v1/engine.pb-c.h"

struct call;
struct engine;
struct err;
struct events;

int events_new(struct engine *eng, struct events **ret_events, struct err *err) MUST_CHECK;
void events_free(struct events *e);

/* Number it and keep it until it is stored. Strings are borrowed for the call. */
void events_add(struct events *e, Jobwire__V1__Event *event);
uint64_t events_last(const struct events *e);

bool events_pending(const struct events *e);
/* Within the turn's transaction. */
int events_store(struct events *e, struct err *err) MUST_CHECK;
/* When that is committed: publish and forget. */
void events_publish(struct events *e);

#endif
