/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "base/words.h"
#include "cli/human.h"
#include "cli/print_json.h"
#include "cli/signals.h"
#include "cli/verbs.h"

#define LINE_MAX_BYTES ((size_t)16 * 1024 * 1024)

struct show_options {
	bool help;
	bool json;
};

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct show_options, json),
	  .help = "one JSON document: {\"jobs\": [...]}" },
	ROW_END,
};

struct showing {
	bool json;
	bool is_first;
	struct document document;
};

static void PRINTF(2, 3) line(const char *label, const char *fmt, ...)
{
	va_list ap;

	(void)printf("%-11s ", label);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
}

static void
line_if(const char *label, const char *text)
{
	if (*text)
		line(label, "%s", text);
}

/* Bytes as text: repaired, in one line. */
static void
line_bytes(const char *label, const void *bytes, size_t len)
{
	struct buf text;

	buf_init(&text, LINE_MAX_BYTES);
	if (utf8_repair(&text, bytes, len) == 0 && text.len)
		line(label, "%.*s", (int)text.len, (const char *)buf_head(&text));
	buf_fini(&text);
}

static void
show_what(const Jobwire__V1__Job *job)
{
	char label[64];
	struct buf text;
	size_t i;

	line("id", "%s", job->id);
	line_if("name", job->name);
	buf_init(&text, LINE_MAX_BYTES);
	if (human_command(&text, job) == 0)
		line("command", "%.*s", (int)text.len, (const char *)buf_head(&text));
	buf_fini(&text);
	line_bytes("folder", job->cwd.data, job->cwd.len);
	for (i = 0; i < job->n_labels; i++)
		line(i ? "" : "labels", "%s=%s", job->labels[i]->key, job->labels[i]->value);
	for (i = 0; i < job->n_env; i++) {
		(void)snprintf(label, sizeof label, "%s", i ? "" : "env");
		buf_init(&text, LINE_MAX_BYTES);
		if (utf8_repair(&text, job->env[i]->value.data, job->env[i]->value.len) == 0)
			line(label, "%s=%.*s", job->env[i]->name, (int)text.len,
			     text.len ? (const char *)buf_head(&text) : "");
		buf_fini(&text);
	}
}

static void
show_state(const Jobwire__V1__Job *job)
{
	char name[SIGNAL_TEXT_MAX];

	if (job->exit_case == JOBWIRE__V1__JOB__EXIT_EXIT_CODE)
		line("state", "%s (exit %d)", job_state_word((int)job->state), job->exit_code);
	else if (job->exit_case == JOBWIRE__V1__JOB__EXIT_SIGNAL)
		line("state", "%s (%s%s)", job_state_word((int)job->state),
		     signal_text(job->signal, name), job->core_dumped ? ", core dumped" : "");
	else if (job->queue_position)
		line("state", "%s (%u. in the queue)", job_state_word((int)job->state),
		     job->queue_position);
	else
		line("state", "%s%s", job_state_word((int)job->state),
		     job->stopping ? " (stopping)" : "");
	line_if("reason", job_reason_word((int)job->reason));
	line_if("detail", job->detail);
	if (job_state_is_final((int)job->state))
		line("code", "%d", job->shell_code);
	if (job->lingering)
		line("lingering", "%u processes live on", job->lingering);
	if (job->killed_processes || job->survivors)
		line("ended", "%u processes, %u left", job->killed_processes, job->survivors);
	if (job->disk_full)
		line("waits", "the disk is full");
	if (job->blocked)
		line("waits", "for its reader");
}

static void
show_times(const Jobwire__V1__Job *job)
{
	char text[CLOCK_TEXT_MAX], time[HUMAN_TEXT_MAX];

	if (job->pid)
		line("pid", "%d", job->pid);
	line("created", "%s", clock_format(job->created_ns, 3, text));
	if (job->started_ns)
		line("started", "%s", clock_format(job->started_ns, 3, text));
	if (job->ended_ns)
		line("ended", "%s", clock_format(job->ended_ns, 3, text));
	if (job->started_ns)
		line("time", "%s", human_duration(human_job_ns(job, clock_wall_ns()), time));
	if (job->max_rss_kib)
		line("used", "%.2f s user, %.2f s system, %s memory", (double)job->user_us / 1e6,
		     (double)job->system_us / 1e6, human_size(job->max_rss_kib * 1024, time));
}

static void
show_stream(const char *label, const Jobwire__V1__StreamInfo *s)
{
	char size[HUMAN_TEXT_MAX];

	if (!s || !s->end)
		return;
	if (s->start || s->stored < s->end)
		line(label, "%" PRIu64 " bytes (%s); stored: %" PRIu64 " to %" PRIu64, s->end,
		     human_size(s->end, size), s->start, s->stored);
	else if (s->end < 1024)
		line(label, "%" PRIu64 " bytes", s->end);
	else
		line(label, "%" PRIu64 " bytes (%s)", s->end, human_size(s->end, size));
}

static void
show_rules(const Jobwire__V1__Job *job)
{
	char time[HUMAN_TEXT_MAX];

	show_stream("stdout", job->stdout_info);
	show_stream("stderr", job->stderr_info);
	if (job->stdin_mode > JOBWIRE__V1__STDIN_MODE__STDIN_NULL)
		line("stdin", "%s, %" PRIu64 " bytes sent, %" PRIu64 " read%s",
		     job->stdin_mode == JOBWIRE__V1__STDIN_MODE__STDIN_PTY ? "pty" : "pipe",
		     job->input_offset, job->input_delivered, job->input_closed ? ", closed" : "");
	line_if("group", job->group);
	if (job->lifetime == JOBWIRE__V1__LIFETIME__LIFETIME_SESSION)
		line("lifetime", "as long as its client");
	if (job->timeout_ms)
		line("timeout", "%s", human_duration((int64_t)job->timeout_ms * NS_PER_MS, time));
	if (job->idle_timeout_ms)
		line("idle", "%s", human_duration((int64_t)job->idle_timeout_ms * NS_PER_MS, time));
}

static int
show_one(struct cli *cli, const char *id, const void *arg, struct err *err)
{
	struct showing *s = *(struct showing *const *)arg;
	const Jobwire__V1__Job *job;
	struct arena a;
	int rc;

	arena_init(&a, LINE_MAX_BYTES);
	rc = cli_get_job(cli, id, &a, &job, err);
	if (rc == 0 && s->json) {
		json_job(&s->document.json, job, true);
		rc = document_flush(&s->document, err);
	} else if (rc == 0) {
		if (!s->is_first)
			(void)putchar('\n');
		show_what(job);
		show_state(job);
		show_times(job);
		show_rules(job);
		s->is_first = false;
	}
	arena_fini(&a);
	return rc;
}

static int
cmd_show(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct show_options *o = values;
	struct showing s = { .json = o->json, .is_first = true }, *p = &s;
	int status, rc = 0;

	document_begin(&s.document);
	if (o->json && operands->n) {
		json_object_begin(&s.document.json, NULL);
		json_array_begin(&s.document.json, "jobs");
	}
	status = cli_each_job(cli, operands, show_one, &p);
	if (o->json && operands->n) {
		json_array_end(&s.document.json);
		json_object_end(&s.document.json);
		rc = document_end(&s.document, err);
	}
	return rc < 0 ? rc : status;
}

const struct verb verb_show = {
	.name = "show",
	.aliases = "inspect",
	.summary = "Show all that is known of jobs",
	.usage = "[--json] JOB...",
	.rows = rows,
	.values_size = sizeof(struct show_options),
	.run = cmd_show,
};
