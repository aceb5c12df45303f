// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: how long threads wait for the lock of theirs, and why translations
 * are flushed. Both happen with most changes of a mapping, and flushes with most
 * context switches: off by default.
 */
#include <sgprobe/bpf/mm.h>

#define SG_SIGNALS MM_SIGNALS
#define SG_COUNTERS MM_COUNTERS
#define SG_FIXED_BLOCKS 0
#define SG_SPAN_KINDS 1

#include "span.bpf.h"

/* (mm, write, success); in older kernels the path of a cgroup comes before the two. */
SG_FLATTEN bool is_write(const void *ctx)
{
	if (bpf_core_field_exists(struct trace_event_raw_mmap_lock, memcg_id))
		return sg_arg(ctx, 1) & 0xff;
	return sg_arg(ctx, 2) & 0xff;
}

SG_FLATTEN bool is_success(const void *ctx)
{
	if (bpf_core_field_exists(struct trace_event_raw_mmap_lock, memcg_id))
		return sg_arg(ctx, 2) & 0xff;
	return sg_arg(ctx, 3) & 0xff;
}

SG_FLATTEN int on_lock_begin(bool btf)
{
	__u32 part = sg_part();

	sg_count(part, MM_LOCK_BEGINS, 1, false);
	sg_begin(0, part, btf);
	return 0;
}

SG_FLATTEN int on_lock_end(void *ctx, bool btf)
{
	__u32 part = sg_part(), slot;
	struct sg_where w;
	__u64 ns;

	sg_count(part, MM_LOCK_ENDS, 1, false);
	if (!sg_end(0, part, &ns, btf))
		return 0;
	if (!is_success(ctx)) {
		sg_count(part, MM_LOCK_FAILURES, 1, false);
		return 0;
	}
	slot = sg_slot_of(sg_current(btf), part, btf);
	if (sg_find_slot(&w, part, slot)) {
		const struct sg_who who = sg_who_current(ctx, slot);

		sg_observe(&w, is_write(ctx) ? MM_LOCK_WRITE : MM_LOCK_READ, ns, false, &who);
	}
	return 0;
}

SEC("tp_btf/mmap_lock_start_locking")
int mmap_lock_start_locking_btf(void *ctx)
{
	return on_lock_begin(true);
}

SEC("raw_tp/mmap_lock_start_locking")
int mmap_lock_start_locking_raw(void *ctx)
{
	return on_lock_begin(false);
}

SEC("tp_btf/mmap_lock_acquire_returned")
int mmap_lock_acquire_returned_btf(void *ctx)
{
	return on_lock_end(ctx, true);
}

SEC("raw_tp/mmap_lock_acquire_returned")
int mmap_lock_acquire_returned_raw(void *ctx)
{
	return on_lock_end(ctx, false);
}

SEC("raw_tp/tlb_flush")
int BPF_PROG(tlb_flush, __u32 reason)
{
	sg_opaque(reason);
	if (reason > MM_TLB_REASONS)
		reason = MM_TLB_REASONS;
	sg_count(sg_part(), MM_TLB_FLUSHES + reason, 1, false);
	return 0;
}
