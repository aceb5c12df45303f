// SPDX-License-Identifier: GPL-2.0
// Memory and file handles: /proc/meminfo, vmstat, sys/fs/file-nr.
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

static const struct sg_proc_metric vmstat_metrics[] = {
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
	VM("compact_stall", "compaction_stalls", "Compaction stalls",
	   "Times that a program had to wait for memory to be compacted"),
	VM("oom_kill", "oom_kills", "OOM kills", "Processes that were killed for want of memory"),
};

const struct sg_proc_source sg_proc_vmstat = {
	"vmstat", 1 << 16, sg_proc_parse_keys, NULL, vmstat_metrics, ARRAY_SIZE(vmstat_metrics),
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
