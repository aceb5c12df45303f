/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/mem.bpf.c and userspace/probe/mem.c share. */
#ifndef SGPROBE_BPF_MEM_H
#define SGPROBE_BPF_MEM_H

#include <sgprobe/bpf/sgprobe.h>

/* Who has to free memory itself before it gets some, and why. */
enum sg_mem_reclaim {
	MEM_DIRECT, /* the machine has none left */
	MEM_MEMCG, /* a cgroup is at its limit */
	MEM_NODE, /* the nearest NUMA node has none left (vm.zone_reclaim_mode) */
	MEM_RECLAIMS,
};

#define MEM_THROTTLES 4 /* enum vmscan_throttle_state, include/linux/mmzone.h */
#define MEM_COMPACT_RESULTS 9 /* enum compact_result, include/linux/compaction.h */
#define MEM_MIGRATE_REASONS 10 /* enum migrate_reason, include/linux/migrate_mode.h */

enum sg_mem_signal {
	MEM_RECLAIM, /* by slot */
	MEM_THROTTLED = MEM_RECLAIM + MEM_RECLAIMS, /* by slot */
	MEM_COMPACTION = MEM_THROTTLED + MEM_THROTTLES, /* by slot */
	MEM_KSWAPD, /* by node */
	MEM_TALLY, /* by slot: enum sg_mem_tally */
	MEM_SIGNALS,
};

enum sg_mem_tally {
	MEM_RECLAIMED, /* pages */
	MEM_VICTIMS = MEM_RECLAIMED + MEM_RECLAIMS,
	MEM_TALLIES,
};

enum sg_mem_counter {
	MEM_BEGINS = SG_COMMON_COUNTERS, /* of reclaim */
	MEM_ENDS = MEM_BEGINS + MEM_RECLAIMS,
	MEM_THROTTLE_RUNS = MEM_ENDS + MEM_RECLAIMS,
	MEM_KSWAPD_WAKES,
	MEM_KSWAPD_SLEEPS,
	MEM_COMPACT_BEGINS,
	MEM_COMPACT_RESULT, /* and one for a result that is not known */
	MEM_EXTFRAG = MEM_COMPACT_RESULT + MEM_COMPACT_RESULTS + 1,
	MEM_VICTIM_RUNS,
	MEM_MIGRATE_RUNS,
	MEM_MIGRATED, /* pages, and of a reason that is not known */
	MEM_NOT_MIGRATED = MEM_MIGRATED + MEM_MIGRATE_REASONS + 1,
	MEM_COUNTERS = MEM_NOT_MIGRATED + MEM_MIGRATE_REASONS + 1,
};

#endif
