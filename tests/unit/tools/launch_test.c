/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <limits.h>

#include "base/buf.h"
#include "tools/inside.h"

struct fixture {
	struct tools_settings settings;
	struct tools tools;
	struct arena arena;
	struct buf warnings;
	cJSON *args;
	Jobwire__V1__StartRequest req;
	struct err err;
};

static struct fixture fixture;

static void
place(struct fixture *f, const char *working_dir)
{
	launch_place_fini(&f->tools.place);
	assert_ok(launch_place_init(&f->tools.place, working_dir, &f->warnings, &f->err), &f->err);
}

static int
setup(void **state)
{
	struct fixture *f = &fixture;

	memset(f, 0, sizeof *f);
	f->settings.max_jobs = 10;
	f->settings.max_output_size = 1 << 20;
	f->tools.settings = &f->settings;
	f->tools.group = "g";
	arena_init(&f->arena, 1 << 20);
	buf_init(&f->warnings, 16384);
	assert_ok(allowed_new(NULL, &f->warnings, &f->tools.allowed, &f->err), &f->err);
	assert_int_equal(setenv("HOME", "/home/somebody", 1), 0);
	assert_int_equal(chdir("/tmp"), 0);
	place(f, NULL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	cJSON_Delete(f->args);
	allowed_free(f->tools.allowed);
	launch_place_fini(&f->tools.place);
	arena_fini(&f->arena);
	buf_fini(&f->warnings);
	return 0;
}

static int
launch(struct fixture *f, const char *args, struct err *err)
{
	cJSON_Delete(f->args);
	f->args = cJSON_Parse(args);
	assert_non_null(f->args);
	return launch_read(&f->tools, &f->arena, f->args, JOBWIRE__V1__STDIN_MODE__STDIN_PIPE,
			   &f->req, err);
}

static void
launch_ok(struct fixture *f, const char *args)
{
	assert_ok(launch(f, args, &f->err), &f->err);
}

static void
assert_bytes(const ProtobufCBinaryData *got, const char *want)
{
	assert_int_equal(got->len, strlen(want));
	assert_memory_equal(got->data, want, got->len);
}

static void
a_command_alone_takes_the_settings(void **state)
{
	struct fixture *f = *state;

	launch_ok(f, "{\"command\":\"make\"}");
	assert_bytes(&f->req.command, "make");
	assert_bytes(&f->req.cwd, "/tmp");
	assert_int_equal(f->req.stdin_mode, JOBWIRE__V1__STDIN_MODE__STDIN_PIPE);
	assert_int_equal(f->req.timeout_ms, 0);
	assert_int_equal(f->req.max_output_bytes, 1 << 20);
	assert_int_equal(f->req.group_limit, 10);
	assert_string_equal(f->req.group, "g");
	assert_string_equal(f->req.name, "");
	assert_int_equal(f->req.when_full, JOBWIRE__V1__WHEN_FULL__WHEN_FULL_REJECT);
	assert_int_equal(f->req.lifetime, JOBWIRE__V1__LIFETIME__LIFETIME_KEEP);
	assert_int_equal(f->req.n_env, 0);
	assert_int_equal(f->req.n_base_env, f->tools.place.n_env);
}

static void
each_argument_finds_its_field(void **state)
{
	struct fixture *f = *state;

	f->settings.jobs_end_with_session = true;
	f->settings.max_output_size = 1024; /* less than the engine keeps */
	launch_ok(f, "{\"command\":\"x\",\"cwd\":\"/srv\",\"env\":{\"A\":\"1\",\"B\":\"\"},"
		     "\"name\":\"n\",\"timeout_seconds\":1.5,\"queue\":true}");
	assert_bytes(&f->req.cwd, "/srv");
	assert_int_equal(f->req.n_env, 2);
	assert_string_equal(f->req.env[0]->name, "A");
	assert_bytes(&f->req.env[0]->value, "1");
	assert_bytes(&f->req.env[1]->value, "");
	assert_string_equal(f->req.name, "n");
	assert_int_equal(f->req.timeout_ms, 1500);
	assert_int_equal(f->req.when_full, JOBWIRE__V1__WHEN_FULL__WHEN_FULL_QUEUE);
	assert_int_equal(f->req.lifetime, JOBWIRE__V1__LIFETIME__LIFETIME_SESSION);
	assert_int_equal(f->req.max_output_bytes, 4096);
}

static void
an_empty_command_is_refused_in_the_predecessors_words(void **state)
{
	static const char *const empty[] = {
		"{}",
		"{\"command\":null}",
		"{\"command\":\"\"}",
		"{\"command\":\" \\t\\r\\n\"}",
	};
	struct fixture *f = *state;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(empty); i++) {
		memset(&err, 0, sizeof err);
		assert_int_equal(launch(f, empty[i], &err), ERR_INVALID_ARGUMENT);
		assert_string_equal(err.msg, "Command cannot be empty");
		assert_string_equal(err.field, "command");
	}
}

static void
what_is_not_allowed_is_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };

	allowed_free(f->tools.allowed);
	assert_ok(allowed_new("^ls", &f->warnings, &f->tools.allowed, &f->err), &f->err);
	launch_ok(f, "{\"command\":\"ls -l\"}");
	assert_int_equal(launch(f, "{\"command\":\"rm x\"}", &err), ERR_PERMISSION_DENIED);
}

static void
a_timeout_of_the_call_counts_before_that_of_the_settings(void **state)
{
	static const struct {
		const char *args;
		uint64_t ms;
	} rows[] = {
		{ "{\"command\":\"x\"}", 7000 },
		{ "{\"command\":\"x\",\"timeout_seconds\":null}", 7000 },
		{ "{\"command\":\"x\",\"timeout_seconds\":0}", 0 },
		{ "{\"command\":\"x\",\"timeout_seconds\":0.0001}", 1 },
		{ "{\"command\":\"x\",\"timeout_seconds\":0.0016}", 2 },
		{ "{\"command\":\"x\",\"timeout_seconds\":31536000}", 31536000000 },
	};
	struct fixture *f = *state;
	size_t i;

	f->settings.job_timeout = 7000;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		launch_ok(f, rows[i].args);
		assert_int_equal(f->req.timeout_ms, rows[i].ms);
	}
}

static void
a_folder_is_made_absolute_from_where_the_client_is(void **state)
{
	static const struct {
		const char *cwd, *path;
	} rows[] = {
		{ "/a/b", "/a/b" },        { "sub", "/tmp/sub" },
		{ "~", "/home/somebody" }, { "~/x", "/home/somebody/x" },
		{ "~x", "/tmp/~x" },       { "", "/tmp" },
		{ "..", "/tmp/.." },
	};
	struct fixture *f = *state;
	char args[200];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(args, sizeof args, "{\"command\":\"x\",\"cwd\":\"%s\"}",
			       rows[i].cwd);
		launch_ok(f, args);
		assert_bytes(&f->req.cwd, rows[i].path);
	}
}

static void
a_client_in_the_root_works_at_home(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chdir("/"), 0);
	place(f, NULL);
	launch_ok(f, "{\"command\":\"x\"}");
	assert_bytes(&f->req.cwd, "/home/somebody");
	assert_int_equal(setenv("HOME", "not/absolute", 1), 0);
	place(f, NULL);
	launch_ok(f, "{\"command\":\"x\",\"cwd\":\"y\"}");
	assert_bytes(&f->req.cwd, "/y");
}

static void
a_working_folder_that_is_not_there_refuses_what_would_run_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct err err = { 0 };

	place(f, "/usr");
	launch_ok(f, "{\"command\":\"x\"}");
	assert_bytes(&f->req.cwd, "/usr");
	assert_int_equal(f->warnings.len, 0);
	place(f, "/nowhere");
	assert_true(f->warnings.len > 0);
	assert_int_equal(launch(f, "{\"command\":\"x\"}", &err), ERR_FAILED_PRECONDITION);
	assert_non_null(strstr(err.msg, "/nowhere"));
	assert_non_null(strstr(err.msg, "MCP_BG_WORKING_DIR"));
	launch_ok(f, "{\"command\":\"x\",\"cwd\":\"/srv\"}");
	assert_bytes(&f->req.cwd, "/srv");
}

static const struct Jobwire__V1__EnvVar *
variable(const struct fixture *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->tools.place.n_env; i++)
		if (strcmp(f->tools.place.env[i]->name, name) == 0)
			return f->tools.place.env[i];
	return NULL;
}

static void
the_clients_environment_goes_along_but_for_the_job_that_it_is_part_of(void **state)
{
	struct fixture *f = *state;

	(void)setenv("JOBWIRE_JOB_ID", "abc", 1);
	(void)setenv("JOBWIRE_JOB_ID_2", "kept", 1);
	(void)setenv("BYTES", "\xff=\n", 1);
	(void)setenv("\xff", "no name for the wire", 1);
	place(f, NULL);
	assert_null(variable(f, "JOBWIRE_JOB_ID"));
	assert_bytes(&variable(f, "JOBWIRE_JOB_ID_2")->value, "kept");
	assert_bytes(&variable(f, "BYTES")->value, "\xff=\n");
	assert_null(variable(f, "\xff"));
	assert_bytes(&variable(f, "HOME")->value, "/home/somebody");
	(void)unsetenv("JOBWIRE_JOB_ID");
	(void)unsetenv("\xff");
}

#define unit_test_of_launch(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_launch(a_command_alone_takes_the_settings),
		unit_test_of_launch(each_argument_finds_its_field),
		unit_test_of_launch(an_empty_command_is_refused_in_the_predecessors_words),
		unit_test_of_launch(what_is_not_allowed_is_refused),
		unit_test_of_launch(a_timeout_of_the_call_counts_before_that_of_the_settings),
		unit_test_of_launch(a_folder_is_made_absolute_from_where_the_client_is),
		unit_test_of_launch(a_client_in_the_root_works_at_home),
		unit_test_of_launch(
			a_working_folder_that_is_not_there_refuses_what_would_run_elsewhere),
		unit_test_of_launch(
			the_clients_environment_goes_along_but_for_the_job_that_it_is_part_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
