// SPDX-License-Identifier: GPL-2.0
/*
 * When memory is short: who waits until some is freed, compacted or moved, and who
 * is killed. Everything here is rare on a machine that has enough. All but the end
 * of a victim run in the task that they are about.
 */
#include <sgprobe/bpf/mem.h>

#define SG_NO_ROWS
#define SG_COUNTERS MEM_COUNTERS

/* Spans: reclaims by enum sg_mem_reclaim, and these. */
enum { SPAN_COMPACTION = MEM_RECLAIMS, SPAN_KSWAPD, SPANS };
#define SG_SPAN_KINDS SPANS

#include "event.bpf.h"
#include "pool.bpf.h"
#include "span.bpf.h"

SG_FLATTEN struct sg_pool_key key_of_current(__u8 signal, __u32 part, bool btf)
{
	return sg_key_of_slot(signal, sg_slot_of(sg_current(btf), part, btf));
}

SG_FLATTEN void tally(__u32 slot, __u32 i, __u32 n, __u32 part)
{
	struct sg_pool_key key = sg_key_of_slot(MEM_TALLY, slot);

	sg_pool_tally(&key, NULL, part, i, n, false);
}

SG_FLATTEN int on_begin(__u32 span, __u32 counter, bool btf)
{
	__u32 part = sg_part();

	sg_count(part, counter, 1, false);
	sg_begin(span, part, btf);
	return 0;
}

SG_FLATTEN int on_reclaim_end(void *ctx, __u32 kind, __u64 pages, bool btf)
{
	__u32 part = sg_part();
	struct sg_pool_key key;
	struct sg_who who;
	__u64 ns;

	sg_count(part, MEM_ENDS + kind, 1, false);
	key = key_of_current(MEM_RECLAIM + kind, part, btf);
	if (pages)
		tally(key.a, MEM_RECLAIMED + kind, pages, part);
	if (!sg_end(kind, part, &ns, btf))
		return 0;
	who = sg_who_current(ctx, key.a);
	sg_pool_observe(&key, NULL, part, ns, false, &who);
	if (sg_event_is_slow(ns))
		sg_event_send(bpf_get_current_task(), 0, SG_EVENT_SLOW, ns, SG_EVENT_RECLAIM);
	return 0;
}

/* Both are told the same way; which hooks there are depends on what the kernel was built with. */
#define RECLAIM(hook, kind)                                                                        \
	SEC("tp_btf/" #hook "_begin")                                                              \
	int hook##_begin_btf(void *ctx)                                                            \
	{                                                                                          \
		return on_begin(kind, MEM_BEGINS + (kind), true);                                  \
	}                                                                                          \
	SEC("raw_tp/" #hook "_begin")                                                              \
	int hook##_begin_raw(void *ctx)                                                            \
	{                                                                                          \
		return on_begin(kind, MEM_BEGINS + (kind), false);                                 \
	}                                                                                          \
	SEC("tp_btf/" #hook "_end")                                                                \
	int BPF_PROG(hook##_end_btf, unsigned long pages)                                          \
	{                                                                                          \
		return on_reclaim_end(ctx, kind, pages, true);                                     \
	}                                                                                          \
	SEC("raw_tp/" #hook "_end")                                                                \
	int BPF_PROG(hook##_end_raw, unsigned long pages)                                          \
	{                                                                                          \
		return on_reclaim_end(ctx, kind, pages, false);                                    \
	}

RECLAIM(mm_vmscan_direct_reclaim, MEM_DIRECT)
RECLAIM(mm_vmscan_memcg_reclaim, MEM_MEMCG)
RECLAIM(mm_vmscan_node_reclaim, MEM_NODE)

/* The kernel has measured it already. Since 5.16. */
SG_FLATTEN int on_throttled(void *ctx, int usec, __u32 reason, bool btf)
{
	__u32 part = sg_part();
	struct sg_pool_key key;
	struct sg_who who;

	sg_count(part, MEM_THROTTLE_RUNS, 1, false);
	if (reason >= MEM_THROTTLES || usec < 0)
		return 0;
	key = key_of_current(MEM_THROTTLED + reason, part, btf);
	who = sg_who_current(ctx, key.a);
	sg_pool_observe(&key, NULL, part, usec * 1000ULL, false, &who);
	return 0;
}

SEC("tp_btf/mm_vmscan_throttled")
int BPF_PROG(mm_vmscan_throttled_btf, int nid, int usec_timeout, int usec, int reason)
{
	return on_throttled(ctx, usec, reason, true);
}

SEC("raw_tp/mm_vmscan_throttled")
int BPF_PROG(mm_vmscan_throttled_raw, int nid, int usec_timeout, int usec, int reason)
{
	return on_throttled(ctx, usec, reason, false);
}

/* It says that it is awake in each round. */
SG_FLATTEN int on_kswapd_wake(bool btf)
{
	__u32 part = sg_part();

	sg_count(part, MEM_KSWAPD_WAKES, 1, false);
	sg_begin_once(SPAN_KSWAPD, part, btf);
	return 0;
}

SG_FLATTEN int on_kswapd_sleep(void *ctx, int nid, bool btf)
{
	__u32 part = sg_part();
	struct sg_pool_key key = sg_key(MEM_KSWAPD, nid, 0);
	struct sg_who who;
	__u64 ns;

	sg_count(part, MEM_KSWAPD_SLEEPS, 1, false);
	who = sg_who_current(ctx, SG_SLOT_OTHER);
	if (sg_end(SPAN_KSWAPD, part, &ns, btf))
		sg_pool_observe(&key, NULL, part, ns, false, &who);
	return 0;
}

SEC("tp_btf/mm_vmscan_kswapd_wake")
int mm_vmscan_kswapd_wake_btf(void *ctx)
{
	return on_kswapd_wake(true);
}

SEC("raw_tp/mm_vmscan_kswapd_wake")
int mm_vmscan_kswapd_wake_raw(void *ctx)
{
	return on_kswapd_wake(false);
}

SEC("tp_btf/mm_vmscan_kswapd_sleep")
int BPF_PROG(mm_vmscan_kswapd_sleep_btf, int nid)
{
	return on_kswapd_sleep(ctx, nid, true);
}

SEC("raw_tp/mm_vmscan_kswapd_sleep")
int BPF_PROG(mm_vmscan_kswapd_sleep_raw, int nid)
{
	return on_kswapd_sleep(ctx, nid, false);
}

SEC("tp_btf/mm_compaction_begin")
int mm_compaction_begin_btf(void *ctx)
{
	return on_begin(SPAN_COMPACTION, MEM_COMPACT_BEGINS, true);
}

SEC("raw_tp/mm_compaction_begin")
int mm_compaction_begin_raw(void *ctx)
{
	return on_begin(SPAN_COMPACTION, MEM_COMPACT_BEGINS, false);
}

/* In older kernels (zone_start, migrate_pfn, free_pfn, zone_end, sync, status). */
SG_FLATTEN __u32 compaction_status(const void *ctx)
{
	if (bpf_core_type_exists(btf_trace_mm_compaction_end___with_cc))
		return sg_arg(ctx, 4);
	return sg_arg(ctx, 5);
}

SG_FLATTEN int on_compaction_end(void *ctx, __u32 status, bool btf)
{
	__u32 part = sg_part();
	struct sg_pool_key key;
	struct sg_who who;
	__u64 ns;

	sg_opaque(status);
	if (status > MEM_COMPACT_RESULTS)
		status = MEM_COMPACT_RESULTS;
	sg_count(part, MEM_COMPACT_RESULT + status, 1, false);
	if (!sg_end(SPAN_COMPACTION, part, &ns, btf))
		return 0;
	key = key_of_current(MEM_COMPACTION, part, btf);
	who = sg_who_current(ctx, key.a);
	sg_pool_observe(&key, NULL, part, ns, false, &who);
	return 0;
}

SEC("tp_btf/mm_compaction_end")
int mm_compaction_end_btf(void *ctx)
{
	return on_compaction_end(ctx, compaction_status(ctx), true);
}

SEC("raw_tp/mm_compaction_end")
int mm_compaction_end_raw(void *ctx)
{
	return on_compaction_end(ctx, compaction_status(ctx), false);
}

SEC("raw_tp/mm_page_alloc_extfrag")
int mm_page_alloc_extfrag(void *ctx)
{
	sg_count(sg_part(), MEM_EXTFRAG, 1, false);
	return 0;
}

SG_FLATTEN __u32 slot_of_victim(const void *ctx, struct task_struct *task, __u32 part, bool btf)
{
	/* Older kernels give its number only. The task is known when it is the one that asked. */
	if (!bpf_core_field_exists(struct trace_event_raw_mark_victim, uid)) {
		if ((__u32)sg_arg(ctx, 0) != (__u32)bpf_get_current_pid_tgid())
			return SG_SLOT_OTHER;
		task = sg_current(btf);
	}
	return sg_slot_of(task, part, btf);
}

/* Pages of memory that a process has in use; all threads of it share them. */
SG_FLATTEN __u64 pages_of(struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct mm_struct___before_6_2 *old = (void *)mm;
	__s64 n;

	if (bpf_core_field_exists(old->rss_stat.count))
		n = BPF_CORE_READ(old, rss_stat.count[0].counter) +
		    BPF_CORE_READ(old, rss_stat.count[1].counter) +
		    BPF_CORE_READ(old, rss_stat.count[3].counter);
	else
		n = BPF_CORE_READ(mm, rss_stat[0].count) + BPF_CORE_READ(mm, rss_stat[1].count) +
		    BPF_CORE_READ(mm, rss_stat[3].count);
	return n > 0 ? n : 0;
}

/*
 * It runs in the task that asked for memory. Of another one older kernels give the number
 * only, which user space may find in /proc.
 */
SG_FLATTEN void tell_victim(const void *ctx, struct task_struct *task)
{
	__u64 asker = bpf_get_current_task();
	__u32 pid = 0;

	if (!bpf_core_field_exists(struct trace_event_raw_mark_victim, uid)) {
		pid = sg_arg(ctx, 0);
		if (pid != (__u32)bpf_get_current_pid_tgid()) {
			sg_event_send(0, asker, SG_EVENT_OOM_KILL, 0, pid);
			return;
		}
		task = (void *)asker;
	}
	sg_event_send(sg_address(task), asker, SG_EVENT_OOM_KILL, pages_of(task), pid);
}

SG_FLATTEN int on_victim(const void *ctx, struct task_struct *task, bool btf)
{
	__u32 part = sg_part();

	sg_count(part, MEM_VICTIM_RUNS, 1, false);
	tally(slot_of_victim(ctx, task, part, btf), MEM_VICTIMS, 1, part);
	tell_victim(ctx, task);
	return 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(mark_victim_btf, struct task_struct *task)
{
	return on_victim(ctx, task, true);
}

SEC("raw_tp/mark_victim")
int BPF_PROG(mark_victim_raw, struct task_struct *task)
{
	return on_victim(ctx, task, false);
}

/* (succeeded, failed, thp_succeeded, thp_failed, thp_split, mode, reason); newer: one more before the mode. */
SEC("raw_tp/mm_migrate_pages")
int mm_migrate_pages(void *ctx)
{
	__u32 part = sg_part();
	__u64 moved = sg_arg(ctx, 0), failed = sg_arg(ctx, 1);
	__u32 reason =
		bpf_core_field_exists(struct trace_event_raw_mm_migrate_pages, large_folio_split)
			? sg_arg(ctx, 7)
			: sg_arg(ctx, 6);

	sg_count(part, MEM_MIGRATE_RUNS, 1, false);
	sg_opaque(reason);
	if (reason > MEM_MIGRATE_REASONS)
		reason = MEM_MIGRATE_REASONS;
	if (moved)
		sg_count(part, MEM_MIGRATED + reason, moved, false);
	if (failed)
		sg_count(part, MEM_NOT_MIGRATED + reason, failed, false);
	return 0;
}
