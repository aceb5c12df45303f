// SPDX-License-Identifier: GPL-2.0
// Page faults: see bpf/fault.bpf.c.
#include <stdio.h>

#include <sgprobe/bpf/fault.h>

#include "domain.h"

SG_DECLARE_OBJECT(fault);

static const char *mode(unsigned int i)
{
	return i == FAULT_USER ? "user" : "kernel";
}

static void kind_label(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	(void)name;
	snprintf(out->value[0], sizeof(out->value[0]), "%s", key->a ? "major" : "minor");
}

#define TALLY(first) SG_COUNTER, SG_FROM_TALLY, first, .by = FAULT_TALLY
#define BOTH .dims = SG_DIM_CGROUP | SG_DIM_COMM

static const struct sg_metric_row metrics[] = {
	{"faults_total", TALLY(FAULT_USER), .n = 2, .label = "mode", .value = mode, BOTH,
	 .title = "Page faults",
	 .help = "Accesses to memory that was not mapped yet, by the program itself (user) or by "
		 "the kernel on its behalf."},
	{"major_total", TALLY(FAULT_MAJOR), BOTH, .title = "Major page faults",
	 .help = "Page faults that had to read from a disk, counted at the next fault or the end "
		 "of the thread that had them."},
	{"latency_seconds", SG_HISTOGRAM, SG_FROM_KEYS, FAULT_TIME, .label = "kind",
	 .key = kind_label, BOTH, .by = FAULT_SLOT_TIME, .title = "Page fault latency",
	 .help = "Time that the kernel took for a page fault, until the memory was there; major "
		 "ones had to wait for a disk. Needs a kernel whose functions can be hooked."},
};

static const struct sg_program programs[] = {
	{"page_fault_user", FAULT_USER_RUNS},
	{"page_fault_kernel", FAULT_KERNEL_RUNS},
	{"sched_process_exit", FAULT_EXIT_RUNS},
	{"handle_mm_fault", FAULT_BEGIN_RUNS, .function = "handle_mm_fault"},
	{"handle_mm_fault_end", FAULT_END_RUNS, .function = "handle_mm_fault", .at_return = true},
};

const struct sg_domain sg_domain_fault = {
	.name = "fault",
	.title = "Page faults",
	SG_OBJECT(fault),
	.slot_blocks = true,
	.signals = FAULT_SIGNALS,
	.pooled = FAULT_SIGNALS_END - FAULT_SIGNALS,
	.limited = true,
	.counters = FAULT_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_fault),
};
