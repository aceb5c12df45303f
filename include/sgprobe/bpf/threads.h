/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the time of threads goes. Each thread is in one state at any moment, and time
 * spent in it belongs to its cgroup. Nothing is timed for that: a pair of cgroup and
 * state has a cell, to which a thread that enters the state at time t adds
 * SG_THREAD_ONE - t, and from which the same with its own time is taken when it
 * leaves. So at any time T
 *
 *	cell = n * (SG_THREAD_ONE - T) + all time spent in the state until T
 *
 * modulo 2^64, with n threads in it, and the states of a cgroup together have grown
 * by threads * time, whatever happened in between. What a reader sees of one thread
 * half moved is wrong by the time that this takes, once.
 *
 *   sg_threads   struct sg_thread_cells, element ((bank * shards) + shard) * cgroups + number;
 *                after those of both banks user space keeps what it told already,
 *                element (2 * shards + bank) * cgroups + number
 *
 * Of the first numbers, what happens on a CPU is kept in domain sched's element of map
 * sg_shards instead, which its programs have at hand (struct sg_threads_near); what a
 * cell is, is the sum.
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
};

struct sg_thread_cells { /* two cache lines, the first with what changes all the time */
	__u64 of[16];
};

#define SG_THREADS_NEAR 8 /* power of two */
struct sg_threads_near {
	struct sg_thread_cells of[2 * SG_THREADS_NEAR]; /* of bank 0, then of bank 1 */
};
#define SG_THREADS_NEAR_AT 2048 /* in the element, which is a page with it */

#endif
