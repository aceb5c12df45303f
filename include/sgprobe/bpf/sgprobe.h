/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel programs and the loader share: plain structs and constants.
 *
 * Where a latency is counted. Every task belongs to a SLOT, a number for its
 * (cgroup, comm) pair, which is looked up once and cached in the task's storage.
 * A signal (say, run-queue latency) has one row of buckets per slot, and an event
 * adds to exactly one row. User space reads the rows once per tick and adds them
 * up: over all slots (the host), by cgroup, by comm. All three come from the same
 * reading, so a sum over a dimension equals the total to the unit. What finds no
 * free slot is counted in slot 0, "other".
 *
 * Every domain object has the same maps, all BPF_F_MMAPABLE arrays, read through
 * mmap without a system call. A BLOCK is what one lookup finds: the rows of all
 * signals of one slot.
 *
 *   sg_rows      an element per block: struct sg_row[signals]
 *   sg_sums      an element per block: struct sg_sum[signals], nanoseconds; a sum changes
 *                whenever its row does, so a reader looks only at rows that changed
 *   sg_shards    an element per shard: struct sg_bpf_head, __u64[SG_BANKS][counters]; whole
 *                cache lines. What every event needs lies together here, in one page of
 *                most domains: after a system call each page costs a walk of its own.
 *
 * Blocks of a domain: first its fixed ones (for example one per system call
 * number), then one per slot. The element of block b is
 * ((bank * shards) + shard) * blocks + b.
 * shard = CPU number & (shards - 1). A bank is half of the memory: programs write
 * to the bank that their shard's head names, and a tick flips it before it reads the
 * other, so that everything read in a tick was written in the same interval.
 * Nothing but maxima (worst.h) is ever reset: readers subtract what they saw before, modulo 2^32 for
 * buckets and 2^64 for the rest; what a program in flight adds to a closed bank is
 * found there when the bank is read the next time.
 */
#ifndef SGPROBE_BPF_SGPROBE_H
#define SGPROBE_BPF_SGPROBE_H

#include <linux/types.h>

#include <sgprobe/bpf/worst.h>

#define SG_COMM_LEN 16
#define SG_SLOT_OTHER 0
#define SG_BANKS 2
#define SG_MAX_SHARDS 16
#define SG_MAX_LATENCY_NS 3600000000000ULL /* sg_bpf_limit.longest_ns at most */

/*
 * A histogram; or a tally, where each bucket is a count of its own: what counts many
 * things by slot (signals by number, say) without a map for each.
 */
struct sg_row {
	__u32 buckets[320]; /* SG_BUCKETS of bucket.h */
	struct sg_worst worst; /* whose the highest of its sum's was */
};

struct sg_sum {
	__u64 n; /* of all events */
	__u64 top; /* the highest of the tick, in nanoseconds; 0: none, or it is not asked for */
};

/* Known at load: constants in the programs, sg_cfg(field). */
#define SG_CONFIG_PLACEHOLDER 0x53470000 /* of the first field; of the next one more */
struct sg_bpf_config {
	__u32 slots; /* power of two */
	__u32 shards; /* power of two, at most SG_MAX_SHARDS */
	__u32 blocks; /* of this domain, per bank and shard: fixed ones + slots */
	__u32 private_rows; /* 1: shards >= CPUs, hooks that cannot be interrupted add without atomics */
	__u32 jiffy_ns; /* how far apart two values of jiffies are */
	__u32 tracked; /* 1: domain task marks tasks whose slot changes */
	__u32 domain; /* number of this domain, for keys of the pool */
	__u32 pool_rows, pool_cells; /* of the pool, per bank and shard */
	__u32 tasks; /* places of sg_task_table; power of two */
	__u32 sample_ns; /* of CPU time that a sample of domain profile stands for */
	__u32 offcpu_us; /* waits shorter than this are none of domain offcpu */
	__u32 offcpu_stacks; /* that domain offcpu takes of a CPU in a tick */
	__u32 netns; /* the probe's own network namespace, by the number of its inode; 0: unknown */
	__u32 http; /* 1: a setting names ports of HTTP */
	__u32 threads; /* 1: where the time of threads goes is watched */
	__u32 event_rate; /* events of a kind that are sent in a tick */
	__u32 event_forks; /* of one slot in a tick; more is an event */
	__u32 event_slow; /* units of 2^20 ns: a wait as long as that is an event */
	__u32 worst; /* 1: the slowest event of each row is kept, */
	__u32 worst_stacks; /* and its stack, at most so many of a CPU in a tick */
	__u32 storage; /* 1: the domain's variant has storage of tasks and sockets */
	__u32 functions; /* a bit for each function of the domain's table that is hooked, from the first on */
};

/* Changes while running: section ".data.state", variable sg_state, shared by all domains. */
struct sg_bpf_state {
	__u32 bank; /* 0 or 1: where programs write; they read it in their shard's head */
	__u32 epoch; /* raised when slots or numbers of the pool were retired: cached ones are looked up again; never 0 */
	__u32 tick; /* raised with every tick */
	__u32 threads_bank; /* of <sgprobe/bpf/threads.h>, 0 or 1 */
	__u64 threads_base; /* when its time began, by the clock of the run queues */
	/* User space's own, here because it outlives the process that reads. */
	__u32 unsent; /* a bit per bank: it is being read, and the frame of that is not sent yet */
	__s64 last_ms; /* stamp of the last tick; 0: there was none */
	__u64 flipped_ns; /* monotonic time of its flip */
	__s32 entry_ps[3]; /* userspace/probe/entry.h, in picoseconds */
	__u32 entry_measured; /* 0: they are not set, 1: assumed, 2: measured */
};

/*
 * Changes while running. What began before the domain's programs were attached (again) is not believed.
 * Limited domains (limit.bpf.h) may leave events untimed: every event is counted; of
 * those past "full" in a tick only one in 2^shift is timed, and counts for all of them.
 */
#define SG_MAX_SHIFT 10
#define SG_NO_LIMIT (~0U)
struct sg_bpf_limit {
	__u32 full; /* events per tick and shard that are all timed; SG_NO_LIMIT: every one */
	__u32 shift; /* at most SG_MAX_SHIFT */
	__u64 longest_ns; /* a latency above it is dropped and counted */
};

/* What user space tells the programs of a shard, and what these keep for limit.bpf.h. */
struct sg_bpf_head {
	__u32 bank; /* 0 or 1: where programs write */
	__u32 tick; /* raised with every tick: what is limited per tick begins again */
	struct sg_bpf_limit limit;
	/* The programs' own. CPUs that share a shard may lose an update: that only moves the bound a little. */
	__u32 seen; /* tick in which left was set */
	__u32 left; /* events of this tick that are still all timed */
	__u32 skip; /* events until the next one that is timed */
	__u32 random;
	__u64 clock; /* of the run queue, at the last event: sched */
	/* As in sg_bpf_state. */
	__u64 threads_base;
	__u32 threads_bank;
	__u32 epoch;
};

/*
 * Map sg_slots: hash from key to slot number, shared by all domains. Numbers come
 * from the queue sg_free_slots, which user space fills.
 */
struct sg_slot_key {
	__u64 cgroup_id;
	char comm
		[SG_COMM_LEN]; /* of the thread group's leader; kernel threads: up to the first '/' */
};

/*
 * The pool: rows and cells that are handed out when something is first seen, shared
 * by all domains, so that memory goes with what happens and not with what could. A
 * row is a histogram; a cell is one number that is added to. Map sg_pool_keys says
 * whose a number is; numbers come from the queues sg_pool_free and sg_pool_free_cells,
 * which user space fills. What finds no free one is counted under the key of kind
 * SG_KEY_OTHER of its signal (of slot 0 when it is a slot's), which user space
 * makes before the programs run.
 *
 *   sg_pool_owners struct sg_pool_key, element number; of cells, pool_rows + number
 *   sg_pool_rows   struct sg_row, element ((bank * shards) + shard) * pool_rows + number
 *   sg_pool_sums   struct sg_sum of nanoseconds or units, likewise
 *   sg_pool_cells  __u64, element ((bank * shards) + shard) * pool_cells + number
 */
enum sg_key_kind {
	SG_KEY_LABELS, /* a and b are what the domain says */
	SG_KEY_SLOT, /* a is a slot */
	SG_KEY_OTHER, /* a and b are 0 */
};
struct sg_pool_key {
	__u8 domain;
	__u8 signal; /* rows: SG_SIGNALS and up of the domain; cells: numbered for themselves */
	__u8 kind;
	__u8 cell; /* 1: of cells */
	__u32 a;
	__u64 b;
};
#define SG_KEY_NAME_LEN 60
struct sg_pool_entry {
	__u32 number; /* never 0 */
	char name
		[SG_KEY_NAME_LEN]; /* what the kernel calls it, where a program says so; untrusted */
};

/*
 * The first counters of every domain, before its own: what was not recorded, by
 * reason. Their names are in userspace/probe/drain.c.
 */
enum sg_common_counter {
	SG_C_NEGATIVE, /* a clock that ran backwards between two CPUs */
	SG_C_TOO_LONG, /* over longest_ns */
	SG_C_NO_STATE, /* no state of the task (or socket): no memory, or not seen before */
	SG_C_SLOTS_FULL, /* not lost: counted in slot 0, once per lookup */
	SG_C_POOL_FULL, /* not lost: counted under "other" */
	SG_C_CGROUPS_FULL, /* not lost: thread time is counted for cgroup "other", once per lookup */
	SG_C_UNTIMED, /* not lost: counted, and another one's latency stands for it */
	SG_COMMON_COUNTERS,
};

#endif
