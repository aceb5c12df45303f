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

#include "event.bpf.h"
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
	__u32 epoch; /* that no state of a task may be older than */
	__u8 awake; /* sg_awake(); 0: the time of threads is not watched */
	__u64 zero; /* which only the verifier does not know; see blur() */
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

/* All that it waited for a CPU until now, as the kernel has it. rq: the clock of its run queue. */
SG_FLATTEN __u64 kernel_waits(struct task_struct *task, __u64 rq, bool btf)
{
	__u64 queued =
		btf ? task->sched_info.last_queued : BPF_CORE_READ(task, sched_info.last_queued);
	__u64 delay = btf ? task->sched_info.run_delay : BPF_CORE_READ(task, sched_info.run_delay);

	return queued && rq > queued ? delay + rq - queued : delay;
}

/* The wait that ends now, as the kernel has it, and what it adds to all waits of the task. */
SG_FLATTEN __u64 kernel_wait(struct sg_task *t, struct task_struct *task, __u64 rq, bool btf)
{
	__u32 before = t->delay;

	if (!rq)
		return 0;
	t->delay = kernel_waits(task, rq, btf) >> DELAY_SHIFT;
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

SG_FLATTEN void record(struct sg_where *w, __u32 part, __u32 signal, __u64 ns, __u32 weight,
		       const struct sg_who *who)
{
	if (weight && sg_sane(part, ns))
		sg_observe_at(w, signal, sg_bucket_ns(ns), ns, weight, true, who);
}

/*
 * The verifier follows each way that leads to another value of these; so it is made to
 * know none. That takes a tenth of its time.
 */
SG_FLATTEN void blur(struct now *now)
{
	now->ns |= now->zero;
	now->slice |= now->zero;
	now->ran |= now->zero;
}

/* ---- where the time of threads goes: threads.bpf.h ---- */

/*
 * Only where the state of tasks is in storage, as the walk finds it there; and what
 * the checker of 5.10 would say to all this is not asked. btf: a constant.
 */
SG_FLATTEN bool tells_threads(bool btf)
{
	return btf && sg_cfg(threads);
}

SG_FLATTEN void ask_shard(struct now *now)
{
	struct sg_shard *s = sg_shard_of(now->part);

	if (!s)
		return;
	/* It does not change while programs run, which the verifier cannot know. */
	now->zero =
		*(volatile __u64 *)&s->head.threads_base ^ *(volatile __u64 *)&s->head.threads_base;
	now->awake = sg_awake(*(volatile __u32 *)&s->head.threads_bank & 1);
	now->epoch = *(volatile __u32 *)&s->head.epoch;
}

SG_FLATTEN bool is_awake(const struct sg_task *t, const struct now *now)
{
	return t->awake == now->awake && (__s32)(t->epoch - now->epoch) >= 0;
}

/* As thread_clock(), of the CPU that the task is on. */
SG_FLATTEN __u64 clock_of(struct task_struct *task, bool btf)
{
	return knows_waits() ? rq_clock(task, btf) : bpf_ktime_get_ns();
}

/* Tells of what it ran and waited until now. */
SG_FLATTEN void settle(struct sg_task *t, struct task_struct *task, __u32 ran, __u64 rq, __u32 part,
		       bool exclusive, bool btf, bool swaps)
{
	__u32 word = *(volatile __u32 *)&t->thread;

	sg_thread_settle(&t->ran_told, ran, word, SG_THREAD_RUNNING, part, exclusive, swaps);
	if (knows_waits())
		sg_thread_settle(&t->delay_told, kernel_waits(task, rq, btf) >> SG_THREAD_SHIFT,
				 word, SG_THREAD_RUNNABLE, part, exclusive, swaps);
}

/* What was before this is not its own. */
SG_FLATTEN void begin_sums(struct sg_task *t, struct task_struct *task, __u64 rq, bool btf)
{
	__u64 waits;

	t->seen = bpf_ktime_get_ns();
	t->seen_clock = rq;
	t->ran_told = t->ran;
	if (!knows_waits())
		return;
	waits = kernel_waits(task, rq, btf);
	t->delay_told = waits >> SG_THREAD_SHIFT;
	t->delay =
		waits >> DELAY_SHIFT; /* what it waited before is not the first wait that is seen */
}

/* How long its turn on the CPU is, in units. seen: when it was first seen, by the same clock. */
SG_FLATTEN __u32 turn(const struct sg_task *t, __u64 rq)
{
	bool timed = t->since_shift != SG_UNTIMED;
	__u64 to = timed ? bpf_ktime_get_ns() : rq, seen = timed ? t->seen : t->seen_clock;
	__u64 since = t->since > seen ? t->since : seen;

	return to > since ? sg_thread_units(since, to) : 0;
}

/*
 * The rare ones of these are functions of their own, and not static: the verifier looks at
 * them once, and older ones forget much of what they know where a static one is called.
 * So their arguments are numbers, and the pointer that kernels with tp_btf allow; they
 * find the task by what its state says.
 */
#define LEAVES (~0ULL)

/* What a hook does that finds a thread not awake: puts it there, in the cgroup in which it is now. */
SG_FLATTEN void enter_awake(struct sg_task *t, struct task_struct *task, __u32 part, __u64 since,
			    bool swaps)
{
	__u64 rq = clock_of(task, false), waited = since == LEAVES ? 0 : since;
	struct sg_thread_moment m;
	__u32 word, state, to;

	sg_thread_moment(&m, part, rq);
	sg_slot(t, task, part, false);
	word = *(volatile __u32 *)&t->thread;
	state = sg_word_state(word, m.bank);
	to = SG_WORD(SG_THREAD_AWAKE, m.bank, t->cgroup);
	t->awake = sg_awake(m.bank);
	if (state == SG_THREAD_AWAKE) {
		if (since == LEAVES && t->since && t->off == SG_ON_CPU)
			t->ran += turn(t, rq);
		if (word == to)
			return;
		settle(t, task, t->ran, rq, part, true, false, swaps);
		waited = 0;
	} else if (state == SG_THREAD_NONE) {
		begin_sums(t, task, rq, false);
		if (t->off == SG_OFF_NEW) /* it has waited since then */
			t->delay_told -= waited >> SG_THREAD_SHIFT;
		else
			waited = 0; /* of that it is not known when */
	} else if (waited > rq - t->seen_clock) {
		waited = 0;
	}
	sg_thread_becomes(t, word, to, sg_thread_stamp(m.time - waited), m.bank, part, true, swaps);
}

__noinline int enter_awake_btf(struct sg_task *t, __u32 part, __u64 since)
{
	if (t)
		enter_awake(t, (struct task_struct *)t->owner, part, since, true);
	return 0;
}

/* ends: it does not come back; else only its sums are told. */
SG_FLATTEN void settle_now(struct sg_task *t, struct task_struct *task, __u32 part, bool ends,
			   bool swaps)
{
	__u32 word = *(volatile __u32 *)&t->thread;
	__u64 rq = clock_of(task, false);
	struct sg_thread_moment m;

	settle(t, task, t->ran, rq, part, true, false, swaps);
	if (!ends)
		return;
	sg_thread_moment(&m, part, rq);
	sg_thread_becomes(t, word, SG_WORD(SG_THREAD_NONE, m.bank, 0), sg_thread_stamp(m.time),
			  m.bank, part, true, swaps);
	t->awake = 0;
}

__noinline int settle_btf(struct sg_task *t, __u32 part, bool ends)
{
	if (t)
		settle_now(t, (struct task_struct *)t->owner, part, ends, true);
	return 0;
}

/* It leaves the CPU. */
SG_FLATTEN void thread_leaves(struct sg_task *t, struct task_struct *task, bool runnable,
			      struct now *now, bool btf)
{
	bool ends = now->state & TASK_DEAD;
	__u32 before = t->ran;

	if (sg_likely(is_awake(t, now)))
		t->ran = before + sg_thread_units(t->since, t->since + now->slice);
	else
		enter_awake_btf(t, now->part, LEAVES);
	if (sg_unlikely(ends || (t->ran ^ before) >> SG_THREAD_LUMP_SHIFT))
		settle_btf(t, now->part, ends);
	t->how = runnable ? is_throttled(task, btf) : how_of(now->state);
}

SG_FLATTEN void thread_awakes(struct sg_task *t, struct task_struct *task, struct now *now,
			      bool btf)
{
	enter_awake_btf(t, now->part, now->waited);
}

/* A wait that is recorded ends: of so many ns without that for a CPU, and for so many others. */
SG_FLATTEN void charge_wait(struct sg_task *t, struct task_struct *task, __u32 part, __u64 blocked,
			    __u64 waited, __u32 weight, bool btf)
{
	__u32 state, word = *(volatile __u32 *)&t->thread;

	if (t->off == SG_OFF_PREEMPTED) {
		if (t->how == HOW_THROTTLED && waited >= SLOW_NS)
			sg_thread_moves(part, word, SG_THREAD_RUNNABLE, SG_THREAD_THROTTLED,
					waited >> SG_THREAD_SHIFT, true);
		return;
	}
	state = waits_for(t, task, t->how, blocked >> 4, btf);
	if (weight == 1 && blocked >= SLOW_NS)
		sg_thread_moves(part, word, SG_THREAD_AWAKE, state, blocked >> SG_THREAD_SHIFT,
				true);
	else
		sg_thread_add(part, word, SG_THREAD_SHORT(state), blocked * weight, true);
}

SG_FLATTEN void thread_comes(struct sg_task *t, struct task_struct *task, struct now *now,
			     __u64 off, __u32 weight, bool btf)
{
	__u64 blocked = off > now->waited ? off - now->waited : 0;

	if (!weight || !is_awake(t, now))
		return;
	charge_wait(t, task, now->part, blocked, now->waited, weight, true);
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
		__u32 weight = ended(t, now, &ns) | now->zero, slot;

		now->slice = ns;
		now->ran = t->cgroup;
		blur(now);
		ns = now->slice;
		if (!weight)
			sg_count(now->part, SG_C_UNTIMED, 1, true);
		else if (sg_find_slot(&w, now->part, slot = sg_slot(t, prev, now->part, btf))) {
			const struct sg_who who = sg_who_current(NULL, slot);

			record(&w, now->part, SCHED_ONCPU, ns, weight, &who);
		}
	}
	if (tells_threads(btf))
		thread_leaves(t, prev, runnable, now, btf);
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
	/* Or somebody waited while the task that goes ran: this one, or others that still do. */
	if (sg_unlikely(weight || (now->ran != SCHED_NOBODY &&
				   (now->waited >= CONTENDED_NS || others_wait(next, btf)))))
		charge_culprits(thread_clock(now), now->slice, t->cgroup | (__u64)now->ran << 32,
				wait, now->part | (__u64)weight << 32);
}

/* The wait and the time off the CPU that end when a task is switched in. */
SG_FLATTEN void off_ended(struct sg_task *t, struct task_struct *next, struct now *now, bool btf)
{
	__u32 part = now->part, wait_weight, off_weight = 0, slot;
	__u64 wait, off = 0;
	bool left = t->since && t->off != SG_ON_CPU;
	struct sg_where w;
	struct sg_who who;

	wait_weight = waited(t, next, now, &wait, btf) | now->zero;
	wait |= now->zero;
	now->waited |= now->zero;
	now->ns |= now->zero;
	if (tells_threads(btf))
		find_culprits(t, next, now, wait, wait_weight, btf);
	if (sg_likely(left)) {
		off_weight = ended(t, now, &off) | now->zero;
		/* It was off the CPU when the programs were attached: so are the kernel's waits older. */
		if (!t->queued && off > sg_longest_ns(part))
			wait_weight = 0;
	} else if (t->off != SG_OFF_NEW && !t->queued) {
		return; /* older than the programs: since when it waits is not known */
	}
	off |= now->zero;
	now->ns |= now->zero;
	if (wait_weight && sg_event_is_slow(wait) && wait <= sg_longest_ns(part))
		sg_event_send(sg_address(next), 0, SG_EVENT_SLOW, wait, SG_EVENT_RUN_QUEUE);
	if (!wait_weight || (left && !off_weight))
		sg_count(part, SG_C_UNTIMED, !wait_weight + (left && !off_weight), true);
	if (sg_likely(!(wait_weight | off_weight)))
		return;
	if (tells_threads(btf))
		thread_comes(t, next, now, off, off_weight, btf);
	slot = sg_slot(t, next, part, btf);
	if (!sg_find_slot(&w, part, slot))
		return;
	/* The hook runs while the one before is still the current one. */
	who = sg_who_task(next, slot, btf);
	record(&w, part, SCHED_RUNQUEUE, wait, wait_weight, &who);
	if (t->off == SG_OFF_PREEMPTED)
		record(&w, part, SCHED_OFF_PREEMPTED, off, off_weight, &who);
	else
		record(&w, part, SCHED_OFF_BLOCKED, off, off_weight, &who);
}

SG_FLATTEN void switch_in(struct task_struct *next, struct now *now, bool btf)
{
	struct sg_task *t = sg_task_of(next, now->part, sg_may_create_locked(btf), btf);

	if (sg_unlikely(!t)) {
		no_state(now->part, btf);
		return;
	}
	off_ended(t, next, now, btf);
	if (tells_threads(btf) && sg_unlikely(!is_awake(t, now)))
		thread_awakes(t, next, now, btf);
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
	ask_shard(&now);
	now.shift |= now.zero;
	if (task_pid(prev, btf)) { /* 0: the idle task, which has no latencies */
		bool runnable;

		now.state = task_state(prev, btf);
		runnable = preempt || !now.state;
		sg_add(&c->c[runnable ? SCHED_INVOLUNTARY : SCHED_VOLUNTARY], 1, true);
		switch_out(prev, runnable, &now, btf);
		blur(&now);
	}
	if (task_pid(next, btf))
		switch_in(next, &now, btf);
	return 0;
}

/* By the run queue of this CPU: that of another may have been idle for long, and its clock stands still then. */
SG_FLATTEN void current_moment(struct sg_thread_moment *m, struct now *now)
{
	struct sg_shard *s = sg_shard_of(now->part);

	now->rq = rq_clock((struct task_struct *)bpf_get_current_task(), false);
	sg_thread_moment(m, now->part, thread_clock(now));
	now->awake = sg_awake(m->bank);
	if (s)
		*(volatile __u64 *)&s->head.clock = thread_clock(now);
}

SG_FLATTEN bool is_running(const struct sg_task *t, struct task_struct *task, bool btf)
{
	if (bpf_core_field_exists(task->on_cpu))
		return btf ? task->on_cpu : BPF_CORE_READ(task, on_cpu);
	return t->off == SG_ON_CPU;
}

/* All that it ran until now. */
SG_FLATTEN __u32 ran_until(const struct sg_task *t, struct now *now, bool running)
{
	__u32 ran = *(volatile __u32 *)&t->ran;

	return running && t->off == SG_ON_CPU && t->awake == now->awake ? ran + turn(t, now->rq)
									: ran;
}

/* Since when it has been off the CPU, as time before now; 0: not known. */
SG_FLATTEN __u64 off_for(const struct sg_task *t, struct now *now)
{
	__u64 to = t->since_shift == SG_UNTIMED ? now->rq : clock_ns(now), since = t->since;

	return t->awake == now->awake && t->off == SG_OFF_BLOCKED && to > since ? to - since : 0;
}

SG_FLATTEN void falls_asleep(struct sg_task *t, struct task_struct *task, __u32 state,
			     const struct sg_thread_moment *m, struct now *now, bool btf)
{
	__u32 word = *(volatile __u32 *)&t->thread;
	/* An iterator may follow pointers of its task on any kernel. */
	__u32 to =
		SG_WORD(waits_for(t, task, how_of(state), 0, true), m->bank, SG_WORD_CGROUP(word));
	__u64 stamp = sg_thread_stamp(m->time - off_for(t, now));

	if (sg_word_state(word, m->bank) == SG_THREAD_AWAKE &&
	    sg_thread_becomes(t, word, to, stamp, m->bank, m->part, false, btf))
		t->awake = 0;
}

/* One thread of all, once a tick. */
SG_FLATTEN void walk_thread(struct task_struct *task, bool btf)
{
	struct now now = {.part = sg_part()};
	struct sg_task *t = sg_task_of(task, now.part, true, btf);
	__u32 word, at, state = task_state(task, btf);
	struct sg_thread_moment m;
	bool running;

	sg_count(now.part, SCHED_WALKED, 1, false);
	if (!sg_cfg(threads) || !t || BPF_CORE_READ(task, exit_state))
		return;
	word = *(volatile __u32 *)&t->thread;
	at = sg_word_state(word, sg_thread_bank(now.part));
	if (at != SG_THREAD_NONE && at != SG_THREAD_AWAKE)
		return; /* it goes on waiting */
	current_moment(&m, &now);
	if (at == SG_THREAD_NONE) {
		sg_slot(t, task, now.part, btf);
		begin_sums(t, task, now.rq, btf);
		if (!sg_thread_becomes(t, word, SG_WORD(SG_THREAD_AWAKE, m.bank, t->cgroup),
				       sg_thread_stamp(m.time), m.bank, m.part, false, btf))
			return;
	}
	running = is_running(t, task, btf);
	settle(t, task, ran_until(t, &now, running), rq_clock(task, btf), now.part, false, btf,
	       btf);
	if (!running && state)
		falls_asleep(t, task, state, &m, &now, btf);
}

SG_FLATTEN int on_count(__u32 counter, bool exclusive)
{
	sg_count(sg_part(), counter, 1, exclusive);
	return 0;
}

/* It may be that of an earlier task at the same place whose end was missed. */
SG_FLATTEN void forget_thread(struct sg_task *t, __u32 part)
{
	struct now now = {.part = part};
	struct sg_thread_moment m;

	t->awake = 0;
	if (!sg_word_state(t->thread, sg_thread_bank(part)))
		return;
	current_moment(&m, &now);
	sg_thread_becomes(t, t->thread, SG_WORD(SG_THREAD_NONE, m.bank, 0), sg_thread_stamp(m.time),
			  m.bank, part, false, true);
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

	sg_count(part, SCHED_FORKS, 1, false);
	if (!t)
		return 0;
	if (sg_cfg(threads))
		forget_thread(t, part);
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

/* So many bytes for so many threads: the reader takes as many as it wants to. */
SG_FLATTEN void pace(struct bpf_iter_meta *meta)
{
	__u64 seen = meta->seq_num;

	if (seen % SG_THREAD_WALK_STEP == 0)
		bpf_seq_write(meta->seq, &seen, sizeof(seen));
}

SEC("iter/task")
int sched_threads_btf(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task)
		return 0;
	pace(ctx->meta);
	sg_opaque(task);
	walk_thread(task, true);
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
	struct sg_who who;
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
	who = sg_who_nobody();
	sg_pool_observe(&key, NULL, part, ns, false, &who);
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
