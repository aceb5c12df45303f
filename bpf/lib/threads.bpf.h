/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moving threads between cells; see <sgprobe/bpf/threads.h>.
 *
 * A thread's word says in which it is. Hooks change that under the lock of the thread's run
 * queue, the walk at any time: so both swap the word, and who finds it changed leaves it. A
 * hook looks at the word only where the thread's "awake" is not what the shard has: that is
 * how nearly all switches are done with one comparison. A walk that puts a thread to sleep
 * at the very moment when it is switched in may leave it there for one turn on the CPU.
 */
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

/* A thread's word. */
#define SG_WORD(state, bank, cgroup) ((state) | (bank) << 4 | (__u32)(cgroup) << 16)
#define SG_WORD_CGROUP(word) ((word) >> 16)

/* The state that it is in; SG_THREAD_NONE where that was in the time of the other bank. */
SG_FLATTEN __u32 sg_word_state(__u32 word, __u32 bank)
{
	return (word >> 4 & 1) == bank ? word & 15 : SG_THREAD_NONE;
}

/* What sg_task.awake is for a thread of which a hook need not ask more. */
SG_FLATTEN __u8 sg_awake(__u32 bank)
{
	return 1 + bank;
}

SG_FLATTEN __u64 sg_thread_units(__u64 from, __u64 to)
{
	return (to >> SG_THREAD_SHIFT) - (from >> SG_THREAD_SHIFT);
}

/* A moment in which threads move. */
struct sg_thread_moment {
	__s64 time; /* since all began, ns */
	__u32 part, bank;
};

/* What a thread that comes at that time adds. */
SG_FLATTEN __u64 sg_thread_stamp(__s64 time)
{
	return SG_THREAD_ONE - (time >> SG_THREAD_SHIFT);
}

SG_FLATTEN __u32 sg_thread_bank(__u32 part)
{
	struct sg_shard *s = sg_shard_of(part);

	return s ? *(volatile __u32 *)&s->head.threads_bank & 1 : 0;
}

SG_FLATTEN void sg_thread_moment(struct sg_thread_moment *m, __u32 part, __u64 clock)
{
	struct sg_shard *s = sg_shard_of(part);

	m->part = part;
	m->time = s ? clock - *(volatile __u64 *)&s->head.threads_base : 0;
	m->bank = sg_thread_bank(part);
}

/* Not static: the verifier looks at it once, and not once for each way that leads here. */
__noinline int sg_thread_add(__u32 part, __u32 word, __u32 cell, __u64 n, bool exclusive)
{
	__u32 shard = part & (sg_cfg(shards) - 1), bank = word >> 4 & 1;
	__u32 at = (bank * sg_cfg(shards) + shard) * sg_cfg(slots) +
		   (SG_WORD_CGROUP(word) & (sg_cfg(slots) - 1));
	struct sg_thread_cells *c = bpf_map_lookup_elem(&sg_threads, &at);

	sg_opaque(cell);
	if (!c || cell >= SG_THREAD_CELLS)
		return 0;
	if (exclusive)
		sg_add(&c->of[cell], n, true);
	else
		sg_add(&c->of[cell], n, false);
	return 0;
}

/* Of what it did, so many units were not this but that. */
SG_FLATTEN void sg_thread_moves(__u32 part, __u32 word, __u32 from, __u32 to, __u64 units,
				bool exclusive)
{
	sg_thread_add(part, word, from, -units, exclusive);
	sg_thread_add(part, word, to, units, exclusive);
}

/* Whether the word was "from" and is "to" now. swaps: a constant, 5.10 cannot. */
SG_FLATTEN bool sg_swap(__u32 *word, __u32 from, __u32 to, bool swaps)
{
	if (swaps)
		return __sync_val_compare_and_swap(word, from, to) == from;
	if (*(volatile __u32 *)word != from)
		return false;
	*(volatile __u32 *)word = to;
	return true;
}

/*
 * It changes to another state at that time, perhaps to that of its other cgroup or bank.
 * exclusive (a constant): interrupts are off.
 */
SG_FLATTEN bool sg_thread_becomes(struct sg_task *t, __u32 from, __u32 to, __u64 stamp, __u32 bank,
				  __u32 part, bool exclusive, bool swaps)
{
	__u32 was = sg_word_state(from, bank), is = to & 15;

	if (!sg_swap(&t->thread, from, to, swaps))
		return false;
	if (was)
		sg_thread_add(part, from, was, -stamp, exclusive);
	if (is)
		sg_thread_add(part, to, is, stamp, exclusive);
	return true;
}

/* Moves what is new of a sum: its low half as it is now, and as it was told of. */
SG_FLATTEN void sg_thread_settle(__u32 *told, __u32 now, __u32 word, __u32 cell, __u32 part,
				 bool exclusive, bool swaps)
{
	__u32 was = *(volatile __u32 *)told;
	__s32 n = now - was;

	if (n > 0 && sg_swap(told, was, now, swaps))
		sg_thread_moves(part, word, SG_THREAD_AWAKE, cell, n, exclusive);
}

/*
 * Of the time that it has been running, ns until "end" were not its own; those of a timed interrupt that
 * stands for others, too, so it may be more than it ran: the reader tells no negative time.
 */
SG_FLATTEN void sg_thread_stolen(const struct sg_task *t, __u32 part, __u64 end, __u64 ns)
{
	/* Not ns in units: most are shorter than one. */
	__u64 units = sg_thread_units(end - ns, end);
	__u32 word;

	if (!sg_cfg(threads) || !units)
		return;
	word = t->thread;
	if (sg_word_state(word, sg_thread_bank(part)) == SG_THREAD_AWAKE)
		sg_thread_moves(part, word, SG_THREAD_RUNNING, SG_THREAD_STOLEN, units, false);
}

#endif
