// SPDX-License-Identifier: GPL-2.0
// Page faults: see bpf/fault.bpf.c.
#include <sgprobe/bpf/fault.h>

#include "domain.h"

SG_DECLARE_OBJECT(fault);

static const char *mode(unsigned int i)
{
	return i == FAULT_USER ? "user" : "kernel";
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
};

static const struct sg_program programs[] = {
	{"page_fault_user", FAULT_USER_RUNS},
	{"page_fault_kernel", FAULT_KERNEL_RUNS},
	{"sched_process_exit", FAULT_EXIT_RUNS},
};

const struct sg_domain sg_domain_fault = {
	.name = "fault",
	.title = "Page faults",
	SG_OBJECT(fault),
	.slot_blocks = true,
	.signals = FAULT_SIGNALS,
	.counters = FAULT_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_fault),
};
