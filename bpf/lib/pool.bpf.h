/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting in the pool, for what has no number of its own: devices, interrupts,
 * ports, the slots of signals that are rare. See <sgprobe/bpf/sgprobe.h>.
 *
 *	struct sg_pool_key key = sg_key(BLOCK_DEVICE_TIME, op, dev);
 *	sg_pool_observe(&key, disk_name, part, ns, false);
 *
 * A number is looked up with every event (a hash lookup, some 40 ns): for hooks that
 * run a hundred thousand times a second use rows of the domain, or quick.bpf.h.
 */
#ifndef SG_POOL_BPF_H
#define SG_POOL_BPF_H

#include "sg.bpf.h"

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
	__type(value, __u64);
} sg_pool_sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sg_pool_cells SEC(".maps");

SG_FLATTEN struct sg_pool_key sg_key(__u8 signal, __u32 a, __u64 b)
{
	return (struct sg_pool_key){
		.domain = sg_cfg.domain, .signal = signal, .kind = SG_KEY_LABELS, .a = a, .b = b};
}

SG_FLATTEN struct sg_pool_key sg_key_of_slot(__u8 signal, __u32 slot)
{
	return (struct sg_pool_key){
		.domain = sg_cfg.domain, .signal = signal, .kind = SG_KEY_SLOT, .a = slot};
}

/*
 * Not inlined: once per key. It takes the two halves of the key, not a pointer to a
 * caller's stack, part of which newer kernels take for dead. name: a string in kernel
 * memory, or NULL. 0: none at all.
 */
static __noinline __u32 sg_pool_new(__u64 first, __u64 b, const void *name, __u32 part)
{
	union {
		__u64 first;
		struct sg_pool_key key;
	} u = {.first = first};
	struct sg_pool_key key = {.domain = u.key.domain,
				  .signal = u.key.signal,
				  .kind = u.key.kind,
				  .cell = u.key.cell,
				  .a = u.key.a,
				  .b = b};
	struct sg_pool_entry entry = {}, *found;
	long r = key.cell ? bpf_map_pop_elem(&sg_pool_free_cells, &entry.number)
			  : bpf_map_pop_elem(&sg_pool_free, &entry.number);

	if (r == 0) {
		__u32 number = entry.number;

		if (name)
			bpf_probe_read_kernel_str(entry.name, sizeof(entry.name), name);
		if (!bpf_map_update_elem(&sg_pool_keys, &key, &entry, BPF_NOEXIST))
			return number;
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

SG_FLATTEN __u32 sg_pool_number(const struct sg_pool_key *key, const void *name, __u32 part)
{
	struct sg_pool_entry *found = bpf_map_lookup_elem(&sg_pool_keys, key);

	return sg_likely(found) ? found->number
				: sg_pool_new(*(const __u64 *)key, key->b, name, part);
}

/* In the row of that number (sg_pool_number()). */
SG_FLATTEN void sg_pool_observe_row(__u32 number, __u32 part, __u32 bucket, __u64 n, __u32 weight,
				    bool exclusive)
{
	__u32 at = part * sg_cfg.pool_rows + number;
	struct sg_row *row = bpf_map_lookup_elem(&sg_pool_rows, &at);
	__u64 *sum = bpf_map_lookup_elem(&sg_pool_sums, &at);

	if (!row || !sum || bucket >= SG_BUCKETS)
		return;
	sg_add32(&row->buckets[bucket], weight, exclusive);
	sg_add(sum, (n ? n : 1) * weight, exclusive);
}

SG_FLATTEN void sg_pool_observe_at(const struct sg_pool_key *key, const void *name, __u32 part,
				   __u32 bucket, __u64 n, __u32 weight, bool exclusive)
{
	sg_pool_observe_row(sg_pool_number(key, name, part), part, bucket, n, weight, exclusive);
}

/* One event of so many nanoseconds. */
SG_FLATTEN void sg_pool_observe(const struct sg_pool_key *key, const void *name, __u32 part,
				__u64 ns, bool exclusive)
{
	sg_pool_observe_at(key, name, part, sg_bucket_ns(ns), ns, 1, exclusive);
}

/* One event of so many whole units: bytes, pages; its metric says .units = true. */
SG_FLATTEN void sg_pool_observe_units(const struct sg_pool_key *key, const void *name, __u32 part,
				      __u64 n, bool exclusive)
{
	sg_pool_observe_at(key, name, part, sg_bucket_units(n), n, 1, exclusive);
}

/* Adds n > 0 to count i of a row that is a tally (SG_FROM_TALLY). */
SG_FLATTEN void sg_pool_tally(const struct sg_pool_key *key, const void *name, __u32 part, __u32 i,
			      __u32 n, bool exclusive)
{
	sg_opaque(i);
	sg_pool_observe_at(key, name, part, i, 1, n, exclusive);
}

/* To the cell of that number. */
SG_FLATTEN void sg_pool_add_cell(__u32 number, __u32 part, __u64 n, bool exclusive)
{
	__u32 at = part * sg_cfg.pool_cells + number;
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
