/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps of a domain and how an event is counted in them; see
 * <sgprobe/bpf/sgprobe.h> for the layout. A domain's file defines, before it
 * includes this, SG_SIGNALS, SG_FIXED_BLOCKS and SG_COUNTERS (constants). With SG_NO_ROWS
 * it has counters only (and what it takes of the pool); SG_SIGNALS is not needed then.
 */
#ifndef SG_BPF_H
#define SG_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <sgprobe/bpf/bucket.h>
#include <sgprobe/bpf/sgprobe.h>
#include <sgprobe/bpf/threads.h>

#define sg_likely(x) __builtin_expect(!!(x), 1)
#define sg_unlikely(x) __builtin_expect(!!(x), 0)
#define SG_FLATTEN static __always_inline
/*
 * Argument i (a constant) of a trace point: where not all kernels have it, or have it
 * elsewhere. In assembly, or the compiler makes one load with an offset that it
 * chooses out of two, which the verifier refuses.
 */
#define sg_arg(ctx, i)                                                                             \
	({                                                                                         \
		__u64 sg_v;                                                                        \
		asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(sg_v) : "r"(ctx), "i"((i)*8));        \
		sg_v;                                                                              \
	})
/* Before an index is compared with its bound: compiler and verifier then mean the same register. */
#define sg_opaque(x) asm volatile("" : "+r"(x))

/* The bits below the first byte of w that is zero; all of them when there is none. */
SG_FLATTEN __u64 sg_below_zero_byte(__u64 w)
{
	__u64 zero = (w - 0x0101010101010101ULL) & ~w & 0x8080808080808080ULL;

	return zero ? ((zero & -zero) >> 7) - 1 : ~0ULL;
}

/* Of two words, all bits of which matter; odd constants of SplitMix64. */
SG_FLATTEN __u64 sg_hash64(__u64 a, __u64 b)
{
	__u64 h = (a ^ 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;

	h = (h ^ (h >> 29) ^ b) * 0x94d049bb133111ebULL;
	h = (h ^ (h >> 32)) * 0xbf58476d1ce4e5b9ULL;
	return h ^ (h >> 29);
}

char LICENSE[] SEC("license") = "GPL";

/* A field of struct sg_bpf_config, which the loader puts in place of the number. */
#define sg_cfg(field)                                                                              \
	({                                                                                         \
		__u64 sg_v;                                                                        \
		asm("%0 = %1"                                                                      \
		    : "=r"(sg_v)                                                                   \
		    : "i"(SG_CONFIG_PLACEHOLDER +                                                  \
			  __builtin_offsetof(struct sg_bpf_config, field) / 4));                   \
		(__u32) sg_v;                                                                      \
	})
struct sg_bpf_state sg_state SEC(".data.state") = {.epoch = 1};

struct sg_counter_block {
	__u64 c[SG_COUNTERS];
};
struct sg_shard {
	struct sg_bpf_head head;
	struct sg_counter_block c[SG_BANKS];
} __attribute__((aligned(64)));

/* max_entries of all maps are set by the loader. */
#ifndef SG_NO_ROWS
struct sg_block {
	struct sg_row rows[SG_SIGNALS];
};
struct sg_block_sums {
	struct sg_sum of[SG_SIGNALS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_block);
} sg_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_block_sums);
} sg_sums SEC(".maps");
#endif

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_shard);
} sg_shards SEC(".maps");

/* Where this event is counted: element number of block 0 of the open bank and this CPU's shard. */
SG_FLATTEN __u32 sg_part(void)
{
	__u32 shard = bpf_get_smp_processor_id() & (sg_cfg(shards) - 1);
	struct sg_shard *s = bpf_map_lookup_elem(&sg_shards, &shard);

	/* A jump, which is foretold, so that nothing waits for the bank to arrive from memory. */
	if (s && *(volatile __u32 *)&s->head.bank & 1) {
		shard += sg_cfg(shards);
		sg_opaque(shard);
	}
	return shard;
}

SG_FLATTEN struct sg_shard *sg_shard_of(__u32 part)
{
	__u32 shard = part & (sg_cfg(shards) - 1);

	return bpf_map_lookup_elem(&sg_shards, &shard);
}

/* exclusive: a constant, true where nothing can interrupt the program and count on this CPU too. */
SG_FLATTEN void sg_add(__u64 *p, __u64 n, bool exclusive)
{
	if (exclusive && sg_cfg(private_rows))
		*p += n;
	else
		__sync_fetch_and_add(p, n);
}

SG_FLATTEN void sg_add32(__u32 *p, __u32 n, bool exclusive)
{
	if (exclusive && sg_cfg(private_rows))
		*p += n;
	else
		__sync_fetch_and_add(p, n);
}

SG_FLATTEN struct sg_counter_block *sg_counters_of(__u32 part)
{
	struct sg_shard *s = sg_shard_of(part);

	if (!s)
		return NULL;
	sg_opaque(s); /* or the compiler adds to it before it is known not to be NULL */
	if (part < sg_cfg(shards))
		return &s->c[0];
	return &s->c[1];
}

/* Counts n in counter i; there is none from SG_COUNTERS on. */
SG_FLATTEN void sg_count(__u32 part, __u32 i, __u64 n, bool exclusive)
{
	struct sg_counter_block *b = sg_counters_of(part);

	if (!b)
		return;
	/* Just before it is used: older verifiers forget a bound on the way through the stack. */
	if (!__builtin_constant_p(i)) {
		sg_opaque(i);
		if (i >= SG_COUNTERS)
			return;
	}
	sg_add(&b->c[i], n, exclusive);
}

/* Not inlined: almost never. */
static __noinline int sg_drop(__u32 part, __s64 ns)
{
	sg_count(part, ns < 0 ? SG_C_NEGATIVE : SG_C_TOO_LONG, 1, false);
	return 0;
}

/* The longest latency that is believed. */
SG_FLATTEN __u64 sg_longest_ns(__u32 part)
{
	struct sg_shard *s = sg_shard_of(part);

	return s ? *(volatile __u64 *)&s->head.limit.longest_ns : 0;
}

SG_FLATTEN bool sg_sane(__u32 part, __u64 ns)
{
	if (sg_likely(ns <= sg_longest_ns(part)))
		return true;
	sg_drop(part, ns);
	return false;
}

#ifndef SG_NO_ROWS
#include "worst.bpf.h"

/* A block that is found once for several signals of one event. */
struct sg_where {
	struct sg_block *rows;
	struct sg_block_sums *sums;
	__u32 over; /* of signal 0, in sg_worst_over */
};

SG_FLATTEN bool sg_find_block(struct sg_where *w, __u32 part, __u32 block)
{
	__u32 i = part * sg_cfg(blocks) + block;

	w->rows = bpf_map_lookup_elem(&sg_rows, &i);
	w->sums = bpf_map_lookup_elem(&sg_sums, &i);
	w->over = SG_WORST_SIGNALS + block;
	return w->rows && w->sums;
}

SG_FLATTEN bool sg_find_slot(struct sg_where *w, __u32 part, __u32 slot)
{
	bool found = sg_find_block(w, part, SG_FIXED_BLOCKS + (slot & (sg_cfg(slots) - 1)));

	w->over = 0;
	return found;
}

/*
 * weight: how many events this one stands for; who: whose it is. The row first: a reader
 * that sees the sum's change then finds the row's. 0 ns would not change a sum.
 */
SG_FLATTEN void sg_observe_at(struct sg_where *w, __u32 signal, __u32 bucket, __u64 ns,
			      __u32 weight, bool exclusive, const struct sg_who *who)
{
	sg_add32(&w->rows->rows[signal].buckets[bucket], weight, exclusive);
	sg_add(&w->sums->of[signal].n, (ns ? ns : 1) * weight, exclusive);
	sg_worst(&w->rows->rows[signal], &w->sums->of[signal], ns, w->over + signal, who);
}

SG_FLATTEN void sg_observe(struct sg_where *w, __u32 signal, __u64 ns, bool exclusive,
			   const struct sg_who *who)
{
	sg_observe_at(w, signal, sg_bucket_ns(ns), ns, 1, exclusive, who);
}

/* Adds n > 0 to count i of a row that is a tally (SG_FROM_TALLY). */
SG_FLATTEN void sg_tally(struct sg_where *w, __u32 signal, __u32 i, __u32 n, bool exclusive)
{
	sg_opaque(i);
	if (i >= SG_BUCKETS)
		return;
	sg_add32(&w->rows->rows[signal].buckets[i], n, exclusive);
	sg_add(&w->sums->of[signal].n, n, exclusive);
}
#endif

#endif
