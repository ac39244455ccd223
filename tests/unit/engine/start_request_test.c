/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <limits.h>
#include <sys/resource.h>

#include "engine/call.h"
#include "engine/engine.h"
#include "engine/start_request.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "wire/message.h"

/* A request that is fine, for each test to spoil. */
struct fixture {
	struct engine eng;
	struct call call;
	Jobwire__V1__StartRequest req;
	struct job_start start;
	struct err err;
};

static struct fixture fixture;

static ProtobufCBinaryData
bytes(const char *text)
{
	return message_bytes(text, strlen(text));
}

static int
setup(void **state)
{
	struct fixture *f = &fixture;

	memset(f, 0, sizeof *f);
	f->eng.settings.grace = 5000;
	f->eng.settings.max_output_size = 1 << 26;
	f->eng.original_nofile = 1024;
	f->call.eng = &f->eng;
	f->call.req = &f->req;
	f->call.env.session = "";
	arena_init(&f->call.arena, (size_t)16 << 20);
	jobwire__v1__start_request__init(&f->req);
	f->req.command = bytes("true");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_fini(&f->call.arena);
	return 0;
}

static void
accepted(struct fixture *f)
{
	assert_ok(start_request_read(&f->call, &f->start, &f->err), &f->err);
}

/* The field is named for programs, the words are there for people. */
static void
refused(struct fixture *f, const char *field, const char *words)
{
	struct err err = { 0 };

	assert_int_equal(start_request_read(&f->call, &f->start, &err), ERR_INVALID_ARGUMENT);
	assert_string_equal(err.field, field);
	if (!strstr(err.msg, words))
		fail_msg("'%s' lacks '%s'", err.msg, words);
}

static void
a_plain_command_takes_the_defaults(void **state)
{
	struct fixture *f = *state;
	const struct spec *s = &f->start.spec;

	accepted(f);
	assert_string_equal(s->command, "true");
	assert_string_equal(s->shell, "/bin/sh");
	assert_int_equal(s->argv.n, 0);
	assert_int_equal(s->stdin_mode, SPEC_STDIN_NULL);
	assert_int_equal(s->cap, SPEC_CAP_DROP);
	assert_int_equal(s->cap_bytes, 1 << 26);
	assert_int_equal(s->grace_ms, 5000);
	assert_int_equal(s->timeout_ms, 0);
	assert_false(s->has_linger || s->has_umask || s->power_safe);
	assert_int_equal(s->n_limits, 1);
	assert_int_equal(s->limits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(s->limits[0].soft, 1024);
	assert_int_equal(s->cwd[0], '/');
	assert_string_equal(f->start.name, "");
	assert_false(f->start.reject_when_full || f->start.ends_with_session);
	assert_int_equal(f->start.n_labels, 0);
}

static void
what_to_run_is_said_once(void **state)
{
	struct fixture *f = *state;
	ProtobufCBinaryData argv[] = { bytes("ls"), bytes("") };

	f->req.command.len = 0;
	refused(f, "command", "neither argv nor command");
	f->req.command = bytes("true");
	f->req.argv = argv;
	f->req.n_argv = 2;
	refused(f, "argv", "both given");
	f->req.command.len = 0;
	accepted(f);
	assert_int_equal(f->start.spec.argv.n, 2);
	assert_string_equal(f->start.spec.argv.v[0], "ls");
	assert_string_equal(f->start.spec.argv.v[1], "");
	assert_null(f->start.spec.argv.v[2]);
	assert_null(f->start.spec.command);
}

static void
a_command_of_nothing_but_blanks_is_empty(void **state)
{
	static const char *const blanks[] = { " ", "\n", "\t \r\n" };
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(blanks); i++) {
		f->req.command = bytes(blanks[i]);
		refused(f, "command", "is empty");
	}
}

static void
an_empty_program_is_refused(void **state)
{
	struct fixture *f = *state;
	ProtobufCBinaryData argv[] = { bytes(""), bytes("x") };

	f->req.command.len = 0;
	f->req.argv = argv;
	f->req.n_argv = 2;
	refused(f, "argv", "argv[0]");
	f->req.n_argv = 1;
	refused(f, "argv", "argv[0]");
}

/* Each member that carries bytes; a NUL in it would be read as its end. */
static void
a_nul_byte_is_refused_wherever_bytes_are_taken(void **state)
{
	struct fixture *f = *state;
	ProtobufCBinaryData nul = message_bytes("/b\0n", 4), fine = bytes("x");
	ProtobufCBinaryData argv[] = { fine, nul };
	Jobwire__V1__EnvVar var = JOBWIRE__V1__ENV_VAR__INIT, *vars[] = { &var };

	f->req.command = nul;
	refused(f, "command", "NUL");
	f->req.command = fine;
	f->req.shell = nul;
	refused(f, "shell", "NUL");
	f->req.shell.len = 0;
	f->req.cwd = nul;
	refused(f, "cwd", "NUL");
	f->req.cwd.len = 0;
	var.name = message_str("NAME");
	var.value = nul;
	f->req.env = vars;
	f->req.n_env = 1;
	refused(f, "env", "NUL");
	refused(f, "env", "NAME");
	f->req.n_env = 0;
	f->req.base_env = vars;
	f->req.n_base_env = 1;
	refused(f, "base_env", "NUL");
	f->req.n_base_env = 0;
	f->req.command.len = 0;
	f->req.argv = argv;
	f->req.n_argv = 2;
	refused(f, "argv", "NUL");
}

static void
sizes_are_bounded_and_the_bound_itself_is_allowed(void **state)
{
	struct fixture *f = *state;
	size_t most = 1024 * 1024, argument = 128 * 1024 - 1;
	ProtobufCBinaryData argv[2] = { bytes("x") };
	char *big = malloc(most + 1);

	assert_non_null(big);
	memset(big, 'x', most + 1);
	f->req.command = message_bytes(big, most);
	accepted(f);
	assert_int_equal(strlen(f->start.spec.command), most);
	f->req.command.len = most + 1;
	refused(f, "command", "put it into a file");
	f->req.command.len = 0;
	f->req.argv = argv;
	f->req.n_argv = 2;
	argv[1] = message_bytes(big, argument);
	accepted(f);
	argv[1].len++;
	refused(f, "argv", "argv[1] has 131072 bytes");
	free(big);
}

static void
a_folder_to_run_in_must_be_one(void **state)
{
	struct fixture *f = *state;
	char dir[64], path[PATH_MAX + 100];
	FILE *file;

	(void)test_dir(dir, sizeof dir);
	f->req.cwd = bytes(dir);
	accepted(f);
	assert_string_equal(f->start.spec.cwd, dir);
	(void)snprintf(path, sizeof path, "%s/file", dir);
	file = fopen(path, "we");
	assert_non_null(file);
	(void)fclose(file);
	f->req.cwd = bytes(path);
	refused(f, "cwd", "is not a folder");
	(void)snprintf(path, sizeof path, "%s/none", dir);
	f->req.cwd = bytes(path);
	refused(f, "cwd", "No such file or directory");
	(void)snprintf(path, sizeof path, "%s/file/x", dir);
	f->req.cwd = bytes(path);
	refused(f, "cwd", "Not a directory");
	f->req.cwd = bytes("tmp");
	refused(f, "cwd", "not an absolute path");
	f->req.cwd = bytes("./");
	refused(f, "cwd", "not an absolute path");
	memset(path, 'x', sizeof path);
	path[0] = '/';
	f->req.cwd = message_bytes(path, sizeof path);
	refused(f, "cwd", "File name too long");
	assert_int_equal(test_dir_remove(dir), 0);
}

static void
without_a_folder_it_is_home_or_the_root(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(setenv("HOME", "/usr", 1), 0);
	accepted(f);
	assert_string_equal(f->start.spec.cwd, "/usr");
	assert_int_equal(setenv("HOME", "/nowhere/at/all", 1), 0);
	accepted(f);
	assert_string_equal(f->start.spec.cwd, "/");
	assert_int_equal(setenv("HOME", "usr", 1), 0);
	accepted(f);
	assert_string_equal(f->start.spec.cwd, "/");
	assert_int_equal(unsetenv("HOME"), 0);
	accepted(f);
	assert_string_equal(f->start.spec.cwd, "/");
}

static void
the_shell_is_an_absolute_path(void **state)
{
	struct fixture *f = *state;

	f->req.shell = bytes("bash");
	refused(f, "shell", "'bash' is not an absolute path");
	f->req.shell = bytes("/bin/bash");
	accepted(f);
	assert_string_equal(f->start.spec.shell, "/bin/bash");
}

static void
a_variable_has_a_name_without_an_equals_sign(void **state)
{
	static const char *const bad[] = { "", "A=B", "=", "A=" };
	struct fixture *f = *state;
	Jobwire__V1__EnvVar var = JOBWIRE__V1__ENV_VAR__INIT, *vars[] = { &var };
	size_t i;

	var.value = bytes("a=b\nc \xff");
	f->req.env = vars;
	f->req.n_env = 1;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		var.name = message_str(bad[i]);
		refused(f, "env", "cannot be the name of a variable");
	}
	var.name = message_str("A");
	accepted(f);
	assert_int_equal(f->start.spec.env.n, 1);
	assert_string_equal(f->start.spec.env.v[0], "A=a=b\nc \xff");
	assert_null(f->start.spec.env.v[1]);
	var.value = message_bytes("", 0);
	accepted(f);
	assert_string_equal(f->start.spec.env.v[0], "A=");
}

static void
who_sends_no_environment_gets_a_small_one_and_never_the_engines(void **state)
{
	struct fixture *f = *state;
	Jobwire__V1__EnvVar var = JOBWIRE__V1__ENV_VAR__INIT, *vars[] = { &var };
	size_t i;

	assert_int_equal(setenv("JOBWIRE_TEST_SECRET", "x", 1), 0);
	assert_int_equal(setenv("PATH", "/usr/bin", 1), 0);
	accepted(f);
	assert_true(f->start.spec.base_env.n > 0 && f->start.spec.base_env.n <= 6);
	for (i = 0; i < f->start.spec.base_env.n; i++)
		assert_null(strstr(f->start.spec.base_env.v[i], "SECRET"));
	var.name = message_str("ONLY");
	f->req.base_env = vars;
	f->req.n_base_env = 1;
	accepted(f);
	assert_int_equal(f->start.spec.base_env.n, 1);
	assert_string_equal(f->start.spec.base_env.v[0], "ONLY=");
}

static void
labels_are_few_and_have_keys_of_plain_characters(void **state)
{
	static const char *const bad[] = { "", "a b", "\xc3\xa4", "a=b", "a/b", "k\n" };
	struct fixture *f = *state;
	Jobwire__V1__Label label = JOBWIRE__V1__LABEL__INIT, *labels[33];
	char longest[64], value[257];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(labels); i++)
		labels[i] = &label;
	f->req.labels = labels;
	f->req.n_labels = 1;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		label.key = message_str(bad[i]);
		refused(f, "labels", "is not made of");
	}
	memset(longest, 'k', sizeof longest);
	longest[63] = '\0';
	memset(value, 'v', sizeof value);
	value[255] = '\0';
	label.key = longest;
	label.value = value;
	f->req.n_labels = 32;
	accepted(f);
	assert_int_equal(f->start.n_labels, 32);
	assert_string_equal(f->start.labels[31].key, longest);
	f->req.n_labels = 33;
	refused(f, "labels", "33; at most 32");
	f->req.n_labels = 1;
	value[255] = 'v';
	value[256] = '\0';
	refused(f, "labels", "has 256 bytes");
	value[255] = '\0';
	label.key = message_str("0123456789012345678901234567890123456789012345678901234567890123");
	refused(f, "labels", "is not made of");
}

static void
names_and_groups_are_bounded(void **state)
{
	struct fixture *f = *state;
	char name[130], group[66];

	memset(name, 'n', sizeof name);
	memset(group, 'g', sizeof group);
	name[128] = group[64] = '\0';
	f->req.name = name;
	f->req.group = group;
	f->req.group_limit = 3;
	accepted(f);
	assert_string_equal(f->start.name, name);
	assert_string_equal(f->start.group, group);
	assert_int_equal(f->start.group_limit, 3);
	name[128] = 'n';
	name[129] = '\0';
	refused(f, "name", "129 bytes; at most 128");
	name[1] = '\0';
	group[64] = 'g';
	group[65] = '\0';
	refused(f, "group", "65 bytes; at most 64");
}

static void
a_session_lifetime_needs_a_session(void **state)
{
	struct fixture *f = *state;

	f->req.lifetime = JOBWIRE__V1__LIFETIME__LIFETIME_SESSION;
	refused(f, "lifetime", "needs a session");
	f->call.env.session = "mcp-1";
	accepted(f);
	assert_true(f->start.ends_with_session);
	assert_string_equal(f->start.session, "mcp-1");
}

static void
numbers_keep_to_their_bounds(void **state)
{
	const uint64_t years = (uint64_t)10 * 365 * 86400 * 1000;
	struct fixture *f = *state;

	f->req.grace_case = JOBWIRE__V1__START_REQUEST__GRACE_GRACE_MS;
	f->req.linger_case = JOBWIRE__V1__START_REQUEST__LINGER_LINGER_MS;
	f->req.mask_case = JOBWIRE__V1__START_REQUEST__MASK_UMASK;
#define BOUND(member, most)                                 \
	do {                                                \
		f->req.member = (most);                     \
		accepted(f);                                \
		f->req.member = (most) + 1;                 \
		refused(f, #member, "is more than " #most); \
		f->req.member = 0;                          \
	} while (0)
	BOUND(pty_columns, 10000);
	BOUND(pty_rows, 10000);
	BOUND(timeout_ms, 315360000000);
	BOUND(idle_timeout_ms, 315360000000);
	BOUND(linger_ms, 315360000000);
	BOUND(grace_ms, 86400000);
	BOUND(umask, 511);
#undef BOUND
	assert_int_equal(years, 315360000000);
	f->req.timeout_ms = UINT64_MAX;
	refused(f, "timeout_ms", "18446744073709551615");
	f->req.timeout_ms = 0;
	f->req.max_output_bytes = 4095;
	refused(f, "max_output_bytes", "4095 is less than 4096");
	f->req.max_output_bytes = 4096;
	accepted(f);
	assert_int_equal(f->start.spec.cap_bytes, 4096);
	/* Given as 0 is given. */
	assert_true(f->start.spec.has_linger && f->start.spec.has_umask);
	assert_int_equal(f->start.spec.grace_ms, 0);
}

static void
choices_are_those_of_the_protocol(void **state)
{
	struct fixture *f = *state;

#define CHOICE(member, type, most)                                  \
	do {                                                        \
		f->req.member = (type)(most);                       \
		accepted(f);                                        \
		f->req.member = (type)((most) + 1);                 \
		refused(f, #member, "is not between 0 and " #most); \
		f->req.member = (type)-1;                           \
		refused(f, #member, "-1");                          \
		f->req.member = (type)0;                            \
	} while (0)
	f->call.env.session = "s";
	CHOICE(stdin_mode, Jobwire__V1__StdinMode, 3);
	CHOICE(cap_policy, Jobwire__V1__CapPolicy, 4);
	CHOICE(when_full, Jobwire__V1__WhenFull, 2);
	CHOICE(lifetime, Jobwire__V1__Lifetime, 2);
#undef CHOICE
}

static void
limits_are_named_as_in_the_shell_and_soft_is_not_above_hard(void **state)
{
	static const char *const names[] = { "as",      "core",  "cpu", "data",  "fsize",
					     "memlock", "nproc", "rss", "stack", "nofile" };
	struct fixture *f = *state;
	Jobwire__V1__ResourceLimit limit = JOBWIRE__V1__RESOURCE_LIMIT__INIT, *limits[17];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++)
		limits[i] = &limit;
	f->req.limits = limits;
	f->req.n_limits = 1;
	limit.soft = 10;
	limit.hard = 20;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		limit.name = message_str(names[i]);
		accepted(f);
		assert_int_equal(f->start.spec.limits[0].soft, 10);
		assert_int_equal(f->start.spec.limits[0].hard, 20);
		/* The engine's own, unless the caller says one. */
		assert_int_equal(f->start.spec.n_limits, i + 1 == ARRAY_SIZE(names) ? 1 : 2);
	}
	limit.hard = 9;
	refused(f, "limits", "the soft limit 10 is above the hard limit 9");
	limit.hard = 10;
	limit.name = message_str("files");
	refused(f, "limits", "'files' is none of");
	limit.name = message_str("");
	refused(f, "limits", "is none of");
	limit.name = message_str("core");
	f->req.n_limits = 16;
	accepted(f);
	f->req.n_limits = 17;
	refused(f, "limits", "more than 16");
}

static void
lack_of_memory_fails_the_request_alone(void **state)
{
	struct fixture *f = *state;
	struct err err;
	size_t budget;
	int rc = -1;

	for (budget = 0; rc < 0; budget += 64) {
		assert_true(budget < 100000);
		arena_fini(&f->call.arena);
		arena_init(&f->call.arena, budget);
		memset(&err, 0, sizeof err);
		rc = start_request_read(&f->call, &f->start, &err);
		if (rc < 0)
			assert_int_equal(rc, ERR_RESOURCE_EXHAUSTED);
	}
	assert_true(budget > 64);
}

#define unit_test_of_request(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		unit_test_of_request(a_plain_command_takes_the_defaults),
		unit_test_of_request(what_to_run_is_said_once),
		unit_test_of_request(a_command_of_nothing_but_blanks_is_empty),
		unit_test_of_request(an_empty_program_is_refused),
		unit_test_of_request(a_nul_byte_is_refused_wherever_bytes_are_taken),
		unit_test_of_request(sizes_are_bounded_and_the_bound_itself_is_allowed),
		unit_test_of_request(a_folder_to_run_in_must_be_one),
		unit_test_of_request(without_a_folder_it_is_home_or_the_root),
		unit_test_of_request(the_shell_is_an_absolute_path),
		unit_test_of_request(a_variable_has_a_name_without_an_equals_sign),
		unit_test_of_request(
			who_sends_no_environment_gets_a_small_one_and_never_the_engines),
		unit_test_of_request(labels_are_few_and_have_keys_of_plain_characters),
		unit_test_of_request(names_and_groups_are_bounded),
		unit_test_of_request(a_session_lifetime_needs_a_session),
		unit_test_of_request(numbers_keep_to_their_bounds),
		unit_test_of_request(choices_are_those_of_the_protocol),
		unit_test_of_request(limits_are_named_as_in_the_shell_and_soft_is_not_above_hard),
		unit_test_of_request(lack_of_memory_fails_the_request_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
