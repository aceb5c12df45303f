// SPDX-License-Identifier: GPL-2.0
// The first byte chooses a file of /proc (or a cgroup's path), the rest is its text.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sgprobe/series.h>

#include "probe/cgroup.h"
#include "probe/label.h"
#include "probe/procfs_source.h"

struct bounds {
	struct sg_proc_sink sink;
	size_t n;
};

static void check_label(struct sg_text t)
{
	char out[SG_LABEL_VALUE_MAX + 1];

	sg_label_clean(out, sizeof(out), t.p, t.n);
	if (strlen(out) > SG_LABEL_VALUE_MAX || !sg_utf8_valid(out, strlen(out)))
		abort();
}

static void check(struct sg_proc_sink *s, const struct sg_proc_metric *m, struct sg_text l1,
		  struct sg_text l2, uint64_t v)
{
	struct bounds *b = (struct bounds *)s;

	b->n++;
	check_label(l1);
	check_label(l2);
	if (!m->labels[0] != !l1.n && !(m->flags & SG_PROC_DEVICE))
		abort();
}

static void one_path(const uint8_t *data, size_t n)
{
	char *path = calloc(1, n + 1), out[SG_CGROUP_NAME_MAX];

	if (!path)
		return;
	memcpy(path, data, n);
	sg_cgroup_path_name(path, out);
	if (!*out || !sg_utf8_valid(out, strlen(out)))
		abort();
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bounds b = {.sink.put = check};
	size_t sources = 0;

	while (sg_proc_sources[sources])
		sources++;
	if (!n)
		return 0;
	if (data[0] % (sources + 1) == sources) {
		one_path(data + 1, n - 1);
		return 0;
	}
	sg_proc_sources[data[0] % (sources + 1)]->parse(
		sg_proc_sources[data[0] % (sources + 1)],
		(struct sg_text){(const char *)data + 1, n - 1}, &b.sink);
	if (b.n > n * 8) /* a reading costs at least some bytes of text */
		abort();
	return 0;
}
