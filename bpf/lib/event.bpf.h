/* SPDX-License-Identifier: GPL-2.0 */
/* Sends events: see <sgprobe/bpf/event.h>. Only for what is rare. */
#ifndef SG_EVENT_BPF_H
#define SG_EVENT_BPF_H

#include <sgprobe/bpf/event.h>

#include "sg.bpf.h"

/* Both are shared by all domains. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SG_EVENT_RING_BYTES);
} sg_event_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_event_counts);
} sg_event_counts SEC(".maps");

#define SG_SLOW_SHIFT 20 /* unit of sg_bpf_config.event_slow: about a millisecond */

/* Whether a wait is worth an event; a compare with a constant. */
SG_FLATTEN bool sg_event_is_slow(__u64 ns)
{
	return sg_unlikely(ns >> SG_SLOW_SHIFT >= sg_cfg(event_slow));
}

/* Counts one of the kind; NULL: it is one too many in this tick. CPUs that meet may let one more pass. */
SG_FLATTEN struct sg_event_count *sg_event_admit(__u32 kind)
{
	__u32 zero = 0, tick = *(volatile __u32 *)&sg_state.tick;
	struct sg_event_counts *counts = bpf_map_lookup_elem(&sg_event_counts, &zero);
	struct sg_event_count *c;

	sg_opaque(kind);
	if (!counts || kind >= SG_EVENT_KINDS)
		return NULL;
	c = &counts->of[kind];
	__sync_fetch_and_add(&c->seen, 1);
	if (c->tick != tick) {
		c->tick = tick;
		c->used = 0;
	}
	if (c->used >= sg_cfg(event_rate)) {
		__sync_fetch_and_add(&c->suppressed, 1);
		return NULL;
	}
	__sync_fetch_and_add(&c->used, 1);
	return c;
}

/* As a number, which the verifier takes for what it is only after it was read from memory. */
SG_FLATTEN __u64 sg_address(const void *p)
{
	const void *copy = p;
	__u64 address = 0;

	bpf_probe_read_kernel(&address, sizeof(address), &copy);
	return address;
}

/* address: of a task, or 0. */
SG_FLATTEN void sg_event_task(struct sg_event_task *to, __u64 address)
{
	struct task_struct *task = (void *)address, *leader;

	__builtin_memset(to, 0, sizeof(*to));
	if (!task)
		return;
	leader = BPF_CORE_READ(task, group_leader);
	to->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	to->pid = BPF_CORE_READ(task, tgid);
	to->tid = BPF_CORE_READ(task, pid);
	bpf_core_read(to->comm, sizeof(to->comm), &leader->comm);
}

SG_FLATTEN void sg_event_fill(struct sg_event_record *r, __u64 who, __u64 by, __u32 kind)
{
	r->at_ns = bpf_ktime_get_ns();
	r->kind = kind;
	r->pad = 0;
	sg_event_task(&r->who, who);
	sg_event_task(&r->by, by);
}

/*
 * who, by: addresses of tasks, or 0. Not static: the verifier looks at it once, and not
 * once for each way that leads here.
 */
__noinline int sg_event_send(__u64 who, __u64 by, __u32 kind, __u64 a, __u64 b)
{
	struct sg_event_count *c = sg_event_admit(kind);
	struct sg_event_record *r;

	if (!c)
		return 0;
	r = bpf_ringbuf_reserve(&sg_event_ring, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&c->dropped, 1);
		return 0;
	}
	sg_event_fill(r, who, by, kind);
	r->n[0] = a;
	r->n[1] = b;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
