/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "holder/holder.h"

#define ARENA_MAX ((size_t)16 * 1024 * 1024)

void
timer_set(struct holder *h, enum timer timer, int64_t in_ms)
{
	h->deadlines[timer] = MAX(clock_mono_ms() + in_ms, 1);
}

void
timer_off(struct holder *h, enum timer timer)
{
	h->deadlines[timer] = 0;
}

static void
watch_control(struct holder *h, int op, enum watch watch, int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data = { .u32 = (uint32_t)watch } };

	if (epoll_ctl(h->epfd, op, fd, &ev) < 0)
		BUG("epoll_ctl(%d) of descriptor %d: errno %d", op, fd, errno);
}

void
watch_add(struct holder *h, enum watch watch, int fd, uint32_t events)
{
	watch_control(h, EPOLL_CTL_ADD, watch, fd, events);
}

void
watch_change(struct holder *h, enum watch watch, int fd, uint32_t events)
{
	watch_control(h, EPOLL_CTL_MOD, watch, fd, events);
}

void
watch_remove(struct holder *h, int fd)
{
	watch_control(h, EPOLL_CTL_DEL, WATCH_COUNT, fd, 0);
}

static void
on_timer(struct holder *h, enum timer timer)
{
	const struct frame_stop timeout = {
		.signal = SIGTERM,
		.grace_ms = h->spec.grace_ms,
		.cause = timer == TIMER_WALL ? END_BY_TIMEOUT : END_BY_ITSELF,
	};

	switch (timer) {
	case TIMER_WALL:
	case TIMER_LINGER:
		stop_begin(h, &timeout, false);
		break;
	case TIMER_IDLE:
		output_idle(h);
		break;
	case TIMER_GRACE:
		stop_kill(h);
		break;
	case TIMER_SWEEP:
		stop_sweep(h);
		break;
	case TIMER_DISK:
		output_retry(h);
		break;
	case TIMER_RESUME:
		output_resume(h);
		break;
	case TIMER_DRAIN:
		output_give_up_drain(h);
		break;
	case TIMER_LISTEN:
		control_retry_listen(h);
		break;
	case TIMER_TELL:
		control_trouble(h);
		break;
	case TIMER_COUNT:
		break;
	}
}

static void
run_timers(struct holder *h)
{
	int64_t now = clock_mono_ms();
	int i;

	for (i = 0; i < TIMER_COUNT; i++) {
		if (!h->deadlines[i] || h->deadlines[i] > now)
			continue;
		timer_off(h, (enum timer)i);
		on_timer(h, (enum timer)i);
	}
}

/* How long the loop may sleep, in ms; -1: until something happens. */
static int
sleep_ms(const struct holder *h)
{
	int64_t first = INT64_MAX, now;
	int i;

	for (i = 0; i < TIMER_COUNT; i++)
		if (h->deadlines[i])
			first = MIN(first, h->deadlines[i]);
	if (first == INT64_MAX)
		return -1;
	now = clock_mono_ms();
	return first <= now ? 0 : (int)MIN(first - now, 3600 * 1000);
}

static void
on_event(struct holder *h, enum watch watch, uint32_t events)
{
	struct signalfd_siginfo info;

	switch (watch) {
	case WATCH_SIGNALS:
		while (read(h->sigfd, &info, sizeof info) == (ssize_t)sizeof info)
			;
		ending_reap(h);
		break;
	case WATCH_LISTEN:
		control_accept(h);
		break;
	case WATCH_CONTROL:
		control_ready(h, events);
		break;
	case WATCH_OUT:
		output_ready(h, OUTLOG_OUT);
		break;
	case WATCH_ERR:
		output_ready(h, OUTLOG_ERR);
		break;
	case WATCH_INPUT:
		input_ready(h, events);
		break;
	case WATCH_COUNT:
		break;
	}
}

static void
run(struct holder *h)
{
	struct epoll_event events[WATCH_COUNT];
	int i, n;

	while (!h->done) {
		n = epoll_wait(h->epfd, events, WATCH_COUNT, sleep_ms(h));
		if (n < 0 && errno != EINTR)
			BUG("epoll_wait: errno %d", errno);
		for (i = 0; i < n; i++)
			on_event(h, (enum watch)events[i].data.u32, events[i].events);
		run_timers(h);
		ending_settle(h);
		control_output(h);
		control_flush(h);
	}
}

/* Signals of a shutdown or a terminal are not for the one who must see the end. */
static void
set_signals(struct holder *h)
{
	static const int ignored[] = { SIGTERM, SIGINT,  SIGHUP,  SIGPIPE, SIGQUIT,
				       SIGTTOU, SIGTTIN, SIGXFSZ, SIGXCPU };
	sigset_t chld;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &chld, NULL);
	h->sigfd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (h->sigfd < 0)
		BUG("signalfd: errno %d", errno);
	watch_add(h, WATCH_SIGNALS, h->sigfd, EPOLLIN);
}

static void
raise_limits(struct holder *h)
{
	static const int resources[RAISED_LIMITS] = { RLIMIT_FSIZE, RLIMIT_CPU };
	struct rlimit most;
	int i;

	for (i = 0; i < RAISED_LIMITS; i++) {
		h->raised[i].resource = resources[i];
		(void)getrlimit(resources[i], &h->raised[i].was);
		most.rlim_cur = most.rlim_max = h->raised[i].was.rlim_max;
		(void)setrlimit(resources[i], &most);
	}
}

static void
set_up(struct holder *h)
{
	int i;

	memset(h, 0, sizeof *h);
	h->recordfd = HOLDER_FD_RECORD;
	h->dirfd = HOLDER_FD_FOLDER;
	h->listenfd = h->sigfd = h->conn.fd = h->input.fd = h->terminalfd = -1;
	for (i = 0; i < OUTLOG_STREAMS; i++)
		h->source[i].fd = -1;
	for (i = HOLDER_FD_RECORD; i <= HOLDER_FD_FOLDER; i++)
		if (fd_set_cloexec(i, true) < 0)
			BUG("descriptor %d was not handed over", i);
	arena_init(&h->arena, ARENA_MAX);
	h->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (h->epfd < 0)
		BUG("epoll_create1: errno %d", errno);
	set_signals(h);
	raise_limits(h);
	(void)setsid();
	if (chdir("/") < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		BUG("subreaper: errno %d", errno);
}

/*
 * jobwire-holder is started by jobwired, with the descriptors of holder.h and a LAUNCH frame on its
 * way. Its only argument, the job's id, is for those who look at the process list.
 */
int
main(int argc, char **argv)
{
	static struct holder h;

	if (argc != 2 || !id_is_whole(argv[1])) {
		(void)dprintf(STDERR_FILENO, "jobwire-holder is started by jobwired\n");
		return 2;
	}
	sys_faults_from_env();
	set_up(&h);
	control_begin(&h, HOLDER_FD_CONTROL);
	run(&h);
	return 0;
}
