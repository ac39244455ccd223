/* SPDX-License-Identifier: MIT */
/*
 * attach_inside - what the files of attach share.
 *
 *	attach.c         the loop, the start and the end
 *	attach_input.c   stdin
 *	attach_signal.c  signals, and leaving without the job
 */
#ifndef JOBWIRE_CLI_ATTACH_INSIDE_H
#define JOBWIRE_CLI_ATTACH_INSIDE_H

#include "base/id.h"
#include "cli/attach.h"
#include "cli/cli.h"
#include "cli/feed.h"
#include "cli/follow.h"
#include "cli/keys.h"
#include "cli/sink.h"

#define GOES_ON (-1)

/* How far the user's wish to end the job has grown. */
enum urge {
	URGE_NONE,
	URGE_STOP, /* as the job is stopped: a signal, its grace, SIGKILL */
	URGE_KILL, /* at once */
};

struct attach {
	struct cli *cli;
	const struct attach_plan *plan;
	struct err *err;
	char id[ID_SIZE]; /* "": not started yet */
	int status;       /* GOES_ON, an exit status, or an error */
	struct follow follow;
	struct feed feed;
	struct sink sink;
	bool is_broken; /* the sink: nothing of it can be written any more */

	/* stdin */
	bool is_terminal;
	bool stdin_ended;
	struct keys keys;
	int64_t paused_ms; /* nothing is read before, monotonic */
	int64_t hold_ms;   /* a held Ctrl-P goes out then */

	/* signals */
	int signalfd;
	unsigned interrupts; /* SIGINTs in a row */
	int64_t interrupted_ms;
	int signal_due; /* 0: none */
	enum urge urge, urged;
	bool controls; /* `control` is under way */

	/* leaving */
	bool is_leaving;
	int left_status;
	const char *left_why;

	bool ends; /* `last` is under way */
	struct client_request start, control, leave, last;
};

/* attach_input.c */
void attach_input_begin(struct attach *a, uint64_t offset);
/* The descriptor to wait for, or -1. */
int attach_input_fd(const struct attach *a);
void attach_input_read(struct attach *a);
/* What is due by the clock; the time until the next such thing, -1: none. */
int attach_input_tick(struct attach *a);

/* attach_signal.c */
int attach_signals_begin(struct attach *a, struct err *err) MUST_CHECK;
void attach_signals_end(struct attach *a);
void attach_signals_read(struct attach *a);
/* Send what is due to the job. */
void attach_control(struct attach *a);
/* Go without the job. `reason` is for the engine's log, `why` for the user. */
void attach_leave(struct attach *a, int status, const char *reason, const char *why);

/* attach.c */
/* Where the job is found again, on stderr. */
void attach_say_left(const struct attach *a);

#endif
