/* SPDX-License-Identifier: MIT */
/*
 * driver - runs a fuzz target over the files of its corpus, and over cuts and flips of each, in
 * builds without libFuzzer. A crash is the only failure.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* The input itself, each of up to 64 cuts, and 200 mutations, always the same ones. */
static void
try_around(const uint8_t *input, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	uint32_t state = 2463534242u, i, flips;
	size_t cut;

	if (!copy)
		abort();
	LLVMFuzzerTestOneInput(input, size);
	for (i = 0; i < 64 && size; i++) {
		cut = (size_t)next_random(&state) % size;
		memcpy(copy, input, cut);
		LLVMFuzzerTestOneInput(copy, cut);
	}
	for (i = 0; i < 200 && size; i++) {
		memcpy(copy, input, size);
		for (flips = 1 + next_random(&state) % 8; flips; flips--)
			copy[next_random(&state) % size] = (uint8_t)next_random(&state);
		LLVMFuzzerTestOneInput(copy, size);
	}
	free(copy);
}

static int
run_file(int dirfd, const char *name)
{
	static uint8_t input[INPUT_MAX];
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, input, sizeof input);
	(void)close(fd);
	if (n >= 0)
		try_around(input, (size_t)n);
	return n < 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	struct dirent *entry;
	int files = 0;
	DIR *dir;

	if (argc != 2 || !(dir = opendir(argv[1]))) {
		(void)fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (run_file(dirfd(dir), entry->d_name) < 0) {
			perror(entry->d_name);
			return 1;
		}
		files++;
	}
	(void)closedir(dir);
	(void)printf("%s: %d files\n", argv[0], files);
	return files ? 0 : 1; /* an empty corpus tests nothing */
}
