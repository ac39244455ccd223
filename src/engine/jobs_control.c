/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "engine/call.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "engine/handlers.h"

/* A stop answers within its grace and this, unless the request says otherwise. */
#define STOP_MARGIN_MS 6000
#define SIGNAL_WAIT_MS 10000
#define REASON_MAX     500
/* What is on its way to a holder is answered within this, unless the holder is halted. */
#define INPUT_ANSWER_MS 2000

/* A call that waits for the holder's answer. */
struct asking {
	struct job_ask ask;
	struct call *call;
	char id[ID_SIZE];
	bool expired;
};

static void
on_cancelled(struct call *call)
{
	struct asking *a = call->state;

	job_ask_cancel(&a->ask);
}

static struct asking *
asking_new(struct call *call, const struct job_view *view, void (*done)(struct job_ask *ask))
{
	struct asking *a = arena_zalloc(&call->arena, sizeof *a);

	if (!a)
		return NULL;
	a->call = call;
	a->ask.done = done;
	(void)snprintf(a->id, sizeof a->id, "%s", view->row.id);
	return a;
}

/* Park first: the answer may come at once. */
static int
ask(struct asking *a, const struct job_view *view, uint32_t wait_ms,
    void (*expired)(struct call *call), struct err *err)
{
	int rc = call_park(a->call, wait_ms, expired, on_cancelled, err);

	if (rc < 0)
		return rc;
	a->call->state = a;
	job_ask(view->live, &a->ask);
	return 0;
}

static void
no_answer(struct call *call, const char *what)
{
	struct err err = { 0 };

	(void)err_set(&err, ERR_UNAVAILABLE,
		      "%s: the job's holder was lost before it answered; look at the job's state",
		      what);
	call_fail(call, &err);
}

/* ---- SendInput ---- */

static int
check_input(const Jobwire__V1__SendInputRequest *req, const struct job_view *view, struct err *err)
{
	if (req->data.len > WIRE_READ_MAX)
		return err_field(err, ERR_INVALID_ARGUMENT, "data",
				 "data has %zu bytes; at most %zu in one call", req->data.len,
				 WIRE_READ_MAX);
	if (req->data.len == 0 && !req->eof)
		return err_field(err, ERR_INVALID_ARGUMENT, "data", "data is empty");
	if (!view->live || job_state_is_final((int)view->row.state))
		return err_field(err, ERR_FAILED_PRECONDITION, "job_id",
				 "job %.8s is %s: it takes no input any more", view->row.id,
				 job_state_word((int)view->row.state));
	return 0;
}

static void
reply_input(struct call *call, size_t accepted, uint64_t next_offset, bool duplicate)
{
	Jobwire__V1__SendInputResponse res = JOBWIRE__V1__SEND_INPUT_RESPONSE__INIT;

	res.accepted = (uint32_t)accepted;
	res.next_offset = next_offset;
	res.duplicate = duplicate;
	call_reply(call, &res.base);
}

static void
refuse_input(struct asking *a)
{
	const struct frame_input_done *d = &a->ask.result.input_done;
	struct err err = { 0 };

	if (d->verdict == INPUT_NONE)
		(void)err_field(
			&err, ERR_FAILED_PRECONDITION, "job_id",
			"job %.8s was started without stdin; start it with stdin pipe or pty",
			a->id);
	else if (d->verdict == INPUT_CLOSED)
		(void)err_field(&err, ERR_FAILED_PRECONDITION, "job_id",
				"job %.8s takes no input any more: its stdin is closed", a->id);
	else
		(void)err_field(&err, ERR_ABORTED, "offset",
				"offset is not where the job's input ends: that is %" PRIu64
				"; somebody else has sent input",
				d->next_offset);
	call_fail(a->call, &err);
}

static void
input_answered(struct job_ask *asked)
{
	struct asking *a = container_of(asked, struct asking, ask);
	const struct frame_input_done *d = &asked->result.input_done;

	if (asked->failed)
		no_answer(a->call, "send input");
	else if (d->verdict == INPUT_TAKEN || d->verdict == INPUT_DUPLICATE)
		reply_input(a->call, (size_t)d->accepted, d->next_offset,
			    d->verdict == INPUT_DUPLICATE);
	else if (d->accepted)
		reply_input(a->call, (size_t)d->accepted, d->next_offset, false);
	else
		refuse_input(a);
}

/* A holder that is halted. What is on its way may still be typed. */
static void
input_unknown(struct call *call, size_t accepted)
{
	struct err err = { 0 };

	(void)err_set(&err, ERR_UNAVAILABLE,
		      "send input: the job's holder does not answer; %zu bytes were taken, and "
		      "whether the rest was is not known: look at the job's input_offset",
		      accepted);
	call_fail(call, &err);
}

/* The job does not read: what it has taken is told. A piece that is on its way may still count, so
 * its answer, which comes at once, is waited for. */
static void
input_expired(struct call *call)
{
	struct asking *a = call->state;
	struct job_view view;

	if (a->ask.u.input.in_flight && !a->expired) {
		a->expired = true;
		a->ask.u.input.len = a->ask.u.input.accepted; /* nothing more is sent */
		call_extend(call, INPUT_ANSWER_MS);
		return;
	}
	job_ask_cancel(&a->ask);
	if (a->expired)
		input_unknown(call, a->ask.u.input.accepted);
	else if (jobs_view(call->eng->jobs, &call->arena, a->id, &view, NULL) < 0)
		no_answer(call, "send input");
	else
		reply_input(call, a->ask.u.input.accepted, (uint64_t)view.row.input_offset, false);
}

int
handle_jobs_send_input(struct call *call, struct err *err)
{
	const Jobwire__V1__SendInputRequest *req = call->req;
	struct job_view view;
	struct asking *a;
	int rc;

	rc = jobs_view(call->eng->jobs, &call->arena, req->job_id, &view, err);
	if (rc == 0)
		rc = check_input(req, &view, err);
	if (rc < 0)
		return rc;
	a = asking_new(call, &view, input_answered);
	if (!a)
		return err_sys(err, ENOMEM, "send input");
	a->ask.kind = ASK_INPUT;
	a->ask.u.input.data = req->data.data;
	a->ask.u.input.len = req->data.len;
	a->ask.u.input.offset = req->at_case == JOBWIRE__V1__SEND_INPUT_REQUEST__AT_OFFSET
					? req->offset
					: FRAME_APPEND;
	a->ask.u.input.eof = req->eof;
	return ask(a, &view, MAX(req->wait_ms, 1000), input_expired, err);
}

/* ---- Stop ---- */

static void
reply_stop(struct asking *a, bool already_ended, bool done, uint32_t killed, uint32_t survivors)
{
	Jobwire__V1__StopResponse res = JOBWIRE__V1__STOP_RESPONSE__INIT;
	struct call *call = a->call;
	struct job_view view;
	struct err err = { 0 };

	if (jobs_view(call->eng->jobs, &call->arena, a->id, &view, &err) < 0 ||
	    convert_job(call, &view, CONVERT_WHOLE, &res.job, &err) < 0) {
		call_fail(call, &err);
		return;
	}
	res.already_ended = already_ended;
	res.done = done;
	res.killed_processes = killed;
	res.survivors = survivors;
	call_reply(call, &res.base);
}

static void
stop_answered(struct job_ask *asked)
{
	struct asking *a = container_of(asked, struct asking, ask);

	if (asked->failed)
		no_answer(a->call, "stop");
	else
		reply_stop(a, false, true, asked->result.stopped.killed,
			   asked->result.stopped.survivors);
}

static void
stop_expired(struct call *call)
{
	struct asking *a = call->state;

	job_ask_cancel(&a->ask); /* the holder goes on with it */
	reply_stop(a, false, false, 0, 0);
}

static int
check_signal(int signal, struct err *err)
{
	if (signal < 1 || signal >= NSIG)
		return err_field(err, ERR_INVALID_ARGUMENT, "signal",
				 "signal %d is not between 1 and %d", signal, NSIG - 1);
	return 0;
}

static int
fill_stop(const Jobwire__V1__StopRequest *req, const struct job_view *view, struct frame_stop *f,
	  struct err *err)
{
	int rc;

	f->signal = req->signal ? req->signal : SIGTERM;
	f->cause = END_BY_USER;
	rc = check_signal(f->signal, err);
	if (rc < 0)
		return rc;
	f->grace_ms = req->grace_case == JOBWIRE__V1__STOP_REQUEST__GRACE_GRACE_MS
			      ? MIN(req->grace_ms, (uint64_t)86400 * 1000)
			      : (uint64_t)view->row.grace_ms;
	return 0;
}

int
handle_jobs_stop(struct call *call, struct err *err)
{
	const Jobwire__V1__StopRequest *req = call->req;
	struct job_view view;
	struct asking *a;
	uint64_t wait_ms;
	int rc;

	rc = jobs_view(call->eng->jobs, &call->arena, req->job_id, &view, err);
	if (rc < 0)
		return rc;
	a = asking_new(call, &view, stop_answered);
	if (!a)
		return err_sys(err, ENOMEM, "stop");
	a->ask.kind = ASK_STOP;
	rc = fill_stop(req, &view, &a->ask.u.stop, err);
	if (rc < 0)
		return rc;
	if (!view.live || view.row.closed_ns) {
		reply_stop(a, true, true, 0, (uint32_t)view.row.survivors);
		return 0;
	}
	log_info("job stop", log_str("job", view.row.id), log_num("signal", a->ask.u.stop.signal),
		 log_num("grace_ms", (int64_t)a->ask.u.stop.grace_ms));
	wait_ms = a->ask.u.stop.grace_ms + STOP_MARGIN_MS;
	if (req->wait_case == JOBWIRE__V1__STOP_REQUEST__WAIT_WAIT_MS)
		wait_ms = MIN(wait_ms, req->wait_ms);
	return ask(a, &view, (uint32_t)MIN(wait_ms, WIRE_WAIT_MAX_MS), stop_expired, err);
}

/* ---- Signal ---- */

static void
signal_answered(struct job_ask *asked)
{
	struct asking *a = container_of(asked, struct asking, ask);
	Jobwire__V1__SignalResponse res = JOBWIRE__V1__SIGNAL_RESPONSE__INIT;
	struct err err = { 0 };

	if (asked->failed) {
		no_answer(a->call, "signal");
	} else if (asked->result.signalled.processes == 0 && asked->result.signalled.errnum) {
		(void)err_sys(&err, asked->result.signalled.errnum, "signal job %.8s", a->id);
		if (err.code == ERR_NOT_FOUND)
			err.code = ERR_FAILED_PRECONDITION;
		call_fail(a->call, &err);
	} else {
		res.processes = asked->result.signalled.processes;
		call_reply(a->call, &res.base);
	}
}

static void
signal_expired(struct call *call)
{
	struct asking *a = call->state;

	job_ask_cancel(&a->ask);
	no_answer(call, "signal");
}

int
handle_jobs_signal(struct call *call, struct err *err)
{
	const Jobwire__V1__SignalRequest *req = call->req;
	struct job_view view;
	struct asking *a;
	int rc;

	rc = check_signal(req->signal, err);
	if (rc == 0)
		rc = convert_choice((int)req->target, JOBWIRE__V1__SIGNAL_TARGET__TARGET_TREE,
				    "target", err);
	if (rc == 0)
		rc = jobs_view(call->eng->jobs, &call->arena, req->job_id, &view, err);
	if (rc < 0)
		return rc;
	if (!view.live || view.row.closed_ns || view.row.state == JOB_QUEUED)
		return err_field(err, ERR_FAILED_PRECONDITION, "job_id",
				 "job %.8s is %s: there is no process to signal", view.row.id,
				 job_state_word((int)view.row.state));
	a = asking_new(call, &view, signal_answered);
	if (!a)
		return err_sys(err, ENOMEM, "signal");
	a->ask.kind = ASK_SIGNAL;
	a->ask.u.signal.signal = req->signal;
	a->ask.u.signal.tree = req->target == JOBWIRE__V1__SIGNAL_TARGET__TARGET_TREE;
	log_info("job signal", log_str("job", view.row.id), log_num("signal", req->signal));
	return ask(a, &view, SIGNAL_WAIT_MS, signal_expired, err);
}

/* ---- Detach ---- */

struct detaching {
	struct job_watch watch;
	struct call *call;
};

static void
reply_detached(struct call *call)
{
	Jobwire__V1__DetachResponse res = JOBWIRE__V1__DETACH_RESPONSE__INIT;

	call_reply(call, &res.base);
}

static void
detach_cancelled(struct call *call)
{
	struct detaching *d = call->state;

	job_watch_remove(&d->watch);
}

static void
detach_expired(struct call *call)
{
	detach_cancelled(call);
	reply_detached(call);
}

static void
on_detached(struct job_watch *w)
{
	detach_expired(container_of(w, struct detaching, watch)->call);
}

/* Answered when it is stored: the next engine must know, too. */
int
handle_jobs_detach(struct call *call, struct err *err)
{
	const Jobwire__V1__DetachRequest *req = call->req;
	struct detaching *d = arena_zalloc(&call->arena, sizeof *d);
	struct job_view view;
	int rc;

	if (strlen(req->reason) > REASON_MAX)
		return err_field(err, ERR_INVALID_ARGUMENT, "reason",
				 "reason has %zu bytes; at most %d", strlen(req->reason),
				 REASON_MAX);
	if (!d)
		return err_sys(err, ENOMEM, "detach");
	rc = jobs_view(call->eng->jobs, &call->arena, req->job_id, &view, err);
	if (rc < 0)
		return rc;
	if (!view.live || view.row.closed_ns) {
		reply_detached(call);
		return 0;
	}
	rc = call_park(call, WIRE_WAIT_MAX_MS, detach_expired, detach_cancelled, err);
	if (rc < 0)
		return rc;
	d->call = call;
	d->watch.changed = on_detached;
	call->state = d;
	job_watch_add(view.live, &d->watch);
	job_detach(view.live, req->reason);
	return 0;
}

/* ---- Remove ---- */

static int
remove_now(struct call *call, const struct job_view *view, struct err *err)
{
	Jobwire__V1__RemoveResponse res = JOBWIRE__V1__REMOVE_RESPONSE__INIT;
	int rc;

	rc = jobs_remove(call->eng->jobs, view, err);
	if (rc == 0)
		call_reply(call, &res.base);
	return rc;
}

struct removing {
	struct asking asking; /* the stop */
	struct job_watch watch;
};

/* The tree is gone; the job is over as soon as its holder has said the last word. */
static void
remove_if_over(struct removing *r)
{
	struct call *call = r->asking.call;
	struct job_view view;
	struct err err = { 0 };

	if (jobs_view(call->eng->jobs, &call->arena, r->asking.id, &view, &err) == 0) {
		if (!view.row.closed_ns)
			return;
		job_watch_remove(&r->watch);
		job_ask_cancel(&r->asking.ask);
		if (remove_now(call, &view, &err) == 0)
			return;
	}
	job_watch_remove(&r->watch);
	call_fail(call, &err);
}

static void
on_removing(struct job_watch *w)
{
	remove_if_over(container_of(w, struct removing, watch));
}

static void
remove_stop_answered(struct job_ask *asked)
{
	(void)asked; /* the watch sees what it led to */
}

static void
remove_cancelled(struct call *call)
{
	struct removing *r = call->state;

	job_watch_remove(&r->watch);
	job_ask_cancel(&r->asking.ask);
}

static void
remove_expired(struct call *call)
{
	struct err err = { 0 };

	remove_cancelled(call);
	(void)err_set(&err, ERR_DEADLINE_EXCEEDED,
		      "the job could not be ended in time; it was not removed");
	call_fail(call, &err);
}

int
handle_jobs_remove(struct call *call, struct err *err)
{
	const Jobwire__V1__RemoveRequest *req = call->req;
	struct removing *r = arena_zalloc(&call->arena, sizeof *r);
	struct job_view view;
	int rc;

	if (!r)
		return err_sys(err, ENOMEM, "remove");
	rc = jobs_view(call->eng->jobs, &call->arena, req->job_id, &view, err);
	if (rc < 0)
		return rc;
	log_info("job remove", log_str("job", view.row.id));
	if (!view.live || view.row.closed_ns || !req->force)
		return remove_now(call, &view, err);
	rc = call_park(call, STOP_MARGIN_MS, remove_expired, remove_cancelled, err);
	if (rc < 0)
		return rc;
	call->state = r;
	r->asking.call = call;
	(void)snprintf(r->asking.id, sizeof r->asking.id, "%s", view.row.id);
	r->watch.changed = on_removing;
	job_watch_add(view.live, &r->watch);
	r->asking.ask.done = remove_stop_answered;
	r->asking.ask.kind = ASK_STOP;
	r->asking.ask.u.stop =
		(struct frame_stop){ .signal = SIGKILL, .grace_ms = 0, .cause = END_BY_USER };
	job_ask(view.live, &r->asking.ask);
	return 0;
}
