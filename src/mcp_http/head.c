/* SPDX-License-Identifier: MIT */
#include "mcp_http/head.h"

#include <string.h>
#include <strings.h>

/* Two of these, and we and somebody in front of us may each believe another one. */
static const char *const unique[] = {
	"host",
	"origin",
	"authorization",
	"content-type",
	"accept-encoding",
	"content-length",
	"last-event-id",
	"mcp-protocol-version",
	"mcp-method",
	"mcp-name",
	"mcp-session-id",
};

void
head_init(struct head *h)
{
	memset(h, 0, sizeof *h);
	buf_init(&h->text, HEAD_BYTES_MAX);
}

void
head_fini(struct head *h)
{
	buf_fini(&h->text);
}

static int
begin_part(struct head *h, enum head_part part)
{
	int rc = buf_add(&h->text, "", 1); /* behind the part before */

	if (rc < 0)
		return rc;
	if (part == HEAD_NAME && h->n == HEAD_FIELDS_MAX)
		return -EMSGSIZE;
	if (part == HEAD_NAME)
		h->names[h->n++] = (uint32_t)h->text.len;
	else if (part == HEAD_VALUE)
		h->values[h->n - 1] = (uint32_t)h->text.len;
	h->part = part;
	return 0;
}

int
head_add(struct head *h, enum head_part part, const char *bytes, size_t len)
{
	int rc = 0;

	if (part != h->part) {
		if (part < h->part && part != HEAD_NAME)
			return -EBADMSG;
		rc = begin_part(h, part);
	}
	return rc < 0 ? rc : buf_add(&h->text, bytes, len);
}

static bool
is_token(const char *s)
{
	static const char chars[] = "!#$%&'*+-.^_`|~0123456789"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *s && !s[strspn(s, chars)];
}

static char *
text_at(const struct head *h, uint32_t offset)
{
	return (char *)buf_head(&h->text) + offset;
}

/* The text up to its NUL without blanks around it; false where a control character is in it. */
static bool
trim(struct head *h, uint32_t *at, size_t len)
{
	char *s = text_at(h, *at), *end = s + len, *p;

	for (p = s; p < end; p++) {
		if ((unsigned char)*p == 0x7f || ((unsigned char)*p < ' ' && *p != '\t'))
			return false;
	}
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	*at += (uint32_t)strspn(s, " \t");
	return true;
}

/* Where the text that begins at `from` ends: the NUL before the next one. */
static bool
trim_value(struct head *h, size_t i)
{
	uint32_t next = i + 1 < h->n ? h->names[i + 1] : (uint32_t)h->text.len;

	return trim(h, &h->values[i], next - 1 - h->values[i]);
}

static bool
is_given_twice(const struct head *h, const char *name)
{
	size_t i, n = 0;

	for (i = 0; i < h->n; i++)
		n += strcasecmp(text_at(h, h->names[i]), name) == 0;
	return n > 1;
}

int
head_end(struct head *h)
{
	size_t i;
	int rc;

	if (h->part == HEAD_NAME)
		return -EBADMSG;
	rc = begin_part(h, HEAD_CLOSED);
	if (rc < 0)
		return rc;
	for (i = 0; i < h->n; i++) {
		/* A NUL inside of a name would hide the rest of it. */
		if (!is_token(text_at(h, h->names[i])) ||
		    h->names[i] + strlen(text_at(h, h->names[i])) + 1 != h->values[i] ||
		    !trim_value(h, i))
			return -EBADMSG;
	}
	for (i = 0; i < ARRAY_SIZE(unique); i++) {
		if (is_given_twice(h, unique[i]))
			return -EBADMSG;
	}
	return 0;
}

const char *
head_target(const struct head *h)
{
	return text_at(h, 0);
}

bool
head_path_is(const struct head *h, const char *path)
{
	const char *target = head_target(h);
	size_t len = strcspn(target, "?#");

	return len == strlen(path) && memcmp(target, path, len) == 0;
}

bool
head_path_begins(const struct head *h, const char *prefix)
{
	return strncmp(head_target(h), prefix, strlen(prefix)) == 0;
}

const char *
head_next(const struct head *h, const char *name, size_t *it)
{
	while (*it < h->n) {
		size_t i = (*it)++;

		if (strcasecmp(text_at(h, h->names[i]), name) == 0)
			return text_at(h, h->values[i]);
	}
	return NULL;
}

const char *
head_get(const struct head *h, const char *name)
{
	size_t it = 0;

	return head_next(h, name, &it);
}
