/* SPDX-License-Identifier: MIT */
#include "outlog/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/sys.h"
#include "outlog/reader_impl.h"

#define SEARCH_TRIES 64

int
outlog_reader_new(int dirfd, struct outlog_reader **ret_reader, struct err *err)
{
	struct outlog_reader *r = calloc(1, sizeof *r);
	int i;

	if (!r)
		return err_sys(err, ENOMEM, "output log reader");
	for (i = 0; i < OUTLOG_STREAMS; i++)
		r->segment[i].fd = -1;
	r->indexfd = -1;
	r->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	if (r->dirfd < 0) {
		i = errno;
		free(r);
		return err_sys(err, i, "output log folder");
	}
	*ret_reader = r;
	return 0;
}

void
outlog_reader_free(struct outlog_reader *r)
{
	int i;

	if (!r)
		return;
	for (i = 0; i < OUTLOG_STREAMS; i++)
		fd_close(&r->segment[i].fd);
	fd_close(&r->indexfd);
	fd_close(&r->dirfd);
	free(r);
}

void
outlog_reader_final(struct outlog_reader *r)
{
	r->final = true;
}

/* Call `each` for every segment in the folder. A folder that was removed has none. */
static int
walk_segments(const struct outlog_reader *r,
	      void (*each)(void *arg, enum outlog_stream stream, uint64_t base), void *arg)
{
	enum outlog_stream stream;
	struct dirent *entry;
	uint64_t base;
	DIR *dir;
	int fd;

	fd = sys_openat(r->dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir)))
		if (segment_parse(entry->d_name, &stream, &base))
			each(arg, stream, base);
	(void)closedir(dir);
	return 0;
}

struct neighbours {
	enum outlog_stream stream;
	uint64_t offset;
	bool has_below, has_above;
	uint64_t below; /* largest base at or below `offset` */
	uint64_t above; /* smallest base above it */
};

static void
weigh(void *arg, enum outlog_stream stream, uint64_t base)
{
	struct neighbours *n = arg;

	if (stream != n->stream)
		return;
	if (base <= n->offset && (!n->has_below || base > n->below)) {
		n->has_below = true;
		n->below = base;
	}
	if (base > n->offset && (!n->has_above || base < n->above)) {
		n->has_above = true;
		n->above = base;
	}
}

/* 0, or -ENOENT: it was dropped. */
static int
open_segment(struct outlog_reader *r, enum outlog_stream stream, uint64_t base)
{
	char name[SEGMENT_NAME_MAX];
	int *fd = &r->segment[stream].fd;

	if (*fd >= 0 && r->segment[stream].base == base)
		return 0;
	fd_close(fd);
	*fd = sys_openat(r->dirfd, segment_name(stream, base, name), O_RDONLY, 0);
	if (*fd < 0)
		return -errno;
	r->segment[stream].base = base;
	return 0;
}

ssize_t
reader_pread(int fd, void *bytes, size_t max, uint64_t at, bool nowait)
{
	struct iovec iov = { bytes, max };
	ssize_t n;

	if (nowait) {
		n = TEMP_FAILURE_RETRY(preadv2(fd, &iov, 1, (off_t)at, RWF_NOWAIT));
		if (n >= 0 || errno == EAGAIN)
			return n < 0 ? -EAGAIN : n;
	} /* else this filesystem does not know it */
	n = TEMP_FAILURE_RETRY(pread(fd, bytes, max, (off_t)at));
	return n < 0 ? -errno : n;
}

/* Bytes at `offset` of the segment that is open; 0 where it does not reach. */
static ssize_t
read_open(const struct outlog_reader *r, enum outlog_stream stream, uint64_t offset, void *bytes,
	  size_t max)
{
	int fd = r->segment[stream].fd;

	if (fd < 0 || offset < r->segment[stream].base || offset > OUTLOG_OFFSET_MAX)
		return 0;
	return reader_pread(fd, bytes, max, offset - r->segment[stream].base, r->nowait);
}

ssize_t
reader_piece(struct outlog_reader *r, enum outlog_stream stream, uint64_t *offset, void *bytes,
	     size_t max)
{
	struct neighbours near;
	ssize_t n;
	int tries, rc;

	n = read_open(r, stream, *offset, bytes, max);
	/* Whatever is listed may be dropped before it is opened: then look again. */
	for (tries = 0; n == 0 && tries < SEARCH_TRIES; tries++) {
		near = (struct neighbours){ .stream = stream, .offset = *offset };
		rc = walk_segments(r, weigh, &near);
		if (rc == 0 && near.has_below)
			rc = open_segment(r, stream, near.below);
		if (rc < 0 && rc != -ENOENT)
			return rc;
		if (rc == 0 && near.has_below)
			n = read_open(r, stream, *offset, bytes, max);
		if (n != 0)
			return n;
		/* With a segment above, the one below is complete: what lies between is gone. */
		if (near.has_above)
			*offset = near.above;
		else if (rc == 0)
			return 0;
	}
	return n;
}

/* The segments of each stream that lie there. */
struct span {
	bool any;
	uint64_t first, last; /* their bases */
};

static void
widen(void *arg, enum outlog_stream stream, uint64_t base)
{
	struct span *span = (struct span *)arg + stream;

	span->first = span->any ? MIN(span->first, base) : base;
	span->last = span->any ? MAX(span->last, base) : base;
	span->any = true;
}

int
reader_extents(struct outlog_reader *r, struct outlog_extents *ret)
{
	struct span spans[OUTLOG_STREAMS] = { 0 };
	char name[SEGMENT_NAME_MAX];
	struct index_entry last;
	struct stat st;
	uint64_t count;
	int i, rc;

	memset(ret, 0, sizeof *ret);
	/* The index first: what it tells of has been written when the folder is read. */
	rc = index_count(r, &count, &last);
	if (rc == 0)
		rc = walk_segments(r, widen, spans);
	for (i = 0; i < OUTLOG_STREAMS && rc == 0; i++) {
		/* Of a stream without segments all is gone. */
		ret->stream[i].start = spans[i].any ? spans[i].first : last.end[i];
		ret->stream[i].stored = last.end[i];
		r->start[i] = MAX(r->start[i], ret->stream[i].start);
		if (!spans[i].any)
			continue;
		(void)segment_name((enum outlog_stream)i, spans[i].last, name);
		st.st_size = 0;
		if (fstatat(r->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			rc = -errno;
		ret->stream[i].stored = MAX(last.end[i], spans[i].last + (uint64_t)st.st_size);
	}
	return rc;
}

int
outlog_reader_extents(struct outlog_reader *r, struct outlog_extents *ret)
{
	reader_begin(r, false);
	return reader_end(r, reader_extents(r, ret));
}

/* What the chunks of a single stream's bytes are: the index knows their times. */
static size_t
time_chunks(struct outlog_reader *r, enum outlog_stream stream, uint64_t offset, size_t *len,
	    struct outlog_chunk *chunks, size_t max_chunks)
{
	uint64_t end = offset + *len, until;
	size_t n;

	for (n = 0; n < max_chunks && offset < end; n++) {
		chunks[n].stream = stream;
		chunks[n].wall_ns = index_time_of(r, stream, offset, &until);
		chunks[n].len = (size_t)(MIN(MAX(until, offset + 1), end) - offset);
		offset += chunks[n].len;
	}
	*len -= (size_t)(end - offset); /* room for fewer chunks: fewer bytes */
	return n;
}

static int
read_stream(struct outlog_reader *r, enum outlog_stream stream, uint64_t offset, void *bytes,
	    size_t max, struct outlog_chunk *chunks, size_t max_chunks, struct outlog_result *ret)
{
	unsigned char *p = bytes;
	uint64_t at = offset;
	ssize_t n;

	memset(ret, 0, sizeof *ret);
	ret->offset = offset;
	while (ret->len < max) {
		n = reader_piece(r, stream, &at, p + ret->len, max - ret->len);
		if (n == -EAGAIN && ret->len)
			break; /* what there is will do */
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		if (ret->len == 0)
			ret->offset = at;
		else if (at != ret->offset + ret->len)
			break; /* a gap: for the next call */
		ret->len += (size_t)n;
		at += (uint64_t)n;
	}
	if (chunks)
		ret->n_chunks = time_chunks(r, stream, ret->offset, &ret->len, chunks, max_chunks);
	return 0;
}

int
outlog_read(struct outlog_reader *r, enum outlog_view view, uint64_t offset, void *bytes,
	    size_t max, bool nowait, struct outlog_chunk *chunks, size_t max_chunks,
	    struct outlog_result *ret)
{
	reader_begin(r, nowait);
	if (view == OUTLOG_VIEW_COMBINED)
		return reader_end_indexed(
			r, reader_combined(r, offset, bytes, max, chunks, max_chunks, ret));
	return reader_end(r, read_stream(r, (enum outlog_stream)view, offset, bytes, max, chunks,
					 max_chunks, ret));
}
