/* SPDX-License-Identifier: MIT */
/*
 * metrics - what this adapter has done, as Prometheus reads it (text format 0.0.4).
 *
 * Only what is known here; what the engine knows is in figures.h. Labels are few: the methods that
 * exist, the tools that are offered, and "other". Thread: the event loop's.
 */
#ifndef JOBWIRE_MCP_HTTP_METRICS_H
#define JOBWIRE_MCP_HTTP_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

#define METRICS_BUCKETS    17
#define METRICS_LABELS_MAX 64

struct buf;

struct histogram {
	const char *label; /* of a method, or a tool: lives as long as the metrics */
	uint64_t buckets[METRICS_BUCKETS]; /* not yet added up */
	uint64_t count;
	int64_t sum_ns;
};

struct histograms {
	struct histogram *list[METRICS_LABELS_MAX];
	size_t n;
};

struct metrics {
	struct histograms rpcs, tools;
	uint64_t statuses[6]; /* answers by their hundred */
	uint64_t connections_total;
	uint64_t sessions_total;
	uint64_t streams_total;
	uint64_t messages_total; /* sent on streams */
	/* As they are now; filled by whoever calls metrics_write(). */
	size_t connections, sessions, exchanges, streams, replay_bytes;
};

void metrics_fini(struct metrics *m);
/* The label's histogram, new where there was none; NULL without memory or room. */
struct histogram *metrics_histogram(struct histograms *h, const char *label);
/* NULL is allowed. */
void metrics_observe(struct histogram *h, int64_t ns);
void metrics_count_status(struct metrics *m, int status);

int metrics_write(const struct metrics *m, struct buf *out) MUST_CHECK;

#endif
