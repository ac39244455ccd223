/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/clock.h"
#include "base/words.h"
#include "cli/signals.h"
#include "cli/stopping.h"
#include "cli/verbs.h"

struct stop_options {
	bool help;
	const char *signal;
	int64_t grace_ms; /* -1: the job's own */
};
#define AT(member) offsetof(struct stop_options, member)

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "signal",
	  .letter = 's',
	  .type = OPTION_STRING,
	  .offset = AT(signal),
	  .initial = "TERM",
	  .arg = "SIGNAL",
	  .help = "the first signal" },
	{ .name = "time",
	  .letter = 't',
	  .type = OPTION_DURATION,
	  .offset = AT(grace_ms),
	  .max = STOP_GRACE_MAX_MS,
	  .arg = "SECONDS",
	  .help = "until SIGKILL (default: the job's own, 5s)" },
	ROW_END,
};

static void
init(void *values)
{
	((struct stop_options *)values)->grace_ms = -1;
}

static int
stop_one(struct cli *cli, const char *id, const void *arg, struct err *err)
{
	return stopping_run(cli, id, arg, err);
}

static int
cmd_stop(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct stop_options *o = values;
	struct stopping s = { .signal = signal_from_text(o->signal), .grace_ms = o->grace_ms };

	(void)err;
	if (!s.signal)
		return cli_usage(cli, "--signal: '%.40s' is no signal", o->signal);
	return cli_each_job(cli, operands, stop_one, &s);
}

const struct verb verb_stop = {
	.name = "stop",
	.summary = "End jobs with all their processes: a signal, a grace, SIGKILL",
	.usage = "[-s SIGNAL] [--time SECONDS] JOB...",
	.more = "Prints what was ended and how many processes are left.",
	.rows = rows,
	.values_size = sizeof(struct stop_options),
	.init = init,
	.run = cmd_stop,
};
