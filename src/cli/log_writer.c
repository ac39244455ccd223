/* SPDX-License-Identifier: MIT */
#include "cli/log_writer.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

/* A piece of nothing but line ends, each with its time in front. */
#define TEXT_MAX (WIRE_READ_MAX * (CLOCK_TEXT_MAX + 1))

void
log_writer_init(struct log_writer *w, bool with_times)
{
	w->with_times = with_times;
	w->in_line = false;
	buf_init(&w->text, TEXT_MAX);
}

void
log_writer_fini(struct log_writer *w)
{
	buf_fini(&w->text);
}

static int
add_time(struct log_writer *w, int64_t wall_ns)
{
	char time[CLOCK_TEXT_MAX];

	return buf_addf(&w->text, "%s ", clock_format(wall_ns, 6, time));
}

static int
add_lines(struct log_writer *w, int64_t wall_ns, const unsigned char *p, size_t len)
{
	const unsigned char *newline;
	size_t n;
	int rc = 0;

	for (; len && rc == 0; p += n, len -= n) {
		newline = memchr(p, '\n', len);
		n = newline ? (size_t)(newline - p) + 1 : len;
		if (!w->in_line)
			rc = add_time(w, wall_ns);
		if (rc == 0)
			rc = buf_add(&w->text, p, n);
		w->in_line = !newline;
	}
	return rc;
}

int
log_writer_put(struct log_writer *w, const Jobwire__V1__ReadOutputResponse *piece)
{
	const unsigned char *p = piece->data.data;
	size_t left = piece->data.len, i, len;
	int rc = 0;

	if (!w->with_times)
		return fd_write_all(STDOUT_FILENO, p, left);
	if (piece->gap_bytes)
		w->in_line = false;
	for (i = 0; i < piece->n_chunks && rc == 0; i++) {
		len = MIN(left, piece->chunks[i]->length);
		rc = add_lines(w, piece->chunks[i]->time_ns, p, len);
		p += len;
		left -= len;
	}
	if (rc == 0)
		rc = fd_write_all(STDOUT_FILENO, buf_head(&w->text), w->text.len);
	buf_clear(&w->text);
	return rc;
}
