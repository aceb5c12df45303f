/* SPDX-License-Identifier: GPL-2.0 */
/* Sends the stack of the current task: see <sgprobe/bpf/stack.h>. */
#ifndef SG_STACK_BPF_H
#define SG_STACK_BPF_H

#include <sgprobe/bpf/stack.h>

#include "sg.bpf.h"

#define SG_STACK_PF_KTHREAD 0x00200000 /* include/linux/sched.h */

struct sg_stack_event {
	struct sg_stack_head head;
	__u8 frames[SG_STACK_KERNEL_MAX * 8 + SG_STACK_USER_MAX * 32];
};

/* Where it is put together; a program of these runs with preemption off, and does not interrupt itself. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_stack_event);
} sg_stack_scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} sg_stack_ring SEC(".maps");

SG_FLATTEN void sg_stack_owner(struct sg_stack_head *h, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	const unsigned char *name;

	h->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	h->born_ns = BPF_CORE_READ(leader, start_time);
	h->tgid = BPF_CORE_READ(task, tgid);
	h->flags = BPF_CORE_READ(task, flags) & SG_STACK_PF_KTHREAD ? SG_STACK_KTHREAD : 0;
	h->number = 0;
	bpf_core_read(h->comm, sizeof(h->comm), &leader->comm);
	h->exe[0] = 0;
	name = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);
	if (name)
		bpf_probe_read_kernel_str(h->exe, sizeof(h->exe), name);
}

/* False: there was no room. */
SG_FLATTEN bool sg_stack_send(void *ctx, __u64 value_ns)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__u32 zero = 0;
	struct sg_stack_event *e = bpf_map_lookup_elem(&sg_stack_scratch, &zero);
	long kernel, user;

	if (!e)
		return false;
	e->head.value_ns = value_ns;
	sg_stack_owner(&e->head, task);
	kernel = bpf_get_stack(ctx, e->frames, SG_STACK_KERNEL_MAX * 8, 0);
	if (kernel < 0 || kernel > SG_STACK_KERNEL_MAX * 8)
		kernel = 0;
	user = bpf_get_stack(ctx, e->frames + kernel, SG_STACK_USER_MAX * 32,
			     BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
	if (user < 0 || user > SG_STACK_USER_MAX * 32)
		user = 0;
	e->head.kernel_bytes = kernel;
	e->head.user_bytes = user;
	return !bpf_ringbuf_output(&sg_stack_ring, e, sizeof(e->head) + kernel + user,
				   BPF_RB_NO_WAKEUP);
}

#endif
