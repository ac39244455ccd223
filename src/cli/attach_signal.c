/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/attach_inside.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "wire/message.h"

#define IN_A_ROW_MS 2000
#define LEAVE_MS    5000 /* for the engine to hear that we go */

/* Those that we were told to ignore (nohup, a shell's background) stay ignored. */
int
attach_signals_begin(struct attach *a, struct err *err)
{
	static const int wanted[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT };
	struct sigaction now;
	sigset_t set;
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN); /* writes tell */
	(void)sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		if (sigaction(wanted[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			(void)sigaddset(&set, wanted[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_sys(err, errno, "signals");
	a->signalfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return a->signalfd < 0 ? err_sys(err, errno, "signals") : 0;
}

void
attach_signals_end(struct attach *a)
{
	fd_close(&a->signalfd);
}

/* ---- to the job ---- */

static void
on_controlled(struct client_request *request, const ProtobufCMessage *reply, const struct err *err)
{
	struct attach *a = container_of(request, struct attach, control);

	(void)reply;
	a->controls = false;
	if (!err)
		return;
	if (err->code == ERR_FAILED_PRECONDITION && a->urge == URGE_NONE)
		a->urge = URGE_STOP; /* it waits in the queue: there is nothing to signal */
	else if (err->code != ERR_FAILED_PRECONDITION)
		cli_say(a->cli, "%s", err->msg);
}

static void
send_signal(struct attach *a)
{
	Jobwire__V1__SignalRequest req = JOBWIRE__V1__SIGNAL_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = CALL_TIMEOUT_MS };

	req.job_id = a->id;
	req.signal = a->signal_due;
	req.target = JOBWIRE__V1__SIGNAL_TARGET__TARGET_TREE;
	a->signal_due = 0;
	client_send(a->cli->client, &a->control, METHOD_Jobs_Signal, &req.base, &how);
}

static void
send_stop(struct attach *a)
{
	Jobwire__V1__StopRequest req = JOBWIRE__V1__STOP_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = 0 };

	req.job_id = a->id;
	if (a->urge == URGE_KILL) {
		req.signal = SIGKILL;
		req.grace_case = JOBWIRE__V1__STOP_REQUEST__GRACE_GRACE_MS;
	}
	a->urged = a->urge;
	a->signal_due = 0;
	client_send(a->cli->client, &a->control, METHOD_Jobs_Stop, &req.base, &how);
}

void
attach_control(struct attach *a)
{
	bool stop = a->urge > a->urged;

	if (a->follow.is_over || (!stop && (!a->signal_due || a->controls)))
		return;
	client_cancel(a->cli->client, &a->control); /* a stop does not wait for a signal's answer */
	a->control.done = on_controlled;
	a->controls = true;
	if (stop)
		send_stop(a);
	else
		send_signal(a);
}

static void
interrupt(struct attach *a)
{
	int64_t now = clock_mono_ms();

	a->interrupts =
		a->interrupts && now - a->interrupted_ms < IN_A_ROW_MS ? a->interrupts + 1 : 1;
	a->interrupted_ms = now;
	if (!*a->id && a->interrupts > 1) {
		cli_say(a->cli, "left before the engine has answered");
		a->status = STATUS_SIGNAL(SIGINT);
	} else if (a->interrupts == 1) {
		a->signal_due = SIGINT;
	} else if (a->interrupts == 2) {
		a->urge = MAX(a->urge, URGE_STOP);
		cli_say(a->cli, "stopping job %.8s; once more kills it at once", a->id);
	} else {
		a->urge = URGE_KILL;
	}
}

/* ---- without the job ---- */

static void
on_left(struct client_request *request, const ProtobufCMessage *reply, const struct err *err)
{
	struct attach *a = container_of(request, struct attach, leave);

	(void)reply;
	terminal_end();
	a->cli->is_raw = false;
	if (err) /* it notices by itself that we are gone */
		cli_say(a->cli, "the engine could not be told: %s", err->msg);
	attach_say_left(a);
	a->status = a->left_status;
}

void
attach_leave(struct attach *a, int status, const char *reason, const char *why)
{
	Jobwire__V1__DetachRequest req = JOBWIRE__V1__DETACH_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = LEAVE_MS };

	if (a->is_leaving || a->status != GOES_ON)
		return;
	a->is_leaving = true;
	a->left_status = status;
	a->left_why = why;
	if (!*a->id || a->ends) {
		cli_say(a->cli, "%s%.8s: %s",
			*a->id ? "not all was written of job " : "left before the start", a->id,
			why);
		a->status = status;
		return;
	}
	follow_cancel(&a->follow);
	req.job_id = a->id;
	req.reason = message_str(reason);
	a->leave.done = on_left;
	client_send(a->cli->client, &a->leave, METHOD_Jobs_Detach, &req.base, &how);
}

/* ---- from outside ---- */

/* As the shell wants it: stopped, with the terminal as it was. */
static void
suspend(void)
{
	terminal_end();
	(void)raise(SIGSTOP);
}

static void
resume(struct attach *a)
{
	if (*a->id && a->is_terminal)
		terminal_begin(STDIN_FILENO, a->cli->is_raw ? TERMINAL_RAW : TERMINAL_LINES);
}

static void
on_signal(struct attach *a, int signal)
{
	char name[SIGNAL_TEXT_MAX], reason[80];

	switch (signal) {
	case SIGINT:
		interrupt(a);
		break;
	case SIGQUIT:
		a->signal_due = SIGQUIT;
		break;
	case SIGTSTP:
		suspend();
		break;
	case SIGCONT:
		resume(a);
		break;
	default:
		(void)snprintf(reason, sizeof reason, "its client was ended by %s",
			       signal_text(signal, name));
		attach_leave(a, STATUS_SIGNAL(signal), reason,
			     signal == SIGHUP ? "SIGHUP" : "SIGTERM");
	}
}

void
attach_signals_read(struct attach *a)
{
	struct signalfd_siginfo info;

	while (read(a->signalfd, &info, sizeof info) == (ssize_t)sizeof info)
		on_signal(a, (int)info.ssi_signo);
}
