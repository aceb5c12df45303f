// SPDX-License-Identifier: GPL-2.0
/*
 * Waits for the kernel's own locks, since 5.19. A wait of a task that sleeps is kept
 * with the task. One that spins is kept with the CPU, on a small stack, for an
 * interrupt may spin while the task that it interrupted does, or sleeps.
 *
 * The kernel gets here from everywhere, from inside the locks of memory allocation
 * and of BPF's own maps too. Where a lock is spun for, nothing is created and no
 * map is changed but by adding to what is there.
 */
#include <sgprobe/bpf/lock.h>

#define SG_SIGNALS LOCK_SIGNALS
#define SG_COUNTERS LOCK_COUNTERS
#define SG_FIXED_BLOCKS LOCK_TYPES

#include "slot.bpf.h"

/* include/trace/events/lock.h */
#define LCB_F_SPIN 0x01
#define LCB_F_READ 0x02
#define LCB_F_WRITE 0x04
#define LCB_F_RT 0x08
#define LCB_F_PERCPU 0x10
#define LCB_F_MUTEX 0x20

#define NESTED 4 /* a task, a softirq, an interrupt and an NMI may spin on one CPU */

struct wait {
	__u64 lock; /* its address */
	__u64 since; /* 0: none is open */
	__u32 type;
	__u32 unused;
};

struct cpu_waits {
	struct wait waits[NESTED];
	__u32 depth;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_waits);
} lock_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wait);
} lock_tasks_btf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct wait);
} lock_tids_raw SEC(".maps");

SG_FLATTEN struct task_struct *current_task(bool btf)
{
	return btf ? bpf_get_current_task_btf() : (struct task_struct *)bpf_get_current_task();
}

SG_FLATTEN struct cpu_waits *this_cpu(void)
{
	return bpf_map_lookup_elem(&lock_cpus, &(__u32){0});
}

static __noinline struct wait *new_wait_of_tid(__u32 tid)
{
	struct wait none = {};

	bpf_map_update_elem(&lock_tids_raw, &tid, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&lock_tids_raw, &tid);
}

SG_FLATTEN struct wait *wait_of(struct task_struct *task, __u32 part, bool create, bool btf)
{
	struct wait *w;

	if (btf) {
		w = bpf_task_storage_get(&lock_tasks_btf, task, 0, 0);
		if (!w && create)
			w = bpf_task_storage_get(&lock_tasks_btf, task, 0,
						 BPF_LOCAL_STORAGE_GET_F_CREATE);
	} else {
		__u32 tid = bpf_get_current_pid_tgid();

		w = bpf_map_lookup_elem(&lock_tids_raw, &tid);
		if (!w && create)
			w = new_wait_of_tid(tid);
	}
	if (!w && create)
		sg_count(part, SG_C_NO_STATE, 1, false);
	return w;
}

SG_FLATTEN __u32 read_or_write(__u32 flags, __u32 none, __u32 read)
{
	if (flags & LCB_F_READ)
		return read;
	return flags & LCB_F_WRITE ? read + 1 : none;
}

SG_FLATTEN __u32 type_of(__u32 flags)
{
	if (flags & LCB_F_MUTEX)
		return LOCK_MUTEX;
	if (flags & LCB_F_PERCPU)
		return read_or_write(flags, LOCK_PERCPU_WRITE, LOCK_PERCPU_READ);
	if (flags & LCB_F_RT)
		return read_or_write(flags, LOCK_RT_MUTEX, LOCK_RT_READ);
	if (flags & LCB_F_SPIN)
		return read_or_write(flags, LOCK_SPIN, LOCK_RWLOCK_READ);
	return read_or_write(flags, LOCK_MUTEX, LOCK_RWSEM_READ);
}

SG_FLATTEN void open_wait(struct wait *w, __u64 lock, __u32 type)
{
	w->lock = lock;
	w->type = type;
	w->since = bpf_ktime_get_ns();
}

SG_FLATTEN void begin_spin(__u64 lock, __u32 type)
{
	struct cpu_waits *c = this_cpu();
	__u32 i;

	if (!c)
		return;
	i = c->depth;
	sg_opaque(i);
	if (i >= NESTED) /* ends were not seen */
		i = 0;
	open_wait(&c->waits[i], lock, type);
	c->depth = i + 1;
}

/* A mutex says so again when it turns from spinning to sleeping and each time that it wakes up in vain. */
SG_FLATTEN void begin_sleep(__u64 lock, __u32 type, __u32 part, bool btf)
{
	struct wait *w = wait_of(current_task(btf), part, true, btf);

	if (w && !(w->since && w->lock == lock))
		open_wait(w, lock, type);
}

SG_FLATTEN int on_begin(__u64 lock, __u32 flags, bool btf)
{
	__u32 part = sg_part(), type = type_of(flags);

	sg_count(part, LOCK_BEGINS, 1, false);
	if ((flags & (LCB_F_SPIN | LCB_F_MUTEX)) == LCB_F_SPIN)
		begin_spin(lock, type);
	else
		begin_sleep(lock, type, part, btf);
	return 0;
}

/* The innermost wait for this lock; what was opened after it has lost its end. */
SG_FLATTEN struct wait *end_spin(__u64 lock)
{
	struct cpu_waits *c = this_cpu();

	if (!c || !c->depth)
		return NULL;
#pragma unroll
	for (__s32 i = NESTED - 1; i >= 0; i--)
		if ((__u32)i < c->depth && c->waits[i].lock == lock) {
			c->depth = i;
			return &c->waits[i];
		}
	return NULL;
}

SG_FLATTEN void record(void *ctx, const struct wait *w, int ret, __u32 slot, __u32 part)
{
	__u64 ns = bpf_ktime_get_ns() - w->since;
	__u32 type = w->type;
	const struct sg_who who = sg_who_current(ctx, slot);
	struct sg_where where;

	sg_opaque(type);
	if (type >= LOCK_TYPES || !sg_sane(part, ns))
		return;
	if (ret)
		sg_count(part, LOCK_FAILED + type, 1, false);
	if (sg_find_block(&where, part, type))
		sg_observe(&where, LOCK_WAIT, ns, false, &who);
	if (sg_find_slot(&where, part, slot))
		sg_observe(&where, LOCK_WAIT, ns, false, &who);
}

SG_FLATTEN int on_end(void *ctx, __u64 lock, int ret, bool btf)
{
	struct task_struct *task = current_task(btf);
	__u32 part = sg_part();
	struct wait *w = end_spin(lock);
	struct sg_task *t;

	sg_count(part, LOCK_ENDS, 1, false);
	if (w) {
		t = sg_task_of(task, part, false, btf);
		record(ctx, w, ret, sg_slot_peek(t, task, btf), part);
		return 0;
	}
	w = wait_of(task, part, false, btf);
	if (!w || !w->since || w->lock != lock) {
		sg_count(part, LOCK_UNMATCHED, 1, false);
		return 0;
	}
	t = sg_task_of(task, part, true, btf);
	record(ctx, w, ret, t ? sg_slot(t, task, part, btf) : SG_SLOT_OTHER, part);
	w->since = 0;
	return 0;
}

SEC("tp_btf/contention_begin")
int BPF_PROG(contention_begin_btf, void *lock, unsigned int flags)
{
	return on_begin((__u64)lock, flags, true);
}

SEC("raw_tp/contention_begin")
int BPF_PROG(contention_begin_raw, void *lock, unsigned int flags)
{
	return on_begin((__u64)lock, flags, false);
}

SEC("tp_btf/contention_end")
int BPF_PROG(contention_end_btf, void *lock, int ret)
{
	return on_end(ctx, (__u64)lock, ret, true);
}

SEC("raw_tp/contention_end")
int BPF_PROG(contention_end_raw, void *lock, int ret)
{
	return on_end(ctx, (__u64)lock, ret, false);
}
