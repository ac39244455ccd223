/* SPDX-License-Identifier: MIT */
/*
 * spec - what a job is asked to be: the engine writes it, the holder obeys it.
 *
 * Stored as the first record of the job's folder (without `base_env`) and sent to the holder at its
 * start (with it). Strings and arrays live in the arena that spec_decode() was given, or are
 * borrowed from whoever filled the struct.
 */
#ifndef JOBWIRE_JOBDIR_SPEC_H
#define JOBWIRE_JOBDIR_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "base/macros.h"

struct arena;
struct buf;

/* Numbers on disk, on the control socket and on the wire (proto/jobwire/v1/jobs.proto). */
enum spec_stdin {
	SPEC_STDIN_NULL = 1,
	SPEC_STDIN_PIPE = 2,
	SPEC_STDIN_PTY = 3,
};

enum spec_cap {
	SPEC_CAP_DROP = 1,
	SPEC_CAP_STOP = 2,
	SPEC_CAP_END = 3,
	SPEC_CAP_BLOCK = 4,
};

/* An array of NUL-terminated strings. */
struct strings {
	const char **v;
	size_t n;
};

struct spec_limit {
	uint32_t resource; /* RLIMIT_* */
	uint64_t soft, hard;
};

#define SPEC_LIMITS_MAX 16

struct spec {
	char id[ID_SIZE];
	struct strings argv; /* a program and its arguments, or empty: */
	const char *command; /* a string for `shell`, NULL with argv */
	const char *shell;   /* absolute path */
	bool in_file;        /* the command lies in the folder's file `script` */
	const char *cwd;
	struct strings env;      /* NAME=value, the explicit settings */
	struct strings base_env; /* NAME=value, the caller's; never on disk */
	enum spec_stdin stdin_mode;
	uint16_t pty_columns, pty_rows;
	uint64_t timeout_ms;      /* 0: none */
	uint64_t idle_timeout_ms; /* 0: none */
	uint64_t grace_ms;
	enum spec_cap cap;
	uint64_t cap_bytes; /* 0: no cap */
	bool has_linger;
	uint64_t linger_ms;
	bool has_umask;
	uint32_t umask;
	struct spec_limit limits[SPEC_LIMITS_MAX];
	size_t n_limits;
	bool power_safe; /* fdatasync() each record */
};

/* Append as fields; `with_base_env` only on the way to the holder. 0 or as buf_add(). */
int spec_encode(struct buf *out, const struct spec *spec, bool with_base_env) MUST_CHECK;
/* 0, -ENOMEM, or -EBADMSG: not a spec that a holder could obey. */
int spec_decode(struct arena *a, const void *bytes, size_t len, struct spec *ret_spec) MUST_CHECK;

#endif
