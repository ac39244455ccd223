/* SPDX-License-Identifier: MIT */
/*
 * engine - all state and all decisions: one loop thread that owns everything below.
 *
 * A turn of the loop takes what has happened (requests, holders, timers), changes jobs, then writes
 * what changed in one transaction, publishes the events and tells who waits (engine_turn()).
 */
#ifndef JOBWIRE_ENGINE_ENGINE_H
#define JOBWIRE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/endpoint.h"
#include "base/map.h"
#include "engine/settings.h"

struct bus;
struct call;
struct err;
struct event;
struct event_base;
struct events;
struct jobs;
struct rpc;
struct spawner;
struct store;
struct stream;
struct work_pool;

LIST_HEAD(calls, call);

/* It goes on also when the client that asked for it has left. */
struct ending {
	struct event *deadline; /* NULL: none is under way */
	struct call *call;      /* who waits for it, or NULL */
	uint32_t asked;         /* jobs that were to be stopped */
};

struct engine {
	struct settings settings;
	struct endpoint endpoint;
	struct event_base *base;
	struct store *store;
	struct work_pool *work;
	struct spawner *spawner;
	struct jobs *jobs;
	struct rpc *rpc;
	struct bus *bus;
	struct events *events;
	struct stream *stream;

	int64_t epoch;
	int64_t started_ns;
	struct map clients; /* connections, by id */
	struct calls calls; /* every one that is not answered */
	unsigned n_polls;   /* of them, long polls that wait */

	bool stopping;
	struct ending ending;      /* a Shutdown that stops all jobs first */
	char trouble[256];         /* a sentence while the engine is not well, else "" */
	struct event *retry_event; /* the next try to write */
	struct event *watches[8];  /* signals and descriptors, for the engine's life */
	unsigned n_watches;
	bool checkpointing;
	uint64_t original_nofile; /* RLIMIT_NOFILE before the engine raised it */
};

/* End of a turn: write, publish, tell. */
void engine_turn(struct engine *eng);
/* Leave the loop after this turn. */
void engine_stop(struct engine *eng);
/* engine_calls.c: end when the jobs of a Shutdown are all over. */
void engine_check_ending(struct engine *eng);
/* inside.c: an error where we are part of a job of this state folder, and would end with it. */
int engine_refuse_inside_job(const struct engine *eng, struct err *err);

#endif
