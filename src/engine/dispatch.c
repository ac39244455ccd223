/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "base/log.h"
#include "engine/call.h"
#include "engine/handlers.h"
#include "wire/message.h"

/* One row for each rpc of each service; a test proves that none is missing. */
static int (*const handlers[METHOD_COUNT])(struct call *call, struct err *err) = {
	[METHOD_Jobs_Start] = handle_jobs_start,
	[METHOD_Jobs_Get] = handle_jobs_get,
	[METHOD_Jobs_List] = handle_jobs_list,
	[METHOD_Jobs_Wait] = handle_jobs_wait,
	[METHOD_Jobs_ReadOutput] = handle_jobs_read_output,
	[METHOD_Jobs_Tail] = handle_jobs_tail,
	[METHOD_Jobs_SendInput] = handle_jobs_send_input,
	[METHOD_Jobs_Stop] = handle_jobs_stop,
	[METHOD_Jobs_Signal] = handle_jobs_signal,
	[METHOD_Jobs_Detach] = handle_jobs_detach,
	[METHOD_Jobs_Remove] = handle_jobs_remove,
	[METHOD_Engine_Info] = handle_engine_info,
	[METHOD_Engine_Shutdown] = handle_engine_shutdown,
	[METHOD_Engine_WatchEvents] = handle_engine_watch_events,
};

static int
find_and_unpack(struct call *call, struct err *err)
{
	const struct method *m;
	ProtobufCMessage *req;
	int rc;

	call->method = method_find(call->env.method);
	if (call->method == METHOD_COUNT)
		return err_set(err, ERR_UNIMPLEMENTED,
			       "method '%.100s' is not known to this engine (%s)", call->env.method,
			       JOBWIRE_VERSION);
	m = &methods[call->method];
	if (call->env.payload_len > m->max)
		return err_field(err, ERR_INVALID_ARGUMENT, "payload",
				 "the request has %zu bytes; %s takes at most %zu",
				 call->env.payload_len, m->path, m->max);
	rc = message_unpack(&call->arena, m->request, call->env.payload, call->env.payload_len,
			    &req, err);
	call->req = req;
	return rc;
}

/* A failed request is logged once, here: the caller's fault at debug, ours at error. */
static void
log_failure(const struct call *call, const struct err *err)
{
	bool ours = err->code == ERR_INTERNAL || err->code == ERR_DATA_LOSS;

	log_at(ours ? LOG_ERROR : LOG_DEBUG, "request failed", log_str("method", call->env.method),
	       log_str("code", err_name(err->code)), log_str("error", err->msg));
}

void
dispatch(struct call *call)
{
	struct err err = { 0 };
	int rc;

	rc = find_and_unpack(call, &err);
	if (rc == 0)
		rc = handlers[call->method](call, &err);
	if (rc < 0) {
		log_failure(call, &err);
		call_fail(call, &err);
	}
}
