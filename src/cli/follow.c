/* SPDX-License-Identifier: MIT */
#include "cli/follow.h"

#include <inttypes.h>
#include <stdio.h>

#include "wire/message.h"

/* Is everything read that was to be read? */
static bool
is_all(const struct follow *f, const Jobwire__V1__ReadOutputResponse *piece)
{
	if (piece->eof)
		return true;
	if (f->wait)
		return piece->ended && piece->next_offset >= piece->drained_offset;
	return piece->next_offset >= piece->end_offset || (!piece->data.len && !piece->gap_bytes);
}

static void
on_piece(struct client_request *request, const ProtobufCMessage *reply, const struct err *err)
{
	struct follow *f = container_of(request, struct follow, request);
	const Jobwire__V1__ReadOutputResponse *piece;

	f->is_asked = false;
	if (err) {
		f->err = *err;
		f->is_over = true;
		return;
	}
	piece = (const Jobwire__V1__ReadOutputResponse *)reply;
	f->offset = piece->next_offset;
	f->state = piece->state;
	f->is_over = is_all(f, piece);
	f->take(f, piece);
}

void
follow_ask(struct follow *f)
{
	Jobwire__V1__ReadOutputRequest req = JOBWIRE__V1__READ_OUTPUT_REQUEST__INIT;
	const struct client_how how = { .timeout_ms = 0 };

	if (f->is_asked || f->is_over)
		return;
	req.job_id = message_str(f->job_id);
	req.stream = f->stream;
	req.offset = f->offset;
	req.max_bytes = WIRE_READ_MAX;
	req.wait_ms = f->wait ? WIRE_WAIT_MAX_MS : 0;
	req.consume = f->consume;
	req.with_chunks = f->with_chunks;
	f->is_asked = true;
	f->request.done = on_piece;
	client_send(f->client, &f->request, METHOD_Jobs_ReadOutput, &req.base, &how);
}

void
follow_cancel(struct follow *f)
{
	client_cancel(f->client, &f->request);
	f->is_asked = false;
}

char *
follow_gap(const Jobwire__V1__ReadOutputResponse *piece, char out[FOLLOW_GAP_MAX])
{
	(void)snprintf(out, FOLLOW_GAP_MAX,
		       "%" PRIu64 " bytes of the output are not stored (offsets %" PRIu64
		       " to %" PRIu64 ")",
		       piece->gap_bytes, piece->offset - piece->gap_bytes, piece->offset - 1);
	return out;
}
