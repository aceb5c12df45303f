/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slots: which (cgroup, comm) pair an event belongs to, and the state that is
 * kept per task. The maps are shared by all domains.
 */
#ifndef SG_SLOT_BPF_H
#define SG_SLOT_BPF_H

#include <sgprobe/bpf/threads.h>

#include "sg.bpf.h"

#define SG_EPOCH_NONE 0
#define SG_FROM_THREAD (1U << 31)
#define SG_FROM_MASK 0x7fffffff

/*
 * Two cache lines, of which most events need the first. Belongs to the task: written by
 * whoever runs it, reads or wakes it under the run queue's lock; what else writes is said.
 */
struct sg_task {
	__u64 owner; /* address of the task; in the table 0: nobody's */
	/*
	 * The cached slot, and what it was computed from: it holds while these are the same. A hash
	 * of the leader's comm and, where that is not tracked, of the css_set; with SG_FROM_THREAD
	 * when another task, the leader, has the comm.
	 */
	__u32 from;
	__u32 epoch; /* SG_EPOCH_NONE: look it up again */
	__u16 slot;
	__u16 cgroup; /* its number, looked up with the slot */
	/* sched */
	__u16 since_tick; /* rq->clock at since, coarse */
	__u8 since_shift : 4, queued_shift : 4; /* what they stand for, 2^this many; SG_UNTIMED */
	__u8 awake; /* threads.bpf.h; the walk writes it too */
	__u64 since; /* when the task was switched in or out; 0: not seen yet; by rq->clock when that is not timed */
	__u64 queued; /* when it became runnable; 0: it is not waiting for a CPU, or the wait is not timed */
	__u32 delay; /* of all its waits before this one, by the kernel, in its units; see sched.bpf.c */
	__u32 ran; /* all that it ran, in units of threads.h, modulo 2^32 */
	/* syscall */
	__u64 call_at; /* 0: not in a call that was seen to begin; jiffies when it is not timed */
	__u32 call : 10; /* row of the call */
	__u32 restart : 10; /* row of the call that restart_syscall() would continue */
	/* sched: what a file descriptor that it waited for was, by its low bits; waits.bpf.h */
	__u32 fd : 10, fd_known : 1, fd_socket : 1;
	__u16 call_jiffy; /* low half of jiffies then */
	__u8 call_shift; /* it stands for 2^this many; SG_UNTIMED */
	__u8 off : 2; /* how it left the CPU: enum sg_off */
	__u8 how : 2; /* enum sg_how */
	/* threads.bpf.h: the second line; the walk writes it too */
	__u32 thread; /* in which cell it is */
	__u32 ran_told, delay_told; /* what of its sums is told */
	__u32 unused;
	__u64 seen, seen_clock; /* since when it is in AWAKE: monotonic, and by the run queue */
	__u64 spare[4];
};

/*
 * State is here, by thread id, where no other task has the place; then it costs no
 * call. A place is had until its task is freed (domain task).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_task);
} sg_task_table SEC(".maps");

/* Else it is here. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct sg_task);
} sg_tasks SEC(".maps");

/* The same by thread id, for kernels without task storage in tracing programs. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_task);
} sg_tids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct sg_slot_key);
	__type(value, __u32);
} sg_slots SEC(".maps");

/* Free slot numbers. User space pushes, programs pop; a queue because it does both atomically on 5.10 too. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} sg_free_slots SEC(".maps");

/* Numbers of cgroups, and free ones: as with slots. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} sg_cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} sg_free_cgroups SEC(".maps");

#define SG_PF_KTHREAD 0x00200000 /* include/linux/sched.h */

/*
 * The slot of a key; a new key gets a number of its own while there are any.
 * For events that are not a task's: keep the result as long as sg_state.epoch
 * stays the same.
 */
static __noinline __u32 sg_slot_of_key(struct sg_slot_key *key, __u32 part)
{
	__u32 *found = bpf_map_lookup_elem(&sg_slots, key), slot = SG_SLOT_OTHER;

	if (found)
		return *found;
	if (bpf_map_pop_elem(&sg_free_slots, &slot)) {
		sg_count(part, SG_C_SLOTS_FULL, 1, false);
		return SG_SLOT_OTHER;
	}
	if (!bpf_map_update_elem(&sg_slots, key, &slot, BPF_NOEXIST))
		return slot;
	/* Another CPU was quicker, or the table is full: the number goes back. */
	bpf_map_push_elem(&sg_free_slots, &slot, BPF_ANY);
	found = bpf_map_lookup_elem(&sg_slots, key);
	return found ? *found : SG_SLOT_OTHER;
}

static __noinline __u32 sg_cgroup_number(__u64 id, __u32 part)
{
	__u32 *found = bpf_map_lookup_elem(&sg_cgroups, &id), number = SG_CGROUP_OTHER;

	if (found)
		return *found;
	if (bpf_map_pop_elem(&sg_free_cgroups, &number)) {
		sg_count(part, SG_C_CGROUPS_FULL, 1, false);
		return SG_CGROUP_OTHER;
	}
	if (!bpf_map_update_elem(&sg_cgroups, &id, &number, BPF_NOEXIST))
		return number;
	bpf_map_push_elem(&sg_free_cgroups, &number, BPF_ANY);
	found = bpf_map_lookup_elem(&sg_cgroups, &id);
	return found ? *found : SG_CGROUP_OTHER;
}

#define SG_SLASHES 0x2f2f2f2f2f2f2f2fULL

/*
 * A comm so that equal names are equal bytes: nothing behind its end, which for
 * kernel threads is the first '/'. Eight bytes at a time: the verifier looks at
 * each way through a loop over sixteen, which took it half a second.
 */
SG_FLATTEN void sg_slot_comm(struct sg_slot_key *key, const __u64 comm[2], bool kthread)
{
	__u64 m0 = sg_below_zero_byte(comm[0]), m1 = sg_below_zero_byte(comm[1]);
	__u64 *to = (__u64 *)key->comm;

	if (kthread) {
		m0 &= sg_below_zero_byte(comm[0] ^ SG_SLASHES);
		m1 &= sg_below_zero_byte(comm[1] ^ SG_SLASHES);
	}
	to[0] = comm[0] & m0;
	to[1] = m0 == ~0ULL ? comm[1] & m1 : 0;
}

/* Not a direct load: the verifier lets nobody reckon with the address of a css_set. */
SG_FLATTEN __u32 sg_slot_from(const __u64 comm[2], struct task_struct *task)
{
	__u64 from = sg_hash64(comm[0], comm[1]);

	if (!sg_cfg(tracked))
		from ^= (__u64)BPF_CORE_READ(task, cgroups);
	return from & SG_FROM_MASK;
}

/*
 * By the task's address: its slot, the number of its cgroup and what they were found by, as
 * sg_slot_refresh() takes them apart. Not static, and so without a pointer: the verifier looks at
 * its ways once, and not once for each way to it.
 */
__noinline __u64 sg_slot_find(__u64 address, __u32 part)
{
	struct task_struct *task = (void *)address, *leader = BPF_CORE_READ(task, group_leader);
	struct sg_slot_key key = {};
	__u64 comm[2] = {}, slot, cgroup;

	bpf_core_read(comm, sizeof(comm), &leader->comm);
	key.cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	sg_slot_comm(&key, comm, BPF_CORE_READ(task, flags) & SG_PF_KTHREAD);
	slot = sg_slot_of_key(&key, part);
	cgroup = sg_cgroup_number(key.cgroup_id, part);
	return (slot & 0xffff) | (cgroup & 0xffff) << 16 | (__u64)(leader != task) << 32 |
	       (__u64)sg_slot_from(comm, task) << 33;
}

SG_FLATTEN __u32 sg_slot_refresh(struct sg_task *t, struct task_struct *task, __u32 part)
{
	__u64 found;

	/* The epoch before the lookup: a slot that is retired meanwhile is looked up again. */
	t->epoch = *(volatile __u32 *)&sg_state.epoch;
	t->owner = (__u64)task; /* read back, it is a number and no pointer */
	found = sg_slot_find(*(volatile __u64 *)&t->owner, part);
	t->slot = found;
	t->cgroup = found >> 16;
	t->from = found >> 33 | (found >> 32 & 1 ? SG_FROM_THREAD : 0);
	t->awake = 0; /* it may have another cgroup */
	return found & 0xffff;
}

/* The comm of a task's leader; btf: a constant, whether the program may follow the task's pointers directly. */
SG_FLATTEN void sg_leader_comm(struct task_struct *task, __u64 comm[2], bool btf)
{
	if (btf) {
		const __u64 *name = (const __u64 *)task->group_leader->comm;

		comm[0] = name[0];
		comm[1] = name[1];
	} else {
		struct task_struct *leader = BPF_CORE_READ(task, group_leader);

		bpf_core_read(comm, 16, &leader->comm);
	}
}

/*
 * Whether the cached slot of a task still holds. The comm changes with exec and
 * prctl, the css_set when the task moves to another cgroup. Domain task marks the
 * state of a task to which either happens (tracked), so there is nothing to compare
 * but for a thread whose leader was renamed.
 */
SG_FLATTEN bool sg_slot_holds(const struct sg_task *t, struct task_struct *task, bool btf)
{
	__u64 comm[2];

	if (sg_unlikely(t->epoch != *(volatile __u32 *)&sg_state.epoch))
		return false;
	if (sg_cfg(tracked) && sg_likely(!(t->from & SG_FROM_THREAD)))
		return true;
	sg_leader_comm(task, comm, btf);
	return (t->from & SG_FROM_MASK) == sg_slot_from(comm, task);
}

/* The slot of a task, which is looked up again when the cached one does not hold. */
SG_FLATTEN __u32 sg_slot(struct sg_task *t, struct task_struct *task, __u32 part, bool btf)
{
	return sg_likely(sg_slot_holds(t, task, btf)) ? t->slot : sg_slot_refresh(t, task, part);
}

/*
 * The same where any lock of the kernel may be held: nothing is handed out, for
 * that takes the lock of a map, and "other" is what no hook has looked up before.
 */
SG_FLATTEN __u32 sg_slot_peek(const struct sg_task *t, struct task_struct *task, bool btf)
{
	return t && sg_slot_holds(t, task, btf) ? t->slot : SG_SLOT_OTHER;
}

/*
 * Whether a hook that runs under a scheduler lock may create a task's state. Task
 * storage must not come from kmalloc(GFP_ATOMIC) there, which may wake kswapd and
 * so take that lock again; the hash has all its memory from the beginning.
 */
SG_FLATTEN bool sg_may_create_locked(bool btf)
{
	return !btf || bpf_core_field_exists(struct bpf_local_storage_map, bpf_ma) ||
	       bpf_core_field_exists(struct bpf_local_storage_map, use_kmalloc_nolock) ||
	       bpf_core_field_exists(struct bpf_local_storage, mem_charge);
}

SG_FLATTEN struct sg_task *sg_task_stored(struct task_struct *task, __u32 tid, bool create,
					  bool btf)
{
	struct sg_task fresh = {};

	if (btf)
		return bpf_task_storage_get(&sg_tasks, task, 0,
					    create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	if (create)
		bpf_map_update_elem(&sg_tids, &tid, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&sg_tids, &tid);
}

/*
 * Of a task that has no place in the table: it gets one if that is free, unless it has
 * its state elsewhere already. Two tasks that want a place at once may both believe
 * for one event that they have it.
 */
SG_FLATTEN struct sg_task *sg_task_elsewhere(struct task_struct *task, struct sg_task *place,
					     __u32 tid, __u32 part, bool create, bool btf)
{
	struct sg_task *t = sg_task_stored(task, tid, false, btf);

	if (t || !create)
		return t;
	if (place && !place->owner) {
		__builtin_memset(place, 0, sizeof(*place));
		place->owner = (__u64)task;
		return place;
	}
	t = sg_task_stored(task, tid, true, btf);
	if (sg_unlikely(!t))
		sg_count(part, SG_C_NO_STATE, 1, false);
	return t;
}

SG_FLATTEN __u32 sg_tid_of(struct task_struct *task, bool btf)
{
	return btf ? task->pid : BPF_CORE_READ(task, pid);
}

/* The task's state, created when create (a constant) is set; NULL is counted. */
SG_FLATTEN struct sg_task *sg_task_of(struct task_struct *task, __u32 part, bool create, bool btf)
{
	__u32 tid = sg_tid_of(task, btf), at = tid & (sg_cfg(tasks) - 1);
	struct sg_task *t = bpf_map_lookup_elem(&sg_task_table, &at);

	if (sg_likely(t && t->owner == (__u64)task))
		return t;
	return sg_task_elsewhere(task, t, tid, part, create, btf);
}

/* A task is freed: its place is. */
SG_FLATTEN void sg_task_gone(struct task_struct *task, bool btf)
{
	__u32 at = sg_tid_of(task, btf) & (sg_cfg(tasks) - 1);
	struct sg_task *t = bpf_map_lookup_elem(&sg_task_table, &at);

	if (t && t->owner == (__u64)task)
		t->owner = 0;
}

/*
 * For a program that serves both variants, as those at functions of the kernel do: calls
 * f(..., btf) as the domain's variant is.
 */
#define sg_by_storage(f, ...) (sg_cfg(storage) ? f(__VA_ARGS__, true) : f(__VA_ARGS__, false))

SG_FLATTEN struct task_struct *sg_current(bool btf)
{
	return btf ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
}

/* The slot of a task that may not have been seen before. Not under a lock of the scheduler. */
SG_FLATTEN __u32 sg_slot_of(struct task_struct *task, __u32 part, bool btf)
{
	struct sg_task *t = sg_task_of(task, part, true, btf);

	return sg_likely(t) ? sg_slot(t, task, part, btf) : SG_SLOT_OTHER;
}

#endif
