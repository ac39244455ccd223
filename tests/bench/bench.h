/* SPDX-License-Identifier: MIT */
/*
 * bench - speed and memory as ratios to floors that are measured in the same run.
 *
 * A floor is the least that the same work can cost on this machine: a bare posix_spawn(), a bare
 * NNG echo, a bare pipe reader. Absolute figures move with the machine; ratios stay.
 */
#ifndef JOBWIRE_BENCH_H
#define JOBWIRE_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/client.h"

/* A private engine and a client of it. */
struct bench {
	char dir[64]; /* state folder, removed at the end */
	char *bin;    /* where the programs lie */
	struct client *client;
	pid_t engine;
};

/* One row of the result: what, ours, the floor, and "more is better" or not. */
void bench_row(const char *what, double ours, double floor, const char *unit, int more_is_better);
/* A figure without a floor. */
void bench_figure(const char *what, double value, const char *unit);
void bench_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

double now_s(void);
/* The p-quantile (0..1) of n values, which are sorted on the way. */
double quantile(double *values, size_t n, double p);

/* floor.c */
double floor_spawn_rate(const char *const argv[], int n, int window);
double floor_capture_rate(uint64_t bytes); /* MB/s from a pipe into a file */
/* An NNG REP socket that answers every request with `reply_len` bytes, on a thread. */
struct echo;
struct echo *echo_new(const char *dir, size_t reply_len);
void echo_free(struct echo *e);
/* Seconds for each of n round trips, through libnng's client or a bare SP client. */
void echo_round_trips(struct echo *e, int n, int with_nng_client, double *seconds);

/* Calls of the client that end the program where they fail. */
void call(struct bench *b, enum method_number method, const ProtobufCMessage *req, struct arena *a,
	  const ProtobufCMessage **ret);
void start_argv(struct bench *b, const char *const argv[], uint64_t cap_bytes, char ret_id[40]);
void wait_end(struct bench *b, const char *id);

/* The benches. */
void bench_start(struct bench *b);
void bench_get(struct bench *b);
void bench_output(struct bench *b);
void bench_follow(struct bench *b);
void bench_memory(struct bench *b);
void bench_adapter(struct bench *b);

#endif
