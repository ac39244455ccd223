/* SPDX-License-Identifier: MIT */
/* jobwire: the command line. */
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>

#include "base/sys.h"
#include "cli/verbs.h"

#define ARENA_MAX ((size_t)1024 * 1024 * 1024)

/* A descriptor that was closed would be taken by the first file that is opened: put something there
 * that fails as a closed one does. */
static void
fill_standard_fds(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			BUG("descriptor %d cannot be opened", fd);
}

/* Widths of characters are asked of the locale; an environment without one still means UTF-8. */
static void
set_locale(void)
{
	(void)setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

static bool
is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

static bool
wants_color(enum color_choice choice)
{
	const char *term = getenv("TERM"), *plain = getenv("CLICOLOR");

	if (choice != COLOR_AUTO)
		return choice == COLOR_ALWAYS;
	if (is_set("NO_COLOR"))
		return false;
	if (is_set("CLICOLOR_FORCE"))
		return strcmp(getenv("CLICOLOR_FORCE"), "0") != 0;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 &&
	       !(plain && strcmp(plain, "0") == 0);
}

/* Flags and operands in any order, up to "--" or, where a command follows, its first word. */
static int
read_args(const struct verb *v, struct options *o, int argc, char **argv, struct operands *ret,
	  struct err *err)
{
	int i = 0, next, rc;

	for (;;) {
		rc = options_from_args(o, argc - i, argv + i, &next, err);
		if (rc < 0)
			return rc;
		i += next;
		if (i < argc && !v->command_follows &&
		    !(next > 1 && strcmp(argv[i - 1], "--") == 0)) {
			ret->v[ret->n++] = argv[i];
			continue;
		}
		while (i < argc)
			ret->v[ret->n++] = argv[i++];
		return 0;
	}
}

static int
call_verb(struct cli *cli, struct options *o, int argc, char **argv)
{
	struct operands operands = { arena_alloc(&cli->arena, (size_t)argc * sizeof(char *)), 0 };
	struct err err = { 0 };
	int rc;

	if (!operands.v)
		BUG("no memory");
	rc = options_defaults(o, &err);
	if (rc == 0)
		rc = read_args(cli->verb, o, argc, argv, &operands, &err);
	if (rc < 0)
		return cli_usage(cli, "%s", err.msg);
	if (*(const bool *)o->values) {
		verb_print_help(stdout, cli->verb);
		return STATUS_DONE;
	}
	rc = cli->verb->run(cli, o->values, &operands, &err);
	if (rc >= 0)
		return rc;
	cli_say(cli, "%s", err.msg);
	return err_exit_status(rc);
}

static int
run_verb(struct cli *cli, int argc, char **argv)
{
	const struct verb *v = cli->verb;
	void *values = arena_zalloc(&cli->arena, v->values_size);
	struct options o;
	int status;

	if (!values)
		BUG("no memory");
	if (v->init)
		v->init(values);
	options_init(&o, v->rows, verb_rows(v), values);
	status = call_verb(cli, &o, argc, argv);
	options_fini(&o);
	return status;
}

/* "jobwire" alone is "jobwire ls". */
static int
choose_verb(struct cli *cli, int argc, char **argv)
{
	static char ls[] = "ls";
	static char *alone[] = { ls, NULL };

	if (argc == 0) {
		argc = 1;
		argv = alone;
	}
	cli->verb = verbs_find(argv[0]);
	if (!cli->verb)
		return cli_usage(cli, "there is no verb '%.60s'", argv[0]);
	return run_verb(cli, argc, argv);
}

static int
run_command_line(struct cli *cli, int argc, char **argv)
{
	static char version[] = "version", *just_version[] = { version, NULL };
	struct global_options g = { false };
	struct err err = { 0 };
	struct options o;
	int next, rc;

	options_init(&o, global_rows, n_global_rows, &g);
	rc = options_defaults(&o, &err);
	if (rc == 0)
		rc = options_from_args(&o, argc, argv, &next, &err);
	options_fini(&o); /* strings are argv's */
	if (rc < 0)
		return cli_usage(cli, "%s", err.msg);
	cli->state_dir = g.state_dir;
	cli->no_autostart = g.no_autostart;
	cli->color = wants_color((enum color_choice)g.color);
	if (g.help) {
		verbs_print_help(stdout);
		return STATUS_DONE;
	}
	return g.version ? choose_verb(cli, 1, just_version)
			 : choose_verb(cli, argc - next, argv + next);
}

int
main(int argc, char **argv)
{
	struct cli cli = { .state_dir = NULL };
	int status;

	sys_faults_from_env();
	fill_standard_fds();
	set_locale();
	arena_init(&cli.arena, ARENA_MAX);
	status = run_command_line(&cli, argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		cli_say(&cli, "stdout cannot be written: %s", strerrordesc_np(errno));
		status = status ? status : STATUS_REFUSED;
	}
	client_free(cli.client);
	arena_fini(&cli.arena);
	return status;
}
