// SPDX-License-Identifier: GPL-2.0
#include "governor.h"

#define EVENT_NS 300 /* what it takes to time one event, about; docs/OVERHEAD.md */
#define SHARE 4 /* one part in so many of the budget is for timing the events of a domain one by one */
#define SHIFT 4 /* past that one in sixteen: its error is small where there are so many */
#define FULL_MIN 64

struct sg_bpf_limit sg_governor_limit(uint64_t budget_ns, uint32_t shards)
{
	uint64_t full = budget_ns / SHARE / EVENT_NS / SG_MAX(shards, 1u);

	if (budget_ns == 0)
		return (struct sg_bpf_limit){SG_NO_LIMIT, 0};
	return (struct sg_bpf_limit){(uint32_t)SG_MIN(SG_MAX(full, FULL_MIN), SG_NO_LIMIT - 1),
				     SHIFT};
}

void sg_governor_apply(struct sg_loaded *loaded, size_t n, uint64_t budget_ns, uint32_t shards)
{
	const struct sg_bpf_limit limit = sg_governor_limit(budget_ns, shards);

	for (size_t i = 0; i < n; i++) {
		struct sg_bpf_limit *at = loaded[i].limit;

		if (!at)
			continue;
		__atomic_store_n(&at->shift, limit.shift, __ATOMIC_RELAXED);
		__atomic_store_n(&at->full, limit.full, __ATOMIC_RELAXED);
	}
}
