/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"

void
bench_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
	exit(1);
}

void
bench_row(const char *what, double ours, double floor, const char *unit, int more_is_better)
{
	(void)printf("%-52s %10.1f %10.1f %-8s ratio %.2f\n", what, ours, floor, unit,
		     more_is_better ? ours / floor : floor / ours);
	(void)fflush(stdout);
}

void
bench_figure(const char *what, double value, const char *unit)
{
	(void)printf("%-52s %10.1f %10s %-8s\n", what, value, "", unit);
	(void)fflush(stdout);
}

double
now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
quantile(double *values, size_t n, double p)
{
	qsort(values, n, sizeof *values, by_value);
	return values[(size_t)((double)(n - 1) * p)];
}

void
call(struct bench *b, enum method_number method, const ProtobufCMessage *req, struct arena *a,
     const ProtobufCMessage **ret)
{
	const struct client_how how = { .timeout_ms = 120000 };
	struct err err = { 0 };

	if (client_call(b->client, method, req, &how, a, ret, &err) < 0)
		bench_fail("%s: %s", methods[method].path, err.msg);
}

void
start_argv(struct bench *b, const char *const argv[], uint64_t cap_bytes, char ret_id[40])
{
	Jobwire__V1__StartRequest req = JOBWIRE__V1__START_REQUEST__INIT;
	ProtobufCBinaryData args[16];
	const ProtobufCMessage *reply;
	struct arena a;
	size_t n;

	for (n = 0; argv[n]; n++)
		args[n] = (ProtobufCBinaryData){ strlen(argv[n]), (uint8_t *)(uintptr_t)argv[n] };
	req.argv = args;
	req.n_argv = n;
	req.max_output_bytes = cap_bytes;
	arena_init(&a, 1 << 24);
	call(b, METHOD_Jobs_Start, &req.base, &a, &reply);
	(void)snprintf(ret_id, 40, "%s", ((const Jobwire__V1__StartResponse *)reply)->job->id);
	arena_fini(&a);
}

void
wait_end(struct bench *b, const char *id)
{
	Jobwire__V1__WaitRequest req = JOBWIRE__V1__WAIT_REQUEST__INIT;
	char *ids = (char *)(uintptr_t)id;
	const Jobwire__V1__WaitResponse *res;
	const ProtobufCMessage *reply;
	struct arena a;
	int ended;

	req.job_ids = &ids;
	req.n_job_ids = 1;
	req.wait_ms = 60000;
	do {
		arena_init(&a, 1 << 24);
		call(b, METHOD_Jobs_Wait, &req.base, &a, &reply);
		res = (const Jobwire__V1__WaitResponse *)reply;
		ended = res->outcome == JOBWIRE__V1__OUTCOME__OUTCOME_ENDED;
		arena_fini(&a);
	} while (!ended);
}

static void
open_engine(struct bench *b)
{
	Jobwire__V1__InfoRequest req = JOBWIRE__V1__INFO_REQUEST__INIT;
	struct client_options options = { .autostart = true };
	char engine[PATH_MAX];
	const ProtobufCMessage *reply;
	struct err err = { 0 };
	struct arena a;

	(void)snprintf(b->dir, sizeof b->dir, "/tmp/jobwire-bench-XXXXXX");
	if (!mkdtemp(b->dir))
		bench_fail("mkdtemp failed");
	(void)snprintf(engine, sizeof engine, "%s/jobwired", b->bin);
	options.state_dir = b->dir;
	options.engine_path = engine;
	if (client_new(&options, &b->client, &err) < 0)
		bench_fail("%s", err.msg);
	arena_init(&a, 1 << 20);
	call(b, METHOD_Engine_Info, &req.base, &a, &reply);
	b->engine = ((const Jobwire__V1__InfoResponse *)reply)->pid;
	arena_fini(&a);
}

static void
close_engine(struct bench *b)
{
	Jobwire__V1__ShutdownRequest req = JOBWIRE__V1__SHUTDOWN_REQUEST__INIT;
	const char *argv[] = { "rm", "-rf", b->dir, NULL };
	const ProtobufCMessage *reply;
	struct arena a;
	pid_t pid;

	req.stop_jobs = 1;
	arena_init(&a, 1 << 20);
	call(b, METHOD_Engine_Shutdown, &req.base, &a, &reply);
	arena_fini(&a);
	client_free(b->client);
	pid = fork();
	if (pid == 0)
		(void)(execvp("rm", (char *const *)(uintptr_t)argv), _exit(127), 0);
	(void)waitpid(pid, NULL, 0);
}

static const struct {
	const char *name;
	void (*run)(struct bench *b);
	const char *what;
} benches[] = {
	{ "start", bench_start, "jobs from start to finish, against a bare posix_spawn" },
	{ "get", bench_get, "round trip of Get, against a bare NNG echo" },
	{ "output", bench_output, "output capture, against a bare pipe-to-file reader" },
	{ "follow", bench_follow, "a follower of a large job, against NNG with 256 KiB replies" },
	{ "memory", bench_memory, "private memory of engine, holder and adapter" },
	{ "adapter", bench_adapter, "jobwire-mcp from its start to the reply to initialize" },
};

static int
wanted(int argc, char **argv, const char *name)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return 1;
	return argc == 1;
}

int
main(int argc, char **argv)
{
	char self[PATH_MAX], bin[PATH_MAX + 8];
	struct bench b = { .engine = 0 };
	size_t i;
	ssize_t n;

	n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n < 0 ? 0 : n] = '\0';
	(void)snprintf(bin, sizeof bin, "%s/../bin", dirname(self));
	b.bin = bin;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)printf("%-52s %10s %10s\n", "", "jobwire", "floor");
	for (i = 0; i < sizeof benches / sizeof benches[0]; i++) {
		if (!wanted(argc, argv, benches[i].name))
			continue;
		(void)printf("%s: %s\n", benches[i].name, benches[i].what);
		open_engine(&b);
		benches[i].run(&b);
		close_engine(&b);
	}
	return 0;
}
