/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/attach_inside.h"
#include "cli/terminal.h"

#define READ_MAX      ((size_t)64 * 1024)
#define AHEAD_MAX     ((size_t)512 * 1024) /* read and not sent yet */
#define BACKGROUND_MS 250                  /* between looks at a terminal that is not ours now */

void
attach_input_begin(struct attach *a, uint64_t offset)
{
	bool raw = a->plan->request->stdin_mode == JOBWIRE__V1__STDIN_MODE__STDIN_PTY;

	if (!a->plan->forward) {
		a->stdin_ended = true;
		return;
	}
	feed_begin(&a->feed, a->cli->client, a->id, offset);
	a->is_terminal = isatty(STDIN_FILENO);
	if (!a->is_terminal)
		return;
	terminal_begin(STDIN_FILENO, raw ? TERMINAL_RAW : TERMINAL_LINES);
	a->cli->is_raw = raw;
}

int
attach_input_fd(const struct attach *a)
{
	bool wanted = *a->id && !a->stdin_ended && !a->is_leaving && !a->follow.is_over &&
		      !a->feed.is_closed && a->feed.bytes.len < AHEAD_MAX &&
		      clock_mono_ms() >= a->paused_ms;

	return wanted ? STDIN_FILENO : -1;
}

static void
add(struct attach *a, const void *bytes, size_t len)
{
	if (feed_add(&a->feed, bytes, len) < 0)
		BUG("no memory for %zu bytes of input", len);
}

static void
add_typed(struct attach *a, const unsigned char *bytes, size_t len)
{
	unsigned char passed[READ_MAX + 1];
	bool detach;
	size_t n;

	detach = keys_filter(&a->keys, bytes, len, passed, &n);
	add(a, passed, n);
	if (a->keys.is_held)
		a->hold_ms = clock_mono_ms() + KEYS_HOLD_MS;
	if (detach)
		attach_leave(a, STATUS_DONE, "its client detached", "detached");
}

static void
end_input(struct attach *a)
{
	a->stdin_ended = true;
	a->feed.wants_eof = true;
}

void
attach_input_read(struct attach *a)
{
	unsigned char bytes[READ_MAX];
	ssize_t n;

	if (a->is_terminal && !terminal_is_ours(STDIN_FILENO)) {
		a->paused_ms = clock_mono_ms() + BACKGROUND_MS; /* a read would stop us */
		return;
	}
	n = read(STDIN_FILENO, bytes, sizeof bytes);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && errno != EIO && errno != EBADF) /* a terminal that is gone; closed */
		cli_say(a->cli, "stdin cannot be read: %s", strerrordesc_np(errno));
	if (n <= 0)
		end_input(a);
	else if (a->is_terminal)
		add_typed(a, bytes, (size_t)n);
	else
		add(a, bytes, (size_t)n);
}

int
attach_input_tick(struct attach *a)
{
	static const unsigned char held = KEYS_FIRST;
	int64_t now = clock_mono_ms(), next = INT64_MAX;

	if (a->keys.is_held && now >= a->hold_ms && keys_let_go(&a->keys)) {
		add(a, &held, 1);
		return 0;
	}
	if (a->keys.is_held)
		next = a->hold_ms;
	if (a->paused_ms > now)
		next = MIN(next, a->paused_ms);
	return next == INT64_MAX ? -1 : (int)(next - now);
}
