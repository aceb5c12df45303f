// SPDX-License-Identifier: GPL-2.0
// What changes the slot of a task: see bpf/task.bpf.c. First of all domains, for the others rely on it.
#include <sgprobe/bpf/task.h>

#include "domain.h"

SG_DECLARE_OBJECT(task);

static const struct sg_metric_row metrics[] = {
	{"renames_total", SG_COUNTER, SG_FROM_COUNTER, TASK_RENAMES, .title = "Tasks renamed",
	 .help = "Changes of a task's name, each program start included."},
	{"cgroup_moves_total", SG_COUNTER, SG_FROM_COUNTER, TASK_MOVES,
	 .title = "Moves between cgroups",
	 .help = "Tasks and processes that were moved to another cgroup."},
};

static const struct sg_program programs[] = {
	{"task_rename", TASK_RENAMES},
	{"cgroup_attach_task", TASK_MOVES},
	{"sched_process_free", TASK_FREES},
};

const struct sg_domain sg_domain_task = {
	.name = "task",
	.title = "Tasks and their cgroups",
	SG_OBJECT(task),
	.counters = TASK_COUNTERS,
	.programs = programs,
	.n_programs = ARRAY_SIZE(programs),
	.metrics = metrics,
	.n_metrics = ARRAY_SIZE(metrics),
	.tracks_tasks = true,
	.enabled = SG_ALWAYS,
};
