// SPDX-License-Identifier: GPL-2.0
// File systems: see bpf/fs.bpf.c.
#include <stdio.h>
#include <string.h>

#include <sgprobe/bpf/fs.h>

#include "domain.h"

SG_DECLARE_OBJECT(fs);

static const char *type_name(unsigned int i)
{
	static const char *const names[FS_TYPES] = {
		[FS_EXT4] = "ext4", [FS_F2FS] = "f2fs",	  [FS_NFS] = "nfs",
		[FS_XFS] = "xfs",   [FS_BTRFS] = "btrfs",
	};

	return names[i];
}

static const char *phase_name(unsigned int i)
{
	static const char *const names[FS_PHASES] = {
		"wait", "request_delay", "running", "locked", "flushing", "logging",
	};

	return names[i];
}

static const char *reason_name(unsigned int i)
{
	static const char *const names[FS_REASONS] = {
		"background",	"vmscan",	 "sync",	  "periodic",
		"laptop_timer", "fs_free_space", "forker_thread", "foreign_flush",
	};

	return names[i];
}

static void device_label(const char *name, struct sg_key_labels *out)
{
	snprintf(out->value[0], sizeof(out->value[0]), "%s", name[0] ? name : "(none)");
}

static void fsync_labels(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	device_label(name, out);
	if (key->a < FS_TYPES)
		snprintf(out->value[1], sizeof(out->value[1]), "%s", type_name(key->a));
}

static void type_label(const struct sg_pool_key *key, const char *name, struct sg_key_labels *out)
{
	(void)key;
	snprintf(out->value[0], sizeof(out->value[0]), "%s", name);
}

/* "sda1-8": the journal in inode 8 of the file system on sda1. */
static void journal_labels(const struct sg_pool_key *key, const char *name,
			   struct sg_key_labels *out)
{
	char *dash;

	device_label(name, out);
	dash = strrchr(out->value[0], '-');
	if (dash && dash != out->value[0] && strspn(dash + 1, "0123456789") == strlen(dash + 1))
		*dash = 0;
}

#define PER_TYPE .label = "filesystem", .value = type_name, .sparse = true
#define BOTH (SG_DIM_CGROUP | SG_DIM_COMM)

static const struct sg_metric_row metrics[] = {
	{"fsync_seconds", SG_HISTOGRAM, SG_FROM_KEYS, FS_FSYNC, .label = "device",
	 .label2 = "filesystem", .key = fsync_labels, .dims = BOTH, .by = FS_SLOT_FSYNC,
	 .title = "fsync latency",
	 .help = "Time that the file system took for an fsync or fdatasync; of ext4, f2fs and NFS."},
	{"fsyncs_total", SG_COUNTER, SG_FROM_COUNTER, FS_FSYNCS, FS_TYPES, PER_TYPE,
	 .title = "fsyncs", .help = "Calls of fsync and fdatasync that reached the file system."},
	{"fsync_errors_total", SG_COUNTER, SG_FROM_COUNTER, FS_FSYNC_ERRORS, FS_TIMED, PER_TYPE,
	 .title = "fsyncs failed", .help = "Calls of fsync and fdatasync that failed."},
	{"sync_seconds", SG_HISTOGRAM, SG_FROM_KEYS, FS_SYNC, .label = "filesystem",
	 .key = type_label, .title = "fsync latency by type",
	 .help = "Time that an fsync took by type of file system, also for msync, O_SYNC, io_uring "
		 "and the NFS server. Needs a kernel whose functions can be hooked."},
	{"commit_seconds", SG_HISTOGRAM, SG_FROM_KEYS, FS_COMMIT, .label = "device",
	 .key = journal_labels, .title = "Journal commit time",
	 .help = "Time that a commit of the journal of ext4 or OCFS2 took."},
	{"commit_phase_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, FS_PHASE, FS_PHASES,
	 .label = "phase", .value = phase_name, .sparse = true, .title = "Journal commit phases",
	 .help = "Time that a transaction spent in each phase, in the kernel's timer ticks; running "
		 "is when it still takes changes."},
	{"commit_handles_total", SG_COUNTER, SG_FROM_COUNTER, FS_HANDLES,
	 .title = "Journalled operations",
	 .help = "Operations on files whose changes were committed."},
	{"commit_blocks_total", SG_COUNTER, SG_FROM_COUNTER, FS_BLOCKS_LOGGED,
	 .title = "Journal blocks", .help = "Blocks that commits wrote to the journal."},
	{"dirty_pause_seconds", SG_HISTOGRAM, SG_FROM_SIGNAL, FS_PAUSE, .dims = BOTH,
	 .title = "Dirty throttling",
	 .help = "Pauses that a task had to make because it dirties pages faster than they are "
		 "written."},
	{"dirtied_pages", SG_HISTOGRAM, SG_FROM_SIGNAL, FS_DIRTIED, .units = true, .dims = BOTH,
	 .title = "Pages dirtied",
	 .help = "Pages of files that became dirty; the sum is pages, the count is folios."},
	{"writeback_pass_seconds", SG_HISTOGRAM, SG_FROM_BLOCKS, FS_PASS, FS_REASONS,
	 .label = "reason", .value = reason_name, .sparse = true, .title = "Write-back passes",
	 .help = "Time of one pass of a flusher thread over dirty files."},
	{"writeback_pages_total", SG_COUNTER, SG_FROM_COUNTER, FS_WRITTEN,
	 .title = "Pages written back", .help = "Pages that flusher threads wrote."},
	{"writeback_errors_total", SG_COUNTER, SG_FROM_COUNTER, FS_WRITEBACK_ERRORS,
	 .title = "Write-back errors",
	 .help = "Errors of writing pages back: data may be lost, and the next fsync says so."},
	{"errors_total", SG_COUNTER, SG_FROM_COUNTER, FS_ERRORS, .title = "ext4 errors",
	 .help = "Times that ext4 found its file system damaged."},
	{"cache_added_pages", SG_HISTOGRAM, SG_FROM_SIGNAL, FS_CACHED, .units = true, .dims = BOTH,
	 .title = "Page cache misses",
	 .help = "Pages that were not in the page cache and came into it, by whom; the sum is pages, "
		 "the count is folios."},
	{"cache_accesses_total", SG_COUNTER, SG_FROM_COUNTER, FS_ACCESSES,
	 .title = "Page cache accesses",
	 .help = "Folios of the page cache that were used, with probe.cache_accesses on a kernel whose "
		 "functions can be hooked; those that cache_added_pages counts were no hits."},
	{"cache_removed_pages_total", SG_COUNTER, SG_FROM_COUNTER, FS_REMOVED,
	 .title = "Page cache evictions",
	 .help = "Pages that left the page cache, for lack of memory or with their file."},
};

static const struct sg_program programs[] = {
	{"ext4_sync_file_enter", FS_FSYNCS + FS_EXT4, .optional = true},
	{"f2fs_sync_file_enter", FS_FSYNCS + FS_F2FS, .optional = true},
	{"nfs_fsync_enter", FS_FSYNCS + FS_NFS, .optional = true},
	{"xfs_file_fsync", FS_FSYNCS + FS_XFS, .optional = true},
	{"btrfs_sync_file", FS_FSYNCS + FS_BTRFS, .optional = true},
	{"ext4_sync_file_exit", FS_RUNS_EXIT + FS_EXT4, .optional = true},
	{"f2fs_sync_file_exit", FS_RUNS_EXIT + FS_F2FS, .optional = true},
	{"nfs_fsync_exit", FS_RUNS_EXIT + FS_NFS, .optional = true},
	{"jbd2_start_commit", FS_COMMITS_BEGUN, .optional = true},
	{"jbd2_end_commit", FS_COMMITS_ENDED, .optional = true},
	{"jbd2_run_stats", FS_TRANSACTIONS, .optional = true},
	{"ext4_error", FS_ERRORS, .optional = true},
	{"balance_dirty_pages", FS_RUNS_PAUSE},
	{"writeback_start", FS_PASSES_BEGUN},
	{"writeback_written", FS_PASSES_ENDED},
	{"writeback_pages_written", FS_RUNS_WRITTEN},
	{"writeback_dirty_folio", FS_RUNS_DIRTY, .optional = true},
	{"writeback_dirty_page", FS_RUNS_DIRTY, .optional = true},
	{"filemap_set_wb_err", FS_WRITEBACK_ERRORS, .optional = true},
	{"mm_filemap_add_to_page_cache", FS_RUNS_CACHED},
	{"mm_filemap_delete_from_page_cache", FS_RUNS_REMOVED},
	{"vfs_fsync_range", FS_SYNCS_BEGUN, .function = "vfs_fsync_range"},
	{"vfs_fsync_range_end", FS_SYNCS_ENDED, .function = "vfs_fsync_range", .at_return = true},
	{"folio_mark_accessed", FS_ACCESSES, .function = "folio_mark_accessed mark_page_accessed",
	 .setting = offsetof(struct sg_config, cache_accesses), .rate = SG_HOT},
};

const struct sg_domain sg_domain_fs = {
	.name = "fs",
	.title = "File systems",
	SG_OBJECT(fs),
	.signals = FS_BLOCK_SIGNALS,
	.pooled = FS_SIGNALS_END - FS_BLOCK_SIGNALS,
	.fixed_blocks = FS_BLOCKS,
	.counters = FS_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.enabled = offsetof(struct sg_config, domain_fs),
};
