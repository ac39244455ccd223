/* SPDX-License-Identifier: MIT */
#include "tools/facts.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/words.h"
#include "text/excerpt.h"
#include "tools/property.h"

#define COMMAND_MAX   ((size_t)64 * 1024) /* bytes that are looked at */
#define KNOWN_COMMAND 60
#define MORE          "..."

const struct property facts_result[] = {
	{ .name = "job_id", .type = "string", .is_required = true },
	{ .name = "status", .type = "string", .is_required = true },
	{ .name = "exit_code", .type = "integer" },
	{ .name = NULL },
};

bool
facts_is_final(const Jobwire__V1__Job *job)
{
	return job_state_is_final((int)job->state);
}

bool
facts_is_queued(const Jobwire__V1__Job *job)
{
	return job->state == JOBWIRE__V1__STATE__STATE_QUEUED;
}

const char *
facts_status(const Jobwire__V1__Job *job)
{
	return job_status_word((int)job->state);
}

static void
put_exit(struct json *j, const Jobwire__V1__Job *job)
{
	const char *name;

	if (job->exit_case == JOBWIRE__V1__JOB__EXIT_EXIT_CODE) {
		json_int(j, "exit_code", job->exit_code);
	} else if (job->exit_case == JOBWIRE__V1__JOB__EXIT_SIGNAL) {
		name = sigabbrev_np(job->signal);
		json_string_begin(j, "signal");
		json_string_part(j, "SIG", 3);
		json_string_part(j, name ? name : "?", name ? strlen(name) : 1);
		json_string_end(j);
	}
}

void
facts_put_end(struct json *j, const Jobwire__V1__Job *job)
{
	json_str(j, "state", job_state_word((int)job->state));
	if (job->reason)
		json_str(j, "reason", job_reason_word((int)job->reason));
	put_exit(j, job);
}

void
facts_put(struct json *j, const Jobwire__V1__Job *job)
{
	int64_t end_ns = job->ended_ns ? job->ended_ns : clock_wall_ns();

	json_str(j, "job_id", job->id);
	json_str(j, "status", facts_status(job));
	facts_put_end(j, job);
	if (job->started_ns)
		json_seconds(j, "elapsed_seconds", MAX(end_ns - job->started_ns, 0) / NS_PER_MS);
	if (job->queue_position)
		json_uint(j, "queue_position", job->queue_position);
}

void
facts_put_time(struct json *j, const char *key, int64_t ns)
{
	char text[CLOCK_TEXT_MAX];

	if (ns)
		json_str(j, key, clock_format(ns, 3, text));
}

/* The command string, or the arguments with blanks between. 0 or as buf_add(). */
static int
add_command(struct buf *out, const Jobwire__V1__Job *job, size_t max)
{
	struct buf whole;
	size_t i, n;
	int rc = 0;

	buf_init(&whole, 2 * COMMAND_MAX);
	if (job->command.len)
		rc = buf_add(&whole, job->command.data, MIN(job->command.len, COMMAND_MAX));
	for (i = 0; i < job->n_argv && rc == 0 && whole.len < COMMAND_MAX; i++) {
		rc = buf_add_str(&whole, i ? " " : "");
		if (rc == 0)
			rc = buf_add(&whole, job->argv[i].data,
				     MIN(job->argv[i].len, COMMAND_MAX - whole.len));
	}
	n = excerpt_head(buf_head(&whole), whole.len, max);
	if (rc == 0)
		rc = buf_add(out, buf_head(&whole), n);
	if (rc == 0 && n < whole.len)
		rc = buf_add_str(out, MORE);
	buf_fini(&whole);
	return rc;
}

void
facts_put_command(struct json *j, const char *key, const Jobwire__V1__Job *job, size_t max)
{
	struct buf text;

	buf_init(&text, 2 * COMMAND_MAX);
	if (add_command(&text, job, max) == 0)
		json_bytes(j, key, buf_head(&text), text.len);
	else
		json_str(j, key, MORE);
	buf_fini(&text);
}

int
facts_add_known(struct buf *out, const Jobwire__V1__Job *job)
{
	int rc;

	rc = buf_addf(out, "%s (%s: ", job->id, facts_status(job));
	if (rc == 0)
		rc = add_command(out, job, KNOWN_COMMAND);
	return rc == 0 ? buf_add_str(out, ")") : rc;
}
