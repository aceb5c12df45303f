/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pool for hooks that run a hundred thousand times a second. Each CPU remembers
 * which numbers its keys got last, so that a key is hashed once, in registers, and no
 * hash map is looked at:
 *
 *	__u32 number = sg_quick(&key);
 *
 *	if (!number)
 *		number = sg_quick_learn(&key, name, part); (the rare path: may be slow)
 *	sg_pool_observe_row(number, part, sg_bucket_units(bytes), bytes, 1, true, 0, NULL);
 *
 * What is remembered is one word: a number, and 40 bits of a hash of its key and of
 * the epoch, which user space raises when numbers were taken back. A word is written
 * whole, so a program that interrupts another leaves nothing half done. Where a key
 * has more to it than sg_pool_key can hold, it holds a hash of that (sg_hash64()).
 */
#ifndef SG_QUICK_BPF_H
#define SG_QUICK_BPF_H

#include "pool.bpf.h"

#define SG_QUICK_BITS 10 /* of the hash: its place in the table */
#define SG_QUICK_TAG_SHIFT 24 /* numbers of the pool are below 2^16 */

struct sg_quick_table {
	__u64 words[1 << SG_QUICK_BITS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_quick_table);
} sg_quick_tables SEC(".maps");

SG_FLATTEN __u64 sg_quick_hash(const struct sg_pool_key *key)
{
	__u64 head = key->domain | key->signal << 8 | key->kind << 16 | key->cell << 24;
	__u64 epoch = *(volatile __u32 *)&sg_state.epoch;

	return sg_hash64(head | (__u64)key->a << 32, key->b + epoch * 0x9e3779b97f4a7c15ULL);
}

SG_FLATTEN __u64 *sg_quick_word(__u64 hash)
{
	struct sg_quick_table *t = bpf_map_lookup_elem(&sg_quick_tables, &(__u32){0});
	__u64 i = hash >> (64 - SG_QUICK_BITS);

	if (!t)
		return NULL;
	sg_opaque(t); /* as in sg_counters_of() */
	sg_opaque(i);
	return i < 1 << SG_QUICK_BITS ? &t->words[i] : NULL;
}

/* The number of a key, or 0: this CPU does not remember it. */
SG_FLATTEN __u32 sg_quick(const struct sg_pool_key *key)
{
	__u64 hash = sg_quick_hash(key), *at = sg_quick_word(hash);
	__u64 word = at ? *(volatile __u64 *)at : 0;

	if ((word ^ hash << SG_QUICK_TAG_SHIFT) >> SG_QUICK_TAG_SHIFT)
		return 0;
	return word & ((1U << SG_QUICK_TAG_SHIFT) - 1);
}

/* Not inlined: once per key and CPU, and when two keys have the same place. As sg_pool_new(). */
static __noinline __u32 sg_quick_find(__u64 first, __u64 b, const void *name, __u32 part)
{
	struct sg_pool_key key = {.b = b};
	__u64 hash, *at;
	__u32 number;

	*(__u64 *)&key = first;
	/* The epoch before the lookup: a number that is taken back meanwhile is looked up again. */
	hash = sg_quick_hash(&key);
	number = sg_pool_number(&key, name, part);
	at = sg_quick_word(hash);
	if (at && number)
		*(volatile __u64 *)at = hash << SG_QUICK_TAG_SHIFT | number;
	return number;
}

SG_FLATTEN __u32 sg_quick_learn(const struct sg_pool_key *key, const void *name, __u32 part)
{
	return sg_quick_find(*(const __u64 *)key, key->b, name, part);
}

#endif
