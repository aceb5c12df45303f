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
#define SG_WITH_NEAR_THREADS

#include "limit.bpf.h"
#include "pool.bpf.h"
#include "slot.bpf.h"
#include "threads.bpf.h"
#include "waits.bpf.h"

#include "culprits.bpf.h"

/*
 * What is not timed is dated by the clock of the run queue, a load. It is behind by up
 * to a tick, so it does not time a wait of microseconds; but it is the same for every
 * event, timed or not, and so it can say which were slow.
 */
#define SLOW_NS 2000000ULL /* none of those is left to chance: at most 500 a second and CPU */
#define DELAY_SHIFT 10 /* unit of sg_task.delay: 2^32 of them are 73 minutes */
#define TICK_SHIFT 18 /* unit of sg_task.since_tick: 2^16 of them are 17 s */
#define SLOW_FOR_SURE_NS 1000000000ULL

/* What one event knows. btf: a constant. */
struct now {
	__u64 ns; /* 0: nobody asked yet */
	__u64 rq; /* rq->clock of this CPU; 0: this kernel does not tell */
	__u64 waited; /* how long the task that comes waited, by the kernel; 0: it does not tell */
	struct sg_thread_moment moment;
	__u64 slice; /* how long the task that goes ran */
	__u32 ran; /* the cgroup of that; SCHED_NOBODY: it was the idle task, or is not known */
	__u32 part;
	__u32 state; /* in which the task before left, as the kernel has it */
	__u8 shift; /* what begins now stands for 2^this many */
};

/* A constant: whether the kernel has what the slow ones are known by. Without it nothing is left to chance. */
SG_FLATTEN bool knows_waits(void)
{
	return bpf_core_field_exists(struct task_struct, sched_info.run_delay) &&
	       bpf_core_field_exists(struct sched_entity, cfs_rq) &&
	       bpf_core_field_exists(struct cfs_rq, rq);
}

/* Of the CPU that the task is on. */
SG_FLATTEN __u64 rq_clock(struct task_struct *task, bool btf)
{
	if (!knows_waits())
		return 0;
	return btf ? task->se.cfs_rq->rq->clock : BPF_CORE_READ(task, se.cfs_rq, rq, clock);
}

SG_FLATTEN __u8 admit(__u32 part)
{
	return knows_waits() ? sg_admit(part) : 0;
}

SG_FLATTEN __u64 clock_ns(struct now *now)
{
	if (!now->ns)
		now->ns = bpf_ktime_get_ns();
	return now->ns;
}

/* The time of what a thread does: by one clock for all that it does. */
SG_FLATTEN __u64 thread_clock(struct now *now)
{
	return knows_waits() ? now->rq : clock_ns(now);
}

/*
 * Woken up, or new. A thread that runs, or waits for a CPU, may be told so again; else
 * the kernel has its run queue locked here.
 */
SG_FLATTEN void becomes_runnable(struct sg_task *t, struct task_struct *task, __u32 part, bool btf)
{
	__u32 state = sg_thread_state(t, sg_thread_bank(part));
	struct now now = {.part = part};

	if (state == SG_THREAD_RUNNING || state == SG_THREAD_RUNNABLE)
		return;
	now.rq = rq_clock(task, btf);
	sg_thread_moment(&now.moment, part, thread_clock(&now));
	sg_thread_becomes(t, task, waits_for_cpu(task, btf), &now.moment, true, btf);
}

SG_FLATTEN int on_wakeup(struct task_struct *task, __u32 counter, bool btf)
{
	__u32 part = sg_part();
	struct sg_task *t;
	__u8 shift;

	sg_count(part, counter, 1, false);
	shift = admit(part);
	if (shift == SG_UNTIMED)
		return 0; /* since when it waits is known when it runs: kernel_wait() */
	t = sg_task_of(task, part, sg_may_create_locked(btf), btf);
	if (sg_unlikely(!t))
		return 0;
	if (sg_cfg(threads))
		becomes_runnable(t, task, part, btf);
	/* A preempted task that is woken before it ran again has been waiting since it was preempted. */
	if (!t->queued && t->off != SG_OFF_PREEMPTED) {
		t->queued_shift = shift;
		t->queued = bpf_ktime_get_ns();
	}
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

/* What task t does from now on. */
SG_FLATTEN void begin(struct sg_task *t, struct now *now, __u8 off)
{
	t->off = off;
	t->since_shift = now->shift;
	t->since_tick = now->rq >> TICK_SHIFT;
	t->since = now->shift == SG_UNTIMED ? now->rq : clock_ns(now);
}

/*
 * What t did since it began with that, and how many that stands for; 0: it is not
 * recorded. Whether it was slow is asked of the same clock for all, coarse as it is, so
 * that each is either left to chance or is not.
 */
SG_FLATTEN __u32 ended(const struct sg_task *t, struct now *now, __u64 *ns)
{
	const __s64 slow = SLOW_NS >> TICK_SHIFT;

	if (t->since_shift == SG_UNTIMED) {
		*ns = now->rq > t->since ? now->rq - t->since : 0;
		return (__s64)((now->rq >> TICK_SHIFT) - (t->since >> TICK_SHIFT)) > slow;
	}
	*ns = clock_ns(now) - t->since;
	if (sg_likely(t->since_shift == 0))
		return 1;
	if ((__s16)((now->rq >> TICK_SHIFT) - t->since_tick) > slow || *ns >= SLOW_FOR_SURE_NS)
		return 1;
	return 1U << (t->since_shift & 15);
}

/* The wait that ends now, as the kernel has it, and what it adds to all waits of the task. */
SG_FLATTEN __u64 kernel_wait(struct sg_task *t, struct task_struct *task, __u64 rq, bool btf)
{
	__u64 queued, delay;
	__u32 before = t->delay;

	if (!rq)
		return 0;
	queued = btf ? task->sched_info.last_queued : BPF_CORE_READ(task, sched_info.last_queued);
	delay = btf ? task->sched_info.run_delay : BPF_CORE_READ(task, sched_info.run_delay);
	if (queued && rq > queued)
		delay += rq - queued;
	t->delay = delay >> DELAY_SHIFT;
	return (__u64)(t->delay - before) << DELAY_SHIFT;
}

/* How long a task waited for this CPU, and how many that stands for; 0: it is not recorded. */
SG_FLATTEN __u32 waited(struct sg_task *t, struct task_struct *task, struct now *now, __u64 *ns,
			bool btf)
{
	__u64 by_kernel = kernel_wait(t, task, now->rq, btf);

	now->waited = by_kernel;
	if (!t->queued) {
		*ns = by_kernel;
		return by_kernel >= SLOW_NS;
	}
	*ns = clock_ns(now) - t->queued;
	if (sg_likely(t->queued_shift == 0) || by_kernel >= SLOW_NS)
		return 1;
	return 1U << (t->queued_shift & 15);
}

SG_FLATTEN void record(struct sg_where *w, __u32 part, __u32 signal, __u64 ns, __u32 weight)
{
	if (weight && sg_sane(part, ns))
		sg_observe_at(w, signal, sg_bucket_ns(ns), ns, weight, true);
}

SG_FLATTEN void switch_out(struct task_struct *prev, bool runnable, struct now *now, bool btf)
{
	struct sg_task *t = sg_task_of(prev, now->part, sg_may_create_locked(btf), btf);
	struct sg_where w;
	__u64 ns;

	if (sg_unlikely(!t)) {
		no_state(now->part, btf);
		return;
	}
	if (sg_likely(t->since && t->off == SG_ON_CPU)) {
		__u32 weight = ended(t, now, &ns);

		now->slice = ns;
		now->ran = t->cgroup_in;
		if (!weight)
			sg_count(now->part, SG_C_UNTIMED, 1, true);
		else if (sg_find_slot(&w, now->part, sg_slot(t, prev, now->part, btf)))
			record(&w, now->part, SCHED_ONCPU, ns, weight);
	}
	if (sg_cfg(threads)) {
		__u32 state = runnable ? waits_for_cpu(prev, btf)
				       : waits_for(t, prev, now->state, now->moment.stamp, btf);

		sg_thread_becomes(t, prev, state, &now->moment, true, btf);
	}
	begin(t, now, runnable ? SG_OFF_PREEMPTED : SG_OFF_BLOCKED);
	t->queued = runnable && now->shift != SG_UNTIMED ? now->ns : 0;
	t->queued_shift = now->shift;
}

/* Who ran while the task waited, if it waited for somebody. */
SG_FLATTEN void find_culprits(struct sg_task *t, struct task_struct *next, struct now *now,
			      __u64 wait, __u32 weight, bool btf)
{
	if (wait < CONTENDED_NS)
		weight = 0;
	if (weight || others_wait(next, btf))
		charge_culprits(now->moment.time, now->slice, t->cgroup | (__u64)now->ran << 32,
				wait, now->part | (__u64)weight << 32);
}

/* The wait and the time off the CPU that end when a task is switched in. */
SG_FLATTEN void off_ended(struct sg_task *t, struct task_struct *next, struct now *now, bool btf)
{
	__u32 part = now->part, wait_weight, off_weight = 0;
	__u64 wait, off = 0;
	bool left = t->since && t->off != SG_ON_CPU;
	struct sg_where w;

	wait_weight = waited(t, next, now, &wait, btf);
	if (sg_cfg(threads))
		find_culprits(t, next, now, wait, wait_weight, btf);
	if (sg_likely(left)) {
		off_weight = ended(t, now, &off);
		/* It was off the CPU when the programs were attached: so are the kernel's waits older. */
		if (!t->queued && off > sg_longest_ns(part))
			wait_weight = 0;
	} else if (t->off != SG_OFF_NEW && !t->queued) {
		return; /* older than the programs: since when it waits is not known */
	}
	if (!wait_weight || (left && !off_weight))
		sg_count(part, SG_C_UNTIMED, !wait_weight + (left && !off_weight), true);
	if (!(wait_weight | off_weight) || !sg_find_slot(&w, part, sg_slot(t, next, part, btf)))
		return;
	record(&w, part, SCHED_RUNQUEUE, wait, wait_weight);
	if (t->off == SG_OFF_PREEMPTED)
		record(&w, part, SCHED_OFF_PREEMPTED, off, off_weight);
	else
		record(&w, part, SCHED_OFF_BLOCKED, off, off_weight);
}

SG_FLATTEN void switch_in(struct task_struct *next, struct now *now, bool btf)
{
	struct sg_task *t = sg_task_of(next, now->part, sg_may_create_locked(btf), btf);

	if (sg_unlikely(!t)) {
		no_state(now->part, btf);
		return;
	}
	off_ended(t, next, now, btf);
	if (sg_cfg(threads))
		sg_thread_runs(t, next, now->waited, &now->moment, btf);
	begin(t, now, SG_ON_CPU);
	t->queued = 0;
}

SG_FLATTEN int on_switch(bool preempt, struct task_struct *prev, struct task_struct *next, bool btf)
{
	struct now now = {.part = sg_part(), .ran = SCHED_NOBODY};
	struct sg_counter_block *c = sg_counters_of(now.part);

	if (!c)
		return 0;
	sg_add(&c->c[SCHED_SWITCHES], 1, true);
	now.rq = rq_clock(task_pid(next, btf) ? next : prev, btf); /* not the idle task */
	now.shift = admit(now.part);
	if (sg_cfg(threads))
		sg_thread_moment(&now.moment, now.part, thread_clock(&now));
	if (task_pid(prev, btf)) { /* 0: the idle task, which has no latencies */
		bool runnable;

		now.state = task_state(prev, btf);
		runnable = preempt || !now.state;
		sg_add(&c->c[runnable ? SCHED_INVOLUNTARY : SCHED_VOLUNTARY], 1, true);
		switch_out(prev, runnable, &now, btf);
	}
	if (task_pid(next, btf))
		switch_in(next, &now, btf);
	return 0;
}

/* By the run queue of this CPU: that of another may have been idle for long, and its clock stands still then. */
SG_FLATTEN void current_moment(struct sg_thread_moment *m, __u32 part)
{
	struct now now = {.part = part,
			  .rq = rq_clock((struct task_struct *)bpf_get_current_task(), false)};

	sg_thread_moment(m, part, thread_clock(&now));
}

/* Of a thread that is older than the programs. */
SG_FLATTEN void begin_thread(struct task_struct *task, bool btf)
{
	__u32 part = sg_part(), state = task_state(task, btf);
	struct sg_task *t = sg_task_of(task, part, true, btf);
	struct sg_thread_moment m;

	if (!sg_cfg(threads) || !t || sg_thread_state(t, sg_thread_bank(part)) ||
	    BPF_CORE_READ(task, exit_state))
		return;
	current_moment(&m, part);
	/* An iterator may follow pointers of its task on any kernel. */
	sg_thread_becomes(t, task, state ? waits_for(t, task, state, 0, true) : SG_THREAD_RUNNABLE,
			  &m, false, btf);
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
	struct sg_task *t = sg_task_of(child, part, true, true);
	struct sg_thread_moment m;

	sg_count(part, SCHED_FORKS, 1, false);
	if (!t)
		return 0;
	/* It may be that of an earlier task at the same place whose end was missed. */
	if (sg_cfg(threads) && sg_thread_state(t, sg_thread_bank(part))) {
		current_moment(&m, part);
		sg_thread_becomes(t, child, SG_THREAD_NONE, &m, false, true);
	}
	t->epoch = SG_EPOCH_NONE;
	t->since = t->queued = t->call_at = 0;
	t->delay = 0;
	t->off = SG_OFF_NEW;
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

/* Last: whoever begins or ends from here on is seen to. */
SEC("iter/task")
int sched_threads_btf(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	sg_opaque(task);
	begin_thread(task, true);
	return 0;
}

SEC("iter/task")
int sched_threads_raw(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	sg_opaque(task);
	begin_thread(task, false);
	return 0;
}

/* ---- cgroups that have used up their CPU quota --------------------------------------------
 *
 * No trace point tells. The kernel notes in the queue of a cgroup on a CPU when it was
 * throttled, and forgets that in the function that lets it run again, with the lock of the
 * CPU's queue held: nothing comes between its beginning and its return.
 */

struct throttled {
	__u64 queue; /* address of the struct cfs_rq */
	__u64 since; /* by rq->clock */
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct throttled);
} sched_throttled SEC(".maps");

SG_FLATTEN int on_unthrottle(struct cfs_rq *queue)
{
	struct throttled *t = bpf_map_lookup_elem(&sched_throttled, &(__u32){0});

	sg_count(sg_part(), SCHED_UNTHROTTLES, 1, false);
	if (!t || !bpf_core_field_exists(queue->throttled_clock))
		return 0;
	t->queue = (__u64)queue;
	t->since = BPF_CORE_READ(queue, throttled_clock);
	return 0;
}

/* By the clock that the kernel has brought up to date meanwhile, and counts throttled_usec by. */
SG_FLATTEN int on_unthrottled(void)
{
	struct throttled *t = bpf_map_lookup_elem(&sched_throttled, &(__u32){0});
	__u32 part = sg_part();
	struct sg_slot_key of = {};
	struct sg_pool_key key;
	struct cfs_rq *queue;
	__u64 ns;

	sg_count(part, SCHED_UNTHROTTLED, 1, false);
	if (!t || !t->since)
		return 0;
	queue = (struct cfs_rq *)t->queue;
	ns = BPF_CORE_READ(queue, rq, clock) - t->since;
	t->since = 0;
	if (!sg_sane(part, ns))
		return 0;
	of.cgroup_id = BPF_CORE_READ(queue, tg, css.cgroup, kn, id);
	key = sg_key_of_slot(SCHED_THROTTLE, sg_slot_of_key(&of, part));
	sg_pool_observe(&key, NULL, part, ns, false);
	return 0;
}

SEC("fentry")
int BPF_PROG(unthrottle_cfs_rq_fentry, struct cfs_rq *queue)
{
	return on_unthrottle(queue);
}

SEC("fexit")
int unthrottle_cfs_rq_end_fexit(void *ctx)
{
	return on_unthrottled();
}

SEC("kprobe")
int BPF_KPROBE(unthrottle_cfs_rq_kprobe, struct cfs_rq *queue)
{
	return on_unthrottle(queue);
}

SEC("kretprobe")
int unthrottle_cfs_rq_end_kretprobe(void *ctx)
{
	return on_unthrottled();
}
