// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: how long handlers and softirqs take, how long a raised softirq waits,
 * and from whom that time was taken. Nothing here follows a pointer of a task that is
 * not current, and no hook needs more than its arguments: one program serves every
 * kernel, but for the task's state.
 */
#include <sgprobe/bpf/irq.h>

#define SG_SIGNALS IRQ_BLOCK_SIGNALS
#define SG_COUNTERS IRQ_COUNTERS
#define SG_FIXED_BLOCKS IRQ_BLOCKS

#include "limit.bpf.h"
#include "pool.bpf.h"
#include "slot.bpf.h"
#include "threads.bpf.h"

#define RAISED 16 /* a power of two */
_Static_assert(RAISED >= IRQ_VECTORS, "a place per vector");

#define RECENT 4 /* a power of two */

struct cpu_state {
	struct sg_timing soft, hard; /* of the handler that runs now; at 0: none */
	/*
	 * Numbers of the pool that were used here last, by the low bits of what they are of: an
	 * interrupt, a slot. One word each, so that a hard interrupt within a soft one leaves nothing
	 * half done: epoch << 40 | which << 16 | number.
	 */
	__u64 lines[RECENT], slots[RECENT];
	struct sg_timing raised[RAISED]; /* by vector; at 0: it is not, or it runs already */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_state);
} irq_cpus SEC(".maps");

SG_FLATTEN struct cpu_state *this_cpu(void)
{
	return bpf_map_lookup_elem(&irq_cpus, &(__u32){0});
}

/* 5.10 forgets what it knew of a number that was put on the stack: so it is told anew. */
SG_FLATTEN struct sg_timing *raised(struct cpu_state *c, __u64 vector)
{
	sg_opaque(vector);
	return &c->raised[vector & (RAISED - 1)];
}

/* 0: it is not recorded. */
SG_FLATTEN __u32 ended(struct sg_timing *t, __u32 part, __u64 *ns, __u64 *end)
{
	__u32 weight = sg_time_end(t, ns, end);

	if (!weight)
		sg_count(part, SG_C_UNTIMED, 1, false);
	return weight && sg_sane(part, *ns) ? weight : 0;
}

/* What is remembered of that number, but for the number; 0: it cannot be. */
SG_FLATTEN __u64 recent_word(__u32 which, __u32 part)
{
	struct sg_shard *s = sg_shard_of(part);

	if (!s || which >> 24)
		return 0;
	return (__u64) * (volatile __u32 *)&s->head.epoch << 40 | (__u64)which << 16;
}

/* The same; a new one is the rare path. */
static __noinline __u32 learn(struct cpu_state *c, __u32 signal, __u32 which,
			      struct irqaction *action)
{
	struct sg_pool_key key = signal == IRQ_STOLEN ? sg_key_of_slot(IRQ_STOLEN, which)
						      : sg_key(IRQ_HARD_RUN, which, 0);
	__u32 part = sg_part(), number;
	__u64 word = recent_word(which, part); /* before it is looked up, as in quick.bpf.h */

	number = sg_pool_number(&key, action ? BPF_CORE_READ(action, name) : NULL, part);
	if (c && word && number >> 16 == 0) {
		__u64 *at = signal == IRQ_STOLEN ? c->slots : c->lines;

		*(volatile __u64 *)&at[which & (RECENT - 1)] = word | number;
	}
	return number;
}

SG_FLATTEN __u32 number_of(struct cpu_state *c, __u32 signal, __u32 which, struct irqaction *action,
			   __u32 part)
{
	__u64 *at = signal == IRQ_STOLEN ? c->slots : c->lines;
	__u64 have = *(volatile __u64 *)&at[which & (RECENT - 1)], word = recent_word(which, part);

	if (sg_likely(word && (have & ~0xffffULL) == word && (have & 0xffff)))
		return have & 0xffff;
	return learn(c, signal, which, action);
}

/* The idle task has nothing to lose, and ksoftirqd is there for it. */
SG_FLATTEN void charge(struct cpu_state *c, __u32 part, __u64 end, __u64 ns, __u32 bucket,
		       __u32 weight, bool btf)
{
	struct task_struct *task =
		btf ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
	struct sg_who who;
	struct sg_task *t;
	__u32 slot;

	if (!(btf ? task->pid : (__u32)bpf_get_current_pid_tgid()))
		return;
	t = sg_task_of(task, part, false, btf);
	slot = t ? sg_slot(t, task, part, btf) : SG_SLOT_OTHER;
	who = sg_who_current(NULL, slot);
	/* A hard one may interrupt a soft one. */
	sg_pool_observe_row(number_of(c, IRQ_STOLEN, slot, NULL, part), part, bucket, ns, weight,
			    false, IRQ_STOLEN, &who);
	if (btf && t && sg_cfg(threads)) /* as in the scheduler: where tasks have storage */
		sg_thread_stolen(t, part, end ? end : bpf_ktime_get_ns(), ns * weight);
}

SEC("raw_tp/softirq_raise")
int BPF_PROG(softirq_raise, __u64 vector)
{
	__u32 part = sg_part();
	struct cpu_state *c = this_cpu();

	sg_opaque(vector);
	if (vector >= IRQ_VECTORS)
		return 0;
	sg_count(part, IRQ_RAISES + vector, 1, false);
	if (c && !raised(c, vector)->at)
		sg_time_begin(raised(c, vector), part, 0);
	return 0;
}

SEC("raw_tp/softirq_entry")
int BPF_PROG(softirq_entry, __u64 vector)
{
	__u32 part = sg_part();
	struct cpu_state *c = this_cpu();
	const struct sg_who nobody = sg_who_nobody();
	struct sg_where w;
	__u64 ns, now = 0;
	__u32 weight = 0;

	sg_opaque(vector);
	if (vector >= IRQ_VECTORS)
		return 0;
	sg_count(part, IRQ_SOFT_ENTRIES + vector, 1, true);
	if (!c)
		return 0;
	if (raised(c, vector)->at)
		weight = ended(raised(c, vector), part, &ns, &now);
	sg_time_begin(&c->soft, part, now);
	if (weight && sg_find_block(&w, part, IRQ_SOFT_WAIT + vector))
		sg_observe_at(&w, 0, sg_bucket_ns(ns), ns, weight, true, &nobody);
	return 0;
}

SG_FLATTEN int on_softirq_exit(__u64 vector, bool btf)
{
	__u32 part = sg_part();
	struct cpu_state *c = this_cpu();
	const struct sg_who nobody = sg_who_nobody();
	struct sg_where w;
	__u64 end, ns;
	__u32 weight;

	sg_count(part, IRQ_SOFT_EXITS, 1, true);
	sg_opaque(vector);
	if (!c || vector >= IRQ_VECTORS || !c->soft.at)
		return 0;
	weight = ended(&c->soft, part, &ns, &end);
	if (!weight)
		return 0;
	/* Twice the bucket: 5.10 forgets its bound where it is kept for later. */
	if (sg_find_block(&w, part, IRQ_SOFT_RUN + vector))
		sg_observe_at(&w, 0, sg_bucket_ns(ns), ns, weight, true, &nobody);
	charge(c, part, end, ns, sg_pool_bucket_ns(ns), weight, btf);
	return 0;
}

SEC("raw_tp/irq_handler_entry")
int irq_handler_entry(void *ctx)
{
	struct cpu_state *c = this_cpu();
	__u32 part = sg_part();

	sg_count(part, IRQ_HARD_ENTRIES, 1, true);
	if (c)
		sg_time_begin(&c->hard, part, 0);
	return 0;
}

SG_FLATTEN int on_irq_exit(int irq, struct irqaction *action, bool btf)
{
	__u32 part = sg_part();
	struct cpu_state *c = this_cpu();
	const struct sg_who nobody = sg_who_nobody();
	__u32 weight, bucket;
	__u64 end, ns;

	sg_count(part, IRQ_HARD_EXITS, 1, true);
	if (!c || !c->hard.at)
		return 0;
	weight = ended(&c->hard, part, &ns, &end);
	if (!weight)
		return 0;
	bucket = sg_pool_bucket_ns(ns);
	sg_pool_observe_row(number_of(c, IRQ_HARD_RUN, irq, action, part), part, bucket, ns, weight,
			    true, IRQ_HARD_RUN, &nobody);
	charge(c, part, end, ns, bucket, weight, btf);
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(softirq_exit_btf, unsigned int vector)
{
	return on_softirq_exit(vector, true);
}

SEC("raw_tp/softirq_exit")
int BPF_PROG(softirq_exit_raw, unsigned int vector)
{
	return on_softirq_exit(vector, false);
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(irq_handler_exit_btf, int irq, struct irqaction *action)
{
	return on_irq_exit(irq, action, true);
}

SEC("raw_tp/irq_handler_exit")
int BPF_PROG(irq_handler_exit_raw, int irq, struct irqaction *action)
{
	return on_irq_exit(irq, action, false);
}
