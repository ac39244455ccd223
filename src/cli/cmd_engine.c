/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/engine_info.h"
#include "cli/human.h"
#include "cli/print_json.h"
#include "cli/verbs.h"

#define END_MS 10000 /* for a process that has said that it ends */

struct engine_options {
	bool help;
	bool jobs, json;
};

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "jobs",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct engine_options, jobs),
	  .help = "stop: end all jobs first" },
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct engine_options, json),
	  .help = "status: one JSON document" },
	ROW_END,
};

static int
start(struct cli *cli, const struct engine_options *o, struct err *err)
{
	const Jobwire__V1__InfoResponse *info;
	int rc = engine_info(cli, &info, err);
	bool was_there = info != NULL;

	(void)o;
	if (rc == 0 && !was_there)
		rc = client_start_engine(cli->client, err);
	if (rc == 0 && !was_there)
		rc = engine_info(cli, &info, err);
	if (rc < 0)
		return rc;
	if (!info)
		return err_set(err, ERR_UNAVAILABLE, "the engine has ended again");
	(void)printf("engine %s %s in %s (pid %d)\n", info->version,
		     was_there ? "runs already" : "runs", info->state_dir, info->pid);
	return STATUS_DONE;
}

/* Nothing of it is left: the next one finds lock and sockets free. */
static int
wait_for_end(int pidfd, pid_t pid, struct err *err)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0 || poll(&p, 1, END_MS) > 0)
		return 0;
	return err_set(err, ERR_DEADLINE_EXCEEDED, "the engine (pid %d) has not ended within %d s",
		       (int)pid, END_MS / 1000);
}

/* *ret_kept: jobs that go on. */
static int
shut_down(struct cli *cli, const Jobwire__V1__InfoResponse *info, bool stop_jobs,
	  const Jobwire__V1__ShutdownResponse **ret, struct err *err)
{
	Jobwire__V1__ShutdownRequest req = JOBWIRE__V1__SHUTDOWN_REQUEST__INIT;
	int pidfd = (int)syscall(SYS_pidfd_open, info->pid, 0), rc;
	const ProtobufCMessage *reply;

	req.stop_jobs = stop_jobs;
	rc = cli_call(cli, METHOD_Engine_Shutdown, &req.base, 0, &cli->arena, &reply, err);
	if (rc == 0)
		rc = wait_for_end(pidfd, info->pid, err);
	fd_close(&pidfd);
	if (rc == 0)
		*ret = (const Jobwire__V1__ShutdownResponse *)reply;
	return rc;
}

static int
stop(struct cli *cli, const struct engine_options *o, struct err *err)
{
	const Jobwire__V1__InfoResponse *info;
	const Jobwire__V1__ShutdownResponse *res;
	int rc = engine_info(cli, &info, err);

	if (rc == 0 && !info) {
		(void)printf("no engine runs in %s\n", client_state_dir(cli->client));
		return STATUS_DONE;
	}
	if (rc == 0)
		rc = shut_down(cli, info, o->jobs, &res, err);
	if (rc < 0)
		return rc;
	(void)printf("engine ended (pid %d): %u jobs ended, %u go on\n", info->pid,
		     res->stopped_jobs, res->kept_jobs);
	return o->jobs && res->kept_jobs ? STATUS_REFUSED : STATUS_DONE;
}

static int
restart(struct cli *cli, const struct engine_options *o, struct err *err)
{
	const Jobwire__V1__InfoResponse *info;
	const Jobwire__V1__ShutdownResponse *res;
	const char *job = getenv("JOBWIRE_JOB_ID");
	int rc;

	if (job)
		return err_set(err, ERR_FAILED_PRECONDITION,
			       "this is inside of job %.8s, where no engine may be started; "
			       "restart it from outside of jobs",
			       job);
	rc = engine_info(cli, &info, err);
	if (rc == 0 && info)
		rc = shut_down(cli, info, false, &res, err);
	/* The old connection has ended with its engine; a client of its own sees the new one. */
	client_free(cli->client);
	cli->client = NULL;
	return rc < 0 ? rc : start(cli, o, err);
}

static int
status_json(struct cli *cli, const Jobwire__V1__InfoResponse *info, struct err *err)
{
	struct document d;

	document_begin(&d);
	json_object_begin(&d.json, NULL);
	json_bool(&d.json, "running", info != NULL);
	json_str(&d.json, "state_dir", client_state_dir(cli->client));
	if (info) {
		json_str(&d.json, "version", info->version);
		json_uint(&d.json, "protocol", info->protocol);
		json_int(&d.json, "pid", info->pid);
		json_uint(&d.json, "epoch", info->epoch);
		json_time(&d.json, "started", info->started_ns);
		json_uint(&d.json, "jobs_running", info->running);
		json_uint(&d.json, "jobs_queued", info->queued);
		json_uint(&d.json, "jobs_lingering", info->lingering);
		json_uint(&d.json, "max_running", info->max_running);
		json_uint(&d.json, "last_event", info->last_event);
		json_uint(&d.json, "connections", info->connections);
		json_uint(&d.json, "parked", info->parked);
		json_uint(&d.json, "contexts", info->contexts);
		json_uint(&d.json, "contexts_free", info->contexts_free);
		json_str(&d.json, "trouble", info->trouble);
	}
	json_object_end(&d.json);
	return document_end(&d, err);
}

static void
status_text(const Jobwire__V1__InfoResponse *info)
{
	char time[HUMAN_TEXT_MAX];

	(void)printf("engine %s runs in %s (pid %d, %s)\n", info->version, info->state_dir,
		     info->pid, human_duration(clock_wall_ns() - info->started_ns, time));
	(void)printf("jobs: %u running (at most %u), %u queued, %u lingering\n", info->running,
		     info->max_running, info->queued, info->lingering);
	(void)printf("clients: %u, %u of their calls wait\n", info->connections, info->parked);
	if (*info->trouble)
		(void)printf("trouble: %s\n", info->trouble);
}

static int
status(struct cli *cli, const struct engine_options *o, struct err *err)
{
	const Jobwire__V1__InfoResponse *info;
	int rc = engine_info(cli, &info, err);

	if (rc < 0)
		return rc;
	if (o->json)
		rc = status_json(cli, info, err);
	else if (info)
		status_text(info);
	else
		(void)printf("no engine runs in %s\n", client_state_dir(cli->client));
	return rc < 0 ? rc : info ? STATUS_DONE : STATUS_REFUSED;
}

static const struct {
	const char *name;
	int (*run)(struct cli *cli, const struct engine_options *o, struct err *err);
} actions[] = {
	{ "start", start },
	{ "stop", stop },
	{ "status", status },
	{ "restart", restart },
};

static int
cmd_engine(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	size_t i;

	for (i = 0; operands->n == 1 && i < ARRAY_SIZE(actions); i++)
		if (strcmp(operands->v[0], actions[i].name) == 0)
			return actions[i].run(cli, values, err);
	return cli_usage(cli, "say one of start, stop, status and restart");
}

const struct verb verb_engine = {
	.name = "engine",
	.summary = "Start, stop or restart the engine, or tell how it is",
	.usage = "start | stop [--jobs] | status [--json] | restart",
	.more = "Jobs go on without the engine, and the next one finds them again; stop --jobs\n"
		"ends them first. Whoever follows a job or waits for one starts the next engine\n"
		"at once, but for --no-autostart. status: exit status 1 when no engine runs.",
	.rows = rows,
	.values_size = sizeof(struct engine_options),
	.run = cmd_engine,
};
