/* SPDX-License-Identifier: MIT */
#include "temp.h"

#include "base/buf.h"
#include "engine/call.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "jobdir/spec.h"

struct fixture {
	struct engine eng;
	struct call call;
	struct temp *temp;
	struct job_view view;
	struct err err;
};

static const char *const argv[] = { "echo", "\xff", NULL };
static const char *const env[] = { "A=1", "B=", "C=x=y", NULL };

static void
ask_for(struct fixture *f, const struct spec *spec)
{
	struct store_job_parts parts = { 0 };
	struct buf bytes;

	buf_init(&bytes, 8 << 20);
	assert_int_equal(spec_encode(&bytes, spec, false), 0);
	parts.spec = (struct store_blob){ buf_head(&bytes), bytes.len };
	f->view.row.id = spec->id;
	assert_ok(store_job_insert(f->eng.store, &f->view.row, &parts, &f->err), &f->err);
	buf_fini(&bytes);
}

static int
setup(void **state)
{
	static struct fixture f;
	static struct spec spec;
	char path[80];
	void *temp;

	memset(&f, 0, sizeof f);
	spec = (struct spec){ .id = "ab234567-89ab-4cde-8f01-23456789abcd",
			      .argv = { (const char **)argv, 2 },
			      .cwd = "/tmp",
			      .env = { (const char **)env, 3 },
			      .stdin_mode = SPEC_STDIN_PTY,
			      .cap = SPEC_CAP_END,
			      .cap_bytes = 8192,
			      .timeout_ms = 3,
			      .idle_timeout_ms = 4,
			      .grace_ms = 5 };
	(void)temp_setup(&temp);
	f.temp = temp;
	(void)snprintf(path, sizeof path, "%s/jobwire.db", f.temp->path);
	assert_ok(store_open(path, &f.eng.store, &f.err), &f.err);
	f.call.eng = &f.eng;
	arena_init(&f.call.arena, 1 << 20);
	f.view.row = (struct store_job){ .state = JOB_RUNNING,
					 .detail = "d",
					 .name = "n",
					 .grp = "g",
					 .session = "s",
					 .cap = SPEC_CAP_BLOCK,
					 .grace_ms = 5,
					 .pid = 42,
					 .started_ns = 1 };
	ask_for(&f, &spec);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	void *temp = f->temp;

	arena_fini(&f->call.arena);
	store_close(f->eng.store);
	return temp_teardown(&temp);
}

static Jobwire__V1__Job *
convert(struct fixture *f, enum convert_detail detail)
{
	Jobwire__V1__Job *job = NULL;

	assert_ok(convert_job(&f->call, &f->view, detail, &job, &f->err), &f->err);
	return job;
}

static void
what_was_asked_for_comes_back(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__Job *job = convert(f, CONVERT_WHOLE);

	assert_int_equal(job->number, 1);
	assert_string_equal(job->name, "n");
	assert_string_equal(job->group, "g");
	assert_string_equal(job->session, "s");
	assert_int_equal(job->pid, 42);
	assert_int_equal(job->n_argv, 2);
	assert_int_equal(job->argv[1].len, 1);
	assert_int_equal(job->argv[1].data[0], 0xff);
	assert_int_equal(job->n_env, 3);
	assert_string_equal(job->env[1]->name, "B");
	assert_int_equal(job->env[1]->value.len, 0);
	assert_string_equal(job->env[2]->name, "C");
	assert_memory_equal(job->env[2]->value.data, "x=y", 3);
	assert_int_equal(job->stdin_mode, SPEC_STDIN_PTY);
	assert_int_equal(job->cap_policy, SPEC_CAP_BLOCK); /* the one in force */
	assert_int_equal(job->max_output_bytes, 8192);
	assert_int_equal(job->timeout_ms, 3);
	assert_int_equal(job->idle_timeout_ms, 4);
	assert_int_equal(job->grace_ms, 5);
	assert_int_equal(job->command.len, 0);
	/* An environment may hold secrets: not in lists. */
	assert_int_equal(convert(f, CONVERT_LISTED)->n_env, 0);
}

static void
an_exit_is_told_only_where_there_was_one(void **state)
{
	static const struct {
		int job_state, wait_status;
		int64_t started_ns;
		Jobwire__V1__Job__ExitCase exit;
		int number;
	} rows[] = {
		{ JOB_RUNNING, 0, 1, JOBWIRE__V1__JOB__EXIT__NOT_SET, 0 },
		{ JOB_COMPLETED, 0, 1, JOBWIRE__V1__JOB__EXIT_EXIT_CODE, 0 },
		{ JOB_FAILED, 3 << 8, 1, JOBWIRE__V1__JOB__EXIT_EXIT_CODE, 3 },
		{ JOB_FAILED, 11, 1, JOBWIRE__V1__JOB__EXIT_SIGNAL, 11 },
		{ JOB_KILLED, 9, 1, JOBWIRE__V1__JOB__EXIT_SIGNAL, 9 },
		{ JOB_KILLED, 0, 0, JOBWIRE__V1__JOB__EXIT__NOT_SET, 0 },
		{ JOB_FAILED, 0, 0, JOBWIRE__V1__JOB__EXIT__NOT_SET, 0 },
		{ JOB_LOST, 0, 1, JOBWIRE__V1__JOB__EXIT__NOT_SET, 0 },
	};
	struct fixture *f = *state;
	Jobwire__V1__Job *job;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		f->view.row.state = rows[i].job_state;
		f->view.row.wait_status = rows[i].wait_status;
		f->view.row.started_ns = rows[i].started_ns;
		job = convert(f, CONVERT_LISTED);
		assert_int_equal(job->exit_case, rows[i].exit);
		if (job->exit_case == JOBWIRE__V1__JOB__EXIT_EXIT_CODE)
			assert_int_equal(job->exit_code, rows[i].number);
		if (job->exit_case == JOBWIRE__V1__JOB__EXIT_SIGNAL)
			assert_int_equal(job->signal, rows[i].number);
	}
}

static void
a_spec_that_cannot_be_read_is_an_error_that_names_the_job(void **state)
{
	struct fixture *f = *state;
	struct store_job_parts parts = { .spec = { "x", 1 } };
	Jobwire__V1__Job *job;
	struct err err = { 0 };

	f->view.row.id = "cd234567-89ab-4cde-8f01-23456789abcd";
	assert_ok(store_job_insert(f->eng.store, &f->view.row, &parts, &f->err), &f->err);
	assert_int_equal(convert_job(&f->call, &f->view, CONVERT_WHOLE, &job, &err), ERR_INTERNAL);
	assert_non_null(strstr(err.msg, "cd234567"));
	assert_int_equal(convert_job(&f->call, &f->view, CONVERT_LISTED, &job, &err), ERR_INTERNAL);
	/* What became of it does not need it. */
	assert_int_equal(convert(f, CONVERT_FACTS)->pid, 42);
}

static void
a_list_shows_the_beginning_of_a_long_command_and_takes_no_more_memory(void **state)
{
	static const struct spec plain = { .id = "cd234567-89ab-4cde-8f01-23456789abcd",
					   .cwd = "/",
					   .stdin_mode = SPEC_STDIN_NULL,
					   .cap = SPEC_CAP_DROP };
	static char text[100000];
	static const char *words[20000];
	struct fixture *f = *state;
	struct spec spec = plain;
	Jobwire__V1__Job *job;
	size_t i, before = f->call.arena.used;

	memset(text, 'x', sizeof text - 1);
	spec.command = text;
	spec.shell = "/bin/sh";
	ask_for(f, &spec);
	job = convert(f, CONVERT_LISTED);
	assert_int_equal(job->command.len, 4096);
	assert_string_equal((char *)job->cwd.data, "/");

	spec = plain;
	(void)snprintf(spec.id, sizeof spec.id, "ef234567-89ab-4cde-8f01-23456789abcd");
	for (i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = i ? "" : "/bin/true";
	spec.argv = (struct strings){ words, ARRAY_SIZE(words) };
	ask_for(f, &spec);
	job = convert(f, CONVERT_LISTED);
	assert_in_range(job->n_argv, 2, 4096);
	assert_in_range(protobuf_c_message_get_packed_size(&job->base), 4096, 3 * 4096);
	assert_in_range(f->call.arena.used - before, 4096, 50 * 4096);
	assert_int_equal(convert(f, CONVERT_FACTS)->n_argv, 0);
}

static void
a_reply_is_full_long_before_a_message_may_not_be_larger(void **state)
{
	struct fixture *f = *state;
	struct convert_room room = { 0 };
	Jobwire__V1__Job *job = convert(f, CONVERT_LISTED);
	size_t size = protobuf_c_message_get_packed_size(&job->base), n;

	f->view.row.spec_bytes = 1;
	for (n = 0; !convert_is_full(&room); n++)
		convert_count(&room, &f->view, job);
	assert_in_range(n * size, 1 << 20, WIRE_SOCKET_MAX / 2 + size);
	/* Nor is more read for it than can be in a moment. */
	memset(&room, 0, sizeof room);
	f->view.row.spec_bytes = 4 << 20;
	for (n = 0; !convert_is_full(&room); n++)
		convert_count(&room, &f->view, job);
	assert_in_range(n, 2, 10);
}

static void
a_view_reaches_as_far_as_its_streams(void **state)
{
	struct job_view view = { .row = { .state = JOB_RUNNING,
					  .out_start = 1,
					  .out_stored = 20,
					  .out_end = 300,
					  .out_drained = 4000,
					  .err_start = 2,
					  .err_stored = 30,
					  .err_end = 400,
					  .err_drained = 5000 } };
	struct reach r = convert_reach(&view, OUTLOG_VIEW_OUT);

	(void)state;
	assert_int_equal(r.start, 1);
	assert_int_equal(r.stored, 20);
	assert_int_equal(r.end, 300);
	assert_int_equal(r.drained, 4000);
	r = convert_reach(&view, OUTLOG_VIEW_ERR);
	assert_int_equal(r.start, 2);
	assert_int_equal(r.stored, 30);
	assert_int_equal(r.end, 400);
	assert_int_equal(r.drained, 5000);
	r = convert_reach(&view, OUTLOG_VIEW_COMBINED);
	assert_int_equal(r.start, 3);
	assert_int_equal(r.stored, 50);
	assert_int_equal(r.end, 700);
	assert_int_equal(r.drained, 9000);
	assert_false(r.ended || r.closed);
	view.row.state = JOB_FAILED;
	assert_true(convert_reach(&view, OUTLOG_VIEW_OUT).ended);
	assert_false(convert_reach(&view, OUTLOG_VIEW_OUT).closed);
	view.row.closed_ns = 1;
	assert_true(convert_reach(&view, OUTLOG_VIEW_OUT).closed);
}

static void
streams_and_views_are_the_same_both_ways(void **state)
{
	static const enum outlog_view views[] = { OUTLOG_VIEW_OUT, OUTLOG_VIEW_ERR,
						  OUTLOG_VIEW_COMBINED };
	enum outlog_view view;
	struct err err = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(views); i++) {
		assert_ok(convert_view(convert_stream(views[i]), &view, &err), &err);
		assert_int_equal(view, views[i]);
	}
	assert_ok(convert_view(JOBWIRE__V1__STREAM__STREAM_UNSPECIFIED, &view, &err), &err);
	assert_int_equal(view, OUTLOG_VIEW_COMBINED);
	assert_int_equal(convert_view((Jobwire__V1__Stream)4, &view, &err), ERR_INVALID_ARGUMENT);
	assert_int_equal(convert_view((Jobwire__V1__Stream)-1, &view, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.field, "stream");
}

#define unit_test_of_convert(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_convert(what_was_asked_for_comes_back),
		unit_test_of_convert(an_exit_is_told_only_where_there_was_one),
		unit_test_of_convert(a_spec_that_cannot_be_read_is_an_error_that_names_the_job),
		unit_test_of_convert(
			a_list_shows_the_beginning_of_a_long_command_and_takes_no_more_memory),
		unit_test_of_convert(a_reply_is_full_long_before_a_message_may_not_be_larger),
		cmocka_unit_test(a_view_reaches_as_far_as_its_streams),
		cmocka_unit_test(streams_and_views_are_the_same_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
