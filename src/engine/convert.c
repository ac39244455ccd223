/* SPDX-License-Identifier: MIT */
#include "engine/convert.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "engine/call.h"
#include "engine/engine.h"
#include "wire/message.h"

#define SAME(proto, ours) \
	_Static_assert((int)(proto) == (int)(ours), "numbers of wire and engine differ")

#define STATE(name, number, word, final, status) SAME(JOBWIRE__V1__STATE__STATE_##name, JOB_##name);

#define REASON(name, number, word) SAME(JOBWIRE__V1__REASON__REASON_##name, REASON_##name);

#include "base/words.def"
#undef STATE
#undef REASON
SAME(JOBWIRE__V1__STDIN_MODE__STDIN_NULL, SPEC_STDIN_NULL);
SAME(JOBWIRE__V1__STDIN_MODE__STDIN_PIPE, SPEC_STDIN_PIPE);
SAME(JOBWIRE__V1__STDIN_MODE__STDIN_PTY, SPEC_STDIN_PTY);
SAME(JOBWIRE__V1__CAP_POLICY__CAP_DROP, SPEC_CAP_DROP);
SAME(JOBWIRE__V1__CAP_POLICY__CAP_STOP, SPEC_CAP_STOP);
SAME(JOBWIRE__V1__CAP_POLICY__CAP_END, SPEC_CAP_END);
SAME(JOBWIRE__V1__CAP_POLICY__CAP_BLOCK, SPEC_CAP_BLOCK);

/* Longest command in a list. */
#define LIST_COMMAND_MAX ((size_t)4096)
/* A spec as it is stored, and as it is decoded. */
#define SPEC_ARENA_MAX ((size_t)16 * 1024 * 1024)
/* A message has at most WIRE_SOCKET_MAX, and the facts of 1,000 jobs are some 1 MiB. */
#define ROOM_PACKED ((size_t)2 * 1024 * 1024)
#define ROOM_READ   ((size_t)16 * 1024 * 1024)
/* With what else is in the message. */
#define JOB_MAX (WIRE_SOCKET_MAX - 1024)

static ProtobufCBinaryData
text_bytes(const char *s)
{
	return s ? message_bytes(s, strlen(s)) : message_bytes("", 0);
}

static int
put_argv(struct call *call, const struct spec *spec, Jobwire__V1__Job *j)
{
	size_t i;

	j->argv = arena_alloc(&call->arena, (spec->argv.n + 1) * sizeof *j->argv);
	if (!j->argv)
		return -ENOMEM;
	for (i = 0; i < spec->argv.n; i++)
		j->argv[i] = text_bytes(spec->argv.v[i]);
	j->n_argv = spec->argv.n;
	return 0;
}

static int
put_env(struct call *call, const struct spec *spec, Jobwire__V1__Job *j)
{
	Jobwire__V1__EnvVar *vars;
	const char *equals;
	size_t i;

	vars = arena_alloc(&call->arena, (spec->env.n + 1) * sizeof *vars);
	j->env = arena_alloc(&call->arena, (spec->env.n + 1) * sizeof *j->env);
	if (!vars || !j->env)
		return -ENOMEM;
	for (i = 0; i < spec->env.n; i++) {
		jobwire__v1__env_var__init(&vars[i]);
		equals = strchrnul(spec->env.v[i], '=');
		vars[i].name =
			arena_copy(&call->arena, spec->env.v[i], (size_t)(equals - spec->env.v[i]));
		vars[i].value = text_bytes(*equals ? equals + 1 : equals);
		j->env[i] = &vars[i];
		if (!vars[i].name)
			return -ENOMEM;
	}
	j->n_env = spec->env.n;
	return 0;
}

static int
put_labels(struct call *call, const struct job_view *view, Jobwire__V1__Job *j, struct err *err)
{
	struct store_label *labels;
	Jobwire__V1__Label *out;
	size_t i, n;
	int rc;

	if (view->row.n_labels == 0)
		return 0;
	rc = store_labels_get(call->eng->store, &call->arena, view->row.number, &labels, &n, err);
	if (rc < 0 || n == 0)
		return rc;
	out = arena_alloc(&call->arena, n * sizeof *out);
	j->labels = arena_alloc(&call->arena, n * sizeof *j->labels);
	if (!out || !j->labels)
		return err_sys(err, ENOMEM, "labels");
	for (i = 0; i < n; i++) {
		jobwire__v1__label__init(&out[i]);
		out[i].key = message_str(labels[i].key);
		out[i].value = message_str(labels[i].value);
		j->labels[i] = &out[i];
	}
	j->n_labels = n;
	return 0;
}

static void
put_settings(const struct spec *spec, Jobwire__V1__Job *j)
{
	j->stdin_mode = (Jobwire__V1__StdinMode)spec->stdin_mode;
	j->max_output_bytes = spec->cap_bytes;
	j->timeout_ms = spec->timeout_ms;
	j->idle_timeout_ms = spec->idle_timeout_ms;
}

/* 1, or 0: nobody knows what was asked for, which hides nothing of what became of it. */
static int
read_spec(struct call *call, struct arena *a, const struct store_job *row, struct spec *ret_spec,
	  struct err *err)
{
	struct store_blob blob;
	int rc;

	rc = store_spec_get(call->eng->store, a, row->number, &blob, err);
	if (rc <= 0)
		return rc;
	rc = spec_decode(a, blob.bytes, blob.len, ret_spec);
	return rc < 0 ? err_sys(err, -rc, "job %.8s", row->id) : 1;
}

static int
put_whole(struct call *call, const struct store_job *row, Jobwire__V1__Job *j, struct err *err)
{
	struct spec spec;
	int rc;

	rc = read_spec(call, &call->arena, row, &spec, err);
	if (rc <= 0)
		return rc;
	rc = put_argv(call, &spec, j);
	if (rc == 0)
		rc = put_env(call, &spec, j);
	if (rc < 0)
		return err_sys(err, -rc, "job %.8s", row->id);
	j->command = text_bytes(spec.command);
	j->cwd = text_bytes(spec.cwd);
	put_settings(&spec, j);
	return 0;
}

/* A copy of no more than there is room for, which it takes. */
static int
put_cut(struct call *call, const char *s, size_t *room, ProtobufCBinaryData *ret)
{
	size_t len = strnlen(s, *room);

	ret->data = (uint8_t *)arena_copy(&call->arena, s, len);
	ret->len = len;
	*room -= MIN(*room, len + 1);
	return ret->data ? 0 : -ENOMEM;
}

static int
put_cut_spec(struct call *call, const struct spec *spec, Jobwire__V1__Job *j)
{
	size_t room = LIST_COMMAND_MAX, cwd_room = LIST_COMMAND_MAX, i;
	int rc;

	rc = put_cut(call, spec->cwd ? spec->cwd : "", &cwd_room, &j->cwd);
	if (rc == 0)
		rc = put_cut(call, spec->command ? spec->command : "", &room, &j->command);
	j->argv = arena_alloc(&call->arena,
			      (MIN(spec->argv.n, LIST_COMMAND_MAX) + 1) * sizeof *j->argv);
	if (!j->argv)
		return -ENOMEM;
	for (i = 0; i < spec->argv.n && room && rc == 0; i++)
		rc = put_cut(call, spec->argv.v[i], &room, &j->argv[j->n_argv++]);
	put_settings(spec, j);
	return rc;
}

static int
put_listed(struct call *call, const struct store_job *row, Jobwire__V1__Job *j, struct err *err)
{
	struct arena scratch;
	struct spec spec;
	int rc;

	arena_init(&scratch, SPEC_ARENA_MAX);
	rc = read_spec(call, &scratch, row, &spec, err);
	if (rc > 0)
		rc = put_cut_spec(call, &spec, j) < 0 ? err_sys(err, ENOMEM, "job %.8s", row->id)
						      : 0;
	arena_fini(&scratch);
	return rc;
}

static void
put_exit(const struct store_job *r, Jobwire__V1__Job *j)
{
	int status = (int)r->wait_status;

	if (!job_state_is_final((int)r->state) || r->state == JOB_LOST || !r->started_ns)
		return;
	if (WIFSIGNALED(status)) {
		j->exit_case = JOBWIRE__V1__JOB__EXIT_SIGNAL;
		j->signal = WTERMSIG(status);
		j->core_dumped = WCOREDUMP(status);
	} else {
		j->exit_case = JOBWIRE__V1__JOB__EXIT_EXIT_CODE;
		j->exit_code = WEXITSTATUS(status);
	}
}

static int
put_streams(struct call *call, const struct store_job *r, Jobwire__V1__Job *j)
{
	Jobwire__V1__StreamInfo *s = arena_alloc(&call->arena, 2 * sizeof *s);

	if (!s)
		return -ENOMEM;
	jobwire__v1__stream_info__init(&s[0]);
	jobwire__v1__stream_info__init(&s[1]);
	s[0].start = (uint64_t)r->out_start;
	s[0].stored = (uint64_t)r->out_stored;
	s[0].end = (uint64_t)r->out_end;
	s[1].start = (uint64_t)r->err_start;
	s[1].stored = (uint64_t)r->err_stored;
	s[1].end = (uint64_t)r->err_end;
	j->stdout_info = &s[0];
	j->stderr_info = &s[1];
	return 0;
}

static void
put_facts(const struct job_view *view, Jobwire__V1__Job *j)
{
	const struct store_job *r = &view->row;

	j->id = message_str(r->id);
	j->number = (uint64_t)r->number;
	j->name = message_str(r->name);
	j->state = (Jobwire__V1__State)r->state;
	j->reason = (Jobwire__V1__Reason)r->reason;
	j->detail = message_str(r->detail);
	j->pid = (int32_t)r->pid;
	j->created_ns = r->created_ns;
	j->started_ns = r->started_ns;
	j->ended_ns = r->ended_ns;
	j->closed_ns = r->closed_ns;
	j->shell_code = (int32_t)r->shell_code;
	j->input_offset = (uint64_t)r->input_offset;
	j->input_delivered = view->live ? view->input_delivered : (uint64_t)r->input_offset;
	j->input_closed = view->input_closed;
	j->stopping = view->stopping;
	j->lingering = view->lingering;
	j->killed_processes = (uint32_t)r->killed;
	j->survivors = (uint32_t)r->survivors;
	j->disk_full = view->disk_full;
	j->blocked = view->blocked;
	j->queue_position = view->queue_position;
	j->user_us = (uint64_t)r->user_us;
	j->system_us = (uint64_t)r->system_us;
	j->max_rss_kib = (uint64_t)r->max_rss_kib;
	j->group = message_str(r->grp);
	j->session = message_str(r->session);
	j->cap_policy = (Jobwire__V1__CapPolicy)r->cap;
	j->grace_ms = (uint64_t)r->grace_ms;
	j->lifetime = r->lifetime ? JOBWIRE__V1__LIFETIME__LIFETIME_SESSION
				  : JOBWIRE__V1__LIFETIME__LIFETIME_KEEP;
}

int
convert_job(struct call *call, const struct job_view *view, enum convert_detail detail,
	    Jobwire__V1__Job **ret_job, struct err *err)
{
	Jobwire__V1__Job *j = arena_alloc(&call->arena, sizeof *j);
	int rc = 0;

	if (!j)
		return err_sys(err, ENOMEM, "job");
	jobwire__v1__job__init(j);
	put_facts(view, j);
	put_exit(&view->row, j);
	if (put_streams(call, &view->row, j) < 0)
		return err_sys(err, ENOMEM, "job");
	if (detail == CONVERT_WHOLE)
		rc = put_whole(call, &view->row, j, err);
	else if (detail == CONVERT_LISTED)
		rc = put_listed(call, &view->row, j, err);
	if (rc == 0 && detail != CONVERT_FACTS)
		rc = put_labels(call, view, j, err);
	/* Of what a request held, env alone takes more bytes in a reply. */
	if (rc == 0 && protobuf_c_message_get_packed_size(&j->base) > JOB_MAX)
		j->n_env = 0;
	if (rc == 0)
		*ret_job = j;
	return rc;
}

void
convert_count(struct convert_room *room, const struct job_view *view, const Jobwire__V1__Job *job)
{
	room->packed += protobuf_c_message_get_packed_size(&job->base);
	room->read += (size_t)view->row.spec_bytes;
}

bool
convert_is_full(const struct convert_room *room)
{
	return room->packed > ROOM_PACKED || room->read > ROOM_READ;
}

int
convert_choice(int value, int most, const char *field, struct err *err)
{
	if (value < 0 || value > most)
		return err_field(err, ERR_INVALID_ARGUMENT, field, "%s: %d is not between 0 and %d",
				 field, value, most);
	return 0;
}

int
convert_view(Jobwire__V1__Stream stream, enum outlog_view *ret_view, struct err *err)
{
	switch (stream) {
	case JOBWIRE__V1__STREAM__STREAM_UNSPECIFIED:
	case JOBWIRE__V1__STREAM__STREAM_COMBINED:
		*ret_view = OUTLOG_VIEW_COMBINED;
		return 0;
	case JOBWIRE__V1__STREAM__STREAM_STDOUT:
		*ret_view = OUTLOG_VIEW_OUT;
		return 0;
	case JOBWIRE__V1__STREAM__STREAM_STDERR:
		*ret_view = OUTLOG_VIEW_ERR;
		return 0;
	default:
		return err_field(err, ERR_INVALID_ARGUMENT, "stream",
				 "stream %d is none of "
				 "STDOUT (1), STDERR (2) and COMBINED (3)",
				 (int)stream);
	}
}

Jobwire__V1__Stream
convert_stream(enum outlog_view view)
{
	static const Jobwire__V1__Stream streams[] = {
		[OUTLOG_VIEW_OUT] = JOBWIRE__V1__STREAM__STREAM_STDOUT,
		[OUTLOG_VIEW_ERR] = JOBWIRE__V1__STREAM__STREAM_STDERR,
		[OUTLOG_VIEW_COMBINED] = JOBWIRE__V1__STREAM__STREAM_COMBINED,
	};

	return streams[view];
}

struct reach
convert_reach(const struct job_view *view, enum outlog_view of)
{
	const struct store_job *r = &view->row;
	bool out = of != OUTLOG_VIEW_ERR, err = of != OUTLOG_VIEW_OUT;

	return (struct reach){
		.start = (uint64_t)((out ? r->out_start : 0) + (err ? r->err_start : 0)),
		.stored = (uint64_t)((out ? r->out_stored : 0) + (err ? r->err_stored : 0)),
		.end = (uint64_t)((out ? r->out_end : 0) + (err ? r->err_end : 0)),
		.drained = (uint64_t)((out ? r->out_drained : 0) + (err ? r->err_drained : 0)),
		.ended = job_state_is_final((int)r->state),
		.closed = r->closed_ns != 0,
	};
}
