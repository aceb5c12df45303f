// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults, by whose they are. The hooks run when a fault begins, where it is not
 * known yet whether it will have to read from a disk; but the kernel counts those
 * (major ones) per task, and how much that count has grown is seen at the task's next
 * fault, or at its end.
 */
#include <sgprobe/bpf/fault.h>

#define SG_SIGNALS FAULT_SIGNALS
#define SG_COUNTERS FAULT_COUNTERS
#define SG_FIXED_BLOCKS 0
#define SG_SPAN_KINDS SPANS

enum span {
	MAJORS, /* its note: major faults of the task that were counted */
	HANDLING, /* its note: how it is timed (limit.bpf.h), and MAJOR */
	SPANS,
};
#define MAJOR (1 << 8)

#include "limit.bpf.h"
#include "pool.bpf.h"
#include "span.bpf.h"

/* The kernel's enum fault_flag, enum vm_fault_reason */
#define FAULT_FLAG_TRIED 0x20
#define VM_FAULT_MAJOR 0x4
#define VM_FAULT_RETRY 0x400
#define VM_FAULT_ERROR 0x873

/* When the first fault was seen: nobody knows how many major ones tasks of before had of late. */
__u64 first_at SEC(".data.first") = 0;

SG_FLATTEN void tally(__u32 slot, __u32 i, __u32 n, __u32 part, bool exclusive)
{
	struct sg_where w;

	if (sg_find_slot(&w, part, slot))
		sg_tally(&w, FAULT_TALLY, i, n, exclusive);
}

/* Not inlined: most tasks never have one. */
static __noinline int count_major(__u64 major, __u64 born, __u32 slot, __u32 part, bool btf)
{
	struct sg_spans *s = sg_spans_of_current(part, true, btf);
	struct sg_span *known;

	if (!s)
		return 0;
	known = &s->of[MAJORS];
	if (!known->at)
		known->note = born < first_at ? major : 0;
	known->at = 1;
	if (major > known->note)
		tally(slot, FAULT_MAJOR, major - known->note, part, false);
	known->note = major;
	return 0;
}

SG_FLATTEN void look_for_major(struct task_struct *task, __u32 slot, __u32 part, bool btf)
{
	__u64 major = btf ? task->maj_flt : BPF_CORE_READ(task, maj_flt);

	if (major)
		count_major(major, btf ? task->start_time : BPF_CORE_READ(task, start_time), slot,
			    part, btf);
}

/* From user mode: interrupts are off, and no lock is held. */
SG_FLATTEN int on_user(bool btf)
{
	struct task_struct *task = sg_current(btf);
	__u32 part = sg_part(), slot;

	if (sg_unlikely(!first_at))
		first_at = bpf_ktime_get_ns();
	sg_count(part, FAULT_USER_RUNS, 1, true);
	slot = sg_slot_of(task, part, btf);
	tally(slot, FAULT_USER, 1, part, true);
	look_for_major(task, slot, part, btf);
	return 0;
}

/* From anywhere, even with a lock of the scheduler held. */
SG_FLATTEN int on_kernel(bool btf)
{
	struct task_struct *task = sg_current(btf);
	__u32 part = sg_part();
	struct sg_task *t = sg_task_of(task, part, sg_may_create_locked(btf), btf);

	sg_count(part, FAULT_KERNEL_RUNS, 1, false);
	tally(t ? sg_slot(t, task, part, btf) : SG_SLOT_OTHER, FAULT_KERNEL, 1, part, false);
	return 0;
}

SG_FLATTEN int on_exit(bool btf)
{
	struct task_struct *task = sg_current(btf);
	__u32 part = sg_part();
	struct sg_spans *s;

	sg_count(part, FAULT_EXIT_RUNS, 1, false);
	look_for_major(task, sg_slot_of(task, part, btf), part, btf);
	s = btf ? NULL : sg_spans_of_current(part, false, btf);
	if (s)
		s->of[MAJORS].at = s->of[HANDLING].at = 0; /* the thread id will be another's */
	return 0;
}

/* ---- how long it takes --------------------------------------------------------------- */

/* One that had to wait is tried again, and is the same one: the kernel then counts it as major. */
SG_FLATTEN int on_begin(__u32 flags, bool btf)
{
	__u32 part = sg_part();
	struct sg_spans *s = sg_spans_of_current(part, true, btf);
	struct sg_span *h;
	__u8 shift;

	sg_count(part, FAULT_BEGIN_RUNS, 1, false);
	if (!s)
		return 0;
	h = &s->of[HANDLING];
	if (h->at && flags & FAULT_FLAG_TRIED) {
		h->note |= MAJOR;
		return 0;
	}
	shift = sg_admit(part);
	h->note = shift;
	h->at = sg_stamp(shift);
	return 0;
}

SG_FLATTEN void observe(__u32 major, __u64 ns, __u32 weight, __u32 part, bool btf)
{
	struct sg_pool_key key = sg_key(FAULT_TIME, major, 0);
	__u32 bucket = sg_pool_bucket_ns(ns), slot = sg_slot_of(sg_current(btf), part, btf);
	const struct sg_who who = sg_who_current(NULL, slot);

	sg_pool_observe_at(&key, NULL, part, bucket, ns, weight, false, &who);
	key = sg_key_of_slot(FAULT_SLOT_TIME, slot);
	sg_pool_observe_at(&key, NULL, part, bucket, ns, weight, false, &who);
}

/* Counted as the kernel does: when it is done, and not when it ends in a signal. */
SG_FLATTEN int on_end(__u32 result, bool btf)
{
	__u32 part = sg_part(), weight;
	struct sg_spans *s = sg_spans_of_current(part, false, btf);
	__u64 ns = 0, at, note;

	sg_count(part, FAULT_END_RUNS, 1, false);
	if (!s || !s->of[HANDLING].at)
		return 0;
	note = s->of[HANDLING].note | (result & VM_FAULT_MAJOR ? MAJOR : 0);
	if (result & VM_FAULT_RETRY) {
		s->of[HANDLING].note = note;
		return 0;
	}
	at = s->of[HANDLING].at;
	s->of[HANDLING].at = 0;
	if (result & VM_FAULT_ERROR)
		return 0;
	weight = sg_passed(note, at, &ns, part);
	if (weight)
		observe(note & MAJOR ? 1 : 0, ns, weight, part, btf);
	return 0;
}

SEC("fentry")
int BPF_PROG(handle_mm_fault_fentry, void *vma, unsigned long address, unsigned int flags)
{
	return sg_by_storage(on_begin, flags);
}

SEC("fexit")
int BPF_PROG(handle_mm_fault_end_fexit, void *vma, unsigned long address, unsigned int flags,
	     void *regs, unsigned int result)
{
	return sg_by_storage(on_end, result);
}

SEC("kprobe")
int BPF_KPROBE(handle_mm_fault_kprobe, void *vma, unsigned long address, unsigned int flags)
{
	return sg_by_storage(on_begin, flags);
}

SEC("kretprobe")
int BPF_KRETPROBE(handle_mm_fault_end_kretprobe, unsigned int result)
{
	return sg_by_storage(on_end, result);
}

/* ---- how many ---------------------------------------------------------------------------- */

SEC("tp_btf/page_fault_user")
int page_fault_user_btf(void *ctx)
{
	return on_user(true);
}

SEC("raw_tp/page_fault_user")
int page_fault_user_raw(void *ctx)
{
	return on_user(false);
}

SEC("tp_btf/page_fault_kernel")
int page_fault_kernel_btf(void *ctx)
{
	return on_kernel(true);
}

SEC("raw_tp/page_fault_kernel")
int page_fault_kernel_raw(void *ctx)
{
	return on_kernel(false);
}

SEC("tp_btf/sched_process_exit")
int sched_process_exit_btf(void *ctx)
{
	return on_exit(true);
}

SEC("raw_tp/sched_process_exit")
int sched_process_exit_raw(void *ctx)
{
	return on_exit(false);
}
