/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who the slowest event of a row was: see <sgprobe/bpf/worst.h>. A hook says whose an
 * event is where it counts it:
 *
 *	const struct sg_who who = sg_who_current(ctx, slot);
 *
 *	sg_observe(&w, signal, ns, false, &who);
 *
 * It is a constant what kind that is, so all of it but one compare is gone from the way
 * that most events take. Which program is current does not matter then: the task that the
 * event is charged to is what a hook hands over.
 */
#ifndef SG_WORST_BPF_H
#define SG_WORST_BPF_H

#include <sgprobe/bpf/stack.h>

enum sg_who_kind {
	SG_WHO_CURRENT, /* the running task; its stack can be taken where there is a ctx */
	SG_WHO_TASK, /* another one, which does not run: the kernel's part of its stack */
	SG_WHO_TASK_RAW, /* the same where the program may not follow its pointer: no stack */
	SG_WHO_IDS, /* numbers that were noted before; the names are the slot's */
};

/* NULL in place of it: it is no latency, or nobody asks whose it is. */
struct sg_who {
	enum sg_who_kind kind; /* a constant */
	__u32 slot;
	void *ctx; /* of the hook, or NULL */
	struct task_struct *task;
	__u64 ids; /* tgid << 32 | tid */
};

#define SG_WORST_OVER (SG_WORST_SIGNALS + SG_FIXED_BLOCKS)
#ifndef SG_FIXED_BLOCKS
#define SG_FIXED_BLOCKS 0
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SG_WORST_OVER);
	__type(key, __u32);
	__type(value, __u64);
} sg_worst_over SEC(".maps");

/*
 * Where a stack is put together, and how many of a tick are left. So that those do not go to
 * what is slow for a cgroup only, one that is taken must be of an event slower than the last
 * whose stack was taken of the same histogram in this tick.
 */
#define SG_WORST_BEST 256
struct sg_worst_best {
	__u64 ns;
	__u32 tick, pad;
};
struct sg_worst_cpu {
	struct sg_worst_best best[SG_WORST_BEST]; /* by a hash of domain and place */
	__u64 last_ns; /* the event whose stack was taken last: it may be counted in several rows */
	__u32 last_tid, last_number;
	__u32 tick, left, number;
	__u32 busy; /* what interrupts one that is being put together goes without */
	struct sg_stack_head head;
	__u8 frames[SG_STACK_KERNEL_MAX * 8 + SG_STACK_USER_MAX * 32];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_worst_cpu);
} sg_worst_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} sg_worst_ring SEC(".maps");

SG_FLATTEN struct sg_who sg_who_current(void *ctx, __u32 slot)
{
	return (struct sg_who){.kind = SG_WHO_CURRENT, .slot = slot, .ctx = ctx};
}

/* btf: a constant. */
SG_FLATTEN struct sg_who sg_who_task(struct task_struct *task, __u32 slot, bool btf)
{
	return (struct sg_who){
		.kind = btf ? SG_WHO_TASK : SG_WHO_TASK_RAW, .slot = slot, .task = task};
}

SG_FLATTEN struct sg_who sg_who_ids(__u64 ids, __u32 slot)
{
	return (struct sg_who){.kind = SG_WHO_IDS, .slot = slot, .ids = ids};
}

/* An event of the machine, as the delay of a softirq is. */
SG_FLATTEN struct sg_who sg_who_nobody(void)
{
	return sg_who_ids(0, 0);
}

/* ---- its stack ------------------------------------------------------------------------ */

SG_FLATTEN bool sg_worst_is_over(__u32 at, __u64 ns)
{
	__u64 *over = bpf_map_lookup_elem(&sg_worst_over, &at);

	return over && *(volatile __u64 *)over && ns >= *(volatile __u64 *)over;
}

/* NULL: no stack any more in this tick; or it is there already, and *number is set. */
SG_FLATTEN struct sg_worst_cpu *sg_worst_admit(__u64 ns, __u32 tid, __u32 at, __u32 *number)
{
	__u32 tick = *(volatile __u32 *)&sg_state.tick + 1; /* 0: there was none yet */
	struct sg_worst_best *best;
	struct sg_worst_cpu *c = bpf_map_lookup_elem(&sg_worst_cpus, &(__u32){0});

	*number = 0;
	if (!c || c->busy)
		return NULL;
	if (c->last_ns == ns && c->last_tid == tid && c->tick == tick) {
		*number = c->last_number;
		return NULL;
	}
	at = (at + sg_cfg(domain) * 41) & (SG_WORST_BEST - 1);
	sg_opaque(at);
	best = &c->best[at & (SG_WORST_BEST - 1)];
	if (best->tick == tick && ns <= best->ns)
		return NULL;
	if (c->tick != tick) {
		c->tick = tick;
		c->left = sg_cfg(worst_stacks);
	}
	if (!c->left)
		return NULL;
	c->left--;
	best->tick = tick;
	best->ns = ns;
	c->number++;
	c->last_ns = ns;
	c->last_tid = tid;
	return c;
}

SG_FLATTEN void sg_worst_owner(struct sg_stack_head *h, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	const unsigned char *name;

	h->cgroup_id = 0;
	h->born_ns = BPF_CORE_READ(leader, start_time);
	h->tgid = BPF_CORE_READ(task, tgid);
	h->flags = 0;
	h->comm[0] = 0;
	h->exe[0] = 0;
	name = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
	if (name)
		bpf_probe_read_kernel_str(h->exe, sizeof(h->exe), name);
}

/* The number of what was sent; 0: there was no room. */
SG_FLATTEN __u32 sg_worst_send(struct sg_worst_cpu *c, __u64 ns, long kernel, long user)
{
	/* Numbers of CPUs that are alike above 12 bits differ in the event's time. */
	__u32 number = bpf_get_smp_processor_id() << 20 | (c->number & 0xfffff);

	c->head.value_ns = ns;
	c->head.kernel_bytes = kernel;
	c->head.user_bytes = user;
	c->head.number = number;
	if (bpf_ringbuf_output(&sg_worst_ring, &c->head, sizeof(c->head) + kernel + user,
			       BPF_RB_NO_WAKEUP))
		number = 0;
	c->last_number = number;
	c->busy = 0;
	return number;
}

SG_FLATTEN __u32 sg_worst_stack_current(void *ctx, __u64 ns, __u32 tid, __u32 at)
{
	__u32 number;
	struct sg_worst_cpu *c = sg_worst_admit(ns, tid, at, &number);
	long kernel, user;

	if (!c)
		return number;
	c->busy = 1;
	sg_worst_owner(&c->head, (struct task_struct *)bpf_get_current_task());
	kernel = bpf_get_stack(ctx, c->frames, SG_STACK_KERNEL_MAX * 8, 0);
	if (kernel < 0 || kernel > SG_STACK_KERNEL_MAX * 8)
		kernel = 0;
	user = bpf_get_stack(ctx, c->frames + kernel, SG_STACK_USER_MAX * 32,
			     BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	if (user < 0 || user > SG_STACK_USER_MAX * 32)
		user = 0;
	return sg_worst_send(c, ns, kernel, user);
}

SG_FLATTEN __u32 sg_worst_stack_task(struct task_struct *task, __u64 ns, __u32 tid, __u32 at)
{
	__u32 number;
	struct sg_worst_cpu *c = sg_worst_admit(ns, tid, at, &number);
	long kernel;

	if (!c)
		return number;
	c->busy = 1;
	sg_worst_owner(&c->head, task);
	kernel = bpf_get_task_stack(task, c->frames, SG_STACK_KERNEL_MAX * 8, 0);
	if (kernel < 0 || kernel > SG_STACK_KERNEL_MAX * 8)
		kernel = 0;
	return sg_worst_send(c, ns, kernel, 0);
}

/* ---- who ------------------------------------------------------------------------------ */

/* The check last: until then the row's is that of another. */
SG_FLATTEN void sg_worst_put(struct sg_row *row, struct sg_worst *w)
{
	struct sg_worst *to = &row->worst;

	w->at = bpf_ktime_get_ns();
	w->cpu = bpf_get_smp_processor_id();
	w->check = sg_worst_check(w);
	*(volatile __u64 *)&to->check = 0;
	*to = *w;
}

/* Not inlined, as the next ones: few events. where: slot | place in sg_worst_over << 32. */
static __noinline int sg_worst_current(struct sg_row *row, __u64 ns, __u64 where)
{
	__u64 ids = bpf_get_current_pid_tgid();
	struct sg_worst w = {.ns = ns, .tgid = ids >> 32, .tid = ids, .slot = where};

	if (!row)
		return 0;
	bpf_get_current_comm(w.comm, sizeof(w.comm));
	w.cgroup_id = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), cgroups, dfl_cgrp,
				    kn, id);
	sg_worst_put(row, &w);
	return 0;
}

static __noinline int sg_worst_current_stack(struct sg_row *row, __u64 ns, __u64 where, void *ctx)
{
	__u64 ids = bpf_get_current_pid_tgid();
	struct sg_worst w = {.ns = ns, .tgid = ids >> 32, .tid = ids, .slot = where};

	if (!row)
		return 0;
	bpf_get_current_comm(w.comm, sizeof(w.comm));
	w.cgroup_id = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), cgroups, dfl_cgrp,
				    kn, id);
	if (sg_worst_is_over(where >> 32, ns))
		w.stack = sg_worst_stack_current(ctx, ns, w.tid, where >> 32);
	sg_worst_put(row, &w);
	return 0;
}

SG_FLATTEN void sg_worst_names(struct sg_worst *w, struct task_struct *task)
{
	w->tgid = BPF_CORE_READ(task, tgid);
	w->tid = BPF_CORE_READ(task, pid);
	w->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	bpf_core_read(w->comm, sizeof(w->comm), &task->comm);
}

static __noinline int sg_worst_task(struct sg_row *row, __u64 ns, __u64 where,
				    struct task_struct *task)
{
	struct sg_worst w = {.ns = ns, .slot = where};

	if (!row)
		return 0;
	sg_worst_names(&w, task);
	if (sg_worst_is_over(where >> 32, ns))
		w.stack = sg_worst_stack_task(task, ns, w.tid, where >> 32);
	sg_worst_put(row, &w);
	return 0;
}

static __noinline int sg_worst_task_raw(struct sg_row *row, __u64 ns, __u64 where,
					struct task_struct *task)
{
	struct sg_worst w = {.ns = ns, .slot = where};

	if (!row)
		return 0;
	sg_worst_names(&w, task);
	sg_worst_put(row, &w);
	return 0;
}

static __noinline int sg_worst_ids(struct sg_row *row, __u64 ns, __u64 where, __u64 ids)
{
	struct sg_worst w = {.ns = ns, .tgid = ids >> 32, .tid = ids, .slot = where};

	if (!row)
		return 0;
	sg_worst_put(row, &w);
	return 0;
}

/*
 * An event that was counted in a row. The maximum before who it was: another that is higher
 * and comes meanwhile writes both after it.
 */
SG_FLATTEN void sg_worst(struct sg_row *row, struct sg_sum *sum, __u64 ns, __u32 over,
			 const struct sg_who *who)
{
	__u64 where;

	if (!who || !sg_cfg(worst) || sg_likely(ns <= *(volatile __u64 *)&sum->top))
		return;
	*(volatile __u64 *)&sum->top = ns;
	where = (who->slot & 0xffff) | (__u64)over << 32;
	if (who->kind == SG_WHO_CURRENT && who->ctx)
		sg_worst_current_stack(row, ns, where, who->ctx);
	else if (who->kind == SG_WHO_CURRENT)
		sg_worst_current(row, ns, where);
	else if (who->kind == SG_WHO_TASK)
		sg_worst_task(row, ns, where, who->task);
	else if (who->kind == SG_WHO_TASK_RAW)
		sg_worst_task_raw(row, ns, where, who->task);
	else
		sg_worst_ids(row, ns, where, who->ids);
}

#endif
