/* SPDX-License-Identifier: MIT */
#include "cli/start_options.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/id.h"
#include "base/quantity.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "wire/message.h"

#define SCRIPT_MAX  ((size_t)1024 * 1024) /* as the engine takes it */
#define TEN_YEARS   (INT64_C(10) * 365 * 86400 * 1000)
#define ONE_DAY     (INT64_C(86400) * 1000)
#define AT(member)  offsetof(struct start_options, member)
#define NEVER_FAILS "no memory"

const struct option_spec start_rows[] = {
	ROW_HELP,
	{ .name = "command",
	  .letter = 'c',
	  .type = OPTION_STRING,
	  .offset = AT(command),
	  .arg = "STRING",
	  .help = "a command for the shell" },
	{ .name = "script",
	  .type = OPTION_STRING,
	  .offset = AT(script),
	  .arg = "FILE",
	  .help = "the same, read from a file ('-': stdin): up to 1 MiB" },
	{ .name = "shell",
	  .type = OPTION_STRING,
	  .offset = AT(shell),
	  .arg = "FILE",
	  .help = "the shell of -c and --script (default /bin/sh)" },
	{ .name = "cwd",
	  .letter = 'C',
	  .type = OPTION_STRING,
	  .offset = AT(cwd),
	  .arg = "DIR",
	  .help = "the job's folder (default: this one)" },
	{ .name = "env",
	  .letter = 'e',
	  .type = OPTION_LIST,
	  .offset = AT(env),
	  .arg = "NAME=VALUE",
	  .help = "a variable on top of this environment, recorded with the job; NAME alone "
		  "records this one's; repeatable" },
	{ .name = "name",
	  .type = OPTION_STRING,
	  .offset = AT(name),
	  .arg = "NAME",
	  .help = "for people; need not be unique" },
	{ .name = "label",
	  .type = OPTION_LIST,
	  .offset = AT(labels),
	  .arg = "KEY=VALUE",
	  .help = "to find it by; repeatable" },
	{ .name = "stdin",
	  .type = OPTION_CHOICE,
	  .offset = AT(stdin_mode),
	  .arg = "null|pipe|pty",
	  .help = "what the job reads (run: this stdin; start: null)" },
	{ .name = "timeout",
	  .type = OPTION_DURATION,
	  .offset = AT(timeout_ms),
	  .max = TEN_YEARS,
	  .arg = "TIME",
	  .help = "end it after so long; 0: never" },
	{ .name = "idle-timeout",
	  .type = OPTION_DURATION,
	  .offset = AT(idle_ms),
	  .max = TEN_YEARS,
	  .arg = "TIME",
	  .help = "end it when it has written nothing for so long; 0: never" },
	{ .name = "grace",
	  .type = OPTION_DURATION,
	  .offset = AT(grace_ms),
	  .max = ONE_DAY,
	  .arg = "TIME",
	  .help = "between the first signal of a stop and SIGKILL (default: the engine's, 5s)" },
	{ .name = "max-output",
	  .type = OPTION_SIZE,
	  .offset = AT(max_output),
	  .max = INT64_MAX,
	  .arg = "SIZE",
	  .help = "output that is kept (default: the engine's, 64M)" },
	{ .name = "on-full-output",
	  .type = OPTION_CHOICE,
	  .offset = AT(on_full),
	  .arg = "drop|stop|end|block",
	  .help = "then: drop the oldest, stop storing, end the job, or let it wait for its "
		  "reader (run: block; start: drop)" },
	{ .name = "when-full",
	  .type = OPTION_CHOICE,
	  .offset = AT(when_full),
	  .initial = "queue",
	  .arg = "queue|reject",
	  .help = "when as many jobs run as may" },
	{ .name = "group",
	  .type = OPTION_STRING,
	  .offset = AT(group),
	  .arg = "NAME",
	  .help = "jobs that count together" },
	{ .name = "group-limit",
	  .type = OPTION_INT,
	  .offset = AT(group_limit),
	  .max = UINT32_MAX,
	  .arg = "N",
	  .help = "how many of the group may run; 0: any number" },
	{ .name = "lifetime",
	  .type = OPTION_CHOICE,
	  .offset = AT(lifetime),
	  .initial = "keep",
	  .arg = "keep|session",
	  .help = "session: ended, after a grace, when this client is gone" },
	{ .name = "linger",
	  .type = OPTION_DURATION,
	  .offset = AT(linger_ms),
	  .max = TEN_YEARS,
	  .arg = "TIME",
	  .help = "when the main process has ended, end the others after so long (default: "
		  "never)" },
	{ .name = "ulimit",
	  .type = OPTION_LIST,
	  .offset = AT(limits),
	  .arg = "NAME=SOFT[:HARD]",
	  .help = "a limit as of setrlimit(2): nofile=1024, core=0, as=2G, cpu=unlimited; "
		  "repeatable" },
	{ .name = "key",
	  .type = OPTION_STRING,
	  .offset = AT(key),
	  .arg = "KEY",
	  .help = "started once: the same request with the same key finds the job it made" },
	{ .name = "power-safe",
	  .type = OPTION_FLAG,
	  .offset = AT(power_safe),
	  .help = "its records survive a loss of power; slower" },
	ROW_END,
};

void
start_options_init(void *values)
{
	struct start_options *o = values;

	o->stdin_mode = o->on_full = -1;
	o->grace_ms = o->linger_ms = -1;
}

static void *
take(struct cli *cli, size_t size)
{
	void *p = arena_zalloc(&cli->arena, size);

	if (!p)
		BUG(NEVER_FAILS);
	return p;
}

static ProtobufCBinaryData
bytes_of(const char *s)
{
	return s ? message_bytes(s, strlen(s)) : message_bytes("", 0);
}

/* All of it into memory of the command's; one byte too many is enough to refuse it. */
static int
read_script(struct cli *cli, const char *path, ProtobufCBinaryData *ret, struct err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	unsigned char *text = take(cli, SCRIPT_MAX + 1);
	struct stat st = { .st_size = 0 };
	ssize_t n = fd < 0 ? -errno : fd_read_all(fd, text, SCRIPT_MAX + 1);

	if (n > (ssize_t)SCRIPT_MAX)
		(void)fstat(fd, &st);
	if (!is_stdin)
		fd_close(&fd);
	if (n < 0)
		return err_sys(err, (int)-n, "--script %.200s", path);
	if (n > (ssize_t)SCRIPT_MAX && st.st_size >= n)
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "--script %.200s has %lld bytes; at most %zu are taken: run the "
			       "file itself",
			       path, (long long)st.st_size, SCRIPT_MAX);
	if (n > (ssize_t)SCRIPT_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT,
			       "--script %.200s has more than %zu bytes, the most that is taken",
			       path, SCRIPT_MAX);
	*ret = message_bytes(text, (size_t)n);
	return 0;
}

static int
put_what(struct cli *cli, const struct start_options *o, const struct operands *operands,
	 Jobwire__V1__StartRequest *req, struct err *err)
{
	int said = (operands->n > 0) + (o->command != NULL) + (o->script != NULL);
	size_t i;

	if (said != 1)
		return cli_usage(cli, said ? "one of COMMAND, -c and --script says what to run"
					   : "nothing to run: give COMMAND, -c or --script");
	req->shell = bytes_of(o->shell);
	req->command = bytes_of(o->command);
	if (o->script)
		return read_script(cli, o->script, &req->command, err);
	req->argv = take(cli, (operands->n + 1) * sizeof *req->argv);
	for (i = 0; i < operands->n; i++)
		req->argv[i] = bytes_of(operands->v[i]);
	req->n_argv = operands->n;
	return 0;
}

static int
put_cwd(struct cli *cli, const char *given, Jobwire__V1__StartRequest *req, struct err *err)
{
	char *here = given && *given == '/' ? NULL : getcwd(NULL, 0), *path;

	if (!here && !(given && *given == '/'))
		return err_sys(err, errno, "this folder (give another with --cwd)");
	path = given && *given == '/' ? arena_strdup(&cli->arena, given)
	       : given                ? arena_printf(&cli->arena, "%s/%s", here, given)
				      : arena_strdup(&cli->arena, here);
	free(here);
	if (!path)
		BUG(NEVER_FAILS);
	req->cwd = bytes_of(path);
	return 0;
}

static void
put_var(Jobwire__V1__EnvVar *var, char *name, const char *value)
{
	jobwire__v1__env_var__init(var);
	var->name = name;
	var->value = bytes_of(value);
}

/* What cannot be said in the protocol (no name, or one that is no UTF-8) stays behind. */
static void
put_base_env(struct cli *cli, Jobwire__V1__StartRequest *req)
{
	Jobwire__V1__EnvVar *vars;
	const char *equals;
	size_t i, n = 0;

	while (environ[n])
		n++;
	vars = take(cli, (n + 1) * sizeof *vars);
	req->base_env = take(cli, (n + 1) * sizeof *req->base_env);
	for (i = 0, n = 0; environ[i]; i++) {
		equals = strchr(environ[i], '=');
		if (!equals || equals == environ[i] ||
		    !utf8_is_valid(environ[i], (size_t)(equals - environ[i])))
			continue;
		put_var(&vars[n],
			arena_copy(&cli->arena, environ[i], (size_t)(equals - environ[i])),
			equals + 1);
		req->base_env[n] = &vars[n];
		n++;
	}
	req->n_base_env = n;
}

static int
put_env(struct cli *cli, const struct option_list *list, Jobwire__V1__StartRequest *req)
{
	Jobwire__V1__EnvVar *vars = take(cli, (list->len + 1) * sizeof *vars);
	const char *text, *equals, *value;
	size_t i;

	req->env = take(cli, (list->len + 1) * sizeof *req->env);
	for (i = 0; i < list->len; i++) {
		text = list->values[i];
		equals = strchrnul(text, '=');
		if (equals == text)
			return cli_usage(cli, "--env: '%.60s' has no name in front of '='", text);
		value = *equals ? equals + 1 : getenv(text);
		if (!value)
			return cli_usage(cli,
					 "--env: there is no variable '%.60s' to record; "
					 "NAME=VALUE sets one",
					 text);
		put_var(&vars[i], arena_copy(&cli->arena, text, (size_t)(equals - text)), value);
		req->env[i] = &vars[i];
	}
	req->n_env = list->len;
	return 0;
}

static int
put_labels(struct cli *cli, const struct option_list *list, Jobwire__V1__StartRequest *req)
{
	Jobwire__V1__Label *labels = take(cli, (list->len + 1) * sizeof *labels);
	const char *equals;
	size_t i;

	req->labels = take(cli, (list->len + 1) * sizeof *req->labels);
	for (i = 0; i < list->len; i++) {
		equals = strchr(list->values[i], '=');
		if (!equals)
			return cli_usage(cli, "--label: '%.60s' is not KEY=VALUE", list->values[i]);
		jobwire__v1__label__init(&labels[i]);
		labels[i].key = arena_copy(&cli->arena, list->values[i],
					   (size_t)(equals - list->values[i]));
		labels[i].value = message_str(equals + 1);
		req->labels[i] = &labels[i];
	}
	req->n_labels = list->len;
	return 0;
}

/* A number, with a unit where it counts bytes; or "unlimited". */
static bool
limit_value(const char *text, uint64_t *ret)
{
	int64_t value;

	*ret = UINT64_MAX;
	if (strcmp(text, "unlimited") == 0)
		return true;
	if (quantity_size(text, &value) < 0)
		return false;
	*ret = (uint64_t)value;
	return true;
}

static int
put_limits(struct cli *cli, const struct option_list *list, Jobwire__V1__StartRequest *req)
{
	Jobwire__V1__ResourceLimit *limits = take(cli, (list->len + 1) * sizeof *limits);
	char *text, *soft, *hard;
	size_t i;

	req->limits = take(cli, (list->len + 1) * sizeof *req->limits);
	for (i = 0; i < list->len; i++) {
		text = arena_strdup(&cli->arena, list->values[i]);
		soft = text ? strchr(text, '=') : NULL;
		if (soft)
			*soft++ = '\0';
		hard = soft ? strchr(soft, ':') : NULL;
		if (hard)
			*hard++ = '\0';
		jobwire__v1__resource_limit__init(&limits[i]);
		limits[i].name = text;
		if (!soft || !limit_value(soft, &limits[i].soft) ||
		    !limit_value(hard ? hard : soft, &limits[i].hard))
			return cli_usage(cli, "--ulimit: '%.60s' is not NAME=SOFT[:HARD]",
					 list->values[i]);
		req->limits[i] = &limits[i];
	}
	req->n_limits = list->len;
	return 0;
}

static void
put_rules(const struct start_options *o, Jobwire__V1__StartRequest *req)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	req->mask_case = JOBWIRE__V1__START_REQUEST__MASK_UMASK;
	req->umask = mask;
	req->name = message_str(o->name);
	req->group = message_str(o->group);
	req->group_limit = (uint32_t)o->group_limit;
	req->timeout_ms = (uint64_t)o->timeout_ms;
	req->idle_timeout_ms = (uint64_t)o->idle_ms;
	req->max_output_bytes = (uint64_t)o->max_output;
	req->when_full = (Jobwire__V1__WhenFull)(o->when_full + 1);
	req->lifetime = (Jobwire__V1__Lifetime)(o->lifetime + 1);
	req->power_safe = o->power_safe;
	if (o->on_full >= 0)
		req->cap_policy = (Jobwire__V1__CapPolicy)(o->on_full + 1);
	if (o->stdin_mode >= 0)
		req->stdin_mode = (Jobwire__V1__StdinMode)(o->stdin_mode + 1);
	if (o->grace_ms >= 0) {
		req->grace_case = JOBWIRE__V1__START_REQUEST__GRACE_GRACE_MS;
		req->grace_ms = (uint64_t)o->grace_ms;
	}
	if (o->linger_ms >= 0) {
		req->linger_case = JOBWIRE__V1__START_REQUEST__LINGER_LINGER_MS;
		req->linger_ms = (uint64_t)o->linger_ms;
	}
}

int
start_request(struct cli *cli, const struct start_options *o, const struct operands *operands,
	      Jobwire__V1__StartRequest *ret, struct err *err)
{
	int rc;

	jobwire__v1__start_request__init(ret);
	if ((rc = put_what(cli, o, operands, ret, err)) != 0 ||
	    (rc = put_cwd(cli, o->cwd, ret, err)) != 0 || (rc = put_env(cli, &o->env, ret)) != 0 ||
	    (rc = put_labels(cli, &o->labels, ret)) != 0 ||
	    (rc = put_limits(cli, &o->limits, ret)) != 0)
		return rc;
	put_base_env(cli, ret);
	put_rules(o, ret);
	return 0;
}

const char *
start_key(struct cli *cli, const struct start_options *o)
{
	char *fresh;

	if (o->key)
		return o->key;
	fresh = take(cli, ID_SIZE);
	id_new(fresh);
	return fresh;
}
