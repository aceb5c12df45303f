// SPDX-License-Identifier: GPL-2.0
/*
 * Where tasks wait: the stack of one that was blocked for longer than a threshold, taken
 * when it goes on, so that short waits, which are nearly all, cost no stack. A
 * context switch reads no clock: that of the run queue is fresh there.
 *
 * sched_switch knows how long the next task was away, but runs while the one before is
 * still the current one. It leaves that for sched_exit_tp, where the next one is.
 */
#include <sgprobe/bpf/offcpu.h>

#define SG_NO_ROWS
#define SG_COUNTERS OFFCPU_COUNTERS

#include "stack.bpf.h"

#define PLACES 32768
#define CPUS 1024
#define STATE_UNINTERRUPTIBLE 0x0002
#define STATE_DEAD 0x0080
#define STATE_NOLOAD 0x0400

/* Since when a task is blocked, by thread id. */
struct place {
	__u32 tid;
	__u32 state;
	__u64 since; /* 0: it is not */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, __u32);
	__type(value, struct place);
} sg_offcpu_places SEC(".maps");

struct cpu {
	__u64 ns; /* how long the task that goes on here was blocked; 0: no stack is wanted */
	__u32 tid;
	__u32 state;
	__u32 tick, left; /* stacks that this tick has left */
	__u64 pad[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CPUS);
	__type(key, __u32);
	__type(value, struct cpu);
} sg_offcpu_cpus SEC(".maps");

SG_FLATTEN struct cpu *this_cpu(void)
{
	__u32 i = bpf_get_smp_processor_id() & (CPUS - 1);

	return bpf_map_lookup_elem(&sg_offcpu_cpus, &i);
}

SG_FLATTEN __u32 tid_of(struct task_struct *task, bool btf)
{
	return btf ? task->pid : BPF_CORE_READ(task, pid);
}

SG_FLATTEN __u32 state_of(struct task_struct *task, bool btf)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return btf ? task->__state : BPF_CORE_READ(task, __state);
	return btf ? old->state : BPF_CORE_READ(old, state);
}

SG_FLATTEN __u64 clock_of(struct task_struct *task, bool btf)
{
	if (!bpf_core_field_exists(struct sched_entity, cfs_rq) ||
	    !bpf_core_field_exists(struct cfs_rq, rq))
		return bpf_ktime_get_ns();
	return btf ? task->se.cfs_rq->rq->clock : BPF_CORE_READ(task, se.cfs_rq, rq, clock);
}

SG_FLATTEN struct place *place_of(__u32 tid)
{
	__u32 i = tid & (PLACES - 1);

	return bpf_map_lookup_elem(&sg_offcpu_places, &i);
}

SG_FLATTEN void blocked(__u32 part, __u32 tid, __u32 state, __u64 now)
{
	struct place *p = place_of(tid);

	if (!p)
		return;
	if (sg_unlikely(p->since && p->tid != tid))
		sg_count(part, OFFCPU_OVERWRITTEN, 1, true);
	p->tid = tid;
	p->state = state;
	p->since = state & STATE_DEAD ? 0 : now;
}

SG_FLATTEN void goes_on(__u32 part, __u32 tid, __u64 now)
{
	struct place *p = place_of(tid);
	struct cpu *c;
	__s64 ns;

	if (!p || p->tid != tid || !p->since)
		return;
	ns = now - p->since;
	p->since = 0;
	if (sg_likely(ns < (__s64)sg_cfg(offcpu_us) * 1000))
		return;
	c = this_cpu();
	if (!c)
		return;
	c->tid = tid;
	c->state = p->state;
	c->ns = ns;
}

SG_FLATTEN int on_switch(bool preempt, struct task_struct *prev, struct task_struct *next, bool btf)
{
	__u32 part = sg_part(), from = tid_of(prev, btf), to = tid_of(next, btf), state;
	__u64 now = clock_of(to ? next : prev, btf); /* not of the idle task */

	sg_count(part, OFFCPU_SWITCHES, 1, true);
	state = from && !preempt ? state_of(prev, btf) : 0;
	if (state)
		blocked(part, from, state, now);
	if (to)
		goes_on(part, to, now);
	return 0;
}

/* A thread of the kernel that waits for work to come does nothing that is worth a stack. */
SG_FLATTEN bool is_idle_kthread(struct task_struct *task, __u32 state)
{
	if (!(BPF_CORE_READ(task, flags) & SG_STACK_PF_KTHREAD))
		return false;
	return !(state & STATE_UNINTERRUPTIBLE) || state & STATE_NOLOAD;
}

SG_FLATTEN bool admit(struct cpu *c)
{
	__u32 tick = *(volatile __u32 *)&sg_state.tick + 1; /* 0: there was none yet */

	if (c->tick != tick) {
		c->tick = tick;
		c->left = sg_cfg(offcpu_stacks);
	}
	if (!c->left)
		return false;
	c->left--;
	return true;
}

static __noinline int take_stack(void *ctx, struct cpu *c)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 part = sg_part();
	__u64 ns;

	if (!c)
		return 0;
	ns = c->ns;
	c->ns = 0;
	if (c->tid != (__u32)bpf_get_current_pid_tgid() || is_idle_kthread(task, c->state))
		return 0;
	sg_count(part, OFFCPU_WAITS, 1, false);
	if (ns > sg_longest_ns(part))
		sg_drop(part, ns);
	else if (!admit(c))
		sg_count(part, OFFCPU_LIMITED, 1, false);
	else if (!sg_stack_send(ctx, ns))
		sg_count(part, OFFCPU_DROPPED, 1, false);
	return 0;
}

SG_FLATTEN int on_leave(void *ctx)
{
	struct cpu *c = this_cpu();

	sg_count(sg_part(), OFFCPU_LEAVES, 1, false);
	return sg_likely(!c || !c->ns) ? 0 : take_stack(ctx, c);
}

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

SEC("tp_btf/sched_exit_tp")
int sched_exit_tp_btf(void *ctx)
{
	return on_leave(ctx);
}

SEC("raw_tp/sched_exit_tp")
int sched_exit_tp_raw(void *ctx)
{
	return on_leave(ctx);
}
