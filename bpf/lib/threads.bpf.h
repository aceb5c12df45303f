/* SPDX-License-Identifier: GPL-2.0 */
/* Moving threads between states; see <sgprobe/bpf/threads.h>. */
#ifndef SG_THREADS_BPF_H
#define SG_THREADS_BPF_H

#include "slot.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_thread_cells);
} sg_threads SEC(".maps");

#define SG_THREAD_CELLS (sizeof(struct sg_thread_cells) / sizeof(__u64))

/* A moment in which threads move: all of it from what the CPU has at hand. */
struct sg_thread_moment {
	__s64 time; /* since all began, ns */
	__u64 stamp; /* what a thread that comes now adds */
	__u32 part, bank, epoch;
};

SG_FLATTEN __u64 sg_thread_stamp(__s64 time)
{
	return SG_THREAD_ONE - (time >> SG_THREAD_SHIFT);
}

SG_FLATTEN void sg_thread_moment(struct sg_thread_moment *m, __u32 part, __u64 clock)
{
	struct sg_shard *s = sg_shard_of(part);

	m->part = part;
	m->stamp = m->time = 0;
	m->bank = m->epoch = 0;
	if (!s)
		return;
	*(volatile __u64 *)&s->head.clock = clock;
	m->time = clock - *(volatile __u64 *)&s->head.threads_base;
	m->stamp = sg_thread_stamp(m->time);
	m->bank = *(volatile __u32 *)&s->head.threads_bank & 1;
	m->epoch = *(volatile __u32 *)&s->head.epoch;
}

/* A cell as a number: of its state in the high half, 0 being none; and where it is. */
#define SG_THREAD_IS_NEAR (1ULL << 63)
SG_FLATTEN __u64 sg_thread_cell(__u32 part, __u32 bank, __u32 cgroup, __u32 state)
{
	__u32 shard = part & (sg_cfg(shards) - 1);
	__u64 of = (__u64)state << 32;

#ifdef SG_WITH_NEAR_THREADS
	if (cgroup < SG_THREADS_NEAR)
		return SG_THREAD_IS_NEAR | of | shard << 8 | (bank * SG_THREADS_NEAR + cgroup);
#endif
	return of |
	       ((bank * sg_cfg(shards) + shard) * sg_cfg(slots) + (cgroup & (sg_cfg(slots) - 1)));
}

SG_FLATTEN struct sg_thread_cells *sg_thread_cells_of(__u64 cell)
{
	__u32 at = cell;

#ifdef SG_WITH_NEAR_THREADS
	if (cell & SG_THREAD_IS_NEAR) {
		struct sg_shard *s = sg_shard_of(at >> 8);

		if (!s)
			return NULL;
		sg_opaque(s); /* or the compiler adds to it before it is known not to be NULL */
		return &s->near.of[cell & (2 * SG_THREADS_NEAR - 1)];
	}
#endif
	return bpf_map_lookup_elem(&sg_threads, &at);
}

SG_FLATTEN void sg_thread_add(__u64 cell, __u64 n, bool exclusive)
{
	__u64 state = cell << 1 >> 33;
	struct sg_thread_cells *c;

	if (!state)
		return;
	c = sg_thread_cells_of(cell);
	sg_opaque(state);
	if (!c || state >= SG_THREAD_CELLS)
		return;
	if (exclusive)
		sg_add(&c->of[state], n, true);
	else
		sg_add(&c->of[state], n, false);
}

/* Not static: the verifier looks at it once, and not once for each way that leads here. */
__noinline int sg_thread_move(__u64 from, __u64 less, __u64 to, __u64 more, bool exclusive)
{
	sg_thread_add(from, -less, exclusive);
	sg_thread_add(to, more, exclusive);
	return 0;
}

/* The state that it is in; SG_THREAD_NONE where that was in the time of the other bank. */
SG_FLATTEN __u32 sg_thread_state(const struct sg_task *t, __u32 bank)
{
	return t->thread_bank == bank ? t->thread : SG_THREAD_NONE;
}

SG_FLATTEN __u32 sg_thread_bank(__u32 part)
{
	struct sg_shard *s = sg_shard_of(part);

	return s ? *(volatile __u32 *)&s->head.threads_bank & 1 : 0;
}

/*
 * From now on it is in this state, and in its cgroup, which is looked up with its slot.
 * exclusive (a constant): interrupts are off.
 */
SG_FLATTEN void sg_thread_becomes(struct sg_task *t, struct task_struct *task, __u32 state,
				  const struct sg_thread_moment *m, bool exclusive, bool btf)
{
	__u64 from = sg_thread_cell(m->part, m->bank, t->cgroup_in, sg_thread_state(t, m->bank));

	/* It may be newer than what the shard was told. */
	if (sg_unlikely((__s32)(t->epoch - m->epoch) < 0))
		sg_slot(t, task, m->part, btf);
	t->cgroup_in = t->cgroup;
	t->thread = state;
	t->thread_bank = m->bank;
	sg_thread_move(from, m->stamp, sg_thread_cell(m->part, m->bank, t->cgroup, state), m->stamp,
		       exclusive);
}

/*
 * It runs. Where its wake-up was passed over, it has been waiting for a CPU for the last
 * "waited" ns of the time that it seemed to be blocked.
 */
SG_FLATTEN void sg_thread_runs(struct sg_task *t, struct task_struct *task, __u64 waited,
			       const struct sg_thread_moment *m, bool btf)
{
	__u32 from = sg_thread_state(t, m->bank);

	if (waited && from && from != SG_THREAD_RUNNABLE && from != SG_THREAD_THROTTLED) {
		__u64 then = sg_thread_stamp(m->time - waited);

		sg_thread_move(sg_thread_cell(m->part, m->bank, t->cgroup_in, from), then,
			       sg_thread_cell(m->part, m->bank, t->cgroup_in, SG_THREAD_RUNNABLE),
			       then, true);
		t->thread = SG_THREAD_RUNNABLE;
	}
	sg_thread_becomes(t, task, SG_THREAD_RUNNING, m, true, btf);
}

/* Of the time that it has been running, ns until "end" were not its own. */
SG_FLATTEN void sg_thread_stolen(const struct sg_task *t, __u32 part, __u64 end, __u64 ns)
{
	/* Not ns in units: most are shorter than one. */
	__u64 units = (end >> SG_THREAD_SHIFT) - ((end - ns) >> SG_THREAD_SHIFT);
	__u32 bank = sg_thread_bank(part);

	if (!sg_cfg(threads) || !units || sg_thread_state(t, bank) != SG_THREAD_RUNNING)
		return;
	sg_thread_move(sg_thread_cell(part, bank, t->cgroup_in, SG_THREAD_RUNNING), units,
		       sg_thread_cell(part, bank, t->cgroup_in, SG_THREAD_STOLEN), units, false);
}

#endif
