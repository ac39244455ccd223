/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/words.h"
#include "cli/human.h"
#include "cli/print_json.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "wire/message.h"

#define PAGE        1000 /* of one call */
#define SHORT_ID    8
#define COMMAND_MAX ((size_t)64 * 1024)

struct ls_options {
	bool help;
	bool all, only_ids, json, no_trunc;
	struct option_list states;
	const char *group, *name, *label;
	int64_t limit;
};
#define AT(member) offsetof(struct ls_options, member)

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "all",
	  .letter = 'a',
	  .type = OPTION_FLAG,
	  .offset = AT(all),
	  .help = "ended ones too (this is so anyway)" },
	{ .name = "state",
	  .letter = 's',
	  .type = OPTION_LIST,
	  .offset = AT(states),
	  .arg = "STATE",
	  .help = "only queued, starting, running, completed, failed, killed or lost ones; "
		  "repeatable" },
	{ .name = "group",
	  .type = OPTION_STRING,
	  .offset = AT(group),
	  .arg = "NAME",
	  .help = "only those of the group" },
	{ .name = "name",
	  .type = OPTION_STRING,
	  .offset = AT(name),
	  .arg = "NAME",
	  .help = "only those of the name" },
	{ .name = "label",
	  .type = OPTION_STRING,
	  .offset = AT(label),
	  .arg = "KEY=VALUE",
	  .help = "only those with the label" },
	{ .name = "limit",
	  .letter = 'n',
	  .type = OPTION_INT,
	  .offset = AT(limit),
	  .min = 0,
	  .max = INT32_MAX,
	  .arg = "N",
	  .help = "the N newest; 0: all" },
	{ .name = "quiet",
	  .letter = 'q',
	  .type = OPTION_FLAG,
	  .offset = AT(only_ids),
	  .help = "whole ids, one a line, and nothing else" },
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .offset = AT(json),
	  .help = "one JSON document: {\"jobs\": [...]}" },
	{ .name = "no-trunc",
	  .type = OPTION_FLAG,
	  .offset = AT(no_trunc),
	  .help = "whole ids; nothing is cut to the terminal's width" },
	ROW_END,
};

/* One of the forms in which jobs are listed. */
struct listing {
	struct cli *cli;
	const struct ls_options *options;
	int (*add)(struct listing *l, const Jobwire__V1__Job *job, struct err *err);
	uint64_t left;
	struct document document;
	struct table *table;
	int64_t now_ns;
};

static const struct table_column columns[] = {
	{ "ID", false, false },     { "STATE", false, false }, { "CODE", true, false },
	{ "AGE", true, false },     { "TIME", true, false },   { "NAME", false, true },
	{ "COMMAND", false, true },
};

static const char *
color_of(int state)
{
	static const char *const colors[JOB_STATE_COUNT] = {
		[JOB_QUEUED] = "darkgray", [JOB_STARTING] = "cyan", [JOB_RUNNING] = "cyan",
		[JOB_COMPLETED] = "green", [JOB_FAILED] = "red",    [JOB_KILLED] = "yellow",
		[JOB_LOST] = "lightred",
	};

	return state > JOB_NONE && state < JOB_STATE_COUNT ? colors[state] : NULL;
}

static int
add_row(struct listing *l, const Jobwire__V1__Job *job, struct err *err)
{
	char id[40], code[16] = "", age[HUMAN_TEXT_MAX], time[HUMAN_TEXT_MAX] = "";
	const char *cells[ARRAY_SIZE(columns)];
	struct buf command;
	int rc;

	(void)snprintf(id, sizeof id, "%.*s", l->options->no_trunc ? 36 : SHORT_ID, job->id);
	if (job_state_is_final((int)job->state))
		(void)snprintf(code, sizeof code, "%" PRId32, job->shell_code);
	if (job->started_ns)
		(void)human_duration(human_job_ns(job, l->now_ns), time);
	buf_init(&command, COMMAND_MAX);
	rc = human_command(&command, job);
	if (rc == 0)
		rc = buf_add(&command, "", 1);
	if (rc < 0) {
		buf_fini(&command);
		return err_sys(err, -rc, "ls");
	}
	cells[0] = id;
	cells[1] = job->stopping ? "stopping" : job_state_word((int)job->state);
	cells[2] = code;
	cells[3] = human_duration(l->now_ns - job->created_ns, age);
	cells[4] = time;
	cells[5] = job->name;
	cells[6] = (const char *)buf_head(&command);
	rc = table_row(l->table, cells, ARRAY_SIZE(cells), err);
	if (rc == 0 && l->cli->color)
		table_color(l->table, 1, color_of((int)job->state));
	buf_fini(&command);
	return rc;
}

static int
add_json(struct listing *l, const Jobwire__V1__Job *job, struct err *err)
{
	json_job(&l->document.json, job, false);
	return document_flush(&l->document, err);
}

static int
add_id(struct listing *l, const Jobwire__V1__Job *job, struct err *err)
{
	(void)l, (void)err;
	(void)puts(job->id);
	return 0;
}

/* The filters, in memory of the command's. 0, an exit status, or an error. */
static int
make_request(struct cli *cli, const struct ls_options *o, Jobwire__V1__ListRequest *req)
{
	Jobwire__V1__Label *label;
	const char *equals;
	size_t i;

	req->states = arena_alloc(&cli->arena, (o->states.len + 1) * sizeof *req->states);
	label = arena_alloc(&cli->arena, sizeof *label);
	if (!req->states || !label)
		BUG("no memory");
	for (i = 0; i < o->states.len; i++) {
		req->states[i] = (Jobwire__V1__State)job_state_from_word(o->states.values[i]);
		if (!req->states[i])
			return cli_usage(cli, "--state: '%.40s' is no state", o->states.values[i]);
	}
	req->n_states = o->states.len;
	req->group = message_str(o->group);
	req->name = message_str(o->name);
	if (!o->label)
		return 0;
	equals = strchr(o->label, '=');
	if (!equals)
		return cli_usage(cli, "--label: '%.60s' is not KEY=VALUE", o->label);
	jobwire__v1__label__init(label);
	label->key = arena_copy(&cli->arena, o->label, (size_t)(equals - o->label));
	label->value = message_str(equals + 1);
	req->label = label;
	return 0;
}

static int
add_pages(struct listing *l, Jobwire__V1__ListRequest *req, struct err *err)
{
	const Jobwire__V1__ListResponse *res;
	const ProtobufCMessage *reply;
	char token[64] = "";
	struct arena page;
	size_t i;
	int rc;

	do {
		arena_init(&page, (size_t)64 * 1024 * 1024);
		req->limit = (uint32_t)MIN(l->left, (uint64_t)PAGE);
		req->page_token = token;
		rc = cli_call(l->cli, METHOD_Jobs_List, &req->base, CALL_TIMEOUT_MS, &page, &reply,
			      err);
		res = (const Jobwire__V1__ListResponse *)reply;
		for (i = 0; rc == 0 && i < res->n_jobs; i++)
			rc = l->add(l, res->jobs[i], err);
		if (rc == 0) {
			l->left -= MIN(l->left, res->n_jobs);
			(void)snprintf(token, sizeof token, "%s", res->next_page_token);
		}
		arena_fini(&page);
	} while (rc == 0 && *token && l->left);
	return rc;
}

static int
list_json(struct listing *l, Jobwire__V1__ListRequest *req, struct err *err)
{
	int rc;

	document_begin(&l->document);
	json_object_begin(&l->document.json, NULL);
	json_array_begin(&l->document.json, "jobs");
	l->add = add_json;
	rc = add_pages(l, req, err);
	json_array_end(&l->document.json);
	json_object_end(&l->document.json);
	if (rc == 0)
		return document_end(&l->document, err);
	buf_fini(&l->document.text);
	return rc;
}

static int
list_table(struct listing *l, Jobwire__V1__ListRequest *req, struct err *err)
{
	int rc;

	rc = table_new(columns, ARRAY_SIZE(columns), l->cli->color,
		       isatty(STDOUT_FILENO) && !l->options->no_trunc, &l->table, err);
	l->add = add_row;
	if (rc == 0)
		rc = add_pages(l, req, err);
	if (rc == 0)
		rc = table_print(l->table, err);
	table_free(l->table);
	return rc;
}

static int
cmd_ls(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct ls_options *o = values;
	Jobwire__V1__ListRequest req = JOBWIRE__V1__LIST_REQUEST__INIT;
	struct listing l = { .cli = cli,
			     .options = o,
			     .left = o->limit ? (uint64_t)o->limit : UINT64_MAX,
			     .now_ns = clock_wall_ns() };
	int rc;

	if (operands->n)
		return cli_usage(cli, "takes no arguments: '%.60s'; 'jobwire show' shows one job",
				 operands->v[0]);
	rc = make_request(cli, o, &req);
	if (rc != 0)
		return rc;
	if (o->json)
		return list_json(&l, &req, err);
	if (!o->only_ids)
		return list_table(&l, &req, err);
	l.add = add_id;
	return add_pages(&l, &req, err);
}

const struct verb verb_ls = {
	.name = "ls",
	.aliases = "ps list",
	.summary = "List jobs, the newest first",
	.usage = "[FLAGS]",
	.rows = rows,
	.values_size = sizeof(struct ls_options),
	.run = cmd_ls,
};
