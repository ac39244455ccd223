/* SPDX-License-Identifier: MIT */
/*
 * frame - what engine and holder say to each other on the job's control socket.
 *
 *	frame	length of the fields (le32), type (le16), 0 (le16), tlv fields
 *
 * Both send HELLO first. A type or tag that is not known is skipped, so that an old holder and a
 * newer engine talk for months; FRAME_VERSION rises only when that cannot be kept up.
 * Engine to holder: LAUNCH (once, on the socket that it was born with), GO when the job's turn has
 * come, then any of QUERY, ARM, INPUT, STOP, SIGNAL, CONSUMED, POLICY, PIPE_GRANT. Holder to
 *engine: the others. A queued job waits in its holder, because that is the only place where its
 *caller's environment may be kept; STOP before GO cancels it (FAILURE, step "cancelled"). Nothing
 *here can clog: the engine has at most one INPUT unanswered, the holder speaks only when asked,
 *when armed (once), and at the job's few turning points.
 */
#ifndef JOBWIRE_JOBDIR_FRAME_H
#define JOBWIRE_JOBDIR_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "jobdir/end.h"

struct buf;

#define FRAME_VERSION   1
#define FRAME_HEAD_LEN  8
#define FRAME_MAX       ((size_t)8 * 1024 * 1024) /* a LAUNCH with a large environment */
#define FRAME_SMALL_MAX ((size_t)128 * 1024)      /* any other */
#define FRAME_INPUT_MAX ((size_t)64 * 1024)       /* data of one INPUT */
#define FRAME_APPEND    UINT64_MAX                /* INPUT's offset: wherever the input ends */

/* Numbers on the socket. Never change or reuse one. */
enum frame_type {
	FRAME_HELLO = 1,
	/* engine to holder */
	FRAME_LAUNCH = 2,      /* the spec, with base_env (spec.h) */
	FRAME_QUERY = 3,       /* answered by STATUS */
	FRAME_ARM = 4,         /* arm: one OUTPUT as soon as there is more */
	FRAME_INPUT = 5,       /* input: answered by INPUT_DONE */
	FRAME_STOP = 6,        /* stop: answered by STOPPED when the tree is gone */
	FRAME_SIGNAL = 7,      /* signal: answered by SIGNALLED */
	FRAME_CONSUMED = 8,    /* arm: the follower has read so far (CAP_BLOCK) */
	FRAME_POLICY = 9,      /* policy: change the cap policy */
	FRAME_PIPE_GRANT = 10, /* number: bytes that the output pipe may have */
	FRAME_GO = 11,         /* start the command now */
	/* holder to engine */
	FRAME_STATUS = 32,
	FRAME_BEGIN = 33,      /* begin (end.h) */
	FRAME_FAILURE = 34,    /* failure */
	FRAME_OUTPUT = 35,     /* output */
	FRAME_INPUT_DONE = 36, /* input_done */
	FRAME_INPUT_ROOM = 37, /* there is room again after an INPUT that was not taken whole */
	FRAME_SIGNALLED = 38,  /* signalled */
	FRAME_END = 39,        /* end */
	FRAME_STOPPED = 40,    /* stopped */
	FRAME_CLOSING = 41,    /* closing */
	FRAME_TROUBLE = 42,    /* status: disk_full, blocked, lingering or input changed */
	FRAME_PIPE_WANT = 43,  /* the output pipe was found full again and again */
};

struct frame_hello {
	uint32_t version; /* FRAME_VERSION */
	char id[40];      /* the job's id, from the holder */
};

struct frame_arm {
	uint64_t out, err;
};

struct frame_input {
	uint64_t tag;    /* echoed in INPUT_DONE */
	uint64_t offset; /* or FRAME_APPEND */
	bool eof;        /* close the input behind the data, if all of it is taken */
	const unsigned char *data;
	size_t len;
};

enum input_verdict {
	INPUT_TAKEN = 0,     /* `accepted` bytes of it, perhaps fewer than sent */
	INPUT_DUPLICATE = 1, /* these bytes had been accepted before */
	INPUT_MISMATCH = 2,  /* `offset` is not where the input ends */
	INPUT_CLOSED = 3,    /* closed before, or the job does not read any more */
	INPUT_NONE = 4,      /* the job has no stdin */
};

struct frame_input_done {
	uint64_t tag;
	enum input_verdict verdict;
	uint64_t accepted;    /* bytes of this INPUT */
	uint64_t next_offset; /* where the input ends now */
	uint64_t delivered;   /* taken by the job's pipe; a TROUBLE tells when it is all */
	bool closed;          /* nothing can follow */
};

struct frame_stop {
	uint64_t tag;   /* echoed in STOPPED */
	int32_t signal; /* first signal */
	uint64_t grace_ms;
	enum end_cause cause;
};

struct frame_signal {
	uint64_t tag; /* echoed in SIGNALLED */
	int32_t signal;
	bool tree; /* every process of it, not only the main one */
};

struct frame_signalled {
	uint64_t tag;
	uint32_t processes;
	int32_t errnum; /* of the last one that could not be signalled, or 0 */
};

struct frame_stopped {
	uint64_t tag; /* of every STOP that came while it was under way: one frame each */
	uint32_t killed, survivors;
	char names[END_NAMES_MAX];
};

struct frame_output {
	struct extent out, err;
};

/* Everything an engine needs that finds a living holder. */
struct frame_status {
	struct begin begin; /* pid 0: not started yet */
	struct extent out, err;
	uint64_t input_offset;    /* accepted */
	uint64_t input_delivered; /* taken by the job's pipe */
	bool input_closed;
	bool stopping;
	bool exited; /* the main process is reaped */
	bool ended;  /* the END record is written */
	bool disk_full;
	bool blocked;
	uint32_t lingering;  /* processes of the tree besides the main one; only when `exited` */
	uint64_t pipe_bytes; /* granted beyond the default */
	enum end_cause cause;
};

/* Append one frame to what is to be sent. 0 or as buf_add(). */
int frame_put(struct buf *out, enum frame_type type, const void *fields, size_t len) MUST_CHECK;
int frame_put_hello(struct buf *out, const struct frame_hello *f) MUST_CHECK;
int frame_put_arm(struct buf *out, enum frame_type type, const struct frame_arm *f) MUST_CHECK;
int frame_put_input(struct buf *out, const struct frame_input *f) MUST_CHECK;
int frame_put_input_done(struct buf *out, const struct frame_input_done *f) MUST_CHECK;
int frame_put_stop(struct buf *out, const struct frame_stop *f) MUST_CHECK;
int frame_put_signal(struct buf *out, const struct frame_signal *f) MUST_CHECK;
int frame_put_signalled(struct buf *out, const struct frame_signalled *f) MUST_CHECK;
int frame_put_stopped(struct buf *out, const struct frame_stopped *f) MUST_CHECK;
int frame_put_output(struct buf *out, const struct frame_output *f) MUST_CHECK;
int frame_put_status(struct buf *out, enum frame_type type,
		     const struct frame_status *f) MUST_CHECK;
int frame_put_number(struct buf *out, enum frame_type type, uint64_t number) MUST_CHECK;

/* One frame that has arrived whole. */
struct frame {
	unsigned type;
	const unsigned char *fields; /* inside the buffer: valid until it changes */
	size_t len;
};

/* 1 and the first frame of the buffer, and how many bytes it has there; 0: not whole yet;
 * -EMSGSIZE: longer than `max`, hang up. */
int frame_next(const struct buf *in, size_t max, struct frame *ret_frame,
	       size_t *ret_used) MUST_CHECK;

/* 0 or -EBADMSG. Missing fields are zero. */
int frame_get_hello(const struct frame *f, struct frame_hello *ret) MUST_CHECK;
int frame_get_arm(const struct frame *f, struct frame_arm *ret) MUST_CHECK;
int frame_get_input(const struct frame *f, struct frame_input *ret) MUST_CHECK;
int frame_get_input_done(const struct frame *f, struct frame_input_done *ret) MUST_CHECK;
int frame_get_stop(const struct frame *f, struct frame_stop *ret) MUST_CHECK;
int frame_get_signal(const struct frame *f, struct frame_signal *ret) MUST_CHECK;
int frame_get_signalled(const struct frame *f, struct frame_signalled *ret) MUST_CHECK;
int frame_get_stopped(const struct frame *f, struct frame_stopped *ret) MUST_CHECK;
int frame_get_output(const struct frame *f, struct frame_output *ret) MUST_CHECK;
int frame_get_status(const struct frame *f, struct frame_status *ret) MUST_CHECK;
int frame_get_number(const struct frame *f, uint64_t *ret) MUST_CHECK;

#endif
