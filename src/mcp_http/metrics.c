/* SPDX-License-Identifier: MIT */
#include "mcp_http/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

/* Upper bounds; what is beyond the last one is in the last bucket. */
static const struct {
	int64_t ns;
	const char *text;
} bounds[METRICS_BUCKETS] = {
	{ 100000, "0.0001" },  { 250000, "0.00025" }, { 500000, "0.0005" },  { 1000000, "0.001" },
	{ 2500000, "0.0025" }, { 5000000, "0.005" },  { 10000000, "0.01" },  { 25000000, "0.025" },
	{ 50000000, "0.05" },  { 100000000, "0.1" },  { 250000000, "0.25" }, { 500000000, "0.5" },
	{ 1000000000, "1" },   { 5000000000, "5" },   { 15000000000, "15" }, { 60000000000, "60" },
	{ INT64_MAX, "+Inf" },
};

void
metrics_fini(struct metrics *m)
{
	struct histograms *const all[] = { &m->rpcs, &m->tools };
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		for (k = 0; k < all[i]->n; k++)
			free(all[i]->list[k]);
		all[i]->n = 0;
	}
}

struct histogram *
metrics_histogram(struct histograms *h, const char *label)
{
	struct histogram *made;
	size_t i, size = strlen(label) + 1;

	for (i = 0; i < h->n; i++) {
		if (strcmp(h->list[i]->label, label) == 0)
			return h->list[i];
	}
	made = h->n < METRICS_LABELS_MAX ? calloc(1, sizeof *made + size) : NULL;
	if (!made)
		return NULL;
	made->label = memcpy(made + 1, label, size);
	h->list[h->n++] = made;
	return made;
}

void
metrics_observe(struct histogram *h, int64_t ns)
{
	size_t i = 0;

	if (!h)
		return;
	while (ns > bounds[i].ns)
		i++;
	h->buckets[i]++;
	h->count++;
	h->sum_ns += ns;
}

void
metrics_count_status(struct metrics *m, int status)
{
	if (status >= 100 && status < 600)
		m->statuses[status / 100]++;
}

static int
write_histograms(const struct histograms *h, const char *name, const char *key, const char *help,
		 struct buf *out)
{
	const struct histogram *one;
	uint64_t sum;
	size_t i, k;
	int rc = buf_addf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);

	for (i = 0; i < h->n && rc == 0; i++) {
		one = h->list[i];
		for (k = 0, sum = 0; k < METRICS_BUCKETS && rc == 0; k++) {
			sum += one->buckets[k];
			rc = buf_addf(out, "%s_bucket{%s=\"%s\",le=\"%s\"} %" PRIu64 "\n", name,
				      key, one->label, bounds[k].text, sum);
		}
		if (rc == 0)
			rc = buf_addf(out,
				      "%s_sum{%s=\"%s\"} %" PRId64 ".%09" PRId64
				      "\n%s_count{%s=\"%s\"} %" PRIu64 "\n",
				      name, key, one->label, one->sum_ns / NS_PER_S,
				      one->sum_ns % NS_PER_S, name, key, one->label, one->count);
	}
	return rc;
}

static int
write_numbers(const struct metrics *m, struct buf *out)
{
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{ "connections", "gauge", "Open connections.", m->connections },
		{ "connections_total", "counter", "Connections taken.", m->connections_total },
		{ "sessions", "gauge", "Open legacy sessions.", m->sessions },
		{ "sessions_total", "counter", "Legacy sessions opened.", m->sessions_total },
		{ "requests_open", "gauge", "MCP requests without an answer.", m->exchanges },
		{ "streams", "gauge", "Open event streams of sessions.", m->streams },
		{ "streams_total", "counter", "Answers that became event streams.",
		  m->streams_total },
		{ "stream_messages_total", "counter", "Messages sent on event streams.",
		  m->messages_total },
		{ "replay_bytes", "gauge", "Events kept for clients that come back.",
		  m->replay_bytes },
	};
	size_t i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(rows) && rc == 0; i++)
		rc = buf_addf(out,
			      "# HELP jobwire_mcp_%s %s\n# TYPE jobwire_mcp_%s %s\n"
			      "jobwire_mcp_%s %" PRIu64 "\n",
			      rows[i].name, rows[i].help, rows[i].name, rows[i].type, rows[i].name,
			      rows[i].value);
	return rc;
}

int
metrics_write(const struct metrics *m, struct buf *out)
{
	size_t i;
	int rc = write_numbers(m, out);

	if (rc == 0)
		rc = buf_addf(out, "# HELP jobwire_mcp_responses_total HTTP answers.\n"
				   "# TYPE jobwire_mcp_responses_total counter\n");
	for (i = 1; i < ARRAY_SIZE(m->statuses) && rc == 0; i++)
		rc = buf_addf(out, "jobwire_mcp_responses_total{class=\"%zuxx\"} %" PRIu64 "\n", i,
			      m->statuses[i]);
	if (rc == 0)
		rc = write_histograms(&m->rpcs, "jobwire_mcp_rpc_seconds", "method",
				      "Time from a request to its answer.", out);
	if (rc == 0)
		rc = write_histograms(&m->tools, "jobwire_mcp_tool_seconds", "tool",
				      "Time from a tools/call to its answer.", out);
	return rc;
}
