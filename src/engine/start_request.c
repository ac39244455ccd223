/* SPDX-License-Identifier: MIT */
#include "engine/start_request.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "engine/call.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "wire/message.h"

#define COMMAND_MAX     ((size_t)1024 * 1024)
#define ARGUMENT_MAX    ((size_t)128 * 1024 - 1)
#define NAME_MAX_LEN    128
#define GROUP_MAX       64
#define LABELS_MAX      32
#define LABEL_KEY_MAX   63
#define LABEL_VALUE_MAX 255
#define TIMEOUT_MAX     ((uint64_t)10 * 365 * 86400 * 1000) /* ten years */
#define GRACE_MAX       ((uint64_t)86400 * 1000)
#define CAP_MIN         ((uint64_t)4096)
#define DEFAULT_SHELL   "/bin/sh"

typedef Jobwire__V1__StartRequest request;

static int
no_memory(struct err *err)
{
	return err_sys(err, ENOMEM, "start");
}

/* Bytes of the request as a string of ours: no NUL inside. */
static int
take_bytes(struct call *call, const ProtobufCBinaryData *b, const char *field, const char **ret,
	   struct err *err)
{
	if (b->len && memchr(b->data, '\0', b->len))
		return err_field(err, ERR_INVALID_ARGUMENT, field, "%s contains a NUL byte", field);
	*ret = arena_copy(&call->arena, b->data, b->len);
	return *ret ? 0 : no_memory(err);
}

static int
take_argv(struct call *call, const request *req, struct spec *spec, struct err *err)
{
	size_t i;
	int rc = 0;

	spec->argv.v = arena_alloc(&call->arena, (req->n_argv + 1) * sizeof *spec->argv.v);
	if (!spec->argv.v)
		return no_memory(err);
	for (i = 0; i < req->n_argv && rc == 0; i++) {
		if (req->argv[i].len > ARGUMENT_MAX)
			return err_field(
				err, ERR_INVALID_ARGUMENT, "argv",
				"argv[%zu] has %zu bytes; the kernel takes at most %zu in one "
				"argument",
				i, req->argv[i].len, ARGUMENT_MAX);
		rc = take_bytes(call, &req->argv[i], "argv", &spec->argv.v[i], err);
	}
	spec->argv.v[i] = NULL;
	spec->argv.n = req->n_argv;
	if (rc == 0 && !*spec->argv.v[0])
		rc = err_field(err, ERR_INVALID_ARGUMENT, "argv", "argv[0], the program, is empty");
	return rc;
}

static int
take_command(struct call *call, const request *req, struct spec *spec, struct err *err)
{
	int rc;

	if (req->command.len > COMMAND_MAX)
		return err_field(
			err, ERR_INVALID_ARGUMENT, "command",
			"command has %zu bytes; at most %zu are taken: put it into a file and "
			"run that",
			req->command.len, COMMAND_MAX);
	rc = take_bytes(call, &req->command, "command", &spec->command, err);
	if (rc < 0)
		return rc;
	if (spec->command[strspn(spec->command, " \t\r\n")] == '\0')
		return err_field(err, ERR_INVALID_ARGUMENT, "command", "command is empty");
	spec->shell = DEFAULT_SHELL;
	if (req->shell.len)
		rc = take_bytes(call, &req->shell, "shell", &spec->shell, err);
	if (rc == 0 && *spec->shell != '/')
		rc = err_field(err, ERR_INVALID_ARGUMENT, "shell",
			       "shell '%.100s' is not an absolute path", spec->shell);
	return rc;
}

static int
take_what(struct call *call, const request *req, struct spec *spec, struct err *err)
{
	if (req->n_argv && req->command.len)
		return err_field(err, ERR_INVALID_ARGUMENT, "argv",
				 "argv and command are both given; one says what to run");
	if (req->n_argv)
		return take_argv(call, req, spec, err);
	if (req->command.len)
		return take_command(call, req, spec, err);
	return err_field(err, ERR_INVALID_ARGUMENT, "command",
			 "command is empty: neither argv nor command says what to run");
}

static const char *
default_cwd(void)
{
	const char *home = getenv("HOME");
	struct stat st;

	if (home && *home == '/' && stat(home, &st) == 0 && S_ISDIR(st.st_mode) &&
	    access(home, X_OK) == 0)
		return home;
	return "/";
}

static int
take_cwd(struct call *call, const request *req, struct spec *spec, struct err *err)
{
	struct stat st;
	int rc;

	spec->cwd = default_cwd();
	if (req->cwd.len == 0)
		return 0;
	rc = take_bytes(call, &req->cwd, "cwd", &spec->cwd, err);
	if (rc < 0)
		return rc;
	if (*spec->cwd != '/')
		return err_field(err, ERR_INVALID_ARGUMENT, "cwd",
				 "cwd '%.200s' is not an absolute path", spec->cwd);
	if (stat(spec->cwd, &st) < 0)
		return err_field(err, ERR_INVALID_ARGUMENT, "cwd", "cwd %.200s: %s", spec->cwd,
				 err_errno_text(errno));
	if (!S_ISDIR(st.st_mode))
		return err_field(err, ERR_INVALID_ARGUMENT, "cwd", "cwd %.200s is not a folder",
				 spec->cwd);
	if (access(spec->cwd, X_OK) < 0)
		return err_field(err, ERR_INVALID_ARGUMENT, "cwd", "cwd %.200s: %s", spec->cwd,
				 err_errno_text(errno));
	return 0;
}

static int
take_env(struct call *call, Jobwire__V1__EnvVar *const *vars, size_t n, const char *field,
	 struct strings *ret, struct err *err)
{
	size_t i;

	ret->v = arena_alloc(&call->arena, (n + 1) * sizeof *ret->v);
	if (!ret->v)
		return no_memory(err);
	for (i = 0; i < n; i++) {
		if (!*vars[i]->name || strchr(vars[i]->name, '='))
			return err_field(
				err, ERR_INVALID_ARGUMENT, field,
				"%s: '%.64s' cannot be the name of a variable: it is empty or "
				"contains '='",
				field, vars[i]->name);
		if (vars[i]->value.len && memchr(vars[i]->value.data, '\0', vars[i]->value.len))
			return err_field(err, ERR_INVALID_ARGUMENT, field,
					 "%s: the value of %.64s contains a NUL byte", field,
					 vars[i]->name);
		ret->v[i] = arena_printf(
			&call->arena, "%s=%.*s", vars[i]->name, (int)vars[i]->value.len,
			vars[i]->value.len ? (const char *)vars[i]->value.data : "");
		if (!ret->v[i])
			return no_memory(err);
	}
	ret->v[n] = NULL;
	ret->n = n;
	return 0;
}

/* For callers that send no environment: what a login would at least have. */
static int
minimal_env(struct call *call, struct strings *ret, struct err *err)
{
	static const char *const names[] = { "HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG" };
	const char *value;
	size_t i;

	ret->v = arena_alloc(&call->arena, (ARRAY_SIZE(names) + 1) * sizeof *ret->v);
	if (!ret->v)
		return no_memory(err);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		value = getenv(names[i]);
		if (!value)
			continue;
		ret->v[ret->n] = arena_printf(&call->arena, "%s=%s", names[i], value);
		if (!ret->v[ret->n++])
			return no_memory(err);
	}
	ret->v[ret->n] = NULL;
	return 0;
}

static const struct {
	const char *name;
	uint32_t resource;
} resources[] = {
	{ "as", RLIMIT_AS },         { "core", RLIMIT_CORE },   { "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },     { "fsize", RLIMIT_FSIZE }, { "memlock", RLIMIT_MEMLOCK },
	{ "nofile", RLIMIT_NOFILE }, { "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS },
	{ "stack", RLIMIT_STACK },
};

static int
take_limit(const Jobwire__V1__ResourceLimit *l, struct spec *spec, struct err *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(resources) && strcmp(resources[i].name, l->name) != 0;)
		i++;
	if (i == ARRAY_SIZE(resources))
		return err_field(err, ERR_INVALID_ARGUMENT, "limits",
				 "limits: '%.32s' is none of as, core, cpu, data, fsize, memlock, "
				 "nofile, nproc, rss and stack",
				 l->name);
	if (l->soft > l->hard)
		return err_field(err, ERR_INVALID_ARGUMENT, "limits",
				 "limits: %s: the soft limit %" PRIu64
				 " is above the hard limit %" PRIu64,
				 l->name, l->soft, l->hard);
	if (spec->n_limits == SPEC_LIMITS_MAX)
		return err_field(err, ERR_INVALID_ARGUMENT, "limits", "limits: more than %d",
				 SPEC_LIMITS_MAX);
	spec->limits[spec->n_limits++] =
		(struct spec_limit){ resources[i].resource, l->soft, l->hard };
	return 0;
}

static int
take_limits(struct call *call, const request *req, struct spec *spec, struct err *err)
{
	struct rlimit now;
	bool has_nofile = false;
	size_t i;
	int rc = 0;

	for (i = 0; i < req->n_limits && rc == 0; i++) {
		has_nofile = has_nofile || strcmp(req->limits[i]->name, "nofile") == 0;
		rc = take_limit(req->limits[i], spec, err);
	}
	/* The engine has raised its own; programs that still use select(2) must not inherit that.
	 */
	if (rc == 0 && !has_nofile && spec->n_limits < SPEC_LIMITS_MAX &&
	    getrlimit(RLIMIT_NOFILE, &now) == 0)
		spec->limits[spec->n_limits++] =
			(struct spec_limit){ RLIMIT_NOFILE, call->eng->original_nofile,
					     now.rlim_max };
	return rc;
}

static int
check_most(uint64_t value, uint64_t most, const char *field, struct err *err)
{
	if (value > most)
		return err_field(err, ERR_INVALID_ARGUMENT, field,
				 "%s: %" PRIu64 " is more than %" PRIu64, field, value, most);
	return 0;
}

static int
check_numbers(const request *req, struct err *err)
{
	int rc;

	if ((rc = convert_choice((int)req->stdin_mode, SPEC_STDIN_PTY, "stdin_mode", err)) < 0 ||
	    (rc = convert_choice((int)req->cap_policy, SPEC_CAP_BLOCK, "cap_policy", err)) < 0 ||
	    (rc = convert_choice((int)req->when_full, 2, "when_full", err)) < 0 ||
	    (rc = convert_choice((int)req->lifetime, 2, "lifetime", err)) < 0 ||
	    (rc = check_most(req->pty_columns, 10000, "pty_columns", err)) < 0 ||
	    (rc = check_most(req->pty_rows, 10000, "pty_rows", err)) < 0 ||
	    (rc = check_most(req->timeout_ms, TIMEOUT_MAX, "timeout_ms", err)) < 0 ||
	    (rc = check_most(req->idle_timeout_ms, TIMEOUT_MAX, "idle_timeout_ms", err)) < 0)
		return rc;
	if (req->grace_case == JOBWIRE__V1__START_REQUEST__GRACE_GRACE_MS &&
	    (rc = check_most(req->grace_ms, GRACE_MAX, "grace_ms", err)) < 0)
		return rc;
	if (req->linger_case == JOBWIRE__V1__START_REQUEST__LINGER_LINGER_MS &&
	    (rc = check_most(req->linger_ms, TIMEOUT_MAX, "linger_ms", err)) < 0)
		return rc;
	if (req->mask_case == JOBWIRE__V1__START_REQUEST__MASK_UMASK &&
	    (rc = check_most(req->umask, 0777, "umask", err)) < 0)
		return rc;
	if (req->max_output_bytes && req->max_output_bytes < CAP_MIN)
		return err_field(err, ERR_INVALID_ARGUMENT, "max_output_bytes",
				 "max_output_bytes: %" PRIu64 " is less than %" PRIu64,
				 req->max_output_bytes, CAP_MIN);
	return 0;
}

static int
take_numbers(struct call *call, const request *req, struct spec *spec, struct err *err)
{
	const struct settings *s = &call->eng->settings;
	int rc = check_numbers(req, err);

	if (rc < 0)
		return rc;
	spec->stdin_mode = req->stdin_mode ? (enum spec_stdin)req->stdin_mode : SPEC_STDIN_NULL;
	spec->cap = req->cap_policy ? (enum spec_cap)req->cap_policy : SPEC_CAP_DROP;
	spec->cap_bytes =
		req->max_output_bytes ? req->max_output_bytes : (uint64_t)s->max_output_size;
	spec->pty_columns = (uint16_t)req->pty_columns;
	spec->pty_rows = (uint16_t)req->pty_rows;
	spec->timeout_ms = req->timeout_ms;
	spec->idle_timeout_ms = req->idle_timeout_ms;
	spec->grace_ms = req->grace_case == JOBWIRE__V1__START_REQUEST__GRACE_GRACE_MS
				 ? req->grace_ms
				 : (uint64_t)s->grace;
	spec->has_linger = req->linger_case == JOBWIRE__V1__START_REQUEST__LINGER_LINGER_MS;
	spec->linger_ms = spec->has_linger ? req->linger_ms : 0;
	spec->has_umask = req->mask_case == JOBWIRE__V1__START_REQUEST__MASK_UMASK;
	spec->umask = spec->has_umask ? req->umask : 0;
	spec->power_safe = req->power_safe;
	return 0;
}

static bool
is_label_key(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n <= LABEL_KEY_MAX && s[n] == '\0';
}

static int
take_labels(struct call *call, const request *req, struct job_start *start, struct err *err)
{
	struct store_label *labels = arena_alloc(&call->arena, LABELS_MAX * sizeof *labels);
	size_t i;

	if (!labels)
		return no_memory(err);
	if (req->n_labels > LABELS_MAX)
		return err_field(err, ERR_INVALID_ARGUMENT, "labels", "labels: %zu; at most %d",
				 req->n_labels, LABELS_MAX);
	for (i = 0; i < req->n_labels; i++) {
		if (!is_label_key(req->labels[i]->key))
			return err_field(
				err, ERR_INVALID_ARGUMENT, "labels",
				"labels: key '%.64s' is not made of 1 to %d of A-Z, a-z, 0-9, "
				"'_', '.' and '-'",
				req->labels[i]->key, LABEL_KEY_MAX);
		if (strlen(req->labels[i]->value) > LABEL_VALUE_MAX)
			return err_field(err, ERR_INVALID_ARGUMENT, "labels",
					 "labels: the value of %s has %zu bytes; at most %d",
					 req->labels[i]->key, strlen(req->labels[i]->value),
					 LABEL_VALUE_MAX);
		labels[i] = (struct store_label){ req->labels[i]->key, req->labels[i]->value };
	}
	start->labels = labels;
	start->n_labels = req->n_labels;
	return 0;
}

static int
take_names(struct call *call, const request *req, struct job_start *start, struct err *err)
{
	if (strlen(req->name) > NAME_MAX_LEN)
		return err_field(err, ERR_INVALID_ARGUMENT, "name",
				 "name has %zu bytes; at most %d", strlen(req->name), NAME_MAX_LEN);
	if (strlen(req->group) > GROUP_MAX)
		return err_field(err, ERR_INVALID_ARGUMENT, "group",
				 "group has %zu bytes; at most %d", strlen(req->group), GROUP_MAX);
	start->name = req->name;
	start->group = req->group;
	start->group_limit = req->group_limit;
	start->reject_when_full = req->when_full == JOBWIRE__V1__WHEN_FULL__WHEN_FULL_REJECT;
	start->session = call->env.session;
	start->ends_with_session = req->lifetime == JOBWIRE__V1__LIFETIME__LIFETIME_SESSION;
	if (start->ends_with_session && !*start->session)
		return err_field(err, ERR_INVALID_ARGUMENT, "lifetime",
				 "lifetime SESSION needs a session in the envelope");
	return take_labels(call, req, start, err);
}

int
start_request_read(struct call *call, struct job_start *ret_start, struct err *err)
{
	const request *req = call->req;
	struct spec *spec = &ret_start->spec;
	int rc;

	memset(ret_start, 0, sizeof *ret_start);
	if ((rc = take_what(call, req, spec, err)) < 0 ||
	    (rc = take_cwd(call, req, spec, err)) < 0 ||
	    (rc = take_env(call, req->env, req->n_env, "env", &spec->env, err)) < 0 ||
	    (rc = take_numbers(call, req, spec, err)) < 0 ||
	    (rc = take_limits(call, req, spec, err)) < 0 ||
	    (rc = take_names(call, req, ret_start, err)) < 0)
		return rc;
	return req->n_base_env ? take_env(call, req->base_env, req->n_base_env, "base_env",
					  &spec->base_env, err)
			       : minimal_env(call, &spec->base_env, err);
}
