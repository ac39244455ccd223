/* SPDX-License-Identifier: MIT */
/*
 * engine_info - ask the engine that is there, and never start one for that.
 */
#ifndef JOBWIRE_CLI_ENGINE_INFO_H
#define JOBWIRE_CLI_ENGINE_INFO_H

#include "base/macros.h"
#include "wire/methods.h"

struct cli;
struct err;

/* *ret_info is NULL where no engine answers; it lives in the command's arena. */
int engine_info(struct cli *cli, const Jobwire__V1__InfoResponse **ret_info,
		struct err *err) MUST_CHECK;

#endif
