/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/err.h"
#include "job/impl.h"

/* Larger pipes for those who fill theirs: 16 MiB for all holders of a user, because beyond the
 * kernel's pipe-user-pages-soft every new pipe of the user would be small. */
#define PIPE_BYTES  ((uint64_t)1024 * 1024)
#define PIPE_GRANTS 16

#define DETAIL_MAX 512

void
job_take_extents(struct job *job, const struct extent *out, const struct extent *err)
{
	struct store_job *r = &job->row;

	/* A frame on its way is older than what was seen on disk meanwhile (job_refresh). */
	r->out_start = MAX(r->out_start, (int64_t)out->start);
	r->out_stored = MAX(r->out_stored, (int64_t)out->stored);
	r->out_end = MAX(r->out_end, (int64_t)out->end);
	r->err_start = MAX(r->err_start, (int64_t)err->start);
	r->err_stored = MAX(r->err_stored, (int64_t)err->stored);
	r->err_end = MAX(r->err_end, (int64_t)err->end);
}

void
job_take_begin(struct job *job, const struct begin *b)
{
	job->row.pid = b->pid;
	job->row.start_ticks = (int64_t)b->start_ticks;
	job->row.started_ns = b->started_ns;
	job_step(job, JOB_EV_BEGIN, REASON_NONE, 0, NULL);
}

void
job_take_failure(struct job *job, const struct failure *f)
{
	struct outcome o = outcome_of_failure(f);
	char detail[DETAIL_MAX];

	if (o.event == JOB_EV_KILL)
		(void)snprintf(detail, sizeof detail, "stopped before it was started");
	else
		(void)snprintf(detail, sizeof detail, "%s %s%s%s", f->step, f->path,
			       *f->path ? ": " : "", err_errno_text(f->errnum));
	job->row.ended_ns = f->failed_ns;
	job->row.closed_ns = f->failed_ns;
	job_step(job, o.event, o.reason, o.shell_code, detail);
	job_over(job);
	ask_ended(job);
}

static const char *
end_detail(const struct end *e, char out[DETAIL_MAX])
{
	const char *signal =
		WIFSIGNALED(e->wait_status) ? sigabbrev_np(WTERMSIG(e->wait_status)) : NULL;
	int n = 0;

	out[0] = '\0';
	if (e->cause == END_BY_TIMEOUT)
		n = snprintf(out, DETAIL_MAX, "ended by its timeout");
	else if (e->cause == END_BY_IDLE_TIMEOUT)
		n = snprintf(out, DETAIL_MAX,
			     "ended because it wrote nothing for its idle timeout");
	else if (e->cause == END_BY_LIMIT)
		n = snprintf(out, DETAIL_MAX, "ended because its output reached the limit");
	else if (e->cause == END_BY_ITSELF && signal)
		n = snprintf(out, DETAIL_MAX, "died of SIG%s", signal);
	if (e->survivors)
		(void)snprintf(out + n, DETAIL_MAX - (size_t)n,
			       "%s%u processes could not be ended: %s", n ? "; " : "", e->survivors,
			       e->names);
	return out;
}

void
job_take_end(struct job *job, const struct end *e)
{
	struct outcome o = outcome_of_end(e);
	struct store_job *r = &job->row;
	char detail[DETAIL_MAX];

	if (job_state_is_final((int)r->state))
		return; /* told again after a reconnection */
	job_take_extents(job, &e->out, &e->err);
	r->wait_status = e->wait_status;
	r->ended_ns = e->ended_ns;
	r->out_drained = (int64_t)e->out.end;
	r->err_drained = (int64_t)e->err.end;
	r->killed = e->killed;
	r->survivors = e->survivors;
	r->user_us = (int64_t)e->user_us;
	r->system_us = (int64_t)e->system_us;
	r->max_rss_kib = (int64_t)e->max_rss_kib;
	job->exited = true;
	job->stopping = false;
	job->input_closed = true;
	job_step(job, o.event, o.reason, o.shell_code, end_detail(e, detail));
}

void
job_take_closing(struct job *job, const struct closing *c)
{
	job_take_extents(job, &c->out, &c->err);
	job->row.closed_ns = c->closed_ns;
	job->row.killed += c->killed > job->row.killed ? c->killed - job->row.killed : 0;
	job_over(job);
	ask_ended(job);
}

static void
on_hello(void *arg, const struct frame_hello *f)
{
	struct job *job = arg;

	/* The newborn holder does not know its name yet. */
	if (f->id[0] && strcmp(f->id, job->row.id) != 0) {
		proc_free(job->proc);
		job->proc = NULL;
		job_adopt(job);
	}
}

static void
on_begin(void *arg, const struct begin *b)
{
	struct job *job = arg;

	job_take_begin(job, b);
	job->armed = true;
	proc_arm(job->proc, 0, 0);
}

static void
on_failure(void *arg, const struct failure *f)
{
	job_take_failure(arg, f);
}

static void
take_flags(struct job *job, const struct frame_status *s)
{
	job_take_extents(job, &s->out, &s->err);
	job->row.input_offset = (int64_t)s->input_offset;
	job->input_delivered = s->input_delivered;
	job->input_closed = s->input_closed;
	job->stopping = s->stopping;
	job->exited = s->exited;
	job->lingering = s->lingering;
	job->disk_full = s->disk_full;
	job->blocked = s->blocked;
}

static void
on_status(void *arg, const struct frame_status *s)
{
	struct job *job = arg;

	take_flags(job, s);
	if (s->pipe_bytes && !job->granted) {
		job->granted = true;
		job->jobs->n_granted++;
	}
	adoption_status(job, s);
	job_tell(job);
}

static void
on_trouble(void *arg, const struct frame_status *s)
{
	struct job *job = arg;
	bool was_full = job->disk_full;

	take_flags(job, s);
	if (s->disk_full && !was_full)
		job_note(job, "its output cannot be stored (is the disk full?): the job waits");
	else if (!s->disk_full && was_full)
		job_note(job, "its output can be stored again: the job goes on");
	job_tell(job);
}

static void
on_output(void *arg, const struct frame_output *f)
{
	struct job *job = arg;

	job->armed = false;
	job_take_extents(job, &f->out, &f->err);
	job_tell(job);
	if (job->jobs->listening && job->jobs->config.hooks.output)
		job->jobs->config.hooks.output(job->jobs->config.hooks.arg, job);
}

static void
on_input_done(void *arg, const struct frame_input_done *f)
{
	struct job *job = arg;

	job->row.input_offset = (int64_t)f->next_offset;
	job->input_delivered = f->delivered;
	job->input_closed = f->closed;
	ask_input_done(job, f);
}

static void
on_input_room(void *arg)
{
	ask_input_room(arg);
}

static void
on_signalled(void *arg, const struct frame_signalled *f)
{
	ask_signalled(arg, f);
}

/* A holder that was found again may end before it has said how things stand: then its STATUS, or
 * else its record, has the whole story, and what comes before it is only the last part. */
static void
on_end(void *arg, const struct end *e)
{
	struct job *job = arg;

	if (job->adoption)
		return;
	job->armed = false;
	job_take_end(job, e);
	if (job->jobs->listening && job->jobs->config.hooks.output)
		job->jobs->config.hooks.output(job->jobs->config.hooks.arg, job);
}

static void
on_stopped(void *arg, const struct frame_stopped *f)
{
	struct job *job = arg;

	job->stopping = false;
	job->row.killed = MAX(job->row.killed, f->killed);
	job->row.survivors = f->survivors;
	job_changed(job);
	ask_stopped(job, f);
}

static void
on_closing(void *arg, const struct closing *c)
{
	struct job *job = arg;

	if (!job->adoption && job_state_is_final((int)job->row.state))
		job_take_closing(job, c);
}

static void
on_pipe_want(void *arg)
{
	struct job *job = arg;

	if (job->granted || job->jobs->n_granted >= PIPE_GRANTS)
		return;
	job->granted = true;
	job->jobs->n_granted++;
	proc_pipe_grant(job->proc, PIPE_BYTES);
}

static void
on_gone(void *arg)
{
	struct job *job = arg;

	proc_free(job->proc);
	job->proc = NULL;
	job->armed = false;
	if (!job->over)
		job_adopt(job);
}

const struct proc_events job_facts = {
	.hello = on_hello,
	.begin = on_begin,
	.failure = on_failure,
	.status = on_status,
	.trouble = on_trouble,
	.output = on_output,
	.input_done = on_input_done,
	.input_room = on_input_room,
	.signalled = on_signalled,
	.end = on_end,
	.stopped = on_stopped,
	.closing = on_closing,
	.pipe_want = on_pipe_want,
	.gone = on_gone,
};
