// SPDX-License-Identifier: GPL-2.0
/*
 * File systems: fsync, the journal's commits, write-back, who is made to wait for it,
 * and what goes into the page cache and out of it.
 *
 * A file system may be a module: its trace points have types only while it is loaded.
 * So all programs are raw trace points. What is counted for a task is a body in two
 * programs all the same, of which HOOK_btf keeps the task's state in task storage.
 */
#include <sgprobe/bpf/fs.h>

#define SG_SIGNALS FS_BLOCK_SIGNALS
#define SG_COUNTERS FS_COUNTERS
#define SG_FIXED_BLOCKS FS_BLOCKS

#include "pool.bpf.h"
#include "slot.bpf.h"

/* What a thread has begun: it sleeps in there, and what it does meanwhile is not of the same kind. */
enum what { IN_FSYNC, IN_COMMIT, IN_PASS };

struct fs_doing {
	__u32 tid, what;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct fs_doing);
	__type(value, __u64); /* since when */
} fs_begun SEC(".maps");

SG_FLATTEN struct fs_doing doing(enum what what)
{
	return (struct fs_doing){.tid = (__u32)bpf_get_current_pid_tgid(), .what = what};
}

SG_FLATTEN void begin(enum what what)
{
	struct fs_doing key = doing(what);
	__u64 now = bpf_ktime_get_ns();

	bpf_map_update_elem(&fs_begun, &key, &now, BPF_ANY);
}

/* How long it took, in *ns; false: its beginning was not seen. */
SG_FLATTEN bool end(enum what what, __u32 part, __u64 *ns)
{
	struct fs_doing key = doing(what);
	__u64 *began = bpf_map_lookup_elem(&fs_begun, &key);

	if (!began)
		return false;
	*ns = bpf_ktime_get_ns() - *began;
	bpf_map_delete_elem(&fs_begun, &key);
	return sg_sane(part, *ns);
}

SG_FLATTEN __u32 slot_of_current(__u32 part, bool may_create, bool btf)
{
	struct task_struct *task =
		btf ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
	struct sg_task *t = sg_task_of(task, part, may_create, btf);

	return t ? sg_slot(t, task, part, btf) : SG_SLOT_OTHER;
}

/* ---- fsync ---------------------------------------------------------------------------- */

SG_FLATTEN int on_fsync(enum sg_fs_type type)
{
	sg_count(sg_part(), FS_FSYNCS + type, 1, false);
	if (type < FS_TIMED)
		begin(IN_FSYNC);
	return 0;
}

SG_FLATTEN int on_fsync_end(void *ctx, enum sg_fs_type type, struct inode *inode, int error,
			    bool btf)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	__u32 part = sg_part(), slot;
	struct sg_pool_key key;
	struct sg_who who;
	__u64 ns;

	sg_count(part, FS_RUNS_EXIT + type, 1, false);
	if (error)
		sg_count(part, FS_FSYNC_ERRORS + type, 1, false);
	if (!end(IN_FSYNC, part, &ns))
		return 0;
	slot = slot_of_current(part, true, btf);
	who = sg_who_current(ctx, slot);
	key = sg_key(FS_FSYNC, type, sg_key_of_name(&sb->s_id));
	sg_pool_observe(&key, &sb->s_id, part, ns, false, &who);
	key = sg_key_of_slot(FS_SLOT_FSYNC, slot);
	sg_pool_observe(&key, NULL, part, ns, false, &who);
	return 0;
}

SEC("raw_tp/ext4_sync_file_enter")
int ext4_sync_file_enter(void *ctx)
{
	return on_fsync(FS_EXT4);
}

SEC("raw_tp/f2fs_sync_file_enter")
int f2fs_sync_file_enter(void *ctx)
{
	return on_fsync(FS_F2FS);
}

SEC("raw_tp/nfs_fsync_enter")
int nfs_fsync_enter(void *ctx)
{
	return on_fsync(FS_NFS);
}

SEC("raw_tp/xfs_file_fsync")
int xfs_file_fsync(void *ctx)
{
	return on_fsync(FS_XFS);
}

SEC("raw_tp/btrfs_sync_file")
int btrfs_sync_file(void *ctx)
{
	return on_fsync(FS_BTRFS);
}

SEC("raw_tp/ext4_sync_file_exit")
int BPF_PROG(ext4_sync_file_exit_btf, struct inode *inode, int error)
{
	return on_fsync_end(ctx, FS_EXT4, inode, error, true);
}

SEC("raw_tp/ext4_sync_file_exit")
int BPF_PROG(ext4_sync_file_exit_raw, struct inode *inode, int error)
{
	return on_fsync_end(ctx, FS_EXT4, inode, error, false);
}

SEC("raw_tp/f2fs_sync_file_exit")
int BPF_PROG(f2fs_sync_file_exit_btf, struct inode *inode, int reason, int datasync, int error)
{
	return on_fsync_end(ctx, FS_F2FS, inode, error, true);
}

SEC("raw_tp/f2fs_sync_file_exit")
int BPF_PROG(f2fs_sync_file_exit_raw, struct inode *inode, int reason, int datasync, int error)
{
	return on_fsync_end(ctx, FS_F2FS, inode, error, false);
}

SEC("raw_tp/nfs_fsync_exit")
int BPF_PROG(nfs_fsync_exit_btf, struct inode *inode, int error)
{
	return on_fsync_end(ctx, FS_NFS, inode, error, true);
}

SEC("raw_tp/nfs_fsync_exit")
int BPF_PROG(nfs_fsync_exit_raw, struct inode *inode, int error)
{
	return on_fsync_end(ctx, FS_NFS, inode, error, false);
}

/* ---- the same of any file system ------------------------------------------------------------
 *
 * Where the function that they all come through can be hooked: also by way of msync(), O_SYNC,
 * io_uring and the NFS server. Of a file system on another one it is entered twice.
 */

#define SYNCS_DEEP 4

struct fs_sync {
	__u64 type; /* address of its file_system_type */
	__u64 at;
};
struct fs_syncs {
	__u64 depth;
	struct fs_sync of[SYNCS_DEEP];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* thread */
	__type(value, struct fs_syncs);
} fs_syncs SEC(".maps");

SG_FLATTEN int on_sync(struct file *file)
{
	__u64 type = (__u64)BPF_CORE_READ(file, f_inode, i_sb, s_type), depth;
	__u32 tid = bpf_get_current_pid_tgid();
	struct fs_syncs *s, fresh = {};

	sg_count(sg_part(), FS_SYNCS_BEGUN, 1, false);
	s = bpf_map_lookup_elem(&fs_syncs, &tid);
	if (!s) {
		bpf_map_update_elem(&fs_syncs, &tid, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&fs_syncs, &tid);
	}
	if (!s)
		return 0;
	/* One of this type is on none of its own: that is one whose return was missed. */
	for (__u32 i = 0; i < SYNCS_DEEP; i++)
		if (i < s->depth && s->of[i].type == type)
			s->depth = i;
	depth = s->depth++;
	sg_opaque(depth);
	if (depth >= SYNCS_DEEP)
		return 0;
	s->of[depth].type = type;
	s->of[depth].at = bpf_ktime_get_ns();
	return 0;
}

SG_FLATTEN int on_sync_end(void)
{
	__u32 part = sg_part(), tid = bpf_get_current_pid_tgid();
	struct fs_syncs *s = bpf_map_lookup_elem(&fs_syncs, &tid);
	struct file_system_type *type;
	struct sg_pool_key key;
	struct sg_who who;
	const char *name;
	__u64 depth, ns;

	sg_count(part, FS_SYNCS_ENDED, 1, false);
	if (!s || !s->depth)
		return 0;
	depth = --s->depth;
	sg_opaque(depth);
	if (depth >= SYNCS_DEEP)
		return 0;
	type = (void *)s->of[depth].type;
	ns = bpf_ktime_get_ns() - s->of[depth].at;
	if (!depth)
		bpf_map_delete_elem(&fs_syncs, &tid);
	if (!sg_sane(part, ns))
		return 0;
	name = BPF_CORE_READ(type, name);
	key = sg_key(FS_SYNC, 0, sg_key_of_name(name));
	who = sg_who_nobody();
	sg_pool_observe(&key, name, part, ns, false, &who);
	return 0;
}

SEC("fentry")
int BPF_PROG(vfs_fsync_range_fentry, struct file *file)
{
	return on_sync(file);
}

SEC("fexit")
int vfs_fsync_range_end_fexit(void *ctx)
{
	return on_sync_end();
}

SEC("kprobe")
int BPF_KPROBE(vfs_fsync_range_kprobe, struct file *file)
{
	return on_sync(file);
}

SEC("kretprobe")
int vfs_fsync_range_end_kretprobe(void *ctx)
{
	return on_sync_end();
}

/* ---- the journal ------------------------------------------------------------------------ */

SEC("raw_tp/jbd2_start_commit")
int jbd2_start_commit(void *ctx)
{
	sg_count(sg_part(), FS_COMMITS_BEGUN, 1, false);
	begin(IN_COMMIT);
	return 0;
}

SEC("raw_tp/jbd2_end_commit")
int BPF_PROG(jbd2_end_commit, struct journal_s *journal)
{
	__u32 part = sg_part();
	struct sg_pool_key key;
	struct sg_who who;
	__u64 ns;

	sg_count(part, FS_COMMITS_ENDED, 1, false);
	if (!bpf_core_field_exists(journal->j_devname) || !end(IN_COMMIT, part, &ns))
		return 0;
	key = sg_key(FS_COMMIT, 0, sg_key_of_name(&journal->j_devname));
	who = sg_who_current(ctx, SG_SLOT_OTHER);
	sg_pool_observe(&key, &journal->j_devname, part, ns, false, &who);
	return 0;
}

SG_FLATTEN void observe_jiffies(__u32 block, __u64 jiffies, __u32 part)
{
	__u64 ns = jiffies * sg_cfg(jiffy_ns);
	const struct sg_who who = sg_who_current(NULL, SG_SLOT_OTHER);
	struct sg_where w;

	if (sg_sane(part, ns) && sg_find_block(&w, part, block))
		sg_observe(&w, 0, ns, false, &who);
}

SEC("raw_tp/jbd2_run_stats")
int BPF_PROG(jbd2_run_stats, __u32 dev, __u32 tid, struct transaction_run_stats_s *s)
{
	__u32 part = sg_part();

	sg_count(part, FS_TRANSACTIONS, 1, false);
	if (!bpf_core_type_exists(struct transaction_run_stats_s))
		return 0;
	observe_jiffies(FS_PHASE + 0, BPF_CORE_READ(s, rs_wait), part);
	observe_jiffies(FS_PHASE + 1, BPF_CORE_READ(s, rs_request_delay), part);
	observe_jiffies(FS_PHASE + 2, BPF_CORE_READ(s, rs_running), part);
	observe_jiffies(FS_PHASE + 3, BPF_CORE_READ(s, rs_locked), part);
	observe_jiffies(FS_PHASE + 4, BPF_CORE_READ(s, rs_flushing), part);
	observe_jiffies(FS_PHASE + 5, BPF_CORE_READ(s, rs_logging), part);
	sg_count(part, FS_HANDLES, BPF_CORE_READ(s, rs_handle_count), false);
	sg_count(part, FS_BLOCKS_LOGGED, BPF_CORE_READ(s, rs_blocks_logged), false);
	return 0;
}

/* ---- write-back ------------------------------------------------------------------------- */

/* Later kernels pass five numbers in one structure; the pause is the last argument but one. */
typedef void (*btf_trace_balance_dirty_pages)(void *, struct bdi_writeback *,
					      struct dirty_throttle_control *, unsigned long,
					      unsigned long, unsigned long, unsigned long, long,
					      unsigned long);

SG_FLATTEN int on_pause(__u64 *ctx, bool btf)
{
	__u32 part = sg_part();
	struct sg_pool_key key;
	struct sg_who who;
	__s64 pause;

	sg_count(part, FS_RUNS_PAUSE, 1, false);
	if (bpf_core_type_exists(btf_trace_balance_dirty_pages)) {
		pause = ctx[6];
	} else {
		pause = ctx[10];
		asm volatile("" : "+r"(pause)); /* two loads: the address must not be computed */
	}
	if (pause <= 0)
		return 0;
	key = sg_key_of_slot(FS_PAUSE, slot_of_current(part, true, btf));
	who = sg_who_current(ctx, key.a);
	sg_pool_observe(&key, NULL, part, pause * sg_cfg(jiffy_ns), false, &who);
	return 0;
}

SEC("raw_tp/balance_dirty_pages")
int balance_dirty_pages_btf(__u64 *ctx)
{
	return on_pause(ctx, true);
}

SEC("raw_tp/balance_dirty_pages")
int balance_dirty_pages_raw(__u64 *ctx)
{
	return on_pause(ctx, false);
}

SEC("raw_tp/writeback_start")
int writeback_start(void *ctx)
{
	sg_count(sg_part(), FS_PASSES_BEGUN, 1, false);
	begin(IN_PASS);
	return 0;
}

SEC("raw_tp/writeback_written")
int BPF_PROG(writeback_written, struct bdi_writeback *wb, struct wb_writeback_work *work)
{
	__u32 reason = BPF_CORE_READ(work, reason), part = sg_part();
	const struct sg_who who = sg_who_current(ctx, SG_SLOT_OTHER);
	struct sg_where w;
	__u64 ns;

	sg_count(part, FS_PASSES_ENDED, 1, false);
	sg_opaque(reason);
	if (end(IN_PASS, part, &ns) && reason < FS_REASONS &&
	    sg_find_block(&w, part, FS_PASS + reason))
		sg_observe(&w, 0, ns, false, &who);
	return 0;
}

SEC("raw_tp/writeback_pages_written")
int BPF_PROG(writeback_pages_written, long pages)
{
	__u32 part = sg_part();

	sg_count(part, FS_RUNS_WRITTEN, 1, false);
	sg_count(part, FS_WRITTEN, pages, false);
	return 0;
}

SEC("raw_tp/filemap_set_wb_err")
int filemap_set_wb_err(void *ctx)
{
	sg_count(sg_part(), FS_WRITEBACK_ERRORS, 1, false);
	return 0;
}

SEC("raw_tp/ext4_error")
int ext4_error(void *ctx)
{
	sg_count(sg_part(), FS_ERRORS, 1, false);
	return 0;
}

/* ---- the page cache ----------------------------------------------------------------------- */

SG_FLATTEN __u64 flags_of(struct folio *folio)
{
	struct folio___before_6_18 *old = (void *)folio;

	if (bpf_core_field_exists(folio->flags.f))
		return BPF_CORE_READ(folio, flags.f);
	if (bpf_core_field_exists(old->flags))
		return BPF_CORE_READ(old, flags);
	return 0; /* before there were folios, each page came for itself */
}

SG_FLATTEN __u64 pages_of(struct folio *folio)
{
	struct folio___before_6_18 *old = (void *)folio;

	if (!bpf_core_enum_value_exists(enum pageflags, PG_head) ||
	    !(flags_of(folio) & 1ULL << bpf_core_enum_value(enum pageflags, PG_head)))
		return 1;
	if (bpf_core_field_exists(folio->_nr_pages))
		return BPF_CORE_READ(folio, _nr_pages);
	if (bpf_core_field_exists(old->_folio_nr_pages))
		return BPF_CORE_READ(old, _folio_nr_pages);
	return 1;
}

SG_FLATTEN int on_pages(__u8 signal, __u32 counter, struct folio *folio, bool may_create, bool btf)
{
	__u32 part = sg_part();
	struct sg_pool_key key;

	sg_count(part, counter, 1, false);
	key = sg_key_of_slot(signal, slot_of_current(part, may_create, btf));
	sg_pool_observe_units(&key, NULL, part, pages_of(folio), false);
	return 0;
}

SEC("raw_tp/mm_filemap_add_to_page_cache")
int BPF_PROG(mm_filemap_add_to_page_cache_btf, struct folio *folio)
{
	return on_pages(FS_CACHED, FS_RUNS_CACHED, folio, true, true);
}

SEC("raw_tp/mm_filemap_add_to_page_cache")
int BPF_PROG(mm_filemap_add_to_page_cache_raw, struct folio *folio)
{
	return on_pages(FS_CACHED, FS_RUNS_CACHED, folio, true, false);
}

SEC("raw_tp/mm_filemap_delete_from_page_cache")
int BPF_PROG(mm_filemap_delete_from_page_cache, struct folio *folio)
{
	__u32 part = sg_part();

	sg_count(part, FS_RUNS_REMOVED, 1, false);
	sg_count(part, FS_REMOVED, pages_of(folio), false);
	return 0;
}

/* Under the lock of the file's pages. */
SEC("raw_tp/writeback_dirty_folio")
int BPF_PROG(writeback_dirty_folio_btf, struct folio *folio)
{
	return on_pages(FS_DIRTIED, FS_RUNS_DIRTY, folio, sg_may_create_locked(true), true);
}

SEC("raw_tp/writeback_dirty_folio")
int BPF_PROG(writeback_dirty_folio_raw, struct folio *folio)
{
	return on_pages(FS_DIRTIED, FS_RUNS_DIRTY, folio, true, false);
}

/* The same before 5.18. */
SEC("raw_tp/writeback_dirty_page")
int BPF_PROG(writeback_dirty_page_btf, struct folio *page)
{
	return on_pages(FS_DIRTIED, FS_RUNS_DIRTY, page, sg_may_create_locked(true), true);
}

SEC("raw_tp/writeback_dirty_page")
int BPF_PROG(writeback_dirty_page_raw, struct folio *page)
{
	return on_pages(FS_DIRTIED, FS_RUNS_DIRTY, page, true, false);
}

/* A folio of the page cache is used. */
SG_FLATTEN int on_access(void)
{
	sg_count(sg_part(), FS_ACCESSES, 1, false);
	return 0;
}

SEC("fentry")
int folio_mark_accessed_fentry(void *ctx)
{
	return on_access();
}

SEC("kprobe")
int folio_mark_accessed_kprobe(void *ctx)
{
	return on_access();
}
