/* SPDX-License-Identifier: MIT */
/*
 * fuzz: engine - bytes read as a StartRequest and checked field by field: what is let through is a
 * job that a holder can obey.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/call.h"
#include "engine/engine.h"
#include "engine/start_request.h"
#include "wire/message.h"

#define ARENA_MAX ((size_t)16 << 20)
#define SPEC_ID   "ab234567-89ab-4cde-8f01-23456789abcd"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_env(const struct strings *env)
{
	size_t i;

	for (i = 0; i < env->n; i++)
		if (!strchr(env->v[i], '=') || env->v[i][0] == '=')
			abort();
	if (env->v[env->n])
		abort();
}

static void
check_start(struct arena *a, struct job_start *start)
{
	struct spec back;
	struct buf out;

	check_env(&start->spec.env);
	check_env(&start->spec.base_env);
	if (start->spec.cwd[0] != '/' || !start->name || !start->group || !start->session)
		abort();
	if (start->spec.argv.n ? !start->spec.argv.v[0][0] || start->spec.command
			       : !start->spec.command || start->spec.shell[0] != '/')
		abort();
	(void)snprintf(start->spec.id, sizeof start->spec.id, "%s", SPEC_ID);
	buf_init(&out, ARENA_MAX);
	if (spec_encode(&out, &start->spec, true) < 0 ||
	    spec_decode(a, buf_head(&out), out.len, &back) < 0 ||
	    back.argv.n != start->spec.argv.n || back.env.n != start->spec.env.n ||
	    back.n_limits != start->spec.n_limits || back.cap_bytes != start->spec.cap_bytes)
		abort();
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct engine eng = { .settings = { .grace = 5000, .max_output_size = 1 << 26 },
				     .original_nofile = 1024 };
	struct call call = { .eng = &eng, .env.session = "s" };
	struct job_start start;
	ProtobufCMessage *message;
	struct err err = { 0 };
	int rc;

	arena_init(&call.arena, 4 * ARENA_MAX);
	if (message_unpack(&call.arena, &jobwire__v1__start_request__descriptor, data, size,
			   &message, &err) == 0) {
		call.req = message;
		rc = start_request_read(&call, &start, &err);
		if (rc == 0)
			check_start(&call.arena, &start);
		else if (err.code != rc || !err.msg[0])
			abort();
	}
	arena_fini(&call.arena);
	return 0;
}
