/* SPDX-License-Identifier: MIT */
/*
 * end - how a job began and ended, as its holder saw it: facts of the kernel, no judgement.
 *
 * The same structs lie in the record file and travel in control frames. What they mean for a job's
 * state is the business of job/.
 */
#ifndef JOBWIRE_JOBDIR_END_H
#define JOBWIRE_JOBDIR_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct buf;

/* Numbers on disk and on the control socket. */
enum end_cause {
	END_BY_ITSELF = 0,
	END_BY_USER = 1,
	END_BY_TIMEOUT = 2,
	END_BY_IDLE_TIMEOUT = 3,
	END_BY_LIMIT = 4,
	END_BY_OOM = 5,
};

/* How far a stream reaches. */
struct extent {
	uint64_t start;  /* first byte that is stored */
	uint64_t stored; /* end of what is stored */
	uint64_t end;    /* end of what the job wrote */
};

#define END_NAMES_MAX 200 /* of survivors, for people */
#define STEP_MAX      24
#define PATH_TEXT_MAX 200

/* The command runs. */
struct begin {
	int32_t pid;
	uint64_t start_ticks; /* /proc/PID/stat field 22: with the pid, a name that is never reused
			       */
	int64_t started_ns;
};

/* It could not be started, or was stopped before (step "cancelled"). */
struct failure {
	char step[STEP_MAX]; /* "chdir", "exec", ... */
	int32_t errnum;
	char path[PATH_TEXT_MAX]; /* what the step was about, cut */
	int64_t failed_ns;
};

/* The main process is reaped and what it wrote is stored; where a stop was under way, the tree is
 * gone too. */
struct end {
	int32_t wait_status; /* as waitpid(2) */
	enum end_cause cause;
	int32_t last_signal; /* the last one that a stop or timeout sent, 0: none */
	int64_t exited_ns;
	int64_t ended_ns;
	struct extent out, err;
	uint64_t user_us, system_us, max_rss_kib;
	uint32_t killed;    /* processes that a stop or timeout ended */
	uint32_t survivors; /* processes that it could not end */
	char names[END_NAMES_MAX];
};

/* Nobody holds the pipes and nothing of the tree is left. */
struct closing {
	int64_t closed_ns;
	struct extent out, err;
	uint32_t killed, survivors; /* of the last stop: of END's own, or of what lingered */
	char names[END_NAMES_MAX];
};

/* Append as fields; 0 or as buf_add(). */
int begin_encode(struct buf *out, const struct begin *b) MUST_CHECK;
int failure_encode(struct buf *out, const struct failure *f) MUST_CHECK;
int end_encode(struct buf *out, const struct end *e) MUST_CHECK;
int closing_encode(struct buf *out, const struct closing *c) MUST_CHECK;

/* 0 or -EBADMSG. Missing fields are zero. Texts are valid UTF-8, whatever the bytes were. */
int begin_decode(const void *bytes, size_t len, struct begin *ret) MUST_CHECK;
int failure_decode(const void *bytes, size_t len, struct failure *ret) MUST_CHECK;
int end_decode(const void *bytes, size_t len, struct end *ret) MUST_CHECK;
int closing_decode(const void *bytes, size_t len, struct closing *ret) MUST_CHECK;

#endif
