/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/id.h"
#include "base/words.h"
#include "cli/start_options.h"
#include "cli/verbs.h"

static int
send_start(struct cli *cli, const Jobwire__V1__StartRequest *req, const char *key,
	   const Jobwire__V1__Job **ret_job, struct err *err)
{
	const struct client_how how = { .idempotency_key = key };
	const ProtobufCMessage *reply;
	int rc = cli_open(cli, err);

	if (rc == 0)
		rc = client_call(cli->client, METHOD_Jobs_Start, &req->base, &how, &cli->arena,
				 &reply, err);
	if (rc == 0)
		*ret_job = ((const Jobwire__V1__StartResponse *)reply)->job;
	return rc;
}

static int
cmd_start(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct start_options *o = values;
	Jobwire__V1__StartRequest req;
	const Jobwire__V1__Job *job = NULL;
	char session[ID_SIZE];
	int rc;

	rc = start_request(cli, o, operands, &req, err);
	if (rc != 0)
		return rc;
	if (req.lifetime == JOBWIRE__V1__LIFETIME__LIFETIME_SESSION) {
		id_new(session);
		cli->session = session;
	}
	rc = send_start(cli, &req, start_key(cli, o), &job, err);
	if (rc < 0)
		return rc;
	(void)puts(job->id);
	if (job->reason != JOBWIRE__V1__REASON__REASON_SPAWN)
		return STATUS_DONE;
	cli_say(cli, "job %.8s could not be started: %s", job->id, job->detail);
	return job->shell_code;
}

const struct verb verb_start = {
	.name = "start",
	.summary = "Start a command in the background and print its id",
	.usage = START_USAGE,
	.more = "Exit status: 0; 126 or 127 when the command cannot be executed.",
	.rows = start_rows,
	.values_size = sizeof(struct start_options),
	.init = start_options_init,
	.command_follows = true,
	.run = cmd_start,
};
