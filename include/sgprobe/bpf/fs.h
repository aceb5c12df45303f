/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/fs.bpf.c and userspace/probe/fs.c share. */
#ifndef SGPROBE_BPF_FS_H
#define SGPROBE_BPF_FS_H

#include <sgprobe/bpf/sgprobe.h>

enum sg_fs_type {
	FS_EXT4,
	FS_F2FS,
	FS_NFS,
	FS_TIMED, /* those before tell the end of an fsync too */
	FS_XFS = FS_TIMED,
	FS_BTRFS,
	FS_TYPES,
};

#define FS_PHASES 6 /* of a commit, in the order of the kernel's transaction_run_stats_s */
#define FS_REASONS 8 /* for write-back, the kernel's enum wb_reason */

/* Fixed blocks. */
enum sg_fs_block {
	FS_PHASE,
	FS_PASS = FS_PHASE + FS_PHASES,
	FS_BLOCKS = FS_PASS + FS_REASONS,
};

enum sg_fs_signal {
	FS_BLOCK_SIGNALS = 1,
	FS_FSYNC = FS_BLOCK_SIGNALS, /* by file system (a) and device (b) */
	FS_COMMIT, /* by device (b) */
	FS_SLOT_FSYNC, /* by slot, as the rest */
	FS_PAUSE,
	FS_DIRTIED,
	FS_CACHED,
	FS_SYNC, /* by type of file system (b) */
	FS_SIGNALS_END,
};

enum sg_fs_counter {
	FS_FSYNCS = SG_COMMON_COUNTERS, /* by file system */
	FS_FSYNC_ERRORS = FS_FSYNCS + FS_TYPES,
	FS_RUNS_EXIT = FS_FSYNC_ERRORS + FS_TIMED, /* of an fsync, likewise */
	FS_COMMITS_BEGUN = FS_RUNS_EXIT + FS_TIMED,
	FS_COMMITS_ENDED,
	FS_TRANSACTIONS,
	FS_HANDLES,
	FS_BLOCKS_LOGGED,
	FS_RUNS_PAUSE,
	FS_PASSES_BEGUN,
	FS_PASSES_ENDED,
	FS_RUNS_WRITTEN,
	FS_WRITTEN,
	FS_RUNS_DIRTY,
	FS_RUNS_CACHED,
	FS_RUNS_REMOVED,
	FS_REMOVED,
	FS_WRITEBACK_ERRORS,
	FS_ERRORS,
	FS_SYNCS_BEGUN,
	FS_SYNCS_ENDED,
	FS_ACCESSES,
	FS_COUNTERS,
};

#endif
