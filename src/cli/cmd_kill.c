/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>

#include "cli/signals.h"
#include "cli/stopping.h"
#include "cli/verbs.h"
#include "wire/message.h"

struct kill_options {
	bool help;
	bool tree;
	const char *signal;
};
#define AT(member) offsetof(struct kill_options, member)

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "signal",
	  .letter = 's',
	  .type = OPTION_STRING,
	  .offset = AT(signal),
	  .initial = "KILL",
	  .arg = "SIGNAL",
	  .help = "by name or number" },
	{ .name = "tree",
	  .type = OPTION_FLAG,
	  .offset = AT(tree),
	  .help = "to all processes of the job, not the main one alone (KILL always is)" },
	ROW_END,
};

struct sending {
	int signal;
	bool tree;
};

static int
signal_one(struct cli *cli, const char *id, const void *arg, struct err *err)
{
	const struct sending *s = arg;
	Jobwire__V1__SignalRequest req = JOBWIRE__V1__SIGNAL_REQUEST__INIT;
	const ProtobufCMessage *reply;

	req.job_id = message_str(id);
	req.signal = s->signal;
	req.target = s->tree ? JOBWIRE__V1__SIGNAL_TARGET__TARGET_TREE
			     : JOBWIRE__V1__SIGNAL_TARGET__TARGET_MAIN;
	return cli_call(cli, METHOD_Jobs_Signal, &req.base, CALL_TIMEOUT_MS, &cli->arena, &reply,
			err);
}

static int
kill_one(struct cli *cli, const char *id, const void *arg, struct err *err)
{
	static const struct stopping kill = { .signal = SIGKILL, .grace_ms = 0 };

	(void)arg;
	return stopping_run(cli, id, &kill, err);
}

static int
cmd_kill(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct kill_options *o = values;
	const struct sending s = { signal_from_text(o->signal), o->tree };

	(void)err;
	if (!s.signal)
		return cli_usage(cli, "--signal: '%.40s' is no signal", o->signal);
	return cli_each_job(cli, operands, s.signal == SIGKILL ? kill_one : signal_one, &s);
}

const struct verb verb_kill = {
	.name = "kill",
	.summary = "Kill jobs with all their processes at once, or send them a signal",
	.usage = "[-s SIGNAL] [--tree] JOB...",
	.rows = rows,
	.values_size = sizeof(struct kill_options),
	.run = cmd_kill,
};
