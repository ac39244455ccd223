/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/quantity.h"
#include "engine/call.h"
#include "engine/convert.h"
#include "engine/engine.h"
#include "engine/handlers.h"
#include "wire/message.h"

#define LIST_LIMIT     100
#define LIST_LIMIT_MAX 1000

int
handle_jobs_get(struct call *call, struct err *err)
{
	const Jobwire__V1__GetRequest *req = call->req;
	Jobwire__V1__GetResponse res = JOBWIRE__V1__GET_RESPONSE__INIT;
	struct job_view view;
	int rc;

	rc = jobs_view(call->eng->jobs, &call->arena, req->job_id, &view, err);
	if (rc == 0)
		rc = convert_job(call, &view, CONVERT_WHOLE, &res.job, err);
	if (rc == 0)
		call_reply(call, &res.base);
	return rc;
}

static int
read_filter(const Jobwire__V1__ListRequest *req, struct store_filter *f, struct err *err)
{
	size_t i;

	memset(f, 0, sizeof *f);
	for (i = 0; i < req->n_states; i++) {
		if ((int)req->states[i] <= JOB_NONE || (int)req->states[i] >= JOB_STATE_COUNT)
			return err_field(err, ERR_INVALID_ARGUMENT, "states",
					 "states: %d is no state", (int)req->states[i]);
		f->states |= UINT64_C(1) << req->states[i];
	}
	f->grp = req->group;
	f->name = req->name;
	if (req->label) {
		f->label_key = req->label->key;
		f->label_value = req->label->value;
	}
	f->limit = req->limit ? MIN(req->limit, LIST_LIMIT_MAX) : LIST_LIMIT;
	if (*req->page_token && (quantity_int(req->page_token, &f->before) < 0 || f->before < 1))
		return err_field(err, ERR_INVALID_ARGUMENT, "page_token",
				 "page_token '%.40s' is not from a reply of List", req->page_token);
	return 0;
}

/* Rows into the reply, until it is full; where the next page begins if it was, or if there is a
 * row more than asked for. */
static int
put_page(struct call *call, const struct store_job *rows, size_t n, size_t most,
	 Jobwire__V1__ListResponse *res, struct err *err)
{
	struct convert_room room = { 0 };
	struct job_view view;
	size_t i;
	int rc;

	res->jobs = arena_alloc(&call->arena, (n + 1) * sizeof(Jobwire__V1__Job *));
	if (!res->jobs)
		return err_sys(err, ENOMEM, "list of jobs");
	for (i = 0; i < n && i < most && !convert_is_full(&room); i++) {
		jobs_view_row(call->eng->jobs, &rows[i], &view);
		rc = convert_job(call, &view, CONVERT_LISTED, &res->jobs[i], err);
		if (rc < 0)
			return rc;
		convert_count(&room, &view, res->jobs[i]);
	}
	res->n_jobs = i;
	if (i < n)
		res->next_page_token =
			message_str(arena_printf(&call->arena, "%" PRId64, rows[i - 1].number));
	return 0;
}

int
handle_jobs_list(struct call *call, struct err *err)
{
	Jobwire__V1__ListResponse res = JOBWIRE__V1__LIST_RESPONSE__INIT;
	struct store_job *rows;
	struct store_filter f;
	size_t n;
	int rc;

	rc = read_filter(call->req, &f, err);
	if (rc < 0)
		return rc;
	f.limit++; /* one more tells whether there are more */
	rc = store_jobs_list(call->eng->store, &call->arena, &f, &rows, &n, err);
	if (rc == 0)
		rc = put_page(call, rows, n, f.limit - 1, &res, err);
	if (rc == 0)
		call_reply(call, &res.base);
	return rc;
}
