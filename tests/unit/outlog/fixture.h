/* SPDX-License-Identifier: MIT */
/*
 * fixture - one log with its model, written piece by piece.
 */
#ifndef JOBWIRE_TEST_OUTLOG_FIXTURE_H
#define JOBWIRE_TEST_OUTLOG_FIXTURE_H

#include "outlog/model.h"

struct fixture {
	struct temp *temp;
	struct outlog *log;
	struct model model;
	int64_t now;
};

static inline void
begin(struct fixture *f, void *temp, uint64_t cap, enum outlog_full full)
{
	struct err err = { 0 };

	*f = (struct fixture){ .temp = temp, .now = NS_PER_S };
	assert_ok(outlog_new(f->temp->fd, cap, full, &f->log, &err), &err);
}

static inline void
finish(struct fixture *f)
{
	outlog_free(f->log);
	model_fini(&f->model);
}

/* The next bytes, with an entry of their own. */
static inline void
put(struct fixture *f, enum outlog_stream stream, size_t len)
{
	size_t taken;

	f->now += MODEL_MERGE_NS;
	assert_int_equal(model_append(&f->model, f->log, stream, f->now, len, &taken), 0);
}

static inline struct outlog_reader *
reader_of(const struct fixture *f)
{
	struct outlog_reader *r;
	struct err err = { 0 };

	assert_ok(outlog_reader_new(f->temp->fd, &r, &err), &err);
	return r;
}

static inline void
check_at(const struct fixture *f, enum outlog_view view, uint64_t offset, size_t max)
{
	struct outlog_reader *r = reader_of(f);

	model_check(&f->model, r, MODEL_FRESH, view, offset, max, MODEL_CHUNKS);
	outlog_reader_free(r);
}

#endif
