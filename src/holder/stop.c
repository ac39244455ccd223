/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "holder/holder.h"

#define GIVE_UP_MS      5000 /* for processes that SIGKILL does not end: they wait for a disk */
#define SWEEP_PAUSE_MIN 1
#define SWEEP_PAUSE_MAX 64
#define PASSES_MAX      64

static bool
is_known(const struct stop *s, const struct process *p)
{
	size_t i;

	for (i = s->victims.n; i > 0; i--)
		if (s->victims.v[i - 1].pid == p->pid && s->victims.v[i - 1].ticks == p->ticks)
			return true;
	return false;
}

/* True if it was not known yet. Without memory the count is too low; the kill is not. */
static bool
remember(struct stop *s, const struct process *p)
{
	return !is_known(s, p) && process_keep(&s->victims, p);
}

/* Signal every process of the tree. How many of them were new. */
static size_t
signal_tree(struct holder *h, int sig)
{
	struct process_list t;
	size_t i, fresh = 0;

	tree_list(&t);
	for (i = 0; i < t.n; i++) {
		if (process_signal(t.v[i].pid, t.v[i].ticks, sig) < 0)
			continue;
		fresh += remember(&h->stop, &t.v[i]);
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)process_signal(t.v[i].pid, t.v[i].ticks,
					     SIGCONT); /* a stopped one would not see it */
	}
	process_list_fini(&t);
	return fresh;
}

/* Is the main process dead, even if nobody has asked for its status yet? */
static bool
main_is_dead(const struct holder *h)
{
	siginfo_t info = { .si_pid = 0 };

	return h->exited ||
	       waitid(P_PID, (id_t)h->begin.pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid != 0;
}

static void
settle(struct holder *h)
{
	struct stop *s = &h->stop;
	struct process_list t;
	size_t i;

	tree_list(&t);
	s->survivors = (uint32_t)t.n;
	s->killed = (uint32_t)s->victims.n;
	for (i = 0; i < t.n; i++)
		s->killed -= is_known(s, &t.v[i]); /* one that could not be signalled is not */
	tree_names(&t, s->names);
	process_list_fini(&t);
	s->active = s->killing = false;
	s->settled = true;
	timer_off(h, TIMER_GRACE);
	timer_off(h, TIMER_SWEEP);
}

/* Kill until a look finds nothing new: what forks while it is killed is found by the next one. */
void
stop_sweep(struct holder *h)
{
	struct stop *s = &h->stop;
	int pass;

	if (!s->active)
		return;
	if (tree_is_empty()) {
		settle(h);
		return;
	}
	if (!s->killing)
		return;
	for (pass = 0; pass < PASSES_MAX && signal_tree(h, SIGKILL) > 0;)
		pass++;
	if (clock_mono_ms() >= s->give_up_ms) {
		settle(h);
		return;
	}
	timer_set(h, TIMER_SWEEP, s->pause_ms);
	s->pause_ms = MIN(s->pause_ms * 2, SWEEP_PAUSE_MAX);
}

void
stop_kill(struct holder *h)
{
	struct stop *s = &h->stop;

	if (!s->active || s->killing)
		return;
	timer_off(h, TIMER_GRACE);
	s->killing = true;
	s->give_up_ms = clock_mono_ms() + GIVE_UP_MS;
	s->pause_ms = SWEEP_PAUSE_MIN;
	if (!main_is_dead(h))
		h->last_signal = SIGKILL;
	stop_sweep(h);
}

static void
add_tag(struct stop *s, uint64_t tag)
{
	uint64_t *bigger;

	if (s->n_tags == s->cap_tags) {
		bigger = realloc(s->tags, (s->cap_tags + 16) * sizeof *bigger);
		if (!bigger)
			return; /* the engine's own bound ends its wait */
		s->tags = bigger;
		s->cap_tags += 16;
	}
	s->tags[s->n_tags++] = tag;
}

void
stop_begin(struct holder *h, const struct frame_stop *f, bool answer)
{
	struct stop *s = &h->stop;
	int64_t grace = (int64_t)MIN(f->grace_ms, (uint64_t)24 * 3600 * 1000);
	int64_t deadline = MAX(clock_mono_ms() + grace, 1);
	/* One look: whoever ended by itself before we came has not been ended by us. */
	bool is_dead = main_is_dead(h);

	if (answer)
		add_tag(s, f->tag);
	if (!s->active) {
		s->victims.n = 0;
		s->killed = s->survivors = 0;
		s->names[0] = '\0';
		s->active = true;
		s->settled = false;
		s->killing = false;
		if (!is_dead && h->cause == END_BY_ITSELF)
			h->cause = f->cause;
	} else if (h->deadlines[TIMER_GRACE]) {
		deadline = MIN(deadline, h->deadlines[TIMER_GRACE]); /* never later than promised */
	}
	timer_off(h, TIMER_LINGER);
	if (s->killing)
		return;
	if (!is_dead)
		h->last_signal = f->signal;
	if (f->signal != SIGKILL)
		(void)signal_tree(h, f->signal);
	if (f->signal == SIGKILL || grace == 0) {
		stop_kill(h);
		return;
	}
	h->deadlines[TIMER_GRACE] = deadline;
	stop_sweep(h);
}

/* Everybody who asked hears that it is over: after the END record, or that it could not be done. */
void
stop_answer(struct holder *h)
{
	struct stop *s = &h->stop;
	struct frame_stopped f = { .killed = s->killed, .survivors = s->survivors };
	size_t i;

	if (!s->settled || (!h->ended && !s->survivors))
		return;
	(void)snprintf(f.names, sizeof f.names, "%s", s->names);
	for (i = 0; i < s->n_tags; i++) {
		f.tag = s->tags[i];
		control_send(h, frame_put_stopped(&h->conn.out, &f));
	}
	s->n_tags = 0;
	s->settled = false;
}

uint32_t
stop_signal(struct holder *h, const struct frame_signal *f, int *ret_errnum)
{
	const struct process main_process = { .pid = h->begin.pid, .ticks = h->begin.start_ticks };
	const struct process *p;
	struct process_list t = { 0 };
	uint32_t n = 0;
	size_t i;
	bool is_dead = main_is_dead(h); /* asked before the signal ends it */
	int rc;

	*ret_errnum = 0;
	if (f->tree)
		tree_list(&t);
	if (!h->begin.pid || (f->tree ? t.n == 0 : h->exited)) {
		*ret_errnum = ESRCH;
		process_list_fini(&t);
		return 0;
	}
	for (i = 0; f->tree ? i < t.n : (i == 0 && !h->exited); i++) {
		p = f->tree ? &t.v[i] : &main_process;
		rc = process_signal(p->pid, p->ticks, f->signal);
		if (rc < 0)
			*ret_errnum = -rc;
		n += rc == 0;
	}
	process_list_fini(&t);
	if (n && !is_dead)
		h->user_signal = f->signal;
	return n;
}
