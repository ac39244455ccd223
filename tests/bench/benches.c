/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "bench.h"

#define MIB ((uint64_t)1024 * 1024)

static const char *const sh_true[] = { "sh", "-c", "true", NULL };

/* ---- start ---- */

/* One of several jobs in flight: started, then waited for. */
struct flight {
	struct client_request request;
	struct bench *b;
	int *done, *started;
	int n;
	char id[40];
	int waiting;
};

static void begin_flight(struct flight *f);

static void
on_flight(struct client_request *r, const ProtobufCMessage *reply, const struct err *err)
{
	struct flight *f = (struct flight *)(void *)r;
	Jobwire__V1__WaitRequest req = JOBWIRE__V1__WAIT_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = 120000 };
	char *ids = f->id;

	if (err)
		bench_fail("%s", err->msg);
	if (f->waiting) {
		++*f->done;
		begin_flight(f);
		return;
	}
	(void)snprintf(f->id, sizeof f->id, "%s",
		       ((const Jobwire__V1__StartResponse *)reply)->job->id);
	f->waiting = 1;
	req.job_ids = &ids;
	req.n_job_ids = 1;
	req.wait_ms = 60000;
	client_send(f->b->client, r, METHOD_Jobs_Wait, &req.base, &how);
}

static void
begin_flight(struct flight *f)
{
	Jobwire__V1__StartRequest req = JOBWIRE__V1__START_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = 120000 };
	ProtobufCBinaryData args[3];
	int i;

	if (*f->started == f->n)
		return;
	++*f->started;
	for (i = 0; i < 3; i++)
		args[i] = (ProtobufCBinaryData){ strlen(sh_true[i]),
						 (uint8_t *)(uintptr_t)sh_true[i] };
	req.argv = args;
	req.n_argv = 3;
	f->waiting = 0;
	f->request.done = on_flight;
	client_send(f->b->client, &f->request, METHOD_Jobs_Start, &req.base, &how);
}

static double
job_rate(struct bench *b, int n, int window)
{
	struct flight *flights = calloc((size_t)window, sizeof *flights);
	int started = 0, done = 0, i;
	struct client_wait w;
	double begin = now_s();

	if (!flights)
		bench_fail("no memory");
	for (i = 0; i < window; i++) {
		flights[i].b = b;
		flights[i].done = &done;
		flights[i].started = &started;
		flights[i].n = n;
		begin_flight(&flights[i]);
	}
	while (done < n) {
		w = client_poll(b->client);
		(void)poll(&(struct pollfd){ .fd = w.fd, .events = w.events }, 1, w.timeout_ms);
		client_process(b->client);
	}
	free(flights);
	return n / (now_s() - begin);
}

void
bench_start(struct bench *b)
{
	static const int windows[] = { 1, 16 };
	char what[64];
	size_t i;

	for (i = 0; i < 2; i++) {
		(void)snprintf(what, sizeof what, "sh -c true, %d at a time", windows[i]);
		(void)floor_spawn_rate(sh_true, 200, windows[i]); /* warm */
		(void)job_rate(b, 200, windows[i]);
		bench_row(what, job_rate(b, 1500, windows[i]),
			  floor_spawn_rate(sh_true, 1500, windows[i]), "jobs/s", 1);
	}
}

/* ---- get ---- */

#define TRIPS 5000

void
bench_get(struct bench *b)
{
	static double ours[TRIPS], sp[TRIPS], nng[TRIPS];
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;
	const char *const argv[] = { "sleep", "1000", NULL };
	struct echo *e = echo_new(b->dir, 200);
	const ProtobufCMessage *reply;
	struct arena a;
	double begin;
	char id[40];
	int i;

	start_argv(b, argv, 0, id);
	req.job_id = id;
	for (i = 0; i < TRIPS; i++) {
		arena_init(&a, 1 << 20);
		begin = now_s();
		call(b, METHOD_Jobs_Get, &req.base, &a, &reply);
		ours[i] = now_s() - begin;
		arena_fini(&a);
	}
	echo_round_trips(e, TRIPS, 0, sp);
	echo_round_trips(e, TRIPS, 1, nng);
	bench_row("Get p50, floor: bare SP client, NNG server", quantile(ours, TRIPS, 0.5) * 1e6,
		  quantile(sp, TRIPS, 0.5) * 1e6, "us", 0);
	bench_row("Get p99, floor: bare SP client, NNG server", quantile(ours, TRIPS, 0.99) * 1e6,
		  quantile(sp, TRIPS, 0.99) * 1e6, "us", 0);
	bench_row("Get p50, floor: NNG client and server", quantile(ours, TRIPS, 0.5) * 1e6,
		  quantile(nng, TRIPS, 0.5) * 1e6, "us", 0);
	echo_free(e);
}

/* ---- output ---- */

void
bench_output(struct bench *b)
{
	const uint64_t bytes = 1024 * MIB;
	char count[32], id[40];
	const char *const argv[] = { "head", "-c", count, "/dev/zero", NULL };
	double begin, floor;

	(void)snprintf(count, sizeof count, "%llu", (unsigned long long)bytes);
	floor = floor_capture_rate(bytes);
	begin = now_s();
	start_argv(b, argv, 4096 * MIB, id);
	wait_end(b, id);
	bench_row("1 GiB, everything kept", (double)bytes / 1e6 / (now_s() - begin), floor, "MB/s",
		  1);
	begin = now_s();
	start_argv(b, argv, 0, id);
	wait_end(b, id);
	bench_row("1 GiB, the default cap (64 MiB)", (double)bytes / 1e6 / (now_s() - begin), floor,
		  "MB/s", 1);
}

/* ---- follow ---- */

void
bench_follow(struct bench *b)
{
	const uint64_t bytes = 512 * MIB;
	Jobwire__V1__ReadOutputRequest req = JOBWIRE__V1__READ_OUTPUT_REQUEST__INIT;
	const Jobwire__V1__ReadOutputResponse *res;
	const ProtobufCMessage *reply;
	char count[32], id[40];
	const char *const argv[] = { "head", "-c", count, "/dev/zero", NULL };
	static double trips[2048];
	double begin, ours, floor = 0;
	struct echo *e;
	struct arena a;
	int i, n = (int)(bytes / (256 * 1024));

	(void)snprintf(count, sizeof count, "%llu", (unsigned long long)bytes);
	start_argv(b, argv, 4096 * MIB, id);
	wait_end(b, id);
	req.job_id = id;
	req.stream = JOBWIRE__V1__STREAM__STREAM_STDOUT;
	begin = now_s();
	while (req.offset < bytes) {
		arena_init(&a, 1 << 24);
		call(b, METHOD_Jobs_ReadOutput, &req.base, &a, &reply);
		res = (const Jobwire__V1__ReadOutputResponse *)reply;
		req.offset = res->next_offset;
		arena_fini(&a);
	}
	ours = (double)bytes / 1e6 / (now_s() - begin);
	e = echo_new(b->dir, 256 * 1024);
	echo_round_trips(e, n, 0, trips);
	for (i = 0; i < n; i++)
		floor += trips[i];
	bench_row("512 MiB by ReadOutput, one at a time", ours, (double)bytes / 1e6 / floor, "MB/s",
		  1);
	echo_free(e);
}

/* ---- memory ---- */

/* Private memory (what would be free if the process ended), KiB. */
static double
private_kib(pid_t pid)
{
	char path[64], line[128];
	long total = 0, value;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	if (!f)
		bench_fail("%s: %m", path);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "Private_Dirty: %ld", &value) == 1)
			total += value;
	(void)fclose(f);
	return (double)total;
}

/* The newest process of that name below the engine. */
static pid_t
child_of(pid_t parent)
{
	char path[64];
	long pid = 0;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%ld", &pid) != 1)
		bench_fail("%s: no holder", path);
	(void)fclose(f);
	return (pid_t)pid;
}

void
bench_memory(struct bench *b)
{
	const char *const argv[] = { "sleep", "1000", NULL };
	double idle = private_kib(b->engine);
	char id[40];
	int i;

	bench_figure("engine, idle, private dirty", idle, "KiB");
	start_argv(b, argv, 0, id);
	for (i = 1; i < 51; i++)
		start_argv(b, argv, 0, id);
	bench_figure("holder of a sleeping job, private dirty", private_kib(child_of(b->engine)),
		     "KiB");
	bench_figure("engine, per running job, private dirty", (private_kib(b->engine) - idle) / 51,
		     "KiB");
}

/* ---- adapter ---- */

#define ADAPTERS 50

static double
time_of_first_reply(const char *const argv[], const char *line)
{
	posix_spawn_file_actions_t fa;
	int in[2], out[2];
	char reply[8192];
	double begin;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		bench_fail("pipe2: %m");
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	begin = now_s();
	if (posix_spawnp(&pid, argv[0], &fa, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
		bench_fail("%s cannot be started", argv[0]);
	(void)close(in[0]);
	(void)close(out[1]);
	if (write(in[1], line, strlen(line)) < 0 || read(out[0], reply, sizeof reply) <= 0)
		bench_fail("%s does not answer", argv[0]);
	begin = now_s() - begin;
	(void)close(in[1]);
	(void)close(out[0]);
	(void)waitpid(pid, NULL, 0);
	(void)posix_spawn_file_actions_destroy(&fa);
	return begin;
}

void
bench_adapter(struct bench *b)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\","
				   "\"params\":{\"protocolVersion\":"
				   "\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":"
				   "\"bench\",\"version\":\"1\"}}}\n";
	static double ours[ADAPTERS], floor[ADAPTERS];
	char path[PATH_MAX];
	const char *const argv[] = { path, "--state-dir", b->dir, NULL };
	const char *const cat[] = { "cat", NULL };
	int i;

	(void)snprintf(path, sizeof path, "%s/jobwire-mcp", b->bin);
	for (i = 0; i < ADAPTERS; i++) {
		ours[i] = time_of_first_reply(argv, line);
		floor[i] = time_of_first_reply(cat, line);
	}
	bench_row("initialize answered p50, floor: cat", quantile(ours, ADAPTERS, 0.5) * 1e3,
		  quantile(floor, ADAPTERS, 0.5) * 1e3, "ms", 0);
	bench_row("initialize answered p99, floor: cat", quantile(ours, ADAPTERS, 0.99) * 1e3,
		  quantile(floor, ADAPTERS, 0.99) * 1e3, "ms", 0);
}
