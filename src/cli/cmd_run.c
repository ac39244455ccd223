/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/id.h"
#include "cli/attach.h"
#include "cli/start_options.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

/* Could anything come from it? A closed one is /dev/null too (main.c). */
static bool
has_stdin(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 &&
	       !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

static bool
is_stdin_free(const struct start_options *o)
{
	return !o->script || strcmp(o->script, "-") != 0;
}

static int
cmd_run(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct start_options *o = values;
	Jobwire__V1__StartRequest req;
	struct attach_plan plan = { .request = &req };
	char session[ID_SIZE];
	int rc;

	rc = start_request(cli, o, operands, &req, err);
	if (rc != 0)
		return rc;
	if (o->stdin_mode < 0)
		req.stdin_mode = is_stdin_free(o) && has_stdin()
					 ? JOBWIRE__V1__STDIN_MODE__STDIN_PIPE
					 : JOBWIRE__V1__STDIN_MODE__STDIN_NULL;
	if (o->on_full < 0)
		req.cap_policy = JOBWIRE__V1__CAP_POLICY__CAP_BLOCK;
	if (req.stdin_mode == JOBWIRE__V1__STDIN_MODE__STDIN_PTY)
		terminal_size(&req.pty_columns, &req.pty_rows);
	plan.forward = req.stdin_mode != JOBWIRE__V1__STDIN_MODE__STDIN_NULL && is_stdin_free(o);
	plan.key = start_key(cli, o);
	id_new(session);
	cli->session = session; /* the engine notices when we are gone */
	return attach_run(cli, &plan, err);
}

const struct verb verb_run = {
	.name = "run",
	.summary = "Run a command and stay with it: its output, its input, its exit status",
	.usage = START_USAGE,
	.more = "Ctrl-C is handed on to the job; once more within two seconds stops it with all\n"
		"its processes. Ctrl-P Ctrl-Q on a terminal leaves it running, and so does the\n"
		"end of this program; 'jobwire logs -f' comes back to it.\n"
		"Exit status: the job's; 128+N when signal N ended it; 126 or 127 when it cannot\n"
		"be executed; 125 when it is lost or the engine fails; 0 after the detach keys.",
	.rows = start_rows,
	.values_size = sizeof(struct start_options),
	.init = start_options_init,
	.command_follows = true,
	.run = cmd_run,
};
