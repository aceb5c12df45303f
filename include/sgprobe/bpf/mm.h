/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/mm.bpf.c and userspace/probe/mm.c share. */
#ifndef SGPROBE_BPF_MM_H
#define SGPROBE_BPF_MM_H

#include <sgprobe/bpf/sgprobe.h>

#define MM_TLB_REASONS 6 /* enum tlb_flush_reason, include/linux/mm_types.h */

enum sg_mm_signal {
	MM_LOCK_READ,
	MM_LOCK_WRITE,
	MM_SIGNALS,
};

enum sg_mm_counter {
	MM_LOCK_BEGINS = SG_COMMON_COUNTERS,
	MM_LOCK_ENDS,
	MM_LOCK_FAILURES,
	MM_TLB_FLUSHES, /* and one for a reason that is not known */
	MM_COUNTERS = MM_TLB_FLUSHES + MM_TLB_REASONS + 1,
};

#endif
