/* SPDX-License-Identifier: MIT */
/*
 * fuzz: jobdir - the record file as it may lie on disk after a crash or years, and the same with
 * checksums put right, so that what they protect is met as well.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crc.h"
#include "base/le.h"
#include "jobdir/record.h"

#define HEADER_LEN 16
#define HEAD_LEN   16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is what it says it is: strings end, and it can be written and read again. */
static void
check_record(const struct record *r)
{
	struct spec again;
	struct arena a;
	struct buf b;

	if (strlen(r->spec.id) != ID_LEN || r->spec.n_limits > SPEC_LIMITS_MAX ||
	    memchr(r->end.names, '\0', sizeof r->end.names) == NULL ||
	    memchr(r->closing.names, '\0', sizeof r->closing.names) == NULL ||
	    memchr(r->failure.path, '\0', sizeof r->failure.path) == NULL ||
	    memchr(r->launch.boot_id, '\0', sizeof r->launch.boot_id) == NULL)
		abort();
	arena_init(&a, (size_t)64 << 20);
	buf_init(&b, (size_t)64 << 20);
	if (spec_encode(&b, &r->spec, true) != 0 ||
	    spec_decode(&a, buf_head(&b), b.len, &again) != 0 || again.argv.n != r->spec.argv.n ||
	    again.env.n != r->spec.env.n || again.base_env.n != r->spec.base_env.n)
		abort();
	buf_fini(&b);
	arena_fini(&a);
}

static void
read_it(const uint8_t *data, size_t size)
{
	struct record r;
	struct arena a;
	int fd = memfd_create("record", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	arena_init(&a, (size_t)64 << 20);
	if (record_read(fd, &a, &r, NULL) == 0)
		check_record(&r);
	arena_fini(&a);
	(void)close(fd);
}

static void
put_checksums_right(uint8_t *data, size_t size)
{
	size_t at, len;

	memcpy(data, "JWRECORD\1\0\0\0", 12);
	for (at = HEADER_LEN; size - at >= HEAD_LEN; at += MIN((len + 7) / 8 * 8, size - at)) {
		len = get_le32(data + at + 4);
		if (len > size - at - HEAD_LEN)
			break;
		put_le32(data + at + 8, crc32c(crc32c(0, data + at, 8), data + at + HEAD_LEN, len));
		at += HEAD_LEN;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	read_it(data, size);
	if (size < HEADER_LEN)
		return 0;
	copy = malloc(size);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	put_checksums_right(copy, size);
	read_it(copy, size);
	free(copy);
	return 0;
}
