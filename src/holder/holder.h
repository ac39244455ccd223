/* SPDX-License-Identifier: MIT */
/*
 * holder - the small process that holds one job: its pipes, timers, output log and records.
 *
 * It knows nothing of NNG, protobuf, SQLite or the engine's state, and outlives the engine. One
 * thread, one epoll loop, no wake-up without a cause. The steps of a job's life are one file each:
 *
 *	launch.c   the spec becomes a running command        (job-life section 1)
 *	output.c   pipes -> log                              (section 2)
 *	input.c    frames -> the job's stdin
 *	control.c  the engine's frames, and what is told to it
 *	tree.c     which processes belong to the job; signals to them
 *	stop.c     signal, grace, SIGKILL, sweep
 *	ending.c   exited, drained, closed                   (section 3)
 *
 * Memory: 40 KiB private, some 400 KiB when a job writes fast. Static binary: nothing here may call NSS or dlopen().
 */
#ifndef JOBWIRE_HOLDER_HOLDER_H
#define JOBWIRE_HOLDER_HOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/process.h"
#include "jobdir/end.h"
#include "jobdir/frame.h"
#include "jobdir/record.h"
#include "jobdir/spec.h"
#include "outlog/outlog.h"

/* The descriptors that the engine starts a holder with. */
enum {
	HOLDER_FD_RECORD = 3,  /* the record file, locked */
	HOLDER_FD_CONTROL = 4, /* a connected socket: LAUNCH comes first */
	HOLDER_FD_FOLDER = 5,  /* the job's folder */
};

/* What the loop waits for. */
enum watch {
	WATCH_SIGNALS,
	WATCH_LISTEN,
	WATCH_CONTROL,
	WATCH_OUT, /* + enum outlog_stream */
	WATCH_ERR,
	WATCH_INPUT,
	WATCH_COUNT,
};

enum timer {
	TIMER_WALL,   /* timeout_ms */
	TIMER_IDLE,   /* idle_timeout_ms */
	TIMER_GRACE,  /* between the first signal and SIGKILL */
	TIMER_SWEEP,  /* the next look for processes that are left */
	TIMER_LINGER, /* linger_ms */
	TIMER_DISK,   /* the next try to store what the disk refused */
	TIMER_RESUME, /* end of a pause between tiny reads */
	TIMER_DRAIN,  /* a terminal that does not report its end */
	TIMER_LISTEN, /* the next try to make the control socket */
	TIMER_TELL,   /* fewer processes linger */
	TIMER_COUNT,
};

struct source {
	int fd;              /* -1: nobody holds the other end any more */
	bool watched;        /* the loop waits for it */
	bool asleep;         /* paused between tiny reads */
	uint64_t drain_left; /* bytes that were in the pipe when the main process ended */
	struct buf held;     /* read, but not stored yet */
	unsigned full_reads; /* in a row */
	unsigned tiny_reads; /* in this window */
	int64_t window_ms;
};

#define INPUT_QUEUE_MAX ((size_t)64 * 1024)
#define INPUT_MEMORY    16

/* A piece of input that was accepted: how a retry is known from new input. */
struct input_seen {
	uint64_t offset;
	uint64_t len;
	uint32_t crc;
};

struct input {
	int fd; /* -1: none, or closed */
	struct buf queue;
	uint64_t offset;    /* accepted */
	uint64_t delivered; /* taken by the job's pipe */
	bool eof;           /* close behind the queue */
	bool within_line;   /* what was delivered does not end with a newline */
	int n_ends;         /* end characters that a terminal has got */
	bool owes_news;     /* the last answer could not say everything yet */
	bool closed;
	bool refused;                         /* somebody waits for room */
	struct input_seen seen[INPUT_MEMORY]; /* a ring */
	unsigned n_seen;
};

struct conn {
	int fd; /* -1: no engine */
	struct buf in, out;
	bool wants_room; /* `out` waits for the socket */
	bool armed;
	struct frame_arm arm;
};

struct stop {
	bool active;                 /* under way */
	bool killing;                /* SIGKILL phase */
	bool settled;                /* over; its numbers wait to be told */
	int64_t give_up_ms;          /* of the SIGKILL phase */
	int64_t pause_ms;            /* between two looks */
	struct process_list victims; /* that it has signalled */
	uint64_t *tags;              /* of the STOP frames that wait for an answer */
	size_t n_tags, cap_tags;
	uint32_t killed, survivors;
	char names[END_NAMES_MAX];
};

/* A limit that would end the holder. The job gets it as it was. */
struct raised_limit {
	int resource;
	struct rlimit was;
};

#define RAISED_LIMITS 2

struct holder {
	int recordfd, dirfd;
	struct arena arena;
	struct spec spec;
	struct raised_limit raised[RAISED_LIMITS];

	int epfd, sigfd, listenfd;
	int64_t deadlines[TIMER_COUNT]; /* monotonic ms, 0: off */
	bool done;

	struct conn conn;
	struct source source[OUTLOG_STREAMS];
	struct outlog *log;
	int64_t last_output_ms;
	bool disk_full, blocked;
	unsigned char *read_buf;
	size_t read_max;
	/* The job's end of a terminal, kept until the main process is reaped: a job that gives its
	 * own up would be hung up otherwise. -1: none. */
	int terminalfd;
	uint64_t pipe_bytes; /* granted */
	bool pipe_asked;
	enum outlog_stream pipe_wanted; /* whose pipe is too small */

	struct input input;

	struct begin begin; /* pid 0: it never ran */
	bool exited, ended, linger_set;
	int user_signal; /* the last one that a user sent to the main process alone */
	int wait_status;
	int64_t exited_ns;
	struct rusage usage;
	enum record_type appended; /* the last of END and CLOSING that is in the file, 0: none */
	unsigned syncs_failed;     /* of the record that is being written, in a row */
	enum end_cause cause;
	int last_signal;
	struct stop stop;
};

/* main.c: the loop's tools. */
void timer_set(struct holder *h, enum timer timer, int64_t in_ms);
void timer_off(struct holder *h, enum timer timer);
void watch_add(struct holder *h, enum watch watch, int fd, uint32_t events);
void watch_change(struct holder *h, enum watch watch, int fd, uint32_t events);
void watch_remove(struct holder *h, int fd);

/* launch.c: start the command. 0: it runs; -1: *ret says why not. */
int launch(struct holder *h, struct failure *ret) MUST_CHECK;

/* output.c */
void output_begin(struct holder *h, enum outlog_stream stream, int fd);
void output_ready(struct holder *h, enum outlog_stream stream); /* readable or at its end */
void output_resume(struct holder *h);                           /* TIMER_RESUME */
void output_retry(struct holder *h);  /* TIMER_DISK, or the follower has read */
void output_idle(struct holder *h);   /* TIMER_IDLE */
void output_exited(struct holder *h); /* the main process is gone: from here on it drains */
/* The tree is dead: take what it left and find the pipes' ends now. Somebody outside of it who
 * holds a pipe open is left to the loop. */
void output_finish(struct holder *h);
void output_give_up_drain(struct holder *h); /* TIMER_DRAIN */
bool output_is_drained(struct holder *h);
bool output_is_closed(const struct holder *h);
void output_set_policy(struct holder *h, enum spec_cap cap);
void output_grow_pipe(struct holder *h, uint64_t bytes);
void output_extents(const struct holder *h, struct extent *ret_out, struct extent *ret_err);

/* input.c */
void input_begin(struct holder *h, int fd);
void input_take(struct holder *h, const struct frame_input *f, struct frame_input_done *ret);
void input_tell_room(struct holder *h); /* whoever was refused may come again */
void input_ready(struct holder *h, uint32_t events);
void input_close(struct holder *h);

/* control.c */
void control_begin(struct holder *h, int fd);
void control_accept(struct holder *h);
void control_ready(struct holder *h, uint32_t events);
void control_retry_listen(struct holder *h);  /* TIMER_LISTEN */
void control_output(struct holder *h);        /* tell, if armed */
void control_trouble(struct holder *h);       /* also TIMER_TELL */
void control_send(struct holder *h, int put); /* after frame_put_*(&h->conn.out, ...) */
void control_flush(struct holder *h);
struct frame_status control_status(const struct holder *h);

/* tree.c */
/* Every living process below the holder. Free with process_list_fini(). */
void tree_list(struct process_list *ret_tree);
/* Are there no descendants left, zombies included? */
bool tree_is_empty(void);
/* "name(pid), ..." of the first ones. */
void tree_names(const struct process_list *tree, char out[END_NAMES_MAX]);
uint32_t tree_count(void);

/* stop.c */
void stop_begin(struct holder *h, const struct frame_stop *f, bool answer);
void stop_kill(struct holder *h);  /* TIMER_GRACE */
void stop_sweep(struct holder *h); /* TIMER_SWEEP, or a child ended */
void stop_answer(struct holder *h);
uint32_t stop_signal(struct holder *h, const struct frame_signal *f, int *ret_errnum);

/* ending.c: look at the three facts and act on what became true. Called once a turn. */
void ending_reap(struct holder *h);
void ending_settle(struct holder *h);

#endif
