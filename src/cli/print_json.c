/* SPDX-License-Identifier: MIT */
#include "cli/print_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/words.h"
#include "cli/signals.h"

#define PIECE_MAX ((size_t)64 * 1024 * 1024) /* one job is at most a request of 4 MiB, escaped */

static const char *const stdin_words[] = { "null", "null", "pipe", "pty" };
static const char *const cap_words[] = { "drop", "drop", "stop", "end", "block" };
static const char *const lifetime_words[] = { "keep", "keep", "session" };
static const char *const kind_words[] = { "?",    "state",          "closed",          "removed",
					  "note", "engine-started", "engine-stopping", "output" };

#define WORD(words, number) ((size_t)(number) < ARRAY_SIZE(words) ? (words)[(size_t)(number)] : "?")

const char *
event_kind_word(Jobwire__V1__EventKind kind)
{
	return WORD(kind_words, kind);
}

Jobwire__V1__EventKind
event_kind_from_word(const char *word)
{
	size_t i;

	for (i = 1; i < ARRAY_SIZE(kind_words) - 1; i++) /* output is never stored */
		if (strcmp(kind_words[i], word) == 0)
			return (Jobwire__V1__EventKind)i;
	return JOBWIRE__V1__EVENT_KIND__EVENT_UNSPECIFIED;
}

void
json_time(struct json *j, const char *key, int64_t wall_ns)
{
	char text[CLOCK_TEXT_MAX];

	if (wall_ns)
		json_str(j, key, clock_format(wall_ns, 6, text));
	else
		json_null(j, key);
}

static void
put_data(struct json *j, const char *key, const ProtobufCBinaryData *b)
{
	json_bytes(j, key, b->data, b->len);
}

static void
put_what(struct json *j, const Jobwire__V1__Job *job, bool with_env)
{
	size_t i;

	if (job->n_argv) {
		json_array_begin(j, "argv");
		for (i = 0; i < job->n_argv; i++)
			put_data(j, NULL, &job->argv[i]);
		json_array_end(j);
	} else {
		put_data(j, "command", &job->command);
	}
	put_data(j, "cwd", &job->cwd);
	json_object_begin(j, "labels");
	for (i = 0; i < job->n_labels; i++)
		json_str(j, job->labels[i]->key, job->labels[i]->value);
	json_object_end(j);
	if (!with_env)
		return;
	json_object_begin(j, "env");
	for (i = 0; i < job->n_env; i++)
		put_data(j, job->env[i]->name, &job->env[i]->value);
	json_object_end(j);
}

static void
put_times(struct json *j, const Jobwire__V1__Job *job)
{
	json_time(j, "created", job->created_ns);
	json_time(j, "started", job->started_ns);
	json_time(j, "ended", job->ended_ns);
	json_time(j, "closed", job->closed_ns);
	if (job->started_ns && job->ended_ns)
		json_seconds(j, "duration", (job->ended_ns - job->started_ns) / NS_PER_MS);
	else
		json_null(j, "duration");
}

static void
put_end(struct json *j, const Jobwire__V1__Job *job)
{
	char text[SIGNAL_TEXT_MAX];

	if (job->exit_case == JOBWIRE__V1__JOB__EXIT_EXIT_CODE)
		json_int(j, "exit_code", job->exit_code);
	else
		json_null(j, "exit_code");
	if (job->exit_case == JOBWIRE__V1__JOB__EXIT_SIGNAL)
		json_str(j, "signal", signal_text(job->signal, text));
	else
		json_null(j, "signal");
	json_bool(j, "core_dumped", job->core_dumped);
	if (job_state_is_final((int)job->state))
		json_int(j, "shell_code", job->shell_code);
	else
		json_null(j, "shell_code");
	json_uint(j, "killed_processes", job->killed_processes);
	json_uint(j, "survivors", job->survivors);
	json_uint(j, "lingering", job->lingering);
	json_seconds(j, "cpu_user", (int64_t)(job->user_us / 1000));
	json_seconds(j, "cpu_system", (int64_t)(job->system_us / 1000));
	json_uint(j, "max_rss_kib", job->max_rss_kib);
}

static void
put_stream(struct json *j, const char *key, const Jobwire__V1__StreamInfo *s)
{
	json_object_begin(j, key);
	json_uint(j, "start", s ? s->start : 0);
	json_uint(j, "stored", s ? s->stored : 0);
	json_uint(j, "end", s ? s->end : 0);
	json_object_end(j);
}

static void
put_streams(struct json *j, const Jobwire__V1__Job *job)
{
	put_stream(j, "stdout", job->stdout_info);
	put_stream(j, "stderr", job->stderr_info);
	json_str(j, "stdin", WORD(stdin_words, job->stdin_mode));
	json_uint(j, "input_offset", job->input_offset);
	json_uint(j, "input_delivered", job->input_delivered);
	json_bool(j, "input_closed", job->input_closed);
	json_bool(j, "disk_full", job->disk_full);
	json_bool(j, "blocked", job->blocked);
}

static void
put_rules(struct json *j, const Jobwire__V1__Job *job)
{
	json_str(j, "group", job->group);
	json_uint(j, "queue_position", job->queue_position);
	json_str(j, "session", job->session);
	json_str(j, "lifetime", WORD(lifetime_words, job->lifetime));
	json_str(j, "on_full_output", WORD(cap_words, job->cap_policy));
	json_uint(j, "max_output_bytes", job->max_output_bytes);
	json_seconds(j, "timeout", (int64_t)job->timeout_ms);
	json_seconds(j, "idle_timeout", (int64_t)job->idle_timeout_ms);
	json_seconds(j, "grace", (int64_t)job->grace_ms);
}

void
json_job(struct json *j, const Jobwire__V1__Job *job, bool with_env)
{
	json_object_begin(j, NULL);
	json_str(j, "id", job->id);
	json_uint(j, "number", job->number);
	json_str(j, "name", job->name);
	json_str(j, "state", job_state_word((int)job->state));
	json_str(j, "reason", job_reason_word((int)job->reason));
	json_str(j, "detail", job->detail);
	json_bool(j, "stopping", job->stopping);
	put_what(j, job, with_env);
	if (job->pid)
		json_int(j, "pid", job->pid);
	else
		json_null(j, "pid");
	put_times(j, job);
	put_end(j, job);
	put_streams(j, job);
	put_rules(j, job);
	json_object_end(j);
}

void
json_event(struct json *j, const Jobwire__V1__Event *e)
{
	json_object_begin(j, NULL);
	json_uint(j, "epoch", e->epoch);
	json_uint(j, "seq", e->seq);
	json_time(j, "time", e->time_ns);
	json_str(j, "kind", event_kind_word(e->kind));
	if (*e->job_id) {
		json_str(j, "job_id", e->job_id);
		json_uint(j, "topic_seq", e->topic_seq);
		json_str(j, "state", job_state_word((int)e->state));
		json_str(j, "reason", job_reason_word((int)e->reason));
		json_int(j, "shell_code", e->shell_code);
		json_int(j, "pid", e->pid);
		json_str(j, "name", e->name);
		json_str(j, "group", e->group);
	}
	json_str(j, "detail", e->detail);
	json_object_end(j);
}

void
document_begin(struct document *d)
{
	buf_init(&d->text, PIECE_MAX);
	json_begin(&d->json, &d->text);
}

int
document_flush(struct document *d, struct err *err)
{
	int rc = json_end(&d->json);

	if (rc < 0)
		return err_sys(err, -rc, "JSON");
	if (d->text.len && fwrite(buf_head(&d->text), d->text.len, 1, stdout) != 1)
		return err_sys(err, errno, "stdout");
	buf_clear(&d->text);
	return 0;
}

int
document_end(struct document *d, struct err *err)
{
	int rc = document_flush(d, err);

	buf_fini(&d->text);
	if (rc == 0 && putchar('\n') == EOF)
		rc = err_sys(err, errno, "stdout");
	return rc;
}
