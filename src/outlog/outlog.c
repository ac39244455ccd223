/* SPDX-License-Identifier: MIT */
#include "outlog/outlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "outlog/format.h"

#define SEGMENT_MIN   512
#define SEGMENT_MAX   ((uint64_t)8 * 1024 * 1024)
#define SEGMENT_PLAIN ((uint64_t)64 * 1024 * 1024) /* without a cap */
#define PUNCH_STEP    ((uint64_t)64 * 1024)
#define PAGE          ((uint64_t)4096)
#define MERGE_NS      (10 * NS_PER_MS)

struct segment {
	enum outlog_stream stream;
	uint64_t offset; /* of its first byte */
	uint64_t len;
	uint64_t first_entry; /* of the index: the entry of its first byte */
	uint64_t weight;      /* of the whole log when it began */
	struct segment *next; /* in the order of their first bytes */
};

struct outlog {
	int dirfd; /* borrowed */
	uint64_t cap;
	enum outlog_full full;
	uint64_t segment_size;
	bool discarding;

	struct segment *first, **end; /* segments; `end` is where the next one is hung */
	/* The one that is written to, or NULL; while it is empty it is not in the list. */
	struct segment *active[OUTLOG_STREAMS];
	int fd[OUTLOG_STREAMS]; /* of the active one */
	struct outlog_extent extent[OUTLOG_STREAMS];
	uint64_t consumed[OUTLOG_STREAMS];
	uint64_t stored_bytes; /* sum of all segments' lengths */

	int indexfd;
	uint64_t entries;      /* in the index, dead ones included */
	uint64_t dead_entries; /* at its front */
	uint64_t punched;      /* bytes of the index file that are a hole */
	struct index_entry last;
	enum outlog_stream last_stream;
	bool last_open;  /* may still grow */
	bool last_dirty; /* is not on disk as it is here */
};

/* No file may be larger than the limit of this process says. */
static uint64_t
within_limit(uint64_t size)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return size;
	return MIN(size, MAX((uint64_t)limit.rlim_cur, SEGMENT_MIN));
}

int
outlog_new(int dirfd, uint64_t cap_bytes, enum outlog_full full, struct outlog **ret_log,
	   struct err *err)
{
	struct outlog *log = calloc(1, sizeof *log);

	if (!log)
		return err_sys(err, ENOMEM, "output log");
	log->dirfd = dirfd;
	log->cap = cap_bytes;
	log->full = full;
	log->segment_size =
		cap_bytes ? MIN(MAX(cap_bytes / 8, SEGMENT_MIN), SEGMENT_MAX) : SEGMENT_PLAIN;
	log->segment_size = within_limit(log->segment_size);
	log->fd[OUTLOG_OUT] = log->fd[OUTLOG_ERR] = log->indexfd = -1;
	log->end = &log->first;
	*ret_log = log;
	return 0;
}

static void
forget_first(struct outlog *log)
{
	struct segment *s = log->first;

	log->first = s->next;
	if (!log->first)
		log->end = &log->first;
	free(s);
}

void
outlog_free(struct outlog *log)
{
	int i;

	if (!log)
		return;
	for (i = 0; i < OUTLOG_STREAMS; i++) {
		if (log->active[i] && log->active[i]->len == 0)
			free(log->active[i]);
		fd_close(&log->fd[i]);
	}
	while (log->first)
		forget_first(log);
	fd_close(&log->indexfd);
	free(log);
}

struct outlog_extent
outlog_extent(const struct outlog *log, enum outlog_stream stream)
{
	return log->extent[stream];
}

void
outlog_set_full(struct outlog *log, enum outlog_full full)
{
	log->full = full;
}

void
outlog_discard_all(struct outlog *log)
{
	log->discarding = true;
}

void
outlog_consumed(struct outlog *log, enum outlog_stream stream, uint64_t offset)
{
	log->consumed[stream] = MAX(log->consumed[stream], MIN(offset, log->extent[stream].stored));
}

/* What the cap is held against. */
static uint64_t
live_bytes(const struct outlog *log)
{
	return log->stored_bytes + (log->entries - log->dead_entries) * INDEX_ENTRY_LEN;
}

/* Grows with every byte and entry and never shrinks: how far apart two moments of the log are. */
static uint64_t
weight(const struct outlog *log)
{
	return log->extent[OUTLOG_OUT].stored + log->extent[OUTLOG_ERR].stored +
	       log->entries * INDEX_ENTRY_LEN;
}

static void
close_active(struct outlog *log, enum outlog_stream stream)
{
	fd_close(&log->fd[stream]);
	log->active[stream] = NULL;
	if (log->last_stream == stream)
		log->last_open = false; /* what was dropped has no entry that may grow */
}

/* Entries before the first one that a live segment needs are of no use: free their blocks. */
static void
cut_index(struct outlog *log)
{
	const struct segment *s = log->first;
	uint64_t end;

	log->dead_entries = s ? s->first_entry : log->entries;
	end = (INDEX_HEADER_LEN + log->dead_entries * INDEX_ENTRY_LEN) / PAGE * PAGE;
	if (log->indexfd < 0 || end < log->punched + PUNCH_STEP)
		return;
	/* The first page, with the header, stays. Where holes are not known, nothing is lost. */
	(void)fallocate(log->indexfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)PAGE,
			(off_t)(end - PAGE));
	log->punched = end;
}

static void
drop_oldest(struct outlog *log)
{
	struct segment *s = log->first;
	char name[SEGMENT_NAME_MAX];

	if (log->active[s->stream] == s)
		close_active(log, s->stream);
	(void)unlinkat(log->dirfd, segment_name(s->stream, s->offset, name), 0);
	log->extent[s->stream].start = s->offset + s->len;
	log->stored_bytes -= s->len;
	forget_first(log);
	cut_index(log);
}

static bool
may_drop(const struct outlog *log, const struct segment *s)
{
	if (log->full == OUTLOG_DROP_OLDEST)
		return true;
	return log->full == OUTLOG_BLOCK && s->offset + s->len <= log->consumed[s->stream];
}

/* Room for `want` more bytes and an entry: 0, or what the policy says. */
static int
make_room(struct outlog *log, uint64_t want)
{
	struct segment *s;

	if (!log->cap || log->full == OUTLOG_KEEP)
		return 0;
	while (live_bytes(log) + want + INDEX_ENTRY_LEN > log->cap) {
		s = log->first;
		if (!s)
			return 0; /* an empty log takes one piece, however small the cap */
		if (may_drop(log, s))
			drop_oldest(log);
		else if (log->full == OUTLOG_BLOCK)
			return -EAGAIN;
		else
			return -EXFULL; /* DISCARD, REFUSE */
	}
	return 0;
}

static int
open_index(struct outlog *log)
{
	static const unsigned char header[INDEX_HEADER_LEN] = INDEX_MAGIC;
	ssize_t n;
	int rc;

	if (log->indexfd >= 0)
		return 0;
	log->indexfd = sys_openat(log->dirfd, INDEX_FILE, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (log->indexfd < 0)
		return -errno;
	n = sys_pwrite(log->indexfd, header, sizeof header, 0);
	if (n == (ssize_t)sizeof header)
		return 0;
	rc = n < 0 ? -errno : -ENOSPC;
	fd_close(&log->indexfd);
	return rc;
}

static int
open_segment(struct outlog *log, enum outlog_stream stream)
{
	char name[SEGMENT_NAME_MAX];
	struct segment *s;

	s = log->active[stream];
	if (s && s->len &&
	    (s->len >= log->segment_size || weight(log) - s->weight >= 2 * log->segment_size))
		close_active(log, stream);
	if (log->active[stream])
		return 0;
	s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->stream = stream;
	s->offset = log->extent[stream].stored;
	log->fd[stream] = sys_openat(log->dirfd, segment_name(stream, s->offset, name),
				     O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (log->fd[stream] < 0) {
		free(s);
		return -errno;
	}
	log->active[stream] = s;
	return 0;
}

/* The first bytes of the segment are stored. Not before now does it take part: dropping an empty
 * one would remove the name under which its bytes are about to be found. */
static void
begin_segment(struct outlog *log, struct segment *s)
{
	s->first_entry = log->entries;
	s->weight = weight(log);
	if (log->last_stream == s->stream)
		log->last_open = false; /* it begins with an entry of its own */
	*log->end = s;
	log->end = &s->next;
}

int
outlog_flush(struct outlog *log)
{
	unsigned char bytes[INDEX_ENTRY_LEN];
	ssize_t n;

	if (!log->last_dirty)
		return 0;
	index_encode(&log->last, bytes);
	n = sys_pwrite(log->indexfd, bytes, sizeof bytes,
		       (off_t)(INDEX_HEADER_LEN + (log->entries - 1) * INDEX_ENTRY_LEN));
	if (n != (ssize_t)sizeof bytes)
		return n < 0 ? -errno : -ENOSPC;
	log->last_dirty = false;
	return 0;
}

/* The stream grew at `wall_ns`: let the last entry grow with it, or begin a new one. */
static void
note(struct outlog *log, enum outlog_stream stream, int64_t wall_ns)
{
	bool grow = log->last_open && log->last_stream == stream &&
		    wall_ns - log->last.wall_ns < MERGE_NS && wall_ns >= log->last.wall_ns;

	if (!grow) {
		log->entries++;
		log->last.wall_ns = wall_ns;
		log->last_stream = stream;
		log->last_open = true;
	}
	log->last.end[OUTLOG_OUT] = log->extent[OUTLOG_OUT].stored;
	log->last.end[OUTLOG_ERR] = log->extent[OUTLOG_ERR].stored;
	log->last_dirty = true;
}

/* One write to one segment. *ret_stored is how many bytes it took. */
static int
store(struct outlog *log, enum outlog_stream stream, int64_t wall_ns, const unsigned char *bytes,
      size_t len, size_t *ret_stored)
{
	struct segment *s;
	ssize_t n;
	int rc;

	rc = open_index(log);
	if (rc == 0)
		rc = outlog_flush(log);
	if (rc == 0)
		rc = open_segment(log, stream);
	if (rc < 0)
		return rc;
	s = log->active[stream];
	len = MIN(len, log->segment_size - s->len);
	n = sys_pwrite(log->fd[stream], bytes, len, (off_t)s->len);
	if (n <= 0)
		return n < 0 ? -errno : -ENOSPC;
	if (s->len == 0)
		begin_segment(log, s);
	s->len += (uint64_t)n;
	log->stored_bytes += (uint64_t)n;
	log->extent[stream].stored += (uint64_t)n;
	log->extent[stream].end += (uint64_t)n;
	*ret_stored = (size_t)n;
	note(log, stream, wall_ns);
	/* The bytes are safe; an entry that the disk refuses now goes before the next ones. */
	(void)outlog_flush(log);
	return 0;
}

int
outlog_append(struct outlog *log, enum outlog_stream stream, int64_t wall_ns, const void *bytes,
	      size_t len, size_t *ret_taken)
{
	const unsigned char *p = bytes;
	size_t n;
	int rc = 0;

	*ret_taken = 0;
	while (*ret_taken < len) {
		n = MIN(len - *ret_taken, log->segment_size);
		if (!log->discarding)
			rc = make_room(log, n);
		if (rc == -EXFULL && log->full == OUTLOG_DISCARD)
			log->discarding = true;
		if (log->discarding) {
			log->extent[stream].end += len - *ret_taken;
			*ret_taken = len;
			return 0;
		}
		if (rc == 0)
			rc = store(log, stream, wall_ns, p + *ret_taken, n, &n);
		if (rc < 0)
			return rc;
		*ret_taken += n;
	}
	return 0;
}
