/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/task.bpf.c and userspace/probe/task.c share. */
#ifndef SGPROBE_BPF_TASK_H
#define SGPROBE_BPF_TASK_H

#include <sgprobe/bpf/sgprobe.h>

enum sg_task_counter {
	TASK_RENAMES = SG_COMMON_COUNTERS,
	TASK_MOVES,
	TASK_FREES,
	TASK_COUNTERS,
};

#endif
