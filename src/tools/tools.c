/* SPDX-License-Identifier: MIT */
#include "tools/tools.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "tools/inside.h"

/* In the order in which they are listed. */
static const struct tool_row *const rows[] = {
	&tool_run_command,       &tool_execute_command, &tool_wait_for_job,
	&tool_get_job_status,    &tool_get_job_output,  &tool_tail_job_output,
	&tool_interact_with_job, &tool_kill_job,        &tool_list_jobs,
};

static int
make_table(struct tools *t, struct err *err)
{
	struct arena *a = &t->place.arena;
	struct mcp_tool *tool;
	size_t i;

	t->table = arena_alloc(a, ARRAY_SIZE(rows) * sizeof *t->table);
	for (i = 0; t->table && i < ARRAY_SIZE(rows); i++) {
		tool = &t->table[i];
		*tool = rows[i]->tool;
		tool->input_schema = property_schema(rows[i]->arguments, PROPERTY_ARGUMENTS, a);
		tool->accepted_schema = property_schema(rows[i]->arguments, PROPERTY_ACCEPTED, a);
		tool->output_schema = property_schema(rows[i]->result, PROPERTY_RESULT, a);
		if (!tool->input_schema || !tool->accepted_schema || !tool->output_schema)
			return err_sys(err, ENOMEM, "tools");
	}
	t->n_table = i;
	return t->table ? 0 : err_sys(err, ENOMEM, "tools");
}

const struct mcp_tool *
tools_table(const struct tools *t, size_t *ret_n)
{
	*ret_n = t->n_table;
	return t->table;
}

const char *
tools_instructions(void)
{
	return "Shell commands as background jobs that outlive this session.\n"
	       "1. A command that ends soon: run_command returns exit code and output; if it takes "
	       "longer it goes on as a job and you get its job_id.\n"
	       "2. A server, a long build, a REPL: execute_command returns a job_id at once. Then "
	       "wait_for_job with pattern (\"listening on\") until it is ready, or without until "
	       "it "
	       "ends. Never poll with sleep.\n"
	       "3. Output: tail_job_output for the end, get_job_output for all; omitted tells the "
	       "gap in long output, and get_job_output with stream and offset reads it. "
	       "next_offset "
	       "reads on where you stopped. For prompts and REPLs: interact_with_job types and "
	       "returns the answer.\n"
	       "4. kill_job ends a job with all its children. Jobs run on when you leave: kill "
	       "what "
	       "you no longer need; list_jobs shows what there is.\n"
	       "A non-zero exit code is a result, not an error of the tool.";
}

static int
make_names(struct tools *t, struct err *err)
{
	char *group;

	id_new(t->session);
	if (t->settings->group) {
		t->group = t->settings->group;
		return 0;
	}
	group = arena_printf(&t->place.arena, "mcp-%s", t->session);
	t->group = group;
	return group ? 0 : err_sys(err, ENOMEM, "tools");
}

int
tools_new(struct event_base *base, const struct tools_settings *settings, struct buf *warnings,
	  struct tools **ret_tools, struct err *err)
{
	struct tools *t = calloc(1, sizeof *t);
	struct client_options options = { .autostart = true };
	int rc;

	if (!t)
		return err_sys(err, ENOMEM, "tools");
	t->base = base;
	t->settings = settings;
	rc = launch_place_init(&t->place, settings->working_dir, warnings, err);
	if (rc == 0)
		rc = make_names(t, err);
	if (rc == 0)
		rc = make_table(t, err);
	if (rc == 0)
		rc = allowed_new(settings->allowed_commands, warnings, &t->allowed, err);
	options.state_dir = settings->state_dir;
	options.session = t->session;
	options.keep = settings->jobs_end_with_session;
	if (rc == 0)
		rc = bridge_new(base, &options, &t->bridge, err);
	if (rc < 0) {
		tools_free(t);
		return rc;
	}
	*ret_tools = t;
	return 0;
}

void
tools_free(struct tools *t)
{
	if (!t)
		return;
	bridge_free(t->bridge);
	allowed_free(t->allowed);
	launch_place_fini(&t->place);
	free(t);
}
