/* SPDX-License-Identifier: MIT */
#include "jobdir/frame.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/le.h"
#include "jobdir/tlv.h"

/* Tags are per type. Never change or reuse a number. */
enum { TAG_TEXT = 100, TAG_DATA = 101 };

static const struct tlv_row hello_rows[] = {
	TLV_ROW(1, struct frame_hello, version),
};
static const struct tlv_row arm_rows[] = {
	TLV_ROW(1, struct frame_arm, out),
	TLV_ROW(2, struct frame_arm, err),
};
static const struct tlv_row input_rows[] = {
	TLV_ROW(1, struct frame_input, tag),
	TLV_ROW(2, struct frame_input, offset),
	TLV_ROW(3, struct frame_input, eof),
};
static const struct tlv_row input_done_rows[] = {
	TLV_ROW(1, struct frame_input_done, tag),
	TLV_ROW(2, struct frame_input_done, verdict),
	TLV_ROW(3, struct frame_input_done, accepted),
	TLV_ROW(4, struct frame_input_done, next_offset),
	TLV_ROW(5, struct frame_input_done, delivered),
	TLV_ROW(6, struct frame_input_done, closed),
};
static const struct tlv_row stop_rows[] = {
	TLV_ROW(1, struct frame_stop, tag),
	TLV_ROW(2, struct frame_stop, signal),
	TLV_ROW(3, struct frame_stop, grace_ms),
	TLV_ROW(4, struct frame_stop, cause),
};
static const struct tlv_row signal_rows[] = {
	TLV_ROW(1, struct frame_signal, tag),
	TLV_ROW(2, struct frame_signal, signal),
	TLV_ROW(3, struct frame_signal, tree),
};
static const struct tlv_row signalled_rows[] = {
	TLV_ROW(1, struct frame_signalled, tag),
	TLV_ROW(2, struct frame_signalled, processes),
	TLV_ROW(3, struct frame_signalled, errnum),
};
static const struct tlv_row stopped_rows[] = {
	TLV_ROW(1, struct frame_stopped, tag),
	TLV_ROW(2, struct frame_stopped, killed),
	TLV_ROW(3, struct frame_stopped, survivors),
};
static const struct tlv_row output_rows[] = {
	TLV_ROW(1, struct frame_output, out.start),  TLV_ROW(2, struct frame_output, out.stored),
	TLV_ROW(3, struct frame_output, out.end),    TLV_ROW(4, struct frame_output, err.start),
	TLV_ROW(5, struct frame_output, err.stored), TLV_ROW(6, struct frame_output, err.end),
};
static const struct tlv_row status_rows[] = {
	TLV_ROW(1, struct frame_status, begin.pid),
	TLV_ROW(2, struct frame_status, begin.start_ticks),
	TLV_ROW(3, struct frame_status, begin.started_ns),
	TLV_ROW(4, struct frame_status, out.start),
	TLV_ROW(5, struct frame_status, out.stored),
	TLV_ROW(6, struct frame_status, out.end),
	TLV_ROW(7, struct frame_status, err.start),
	TLV_ROW(8, struct frame_status, err.stored),
	TLV_ROW(9, struct frame_status, err.end),
	TLV_ROW(10, struct frame_status, input_offset),
	TLV_ROW(11, struct frame_status, input_delivered),
	TLV_ROW(12, struct frame_status, input_closed),
	TLV_ROW(13, struct frame_status, stopping),
	TLV_ROW(14, struct frame_status, exited),
	TLV_ROW(15, struct frame_status, ended),
	TLV_ROW(16, struct frame_status, disk_full),
	TLV_ROW(17, struct frame_status, blocked),
	TLV_ROW(18, struct frame_status, lingering),
	TLV_ROW(19, struct frame_status, pipe_bytes),
	TLV_ROW(20, struct frame_status, cause),
};

/* A struct that its rows say everything about, but for at most one text. */
#define PUT(out, type, rows, obj) put_rows((out), (type), (rows), ARRAY_SIZE(rows), (obj), NULL)
#define PUT_TEXT(out, type, rows, obj, text) \
	put_rows((out), (type), (rows), ARRAY_SIZE(rows), (obj), (text))
#define GET(f, rows, obj) get_rows((f), (rows), ARRAY_SIZE(rows), (obj), sizeof *(obj), NULL, 0)
#define GET_TEXT(f, rows, obj, text) \
	get_rows((f), (rows), ARRAY_SIZE(rows), (obj), sizeof *(obj), (text), sizeof(text))

int
frame_put(struct buf *out, enum frame_type type, const void *fields, size_t len)
{
	unsigned char head[FRAME_HEAD_LEN];
	int rc;

	put_le32(head, (uint32_t)len);
	put_le32(head + 4, (uint32_t)type);
	rc = buf_reserve(out, sizeof head + len);
	if (rc == 0)
		rc = buf_add(out, head, sizeof head);
	return rc < 0 ? rc : buf_add(out, fields, len);
}

static int
put_rows(struct buf *out, enum frame_type type, const struct tlv_row *rows, size_t n,
	 const void *obj, const char *text)
{
	struct buf fields;
	int rc;

	buf_init(&fields, FRAME_SMALL_MAX);
	rc = tlv_put_rows(&fields, rows, n, obj);
	if (rc == 0 && text && *text)
		rc = tlv_put_str(&fields, TAG_TEXT, text);
	if (rc == 0)
		rc = frame_put(out, type, buf_head(&fields), fields.len);
	buf_fini(&fields);
	return rc;
}

static int
get_rows(const struct frame *f, const struct tlv_row *rows, size_t n, void *obj, size_t size,
	 char *text, size_t text_size)
{
	struct tlv t = { f->fields, f->len };
	struct tlv_field field;
	int rc;

	memset(obj, 0, size);
	while ((rc = tlv_next(&t, &field)) > 0) {
		tlv_get_row(rows, n, obj, &field);
		if (text && field.tag == TAG_TEXT)
			(void)snprintf(text, text_size, "%.*s", (int)MIN(field.len, text_size),
				       (const char *)field.bytes);
	}
	return rc;
}

int
frame_next(const struct buf *in, size_t max, struct frame *ret_frame, size_t *ret_used)
{
	const unsigned char *p = buf_head(in);
	size_t len;

	if (in->len < FRAME_HEAD_LEN)
		return 0;
	len = get_le32(p);
	if (len > max)
		return -EMSGSIZE;
	if (in->len - FRAME_HEAD_LEN < len)
		return 0;
	ret_frame->type = p[4] | (unsigned)p[5] << 8;
	ret_frame->fields = p + FRAME_HEAD_LEN;
	ret_frame->len = len;
	*ret_used = FRAME_HEAD_LEN + len;
	return 1;
}

int
frame_put_hello(struct buf *out, const struct frame_hello *f)
{
	return PUT_TEXT(out, FRAME_HELLO, hello_rows, f, f->id);
}

int
frame_get_hello(const struct frame *f, struct frame_hello *ret)
{
	return GET_TEXT(f, hello_rows, ret, ret->id);
}

int
frame_put_arm(struct buf *out, enum frame_type type, const struct frame_arm *f)
{
	return PUT(out, type, arm_rows, f);
}

int
frame_get_arm(const struct frame *f, struct frame_arm *ret)
{
	return GET(f, arm_rows, ret);
}

int
frame_put_input(struct buf *out, const struct frame_input *f)
{
	struct buf fields;
	int rc;

	buf_init(&fields, FRAME_SMALL_MAX);
	rc = tlv_put_rows(&fields, input_rows, ARRAY_SIZE(input_rows), f);
	if (rc == 0)
		rc = tlv_put_bytes(&fields, TAG_DATA, f->data, f->len);
	if (rc == 0)
		rc = frame_put(out, FRAME_INPUT, buf_head(&fields), fields.len);
	buf_fini(&fields);
	return rc;
}

int
frame_get_input(const struct frame *f, struct frame_input *ret)
{
	struct tlv t = { f->fields, f->len };
	struct tlv_field field;
	int rc;

	memset(ret, 0, sizeof *ret);
	while ((rc = tlv_next(&t, &field)) > 0) {
		tlv_get_row(input_rows, ARRAY_SIZE(input_rows), ret, &field);
		if (field.tag == TAG_DATA) {
			ret->data = field.bytes;
			ret->len = field.len;
		}
	}
	return rc;
}

int
frame_put_input_done(struct buf *out, const struct frame_input_done *f)
{
	return PUT(out, FRAME_INPUT_DONE, input_done_rows, f);
}

int
frame_get_input_done(const struct frame *f, struct frame_input_done *ret)
{
	return GET(f, input_done_rows, ret);
}

int
frame_put_stop(struct buf *out, const struct frame_stop *f)
{
	return PUT(out, FRAME_STOP, stop_rows, f);
}

int
frame_get_stop(const struct frame *f, struct frame_stop *ret)
{
	return GET(f, stop_rows, ret);
}

int
frame_put_signal(struct buf *out, const struct frame_signal *f)
{
	return PUT(out, FRAME_SIGNAL, signal_rows, f);
}

int
frame_get_signal(const struct frame *f, struct frame_signal *ret)
{
	return GET(f, signal_rows, ret);
}

int
frame_put_signalled(struct buf *out, const struct frame_signalled *f)
{
	return PUT(out, FRAME_SIGNALLED, signalled_rows, f);
}

int
frame_get_signalled(const struct frame *f, struct frame_signalled *ret)
{
	return GET(f, signalled_rows, ret);
}

int
frame_put_stopped(struct buf *out, const struct frame_stopped *f)
{
	return PUT_TEXT(out, FRAME_STOPPED, stopped_rows, f, f->names);
}

int
frame_get_stopped(const struct frame *f, struct frame_stopped *ret)
{
	return GET_TEXT(f, stopped_rows, ret, ret->names);
}

int
frame_put_output(struct buf *out, const struct frame_output *f)
{
	return PUT(out, FRAME_OUTPUT, output_rows, f);
}

int
frame_get_output(const struct frame *f, struct frame_output *ret)
{
	return GET(f, output_rows, ret);
}

int
frame_put_status(struct buf *out, enum frame_type type, const struct frame_status *f)
{
	return PUT(out, type, status_rows, f);
}

int
frame_get_status(const struct frame *f, struct frame_status *ret)
{
	return GET(f, status_rows, ret);
}

int
frame_put_number(struct buf *out, enum frame_type type, uint64_t number)
{
	struct buf fields;
	int rc;

	buf_init(&fields, FRAME_SMALL_MAX);
	rc = tlv_put_u64(&fields, 1, number);
	if (rc == 0)
		rc = frame_put(out, type, buf_head(&fields), fields.len);
	buf_fini(&fields);
	return rc;
}

int
frame_get_number(const struct frame *f, uint64_t *ret)
{
	struct tlv t = { f->fields, f->len };
	struct tlv_field field;
	int rc;

	*ret = 0;
	while ((rc = tlv_next(&t, &field)) > 0)
		if (field.tag == 1)
			*ret = tlv_u64(&field);
	return rc;
}
