// SPDX-License-Identifier: GPL-2.0
/*
 * Probes that a user names; see <sgprobe/bpf/named.h>. The object is loaded when the
 * first one is added and is gone with the last.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <sgprobe/bpf/named.h>

#define FLATTEN static __always_inline
#define CALLS_MAX 16384 /* under way at a time */
#define opaque(x) asm volatile("" : "+r"(x))

char LICENSE[] SEC("license") = "GPL";

struct value_key {
	__u64 id;
	__u64 words[SG_NAMED_WORDS];
};

/* Calls of a function that a thread, or a goroutine, is in. */
struct call_key {
	__u64 who;
	__u32 group; /* of a goroutine: its process */
	__u32 probe;
};

struct call {
	__u64 at, sp;
	__u32 row, pad;
};

struct calls {
	__u64 id;
	__u32 depth, over; /* over: inside the deepest one that is timed */
	struct call of[SG_NAMED_DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_NAMED_MAX);
	__type(key, __u32);
	__type(value, struct sg_named_config);
} sg_named_configs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SG_NAMED_CELLS(SG_NAMED_MAX));
	__type(key, __u32);
	__type(value, struct sg_named_cell);
} sg_named_cells SEC(".maps");

/* From a value to its row. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SG_NAMED_MAX *SG_NAMED_VALUES);
	__type(key, struct value_key);
	__type(value, __u32);
} sg_named_values SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CALLS_MAX);
	__type(key, struct call_key);
	__type(value, struct calls);
} sg_named_calls SEC(".maps");

FLATTEN struct sg_named_config *config_of(__u64 id)
{
	__u32 i = id & (SG_NAMED_MAX - 1);
	struct sg_named_config *c = bpf_map_lookup_elem(&sg_named_configs, &i);

	return c && c->id == id ? c : NULL;
}

FLATTEN struct sg_named_row *row_of(__u64 id, __u32 row)
{
	__u32 at = sg_named_row_at(id & (SG_NAMED_MAX - 1), row);
	struct sg_named_cell *cell = bpf_map_lookup_elem(&sg_named_cells, &at);

	return cell ? &cell->row : NULL;
}

static __noinline int lose(__u64 id, __u32 why)
{
	__u32 at = id & (SG_NAMED_MAX - 1);
	struct sg_named_cell *cell = bpf_map_lookup_elem(&sg_named_cells, &at);

	opaque(why);
	if (cell && why < SG_NAMED_LOSSES)
		__sync_fetch_and_add(&cell->head.lost[why], 1);
	return 0;
}

FLATTEN __u64 word_at(void *ctx, __u32 off)
{
	__u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), ctx + off);
	return v;
}

/* ---- the value of an argument --------------------------------------------------------- */

FLATTEN __u64 memory(const struct sg_named_config *c, __u64 address)
{
	__u64 v = 0;

	if (c->user)
		bpf_probe_read_user(&v, sizeof(v), (void *)address);
	else
		bpf_probe_read_kernel(&v, sizeof(v), (void *)address);
	return v;
}

FLATTEN __u64 argument(void *ctx, const struct sg_named_config *c)
{
	__u64 off = c->off;

	switch (c->place) {
	case SG_NAMED_REGISTER: return word_at(ctx, c->reg & 0x1ff);
	case SG_NAMED_MEMORY: return memory(c, word_at(ctx, c->reg & 0x1ff) + off);
	case SG_NAMED_CONSTANT: return off;
	default: return word_at(ctx, off & 0xffff);
	}
}

FLATTEN __u64 as_number(const struct sg_named_config *c, __u64 v)
{
	__u32 shift = (64 - 8 * c->size) & 63;

	v <<= shift;
	return c->is_signed ? (__u64)((__s64)v >> shift) : v >> shift;
}

/* Not inlined: once per value. 0: there is no row left. */
static __noinline __u32 new_value(struct value_key *key)
{
	struct sg_named_config *c = key ? config_of(key->id) : NULL;
	struct sg_named_row *row;
	__u32 n, *found;

	if (!c || c->values >= SG_NAMED_VALUES)
		return 0;
	n = __sync_fetch_and_add(&c->values, 1) + 1;
	if (n > SG_NAMED_VALUES)
		return 0;
	if (bpf_map_update_elem(&sg_named_values, key, &n, BPF_NOEXIST)) {
		/* Another CPU was quicker; this row stays empty. */
		found = bpf_map_lookup_elem(&sg_named_values, key);
		return found ? *found : 0;
	}
	row = row_of(key->id, n);
	if (!row)
		return 0;
	for (int i = 0; i < SG_NAMED_WORDS; i++)
		row->value[i] = key->words[i];
	*(volatile __u32 *)&row->used = 1;
	return n;
}

FLATTEN long read_text(void *ctx, const struct sg_named_config *c, struct value_key *key)
{
	__u64 v = argument(ctx, c);

	if (c->place == SG_NAMED_RECORD)
		return bpf_probe_read_kernel_str(key->words, sizeof(key->words),
						 ctx + (c->off & 0xffff));
	if (c->place == SG_NAMED_LOCATED)
		return bpf_probe_read_kernel_str(key->words, sizeof(key->words),
						 ctx + (v & 0xffff));
	if (c->user)
		return bpf_probe_read_user_str(key->words, sizeof(key->words), (void *)v);
	return bpf_probe_read_kernel_str(key->words, sizeof(key->words), (void *)v);
}

static __noinline __u32 row_number(void *ctx, struct sg_named_config *c)
{
	struct value_key key = {};
	__u32 *found;

	if (!c || c->value == SG_NAMED_NONE)
		return 0;
	key.id = c->id;
	if (c->value == SG_NAMED_NUMBER)
		key.words[0] = as_number(c, argument(ctx, c));
	else if (read_text(ctx, c, &key) < 0)
		return 0;
	found = bpf_map_lookup_elem(&sg_named_values, &key);
	return found ? *found : new_value(&key);
}

/* ---- from an entry to its return ------------------------------------------------------- */

/* Idle tasks all have the number 0. */
FLATTEN struct call_key caller(void *ctx, const struct sg_named_config *c)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tid = pid_tgid;
	struct call_key key = {.who = tid ? tid : 1U << 31 | bpf_get_smp_processor_id(),
			       .probe = c->id & (SG_NAMED_MAX - 1)};

	if (c->goroutine) {
		key.who = word_at(ctx, c->who & 0x1ff);
		key.group = pid_tgid >> 32;
	}
	return key;
}

FLATTEN struct calls *calls_of(struct call_key *key, __u64 id)
{
	struct calls *s = bpf_map_lookup_elem(&sg_named_calls, key), fresh = {};

	if (!s) {
		fresh.id = id;
		bpf_map_update_elem(&sg_named_calls, key, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&sg_named_calls, key);
	}
	if (s && s->id != id) { /* of a probe that had this index before */
		s->id = id;
		s->depth = s->over = 0;
	}
	return s;
}

/* Calls whose part of the stack is free again were left by longjmp() or an exception. */
FLATTEN void drop_left(struct calls *s, __u64 lowest)
{
	for (int i = 0; i < SG_NAMED_DEPTH; i++) {
		__u32 d = s->depth - 1;

		if (!s->depth || s->of[d & (SG_NAMED_DEPTH - 1)].sp >= lowest)
			return;
		s->depth = d;
		s->over = 0;
		lose(s->id, SG_NAMED_LEFT);
	}
}

static __noinline int begin(void *ctx, struct sg_named_config *c, __u32 row)
{
	struct call_key key;
	struct calls *s;
	struct call *call;
	__u64 sp = 0;

	if (!c)
		return 0;
	key = caller(ctx, c);
	s = calls_of(&key, c->id);
	if (!s)
		return lose(c->id, SG_NAMED_FULL);
	if (c->stack) {
		sp = word_at(ctx, c->sp & 0x1ff);
		drop_left(s, sp + 1);
	}
	if (s->depth >= SG_NAMED_DEPTH) {
		s->over++;
		return lose(c->id, SG_NAMED_DEEP);
	}
	call = &s->of[s->depth & (SG_NAMED_DEPTH - 1)];
	call->sp = sp;
	call->row = row;
	s->depth++;
	call->at = bpf_ktime_get_ns();
	return 0;
}

/* Whether this return belongs to a call that is too deep to be timed. */
FLATTEN bool is_over(struct calls *s, const struct sg_named_config *c, __u64 sp)
{
	if (!s->over)
		return false;
	if (c->stack && s->of[SG_NAMED_DEPTH - 1].sp <= sp) {
		s->over = 0; /* they were left */
		return false;
	}
	s->over--;
	return true;
}

FLATTEN void observe(__u64 id, __u32 n, __u64 ns)
{
	struct sg_named_row *row = row_of(id, n);
	__u32 bucket = sg_bucket_ns(ns);

	opaque(bucket);
	if (!row || bucket >= SG_BUCKETS)
		return;
	__sync_fetch_and_add(&row->buckets[bucket], 1);
	__sync_fetch_and_add(&row->sum_ns, ns);
}

static __noinline int end(void *ctx, struct sg_named_config *c, __u64 now)
{
	struct call_key key;
	struct calls *s;
	struct call call;
	__u64 sp = 0;

	if (!c)
		return 0;
	key = caller(ctx, c);
	s = bpf_map_lookup_elem(&sg_named_calls, &key);
	if (!s || s->id != c->id)
		return 0; /* it began before the probe was there */
	if (c->stack)
		sp = word_at(ctx, c->sp & 0x1ff) - c->popped;
	if (is_over(s, c, sp))
		return 0;
	if (c->stack)
		drop_left(s, sp);
	if (!s->depth)
		goto none;
	call = s->of[(s->depth - 1) & (SG_NAMED_DEPTH - 1)];
	if (c->stack && call.sp != sp)
		return 0;
	s->depth--;
	if (now > call.at)
		observe(c->id, call.row, now - call.at);
none:
	if (!s->depth)
		bpf_map_delete_elem(&sg_named_calls, &key);
	return 0;
}

/* ---- the hooks --------------------------------------------------------------------------- */

FLATTEN int enter(void *ctx)
{
	struct sg_named_config *c = config_of(bpf_get_attach_cookie(ctx));
	struct sg_named_row *row;
	__u32 n;

	if (!c)
		return 0;
	n = row_number(ctx, c);
	row = row_of(c->id, n);
	if (row)
		__sync_fetch_and_add(&row->calls, 1);
	return c->timed ? begin(ctx, c, n) : 0;
}

SEC("kprobe")
int named_entry(void *ctx)
{
	return enter(ctx);
}

SEC("kprobe")
int named_return(void *ctx)
{
	__u64 now = bpf_ktime_get_ns();

	return end(ctx, config_of(bpf_get_attach_cookie(ctx)), now);
}

SEC("tracepoint")
int named_event(void *ctx)
{
	return enter(ctx);
}

struct bpf_map;
static long forget_goroutine(struct bpf_map *map, struct call_key *key, struct calls *s,
			     __u32 *group)
{
	if (key->group == *group)
		bpf_map_delete_elem(map, key);
	return 0;
}

/* Whatever the thread was in, it will not return from it. */
SEC("raw_tp/sched_process_exit")
int named_exit(void *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 group = pid_tgid >> 32;
	struct call_key key = {.who = (__u32)pid_tgid};
	bool goroutines = false;

	for (__u32 i = 0; i < SG_NAMED_MAX; i++) {
		__u32 at = i;
		struct sg_named_config *c = bpf_map_lookup_elem(&sg_named_configs, &at);

		if (!c || !c->id || !c->timed)
			continue;
		goroutines |= c->goroutine;
		key.probe = i;
		bpf_map_delete_elem(&sg_named_calls, &key);
	}
	if (goroutines && group == (__u32)pid_tgid)
		bpf_for_each_map_elem(&sg_named_calls, forget_goroutine, &group, 0);
	return 0;
}
