/* SPDX-License-Identifier: MIT */
/*
 * fuzz: jobdir - bytes on the control socket: cut into frames, each read as every type there is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "jobdir/frame.h"
#include "jobdir/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union any {
	struct frame_hello hello;
	struct frame_arm arm;
	struct frame_input input;
	struct frame_input_done input_done;
	struct frame_stop stop;
	struct frame_signal signal;
	struct frame_signalled signalled;
	struct frame_stopped stopped;
	struct frame_output output;
	struct frame_status status;
	struct begin begin;
	struct failure failure;
	struct end end;
	struct closing closing;
	uint64_t number;
};

/* Every one of them finds the frame whole, or none does: they share one encoding. */
static void
agree(int rc, bool *whole, bool *first)
{
	if (rc != 0 && rc != -EBADMSG)
		abort();
	if (!*first && *whole != (rc == 0))
		abort();
	*whole = rc == 0;
	*first = false;
}

static void
read_as_everything(const struct frame *f)
{
	bool whole = false, first = true;
	union any any;

	agree(frame_get_hello(f, &any.hello), &whole, &first);
	if (!memchr(any.hello.id, '\0', sizeof any.hello.id))
		abort();
	agree(frame_get_arm(f, &any.arm), &whole, &first);
	agree(frame_get_input_done(f, &any.input_done), &whole, &first);
	agree(frame_get_stop(f, &any.stop), &whole, &first);
	agree(frame_get_signal(f, &any.signal), &whole, &first);
	agree(frame_get_signalled(f, &any.signalled), &whole, &first);
	agree(frame_get_stopped(f, &any.stopped), &whole, &first);
	if (!memchr(any.stopped.names, '\0', sizeof any.stopped.names))
		abort();
	agree(frame_get_output(f, &any.output), &whole, &first);
	agree(frame_get_status(f, &any.status), &whole, &first);
	agree(frame_get_number(f, &any.number), &whole, &first);
	agree(begin_decode(f->fields, f->len, &any.begin), &whole, &first);
	agree(failure_decode(f->fields, f->len, &any.failure), &whole, &first);
	agree(end_decode(f->fields, f->len, &any.end), &whole, &first);
	agree(closing_decode(f->fields, f->len, &any.closing), &whole, &first);
	agree(frame_get_input(f, &any.input), &whole, &first);
	if (any.input.len &&
	    (any.input.data < f->fields || any.input.data + any.input.len > f->fields + f->len))
		abort();
}

static void
read_as_launch(const struct frame *f)
{
	struct spec spec;
	struct arena a;
	size_t i;

	arena_init(&a, (size_t)64 << 20);
	if (spec_decode(&a, f->fields, f->len, &spec) == 0) {
		for (i = 0; i < spec.argv.n; i++)
			if (strlen(spec.argv.v[i]) > f->len)
				abort();
		if (spec.argv.v[spec.argv.n] || spec.env.v[spec.env.n] ||
		    spec.base_env.v[spec.base_env.n] || !spec.cwd)
			abort();
	}
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf in;
	struct frame f;
	size_t used;

	buf_init(&in, FRAME_MAX);
	if (size > FRAME_MAX || buf_add(&in, data, size) < 0)
		return 0;
	while (frame_next(&in, FRAME_SMALL_MAX, &f, &used) > 0) {
		if (used > in.len || f.len > used)
			abort();
		read_as_everything(&f);
		read_as_launch(&f);
		buf_consume(&in, used);
	}
	buf_fini(&in);
	return 0;
}
