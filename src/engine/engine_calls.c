/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "engine/call.h"
#include "engine/engine.h"
#include "engine/events.h"
#include "engine/handlers.h"
#include "engine/rpc.h"
#include "job/jobs.h"
#include "wire/message.h"

int
handle_engine_info(struct call *call, struct err *err)
{
	Jobwire__V1__InfoResponse res = JOBWIRE__V1__INFO_RESPONSE__INIT;
	struct engine *eng = call->eng;
	struct jobs_counts jobs = jobs_counts(eng->jobs);
	struct rpc_counts rpc = rpc_counts(eng->rpc);

	(void)err;
	res.version = message_str(JOBWIRE_VERSION);
	res.protocol = WIRE_PROTOCOL;
	res.pid = getpid();
	res.epoch = (uint64_t)eng->epoch;
	res.started_ns = eng->started_ns;
	res.state_dir = message_str(eng->endpoint.path);
	res.running = jobs.running;
	res.queued = jobs.queued;
	res.lingering = jobs.lingering;
	res.max_running = (uint32_t)eng->settings.max_running;
	res.last_event = events_last(eng->events);
	res.connections = rpc.connections;
	res.parked = eng->n_polls;
	res.contexts = rpc.contexts;
	res.contexts_free = rpc.receiving;
	res.trouble = message_str(eng->trouble);
	call_reply(call, &res.base);
	return 0;
}

static bool
all_over(const struct engine *eng)
{
	struct jobs_counts c = jobs_counts(eng->jobs);

	return c.running + c.queued + c.lingering == 0;
}

static void
end_engine(struct call *call)
{
	Jobwire__V1__ShutdownResponse res = JOBWIRE__V1__SHUTDOWN_RESPONSE__INIT;
	struct engine *eng = call->eng;
	struct jobs_counts counts = jobs_counts(eng->jobs);
	const uint32_t *asked = call->state;

	res.kept_jobs = counts.running + counts.queued + counts.lingering;
	res.stopped_jobs = asked ? *asked - MIN(*asked, res.kept_jobs) : 0;
	log_info("engine shutdown", log_num("stopped", res.stopped_jobs),
		 log_num("kept", res.kept_jobs));
	call_reply(call, &res.base);
	engine_stop(eng);
}

static void
ending_expired(struct call *call)
{
	call->eng->ending = NULL;
	end_engine(call);
}

/* The client of a shutdown that has begun does not turn it back. */
static void
ending_cancelled(struct call *call)
{
	call->eng->ending = NULL;
	engine_stop(call->eng);
}

void
engine_check_ending(struct engine *eng)
{
	struct call *call = eng->ending;

	if (!call || !all_over(eng))
		return;
	eng->ending = NULL;
	end_engine(call);
}

int
handle_engine_shutdown(struct call *call, struct err *err)
{
	const Jobwire__V1__ShutdownRequest *req = call->req;
	struct engine *eng = call->eng;
	uint32_t *asked;
	int rc;

	jobs_drain(eng->jobs);
	if (!req->stop_jobs || all_over(eng)) {
		end_engine(call);
		return 0;
	}
	if (eng->ending)
		return err_set(err, ERR_FAILED_PRECONDITION, "the engine is ending already");
	asked = arena_alloc(&call->arena, sizeof *asked);
	if (!asked)
		return err_sys(err, ENOMEM, "shutdown");
	rc = call_park(call, WIRE_WAIT_MAX_MS, ending_expired, ending_cancelled, err);
	if (rc < 0)
		return rc;
	*asked = jobs_stop_all(eng->jobs,
			       req->grace_case == JOBWIRE__V1__SHUTDOWN_REQUEST__GRACE_GRACE_MS
				       ? (int64_t)MIN(req->grace_ms, (uint64_t)INT64_MAX)
				       : -1);
	call->state = asked;
	eng->ending = call;
	return 0;
}
