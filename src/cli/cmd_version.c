/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "cli/engine_info.h"
#include "cli/print_json.h"
#include "cli/verbs.h"

struct version_options {
	bool help;
	bool json;
};

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct version_options, json),
	  .help = "one JSON document" },
	ROW_END,
};

static int
print_json(const Jobwire__V1__InfoResponse *info, struct err *err)
{
	struct document d;

	document_begin(&d);
	json_object_begin(&d.json, NULL);
	json_str(&d.json, "version", JOBWIRE_VERSION);
	json_uint(&d.json, "protocol", WIRE_PROTOCOL);
	if (info) {
		json_object_begin(&d.json, "engine");
		json_str(&d.json, "version", info->version);
		json_uint(&d.json, "protocol", info->protocol);
		json_int(&d.json, "pid", info->pid);
		json_object_end(&d.json);
	} else {
		json_null(&d.json, "engine");
	}
	json_object_end(&d.json);
	return document_end(&d, err);
}

static int
cmd_version(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct version_options *o = values;
	const Jobwire__V1__InfoResponse *info = NULL;
	struct err unheard = { 0 };

	if (operands->n)
		return cli_usage(cli, "takes no arguments");
	/* Whoever asks for the version must get it, whatever is wrong with the engine. */
	if (engine_info(cli, &info, &unheard) < 0)
		info = NULL;
	if (o->json && print_json(info, err) < 0)
		return err->code;
	if (!o->json) {
		(void)puts("jobwire " JOBWIRE_VERSION);
		if (info)
			(void)printf("engine %s (pid %d)\n", info->version, info->pid);
	}
	if (info &&
	    (strcmp(info->version, JOBWIRE_VERSION) != 0 || info->protocol != WIRE_PROTOCOL))
		cli_say(cli,
			"the engine is of version %s, this program of version %s; 'jobwire "
			"engine restart' starts the installed one, and keeps all jobs",
			info->version, JOBWIRE_VERSION);
	return STATUS_DONE;
}

const struct verb verb_version = {
	.name = "version",
	.summary = "Print the version of this program and of the engine, if one answers",
	.usage = "[--json]",
	.rows = rows,
	.values_size = sizeof(struct version_options),
	.run = cmd_version,
};
