/* SPDX-License-Identifier: MIT */
#include "filled.h"
#include "test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "jobdir/spec.h"
#include "jobdir/tlv.h"

#define ID "01234567-89ab-4cde-8f01-23456789abcd"

/* Tags as they lie on disk: a number that changes makes old folders unreadable. */
enum { TAG_ID = 1, TAG_ARG = 2, TAG_COMMAND = 3, TAG_CWD = 6, TAG_ENV = 7, TAG_STDIN = 9 };
enum { TAG_CAP = 15, TAG_LIMIT = 21 };

static const char *const args[] = { "/bin/echo", "", "a b", "\xff\xfe", "-n" };

static struct strings
strings(const char *const *v, size_t n)
{
	return (struct strings){ (const char **)(uintptr_t)v, n };
}

/* The least that a holder could obey. */
static struct spec
small_spec(void)
{
	return (struct spec){ .id = ID,
			      .argv = strings(args, 1),
			      .cwd = "/",
			      .stdin_mode = SPEC_STDIN_NULL,
			      .cap = SPEC_CAP_DROP };
}

static void
encode(struct buf *b, const struct spec *spec, bool with_base_env)
{
	buf_init(b, (size_t)8 << 20);
	assert_int_equal(spec_encode(b, spec, with_base_env), 0);
}

static int
decode(struct arena *a, const struct buf *b, struct spec *ret)
{
	arena_init(a, (size_t)16 << 20);
	return spec_decode(a, buf_head(b), b->len, ret);
}

static void
assert_same_strings(const struct strings *a, const struct strings *b)
{
	size_t i;

	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++)
		assert_string_equal(a->v[i], b->v[i]);
	assert_null(b->v[b->n]); /* as execve(2) wants it */
}

/* Every member, with values of its own. */
static void
fill_spec(struct spec *spec, enum fill how)
{
	static const char *const env[] = { "A=1", "EMPTY=", "B=x=y" };
	static const char *const base[] = { "PATH=/bin", "HOME=/" };
	size_t i;

	fill(spec, sizeof *spec, how);
	memcpy(spec->id, ID, sizeof spec->id);
	spec->argv = strings(NULL, 0);
	spec->command = "echo hello";
	spec->shell = "/bin/sh";
	spec->cwd = "/tmp";
	spec->env = strings(env, ARRAY_SIZE(env));
	spec->base_env = strings(base, ARRAY_SIZE(base));
	spec->stdin_mode = SPEC_STDIN_PTY;
	spec->cap = SPEC_CAP_BLOCK;
	spec->in_file = spec->has_linger = spec->has_umask = spec->power_safe = how != FILL_ZEROS;
	spec->n_limits = SPEC_LIMITS_MAX;
	for (i = 0; i < SPEC_LIMITS_MAX; i++)
		clear_padding(&spec->limits[i]);
	clear_padding(spec);
	/* gcc 12 forgets what lies behind the last member of a struct with an array of structs. */
	i = offsetof(struct spec, power_safe) + sizeof spec->power_safe;
	memset((char *)spec + i, 0, sizeof *spec - i);
}

static void
every_member_survives(void **state)
{
	struct spec in, out;
	struct arena a;
	struct buf b;
	int how;

	(void)state;
	for (how = 0; how < FILL_COUNT; how++) {
		fill_spec(&in, (enum fill)how);
		encode(&b, &in, true);
		assert_int_equal(decode(&a, &b, &out), 0);
		assert_string_equal(out.command, in.command);
		assert_string_equal(out.shell, in.shell);
		assert_string_equal(out.cwd, in.cwd);
		assert_same_strings(&in.argv, &out.argv);
		assert_same_strings(&in.env, &out.env);
		assert_same_strings(&in.base_env, &out.base_env);
		/* What was just compared points elsewhere; all else is the same. */
		out.argv = in.argv, out.env = in.env, out.base_env = in.base_env;
		out.command = in.command, out.shell = in.shell, out.cwd = in.cwd;
		assert_same_bytes(&in, &out, sizeof in);
		arena_fini(&a);
		buf_fini(&b);
	}
}

static void
limits_keep_their_order_and_their_ends(void **state)
{
	struct spec in = small_spec(), out;
	struct arena a;
	struct buf b;

	(void)state;
	in.n_limits = 2;
	in.limits[0] = (struct spec_limit){ 7, 1024, UINT64_MAX };
	in.limits[1] = (struct spec_limit){ 0, 0, 5 };
	encode(&b, &in, false);
	assert_int_equal(decode(&a, &b, &out), 0);
	assert_int_equal(out.n_limits, 2);
	assert_int_equal(out.limits[0].resource, 7);
	assert_true(out.limits[0].soft == 1024 && out.limits[0].hard == UINT64_MAX);
	assert_int_equal(out.limits[1].resource, 0);
	assert_true(out.limits[1].soft == 0 && out.limits[1].hard == 5);
	arena_fini(&a);
	buf_fini(&b);
}

static void
the_callers_environment_goes_along_only_when_asked_for(void **state)
{
	struct spec in, out;
	struct arena a;
	struct buf b;

	(void)state;
	fill_spec(&in, FILL_DISTINCT);
	encode(&b, &in, false);
	assert_null(memmem(buf_head(&b), b.len, "PATH=", 5));
	assert_int_equal(decode(&a, &b, &out), 0);
	assert_int_equal(out.base_env.n, 0);
	assert_null(out.base_env.v[0]);
	assert_int_equal(out.env.n, 3);
	arena_fini(&a);
	buf_fini(&b);
}

static void
lists_of_any_length_survive(void **state)
{
	static const size_t lengths[] = { 0, 1, 5, 5000 };
	static char text[5000][16];
	static const char *list[5000];
	struct spec in = small_spec(), out;
	struct arena a;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		(void)snprintf(text[i], sizeof text[i], "V%zu=%zu", i, i * i);
		list[i] = text[i];
	}
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		in.env = in.base_env = in.argv = strings(list, lengths[i]);
		if (lengths[i] == 0)
			in.command = "true", in.shell = "/bin/sh";
		else
			in.command = in.shell = NULL;
		encode(&b, &in, true);
		assert_int_equal(decode(&a, &b, &out), 0);
		assert_same_strings(&in.argv, &out.argv);
		assert_same_strings(&in.env, &out.env);
		assert_same_strings(&in.base_env, &out.base_env);
		arena_fini(&a);
		buf_fini(&b);
	}
}

static void
odd_strings_survive(void **state)
{
	struct spec in = small_spec(), out;
	struct arena a;
	struct buf b;

	(void)state;
	in.argv = strings(args, ARRAY_SIZE(args));
	in.cwd = "";
	encode(&b, &in, false);
	assert_int_equal(decode(&a, &b, &out), 0);
	assert_same_strings(&in.argv, &out.argv);
	assert_string_equal(out.cwd, "");
	assert_null(out.command);
	assert_null(out.shell);
	arena_fini(&a);
	buf_fini(&b);
}

static void
a_command_of_two_mebibytes_survives(void **state)
{
	const size_t len = (size_t)2 << 20;
	struct spec in = small_spec(), out;
	char *command = malloc(len + 1);
	struct arena a;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < len; i++)
		command[i] = (char)(1 + i % 255);
	command[len] = '\0';
	in.argv = strings(NULL, 0);
	in.command = command;
	in.shell = "/bin/sh";
	encode(&b, &in, false);
	assert_int_equal(decode(&a, &b, &out), 0);
	assert_int_equal(strlen(out.command), len);
	assert_memory_equal(out.command, command, len);
	arena_fini(&a);
	buf_fini(&b);
	free(command);
}

static void
no_memory_is_said_and_is_no_bad_message(void **state)
{
	struct spec in, out;
	size_t budget;
	struct arena a;
	struct buf b;
	int rc = -1;

	(void)state;
	fill_spec(&in, FILL_DISTINCT);
	encode(&b, &in, true);
	for (budget = 0; rc != 0 && budget < 4096; budget += 16) {
		arena_init(&a, budget);
		rc = spec_decode(&a, buf_head(&b), b.len, &out);
		assert_true(rc == 0 || rc == -ENOMEM);
		arena_fini(&a);
	}
	assert_int_equal(rc, 0);
	assert_true(budget > 64);
	buf_fini(&b);
}

static void
a_nul_in_a_string_is_refused(void **state)
{
	static const unsigned tags[] = { TAG_ARG, TAG_COMMAND, 4, TAG_CWD, TAG_ENV, 8 };
	const struct spec in = small_spec();
	struct spec out;
	struct arena a;
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(tags); i++) {
		encode(&b, &in, false);
		assert_int_equal(tlv_put_bytes(&b, tags[i], "a\0b", 3), 0);
		assert_int_equal(decode(&a, &b, &out), -EBADMSG);
		arena_fini(&a);
		buf_fini(&b);
	}
}

static void
fields_of_a_newer_program_are_skipped(void **state)
{
	const struct spec in = small_spec();
	struct spec out;
	struct arena a;
	struct buf b;

	(void)state;
	encode(&b, &in, false);
	assert_int_equal(tlv_put_bytes(&b, 23, "a\0b", 3), 0);
	assert_int_equal(tlv_put_u64(&b, 65535, 1), 0);
	assert_int_equal(decode(&a, &b, &out), 0);
	assert_string_equal(out.id, ID);
	assert_string_equal(out.argv.v[0], args[0]);
	arena_fini(&a);
	buf_fini(&b);
}

static void
a_cut_is_refused_wherever_it_falls(void **state)
{
	struct spec in = small_spec(), out;
	struct arena a;
	struct buf b;
	size_t cut;

	(void)state;
	encode(&b, &in, false); /* the cap comes last and may not be missing */
	for (cut = 0; cut < b.len; cut++) {
		struct buf part = { .data = b.data, .len = cut };

		assert_int_equal(decode(&a, &part, &out), -EBADMSG);
		arena_fini(&a);
	}
	buf_fini(&b);
}

/* One thing about a whole spec that makes it one that no holder could obey. */
#define FAULT(name, ...)                                      \
	static void name(struct spec *spec, struct buf *more) \
	{                                                     \
		(void)spec, (void)more;                       \
		__VA_ARGS__;                                  \
	}
#define MORE(...) assert_int_equal(__VA_ARGS__, 0)

FAULT(nothing_wrong, (void)0)
FAULT(no_id, spec->id[0] = '\0')
FAULT(id_with_a_slash, spec->id[9] = '/')
FAULT(id_in_upper_case, spec->id[10] = 'A')
FAULT(nothing_to_run, spec->argv.n = 0)
FAULT(two_things_to_run, spec->command = "true"; spec->shell = "/bin/sh")
FAULT(command_without_shell, spec->argv.n = 0; spec->command = "true")
FAULT(file_without_shell, spec->argv.n = 0; spec->in_file = true)
FAULT(no_stdin_mode, spec->stdin_mode = (enum spec_stdin)0)
FAULT(unknown_stdin_mode, spec->stdin_mode = (enum spec_stdin)4)
FAULT(no_cap_mode, spec->cap = (enum spec_cap)0)
FAULT(unknown_cap_mode, spec->cap = (enum spec_cap)5)
FAULT(short_id, MORE(tlv_put_bytes(more, TAG_ID, ID, 35)))
FAULT(long_id, MORE(tlv_put_bytes(more, TAG_ID, ID "0", 37)))
FAULT(short_limit, MORE(tlv_put_bytes(more, TAG_LIMIT, ID, 19)))
FAULT(long_limit, MORE(tlv_put_bytes(more, TAG_LIMIT, ID, 21)))
FAULT(one_limit_too_many, spec->n_limits = SPEC_LIMITS_MAX;
      MORE(tlv_put_bytes(more, TAG_LIMIT, ID, 20)))
FAULT(bytes_behind_the_last_field, MORE(buf_add(more, "x", 1)))

static void
what_no_holder_could_obey_is_refused(void **state)
{
	static void (*const faults[])(struct spec *, struct buf *) = {
		nothing_wrong,
		no_id,
		id_with_a_slash,
		id_in_upper_case,
		nothing_to_run,
		two_things_to_run,
		command_without_shell,
		file_without_shell,
		no_stdin_mode,
		unknown_stdin_mode,
		no_cap_mode,
		unknown_cap_mode,
		short_id,
		long_id,
		short_limit,
		long_limit,
		one_limit_too_many,
		bytes_behind_the_last_field,
	};
	struct buf b, more;
	struct arena a;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		struct spec in = small_spec(), out;

		buf_init(&more, 65536);
		faults[i](&in, &more);
		encode(&b, &in, false);
		assert_int_equal(buf_add(&b, buf_head(&more), more.len), 0);
		assert_int_equal(decode(&a, &b, &out), i == 0 ? 0 : -EBADMSG);
		arena_fini(&a);
		buf_fini(&more);
		buf_fini(&b);
	}
}

static void
no_folder_to_run_in_is_refused(void **state)
{
	struct spec in = small_spec(), out;
	struct tlv_field f;
	struct buf b, part;
	struct arena a;
	struct tlv t;

	(void)state;
	encode(&b, &in, false);
	buf_init(&part, 65536);
	t = (struct tlv){ buf_head(&b), b.len };
	while (tlv_next(&t, &f) > 0)
		if (f.tag != TAG_CWD)
			MORE(tlv_put_bytes(&part, f.tag, f.bytes, f.len));
	assert_int_equal(decode(&a, &part, &out), -EBADMSG);
	arena_fini(&a);
	buf_fini(&part);
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_survives),
		cmocka_unit_test(limits_keep_their_order_and_their_ends),
		cmocka_unit_test(the_callers_environment_goes_along_only_when_asked_for),
		cmocka_unit_test(lists_of_any_length_survive),
		cmocka_unit_test(odd_strings_survive),
		cmocka_unit_test(a_command_of_two_mebibytes_survives),
		cmocka_unit_test(no_memory_is_said_and_is_no_bad_message),
		cmocka_unit_test(a_nul_in_a_string_is_refused),
		cmocka_unit_test(fields_of_a_newer_program_are_skipped),
		cmocka_unit_test(a_cut_is_refused_wherever_it_falls),
		cmocka_unit_test(what_no_holder_could_obey_is_refused),
		cmocka_unit_test(no_folder_to_run_in_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
