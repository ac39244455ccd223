/* SPDX-License-Identifier: MIT */
#include "jobdir/spec.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/le.h"
#include "jobdir/tlv.h"

/* Never change or reuse a number: folders of years ago and holders of months ago know them. */
enum tag {
	TAG_ID = 1,
	TAG_ARG = 2, /* repeated */
	TAG_COMMAND = 3,
	TAG_SHELL = 4,
	TAG_IN_FILE = 5,
	TAG_CWD = 6,
	TAG_ENV = 7,      /* repeated */
	TAG_BASE_ENV = 8, /* repeated */
	TAG_STDIN = 9,
	TAG_PTY_COLUMNS = 10,
	TAG_PTY_ROWS = 11,
	TAG_TIMEOUT_MS = 12,
	TAG_IDLE_TIMEOUT_MS = 13,
	TAG_GRACE_MS = 14,
	TAG_CAP = 15,
	TAG_CAP_BYTES = 16,
	TAG_HAS_LINGER = 17,
	TAG_LINGER_MS = 18,
	TAG_HAS_UMASK = 19,
	TAG_UMASK = 20,
	TAG_LIMIT = 21, /* repeated: resource, soft, hard */
	TAG_POWER_SAFE = 22,
};

#define LIMIT_LEN 20

static const struct tlv_row numbers[] = {
	TLV_ROW(TAG_IN_FILE, struct spec, in_file),
	TLV_ROW(TAG_STDIN, struct spec, stdin_mode),
	TLV_ROW(TAG_PTY_COLUMNS, struct spec, pty_columns),
	TLV_ROW(TAG_PTY_ROWS, struct spec, pty_rows),
	TLV_ROW(TAG_TIMEOUT_MS, struct spec, timeout_ms),
	TLV_ROW(TAG_IDLE_TIMEOUT_MS, struct spec, idle_timeout_ms),
	TLV_ROW(TAG_GRACE_MS, struct spec, grace_ms),
	TLV_ROW(TAG_CAP, struct spec, cap),
	TLV_ROW(TAG_CAP_BYTES, struct spec, cap_bytes),
	TLV_ROW(TAG_HAS_LINGER, struct spec, has_linger),
	TLV_ROW(TAG_LINGER_MS, struct spec, linger_ms),
	TLV_ROW(TAG_HAS_UMASK, struct spec, has_umask),
	TLV_ROW(TAG_UMASK, struct spec, umask),
	TLV_ROW(TAG_POWER_SAFE, struct spec, power_safe),
};

static int
put_strings(struct buf *out, unsigned tag, const struct strings *s)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < s->n && rc == 0; i++)
		rc = tlv_put_str(out, tag, s->v[i]);
	return rc;
}

static int
put_limits(struct buf *out, const struct spec *spec)
{
	unsigned char bytes[LIMIT_LEN];
	size_t i;
	int rc = 0;

	for (i = 0; i < spec->n_limits && rc == 0; i++) {
		put_le32(bytes, spec->limits[i].resource);
		put_le64(bytes + 4, spec->limits[i].soft);
		put_le64(bytes + 12, spec->limits[i].hard);
		rc = tlv_put_bytes(out, TAG_LIMIT, bytes, sizeof bytes);
	}
	return rc;
}

int
spec_encode(struct buf *out, const struct spec *spec, bool with_base_env)
{
	int rc;

	rc = tlv_put_str(out, TAG_ID, spec->id);
	if (rc == 0)
		rc = put_strings(out, TAG_ARG, &spec->argv);
	if (rc == 0 && spec->command)
		rc = tlv_put_str(out, TAG_COMMAND, spec->command);
	if (rc == 0 && spec->shell)
		rc = tlv_put_str(out, TAG_SHELL, spec->shell);
	if (rc == 0)
		rc = tlv_put_str(out, TAG_CWD, spec->cwd);
	if (rc == 0)
		rc = put_strings(out, TAG_ENV, &spec->env);
	if (rc == 0 && with_base_env)
		rc = put_strings(out, TAG_BASE_ENV, &spec->base_env);
	if (rc == 0)
		rc = tlv_put_rows(out, numbers, ARRAY_SIZE(numbers), spec);
	return rc < 0 ? rc : put_limits(out, spec);
}

/* The lists are counted first, so that each is one array. */
static int
count_strings(struct arena *a, struct tlv t, struct spec *spec)
{
	struct strings *const lists[] = { &spec->argv, &spec->env, &spec->base_env };
	const unsigned tags[] = { TAG_ARG, TAG_ENV, TAG_BASE_ENV };
	struct tlv_field f;
	size_t i;
	int rc;

	while ((rc = tlv_next(&t, &f)) > 0)
		for (i = 0; i < ARRAY_SIZE(tags); i++)
			lists[i]->n += f.tag == tags[i];
	for (i = 0; i < ARRAY_SIZE(lists) && rc == 0; i++) {
		lists[i]->v = arena_alloc(a, (lists[i]->n + 1) * sizeof *lists[i]->v);
		if (!lists[i]->v)
			return -ENOMEM;
		lists[i]->n = 0;
	}
	return rc;
}

static int
get_string(struct arena *a, const struct tlv_field *f, const char **dst)
{
	if (memchr(f->bytes, '\0', f->len))
		return -EBADMSG;
	*dst = arena_copy(a, f->bytes, f->len);
	return *dst ? 0 : -ENOMEM;
}

static int
get_limit(const struct tlv_field *f, struct spec *spec)
{
	struct spec_limit *l = &spec->limits[spec->n_limits];

	if (f->len != LIMIT_LEN || spec->n_limits == SPEC_LIMITS_MAX)
		return -EBADMSG;
	l->resource = get_le32(f->bytes);
	l->soft = get_le64(f->bytes + 4);
	l->hard = get_le64(f->bytes + 12);
	spec->n_limits++;
	return 0;
}

static int
get_field(struct arena *a, const struct tlv_field *f, struct spec *spec)
{
	switch (f->tag) {
	case TAG_ID:
		if (f->len != ID_LEN)
			return -EBADMSG;
		memcpy(spec->id, f->bytes, ID_LEN);
		return id_is_whole(spec->id) ? 0 : -EBADMSG;
	case TAG_ARG:
		return get_string(a, f, &spec->argv.v[spec->argv.n++]);
	case TAG_COMMAND:
		return get_string(a, f, &spec->command);
	case TAG_SHELL:
		return get_string(a, f, &spec->shell);
	case TAG_CWD:
		return get_string(a, f, &spec->cwd);
	case TAG_ENV:
		return get_string(a, f, &spec->env.v[spec->env.n++]);
	case TAG_BASE_ENV:
		return get_string(a, f, &spec->base_env.v[spec->base_env.n++]);
	case TAG_LIMIT:
		return get_limit(f, spec);
	default:
		tlv_get_row(numbers, ARRAY_SIZE(numbers), spec, f);
		return 0; /* or of a newer program */
	}
}

static bool
is_whole(const struct spec *s)
{
	bool has_command = s->command || s->in_file;

	return s->id[0] && s->cwd && (s->argv.n > 0) != has_command && (!has_command || s->shell) &&
	       s->stdin_mode >= SPEC_STDIN_NULL && s->stdin_mode <= SPEC_STDIN_PTY &&
	       s->cap >= SPEC_CAP_DROP && s->cap <= SPEC_CAP_BLOCK;
}

int
spec_decode(struct arena *a, const void *bytes, size_t len, struct spec *ret_spec)
{
	struct tlv t = { bytes, len };
	struct tlv_field f;
	int rc;

	memset(ret_spec, 0, sizeof *ret_spec);
	rc = count_strings(a, t, ret_spec);
	while (rc == 0 && (rc = tlv_next(&t, &f)) > 0)
		rc = get_field(a, &f, ret_spec);
	if (rc < 0)
		return rc;
	ret_spec->argv.v[ret_spec->argv.n] = NULL;
	ret_spec->env.v[ret_spec->env.n] = NULL;
	ret_spec->base_env.v[ret_spec->base_env.n] = NULL;
	return is_whole(ret_spec) ? 0 : -EBADMSG;
}
