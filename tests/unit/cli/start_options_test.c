/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/start_options.h"
#include "cli/verbs.h"

#define ARGS_MAX 16

struct fixture {
	struct cli cli;
	struct options options;
	struct start_options values;
	Jobwire__V1__StartRequest req;
	struct err err;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	arena_init(&f.cli.arena, (size_t)64 << 20);
	f.cli.verb = verbs_find("start");
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	options_fini(&f->options);
	arena_fini(&f->cli.arena);
	return 0;
}

/* The words behind the verb, as main() takes them: rc of the flags, then of the request. */
static int
parse(struct fixture *f, const char *const *words)
{
	char *argv[ARGS_MAX] = { (char[]){ "start" } };
	struct operands operands;
	int argc = 1, next, rc;
	size_t n = 0;

	while (start_rows[n].name)
		n++;
	for (; *words && argc < ARGS_MAX - 1; words++)
		argv[argc++] = arena_strdup(&f->cli.arena, *words);
	options_fini(&f->options);
	memset(&f->values, 0, sizeof f->values);
	options_init(&f->options, start_rows, n, &f->values);
	start_options_init(&f->values);
	memset(&f->err, 0, sizeof f->err);
	rc = options_defaults(&f->options, &f->err);
	if (rc == 0)
		rc = options_from_args(&f->options, argc, argv, &next, &f->err);
	if (rc < 0)
		return rc;
	operands = (struct operands){ argv + next, (size_t)(argc - next) };
	return start_request(&f->cli, &f->values, &operands, &f->req, &f->err);
}

#define PARSE(f, ...) parse(f, (const char *const[]){ __VA_ARGS__, NULL })

static void
assert_bytes(const ProtobufCBinaryData *got, const char *want)
{
	assert_int_equal(got->len, strlen(want));
	assert_memory_equal(got->data, want, got->len);
}

static void
a_plain_command_leaves_the_rest_to_the_engine(void **state)
{
	struct fixture *f = *state;
	char here[4096];

	(void)umask(027);
	assert_int_equal(PARSE(f, "ls", "-l"), 0);
	assert_int_equal(f->req.n_argv, 2);
	assert_bytes(&f->req.argv[1], "-l");
	assert_int_equal(f->req.command.len, 0);
	assert_non_null(getcwd(here, sizeof here));
	assert_bytes(&f->req.cwd, here);
	assert_int_equal(f->req.umask, 027);
	assert_int_equal(f->req.stdin_mode, 0);
	assert_int_equal(f->req.cap_policy, 0);
	assert_int_equal(f->req.grace_case, JOBWIRE__V1__START_REQUEST__GRACE__NOT_SET);
	assert_int_equal(f->req.linger_case, JOBWIRE__V1__START_REQUEST__LINGER__NOT_SET);
	assert_int_equal(f->req.max_output_bytes, 0);
	assert_int_equal(f->req.lifetime, JOBWIRE__V1__LIFETIME__LIFETIME_KEEP);
	assert_int_equal(f->req.when_full, JOBWIRE__V1__WHEN_FULL__WHEN_FULL_QUEUE);
	assert_int_equal(f->req.n_env, 0);
	assert_true(f->req.n_base_env > 0);
}

static void
every_flag_finds_its_field(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(PARSE(f, "--name=n", "--group=g", "--group-limit=3", "--timeout=1.5",
			       "--idle-timeout=2m", "--grace=0", "--max-output=64K", "--linger=0",
			       "--power-safe", "-c", "make x", "--shell=/bin/bash", "-C/srv"),
			 0);
	assert_string_equal(f->req.name, "n");
	assert_string_equal(f->req.group, "g");
	assert_int_equal(f->req.group_limit, 3);
	assert_int_equal(f->req.timeout_ms, 1500);
	assert_int_equal(f->req.idle_timeout_ms, 120000);
	assert_int_equal(f->req.grace_case, JOBWIRE__V1__START_REQUEST__GRACE_GRACE_MS);
	assert_int_equal(f->req.grace_ms, 0);
	assert_int_equal(f->req.linger_case, JOBWIRE__V1__START_REQUEST__LINGER_LINGER_MS);
	assert_int_equal(f->req.max_output_bytes, 65536);
	assert_true(f->req.power_safe);
	assert_bytes(&f->req.command, "make x");
	assert_bytes(&f->req.shell, "/bin/bash");
	assert_bytes(&f->req.cwd, "/srv");
}

static void
choices_are_the_protocols(void **state)
{
	static const char *const stdins[] = { "null", "pipe", "pty" };
	static const char *const policies[] = { "drop", "stop", "end", "block" };
	struct fixture *f = *state;
	char flag[40];
	int i;

	for (i = 0; i < 3; i++) {
		(void)snprintf(flag, sizeof flag, "--stdin=%s", stdins[i]);
		assert_int_equal(PARSE(f, flag, "x"), 0);
		assert_int_equal(f->req.stdin_mode, i + 1);
	}
	for (i = 0; i < 4; i++) {
		(void)snprintf(flag, sizeof flag, "--on-full-output=%s", policies[i]);
		assert_int_equal(PARSE(f, flag, "x"), 0);
		assert_int_equal(f->req.cap_policy, i + 1);
	}
	assert_int_equal(PARSE(f, "--when-full=reject", "--lifetime=session", "x"), 0);
	assert_int_equal(f->req.when_full, JOBWIRE__V1__WHEN_FULL__WHEN_FULL_REJECT);
	assert_int_equal(f->req.lifetime, JOBWIRE__V1__LIFETIME__LIFETIME_SESSION);
}

static void
what_to_run_is_said_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(parse(f, (const char *const[]){ NULL }), STATUS_USAGE);
	assert_int_equal(PARSE(f, "-c", "x", "y"), STATUS_USAGE);
	assert_int_equal(PARSE(f, "-c", "x", "--script", "/dev/null"), STATUS_USAGE);
	assert_int_equal(PARSE(f, "--script", "/nowhere/script"), ERR_NOT_FOUND);
}

static void
a_script_is_read_up_to_its_bound(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/jobwire-unit-XXXXXX";
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "echo 1\n", 7), 7);
	assert_int_equal(PARSE(f, "--script", path), 0);
	assert_bytes(&f->req.command, "echo 1\n");
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(PARSE(f, "--script", path), 0);
	assert_int_equal(f->req.command.len, 1 << 20);
	assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
	assert_int_equal(PARSE(f, "--script", path), ERR_INVALID_ARGUMENT);
	(void)close(fd);
	(void)unlink(path);
}

static void
variables_are_given_or_recorded(void **state)
{
	struct fixture *f = *state;

	(void)setenv("JOBWIRE_UNIT", "from here", 1);
	assert_int_equal(PARSE(f, "-e", "A=1=2", "-e", "JOBWIRE_UNIT", "-eB=", "x"), 0);
	assert_int_equal(f->req.n_env, 3);
	assert_string_equal(f->req.env[0]->name, "A");
	assert_bytes(&f->req.env[0]->value, "1=2");
	assert_string_equal(f->req.env[1]->name, "JOBWIRE_UNIT");
	assert_bytes(&f->req.env[1]->value, "from here");
	assert_bytes(&f->req.env[2]->value, "");
	(void)unsetenv("JOBWIRE_UNIT");
	assert_int_equal(PARSE(f, "-e", "JOBWIRE_UNIT", "x"), STATUS_USAGE);
	assert_int_equal(PARSE(f, "-e", "=x", "x"), STATUS_USAGE);
	assert_int_equal(PARSE(f, "-e", "", "x"), STATUS_USAGE);
}

static void
labels_are_pairs(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(PARSE(f, "--label=a=b=c", "--label", "d=", "x"), 0);
	assert_int_equal(f->req.n_labels, 2);
	assert_string_equal(f->req.labels[0]->key, "a");
	assert_string_equal(f->req.labels[0]->value, "b=c");
	assert_string_equal(f->req.labels[1]->value, "");
	assert_int_equal(PARSE(f, "--label=a", "x"), STATUS_USAGE);
}

static void
limits_are_numbers_sizes_or_unlimited(void **state)
{
	static const struct {
		const char *flag;
		uint64_t soft, hard;
	} good[] = {
		{ "--ulimit=nofile=1024", 1024, 1024 },
		{ "--ulimit=nofile=1024:2048", 1024, 2048 },
		{ "--ulimit=as=2G", UINT64_C(2) << 30, UINT64_C(2) << 30 },
		{ "--ulimit=cpu=unlimited", UINT64_MAX, UINT64_MAX },
		{ "--ulimit=core=0:unlimited", 0, UINT64_MAX },
	};
	static const char *const bad[] = {
		"--ulimit=nofile",      "--ulimit=nofile=",   "--ulimit=nofile=x",
		"--ulimit=nofile=1:",   "--ulimit=nofile=:1", "--ulimit=nofile=-1",
		"--ulimit=nofile=1:2:3"
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(PARSE(f, good[i].flag, "x"), 0);
		assert_int_equal(f->req.n_limits, 1);
		assert_true(f->req.limits[0]->soft == good[i].soft);
		assert_true(f->req.limits[0]->hard == good[i].hard);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (PARSE(f, bad[i], "x") != STATUS_USAGE)
			fail_msg("%s", bad[i]);
}

static void
values_out_of_range_are_refused_by_name(void **state)
{
	static const char *const bad[] = {
		"--timeout=3651d",  "--grace=25h",      "--group-limit=4294967296",
		"--group-limit=-1", "--stdin=tty",      "--max-output=much",
		"--lifetime=ever",  "--when-full=wait", "--linger=-1"
	};
	struct fixture *f = *state;
	char name[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(PARSE(f, bad[i], "x"), ERR_INVALID_ARGUMENT);
		(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(bad[i], "="), bad[i]);
		if (!strstr(f->err.msg, name))
			fail_msg("'%s' does not name %s", f->err.msg, name);
	}
}

static void
a_relative_folder_begins_here(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chdir("/tmp"), 0);
	assert_int_equal(PARSE(f, "--cwd=sub", "x"), 0);
	assert_bytes(&f->req.cwd, "/tmp/sub");
}

static void
a_key_is_the_callers_or_fresh_each_time(void **state)
{
	struct fixture *f = *state;
	const char *first, *second;

	assert_int_equal(PARSE(f, "--key=mine", "x"), 0);
	assert_string_equal(start_key(&f->cli, &f->values), "mine");
	assert_int_equal(PARSE(f, "x"), 0);
	first = start_key(&f->cli, &f->values);
	second = start_key(&f->cli, &f->values);
	assert_int_equal(strlen(first), 36);
	assert_string_not_equal(first, second);
}

#define unit_test_of_start(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_start(a_plain_command_leaves_the_rest_to_the_engine),
		unit_test_of_start(every_flag_finds_its_field),
		unit_test_of_start(choices_are_the_protocols),
		unit_test_of_start(what_to_run_is_said_once),
		unit_test_of_start(a_script_is_read_up_to_its_bound),
		unit_test_of_start(variables_are_given_or_recorded),
		unit_test_of_start(labels_are_pairs),
		unit_test_of_start(limits_are_numbers_sizes_or_unlimited),
		unit_test_of_start(values_out_of_range_are_refused_by_name),
		unit_test_of_start(a_relative_folder_begins_here),
		unit_test_of_start(a_key_is_the_callers_or_fresh_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
