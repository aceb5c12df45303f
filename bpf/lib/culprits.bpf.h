/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who ran on a CPU while others waited for it. Each CPU remembers who ran last, of the
 * times when somebody waited; a wait that ends is charged to those whose times it
 * covers, and the rest of it to nobody: the CPU was idle, or it is longer than what is
 * remembered. So what a cgroup's waits are charged with adds up to its waits.
 */
#ifndef SG_CULPRITS_BPF_H
#define SG_CULPRITS_BPF_H

#include "pool.bpf.h"

#define CONTENDED_NS 8192 /* shorter waits are what a switch takes */
#define REMEMBERED 16 /* power of two */

struct ran { /* ns, modulo 2^64 */
	__u64 from, to;
	__u64 cgroup;
};

struct cpu_ran {
	struct ran of[REMEMBERED];
	__u64 next;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_ran);
} sched_ran SEC(".maps");

/* Of the CPU that the task comes to; it is one of those that are told here. */
SG_FLATTEN bool others_wait(struct task_struct *task, bool btf)
{
	if (!bpf_core_field_exists(struct sched_entity, cfs_rq) ||
	    !bpf_core_field_exists(struct cfs_rq, rq))
		return true;
	return (btf ? task->se.cfs_rq->rq->nr_running
		    : BPF_CORE_READ(task, se.cfs_rq, rq, nr_running)) > 1;
}

/* Not static: the verifier looks at it once, and not once for each of those who ran. */
__noinline int add_wait(__u32 victim, __u32 culprit, __u32 part, __u64 ns)
{
	struct sg_pool_key key = sg_key(SCHED_WAITED_FOR, victim | culprit << 16, 0);

	sg_pool_add(&key, NULL, part, ns, true);
	return 0;
}

SG_FLATTEN __u64 overlap(const struct ran *r, __u64 from, __u64 to)
{
	__u64 a = (__s64)(r->from - from) > 0 ? r->from : from;
	__u64 b = (__s64)(to - r->to) > 0 ? r->to : to;

	return (__s64)(b - a) > 0 ? b - a : 0;
}

/* What the cgroup ran just before is the same time: many short turns must not push out what was before. */
SG_FLATTEN void remember(struct cpu_ran *c, __u64 now, __u64 slice, __u32 cgroup)
{
	struct ran *last = &c->of[(c->next - 1) % REMEMBERED];

	if (cgroup == SCHED_NOBODY)
		return;
	if (last->cgroup == cgroup && now - slice - last->to < CONTENDED_NS)
		last->to = now;
	else
		c->of[c->next++ % REMEMBERED] = (struct ran){now - slice, now, cgroup};
}

/*
 * A wait of so many ns ends now. who: the cgroup that waited, and in the high half that
 * of the task that goes, which ran for slice ns. how: the part, and in the high half how
 * many waits this one stands for; 0: only remember who ran. As add_wait() not static.
 */
__noinline int charge_culprits(__u64 now, __u64 slice, __u64 who, __u64 wait, __u64 how)
{
	struct cpu_ran *c = bpf_map_lookup_elem(&sched_ran, &(__u32){0});
	__u64 rest = wait, from = now - wait;
	__u32 weight = how >> 32;

	if (!c)
		return 0;
	remember(c, now, slice, who >> 32);
	if (!weight)
		return 0;
	for (__u32 i = 0; i < REMEMBERED; i++) {
		const struct ran *r = &c->of[i];
		__u64 ns = overlap(r, from, now);

		if (!ns)
			continue;
		if (ns > rest)
			ns = rest;
		rest -= ns;
		add_wait(who, r->cgroup, how, ns * weight);
	}
	if (rest)
		add_wait(who, SCHED_NOBODY, how, rest * weight);
	return 0;
}

#endif
