/* SPDX-License-Identifier: MIT */
#include "cli/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/words.h"
#include "cli/attach_inside.h"
#include "cli/signals.h"
#include "cli/terminal.h"

/* The next piece is asked for while no more than so much waits to be written. */
#define AHEAD_MAX WIRE_READ_MAX

static void
fail(struct attach *a, const struct err *err)
{
	*a->err = *err;
	a->status = err->code;
}

/* ---- the start ---- */

static void take_piece(struct follow *f, const Jobwire__V1__ReadOutputResponse *piece);

static void
on_started(struct client_request *request, const ProtobufCMessage *reply, const struct err *err)
{
	struct attach *a = container_of(request, struct attach, start);
	const Jobwire__V1__StartResponse *res;

	if (err) {
		fail(a, err);
		return;
	}
	res = (const Jobwire__V1__StartResponse *)reply;
	(void)snprintf(a->id, sizeof a->id, "%s", res->job->id);
	if (res->existing)
		cli_say(a->cli, "job %.8s was started before with this key", a->id);
	a->follow = (struct follow){
		.client = a->cli->client,
		.job_id = a->id,
		.stream = JOBWIRE__V1__STREAM__STREAM_COMBINED,
		.wait = true,
		.consume = true,
		.with_chunks = true,
		.take = take_piece,
	};
	attach_input_begin(a, res->job->input_offset);
}

static void
send_start(struct attach *a)
{
	const struct client_how how = { .idempotency_key = a->plan->key };

	a->start.done = on_started;
	client_send(a->cli->client, &a->start, METHOD_Jobs_Start, &a->plan->request->base, &how);
}

/* ---- output ---- */

static int
queue_piece(struct attach *a, const Jobwire__V1__ReadOutputResponse *piece)
{
	const unsigned char *p = piece->data.data;
	size_t left = piece->data.len, i, len;
	int rc = 0;

	for (i = 0; i < piece->n_chunks && rc == 0; i++) {
		len = MIN(left, piece->chunks[i]->length);
		rc = sink_add(&a->sink,
			      piece->chunks[i]->stream == JOBWIRE__V1__STREAM__STREAM_STDERR, p,
			      len);
		p += len;
		left -= len;
	}
	return rc == 0 ? sink_add(&a->sink, 0, p, left) : rc;
}

static void
take_piece(struct follow *f, const Jobwire__V1__ReadOutputResponse *piece)
{
	struct attach *a = container_of(f, struct attach, follow);
	char gap[FOLLOW_GAP_MAX];
	struct err err = { 0 };

	if (piece->gap_bytes)
		cli_say(a->cli, "%s", follow_gap(piece, gap));
	if (queue_piece(a, piece) < 0) {
		(void)err_sys(&err, ENOMEM, "output");
		fail(a, &err);
	}
}

static void
write_output(struct attach *a)
{
	static const char *const ends[] = { "stdout", "stderr" };
	int rc = a->is_broken ? 0 : sink_flush(&a->sink);
	const char *end = ends[a->sink.failed_end];
	char reason[200];

	if (rc == 0)
		return;
	a->is_broken = true;
	if (rc == -EPIPE)
		(void)snprintf(reason, sizeof reason, "the %s of its client was closed", end);
	else
		(void)snprintf(reason, sizeof reason, "the %s of its client cannot be written: %s",
			       end, strerrordesc_np(-rc));
	attach_leave(a, rc == -EPIPE ? STATUS_SIGNAL(SIGPIPE) : STATUS_ENGINE, reason,
		     rc == -EPIPE ? "its reader is gone" : strerrordesc_np(-rc));
}

/* ---- the end ---- */

void
attach_say_left(const struct attach *a)
{
	const char *dir = a->cli->state_dir;
	/* Behind what was written: a reader that comes back misses nothing. */
	uint64_t offset = a->follow.offset - sink_len(&a->sink);

	cli_say(a->cli,
		"left job %.8s to itself (%s); come back with: jobwire%s%s logs -f %s%" PRIu64
		" %.8s",
		a->id, a->left_why, dir ? " --state-dir " : "", dir ? dir : "", "--since-offset ",
		offset, a->id);
}

/* What the status alone does not tell. */
static void
say_end(const struct attach *a, const Jobwire__V1__Job *job)
{
	char name[SIGNAL_TEXT_MAX];

	switch ((int)job->reason) {
	case REASON_EXIT:
		break;
	case REASON_SPAWN:
		cli_say(a->cli, "job %.8s could not be started: %s", a->id, job->detail);
		break;
	case REASON_SIGNAL:
		if (job->signal != SIGINT && job->signal != SIGPIPE)
			cli_say(a->cli, "job %.8s died of %s%s", a->id,
				signal_text(job->signal, name),
				job->core_dumped ? " (core dumped)" : "");
		break;
	case REASON_USER:
		if (!a->interrupts)
			cli_say(a->cli, "job %.8s was stopped by somebody", a->id);
		if (*job->detail)
			cli_say(a->cli, "%s", job->detail);
		break;
	default:
		cli_say(a->cli, "job %.8s %s%s%s", a->id,
			job->state == JOBWIRE__V1__STATE__STATE_LOST ? "is lost: " : "was ",
			*job->detail ? job->detail : job_reason_word((int)job->reason),
			job->reason == JOBWIRE__V1__REASON__REASON_OOM ? " (out of memory)" : "");
	}
}

static void
on_last(struct client_request *request, const ProtobufCMessage *reply, const struct err *err)
{
	struct attach *a = container_of(request, struct attach, last);
	const Jobwire__V1__Job *job;

	if (err) {
		fail(a, err);
		return;
	}
	job = ((const Jobwire__V1__GetResponse *)reply)->job;
	terminal_end();
	a->cli->is_raw = false;
	say_end(a, job);
	a->status = job->shell_code;
}

/* All is written: how did it end? */
static void
ask_for_status(struct attach *a)
{
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = 0 };

	if (a->ends)
		return;
	a->ends = true;
	req.job_id = a->id;
	a->last.done = on_last;
	client_send(a->cli->client, &a->last, METHOD_Jobs_Get, &req.base, &how);
}

/* ---- the loop ---- */

/* Whatever may be begun now. */
static void
go_on(struct attach *a)
{
	if (!*a->id || a->is_leaving || a->status != GOES_ON)
		return;
	if (a->follow.is_over && a->follow.err.code) {
		fail(a, &a->follow.err);
		return;
	}
	if (sink_len(&a->sink) <= AHEAD_MAX)
		follow_ask(&a->follow);
	attach_control(a);
	feed_go(&a->feed);
	if (a->follow.is_over && sink_len(&a->sink) == 0)
		ask_for_status(a);
}

static int
earlier(int a_ms, int b_ms)
{
	return a_ms < 0 ? b_ms : b_ms < 0 ? a_ms : MIN(a_ms, b_ms);
}

static void
turn(struct attach *a)
{
	struct client_wait w = client_poll(a->cli->client);
	struct pollfd p[4] = {
		{ .fd = w.fd, .events = w.events },
		{ .fd = a->signalfd, .events = POLLIN },
		{ .fd = attach_input_fd(a), .events = POLLIN },
		sink_wait(&a->sink),
	};

	if (a->is_broken)
		p[3].fd = -1;
	(void)poll(p, ARRAY_SIZE(p), earlier(w.timeout_ms, attach_input_tick(a)));
	if (p[1].revents)
		attach_signals_read(a);
	client_process(a->cli->client);
	if (p[2].fd >= 0 && p[2].revents)
		attach_input_read(a);
	go_on(a); /* the next piece is on its way while this one is written */
	write_output(a);
	go_on(a);
}

/* The client must not find our calls again. */
static void
finish(struct attach *a)
{
	struct client_request *calls[] = { &a->start, &a->control, &a->leave, &a->last };
	size_t i;

	terminal_end();
	a->cli->is_raw = false;
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		client_cancel(a->cli->client, calls[i]);
	if (*a->id)
		follow_cancel(&a->follow);
	feed_end(&a->feed);
	sink_close(&a->sink);
	attach_signals_end(a);
}

int
attach_run(struct cli *cli, const struct attach_plan *plan, struct err *err)
{
	struct attach a = { .cli = cli,
			    .plan = plan,
			    .err = err,
			    .status = GOES_ON,
			    .signalfd = -1,
			    .feed = { .is_closed = true } };
	int rc = cli_open(cli, err);

	if (rc == 0)
		rc = attach_signals_begin(&a, err);
	if (rc < 0)
		return rc;
	sink_open(&a.sink);
	send_start(&a);
	while (a.status == GOES_ON)
		turn(&a);
	finish(&a);
	if (a.status < 0 && *a.id) {
		cli_say(cli, "%s", err->msg);
		a.left_why = "its engine is out of reach";
		attach_say_left(&a);
		return STATUS_ENGINE;
	}
	return a.status;
}
