/* SPDX-License-Identifier: MIT */
#include "cli/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/macros.h"
#include "cli/keys.h"

/* Signals that end us and that nobody reads from a signalfd. */
static const int deadly[] = { SIGABRT, SIGBUS,  SIGFPE,  SIGILL, SIGSEGV,
			      SIGUSR1, SIGUSR2, SIGALRM, SIGSYS };

static struct {
	int fd;
	volatile sig_atomic_t is_changed;
	bool has_handlers;
	struct termios before;
} terminal;

bool
terminal_is_ours(int fd)
{
	pid_t front = tcgetpgrp(fd);

	return front == getpgrp() || (front < 0 && errno == ENOTTY); /* not our controlling one */
}

/* A change from the background would stop us, and is not ours to make. */
static int
set_attributes(int fd, const struct termios *t)
{
	sigset_t block, before;
	int rc;

	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &block, &before);
	rc = tcsetattr(fd, TCSANOW, t);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

void
terminal_end(void)
{
	int errnum = errno;

	if (!terminal.is_changed)
		return;
	terminal.is_changed = 0;
	if (terminal_is_ours(terminal.fd))
		(void)set_attributes(terminal.fd, &terminal.before);
	errno = errnum;
}

/* The disposition is the default again (SA_RESETHAND): what was to happen happens. */
static void
on_deadly(int signal)
{
	terminal_end();
	(void)raise(signal);
}

static void
guard(void)
{
	struct sigaction action = { .sa_handler = on_deadly,
				    .sa_flags = SA_RESETHAND | SA_NODEFER };
	struct sigaction before;
	size_t i;

	if (terminal.has_handlers)
		return;
	terminal.has_handlers = true;
	for (i = 0; i < ARRAY_SIZE(deadly); i++)
		if (sigaction(deadly[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			(void)sigaction(deadly[i], &action, NULL);
	(void)atexit(terminal_end);
}

void
terminal_begin(int fd, enum terminal_mode mode)
{
	struct termios t;

	if (terminal.is_changed || !terminal_is_ours(fd) || tcgetattr(fd, &terminal.before) < 0)
		return;
	t = terminal.before;
	if (mode == TERMINAL_RAW) {
		cfmakeraw(&t);
	} else {
		t.c_iflag &= ~(tcflag_t)IXON; /* Ctrl-Q is no flow control now ... */
		t.c_cc[VEOL] = KEYS_SECOND;   /* ... but the end of a line */
	}
	guard();
	terminal.fd = fd;
	if (set_attributes(fd, &t) == 0)
		terminal.is_changed = 1;
}

void
terminal_size(uint32_t *ret_columns, uint32_t *ret_rows)
{
	struct winsize size;
	int fd;

	*ret_columns = *ret_rows = 0;
	for (fd = 0; fd <= 2; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row)
			continue;
		*ret_columns = size.ws_col;
		*ret_rows = size.ws_row;
		return;
	}
}
