/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slowest event of a row, and whose it was. A program that counts an event compares
 * it with the highest of the tick, which lies beside the sum that it adds to anyway
 * (struct sg_sum); only a new maximum writes, and there are few: of n events in random
 * order some ln n. User space takes the maximum back to 0 before it reads who it was,
 * so an event of a program in flight is either read now or stands in its bank until
 * that is read again, as its count does.
 *
 *   sg_worst_over   __u64 of each domain: nanoseconds from which on the stack is wanted, for
 *                   signals 0 .. SG_WORST_SIGNALS - 1, then for the fixed blocks
 *   sg_worst_ring   the stacks, as in <sgprobe/bpf/stack.h>, of all domains
 */
#ifndef SGPROBE_BPF_WORST_H
#define SGPROBE_BPF_WORST_H

#include <linux/types.h>

#define SG_WORST_SIGNALS 64
#define SG_WORST_COMM 16

/* A cache line. */
struct sg_worst {
	__u64 ns;
	__u64 at; /* monotonic time when it was over */
	__u32 tgid, tid; /* 0: nobody's, or the idle task's */
	char comm[SG_WORST_COMM]; /* of the thread; untrusted; "": that of the slot */
	__u16 slot, cpu;
	__u32 stack; /* number of its stack in the ring; 0: none was taken */
	__u64 cgroup_id; /* 0: that of the slot */
	__u64 check; /* sg_worst_check() of the rest: who reads while it is written sees that */
};

static inline __attribute__((always_inline)) __u64 sg_worst_check(const struct sg_worst *w)
{
	const __u64 *v = (const __u64 *)w;
	__u64 h = 0x9e3779b97f4a7c15ULL;

	for (int i = 0; i < 7; i++)
		h = (h ^ v[i]) * 0xbf58476d1ce4e5b9ULL;
	return h ^ h >> 32;
}

#endif
