/* SPDX-License-Identifier: MIT */
#include "tools/waiting.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "mcp/args.h"
#include "mcp/call.h"
#include "wire/message.h"

/* So long after its time a wait does not listen to the engine any more. */
#define MARGIN_MS 1000
/* What is left of a wait when its pieces are too short to ask again. */
#define ENOUGH_MS 20

static int64_t
seconds_to_ms(double seconds)
{
	return seconds >= 1e9 ? INT64_C(1000000000000) : (int64_t)(seconds * 1000);
}

void
waiting_begin(struct waiting *w, struct op *op, const cJSON *args, const char *name)
{
	double seconds = arg_number(args, name, WAITING_DEFAULT_MS / 1000.0);

	w->op = op;
	op->waiting = w;
	w->begun_ms = clock_mono_ms();
	w->deadline_ms = w->begun_ms + MIN(seconds_to_ms(seconds), WAITING_MAX_MS);
	w->beat_ms = w->begun_ms + WAITING_BEAT_MS;
}

int64_t
waiting_all_ms(const struct waiting *w)
{
	return w->deadline_ms - w->begun_ms;
}

int64_t
waiting_left_ms(const struct waiting *w)
{
	return MAX(w->deadline_ms - clock_mono_ms(), 0);
}

static void
end(struct waiting *w, const Jobwire__V1__WaitResponse *res)
{
	op_timer(w->op, -1, NULL);
	w->done(w->op, res);
}

static void ask(struct waiting *w);

static void
on_answer(struct op *op, const ProtobufCMessage *reply)
{
	const Jobwire__V1__WaitResponse *res = (const void *)reply;
	struct waiting *w = op->waiting;

	if (res->outcome == JOBWIRE__V1__OUTCOME__OUTCOME_TIMEOUT && waiting_left_ms(w) > ENOUGH_MS)
		ask(w);
	else
		end(w, res);
}

static void
on_error(struct op *op, const struct err *err)
{
	op_timer(op, -1, NULL);
	if (err->code == ERR_OUT_OF_RANGE)
		op->what = "Invalid parameter";
	op_fail_err(op, err);
}

/* A pattern is looked for from the same offset again, so that nothing is missed where one engine
 * ended the wait and the next one goes on. */
static void
ask(struct waiting *w)
{
	Jobwire__V1__WaitRequest req = JOBWIRE__V1__WAIT_REQUEST__INIT;
	char *ids[] = { w->id };
	uint32_t wait_ms = (uint32_t)waiting_left_ms(w);

	req.job_ids = ids;
	req.n_job_ids = 1;
	req.wait_ms = wait_ms;
	if (w->pattern) {
		req.until_case = JOBWIRE__V1__WAIT_REQUEST__UNTIL_PATTERN;
		req.pattern = w->pattern;
	} else if (w->quiet_ms) {
		req.until_case = JOBWIRE__V1__WAIT_REQUEST__UNTIL_QUIET_MS;
		req.quiet_ms = w->quiet_ms;
	}
	w->op->on_error = on_error;
	op_call(w->op, METHOD_Jobs_Wait, &req.base, wait_ms, on_answer);
}

static void
beat(struct waiting *w, int64_t now)
{
	int64_t seconds = (now - w->begun_ms) / 1000, all = waiting_all_ms(w) / 1000;
	char text[96];

	(void)snprintf(text, sizeof text, "waiting for job %.8s: %" PRId64 " of %" PRId64 " s",
		       w->id, seconds, all);
	mcp_call_progress(w->op->call, seconds, all, text);
	w->beat_ms += WAITING_BEAT_MS;
}

static void
on_tick(struct op *op)
{
	struct waiting *w = op->waiting;
	int64_t now = clock_mono_ms();

	if (now >= w->last_ms) {
		op_forget(op);
		end(w, NULL);
		return;
	}
	if (now >= w->beat_ms)
		beat(w, now);
	op_timer(op, MAX(MIN(w->beat_ms, w->last_ms) - now, 0), on_tick);
}

void
waiting_run(struct waiting *w, const char *id,
	    void (*done)(struct op *op, const Jobwire__V1__WaitResponse *res))
{
	(void)snprintf(w->id, sizeof w->id, "%s", id);
	w->done = done;
	w->last_ms = MAX(w->deadline_ms, clock_mono_ms()) + MARGIN_MS;
	op_timer(w->op, 0, on_tick);
	ask(w);
}
