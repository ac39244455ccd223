/* SPDX-License-Identifier: MIT */
/*
 * cli - what every verb of the command line has in hand.
 *
 * main() reads the global flags, finds the verb in the table (verbs.h), reads its flags by the
 * verb's own rows and calls it. Results go to stdout, talk goes to stderr and begins with the
 * verb's name. One thread.
 */
#ifndef JOBWIRE_CLI_CLI_H
#define JOBWIRE_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/macros.h"
#include "base/options.h"
#include "client/client.h"

/* Exit statuses beside those of jobs (job-life section 6) and of errors (base/err.def). */
#define STATUS_DONE      0
#define STATUS_REFUSED   1
#define STATUS_USAGE     2
#define STATUS_TIMEOUT   124 /* ours: the job goes on */
#define STATUS_ENGINE    125 /* the engine or the way to it failed */
#define STATUS_SIGNAL(s) (128 + (s))

/* Calls that answer at once are given up after so long: an engine that hangs is told of. */
#define CALL_TIMEOUT_MS 30000

struct verb;

struct cli {
	const char *state_dir; /* as given, or NULL */
	bool no_autostart;
	bool color;  /* of stdout */
	bool is_raw; /* the terminal needs a CR to begin a line */
	const struct verb *verb;
	const char *session;   /* NULL: none */
	struct client *client; /* NULL before cli_open() */
	struct arena arena;    /* of the whole command */
};

/* What stands behind the flags. */
struct operands {
	char **v;
	size_t n;
};

struct verb {
	const char *name;
	const char *aliases;            /* separated by blanks, or NULL */
	const char *summary;            /* one line */
	const char *usage;              /* what follows the name */
	const char *more;               /* text behind the flags' help, or NULL */
	const struct option_spec *rows; /* from ROW_HELP to ROW_END */
	size_t values_size;             /* of what they write; it begins with `bool help` */
	void (*init)(void *values);     /* defaults that no text can say, or NULL */
	bool command_follows; /* the first operand ends the flags: what follows is a command */
	/* An exit status, or an error. */
	int (*run)(struct cli *cli, const void *values, const struct operands *o, struct err *err);
};

#define ROW_HELP                                                                              \
	{                                                                                     \
		.name = "help", .letter = 'h', .type = OPTION_FLAG, .help = "print this help" \
	}
#define ROW_END              \
	{                    \
		.name = NULL \
	}

/* The client, connected to nothing yet. No error if it is there already. */
int cli_open(struct cli *cli, struct err *err) MUST_CHECK;

/* Call and wait; `timeout_ms` 0: as long as it takes. The reply lives in the arena. */
int cli_call(struct cli *cli, enum method_number method, const ProtobufCMessage *request,
	     uint32_t timeout_ms, struct arena *a, const ProtobufCMessage **ret_reply,
	     struct err *err) MUST_CHECK;
int cli_get_job(struct cli *cli, const char *id, struct arena *a, const Jobwire__V1__Job **ret_job,
		struct err *err) MUST_CHECK;

/* Wait for whatever the client waits for, and serve it. False: nobody reads the pipe `outfd` any
 * more; -1: no matter. */
bool cli_turn(struct cli *cli, int outfd);

/* "jobwire: VERB: sentence" */
void cli_say(const struct cli *cli, const char *fmt, ...) PRINTF(2, 3);
/* The same, and where to look it up. Returns STATUS_USAGE. */
int cli_usage(const struct cli *cli, const char *fmt, ...) PRINTF(2, 3);

/* Do it for every operand; a failure is told and does not keep it from the next one. At least one
 * operand is asked for. The exit status. */
int cli_each_job(struct cli *cli, const struct operands *o,
		 int (*one)(struct cli *cli, const char *id, const void *arg, struct err *err),
		 const void *arg);

#endif
