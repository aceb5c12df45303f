// SPDX-License-Identifier: GPL-2.0
#include <bpf/bpf.h>

#include "bpfstat.h"

/* Reads what the kernel knows of a program; notes what it missed since it was asked last. */
static bool reading(struct sg_attached *a, uint64_t *ns, uint64_t *count)
{
	struct bpf_prog_info info = {0};
	uint32_t n = sizeof(info);

	if (bpf_obj_get_info_by_fd(a->fd, &info, &n) < 0)
		return false;
	*ns = info.run_time_ns;
	*count = info.run_cnt;
	a->missed += (double)(info.recursion_misses - a->misses);
	a->misses = info.recursion_misses;
	return true;
}

void sg_bpfstat_open(struct sg_loaded *l)
{
	for (size_t i = 0; i < l->n_attached; i++)
		reading(&l->attached[i], &l->attached[i].run_ns, &l->attached[i].run_cnt);
}

void sg_bpfstat_close(struct sg_loaded *l)
{
	for (size_t i = 0; i < l->n_attached; i++) {
		struct sg_attached *a = &l->attached[i];
		uint64_t ns, count;

		if (!reading(a, &ns, &count) || count <= a->run_cnt || ns < a->run_ns)
			continue;
		a->mean_ns = (double)(ns - a->run_ns) / (double)(count - a->run_cnt);
		a->measured += (double)(count - a->run_cnt);
	}
}
