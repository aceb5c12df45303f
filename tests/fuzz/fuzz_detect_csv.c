// SPDX-License-Identifier: GPL-2.0
// Lines of a CSV from anywhere: each is an error with a sentence, or a sample that gets a score.
#include <stdlib.h>
#include <string.h>

#include <sgprobe/detect.h>

static void line(struct sg_detector *d, const char *s)
{
	struct sg_error err = {0};
	size_t stamp = 0;
	int64_t t;
	double v, score;

	if (sg_detect_csv_line(s, &t, &v, &stamp, &err) < 0) {
		if (!err.msg[0])
			abort();
		return;
	}
	score = sg_detect_value(d, t, v);
	if (stamp >= strlen(s) || !(score >= 0 && score <= 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	sg_auto(sg_detector) d = sg_detector_new(SG_DETECT_VALUE);
	sg_auto_free char *s = calloc(1, n + 1);
	char *rest = s, *one;

	if (!s || !d)
		return 0;
	memcpy(s, data, n);
	while ((one = strsep(&rest, "\n")))
		line(d, one);
	return 0;
}
