/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

#include "base/clock.h"
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
end_engine(struct engine *eng, struct call *call)
{
	Jobwire__V1__ShutdownResponse res = JOBWIRE__V1__SHUTDOWN_RESPONSE__INIT;
	struct jobs_counts counts = jobs_counts(eng->jobs);
	uint32_t asked = eng->ending.asked;

	jobs_drain(eng->jobs);
	res.kept_jobs = counts.running + counts.queued + counts.lingering;
	res.stopped_jobs = asked - MIN(asked, res.kept_jobs);
	log_info("engine shutdown", log_num("stopped", res.stopped_jobs),
		 log_num("kept", res.kept_jobs));
	if (call)
		call_reply(call, &res.base);
	engine_stop(eng);
}

static void
finish_ending(struct engine *eng)
{
	struct call *call = eng->ending.call;

	eng->ending.call = NULL;
	if (!eng->stopping)
		end_engine(eng, call);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	finish_ending(arg);
}

static void
ending_expired(struct call *call)
{
	finish_ending(call->eng);
}

static void
ending_cancelled(struct call *call)
{
	call->eng->ending.call = NULL;
}

void
engine_check_ending(struct engine *eng)
{
	if (eng->ending.deadline && all_over(eng))
		finish_ending(eng);
}

static int
begin_ending(struct engine *eng, const Jobwire__V1__ShutdownRequest *req, uint32_t wait_ms,
	     struct err *err)
{
	const struct timeval tv = clock_wait(wait_ms);

	eng->ending.deadline = evtimer_new(eng->base, on_deadline, eng);
	if (!eng->ending.deadline)
		return err_sys(err, ENOMEM, "shutdown");
	(void)event_add(eng->ending.deadline, &tv);
	jobs_drain(eng->jobs);
	eng->ending.asked = jobs_stop_all(
		eng->jobs, req->grace_case == JOBWIRE__V1__SHUTDOWN_REQUEST__GRACE_GRACE_MS
				   ? (int64_t)MIN(req->grace_ms, (uint64_t)INT64_MAX)
				   : -1);
	return 0;
}

int
handle_engine_shutdown(struct call *call, struct err *err)
{
	const Jobwire__V1__ShutdownRequest *req = call->req;
	struct engine *eng = call->eng;
	int rc = 0;

	if (!req->stop_jobs || all_over(eng)) {
		end_engine(eng, call);
		return 0;
	}
	if (eng->ending.call)
		return err_set(err, ERR_FAILED_PRECONDITION, "the engine is ending already");
	if (!eng->ending.deadline)
		rc = begin_ending(eng, req, call_clamp(call, WIRE_WAIT_MAX_MS), err);
	if (rc == 0)
		rc = call_park(call, WIRE_WAIT_MAX_MS, ending_expired, ending_cancelled, err);
	if (rc == 0)
		eng->ending.call = call;
	return rc;
}
