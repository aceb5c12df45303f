// SPDX-License-Identifier: GPL-2.0
// What the governor decided, as samples of a frame.
#include "governor_frame.h"

#include <errno.h>
#include <string.h>

static const struct sg_metric_info metrics[] = {
	{"sgprobe_governor_step", "Detail that is left",
	 "How much of a domain the budget leaves: 0 full, 1 sampled, 2 sparse, 3 off; reason says why "
	 "it is not full. Counts are exact but in step 3.",
	 "", "domain", "self", NULL, NULL, SG_GAUGE},
	{"sgprobe_governor_cost_seconds", "Cost that the budget is held against",
	 "CPU time of the kernel programs and of the probe process in the last second.", "seconds",
	 NULL, "self", NULL, NULL, SG_GAUGE},
	{"sgprobe_governor_budget_seconds", "Budget",
	 "CPU time per second that watching may take on all CPUs together (probe.budget); 0: no limit.",
	 "seconds", NULL, "self", NULL, NULL, SG_GAUGE},
};
enum { STEP, COST, BUDGET };
const struct sg_metric_table sg_governor_metrics = {metrics, ARRAY_SIZE(metrics)};

static int put(struct sg_frame *f, const char *name, double v, struct sg_label *labels, size_t n)
{
	struct sg_series s, *copy;
	int r = sg_series_init(&s, SG_GAUGE, name, labels, n);

	if (r < 0)
		return r;
	copy = sg_series_copy(f->arena, &s);
	return copy ? sg_frame_add_value(f, copy, v) : -ENOMEM;
}

int sg_governor_emit_step(const struct sg_governor *g, size_t i, const char *domain,
			  struct sg_frame *f)
{
	struct sg_label labels[] = {{"domain", domain}, {"reason", g->at[i].reason}};

	return put(f, metrics[STEP].name, g->at[i].step, labels, ARRAY_SIZE(labels));
}

int sg_governor_emit(const struct sg_governor *g, struct sg_frame *f)
{
	int r = put(f, metrics[COST].name, g->total_ns * 1e-9, NULL, 0);

	return r < 0 ? r : put(f, metrics[BUDGET].name, (double)g->budget_ns * 1e-9, NULL, 0);
}
