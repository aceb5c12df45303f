/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/fault.bpf.c and userspace/probe/fault.c share. */
#ifndef SGPROBE_BPF_FAULT_H
#define SGPROBE_BPF_FAULT_H

#include <sgprobe/bpf/sgprobe.h>

enum sg_fault_signal {
	FAULT_TALLY, /* by slot: enum sg_fault_tally */
	FAULT_SIGNALS,
	FAULT_TIME = FAULT_SIGNALS, /* of the pool: minor (a = 0), major (1) */
	FAULT_SLOT_TIME, /* the same by slot */
	FAULT_SIGNALS_END,
};

enum sg_fault_tally {
	FAULT_USER,
	FAULT_KERNEL,
	FAULT_MAJOR,
};

enum sg_fault_counter {
	FAULT_USER_RUNS = SG_COMMON_COUNTERS,
	FAULT_KERNEL_RUNS,
	FAULT_EXIT_RUNS,
	FAULT_BEGIN_RUNS,
	FAULT_END_RUNS,
	FAULT_COUNTERS,
};

#endif
