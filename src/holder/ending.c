/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "holder/holder.h"
#include "jobdir/folder.h"

#define RECORD_RETRY_MS 250
#define TELL_MS         100 /* processes that end together are told together */

/* A disk that fails a sync so often has said what it has to say: the record is in its file. */
#define SYNC_TRIES 4

static void
on_main_exit(struct holder *h, int status, const struct rusage *usage)
{
	h->exited = true;
	h->wait_status = status;
	h->usage = *usage;
	h->exited_ns = clock_wall_ns();
	/* A signal that a user sent alone, and that the job died of, is a user's kill. */
	if (h->cause == END_BY_ITSELF && h->user_signal && WIFSIGNALED(status) &&
	    WTERMSIG(status) == h->user_signal) {
		h->cause = END_BY_USER;
		h->last_signal = h->user_signal;
	}
	input_close(h);
	output_exited(h);
}

/* No zombie stays: neither the main process nor an orphan that came to us. */
void
ending_reap(struct holder *h)
{
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
		if (pid == h->begin.pid && !h->exited)
			on_main_exit(h, status, &usage);
		else if (h->ended && !h->deadlines[TIMER_TELL])
			timer_set(h, TIMER_TELL, TELL_MS);
	stop_sweep(h);
}

static uint64_t
microseconds(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

/* Append the record, then tell the engine. 0 or -errno; the next call goes on where this one came
 * to, so that no record is there twice. */
static int
record_and_tell(struct holder *h, enum record_type type, enum frame_type frame,
		const struct buf *fields)
{
	bool must_sync = h->spec.power_safe && h->syncs_failed < SYNC_TRIES;
	int rc;

	if (must_sync && syncfs(h->dirfd) < 0)
		goto not_synced;
	if (h->appended != type) {
		rc = record_append(h->recordfd, type, buf_head(fields), fields->len, false);
		if (rc < 0)
			return rc;
		h->appended = type;
	}
	if (must_sync && sys_fdatasync(h->recordfd) < 0)
		goto not_synced;
	h->syncs_failed = 0;
	control_send(h, frame_put(&h->conn.out, frame, buf_head(fields), fields->len));
	return 0;
not_synced:
	rc = -errno;
	h->syncs_failed++;
	return rc;
}

static int
end(struct holder *h)
{
	struct end e = {
		.wait_status = h->wait_status,
		.cause = h->cause,
		.last_signal = h->last_signal,
		.exited_ns = h->exited_ns,
		.ended_ns = clock_wall_ns(),
		.user_us = microseconds(&h->usage.ru_utime),
		.system_us = microseconds(&h->usage.ru_stime),
		.max_rss_kib = (uint64_t)h->usage.ru_maxrss,
		.killed = h->stop.killed,
		.survivors = h->stop.survivors,
	};
	struct buf fields;
	int rc;

	(void)snprintf(e.names, sizeof e.names, "%s", h->stop.names);
	output_extents(h, &e.out, &e.err);
	buf_init(&fields, FRAME_SMALL_MAX);
	rc = end_encode(&fields, &e);
	sys_stop_point("holder.end");
	if (rc == 0)
		rc = record_and_tell(h, RECORD_END, FRAME_END, &fields);
	buf_fini(&fields);
	return rc;
}

static int
closing(struct holder *h)
{
	struct closing c = {
		.closed_ns = clock_wall_ns(),
		.killed = h->stop.killed,
		.survivors = h->stop.survivors,
	};
	struct buf fields;
	int rc;

	(void)snprintf(c.names, sizeof c.names, "%s", h->stop.names);
	output_extents(h, &c.out, &c.err);
	buf_init(&fields, FRAME_SMALL_MAX);
	rc = closing_encode(&fields, &c);
	sys_stop_point("holder.closing");
	if (rc == 0)
		rc = record_and_tell(h, RECORD_CLOSING, FRAME_CLOSING, &fields);
	buf_fini(&fields);
	return rc;
}

static void
set_linger(struct holder *h)
{
	if (!h->spec.has_linger || h->linger_set || tree_is_empty())
		return;
	h->linger_set = true;
	timer_set(h, TIMER_LINGER, (int64_t)h->spec.linger_ms);
}

void
ending_settle(struct holder *h)
{
	stop_answer(h);
	if (!h->exited)
		return;
	/* Whoever was asked to kill says so only when the tree is dead. */
	if (!h->ended && !h->stop.active && output_is_drained(h)) {
		if (end(h) < 0) {
			timer_set(h, TIMER_DISK, RECORD_RETRY_MS);
			return;
		}
		h->ended = true;
		output_set_policy(h, h->spec.cap); /* of what lingers */
		set_linger(h);
		if (!tree_is_empty())
			control_trouble(h);
	}
	if (h->ended && (h->stop.settled || (h->blocked && tree_is_empty())))
		output_finish(h);
	if (!h->ended || h->stop.active || !output_is_closed(h) || !tree_is_empty()) {
		stop_answer(h);
		return;
	}
	/* Whoever asked for a stop takes this for the answer: then the job can be removed, too. */
	if (closing(h) < 0) {
		timer_set(h, TIMER_DISK, RECORD_RETRY_MS);
		return;
	}
	control_flush(h);
	(void)unlinkat(h->dirfd, FOLDER_CONTROL, 0);
	h->done = true;
}
