/* SPDX-License-Identifier: GPL-2.0 */
/* Finds who forks more than event.forks a tick: one event per slot and tick. */
#ifndef SG_FORKS_BPF_H
#define SG_FORKS_BPF_H

#include "event.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_event_forks);
} sg_event_forks SEC(".maps");

/*
 * Where two CPUs meet at the bound, both may tell it; user space takes the second for the
 * same storm.
 */
SG_FLATTEN void sg_event_fork(struct task_struct *parent, __u32 slot)
{
	struct sg_event_forks *f = bpf_map_lookup_elem(&sg_event_forks, &slot);
	__u32 tick = *(volatile __u32 *)&sg_state.tick, before;

	if (!f)
		return;
	if (f->tick != tick) {
		f->last_tick = f->tick;
		f->last_n = f->n;
		f->n = 0;
		f->tick = tick;
	}
	before = *(volatile __u32 *)&f->n;
	__sync_fetch_and_add(&f->n, 1);
	if (before <= sg_cfg(event_forks) && *(volatile __u32 *)&f->n > sg_cfg(event_forks))
		sg_event_send(sg_address(parent), 0, SG_EVENT_STORM, tick, slot);
}

#endif
