// SPDX-License-Identifier: GPL-2.0
// Address spaces: see bpf/mm.bpf.c.
#include <sgprobe/bpf/mm.h>

#include "domain.h"

SG_DECLARE_OBJECT(mm);

static const char *lock_mode(unsigned int i)
{
	return i == MM_LOCK_READ ? "read" : "write";
}

static const char *tlb_reason(unsigned int i)
{
	static const char *const names[MM_TLB_REASONS + 1] = {
		"task_switch",	   "remote_shootdown", "local_shootdown", "local_mm_shootdown",
		"remote_send_ipi", "remote_wrong_cpu", "other",
	};

	return names[i];
}

static const struct sg_metric_row metrics[] = {
	{"lock_wait_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, MM_LOCK_READ, 2, .label = "mode",
	 .value = lock_mode, .dims = SG_DIM_CGROUP | SG_DIM_COMM, .title = "mmap_lock wait",
	 .help = "Time that a thread needed to get the lock of its address space, to read it "
		 "(page faults) or to change it (mmap, munmap)."},
	{"lock_failures_total", SG_COUNTER, SG_FROM_COUNTER, MM_LOCK_FAILURES,
	 .title = "mmap_lock not taken",
	 .help = "Times that the lock of an address space was only tried, or the wait was given up."},
	{"tlb_flushes_total", SG_COUNTER, SG_FROM_COUNTER, MM_TLB_FLUSHES, MM_TLB_REASONS + 1,
	 .label = "reason", .value = tlb_reason, .sparse = true, .title = "TLB flushes",
	 .help = "Flushes of cached address translations, by why; remote ones interrupt other "
		 "CPUs."},
};

static const struct sg_program programs[] = {
	{"mmap_lock_start_locking", MM_LOCK_BEGINS, .optional = true, .since = "5.11"},
	{"mmap_lock_acquire_returned", MM_LOCK_ENDS, .optional = true, .since = "5.11"},
	{"tlb_flush", MM_TLB_FLUSHES, MM_TLB_REASONS + 1, .optional = true},
};

const struct sg_domain sg_domain_mm = {
	.name = "mm",
	.title = "Address spaces",
	SG_OBJECT(mm),
	.slot_blocks = true,
	.signals = MM_SIGNALS,
	.counters = MM_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_mm),
};
