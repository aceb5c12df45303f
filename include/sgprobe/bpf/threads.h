/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the time of threads goes. Each thread is in one cell of its cgroup at any moment,
 * and time belongs to the cell. Nothing is timed for that: a thread that enters a cell at
 * time t adds SG_THREAD_ONE - t to it, and takes the same with its own time from it when it
 * leaves. So at any time T
 *
 *	cell = n * (SG_THREAD_ONE - T) + all time spent in the cell until T
 *
 * modulo 2^64, with n threads in it, and the cells of a cgroup together have grown by
 * threads * time, whatever happened in between.
 *
 * A thread that waits at the end of a tick is in the cell of what it waits for. All others
 * are in one, SG_THREAD_AWAKE, and what they did is taken from there when it is known,
 * which costs a switch next to nothing:
 *
 *   ran          each thread adds up its own, and a walk over all threads once a tick (and
 *                the thread's end, and every SG_THREAD_LUMP) moves what is new
 *   waited       for a CPU, likewise, by the sums that the kernel keeps
 *   was blocked  for 2 ms or more: moved when that ends
 *
 * What is left in SG_THREAD_AWAKE is short waits. Those of them that are timed, which is a
 * sample past the domain's limit, add their ns to the weight of what they waited for, and
 * the rest is told in that ratio.
 *
 *   sg_threads   struct sg_thread_cells, element ((bank * shards) + shard) * cgroups + number;
 *                after those of both banks user space keeps what it told already,
 *                element (2 * shards + bank) * cgroups + number
 *
 * A number stands for a cgroup: hash sg_cgroups, free ones in queue sg_free_cgroups;
 * 0 is "other". There are as many as slots. The bank changes when all begins anew:
 * what threads left behind in the other one is no more.
 */
#ifndef SGPROBE_BPF_THREADS_H
#define SGPROBE_BPF_THREADS_H

#include <linux/types.h>

#define SG_THREAD_ONE (1ULL << 45)
#define SG_THREAD_SHIFT                                                                            \
	12 /* the unit of time is 2^12 ns, so t < SG_THREAD_ONE for 4.5 years; n < 2^18 */
#define SG_THREAD_LUMP_SHIFT 12 /* 2^12 units, 17 ms */
#define SG_CGROUP_OTHER 0

enum sg_thread_state {
	SG_THREAD_NONE, /* not seen yet, or ended */
	SG_THREAD_RUNNING,
	SG_THREAD_RUNNABLE, /* waits for a CPU */
	SG_THREAD_SLEEPING, /* for something that is none of the rest */
	SG_THREAD_STOLEN, /* was running, and an interrupt ran in its place */
	SG_THREAD_THROTTLED, /* its cgroup has used up its quota */
	SG_THREAD_DISK,
	SG_THREAD_NETWORK,
	SG_THREAD_LOCK, /* futex, file lock, semaphore, a lock inside the kernel */
	SG_THREAD_MEMORY, /* page fault, reclaim */
	SG_THREAD_STATES,
	SG_THREAD_AWAKE = SG_THREAD_STATES,
	/* Cells of ns: weights of short waits for SLEEPING, and for DISK to MEMORY. */
	SG_THREAD_SHORT_SLEEPING,
	SG_THREAD_SHORT_DISK,
};
#define SG_THREAD_SHORT(state)                                                                     \
	((state) == SG_THREAD_SLEEPING ? SG_THREAD_SHORT_SLEEPING                                  \
				       : (state)-SG_THREAD_DISK + SG_THREAD_SHORT_DISK)

struct sg_thread_cells { /* two cache lines */
	__u64 of[16];
};

/* The walk writes a word of eight bytes for as many threads, so that a reader can bound it. */
#define SG_THREAD_WALK_STEP 64

#endif
