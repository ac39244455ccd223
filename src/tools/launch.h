/* SPDX-License-Identifier: MIT */
/*
 * launch - from a tool's arguments to a request that starts a job.
 *
 * A command runs in the client's folder with the adapter's environment, not the engine's, which may
 * have been started by somebody with a stripped PATH.
 */
#ifndef JOBWIRE_TOOLS_LAUNCH_H
#define JOBWIRE_TOOLS_LAUNCH_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/macros.h"
#include "jobwire/v1/jobs.pb-c.h"
#include "tools/property.h"

struct buf;
struct err;
struct tools;

/* Where and in what environment commands run that do not say so. */
struct launch_place {
	struct arena arena;
	const char *home;
	const char *cwd;
	const char *trouble; /* why `cwd` cannot be used, or NULL */
	Jobwire__V1__EnvVar **env;
	size_t n_env;
};

/* `working_dir` (NULL: none) is what the settings say. A folder that is not there is kept as
 * trouble and told in `warnings`. launch_place_fini() also after a failure. */
int launch_place_init(struct launch_place *p, const char *working_dir, struct buf *warnings,
		      struct err *err) MUST_CHECK;
void launch_place_fini(struct launch_place *p);

/* The arguments that launch_read() reads. */
extern const struct property launch_arguments[];

/* Fill in the request; it lives as long as `args` and the arena. Refused with sentences of the
 * predecessor: an empty command, one that is not allowed. */
int launch_read(struct tools *t, struct arena *a, const cJSON *args,
		Jobwire__V1__StdinMode stdin_mode, Jobwire__V1__StartRequest *ret_req,
		struct err *err) MUST_CHECK;

#endif
