/* SPDX-License-Identifier: MIT */
/*
 * fuzz: outlog - the input is the index of a log of a few segments: read in every way, as it is and
 * with checksums put right. Single streams must not suffer, and every reader must come to an end.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/fd.h"
#include "base/le.h"
#include "outlog/format.h"
#include "outlog/reader.h"

#define INPUT_MAX 65536
#define READ_MIN  61
/* Each entry may lead to all that is stored, and once more to its end. */
#define STEPS_MAX ((INPUT_MAX / INDEX_ENTRY_LEN + 2) * (2000 / READ_MIN + 2))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* With a gap in stdout, and stderr beginning late. */
static const struct {
	enum outlog_stream stream;
	uint64_t offset;
	size_t len;
} segments[] = {
	{ OUTLOG_OUT, 0, 100 },    { OUTLOG_OUT, 100, 50 },  { OUTLOG_OUT, 1000, 300 },
	{ OUTLOG_ERR, 500, 1000 }, { OUTLOG_ERR, 1500, 10 },
};

static char folder[64];
static int folderfd = -1, indexfd;

static unsigned char
byte_at(enum outlog_stream stream, uint64_t offset)
{
	return (unsigned char)(offset % 17 == 0 ? '\n' : 'a' + (offset * 7 + stream) % 26);
}

static void
clean_up(void)
{
	char name[SEGMENT_NAME_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(segments); i++)
		(void)unlinkat(folderfd, segment_name(segments[i].stream, segments[i].offset, name),
			       0);
	(void)unlinkat(folderfd, INDEX_FILE, 0);
	(void)rmdir(folder);
}

static void
set_up(void)
{
	const char *tmp = getenv("TMPDIR");
	unsigned char bytes[1000];
	char name[SEGMENT_NAME_MAX];
	size_t i, k;
	int fd;

	(void)snprintf(folder, sizeof folder, "%s/jobwire-fuzz-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder) || (folderfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		abort();
	(void)atexit(clean_up);
	for (i = 0; i < ARRAY_SIZE(segments); i++) {
		for (k = 0; k < segments[i].len; k++)
			bytes[k] = byte_at(segments[i].stream, segments[i].offset + k);
		fd = openat(folderfd, segment_name(segments[i].stream, segments[i].offset, name),
			    O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || fd_write_all(fd, bytes, segments[i].len) < 0)
			abort();
		(void)close(fd);
	}
	indexfd = openat(folderfd, INDEX_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (indexfd < 0)
		abort();
}

static void
check_result(enum outlog_view view, uint64_t asked, size_t max, const struct outlog_result *res,
	     const unsigned char *bytes, const struct outlog_chunk *chunks, size_t max_chunks)
{
	size_t i, sum = 0;

	if (res->len > max || res->n_chunks > max_chunks || res->offset < asked)
		abort();
	for (i = 0; i < res->n_chunks; i++)
		sum += chunks[i].len;
	if (sum != res->len)
		abort();
	for (i = 0; i < res->len && view != OUTLOG_VIEW_COMBINED; i++)
		if (bytes[i] != byte_at((enum outlog_stream)view, res->offset + i))
			abort();
}

static void
read_view(struct outlog_reader *r, enum outlog_view view, size_t max)
{
	struct outlog_chunk chunks[7];
	unsigned char bytes[600];
	struct outlog_result res;
	uint64_t at = 0;
	size_t lines, steps;
	bool cut;

	for (steps = 0;; steps++) {
		if (steps > STEPS_MAX ||
		    outlog_read(r, view, at, bytes, max, false, chunks, 7, &res) != 0)
			abort();
		check_result(view, at, max, &res, bytes, chunks, 7);
		if (res.len == 0)
			break;
		at = res.offset + res.len;
	}
	if (outlog_tail(r, view, max % 5, bytes, sizeof bytes, false, chunks, 7, &res, &lines,
			&cut) != 0)
		abort();
	check_result(view, 0, sizeof bytes, &res, bytes, chunks, 7);
}

static void
read_log(bool final)
{
	uint64_t offsets[OUTLOG_STREAMS], at;
	struct outlog_extents e;
	struct outlog_reader *r;
	int view;

	if (outlog_reader_new(folderfd, &r, NULL) < 0)
		abort();
	if (final)
		outlog_reader_final(r);
	for (view = OUTLOG_VIEW_OUT; view <= OUTLOG_VIEW_COMBINED; view++) {
		read_view(r, (enum outlog_view)view, final ? 600 : READ_MIN);
	}
	for (at = 0; at < 3000; at += 700)
		if (outlog_split(r, at, offsets) != 0)
			abort();
	if (outlog_reader_extents(r, &e) != 0)
		abort();
	outlog_reader_free(r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t copy[INPUT_MAX];
	size_t at;

	if (size > INPUT_MAX)
		return 0;
	if (folderfd < 0)
		set_up();
	if (ftruncate(indexfd, 0) < 0 || pwrite(indexfd, data, size, 0) != (ssize_t)size)
		abort();
	read_log(false);
	read_log(true);
	memcpy(copy, data, size);
	for (at = INDEX_HEADER_LEN; size >= INDEX_ENTRY_LEN && at <= size - INDEX_ENTRY_LEN;
	     at += INDEX_ENTRY_LEN)
		put_le32(copy + at + 28, crc32c(0, copy + at, 28));
	if (pwrite(indexfd, copy, size, 0) != (ssize_t)size)
		abort();
	read_log(false);
	read_log(true);
	return 0;
}
