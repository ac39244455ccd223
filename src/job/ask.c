/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <string.h>

#include "job/impl.h"

/* Removes it from the job; whoever asked may ask again or go in the call. */
static void
answer(struct job_ask *ask, bool failed)
{
	if (ask->job)
		TAILQ_REMOVE(&ask->job->asks, ask, link);
	ask->job = NULL;
	ask->failed = failed;
	ask->done(ask);
}

/* While a holder has not said how things stand, nothing goes to it: what was sent before that is
 * taken for lost with the connection before (ask_connected). */
static bool
can_send(const struct job *job)
{
	return job->proc && !job->adoption;
}

/* Input goes out one piece at a time, so that a full stdin never holds up a stop behind it. */
static struct job_ask *
first_input(const struct job *job)
{
	struct job_ask *ask;

	TAILQ_FOREACH (ask, &job->asks, link)
		if (ask->kind == ASK_INPUT)
			return ask;
	return NULL;
}

static void
send_input(struct job *job)
{
	struct job_ask *ask = first_input(job);
	struct frame_input f;

	if (!ask || ask->u.input.in_flight || ask->u.input.waiting || !can_send(job))
		return;
	f.tag = ask->tag;
	f.offset = ask->u.input.offset == FRAME_APPEND
			   ? FRAME_APPEND
			   : ask->u.input.offset + ask->u.input.accepted;
	f.data = ask->u.input.data + ask->u.input.accepted;
	/* A piece that was taken in part is completed alone, so that a retry of the call is cut
	 * where this one was: the holder knows a piece only as a whole. */
	f.len = MIN(ask->u.input.len - ask->u.input.accepted,
		    FRAME_INPUT_MAX - ask->u.input.accepted % FRAME_INPUT_MAX);
	f.eof = ask->u.input.eof && f.len == ask->u.input.len - ask->u.input.accepted;
	ask->u.input.in_flight = true;
	ask->sent = true;
	proc_input(job->proc, &f);
}

static void
send_ask(struct job *job, struct job_ask *ask)
{
	if (!can_send(job))
		return;
	switch (ask->kind) {
	case ASK_STOP:
		ask->u.stop.tag = ask->tag;
		job->stopping = true;
		proc_stop(job->proc, &ask->u.stop);
		break;
	case ASK_SIGNAL:
		ask->u.signal.tag = ask->tag;
		proc_signal(job->proc, &ask->u.signal);
		break;
	case ASK_INPUT:
		send_input(job);
		return;
	}
	ask->sent = true;
}

void
job_ask(struct job *job, struct job_ask *ask)
{
	ask->job = job;
	ask->tag = job->jobs->next_tag++;
	ask->sent = ask->failed = false;
	TAILQ_INSERT_TAIL(&job->asks, ask, link);
	send_ask(job, ask);
	job_tell(job);
}

void
job_ask_cancel(struct job_ask *ask)
{
	struct job *job = ask->job;

	if (!job)
		return;
	TAILQ_REMOVE(&job->asks, ask, link);
	ask->job = NULL;
	if (ask->kind == ASK_INPUT && !ask->u.input.in_flight)
		send_input(job); /* the next one's turn */
}

/* A stop may be sent twice, and so may input that has its offset; a signal may not. */
void
ask_connected(struct job *job)
{
	struct job_ask *ask, *next;

	for (ask = TAILQ_FIRST(&job->asks); ask; ask = next) {
		next = TAILQ_NEXT(ask, link);
		if (ask->kind == ASK_INPUT)
			ask->u.input.in_flight = ask->u.input.waiting = false;
		if (ask->sent && ask->kind == ASK_SIGNAL)
			answer(ask, true);
		else if (ask->sent && ask->kind == ASK_INPUT && ask->u.input.offset == FRAME_APPEND)
			answer(ask, true);
		else if (ask->kind != ASK_INPUT)
			send_ask(job, ask);
	}
	send_input(job);
}

void
ask_lost(struct job *job)
{
	struct job_ask *ask;

	while ((ask = TAILQ_FIRST(&job->asks)))
		answer(ask, true);
}

void
ask_input_done(struct job *job, const struct frame_input_done *f)
{
	struct job_ask *ask = first_input(job);

	if (!ask || ask->tag != f->tag) {
		send_input(job); /* of one that was given up */
		return;
	}
	ask->u.input.in_flight = false;
	ask->u.input.accepted += f->accepted;
	if ((f->verdict == INPUT_TAKEN || f->verdict == INPUT_DUPLICATE) &&
	    ask->u.input.accepted < ask->u.input.len) {
		ask->u.input.waiting =
			f->accepted == 0 || ask->u.input.accepted % FRAME_INPUT_MAX != 0;
		send_input(job);
		job_tell(job);
		return;
	}
	ask->result.input_done = *f;
	ask->result.input_done.accepted = ask->u.input.accepted;
	answer(ask, false);
	send_input(job);
}

void
ask_input_room(struct job *job)
{
	struct job_ask *ask = first_input(job);

	if (ask)
		ask->u.input.waiting = false;
	send_input(job);
}

static struct job_ask *
find_tag(const struct job *job, enum job_ask_kind kind, uint64_t tag)
{
	struct job_ask *ask;

	TAILQ_FOREACH (ask, &job->asks, link)
		if (ask->kind == kind && ask->tag == tag)
			return ask;
	return NULL;
}

void
ask_stopped(struct job *job, const struct frame_stopped *f)
{
	struct job_ask *ask = find_tag(job, ASK_STOP, f->tag);

	if (!ask)
		return;
	ask->result.stopped = *f;
	answer(ask, false);
}

void
ask_signalled(struct job *job, const struct frame_signalled *f)
{
	struct job_ask *ask = find_tag(job, ASK_SIGNAL, f->tag);

	if (!ask)
		return;
	ask->result.signalled = *f;
	answer(ask, false);
}

/* The job is over, with nothing of it left: stops have what they wanted, the others will not. */
void
ask_ended(struct job *job)
{
	struct job_ask *ask;

	while ((ask = TAILQ_FIRST(&job->asks))) {
		if (ask->kind == ASK_STOP)
			ask->result.stopped = (struct frame_stopped){
				.tag = ask->tag,
				.killed = (uint32_t)job->row.killed,
				.survivors = (uint32_t)job->row.survivors,
			};
		answer(ask, ask->kind != ASK_STOP);
	}
}

static void
nobody_waits(struct job_ask *ask)
{
	free(ask);
}

void
ask_stop_for_nobody(struct job *job, int64_t grace_ms)
{
	struct job_ask *ask = calloc(1, sizeof *ask);

	if (!ask)
		return;
	ask->done = nobody_waits;
	ask->kind = ASK_STOP;
	ask->u.stop.signal = SIGTERM;
	ask->u.stop.grace_ms = grace_ms < 0 ? (uint64_t)job->row.grace_ms : (uint64_t)grace_ms;
	ask->u.stop.cause = END_BY_USER;
	job_ask(job, ask);
}

uint32_t
jobs_stop_all(struct jobs *jobs, int64_t grace_ms)
{
	struct job *job;
	uint32_t n = 0;
	size_t it;

	map_for_each (&jobs->live, it, job) {
		if (job->over)
			continue;
		ask_stop_for_nobody(job, grace_ms);
		n++;
	}
	return n;
}
