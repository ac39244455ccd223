/* SPDX-License-Identifier: MIT */
#include "jobdir/end.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "jobdir/tlv.h"

/* Tags are per struct. Never change or reuse a number. */
static const struct tlv_row begin_rows[] = {
	TLV_ROW(1, struct begin, pid),
	TLV_ROW(2, struct begin, start_ticks),
	TLV_ROW(3, struct begin, started_ns),
};

static const struct tlv_row failure_rows[] = {
	TLV_ROW(1, struct failure, errnum),
	TLV_ROW(2, struct failure, failed_ns),
};

static const struct tlv_row end_rows[] = {
	TLV_ROW(1, struct end, wait_status), TLV_ROW(2, struct end, cause),
	TLV_ROW(3, struct end, last_signal), TLV_ROW(4, struct end, exited_ns),
	TLV_ROW(5, struct end, ended_ns),    TLV_ROW(6, struct end, out.start),
	TLV_ROW(7, struct end, out.stored),  TLV_ROW(8, struct end, out.end),
	TLV_ROW(9, struct end, err.start),   TLV_ROW(10, struct end, err.stored),
	TLV_ROW(11, struct end, err.end),    TLV_ROW(12, struct end, user_us),
	TLV_ROW(13, struct end, system_us),  TLV_ROW(14, struct end, max_rss_kib),
	TLV_ROW(15, struct end, killed),     TLV_ROW(16, struct end, survivors),
};

static const struct tlv_row closing_rows[] = {
	TLV_ROW(1, struct closing, closed_ns),  TLV_ROW(2, struct closing, out.start),
	TLV_ROW(3, struct closing, out.stored), TLV_ROW(4, struct closing, out.end),
	TLV_ROW(5, struct closing, err.start),  TLV_ROW(6, struct closing, err.stored),
	TLV_ROW(7, struct closing, err.end),    TLV_ROW(8, struct closing, killed),
	TLV_ROW(9, struct closing, survivors),
};

/* Texts share these tags in every struct here. */
enum { TAG_NAMES = 100, TAG_STEP = 101, TAG_PATH = 102 };

struct text_row {
	unsigned tag;
	char *dst;
	size_t size;
};

/* Paths and names are bytes, and may have been cut within a character: they become text here. */
static void
take_text(const struct text_row *row, const struct tlv_field *f)
{
	size_t len = MIN(f->len, row->size - 1), good, bad, done;
	unsigned char *p = (unsigned char *)row->dst;

	memcpy(p, f->bytes, len);
	len -= utf8_unfinished(p, len);
	for (done = 0; done < len; done += good + bad) {
		good = utf8_run(p + done, len - done, &bad);
		memset(p + done + good, '?', bad);
	}
	p[len] = '\0';
}

static int
decode(const void *bytes, size_t len, const struct tlv_row *rows, size_t n, void *obj,
       const struct text_row *texts, size_t n_texts)
{
	struct tlv t = { bytes, len };
	struct tlv_field f;
	size_t i;
	int rc;

	while ((rc = tlv_next(&t, &f)) > 0) {
		tlv_get_row(rows, n, obj, &f);
		for (i = 0; i < n_texts; i++)
			if (texts[i].tag == f.tag)
				take_text(&texts[i], &f);
	}
	return rc;
}

int
begin_encode(struct buf *out, const struct begin *b)
{
	return tlv_put_rows(out, begin_rows, ARRAY_SIZE(begin_rows), b);
}

int
begin_decode(const void *bytes, size_t len, struct begin *ret)
{
	memset(ret, 0, sizeof *ret);
	return decode(bytes, len, begin_rows, ARRAY_SIZE(begin_rows), ret, NULL, 0);
}

int
failure_encode(struct buf *out, const struct failure *f)
{
	int rc = tlv_put_rows(out, failure_rows, ARRAY_SIZE(failure_rows), f);

	if (rc == 0)
		rc = tlv_put_str(out, TAG_STEP, f->step);
	return rc < 0 ? rc : tlv_put_str(out, TAG_PATH, f->path);
}

int
failure_decode(const void *bytes, size_t len, struct failure *ret)
{
	const struct text_row texts[] = {
		{ TAG_STEP, ret->step, sizeof ret->step },
		{ TAG_PATH, ret->path, sizeof ret->path },
	};

	memset(ret, 0, sizeof *ret);
	return decode(bytes, len, failure_rows, ARRAY_SIZE(failure_rows), ret, texts,
		      ARRAY_SIZE(texts));
}

int
end_encode(struct buf *out, const struct end *e)
{
	int rc = tlv_put_rows(out, end_rows, ARRAY_SIZE(end_rows), e);

	return rc < 0 || !e->names[0] ? rc : tlv_put_str(out, TAG_NAMES, e->names);
}

int
end_decode(const void *bytes, size_t len, struct end *ret)
{
	const struct text_row names = { TAG_NAMES, ret->names, sizeof ret->names };

	memset(ret, 0, sizeof *ret);
	return decode(bytes, len, end_rows, ARRAY_SIZE(end_rows), ret, &names, 1);
}

int
closing_encode(struct buf *out, const struct closing *c)
{
	int rc = tlv_put_rows(out, closing_rows, ARRAY_SIZE(closing_rows), c);

	return rc < 0 || !c->names[0] ? rc : tlv_put_str(out, TAG_NAMES, c->names);
}

int
closing_decode(const void *bytes, size_t len, struct closing *ret)
{
	const struct text_row names = { TAG_NAMES, ret->names, sizeof ret->names };

	memset(ret, 0, sizeof *ret);
	return decode(bytes, len, closing_rows, ARRAY_SIZE(closing_rows), ret, &names, 1);
}
