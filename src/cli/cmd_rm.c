/* SPDX-License-Identifier: MIT */
#include "cli/verbs.h"
#include "wire/message.h"

struct rm_options {
	bool help;
	bool force;
};

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "force",
	  .letter = 'f',
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct rm_options, force),
	  .help = "kill it first if it has not ended" },
	ROW_END,
};

static int
remove_one(struct cli *cli, const char *id, const void *arg, struct err *err)
{
	const struct rm_options *o = arg;
	Jobwire__V1__RemoveRequest req = JOBWIRE__V1__REMOVE_REQUEST__INIT;
	const ProtobufCMessage *reply;

	req.job_id = message_str(id);
	req.force = o->force;
	return cli_call(cli, METHOD_Jobs_Remove, &req.base, CALL_TIMEOUT_MS, &cli->arena, &reply,
			err);
}

static int
cmd_rm(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	(void)err;
	return cli_each_job(cli, operands, remove_one, values);
}

const struct verb verb_rm = {
	.name = "rm",
	.summary = "Forget ended jobs, and remove their output",
	.usage = "[-f] JOB...",
	.rows = rows,
	.values_size = sizeof(struct rm_options),
	.run = cmd_rm,
};
