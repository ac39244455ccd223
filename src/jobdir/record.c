/* SPDX-License-Identifier: MIT */
#include "jobdir/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/le.h"
#include "base/sys.h"
#include "jobdir/tlv.h"

#define MAGIC       "JWRECORD"
#define HEADER_LEN  16
#define HEAD_LEN    16
#define RESERVE     4096 /* for all records behind the spec */
#define RECORD_MAX  ((size_t)8 * 1024 * 1024)
#define PADDED(len) (((len) + 7) & ~(size_t)7)

static const struct tlv_row launch_rows[] = {
	TLV_ROW(1, struct launch, holder_pid),
	TLV_ROW(2, struct launch, holder_ticks),
};

enum { TAG_BOOT_ID = 100 };

static uint32_t
checksum(const unsigned char *head, const void *bytes, size_t len)
{
	return crc32c(crc32c(0, head, 8), bytes, len);
}

/* One record as it lies on disk. */
static int
frame(struct buf *out, enum record_type type, const void *bytes, size_t len)
{
	static const unsigned char zeros[8];
	unsigned char head[HEAD_LEN] = { 0 };
	int rc;

	put_le32(head, (uint32_t)type);
	put_le32(head + 4, (uint32_t)len);
	put_le32(head + 8, checksum(head, bytes, len));
	rc = buf_add(out, head, sizeof head);
	if (rc == 0)
		rc = buf_add(out, bytes, len);
	return rc < 0 ? rc : buf_add(out, zeros, PADDED(len) - len);
}

static int
first_bytes(struct buf *out, const struct spec *spec)
{
	unsigned char header[HEADER_LEN] = MAGIC;
	struct buf fields;
	int rc;

	put_le32(header + 8, RECORD_VERSION);
	put_le32(header + 12, 0);
	buf_init(&fields, RECORD_MAX);
	rc = spec_encode(&fields, spec, false);
	if (rc == 0)
		rc = buf_add(out, header, sizeof header);
	if (rc == 0)
		rc = frame(out, RECORD_SPEC, buf_head(&fields), fields.len);
	buf_fini(&fields);
	return rc;
}

int
record_create(int dirfd, const struct spec *spec, int *ret_fd, struct err *err)
{
	struct buf out;
	int fd = -1, rc;

	buf_init(&out, RECORD_MAX - RESERVE);
	rc = first_bytes(&out, spec);
	if (rc < 0) {
		rc = err_sys(err, -rc, "job record");
		goto fail;
	}
	fd = sys_openat(dirfd, RECORD_FILE, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0) {
		rc = err_sys(err, errno, "create job record");
		goto fail;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = err_sys(err, errno, "lock job record");
		goto fail;
	}
	if (sys_fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)(out.len + RESERVE)) < 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS) {
		rc = err_sys(err, errno, "reserve space for the job record");
		goto fail;
	}
	rc = fd_write_all(fd, buf_head(&out), out.len);
	if (rc == 0 && spec->power_safe && sys_fdatasync(fd) < 0)
		rc = -errno;
	if (rc < 0) {
		rc = err_sys(err, -rc, "write job record");
		goto fail;
	}
	buf_fini(&out);
	*ret_fd = fd;
	return 0;
fail:
	buf_fini(&out);
	if (fd >= 0)
		(void)unlinkat(dirfd, RECORD_FILE, 0);
	fd_close(&fd);
	return rc;
}

/* Cut off what a failed append left, so that a second try begins clean. Any ftruncate() gives the
 * space behind the end back, even one that cuts nothing: reserve it again. */
static void
take_back(int fd, off_t end)
{
	if (ftruncate(fd, end) == 0)
		(void)sys_fallocate(fd, FALLOC_FL_KEEP_SIZE, end, RESERVE);
}

static int
append_framed(int fd, const unsigned char *bytes, size_t len, bool sync)
{
	struct stat st;
	size_t done = 0;
	ssize_t n;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	while (done < len) {
		n = sys_pwrite(fd, bytes + done, len - done, st.st_size + (off_t)done);
		if (n < 0) {
			rc = -errno;
			if (done)
				take_back(fd, st.st_size);
			return rc;
		}
		done += (size_t)n;
	}
	return sync && sys_fdatasync(fd) < 0 ? -errno : 0;
}

int
record_append(int fd, enum record_type type, const void *bytes, size_t len, bool sync)
{
	struct buf out;
	int rc;

	buf_init(&out, RECORD_MAX);
	rc = frame(&out, type, bytes, len);
	if (rc == 0)
		rc = append_framed(fd, buf_head(&out), out.len, sync);
	buf_fini(&out);
	return rc;
}

int
record_append_launch(int fd, const struct launch *launch, bool sync)
{
	struct buf fields;
	int rc;

	buf_init(&fields, RECORD_MAX);
	rc = tlv_put_rows(&fields, launch_rows, ARRAY_SIZE(launch_rows), launch);
	if (rc == 0)
		rc = tlv_put_str(&fields, TAG_BOOT_ID, launch->boot_id);
	if (rc == 0)
		rc = record_append(fd, RECORD_LAUNCH, buf_head(&fields), fields.len, sync);
	buf_fini(&fields);
	return rc;
}

int
record_open(int dirfd, int *ret_fd)
{
	int fd = sys_openat(dirfd, RECORD_FILE, O_RDWR | O_NOFOLLOW, 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int
record_try_lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

static int
launch_decode(const void *bytes, size_t len, struct launch *ret)
{
	struct tlv t = { bytes, len };
	struct tlv_field f;
	int rc;

	memset(ret, 0, sizeof *ret);
	while ((rc = tlv_next(&t, &f)) > 0) {
		tlv_get_row(launch_rows, ARRAY_SIZE(launch_rows), ret, &f);
		if (f.tag == TAG_BOOT_ID && f.len == ID_LEN)
			memcpy(ret->boot_id, f.bytes, ID_LEN);
	}
	return rc;
}

static int
decode_one(struct arena *a, unsigned type, const void *bytes, size_t len, struct record *r)
{
	switch (type) {
	case RECORD_SPEC:
		return spec_decode(a, bytes, len, &r->spec);
	case RECORD_LAUNCH:
		return launch_decode(bytes, len, &r->launch);
	case RECORD_BEGIN:
		return begin_decode(bytes, len, &r->begin);
	case RECORD_FAILURE:
		return failure_decode(bytes, len, &r->failure);
	case RECORD_END:
		return end_decode(bytes, len, &r->end);
	case RECORD_CLOSING:
		return closing_decode(bytes, len, &r->closing);
	default:
		return 0; /* of a newer program */
	}
}

/* Stops at the first record that is not whole: behind it nothing can be trusted. */
static int
decode_all(struct arena *a, const unsigned char *p, size_t len, struct record *r)
{
	size_t n;
	unsigned type;
	int rc;

	while (len >= HEAD_LEN) {
		type = get_le32(p);
		n = get_le32(p + 4);
		if (n > len - HEAD_LEN || checksum(p, p + HEAD_LEN, n) != get_le32(p + 8))
			break;
		rc = decode_one(a, type, p + HEAD_LEN, n, r);
		if (rc < 0)
			return rc;
		if (type < RECORD_TYPE_COUNT)
			r->has[type] = true;
		n = MIN(PADDED(n), len - HEAD_LEN);
		p += HEAD_LEN + n;
		len -= HEAD_LEN + n;
	}
	return 0;
}

int
record_read(int fd, struct arena *a, struct record *ret_record, struct err *err)
{
	auto_free unsigned char *bytes = NULL;
	struct stat st;
	ssize_t n;
	int rc;

	memset(ret_record, 0, sizeof *ret_record);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "job record");
	if (st.st_size < HEADER_LEN || (size_t)st.st_size > RECORD_MAX)
		return err_set(err, ERR_DATA_LOSS, "job record has %lld bytes",
			       (long long)st.st_size);
	bytes = malloc((size_t)st.st_size);
	if (!bytes)
		return err_sys(err, ENOMEM, "job record");
	n = fd_pread_all(fd, bytes, (size_t)st.st_size, 0);
	if (n < HEADER_LEN)
		return err_sys(err, n < 0 ? (int)-n : EIO, "read job record");
	if (memcmp(bytes, MAGIC, 8) != 0)
		return err_set(err, ERR_DATA_LOSS, "job record is not one");
	if (get_le32(bytes + 8) > RECORD_VERSION)
		return err_set(err, ERR_FAILED_PRECONDITION,
			       "job record has version %u, this program reads up to %d",
			       get_le32(bytes + 8), RECORD_VERSION);
	rc = decode_all(a, bytes + HEADER_LEN, (size_t)n - HEADER_LEN, ret_record);
	if (rc == -ENOMEM)
		return err_sys(err, ENOMEM, "job record");
	if (rc < 0 || !ret_record->has[RECORD_SPEC])
		return err_set(err, ERR_DATA_LOSS, "job record has no whole specification");
	return 0;
}
