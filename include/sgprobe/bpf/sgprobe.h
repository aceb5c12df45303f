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
 * mmap without a system call:
 *
 *   sg_rows      one element per row: __u32 buckets[SG_BUCKETS]
 *   sg_sums      one __u64 per row: nanoseconds; changes when the row does
 *   sg_counters  one __u64 per counter
 *
 * The element of row r is ((bank * shards) + shard) * n_rows + r; likewise for
 * counters. shard = CPU number & (shards - 1). A bank is half of the memory:
 * programs write to the bank that sg_cfg_state.bank names, and a tick flips it
 * before it reads the other, so that everything read in a tick was written in
 * the same interval. Nothing is ever reset: readers subtract what they saw before,
 * modulo 2^32 for buckets and 2^64 for sums.
 *
 * Rows of a domain: first its fixed rows (for example one per syscall number),
 * then signal after signal its slots: row = fixed_rows + signal * slots + slot.
 */
#ifndef SGPROBE_BPF_SGPROBE_H
#define SGPROBE_BPF_SGPROBE_H

#include <linux/types.h>

#define SG_COMM_LEN 16
#define SG_SLOT_OTHER 0
#define SG_BANKS 2

struct sg_row {
	__u32 buckets[320]; /* SG_BUCKETS of bucket.h */
};

/* Known at load: section ".rodata.cfg", variable sg_cfg. */
struct sg_bpf_config {
	__u32 slots;       /* power of two */
	__u32 shards;      /* power of two */
	__u32 n_rows;      /* of this domain, per bank and shard */
	__u32 n_counters;  /* of this domain, per bank and shard */
	__u32 private_rows; /* 1: shards >= CPUs, and hooks that cannot be interrupted may add without atomics */
	__u32 self_tgid;   /* this probe process: events of its own are counted like all others; for tests */
};

/* Changes while running: map sg_state, one element, mmapable, shared by all domains. */
struct sg_bpf_state {
	__u32 bank;       /* 0 or 1: where programs write */
	__u32 epoch;      /* raised when slots were retired: cached slots are looked up again */
	__u32 free_head;  /* next entry of sg_free_slots to hand out (programs, atomically) */
	__u32 free_tail;  /* entries [head, tail) hold free slots (user space) */
};

/* Map sg_slots: hash from key to slot number, shared by all domains. */
struct sg_slot_key {
	__u64 cgroup_id;
	char comm[SG_COMM_LEN]; /* of the thread group's leader; kernel threads: up to the first '/' */
};

#endif
