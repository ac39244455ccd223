/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/verbs.h"
#include "wire/message.h"

int
cli_open(struct cli *cli, struct err *err)
{
	const struct client_options options = {
		.state_dir = cli->state_dir,
		.autostart = !cli->no_autostart,
		.session = cli->session,
		.keep = cli->session != NULL,
	};

	return cli->client ? 0 : client_new(&options, &cli->client, err);
}

int
cli_call(struct cli *cli, enum method_number method, const ProtobufCMessage *request,
	 uint32_t timeout_ms, struct arena *a, const ProtobufCMessage **ret_reply, struct err *err)
{
	const struct client_how how = { .timeout_ms = timeout_ms };
	int rc = cli_open(cli, err);

	return rc < 0 ? rc : client_call(cli->client, method, request, &how, a, ret_reply, err);
}

int
cli_get_job(struct cli *cli, const char *id, struct arena *a, const Jobwire__V1__Job **ret_job,
	    struct err *err)
{
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;
	const ProtobufCMessage *reply;
	int rc;

	req.job_id = message_str(id);
	rc = cli_call(cli, METHOD_Jobs_Get, &req.base, CALL_TIMEOUT_MS, a, &reply, err);
	if (rc < 0)
		return rc;
	*ret_job = ((const Jobwire__V1__GetResponse *)reply)->job;
	return *ret_job ? 0 : err_set(err, ERR_INTERNAL, "the engine sent no job");
}

bool
cli_turn(struct cli *cli, int outfd)
{
	struct client_wait w = client_poll(cli->client);
	struct pollfd p[2] = { { .fd = w.fd, .events = w.events }, { .fd = outfd } };

	(void)poll(p, ARRAY_SIZE(p), w.timeout_ms);
	client_process(cli->client);
	return !(p[1].revents & POLLERR);
}

static void PRINTF(2, 0) say(const struct cli *cli, const char *fmt, va_list ap)
{
	char text[2 * ERR_MSG_MAX];

	(void)vsnprintf(text, sizeof text, fmt, ap);
	(void)fprintf(stderr, "jobwire: %s%s%s%s\n", cli->verb ? cli->verb->name : "",
		      cli->verb ? ": " : "", text, cli->is_raw ? "\r" : "");
}

void
cli_say(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cli, fmt, ap);
	va_end(ap);
}

int
cli_usage(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cli, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "Try 'jobwire help%s%s'.\n", cli->verb ? " " : "",
		      cli->verb ? cli->verb->name : "");
	return STATUS_USAGE;
}

int
cli_each_job(struct cli *cli, const struct operands *o,
	     int (*one)(struct cli *cli, const char *id, const void *arg, struct err *err),
	     const void *arg)
{
	struct err err = { 0 };
	int rc, status = STATUS_DONE;
	size_t i;

	if (o->n == 0)
		return cli_usage(cli, "which job? 'jobwire ls' lists them");
	for (i = 0; i < o->n; i++) {
		rc = one(cli, o->v[i], arg, &err);
		if (rc >= 0) {
			status = MAX(status, rc);
			continue;
		}
		cli_say(cli, "%s", err.msg);
		if (err_exit_status(rc) == STATUS_ENGINE)
			return STATUS_ENGINE; /* the others would fare no better */
		status = STATUS_REFUSED;
	}
	return status;
}
