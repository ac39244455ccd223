/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/words.h"
#include "cli/follow.h"
#include "cli/log_writer.h"
#include "cli/verbs.h"
#include "wire/message.h"

#define BLOCK_MIN ((uint64_t)16 * 1024) /* of the search for the last lines */

struct logs_options {
	bool help;
	bool follow, only_out, only_err, timestamps, exit_status;
	int64_t tail;  /* -1: all */
	int64_t since; /* -1: from the beginning */
};
#define AT(member) offsetof(struct logs_options, member)

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "follow",
	  .letter = 'f',
	  .type = OPTION_FLAG,
	  .offset = AT(follow),
	  .help = "go on until the job has ended" },
	{ .name = "tail",
	  .letter = 'n',
	  .type = OPTION_INT,
	  .offset = AT(tail),
	  .max = INT64_MAX,
	  .arg = "N",
	  .help = "begin with the last N lines" },
	{ .name = "since-offset",
	  .type = OPTION_INT,
	  .offset = AT(since),
	  .max = INT64_MAX,
	  .arg = "N",
	  .help = "begin behind the first N bytes" },
	{ .name = "stdout",
	  .type = OPTION_FLAG,
	  .offset = AT(only_out),
	  .help = "only what the job wrote to its stdout" },
	{ .name = "stderr",
	  .type = OPTION_FLAG,
	  .offset = AT(only_err),
	  .help = "only what it wrote to its stderr" },
	{ .name = "timestamps",
	  .letter = 't',
	  .type = OPTION_FLAG,
	  .offset = AT(timestamps),
	  .help = "the time in front of each line" },
	{ .name = "exit-status",
	  .type = OPTION_FLAG,
	  .offset = AT(exit_status),
	  .help = "exit as the job did, if it has ended" },
	ROW_END,
};

static void
init(void *values)
{
	struct logs_options *o = values;

	o->tail = o->since = -1;
}

struct printing {
	struct cli *cli;
	struct follow follow;
	struct log_writer writer;
	int rc; /* of the writer: 0 or -errno */
};

static void
take_piece(struct follow *f, const Jobwire__V1__ReadOutputResponse *piece)
{
	struct printing *p = container_of(f, struct printing, follow);
	char gap[FOLLOW_GAP_MAX];

	follow_ask(f); /* while this one is written */
	if (piece->gap_bytes)
		cli_say(p->cli, "%s", follow_gap(piece, gap));
	p->rc = log_writer_put(&p->writer, piece);
}

/* As a write would tell it: a job may be quiet for long. */
static int
reader_gone(void)
{
	(void)raise(SIGPIPE);
	return -EPIPE; /* it is ignored */
}

/* 0, an exit status, or an error. */
static int
print_output(struct printing *p, struct err *err)
{
	follow_ask(&p->follow);
	while (p->follow.is_asked && p->rc == 0)
		if (!cli_turn(p->cli, STDOUT_FILENO) && p->rc == 0)
			p->rc = reader_gone();
	follow_cancel(&p->follow);
	if (p->rc < 0) {
		cli_say(p->cli, "stdout cannot be written: %s", strerrordesc_np(-p->rc));
		return STATUS_REFUSED;
	}
	if (p->follow.err.code)
		*err = p->follow.err;
	return p->follow.err.code;
}

/* ---- where the last lines begin ---- */

static int
read_block(struct printing *p, uint64_t from, uint64_t to, struct arena *a,
	   const Jobwire__V1__ReadOutputResponse **ret, struct err *err)
{
	Jobwire__V1__ReadOutputRequest req = JOBWIRE__V1__READ_OUTPUT_REQUEST__INIT;
	const ProtobufCMessage *reply;
	int rc;

	req.job_id = message_str(p->follow.job_id);
	req.stream = p->follow.stream;
	req.offset = from;
	req.max_bytes = (uint32_t)(to - from);
	rc = cli_call(p->cli, METHOD_Jobs_ReadOutput, &req.base, CALL_TIMEOUT_MS, a, &reply, err);
	if (rc == 0)
		*ret = (const Jobwire__V1__ReadOutputResponse *)reply;
	return rc;
}

/* Count down the line ends of bytes [from, to) from the back. True: `*left` is 0, and the last
 * lines begin at *ret_offset. */
static bool
count_down(const Jobwire__V1__ReadOutputResponse *piece, uint64_t to, uint64_t *left,
	   uint64_t *ret_offset)
{
	const unsigned char *bytes = piece->data.data, *newline;
	size_t len = piece->offset < to ? (size_t)MIN(piece->data.len, to - piece->offset) : 0;

	while (len && (newline = memrchr(bytes, '\n', len))) {
		len = (size_t)(newline - bytes);
		if (--*left == 0) {
			*ret_offset = piece->offset + len + 1;
			return true;
		}
	}
	return false;
}

/* Block by block from the end, each twice as large as the one behind it. */
static int
find_lines(struct printing *p, uint64_t start, uint64_t end, uint64_t lines, struct err *err)
{
	uint64_t to = end, size = BLOCK_MIN, from, left = lines + 1;
	const Jobwire__V1__ReadOutputResponse *piece;
	struct arena a;
	bool found = lines == 0;
	int rc = 0;

	arena_init(&a, 8 * WIRE_READ_MAX);
	p->follow.offset = lines ? start : end;
	while (rc == 0 && !found && to > start) {
		from = to - MIN(to - start, size);
		rc = read_block(p, from, to, &a, &piece, err);
		if (rc == 0 && to == end && piece->data.len &&
		    piece->offset + piece->data.len == end &&
		    piece->data.data[piece->data.len - 1] != '\n')
			left--; /* the last line has no end yet */
		if (rc == 0)
			found = left == 0 || count_down(piece, to, &left, &p->follow.offset);
		arena_fini(&a);
		to = from;
		size = MIN(2 * size, (uint64_t)WIRE_READ_MAX);
	}
	return rc;
}

static int
find_beginning(struct printing *p, const struct logs_options *o, const Jobwire__V1__Job *job,
	       struct err *err)
{
	const Jobwire__V1__StreamInfo none = JOBWIRE__V1__STREAM_INFO__INIT;
	const Jobwire__V1__StreamInfo *out = job->stdout_info, *errs = job->stderr_info;

	if (o->tail < 0) {
		p->follow.offset = o->since >= 0 ? (uint64_t)o->since : 0;
		return 0;
	}
	if (!out || o->only_err)
		out = &none;
	if (!errs || o->only_out)
		errs = &none;
	return find_lines(p, out->start + errs->start, out->stored + errs->stored,
			  (uint64_t)o->tail, err);
}

/* ---- the verb ---- */

static void
on_interrupt(int signal)
{
	_exit(STATUS_SIGNAL(signal)); /* all that was written is written */
}

static int
exit_status(struct cli *cli, const char *id, struct err *err)
{
	const Jobwire__V1__Job *job;
	int rc = cli_get_job(cli, id, &cli->arena, &job, err);

	if (rc < 0)
		return rc;
	return job_state_is_final((int)job->state) ? job->shell_code : STATUS_DONE;
}

static int
print_job(struct cli *cli, const struct logs_options *o, const char *given, struct err *err)
{
	struct printing p = { .cli = cli };
	const Jobwire__V1__Job *job;
	int rc = cli_get_job(cli, given, &cli->arena, &job, err);

	if (rc < 0)
		return rc;
	p.follow = (struct follow){
		.client = cli->client,
		.job_id = job->id,
		.stream = o->only_out   ? JOBWIRE__V1__STREAM__STREAM_STDOUT
			  : o->only_err ? JOBWIRE__V1__STREAM__STREAM_STDERR
					: JOBWIRE__V1__STREAM__STREAM_COMBINED,
		.wait = o->follow,
		.with_chunks = o->timestamps,
		.take = take_piece,
	};
	log_writer_init(&p.writer, o->timestamps);
	rc = find_beginning(&p, o, job, err);
	if (rc == 0)
		rc = print_output(&p, err);
	log_writer_fini(&p.writer);
	if (rc != 0)
		return rc;
	return o->exit_status ? exit_status(cli, job->id, err) : STATUS_DONE;
}

static int
cmd_logs(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct logs_options *o = values;

	if (operands->n != 1)
		return cli_usage(cli, "takes one job, not %zu", operands->n);
	if (o->only_out && o->only_err)
		return cli_usage(cli, "--stdout and --stderr exclude each other; without them "
				      "there are both");
	if (o->tail >= 0 && o->since >= 0)
		return cli_usage(cli, "--tail and --since-offset exclude each other");
	if (signal(SIGINT, on_interrupt) == SIG_IGN)
		(void)signal(SIGINT, SIG_IGN);
	return print_job(cli, o, operands->v[0], err);
}

const struct verb verb_logs = {
	.name = "logs",
	.summary = "Print what a job wrote, byte for byte",
	.usage = "[FLAGS] JOB",
	.more = "Both streams go to stdout in the order in which the job wrote them. What is no\n"
		"longer stored is told on stderr. Ctrl-C leaves with status 130; the job goes on.",
	.rows = rows,
	.values_size = sizeof(struct logs_options),
	.init = init,
	.run = cmd_logs,
};
