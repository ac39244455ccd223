/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/feed.h"
#include "cli/verbs.h"

#define READ_MAX ((size_t)64 * 1024)

struct send_options {
	bool help;
	bool eof, line;
};

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "eof",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct send_options, eof),
	  .help = "close the job's stdin behind it" },
	{ .name = "line",
	  .letter = 'l',
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct send_options, line),
	  .help = "end it with a newline" },
	ROW_END,
};

/* Until the job has taken all of it. */
static int
deliver(struct cli *cli, struct feed *f, struct err *err)
{
	while (!feed_is_idle(f)) {
		feed_go(f);
		(void)cli_turn(cli, -1);
	}
	if (f->err.code)
		*err = f->err;
	return f->err.code;
}

static int
add(struct feed *f, const void *bytes, size_t len, struct err *err)
{
	return feed_add(f, bytes, len) < 0 ? err_sys(err, ENOMEM, "input") : 0;
}

static int
deliver_stdin(struct cli *cli, struct feed *f, struct err *err)
{
	unsigned char bytes[READ_MAX];
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = read(STDIN_FILENO, bytes, sizeof bytes)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "stdin");
		rc = add(f, bytes, (size_t)n, err);
		if (rc == 0)
			rc = deliver(cli, f, err);
	}
	return rc;
}

/* `text` NULL: stdin, unless there is only the end to be sent by somebody at a terminal. */
static int
deliver_all(struct cli *cli, const struct send_options *o, const char *text, struct feed *f,
	    struct err *err)
{
	int rc = 0;

	if (text)
		rc = add(f, text, strlen(text), err);
	else if (!o->eof || !isatty(STDIN_FILENO))
		rc = deliver_stdin(cli, f, err);
	if (rc == 0 && o->line)
		rc = add(f, "\n", 1, err);
	f->wants_eof = o->eof;
	return rc < 0 ? rc : deliver(cli, f, err);
}

static int
cmd_send(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const Jobwire__V1__Job *job;
	struct feed f;
	int rc;

	if (operands->n < 1 || operands->n > 2)
		return cli_usage(cli,
				 "takes one job and at most one text (quote it), not %zu words",
				 operands->n);
	rc = cli_get_job(cli, operands->v[0], &cli->arena, &job, err);
	if (rc < 0)
		return rc;
	feed_begin(&f, cli->client, job->id, job->input_offset);
	rc = deliver_all(cli, values, operands->n > 1 ? operands->v[1] : NULL, &f, err);
	feed_end(&f);
	return rc;
}

const struct verb verb_send = {
	.name = "send",
	.summary = "Send text, or stdin, to a job's stdin",
	.usage = "[FLAGS] JOB [TEXT]",
	.more = "The job must have been started with --stdin pipe or pty. Nothing is added to the\n"
		"text unless --line says so.",
	.rows = rows,
	.values_size = sizeof(struct send_options),
	.run = cmd_send,
};
