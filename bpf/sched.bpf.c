// SPDX-License-Identifier: GPL-2.0
/*
 * The CPU scheduler. A hook is one body in two programs: tp_btf (task storage,
 * direct loads) and raw_tp (hash by thread id, bpf_probe_read) for kernels that
 * lack the first; "btf" is a constant in each.
 *
 * sched_switch and sched_migrate_task run with interrupts off, so their adds are
 * exclusive; a wake-up may run with interrupts on.
 */
#include <sgprobe/bpf/sched.h>

#define SG_SIGNALS SCHED_SIGNALS
#define SG_COUNTERS SCHED_COUNTERS
#define SG_FIXED_BLOCKS 0

#include "slot.bpf.h"

SG_FLATTEN int on_wakeup(struct task_struct *task, __u32 counter, bool btf)
{
	__u32 part = sg_part();
	struct sg_task *t;

	sg_count(part, counter, 1, false);
	t = sg_task_of(task, part, sg_may_create_locked(btf), btf);
	/* A preempted task that is woken before it ran again has been waiting since it was preempted. */
	if (t && !t->queued)
		t->queued = bpf_ktime_get_ns();
	return 0;
}

SG_FLATTEN long task_state(struct task_struct *task, bool btf)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return btf ? task->__state : BPF_CORE_READ(task, __state);
	return btf ? old->state : BPF_CORE_READ(old, state);
}

SG_FLATTEN int task_pid(struct task_struct *task, bool btf)
{
	return btf ? task->pid : BPF_CORE_READ(task, pid);
}

/* Where the hook may not create it, a task has none that neither its fork nor the iterator showed. */
SG_FLATTEN void no_state(__u32 part, bool btf)
{
	if (!sg_may_create_locked(btf)) /* else it is counted already */
		sg_count(part, SG_C_NO_STATE, 1, true);
}

SG_FLATTEN void switch_out(struct task_struct *prev, bool runnable, __u32 part, __u64 now, bool btf)
{
	struct sg_task *t = sg_task_of(prev, part, sg_may_create_locked(btf), btf);
	struct sg_where w;

	if (sg_unlikely(!t)) {
		no_state(part, btf);
		return;
	}
	if (sg_likely(t->since && t->off == SG_ON_CPU && sg_sane(part, now - t->since)) &&
	    sg_find_slot(&w, part, sg_slot(t, prev, part, btf)))
		sg_observe(&w, SCHED_ONCPU, now - t->since, true);
	t->since = now;
	t->queued = runnable ? now : 0;
	t->off = runnable ? SG_OFF_PREEMPTED : SG_OFF_BLOCKED;
}

SG_FLATTEN void switch_in(struct task_struct *next, __u32 part, __u64 now, bool btf)
{
	struct sg_task *t = sg_task_of(next, part, sg_may_create_locked(btf), btf);
	struct sg_where w;

	if (sg_unlikely(!t)) {
		no_state(part, btf);
		return;
	}
	if (sg_find_slot(&w, part, sg_slot(t, next, part, btf))) {
		if (sg_likely(t->queued) && sg_sane(part, now - t->queued))
			sg_observe(&w, SCHED_RUNQUEUE, now - t->queued, true);
		if (sg_likely(t->since) && sg_sane(part, now - t->since)) {
			if (t->off == SG_OFF_PREEMPTED)
				sg_observe(&w, SCHED_OFF_PREEMPTED, now - t->since, true);
			else if (t->off == SG_OFF_BLOCKED)
				sg_observe(&w, SCHED_OFF_BLOCKED, now - t->since, true);
		}
	}
	t->since = now;
	t->queued = 0;
	t->off = SG_ON_CPU;
}

SG_FLATTEN int on_switch(bool preempt, struct task_struct *prev, struct task_struct *next, bool btf)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 part = sg_part();
	struct sg_counter_block *c = sg_counters_of(part);

	if (!c)
		return 0;
	sg_add(&c->c[SCHED_SWITCHES], 1, true);
	if (task_pid(prev, btf)) { /* 0: the idle task, which has no latencies */
		bool runnable = preempt || !task_state(prev, btf);

		sg_add(&c->c[runnable ? SCHED_INVOLUNTARY : SCHED_VOLUNTARY], 1, true);
		switch_out(prev, runnable, part, now, btf);
	}
	if (task_pid(next, btf))
		switch_in(next, part, now, btf);
	return 0;
}

SG_FLATTEN int on_count(__u32 counter, bool exclusive)
{
	sg_count(sg_part(), counter, 1, exclusive);
	return 0;
}

/*
 * Where the state of a task is created on kernels that must not do it later: at its
 * fork; and once, after that is attached and before the rest is, of all that are
 * older, kernel threads too. Programs are attached in the order of this file.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork_btf, struct task_struct *parent, struct task_struct *child)
{
	__u32 part = sg_part();

	sg_count(part, SCHED_FORKS, 1, false);
	sg_task_of(child, part, true, true);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int sched_process_fork_raw(void *ctx)
{
	return on_count(SCHED_FORKS, false);
}

SEC("iter/task")
int sched_tasks_btf(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		sg_task_of(task, sg_part(), true, true);
	return 0;
}

/* A later argument of sched_switch changed its meaning in 5.18: only the first three are used. */
SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch_btf, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(preempt, prev, next, true);
}

SEC("raw_tp/sched_switch")
int BPF_PROG(sched_switch_raw, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	return on_switch(preempt, prev, next, false);
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(sched_wakeup_btf, struct task_struct *task)
{
	return on_wakeup(task, SCHED_WAKEUPS, true);
}

SEC("raw_tp/sched_wakeup")
int BPF_PROG(sched_wakeup_raw, struct task_struct *task)
{
	return on_wakeup(task, SCHED_WAKEUPS, false);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new_btf, struct task_struct *task)
{
	return on_wakeup(task, SCHED_WAKEUPS_NEW, true);
}

SEC("raw_tp/sched_wakeup_new")
int BPF_PROG(sched_wakeup_new_raw, struct task_struct *task)
{
	return on_wakeup(task, SCHED_WAKEUPS_NEW, false);
}

SEC("raw_tp/sched_migrate_task")
int sched_migrate_task(void *ctx)
{
	return on_count(SCHED_MIGRATIONS, true);
}

SEC("raw_tp/sched_process_exit")
int sched_process_exit(void *ctx)
{
	return on_count(SCHED_EXITS, false);
}
