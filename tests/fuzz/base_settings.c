/* SPDX-License-Identifier: MIT */
/*
 * base_settings - a whole settings file. fuzz: base
 *
 * It is taken or refused with a sentence; what is taken lies within bounds, and no value holds an
 * end of line.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"
#include "base/options.h"

struct demo {
	bool verbose;
	const char *dir;
	int64_t count;
	struct option_list env;
};

#define MEMBER(m) offsetof(struct demo, m)

static const struct option_spec rows[] = {
	{ "verbose", 'v', OPTION_FLAG, MEMBER(verbose), NULL, NULL, 0, 0, NULL, "" },
	{ "dir", 'd', OPTION_STRING, MEMBER(dir), NULL, "/", 0, 0, "FOLDER", "" },
	{ "count", 'c', OPTION_INT, MEMBER(count), NULL, "3", 0, 100, NULL, "" },
	{ "env", 'e', OPTION_LIST, MEMBER(env), NULL, NULL, 0, 0, "NAME=VALUE", "" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds, const char *what)
{
	if (!holds)
		BUG("%s", what);
}

static void
check_text(const char *text)
{
	check(strlen(text) < 200, "a value as long as a line");
	check(!strpbrk(text, "\n"), "an end of line in a value");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct demo demo = { 0 };
	struct err err = { 0 };
	struct options opts;
	char path[64];
	size_t i;
	int fd, rc;

	fd = memfd_create("settings", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	options_init(&opts, rows, ARRAY_SIZE(rows), &demo);
	check(options_defaults(&opts, &err) == 0, err.msg);
	rc = options_from_file(&opts, path, true, &err);
	check(rc == err.code, "another code than the error's");
	check(rc == 0 || rc == ERR_INVALID_ARGUMENT || rc == ERR_RESOURCE_EXHAUSTED, err.msg);
	check(rc == 0 || err.msg[0], "a refusal without a sentence");
	check(demo.count >= 0 && demo.count <= 100, "a number beyond its bounds");
	check_text(demo.dir);
	for (i = 0; i < demo.env.len; i++)
		check_text(demo.env.values[i]);
	options_fini(&opts);
	(void)close(fd);
	return 0;
}
