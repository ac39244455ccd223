/* SPDX-License-Identifier: MIT */
#include "cli/engine_info.h"

#include "cli/cli.h"

int
engine_info(struct cli *cli, const Jobwire__V1__InfoResponse **ret_info, struct err *err)
{
	Jobwire__V1__InfoRequest req = JOBWIRE__V1__INFO_REQUEST__INIT;
	const ProtobufCMessage *reply;
	int rc = cli_open(cli, err);

	*ret_info = NULL;
	if (rc < 0 || !client_is_up(cli->client))
		return rc;
	rc = cli_call(cli, METHOD_Engine_Info, &req.base, CALL_TIMEOUT_MS, &cli->arena, &reply,
		      err);
	if (rc == 0)
		*ret_info = (const Jobwire__V1__InfoResponse *)reply;
	return rc;
}
