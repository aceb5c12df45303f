// SPDX-License-Identifier: GPL-2.0
// A saved detector from anywhere is refused or works: every score is in 0...1. The checksum is mended, so that
// the fields are reached.
#include <stdlib.h>
#include <string.h>

#include <sgprobe/detect.h>

#define HEADER 16

static void check(double score)
{
	if (!(score >= 0 && score <= 1))
		abort();
}

static void use(struct sg_detector *d)
{
	struct sg_bucket b[] = {{-80, 100}, {-40, 3}};
	const struct sg_hist h = {.count = 103, .n = 2, .buckets = b};

	for (int i = 0; i < 100; i++) {
		check(sg_detect_value(d, i * 1000, i % 9 ? 1.5 : -1e12));
		check(sg_detect_counter(d, i * 1000, i));
		check(sg_detect_hist(d, i * 1000, &h));
	}
	check(sg_detect_absent(d, 101000));
}

static void load(const void *p, size_t n)
{
	sg_auto(sg_detector) d = NULL;
	sg_auto_buf b = {0};

	if (sg_detector_load(p, n, &d) < 0)
		return;
	use(d);
	sg_detector_save(d, &b);
	if (b.err)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_auto_free uint8_t *copy = malloc(n + 1);
	uint32_t tail[2];

	load(data, n);
	if (!copy || n < HEADER)
		return 0;
	memcpy(copy, data, n);
	tail[0] = (uint32_t)(n - HEADER);
	tail[1] = sg_crc32c(0, copy + HEADER, n - HEADER);
	memcpy(copy + 8, tail, sizeof(tail));
	load(copy, n);
	return 0;
}
