/* SPDX-License-Identifier: MIT */
#include "cli/feed.h"

#include "wire/message.h"

#define BYTES_MAX    ((size_t)4 * 1024 * 1024)
#define FAILURES_MAX 5

void
feed_begin(struct feed *f, struct client *client, const char *job_id, uint64_t offset)
{
	*f = (struct feed){ .client = client, .job_id = job_id, .offset = offset };
	buf_init(&f->bytes, BYTES_MAX);
}

void
feed_end(struct feed *f)
{
	if (f->client)
		client_cancel(f->client, &f->request);
	buf_fini(&f->bytes);
	f->is_closed = true;
}

bool
feed_is_idle(const struct feed *f)
{
	return f->is_closed || (!f->is_asked && !f->bytes.len && !f->wants_eof);
}

int
feed_add(struct feed *f, const void *bytes, size_t len)
{
	return f->is_closed ? 0 : buf_add(&f->bytes, bytes, len);
}

static void
close_feed(struct feed *f, const struct err *err)
{
	if (err)
		f->err = *err;
	f->is_closed = true;
	buf_clear(&f->bytes);
}

static void
on_failure(struct feed *f, const struct err *err)
{
	if (err->code == ERR_ABORTED)
		f->is_lost = true; /* somebody else has sent input */
	else if (err->code != ERR_UNAVAILABLE)
		close_feed(f, err);
	if (++f->failures > FAILURES_MAX)
		close_feed(f, err);
}

static void
on_sent(struct client_request *request, const ProtobufCMessage *reply, const struct err *err)
{
	struct feed *f = container_of(request, struct feed, request);
	const Jobwire__V1__SendInputResponse *res;
	size_t taken;

	f->is_asked = false;
	if (err) {
		on_failure(f, err);
		return;
	}
	res = (const Jobwire__V1__SendInputResponse *)reply;
	taken = MIN(res->accepted, f->asked);
	f->failures = 0;
	f->offset += taken;
	buf_consume(&f->bytes, taken);
	if (taken == f->asked && f->asked_eof)
		close_feed(f, NULL);
}

static void
on_found(struct client_request *request, const ProtobufCMessage *reply, const struct err *err)
{
	struct feed *f = container_of(request, struct feed, request);
	const Jobwire__V1__GetResponse *res = (const Jobwire__V1__GetResponse *)reply;

	f->is_asked = false;
	if (err) {
		on_failure(f, err);
		return;
	}
	f->offset = res->job->input_offset;
	f->is_lost = false;
}

static void
find_offset(struct feed *f)
{
	Jobwire__V1__GetRequest req = JOBWIRE__V1__GET_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = 0 };

	req.job_id = message_str(f->job_id);
	f->request.done = on_found;
	client_send(f->client, &f->request, METHOD_Jobs_Get, &req.base, &how);
}

static void
send_bytes(struct feed *f)
{
	Jobwire__V1__SendInputRequest req = JOBWIRE__V1__SEND_INPUT_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = 0 };

	f->asked = MIN(f->bytes.len, WIRE_READ_MAX);
	f->asked_eof = f->wants_eof && f->asked == f->bytes.len;
	req.job_id = message_str(f->job_id);
	req.at_case = JOBWIRE__V1__SEND_INPUT_REQUEST__AT_OFFSET;
	req.offset = f->offset;
	req.data = message_bytes(f->asked ? buf_head(&f->bytes) : (const void *)"", f->asked);
	req.eof = f->asked_eof;
	req.wait_ms = WIRE_WAIT_MAX_MS;
	f->request.done = on_sent;
	client_send(f->client, &f->request, METHOD_Jobs_SendInput, &req.base, &how);
}

void
feed_go(struct feed *f)
{
	if (f->is_asked || feed_is_idle(f))
		return;
	f->is_asked = true;
	if (f->is_lost)
		find_offset(f);
	else
		send_bytes(f);
}
