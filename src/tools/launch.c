/* SPDX-License-Identifier: MIT */
#include "tools/launch.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "mcp/args.h"
#include "tools/inside.h"
#include "tools/property.h"
#include "wire/message.h"

#define PLACE_ARENA_MAX ((size_t)16 * 1024 * 1024)
#define OUTPUT_MIN      4096 /* bytes, the least that the engine keeps */
#define JOB_OF_OURS     "JOBWIRE_JOB_ID"

const struct property launch_arguments[] = {
	{ .name = "command", .type = "string", .about = "Run by /bin/sh -c", .is_required = true },
	{ .name = "cwd", .type = "string" },
	{ .name = "env", .type = "object", .has_strings = true },
	{ .name = "name", .type = "string", .about = "Label for list_jobs" },
	{ .name = "timeout_seconds",
	  .type = "number",
	  .least = "0",
	  .most = "31536000",
	  .about = "Kill the job after so long; default never or as set" },
	{ .name = "queue", .type = "boolean", .about = "At the job limit wait instead of failing" },
	{ .name = NULL },
};

/* ---- where ---- */

static const char *
find_home(void)
{
	const char *home = getenv("HOME");

	return home && *home == '/' ? home : "/";
}

/* `path` as an absolute one: "~" is the home folder, what is relative begins at `base`. */
static char *
resolve(struct arena *a, const char *path, const char *base, const char *home)
{
	if (*path == '/')
		return arena_strdup(a, path);
	if (*path == '~' && (path[1] == '/' || !path[1]))
		return arena_printf(a, "%s%s", home, path + 1);
	return arena_printf(a, "%s%s%s", base, strcmp(base, "/") == 0 ? "" : "/", path);
}

static bool
is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && access(path, X_OK) == 0;
}

/* Where the client started us. Some start their servers in "/", where nobody works. */
static int
find_cwd(struct launch_place *p)
{
	char here[PATH_MAX];

	p->cwd = p->home;
	if (!getcwd(here, sizeof here) || *here != '/' || strcmp(here, "/") == 0)
		return 0;
	p->cwd = arena_strdup(&p->arena, here);
	return p->cwd ? 0 : -ENOMEM;
}

static int
take_working_dir(struct launch_place *p, const char *dir, struct buf *warnings)
{
	const char *path = resolve(&p->arena, dir, p->cwd, p->home);

	if (!path)
		return -ENOMEM;
	p->cwd = path;
	if (is_folder(path))
		return 0;
	p->trouble = arena_printf(&p->arena,
				  "the working folder %.300s (MCP_BG_WORKING_DIR) is not there or "
				  "cannot be entered; give the argument cwd, or let the setting be "
				  "corrected",
				  path);
	(void)!buf_addf(warnings,
			"warning: MCP_BG_WORKING_DIR: no folder %.300s; commands without "
			"cwd are refused\n",
			path);
	return p->trouble ? 0 : -ENOMEM;
}

/* ---- the environment ---- */

/* What the wire takes as a name. Ours of a job that we may be part of is no other job's. */
static bool
is_passed_on(const char *var, size_t name_len)
{
	return name_len > 0 && utf8_is_valid(var, name_len) &&
	       !(name_len == strlen(JOB_OF_OURS) && memcmp(var, JOB_OF_OURS, name_len) == 0);
}

static int
take_environment(struct launch_place *p)
{
	Jobwire__V1__EnvVar *vars;
	const char *equals;
	size_t n = 0, i;

	while (environ[n])
		n++;
	vars = arena_alloc(&p->arena, (n + 1) * sizeof *vars);
	p->env = arena_alloc(&p->arena, (n + 1) * sizeof *p->env);
	if (!vars || !p->env)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		equals = strchr(environ[i], '=');
		if (!equals || !is_passed_on(environ[i], (size_t)(equals - environ[i])))
			continue;
		jobwire__v1__env_var__init(&vars[p->n_env]);
		vars[p->n_env].name =
			arena_copy(&p->arena, environ[i], (size_t)(equals - environ[i]));
		if (!vars[p->n_env].name)
			return -ENOMEM;
		vars[p->n_env].value = message_bytes(equals + 1, strlen(equals + 1));
		p->env[p->n_env] = &vars[p->n_env];
		p->n_env++;
	}
	return 0;
}

int
launch_place_init(struct launch_place *p, const char *working_dir, struct buf *warnings,
		  struct err *err)
{
	int rc;

	memset(p, 0, sizeof *p);
	arena_init(&p->arena, PLACE_ARENA_MAX);
	p->home = find_home();
	rc = find_cwd(p);
	if (rc == 0 && working_dir)
		rc = take_working_dir(p, working_dir, warnings);
	if (rc == 0)
		rc = take_environment(p);
	return rc < 0 ? err_sys(err, -rc, "environment") : 0;
}

void
launch_place_fini(struct launch_place *p)
{
	arena_fini(&p->arena);
}

/* ---- the request ---- */

static int
take_command(struct tools *t, const cJSON *args, Jobwire__V1__StartRequest *req, struct err *err)
{
	const char *command = arg_str(args, "command", "");

	if (command[strspn(command, " \t\r\n")] == '\0')
		return err_field(err, ERR_INVALID_ARGUMENT, "command", "Command cannot be empty");
	req->command = message_bytes(command, strlen(command));
	return allowed_check(t->allowed, command, err);
}

static int
take_cwd(struct tools *t, struct arena *a, const cJSON *args, Jobwire__V1__StartRequest *req,
	 struct err *err)
{
	const char *cwd = arg_str(args, "cwd", NULL);

	if (!cwd && t->place.trouble)
		return err_field(err, ERR_FAILED_PRECONDITION, "cwd", "%s", t->place.trouble);
	cwd = cwd && *cwd ? resolve(a, cwd, t->place.cwd, t->place.home) : t->place.cwd;
	if (!cwd)
		return err_sys(err, ENOMEM, "cwd");
	req->cwd = message_bytes(cwd, strlen(cwd));
	return 0;
}

static int
take_env(struct arena *a, const cJSON *args, Jobwire__V1__StartRequest *req, struct err *err)
{
	const cJSON *env = arg_get(args, "env"), *value;
	Jobwire__V1__EnvVar *vars;
	size_t n = (size_t)MAX(cJSON_GetArraySize(env), 0);

	vars = arena_alloc(a, (n + 1) * sizeof *vars);
	req->env = arena_alloc(a, (n + 1) * sizeof *req->env);
	if (!vars || !req->env)
		return err_sys(err, ENOMEM, "env");
	cJSON_ArrayForEach(value, env)
	{
		jobwire__v1__env_var__init(&vars[req->n_env]);
		vars[req->n_env].name = value->string;
		vars[req->n_env].value =
			message_bytes(value->valuestring, strlen(value->valuestring));
		req->env[req->n_env] = &vars[req->n_env];
		req->n_env++;
	}
	return 0;
}

static void
take_limits(const struct tools_settings *s, const cJSON *args, Jobwire__V1__StartRequest *req)
{
	double seconds = arg_number(args, "timeout_seconds", (double)s->job_timeout / 1000);

	req->timeout_ms = (uint64_t)(seconds * 1000 + 0.5);
	if (seconds > 0 && req->timeout_ms == 0)
		req->timeout_ms = 1;
	req->max_output_bytes = (uint64_t)MAX(s->max_output_size, OUTPUT_MIN);
	req->cap_policy = JOBWIRE__V1__CAP_POLICY__CAP_DROP;
	req->group_limit = (uint32_t)s->max_jobs;
	req->when_full = arg_bool(args, "queue", false) ? JOBWIRE__V1__WHEN_FULL__WHEN_FULL_QUEUE
							: JOBWIRE__V1__WHEN_FULL__WHEN_FULL_REJECT;
	req->lifetime = s->jobs_end_with_session ? JOBWIRE__V1__LIFETIME__LIFETIME_SESSION
						 : JOBWIRE__V1__LIFETIME__LIFETIME_KEEP;
}

int
launch_read(struct tools *t, struct arena *a, const cJSON *args, Jobwire__V1__StdinMode stdin_mode,
	    Jobwire__V1__StartRequest *ret_req, struct err *err)
{
	int rc;

	jobwire__v1__start_request__init(ret_req);
	if ((rc = take_command(t, args, ret_req, err)) < 0 ||
	    (rc = take_cwd(t, a, args, ret_req, err)) < 0 ||
	    (rc = take_env(a, args, ret_req, err)) < 0)
		return rc;
	take_limits(t->settings, args, ret_req);
	ret_req->name = message_str(arg_str(args, "name", NULL));
	ret_req->stdin_mode = stdin_mode;
	ret_req->group = message_str(t->group);
	ret_req->base_env = t->place.env;
	ret_req->n_base_env = t->place.n_env;
	return 0;
}
