// SPDX-License-Identifier: GPL-2.0
/*
 * What changes a task's slot: a new name, another cgroup; and the end of a task. Both are rare, so that
 * telling the task's state here is cheaper than asking for them with every event;
 * see sg_slot() in slot.bpf.h.
 */
#include <sgprobe/bpf/task.h>

#define SG_NO_ROWS
#define SG_COUNTERS TASK_COUNTERS
#define SG_FIXED_BLOCKS 0

#include "slot.bpf.h"

SG_FLATTEN void forget(struct sg_task *t)
{
	t->epoch = SG_EPOCH_NONE;
	t->awake = 0;
}

/* Called just before the name changes; nothing looks the slot up until it has. */
SG_FLATTEN int on_rename(struct task_struct *task, bool btf)
{
	__u32 part = sg_part();
	struct sg_task *t = sg_task_of(task, part, false, btf);

	sg_count(part, TASK_RENAMES, 1, false);
	if (t)
		forget(t);
	return 0;
}

SG_FLATTEN int on_attach(struct task_struct *task, bool threadgroup, bool btf)
{
	__u32 part = sg_part();
	struct sg_task *t = sg_task_of(task, part, false, btf);

	sg_count(part, TASK_MOVES, 1, false);
	if (t)
		forget(t);
	if (threadgroup && BPF_CORE_READ(task, signal, nr_threads) > 1)
		__sync_fetch_and_add(&sg_state.epoch, 1);
	return 0;
}

SG_FLATTEN int on_free(struct task_struct *task, bool btf)
{
	sg_count(sg_part(), TASK_FREES, 1, false);
	sg_task_gone(task, btf);
	return 0;
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(sched_process_free_btf, struct task_struct *task)
{
	return on_free(task, true);
}

SEC("raw_tp/sched_process_free")
int BPF_PROG(sched_process_free_raw, struct task_struct *task)
{
	return on_free(task, false);
}

SEC("tp_btf/task_rename")
int BPF_PROG(task_rename_btf, struct task_struct *task)
{
	return on_rename(task, true);
}

SEC("raw_tp/task_rename")
int BPF_PROG(task_rename_raw, struct task_struct *task)
{
	return on_rename(task, false);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach_task_btf, struct cgroup *to, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	return on_attach(task, threadgroup, true);
}

SEC("raw_tp/cgroup_attach_task")
int BPF_PROG(cgroup_attach_task_raw, struct cgroup *to, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	return on_attach(task, threadgroup, false);
}
