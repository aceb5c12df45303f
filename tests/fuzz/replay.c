// SPDX-License-Identifier: GPL-2.0
// Runs a fuzz target without a fuzzer: over every file of a corpus, and over variations of
// each that are the same every time. replay FOLDER
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/file.h>

#define VARIATIONS 300
#define INPUT_MAX (1U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* In memory of exactly its size, so that a read past the end is seen. */
static void run(const void *p, size_t n)
{
	sg_auto_free uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		exit(1);
	if (n)
		memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
}

/* Some bytes changed, and often the end cut off. */
static void vary(const struct sg_buf *b)
{
	sg_auto_free uint8_t *copy = malloc(b->len + 1);
	uint64_t state = 88172645463325252ULL + b->len;

	if (!copy)
		exit(1);
	for (unsigned i = 0; i < VARIATIONS && b->len; i++) {
		size_t n = i % 3 ? b->len : next(&state) % b->len;

		memcpy(copy, b->data, b->len);
		for (unsigned k = next(&state) % 4; k > 0; k--)
			copy[next(&state) % b->len] = (uint8_t)next(&state);
		run(copy, n);
	}
}

static int replay(const char *folder, const char *name, unsigned number)
{
	sg_auto_buf b = {0};
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (sg_read_file(path, INPUT_MAX, &b) < 0) {
		printf("not ok %u - %s cannot be read\n", number, path);
		return 1;
	}
	run(b.data, b.len);
	vary(&b);
	printf("ok %u - %s and variations of it\n", number, name);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
	unsigned n = 0, bad = 0;
	struct dirent *e;

	if (!d) {
		fprintf(stderr, "usage: replay FOLDER\n");
		return 2;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			bad += replay(argv[1], e->d_name, ++n);
	closedir(d);
	printf("1..%u\n", n);
	return bad || !n;
}
