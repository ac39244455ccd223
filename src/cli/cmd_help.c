/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "cli/verbs.h"

struct help_options {
	bool help;
};

static const struct option_spec rows[] = { ROW_HELP, ROW_END };

static int
cmd_help(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct verb *v;
	size_t i;

	(void)values, (void)err;
	if (operands->n == 0)
		verbs_print_help(stdout);
	for (i = 0; i < operands->n; i++) {
		v = verbs_find(operands->v[i]);
		if (!v)
			return cli_usage(cli, "there is no verb '%.60s'", operands->v[i]);
		verb_print_help(stdout, v);
	}
	return STATUS_DONE;
}

const struct verb verb_help = {
	.name = "help",
	.summary = "Tell about this program, or about a verb",
	.usage = "[VERB...]",
	.rows = rows,
	.values_size = sizeof(struct help_options),
	.run = cmd_help,
};
