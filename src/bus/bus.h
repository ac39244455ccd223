/* SPDX-License-Identifier: MIT */
/*
 * bus - the pub socket: events and live output to whoever subscribes.
 *
 * A message is the topic ("job/<id>/state", "job/<id>/output", "engine"), a NUL, and a packed Event
 * or OutputEvent. Publishing never blocks; a subscriber that is too slow loses the oldest messages
 * and sees it in the sequence numbers. NNG's own threads carry the bytes; all calls are the loop's.
 */
#ifndef JOBWIRE_BUS_BUS_H
#define JOBWIRE_BUS_BUS_H

#include <stddef.h>
#include <sys/types.h>

#include "base/macros.h"

struct bus;
struct err;

/* Listen on events.sock in the folder; a stale socket must have been removed. */
int bus_new(int dirfd, struct bus **ret_bus, struct err *err) MUST_CHECK;
void bus_free(struct bus *b);

/* Readable when the number of subscribers has changed; bus_subscribers() takes that in. */
int bus_fd(const struct bus *b);
unsigned bus_subscribers(struct bus *b);

/* Hand a message to every subscriber; not worth its packing while there is none. What cannot be
 * sent is dropped: events are replayed from the store, output is read by offset. */
void bus_publish(struct bus *b, const char *topic, const void *bytes, size_t len);

#endif
