// SPDX-License-Identifier: GPL-2.0
// Memory: see bpf/mem.bpf.c.
#include <stdio.h>

#include <sgprobe/bpf/mem.h>

#include "domain.h"

SG_DECLARE_OBJECT(mem);

static const char *reclaim_kind(unsigned int i)
{
	static const char *const names[MEM_RECLAIMS] = {"direct", "memcg", "node"};

	return names[i];
}

static const char *throttle_reason(unsigned int i)
{
	static const char *const names[MEM_THROTTLES] = {"writeback", "isolated", "noprogress",
							 "congested"};

	return names[i];
}

static const char *compact_result(unsigned int i)
{
	static const char *const names[MEM_COMPACT_RESULTS + 1] = {
		"not_suitable_zone", "skipped",		"deferred",  "no_suitable_page", "continue",
		"complete",	     "partial_skipped", "contended", "success",		 "other",
	};

	return names[i];
}

static const char *migrate_reason(unsigned int i)
{
	static const char *const names[MEM_MIGRATE_REASONS + 1] = {
		"compaction",	   "memory_failure", "memory_hotplug", "syscall",
		"mempolicy_mbind", "numa_misplaced", "contig_range",   "longterm_pin",
		"demotion",	   "damon",	     "other",
	};

	return names[i];
}

static void node_label(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	(void)name;
	snprintf(out->value[0], sizeof(out->value[0]), "%u", key->a);
}

#define BOTH .dims = SG_DIM_CGROUP | SG_DIM_COMM
#define PER_KIND MEM_RECLAIMS, .label = "kind", .value = reclaim_kind
#define PER_REASON                                                                                 \
	MEM_MIGRATE_REASONS + 1, .label = "reason", .value = migrate_reason, .sparse = true

static const struct sg_metric_row metrics[] = {
	{"reclaim_stall_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, MEM_RECLAIM, PER_KIND, BOTH,
	 .title = "Reclaim stalls",
	 .help = "Time that a task had to free memory itself before it got some: because the "
		 "machine (direct), its cgroup (memcg) or its NUMA node (node) was full."},
	{"reclaimed_bytes_total", SG_COUNTER, SG_FROM_TALLY, MEM_RECLAIMED, PER_KIND,
	 .by = MEM_TALLY, BOTH, .pages = true, .title = "Memory freed by tasks",
	 .help = "Memory that tasks freed in such stalls."},
	{"reclaim_throttle_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, MEM_THROTTLED, MEM_THROTTLES,
	 .label = "reason", .value = throttle_reason, BOTH, .title = "Reclaim throttled",
	 .help = "Time that a task which frees memory was made to wait, for what reason."},
	{"kswapd_awake_seconds", SG_HISTOGRAM, SG_FROM_KEYS, MEM_KSWAPD, .label = "node",
	 .key = node_label, .title = "kswapd awake",
	 .help = "Time from when kswapd began to free memory of a NUMA node until it slept again."},
	{"kswapd_wakes_total", SG_COUNTER, SG_FROM_COUNTER, MEM_KSWAPD_WAKES,
	 .title = "kswapd rounds", .help = "Times that kswapd began to free memory."},
	{"compaction_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, MEM_COMPACTION, BOTH,
	 .title = "Compaction",
	 .help = "Time that a task (or kcompactd) moved pages together to get a large free block."},
	{"compactions_total", SG_COUNTER, SG_FROM_COUNTER, MEM_COMPACT_RESULT,
	 MEM_COMPACT_RESULTS + 1, .label = "result", .value = compact_result, .sparse = true,
	 .title = "Compactions", .help = "Compactions of a memory zone, by how they ended."},
	{"fragmenting_allocations_total", SG_COUNTER, SG_FROM_COUNTER, MEM_EXTFRAG,
	 .title = "Fragmenting allocations",
	 .help = "Allocations that took a block of another kind of memory, which makes large "
		 "free blocks rarer."},
	{"oom_victims_total", SG_COUNTER, SG_FROM_TALLY, MEM_VICTIMS, .by = MEM_TALLY, BOTH,
	 .title = "OOM victims", .help = "Processes chosen to be killed for want of memory."},
	{"migrated_bytes_total", SG_COUNTER, SG_FROM_COUNTER, MEM_MIGRATED, PER_REASON,
	 .pages = true, .title = "Memory migrated",
	 .help = "Memory that was moved to other physical pages, by why."},
	{"migration_failures_bytes_total", SG_COUNTER, SG_FROM_COUNTER, MEM_NOT_MIGRATED,
	 PER_REASON, .pages = true, .title = "Memory not migrated",
	 .help = "Memory that was to be moved and could not be, by why it was to be."},
};

static const struct sg_program programs[] = {
	{"mm_vmscan_direct_reclaim_begin", MEM_BEGINS + MEM_DIRECT},
	{"mm_vmscan_direct_reclaim_end", MEM_ENDS + MEM_DIRECT},
	{"mm_vmscan_memcg_reclaim_begin", MEM_BEGINS + MEM_MEMCG, .optional = true},
	{"mm_vmscan_memcg_reclaim_end", MEM_ENDS + MEM_MEMCG, .optional = true},
	{"mm_vmscan_node_reclaim_begin", MEM_BEGINS + MEM_NODE, .optional = true},
	{"mm_vmscan_node_reclaim_end", MEM_ENDS + MEM_NODE, .optional = true},
	{"mm_vmscan_throttled", MEM_THROTTLE_RUNS, .optional = true, .since = "5.16"},
	{"mm_vmscan_kswapd_wake", MEM_KSWAPD_WAKES},
	{"mm_vmscan_kswapd_sleep", MEM_KSWAPD_SLEEPS},
	{"mm_compaction_begin", MEM_COMPACT_BEGINS, .optional = true},
	{"mm_compaction_end", MEM_COMPACT_RESULT, MEM_COMPACT_RESULTS + 1, .optional = true},
	{"mm_page_alloc_extfrag", MEM_EXTFRAG},
	{"mark_victim", MEM_VICTIM_RUNS},
	{"mm_migrate_pages", MEM_MIGRATE_RUNS, .optional = true},
};

const struct sg_domain sg_domain_mem = {
	.name = "mem",
	.title = "Memory",
	SG_OBJECT(mem),
	.pooled = MEM_SIGNALS,
	.counters = MEM_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_mem),
};
