/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/quantity.h"
#include "base/words.h"
#include "cli/print_json.h"
#include "cli/verbs.h"
#include "wire/message.h"

#define PAGE 1000

struct events_options {
	bool help;
	bool follow, json;
	const char *since, *group;
	struct option_list jobs, kinds;
};
#define AT(member) offsetof(struct events_options, member)

static const struct option_spec rows[] = {
	ROW_HELP,
	{ .name = "follow",
	  .letter = 'f',
	  .type = OPTION_FLAG,
	  .offset = AT(follow),
	  .help = "from now on (or from --since on), for ever" },
	{ .name = "since",
	  .type = OPTION_STRING,
	  .offset = AT(since),
	  .arg = "EPOCH:SEQ",
	  .help = "those behind this one (default: from the oldest that is stored)" },
	{ .name = "job",
	  .type = OPTION_LIST,
	  .offset = AT(jobs),
	  .arg = "JOB",
	  .help = "only of this job; repeatable" },
	{ .name = "kind",
	  .type = OPTION_LIST,
	  .offset = AT(kinds),
	  .arg = "KIND",
	  .help = "only state, closed, removed, note, engine-started, engine-stopping; "
		  "repeatable" },
	{ .name = "group",
	  .type = OPTION_STRING,
	  .offset = AT(group),
	  .arg = "NAME",
	  .help = "only of jobs of the group" },
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .offset = AT(json),
	  .help = "one JSON document, {\"events\": [...]}; with -f one JSON text a line" },
	ROW_END,
};

struct printing {
	struct cli *cli;
	const struct events_options *options;
	struct document document;
};

static int
parse_since(struct cli *cli, const char *text, Jobwire__V1__WatchEventsRequest *req)
{
	char *copy = arena_strdup(&cli->arena, text), *colon = copy ? strchr(copy, ':') : NULL;
	int64_t epoch, seq;

	if (colon)
		*colon++ = '\0';
	if (!colon || quantity_int(copy, &epoch) < 0 || quantity_int(colon, &seq) < 0 ||
	    epoch < 0 || seq < 0)
		return cli_usage(cli, "--since: '%.60s' is not EPOCH:SEQ", text);
	req->epoch = (uint64_t)epoch;
	req->seq = (uint64_t)seq;
	return 0;
}

static int
put_kinds(struct cli *cli, const struct option_list *list, Jobwire__V1__EventFilter *f)
{
	size_t i;

	f->kinds = arena_alloc(&cli->arena, (list->len + 1) * sizeof *f->kinds);
	if (!f->kinds)
		BUG("no memory");
	for (i = 0; i < list->len; i++) {
		f->kinds[i] = event_kind_from_word(list->values[i]);
		if (!f->kinds[i])
			return cli_usage(cli, "--kind: '%.40s' is no kind of event",
					 list->values[i]);
	}
	f->n_kinds = list->len;
	return 0;
}

/* The filter takes whole ids, also of jobs that are no more. */
static int
put_jobs(struct cli *cli, const struct option_list *list, Jobwire__V1__EventFilter *f,
	 struct err *err)
{
	const Jobwire__V1__Job *job;
	size_t i;
	int rc;

	f->job_ids = arena_alloc(&cli->arena, (list->len + 1) * sizeof *f->job_ids);
	if (!f->job_ids)
		BUG("no memory");
	for (i = 0; i < list->len; i++) {
		f->job_ids[i] = message_str(list->values[i]);
		if (id_is_whole(list->values[i]))
			continue;
		rc = cli_get_job(cli, list->values[i], &cli->arena, &job, err);
		if (rc < 0)
			return rc;
		f->job_ids[i] = job->id;
	}
	f->n_job_ids = list->len;
	return 0;
}

static void
print_line(const Jobwire__V1__Event *e)
{
	char time[CLOCK_TEXT_MAX];

	(void)printf("%s %" PRIu64 ":%" PRIu64 " %s", clock_format(e->time_ns, 3, time), e->epoch,
		     e->seq, event_kind_word(e->kind));
	if (*e->job_id)
		(void)printf(" %.8s", e->job_id);
	if (e->kind == JOBWIRE__V1__EVENT_KIND__EVENT_STATE) {
		(void)printf(" %s", job_state_word((int)e->state));
		if (job_state_is_final((int)e->state))
			(void)printf(" (%s, status %d)", job_reason_word((int)e->reason),
				     e->shell_code);
	}
	if (*e->name)
		(void)printf(" name=%s", e->name);
	if (*e->detail)
		(void)printf(": %s", e->detail);
	(void)putchar('\n');
}

static int
print_event(struct printing *p, const Jobwire__V1__Event *e, struct err *err)
{
	int rc;

	if (!p->options->json) {
		print_line(e);
		return 0;
	}
	json_event(&p->document.json, e);
	if (!p->options->follow)
		return document_flush(&p->document, err);
	rc = document_end(&p->document, err);
	document_begin(&p->document);
	return rc;
}

static int
print_page(struct printing *p, const Jobwire__V1__WatchEventsResponse *res, struct err *err)
{
	size_t i;
	int rc = 0;

	if (res->gap)
		cli_say(p->cli, "some events between are gone");
	for (i = 0; i < res->n_events && rc == 0; i++)
		rc = print_event(p, res->events[i], err);
	if (rc == 0 && fflush(stdout) != 0)
		rc = err_sys(err, errno, "stdout");
	return rc;
}

static int
print_pages(struct printing *p, Jobwire__V1__WatchEventsRequest *req, struct err *err)
{
	const Jobwire__V1__WatchEventsResponse *res;
	const ProtobufCMessage *reply;
	bool more = true;
	struct arena a;
	int rc = 0;

	req->limit = PAGE;
	while (rc == 0 && more) {
		arena_init(&a, (size_t)64 * 1024 * 1024);
		/* The first answer tells where "now" is: from there no engine's end loses any. */
		req->wait_ms = p->options->follow && !req->from_now ? WIRE_WAIT_MAX_MS : 0;
		rc = cli_call(p->cli, METHOD_Engine_WatchEvents, &req->base,
			      p->options->follow ? 0 : CALL_TIMEOUT_MS, &a, &reply, err);
		if (rc == 0) {
			res = (const Jobwire__V1__WatchEventsResponse *)reply;
			rc = print_page(p, res, err);
			/* The point moves also over events that pass no filter. */
			more = p->options->follow || res->epoch != req->epoch ||
			       res->seq != req->seq;
			req->epoch = res->epoch;
			req->seq = res->seq;
			req->from_now = false;
		}
		arena_fini(&a);
	}
	return rc;
}

static int
print_all(struct printing *p, Jobwire__V1__WatchEventsRequest *req, struct err *err)
{
	bool whole = p->options->json && !p->options->follow;
	int rc;

	document_begin(&p->document);
	if (whole) {
		json_object_begin(&p->document.json, NULL);
		json_array_begin(&p->document.json, "events");
	}
	rc = print_pages(p, req, err);
	if (whole && rc == 0) {
		json_array_end(&p->document.json);
		json_object_end(&p->document.json);
		return document_end(&p->document, err);
	}
	buf_fini(&p->document.text);
	return rc;
}

static int
cmd_events(struct cli *cli, const void *values, const struct operands *operands, struct err *err)
{
	const struct events_options *o = values;
	Jobwire__V1__WatchEventsRequest req = JOBWIRE__V1__WATCH_EVENTS_REQUEST__INIT;
	Jobwire__V1__EventFilter filter = JOBWIRE__V1__EVENT_FILTER__INIT;
	struct printing p = { .cli = cli, .options = o };
	int rc = 0;

	if (operands->n)
		return cli_usage(cli, "takes no arguments; --job names a job");
	req.filter = &filter;
	req.from_now = o->follow && !o->since;
	filter.group = message_str(o->group);
	if (o->since)
		rc = parse_since(cli, o->since, &req);
	if (rc == 0)
		rc = put_kinds(cli, &o->kinds, &filter);
	if (rc == 0)
		rc = put_jobs(cli, &o->jobs, &filter, err);
	return rc ? rc : print_all(&p, &req, err);
}

const struct verb verb_events = {
	.name = "events",
	.summary = "Print what happened to jobs and engine",
	.usage = "[FLAGS]",
	.more = "Each event has a place, EPOCH:SEQ, from which --since goes on.",
	.rows = rows,
	.values_size = sizeof(struct events_options),
	.run = cmd_events,
};
