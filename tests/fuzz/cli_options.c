/* SPDX-License-Identifier: MIT */
/*
 * fuzz: cli - a command line, one word a line: a verb, its flags and operands. Whatever `start` and
 * `run` take becomes a request that can be packed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/start_options.h"
#include "cli/verbs.h"
#include "wire/message.h"

#define WORDS_MAX 64
#define VALUES    512
#define ARENA_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_request(struct cli *cli, struct start_options *o, const struct operands *operands)
{
	Jobwire__V1__StartRequest req;
	struct err err = { 0 };
	struct buf out;
	int rc;

	o->script = NULL; /* a file of this machine is no input of ours */
	rc = start_request(cli, o, operands, &req, &err);
	buf_init(&out, ARENA_MAX);
	if (rc == 0 && message_pack(&out, &req.base) < 0)
		abort();
	if (rc < 0 && (err.code != rc || !err.msg[0]))
		abort();
	buf_fini(&out);
}

static void
parse(struct cli *cli, int argc, char **argv)
{
	_Alignas(16) static unsigned char values[VALUES];
	struct operands operands;
	struct options o;
	struct err err = { 0 };
	int next, rc;

	if (cli->verb->values_size > sizeof values)
		abort();
	memset(values, 0, sizeof values);
	options_init(&o, cli->verb->rows, verb_rows(cli->verb), values);
	if (cli->verb->init)
		cli->verb->init(values);
	if (options_defaults(&o, &err) < 0)
		abort();
	rc = options_from_args(&o, argc, argv, &next, &err);
	if (rc < 0 && (err.code != rc || !err.msg[0]))
		abort();
	operands = (struct operands){ argv + next, rc < 0 ? 0 : (size_t)(argc - next) };
	if (rc == 0 && strcmp(cli->verb->name, "start") == 0)
		check_request(cli, (struct start_options *)(void *)values, &operands);
	options_fini(&o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cli cli = { 0 };
	char *argv[WORDS_MAX + 1] = { NULL }, *text = malloc(size + 1), *line, *rest = NULL;
	static FILE *nowhere;
	int argc = 0;

	if (!nowhere) {
		nowhere = fopen("/dev/null", "we");
		stderr = nowhere; /* what it says is not looked at */
	}
	if (!text || !nowhere)
		abort();
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	for (line = strtok_r(text, "\n", &rest); line && argc < WORDS_MAX;
	     line = strtok_r(NULL, "\n", &rest))
		argv[argc++] = line;
	cli.verb = argc ? verbs_find(argv[0]) : NULL;
	if (cli.verb) {
		arena_init(&cli.arena, ARENA_MAX);
		parse(&cli, argc, argv);
		arena_fini(&cli.arena);
	}
	free(text);
	return 0;
}
