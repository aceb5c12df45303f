// SPDX-License-Identifier: GPL-2.0
// Stacks of long waits: see bpf/offcpu.bpf.c. What becomes of them: stacks.c.
#include <errno.h>
#include <sgprobe/bpf/offcpu.h>
#include <string.h>

#include "domain.h"
#include "load.h"

SG_DECLARE_OBJECT(offcpu);

static const struct sg_metric_row metrics[] = {
	{"waits_total", SG_COUNTER, SG_FROM_COUNTER, OFFCPU_WAITS, .title = "Long waits",
	 .help = "Waits of threads above probe.offcpu_min, apart from idle threads of the kernel."},
	{"limited_total", SG_COUNTER, SG_FROM_COUNTER, OFFCPU_LIMITED,
	 .title = "Long waits without a stack",
	 .help = "Of these, the ones whose stack was not taken because a CPU had taken "
		 "probe.offcpu_stacks in that second."},
	{"dropped_total", SG_COUNTER, SG_FROM_COUNTER, OFFCPU_DROPPED,
	 .title = "Stacks of waits dropped",
	 .help = "Stacks for which there was no room in the kernel until the next tick."},
	{"overwritten_total", SG_COUNTER, SG_FROM_COUNTER, OFFCPU_OVERWRITTEN,
	 .title = "Waits forgotten",
	 .help = "Waits that were not followed to their end: another thread whose number differs by "
		 "a multiple of 32,768 began to wait."},
};

static const struct sg_program programs[] = {
	{"sched_switch", OFFCPU_SWITCHES, .rate = SG_HOT},
	{"sched_exit_tp", OFFCPU_LEAVES, .optional = true, .rate = SG_HOT, .since = "6.16"},
};

/* Without the second hook the first one has nobody to tell. */
static int start(const struct sg_config *cfg, const struct sg_loaded *l, void **state)
{
	for (size_t i = 0; i < l->n_attached; i++)
		if (strcmp(l->attached[i].program->hook, "sched_exit_tp") == 0)
			return 0;
	return -EOPNOTSUPP;
}

const struct sg_domain sg_domain_offcpu = {
	.name = "offcpu",
	.title = "Stacks of waits",
	SG_OBJECT(offcpu),
	.counters = OFFCPU_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.stacks = SG_PROFILE_OFFCPU,
	.refusal = "this kernel lacks the trace point sched_exit_tp: it came with Linux 6.16",
	.enabled = offsetof(struct sg_config, domain_offcpu),
	.start = start,
};
