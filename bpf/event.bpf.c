// SPDX-License-Identifier: GPL-2.0
/*
 * Which tasks are blocked so that no signal but a deadly one ends it (state D). Asked now and
 * then, by a walk over all tasks, so that the hooks of the scheduler know nothing of it.
 */
#include <sgprobe/bpf/event_domain.h>

#define SG_NO_ROWS
#define SG_COUNTERS EVENT_COUNTERS
#define SG_FIXED_BLOCKS 0

#include "event.bpf.h"

/* include/linux/sched.h */
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_DEAD 0x0080
#define TASK_NOLOAD 0x0400 /* idle threads of the kernel */
#define TASK_FROZEN 0x8000 /* since 6.1 */

SG_FLATTEN bool is_blocked(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;
	__u32 state = bpf_core_field_exists(task->__state) ? BPF_CORE_READ(task, __state)
							   : BPF_CORE_READ(old, state);

	return state & TASK_UNINTERRUPTIBLE && !(state & (TASK_DEAD | TASK_NOLOAD | TASK_FROZEN));
}

SEC("iter/task")
int event_blocked(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct sg_event_blocked b = {};

	if (!task)
		return 0;
	sg_opaque(task); /* or the compiler adds to it before it is known not to be NULL */
	sg_count(sg_part(), EVENT_TASKS, 1, false);
	if (!is_blocked(task))
		return 0;
	b.started_ns = BPF_CORE_READ(task, start_time);
	b.switches = BPF_CORE_READ(task, nvcsw) + BPF_CORE_READ(task, nivcsw);
	sg_event_task(&b.task, (__u64)task);
	bpf_seq_write(ctx->meta->seq, &b, sizeof(b));
	return 0;
}
