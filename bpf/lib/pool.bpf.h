/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting in the pool, for what has no number of its own: devices, interrupts,
 * ports, the slots of signals that are rare. See <sgprobe/bpf/sgprobe.h>.
 *
 *	struct sg_pool_key key = sg_key(BLOCK_DEVICE_TIME, op, dev);
 *	sg_pool_observe(&key, disk_name, part, ns, false, &who);
 *
 * A number is looked up in the hash when it was not used for long; else it is found in
 * the table of recent ones, which costs two array lookups. Hooks that run with every
 * packet keep the numbers themselves: quick.bpf.h.
 */
#ifndef SG_POOL_BPF_H
#define SG_POOL_BPF_H

#include "sg.bpf.h"
#include "worst.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct sg_pool_key);
	__type(value, struct sg_pool_entry);
} sg_pool_keys SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} sg_pool_free SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} sg_pool_free_cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_row);
} sg_pool_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_sum);
} sg_pool_sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sg_pool_cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_pool_key);
} sg_pool_owners SEC(".maps");

/*
 * Numbers of the domain's own keys, by a hash of the key. Keys that meet here take turns.
 * What is found is a guess: it is right when the number's owner is the key.
 */
#define SG_POOL_RECENT 1024
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_POOL_RECENT);
	__type(key, __u32);
	__type(value, __u32);
} sg_pool_recent SEC(".maps");

SG_FLATTEN struct sg_pool_key sg_key(__u8 signal, __u32 a, __u64 b)
{
	return (struct sg_pool_key){
		.domain = sg_cfg(domain), .signal = signal, .kind = SG_KEY_LABELS, .a = a, .b = b};
}

SG_FLATTEN struct sg_pool_key sg_key_of_slot(__u8 signal, __u32 slot)
{
	return (struct sg_pool_key){
		.domain = sg_cfg(domain), .signal = signal, .kind = SG_KEY_SLOT, .a = slot};
}

/*
 * A name made a number, for b: what is called the same is the same thing. The words
 * hold it with nothing behind its end; names of up to eight letters stay apart for certain.
 */
SG_FLATTEN __u64 sg_key_of_words(const __u64 w[3])
{
	return w[0] ^ w[1] * 0x9e3779b97f4a7c15ULL ^ w[2] * 0xc2b2ae3d27d4eb4fULL;
}

/* name: in kernel memory. */
SG_FLATTEN __u64 sg_key_of_name(const void *name)
{
	__u64 w[3] = {};

	bpf_probe_read_kernel_str(w, sizeof(w), name);
	return sg_key_of_words(w);
}

/* The key under which is counted what finds no room. */
SG_FLATTEN struct sg_pool_key sg_key_other(const struct sg_pool_key *of)
{
	return (struct sg_pool_key){.domain = of->domain,
				    .signal = of->signal,
				    .kind = of->kind == SG_KEY_SLOT ? SG_KEY_SLOT : SG_KEY_OTHER,
				    .cell = of->cell};
}

/* The first word of a key, in which everything but b is. */
SG_FLATTEN __u64 sg_pool_word(const struct sg_pool_key *key)
{
	__u64 word;

	__builtin_memcpy(&word, key, sizeof(word));
	return word;
}

SG_FLATTEN struct sg_pool_key sg_pool_key_of(__u64 word, __u64 b)
{
	union {
		__u64 word;
		struct sg_pool_key key;
	} u = {.word = word};

	return (struct sg_pool_key){.domain = u.key.domain,
				    .signal = u.key.signal,
				    .kind = u.key.kind,
				    .cell = u.key.cell,
				    .a = u.key.a,
				    .b = b};
}

SG_FLATTEN struct sg_pool_key *sg_pool_owner(const struct sg_pool_key *key, __u32 number)
{
	__u32 at = number + (key->cell ? sg_cfg(pool_rows) : 0);

	return bpf_map_lookup_elem(&sg_pool_owners, &at);
}

/*
 * Only of who made the key: its words are written once, b first, so that a reader on
 * another CPU takes no half of it for a whole. User space clears them when it takes
 * the number back.
 */
SG_FLATTEN void sg_pool_own(const struct sg_pool_key *key, __u32 number)
{
	struct sg_pool_key *owner = sg_pool_owner(key, number);

	if (!owner)
		return;
	*(volatile __u64 *)&owner->b = key->b;
	*(volatile __u64 *)owner = sg_pool_word(key);
}

SG_FLATTEN __u32 *sg_pool_guess(const struct sg_pool_key *key)
{
	__u64 h = (sg_pool_word(key) ^ key->b * 0x9e3779b97f4a7c15ULL) * 0xc2b2ae3d27d4eb4fULL;
	__u32 at = h >> 54;

	_Static_assert(SG_POOL_RECENT == 1 << (64 - 54), "the hash fills the table");
	return bpf_map_lookup_elem(&sg_pool_recent, &at);
}

/*
 * Not inlined: once per key. It takes the two halves of the key, not a pointer to a
 * caller's stack, part of which newer kernels take for dead. name: a string in kernel
 * memory, or NULL. 0: none at all.
 */
static __noinline __u32 sg_pool_new(__u64 first, __u64 b, const void *name, __u32 part)
{
	struct sg_pool_key key = sg_pool_key_of(first, b);
	struct sg_pool_entry entry = {}, *found;
	long r = key.cell ? bpf_map_pop_elem(&sg_pool_free_cells, &entry.number)
			  : bpf_map_pop_elem(&sg_pool_free, &entry.number);

	if (r == 0) {
		__u32 number = entry.number;

		if (name)
			bpf_probe_read_kernel_str(entry.name, sizeof(entry.name), name);
		if (!bpf_map_update_elem(&sg_pool_keys, &key, &entry, BPF_NOEXIST)) {
			sg_pool_own(&key, number);
			return number;
		}
		/* Another CPU was quicker, or the table is full: the number goes back. */
		if (key.cell)
			bpf_map_push_elem(&sg_pool_free_cells, &number, BPF_ANY);
		else
			bpf_map_push_elem(&sg_pool_free, &number, BPF_ANY);
		found = bpf_map_lookup_elem(&sg_pool_keys, &key);
		if (found)
			return found->number;
	}
	sg_count(part, SG_C_POOL_FULL, 1, false);
	key.kind = key.kind == SG_KEY_SLOT ? SG_KEY_SLOT : SG_KEY_OTHER;
	key.a = 0;
	key.b = 0;
	found = bpf_map_lookup_elem(&sg_pool_keys, &key);
	return found ? found->number : 0;
}

static __noinline __u32 sg_pool_look_up(__u64 first, __u64 b, const void *name, __u32 part)
{
	struct sg_pool_key key = sg_pool_key_of(first, b);
	struct sg_pool_entry *found = bpf_map_lookup_elem(&sg_pool_keys, &key);

	return found ? found->number : sg_pool_new(first, b, name, part);
}

SG_FLATTEN __u32 sg_pool_number(const struct sg_pool_key *key, const void *name, __u32 part)
{
	__u32 *guess = sg_pool_guess(key), number;
	struct sg_pool_key *owner;

	if (sg_unlikely(!guess))
		return 0;
	number = *(volatile __u32 *)guess;
	owner = sg_pool_owner(key, number);
	if (sg_likely(number && owner && *(volatile __u64 *)owner == sg_pool_word(key) &&
		      *(volatile __u64 *)&owner->b == key->b))
		return number;
	number = sg_pool_look_up(sg_pool_word(key), key->b, name, part);
	*(volatile __u32 *)guess = number;
	return number;
}

/* In the row of that number (sg_pool_number()), which is of this signal. */
SG_FLATTEN void sg_pool_observe_row(__u32 number, __u32 part, __u32 bucket, __u64 n, __u32 weight,
				    bool exclusive, __u32 signal, const struct sg_who *who)
{
	__u32 at = part * sg_cfg(pool_rows) + number;
	struct sg_row *row = bpf_map_lookup_elem(&sg_pool_rows, &at);
	struct sg_sum *sum = bpf_map_lookup_elem(&sg_pool_sums, &at);

	sg_opaque(bucket);
	if (bucket >= SG_BUCKETS || !row || !sum)
		return;
	sg_add32(&row->buckets[bucket], weight, exclusive);
	sg_add(&sum->n, (n ? n : 1) * weight, exclusive);
	sg_worst(row, sum, n, signal, who);
}

SG_FLATTEN void sg_pool_observe_at(const struct sg_pool_key *key, const void *name, __u32 part,
				   __u32 bucket, __u64 n, __u32 weight, bool exclusive,
				   const struct sg_who *who)
{
	sg_pool_observe_row(sg_pool_number(key, name, part), part, bucket, n, weight, exclusive,
			    key->signal, who);
}

/*
 * Functions of their own, and not static: the verifier looks at each once, and not at its
 * ways times those of the next one, which took it a quarter of a million steps.
 */
__noinline __u32 sg_pool_bucket_ns(__u64 ns)
{
	return sg_bucket_ns(ns);
}

__noinline __u32 sg_pool_bucket_units(__u64 n)
{
	return sg_bucket_units(n);
}

/* One event of so many nanoseconds. */
SG_FLATTEN void sg_pool_observe(const struct sg_pool_key *key, const void *name, __u32 part,
				__u64 ns, bool exclusive, const struct sg_who *who)
{
	sg_pool_observe_at(key, name, part, sg_pool_bucket_ns(ns), ns, 1, exclusive, who);
}

/* One event of so many whole units: bytes, pages; its metric says .units = true. */
SG_FLATTEN void sg_pool_observe_units(const struct sg_pool_key *key, const void *name, __u32 part,
				      __u64 n, bool exclusive)
{
	sg_pool_observe_at(key, name, part, sg_pool_bucket_units(n), n, 1, exclusive, NULL);
}

/* Adds n > 0 to count i of a row that is a tally (SG_FROM_TALLY). */
SG_FLATTEN void sg_pool_tally(const struct sg_pool_key *key, const void *name, __u32 part, __u32 i,
			      __u32 n, bool exclusive)
{
	sg_opaque(i);
	sg_pool_observe_at(key, name, part, i, 1, n, exclusive, NULL);
}

/* To the cell of that number. */
SG_FLATTEN void sg_pool_add_cell(__u32 number, __u32 part, __u64 n, bool exclusive)
{
	__u32 at = part * sg_cfg(pool_cells) + number;
	__u64 *cell = bpf_map_lookup_elem(&sg_pool_cells, &at);

	if (cell)
		sg_add(cell, n, exclusive);
}

/* Adds to a cell. */
SG_FLATTEN void sg_pool_add(struct sg_pool_key *key, const void *name, __u32 part, __u64 n,
			    bool exclusive)
{
	key->cell = 1;
	sg_pool_add_cell(sg_pool_number(key, name, part), part, n, exclusive);
}

#endif
