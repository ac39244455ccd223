/* SPDX-License-Identifier: MIT */
/*
 * start_options - the flags that `run` and `start` share, and the request that they make.
 *
 * The caller's environment, folder and umask go with it: the engine may have been started by
 * somebody with others.
 */
#ifndef JOBWIRE_CLI_START_OPTIONS_H
#define JOBWIRE_CLI_START_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "base/options.h"
#include "wire/methods.h"

struct cli;
struct err;
struct operands;

#define START_USAGE "[FLAGS] [--] COMMAND [ARG...] | -c STRING | --script FILE"

struct start_options {
	bool help;
	const char *command, *script, *shell;
	const char *cwd, *name, *group, *key;
	struct option_list env, labels, limits;
	int stdin_mode;                  /* enum start_stdin, -1: the verb's own */
	int on_full;                     /* -1: the verb's own; CapPolicy less 1 */
	int when_full, lifetime;         /* WhenFull and Lifetime less 1 */
	int64_t timeout_ms, idle_ms;     /* 0: none */
	int64_t grace_ms, linger_ms;     /* -1: not given */
	int64_t max_output, group_limit; /* 0: the engine's; none */
	bool power_safe;
};

enum start_stdin {
	START_STDIN_NULL,
	START_STDIN_PIPE,
	START_STDIN_PTY,
};

extern const struct option_spec start_rows[];

/* For struct verb. */
void start_options_init(void *values);

/* A request in memory of the command's, without stdin and cap policy where they were not given.
 * 0, an exit status, or an error. */
int start_request(struct cli *cli, const struct start_options *o, const struct operands *operands,
		  Jobwire__V1__StartRequest *ret, struct err *err) MUST_CHECK;

/* The key as given, or a fresh one: a start whose answer was lost is repeated, and runs once. */
const char *start_key(struct cli *cli, const struct start_options *o);

#endif
