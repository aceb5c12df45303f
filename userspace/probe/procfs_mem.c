// SPDX-License-Identifier: GPL-2.0
// Memory, file handles, numbers of tasks: /proc/meminfo, vmstat, sys/fs/file-nr, sys/kernel.
#include <string.h>

#include "procfs_source.h"

/* ---- /proc/meminfo: kilobytes ------------------------------------------------------- */

#define MEM(key, what, title, help)                                                                \
	{                                                                                          \
		key, "sgprobe_memory_" what "_bytes", title, help, "bytes", {NULL}, 1024,          \
			SG_GAUGE, 0                                                                \
	}

static const struct sg_proc_metric meminfo_metrics[] = {
	MEM("MemTotal", "total", "Memory", "Memory that the kernel manages"),
	MEM("MemAvailable", "available", "Memory available",
	    "What programs could still get without swapping, as the kernel estimates it"),
	MEM("MemFree", "free", "Memory free", "Memory that nobody uses, not even as cache"),
	MEM("Buffers", "buffers", "Buffers", "Cache of block devices"),
	MEM("Cached", "cached", "Page cache", "Cache of files, shared memory included"),
	MEM("Dirty", "dirty", "Dirty pages", "Cache that waits to be written"),
	MEM("Writeback", "writeback", "Pages in writeback", "Cache that is being written"),
	MEM("AnonPages", "anon", "Anonymous memory", "Memory of programs that no file backs"),
	MEM("Mapped", "mapped", "Mapped files", "Page cache that is mapped into programs"),
	MEM("Shmem", "shared", "Shared memory", "Shared memory and tmpfs"),
	MEM("Active", "active", "Active memory", "Memory that was used recently"),
	MEM("Inactive", "inactive", "Inactive memory", "Memory that is reclaimed first"),
	MEM("Slab", "slab", "Slab", "Kernel objects"),
	MEM("SReclaimable", "slab_reclaimable", "Reclaimable slab",
	    "Kernel objects that can be dropped, such as cached directory entries"),
	MEM("KernelStack", "kernel_stack", "Kernel stacks", "Kernel stacks of all tasks"),
	MEM("PageTables", "page_tables", "Page tables", "Page tables of all programs"),
	MEM("Committed_AS", "committed", "Committed memory",
	    "What programs have asked for, used or not"),
	MEM("SwapTotal", "swap_total", "Swap", "Swap space"),
	MEM("SwapFree", "swap_free", "Swap free", "Swap space that is not used"),
};

const struct sg_proc_source sg_proc_meminfo = {
	"meminfo", 1 << 16, sg_proc_parse_keys, NULL, meminfo_metrics, ARRAY_SIZE(meminfo_metrics),
};

/* ---- /proc/vmstat ------------------------------------------------------------------- */

#define VM(key, what, title, help)                                                                 \
	{                                                                                          \
		key, "sgprobe_vm_" what "_total", title, help, "", {NULL}, 1, SG_COUNTER, 0        \
	}

#define VM_PAGES(key, what, title, help)                                                           \
	{                                                                                          \
		key, "sgprobe_vm_" what "_bytes_total", title, help, "bytes", {NULL}, 1,           \
			SG_COUNTER, SG_PROC_PAGES                                                  \
	}

enum { STALLS };

static const struct sg_proc_metric vmstat_metrics[] = {
	[STALLS] =
		{.name = "sgprobe_vm_allocation_stalls_total",
		 .title = "Allocation stalls",
		 .help = "Times that a program had to free memory itself, by the zone that it needed",
		 .unit = "",
		 .labels = {"zone"},
		 .scale = 1},
	VM("pgfault", "page_faults", "Page faults", "Page faults, major ones included"),
	VM("pgmajfault", "major_page_faults", "Major page faults",
	   "Page faults that had to read from a disk"),
	VM_PAGES("pswpin", "swap_in", "Memory swapped in", "Memory read from swap"),
	VM_PAGES("pswpout", "swap_out", "Memory swapped out", "Memory written to swap"),
	VM_PAGES("pgscan_direct", "direct_scan", "Memory scanned in direct reclaim",
		 "Memory that programs had to look through themselves to get some"),
	VM_PAGES("pgsteal_direct", "direct_reclaim", "Memory freed in direct reclaim",
		 "Memory that programs had to free themselves to get some"),
	VM_PAGES("pgsteal_kswapd", "background_reclaim", "Memory freed in the background",
		 "Memory that kswapd freed"),
	VM_PAGES("pgscan_kswapd", "background_scan", "Memory scanned in the background",
		 "Memory that kswapd looked through to free some"),
	VM("nr_dirtied", "pages_dirtied", "Pages dirtied", "Pages of files that became dirty"),
	VM_PAGES("workingset_refault_anon", "refault_anon", "Anonymous memory read again",
		 "Memory of programs that was needed again soon after it was swapped out"),
	VM_PAGES("workingset_refault_file", "refault_file", "Page cache read again",
		 "Page cache that was needed again soon after it was dropped"),
	VM("pageoutrun", "kswapd_runs", "kswapd runs", "Times that kswapd began to free memory"),
	VM("drop_pagecache", "cache_drops", "Page cache dropped on request",
	   "Writes to vm.drop_caches that dropped the page cache"),
	VM("compact_stall", "compaction_stalls", "Compaction stalls",
	   "Times that a program had to wait for memory to be compacted"),
	VM("compact_success", "compaction_successes", "Compactions that helped",
	   "Compaction stalls after which there was a large enough block"),
	VM("compact_fail", "compaction_failures", "Compactions in vain",
	   "Compaction stalls after which there still was no large enough block"),
	VM("compact_daemon_wake", "kcompactd_wakes", "kcompactd wake-ups",
	   "Times that memory was compacted in the background"),
	VM("thp_fault_alloc", "huge_page_faults", "Huge pages on fault",
	   "Page faults that got a transparent huge page"),
	VM("thp_fault_fallback", "huge_page_fallbacks", "No huge page on fault",
	   "Page faults that wanted a transparent huge page and got a small one"),
	VM("thp_collapse_alloc", "huge_page_collapses", "Pages made huge",
	   "Transparent huge pages made of small ones in the background"),
	VM("thp_split_page", "huge_page_splits", "Huge pages split",
	   "Transparent huge pages that were split into small ones"),
	VM_PAGES("pgmigrate_success", "migrated", "Memory migrated",
		 "Memory moved to other physical pages"),
	VM_PAGES("pgmigrate_fail", "migration_failed", "Memory not migrated",
		 "Memory that was to be moved and could not be"),
	VM("numa_hint_faults", "numa_hint_faults", "NUMA hint faults",
	   "Page faults made on purpose, to learn which node uses a page"),
	VM_PAGES("numa_pages_migrated", "numa_migrated", "Memory moved between nodes",
		 "Memory moved to the NUMA node that uses it"),
	VM("zswpin", "zswap_in", "Pages from zswap", "Pages read from compressed memory"),
	VM("zswpout", "zswap_out", "Pages to zswap", "Pages compressed instead of swapped out"),
	VM("nr_tlb_remote_flush", "tlb_remote_flushes", "Remote TLB flushes",
	   "Interrupts to other CPUs to flush address translations, where the kernel counts them"),
	VM("oom_kill", "oom_kills", "OOM kills", "Processes that were killed for want of memory"),
};

/* "allocstall_normal 12": a line per zone that the kernel has. */
static bool zone_of(struct sg_text key, struct sg_text *zone)
{
	static const char prefix[] = "allocstall_";
	size_t n = sizeof(prefix) - 1;

	if (key.n <= n || memcmp(key.p, prefix, n) != 0)
		return false;
	*zone = (struct sg_text){key.p + n, key.n - n};
	return true;
}

static void parse_vmstat(const struct sg_proc_source *src, struct sg_text text,
			 struct sg_proc_sink *out)
{
	const struct sg_proc_metric *m;
	struct sg_text line, key, zone;
	uint64_t v;

	while (sg_text_line(&text, &line)) {
		if (!sg_text_word(&line, &key))
			continue;
		m = sg_proc_by_key(src, key);
		if (m && sg_text_u64(&line, &v))
			sg_proc_put(out, m, v);
		else if (zone_of(key, &zone) && sg_text_u64(&line, &v))
			out->put(out, &vmstat_metrics[STALLS], zone, (struct sg_text){0}, v);
	}
}

const struct sg_proc_source sg_proc_vmstat = {
	"vmstat", 1 << 16, parse_vmstat, NULL, vmstat_metrics, ARRAY_SIZE(vmstat_metrics),
};

/* ---- /proc/sys/fs/file-nr: "621 0 9223372036854775807" ------------------------------- */

static const struct sg_proc_metric file_metrics[] = {
	{NULL,
	 "sgprobe_file_handles",
	 "Open files",
	 "File handles that the kernel has allocated",
	 "",
	 {NULL},
	 1,
	 SG_GAUGE,
	 0},
	{NULL,
	 "sgprobe_file_handles_max",
	 "Most open files",
	 "The limit of fs.file-max",
	 "",
	 {NULL},
	 1,
	 SG_GAUGE,
	 0},
};

static void parse_file_nr(const struct sg_proc_source *src, struct sg_text text,
			  struct sg_proc_sink *out)
{
	struct sg_text line;
	uint64_t used, idle, max;

	if (!sg_text_line(&text, &line) || !sg_text_u64(&line, &used) ||
	    !sg_text_u64(&line, &idle) || !sg_text_u64(&line, &max))
		return;
	sg_proc_put(out, &src->metrics[0], used);
	sg_proc_put(out, &src->metrics[1], max);
}

const struct sg_proc_source sg_proc_file_nr = {
	"sys/fs/file-nr", 4096, parse_file_nr, NULL, file_metrics, ARRAY_SIZE(file_metrics),
};

/* ---- /proc/sys/kernel/pid_max, threads-max: one number each --------------------------- */

static void parse_number(const struct sg_proc_source *src, struct sg_text text,
			 struct sg_proc_sink *out)
{
	struct sg_text line;
	uint64_t v;

	if (sg_text_line(&text, &line) && sg_text_u64(&line, &v))
		sg_proc_put(out, &src->metrics[0], v);
}

static const struct sg_proc_metric pid_max_metrics[] = {
	{.name = "sgprobe_processes_pid_max",
	 .title = "Most task numbers",
	 .help = "The limit of kernel.pid_max",
	 .unit = "",
	 .scale = 1,
	 .type = SG_GAUGE},
};

static const struct sg_proc_metric threads_max_metrics[] = {
	{.name = "sgprobe_processes_tasks_max",
	 .title = "Most tasks",
	 .help = "The limit of kernel.threads-max",
	 .unit = "",
	 .scale = 1,
	 .type = SG_GAUGE},
};

const struct sg_proc_source sg_proc_pid_max = {
	"sys/kernel/pid_max",	     4096, parse_number, NULL, pid_max_metrics,
	ARRAY_SIZE(pid_max_metrics),
};

const struct sg_proc_source sg_proc_threads_max = {
	"sys/kernel/threads-max",	 4096, parse_number, NULL, threads_max_metrics,
	ARRAY_SIZE(threads_max_metrics),
};
